/* RTP's fixed header (RFC 3550 section 5.1), read and written. No I/O, no allocation. */
#ifndef MT_MEDIA_RTP_H
#define MT_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define MT_RTP_HEADER_LEN 12

typedef struct mt_rtp {
    uint8_t payload_type; /* 0 … 127 */
    bool marker;          /* first packet after a silence (RFC 3551 section 4.1) */
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    mt_slice payload; /* read only: without header extension, CSRC list and padding; borrowed */
} mt_rtp;

/* MT_EBAD: not version 2, or the lengths inside do not fit the packet. */
mt_err mt_rtp_parse(mt_slice packet, mt_rtp *out) MT_MUST_CHECK;

/* Writes MT_RTP_HEADER_LEN bytes, without CSRC list and extension. */
void mt_rtp_write_header(const mt_rtp *h, uint8_t out[MT_RTP_HEADER_LEN]);

#endif
