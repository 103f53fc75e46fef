/* Session descriptions of a talk with a SIP phone by plain RTP: written, and the phone's let through a strict gate. RFC
 * 8866, 3264, 3551; docs/protocol/phones.md. Pure: no I/O; any thread. */
#ifndef MT_LINK_PLAIN_SDP_H
#define MT_LINK_PLAIN_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

typedef enum mt_plain_codec { MT_PLAIN_PCMU, MT_PLAIN_PCMA, MT_PLAIN_OPUS } mt_plain_codec;
const char *mt_plain_codec_str(mt_plain_codec codec); /* "pcmu", "pcma", "opus" */

typedef struct mt_plain_sdp {
    mt_addr addr; /* where its writer wants sound */
    mt_plain_codec codec;
    uint8_t payload_type;
} mt_plain_sdp;

/* One audio line, RTP/AVP, one numeric unicast address with a port above 1023, one codec that we have: the first of
 * theirs. Loopback addresses only where `loopback`. MT_EBAD: refused; *why (may be NULL) is a static English phrase. */
mt_err mt_plain_sdp_parse(mt_slice text, bool loopback, mt_plain_sdp *out, const char **why) MT_MUST_CHECK;
/* Appends an offer of all codecs (answer NULL) or the answer with the one of `answer`. local: where we take sound. */
void mt_plain_sdp_write(const mt_addr *local, const mt_plain_sdp *answer, uint64_t session_id, mt_buf *out);

#endif
