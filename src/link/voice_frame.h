/* Messages of the channel `myturn-voice`: one frame of voice, or reports about it, made from an RTP or RTCP packet
 * (RFC 3550) and turned back into one. docs/protocol/channel.md. Pure; any thread. */
#ifndef MT_LINK_VOICE_FRAME_H
#define MT_LINK_VOICE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MT_VOICE_HEADER_BYTES 12
#define MT_VOICE_FRAME_MAX_BYTES 1200 /* a packet as well as a frame */

/* MT_EINVAL: too long; an RTP packet with more than the fixed header; neither MT_SDP_OPUS_PT nor MT_SDP_L16_PT with
 * whole samples; no RTCP. */
mt_err mt_voice_frame_write(bool rtcp, const uint8_t *packet, size_t len_bytes, uint8_t out[MT_VOICE_FRAME_MAX_BYTES],
                            size_t *out_len) MT_MUST_CHECK;
/* The reverse. MT_EBAD: malformed. */
mt_err mt_voice_frame_read(const uint8_t *frame, size_t len_bytes, bool *rtcp, uint8_t out[MT_VOICE_FRAME_MAX_BYTES],
                           size_t *out_len) MT_MUST_CHECK;

#endif
