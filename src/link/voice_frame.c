#include "link/voice_frame.h"

#include <string.h>

#include "link/sdp.h"

/* Of voice: kind, flags; then sequence number, timestamp and source where RTP has them, too. Of reports: kind, and the
 * compound RTCP packet as it is. */
enum { KIND_OPUS = 1, KIND_S16LE = 2, KIND_RTCP = 3 };
enum { FLAG_MARKER = 0x01 };
enum { RTP_VERSION = 0x80, RTP_VERSION_MASK = 0xc0, RTP_MARKER = 0x80, RTP_TYPE = 0x7f };
enum { RTCP_FIRST = 192, RTCP_LAST = 223, RTCP_MIN_BYTES = 8 };

/* RTP's L16 is big-endian (RFC 3551 section 4.5.11), the specification's PCM is not. */
static void swap_samples(const uint8_t *in, size_t len_bytes, uint8_t *out) {
    for (size_t i = 0; i + 1 < len_bytes; i += 2) {
        out[i] = in[i + 1];
        out[i + 1] = in[i];
    }
}

/* All behind the first two bytes. */
static void copy_rest(bool samples, const uint8_t *in, size_t len_bytes, uint8_t *out) {
    const size_t h = MT_VOICE_HEADER_BYTES;
    memcpy(out + 2, in + 2, h - 2);
    if (samples)
        swap_samples(in + h, len_bytes - h, out + h);
    else
        memcpy(out + h, in + h, len_bytes - h);
}

static bool is_rtcp(const uint8_t *p, size_t len_bytes) {
    return len_bytes >= RTCP_MIN_BYTES && len_bytes < MT_VOICE_FRAME_MAX_BYTES &&
           (p[0] & RTP_VERSION_MASK) == RTP_VERSION && p[1] >= RTCP_FIRST && p[1] <= RTCP_LAST;
}

static bool is_frame_sized(size_t len_bytes) {
    return len_bytes > MT_VOICE_HEADER_BYTES && len_bytes <= MT_VOICE_FRAME_MAX_BYTES;
}

static mt_err write_reports(const uint8_t *packet, size_t len_bytes, uint8_t *out, size_t *out_len) {
    if (!is_rtcp(packet, len_bytes))
        return MT_EINVAL;
    out[0] = KIND_RTCP;
    memcpy(out + 1, packet, len_bytes);
    *out_len = len_bytes + 1;
    return MT_OK;
}

mt_err mt_voice_frame_write(bool rtcp, const uint8_t *packet, size_t len_bytes, uint8_t out[MT_VOICE_FRAME_MAX_BYTES],
                            size_t *out_len) {
    if (rtcp)
        return write_reports(packet, len_bytes, out, out_len);
    if (!is_frame_sized(len_bytes) || packet[0] != RTP_VERSION)
        return MT_EINVAL;
    const uint8_t type = packet[1] & RTP_TYPE;
    bool samples = type == MT_SDP_L16_PT && len_bytes % 2 == 0;
    if (type != MT_SDP_OPUS_PT && !samples)
        return MT_EINVAL;
    out[0] = samples ? KIND_S16LE : KIND_OPUS;
    out[1] = packet[1] & RTP_MARKER ? FLAG_MARKER : 0;
    copy_rest(samples, packet, len_bytes, out);
    *out_len = len_bytes;
    return MT_OK;
}

mt_err mt_voice_frame_read(const uint8_t *frame, size_t len_bytes, bool *rtcp, uint8_t out[MT_VOICE_FRAME_MAX_BYTES],
                           size_t *out_len) {
    if (len_bytes == 0)
        return MT_EBAD;
    if (frame[0] == KIND_RTCP) {
        if (!is_rtcp(frame + 1, len_bytes - 1))
            return MT_EBAD;
        memcpy(out, frame + 1, len_bytes - 1);
        *out_len = len_bytes - 1;
        *rtcp = true;
        return MT_OK;
    }
    bool samples = frame[0] == KIND_S16LE;
    if (!is_frame_sized(len_bytes) || (frame[0] != KIND_OPUS && !samples) || (frame[1] & ~FLAG_MARKER) != 0 ||
        (samples && len_bytes % 2 != 0))
        return MT_EBAD;
    out[0] = RTP_VERSION;
    out[1] = (uint8_t)((samples ? MT_SDP_L16_PT : MT_SDP_OPUS_PT) | (frame[1] & FLAG_MARKER ? RTP_MARKER : 0));
    copy_rest(samples, frame, len_bytes, out);
    *out_len = len_bytes;
    *rtcp = false;
    return MT_OK;
}
