#include "media/rtp.h"

#include "media/bytes.h"

/* Length of everything before the payload; 0 if it does not fit. */
static size_t header_len(const uint8_t *p, size_t len) {
    size_t at = MT_RTP_HEADER_LEN + (size_t)(p[0] & 0x0f) * 4;
    if ((p[0] & 0x10) != 0) {
        if (at + 4 > len)
            return 0;
        at += 4 + (size_t)mt_get16(p + at + 2) * 4;
    }
    return at <= len ? at : 0;
}

mt_err mt_rtp_parse(mt_slice packet, mt_rtp *out) {
    const uint8_t *p = (const uint8_t *)packet.p;
    size_t len = packet.len;
    if (len < MT_RTP_HEADER_LEN || p[0] >> 6 != 2)
        return MT_EBAD;
    size_t at = header_len(p, len);
    if (at == 0)
        return MT_EBAD;
    if ((p[0] & 0x20) != 0) {
        size_t padding = p[len - 1];
        if (padding == 0 || padding > len - at)
            return MT_EBAD;
        len -= padding;
    }
    *out = (mt_rtp){.payload_type = p[1] & 0x7f,
                    .marker = p[1] >> 7 != 0,
                    .seq = mt_get16(p + 2),
                    .timestamp = mt_get32(p + 4),
                    .ssrc = mt_get32(p + 8),
                    .payload = mt_slice_n(p + at, len - at)};
    return MT_OK;
}

void mt_rtp_write_header(const mt_rtp *h, uint8_t out[MT_RTP_HEADER_LEN]) {
    out[0] = 2 << 6;
    out[1] = (uint8_t)((h->marker ? 0x80 : 0) | (h->payload_type & 0x7f));
    mt_put16(out + 2, h->seq);
    mt_put32(out + 4, h->timestamp);
    mt_put32(out + 8, h->ssrc);
}
