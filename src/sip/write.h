/* Writing SIP messages into a buffer: start line, headers, then mt_sip_write_end with Content-Length last and the body.
 *
 * Nothing that is passed in can begin a new line: folds in values become one space, any other control character makes
 * the message fail (MT_EINVAL from mt_sip_write_end). Errors are sticky, so one check at the end is enough. RFC 3261
 * section 7. */
#ifndef MT_SIP_WRITE_H
#define MT_SIP_WRITE_H

#include "base/buf.h"
#include "sip/digest.h"
#include "sip/msg.h"

typedef struct mt_sip_writer {
    mt_buf *buf; /* borrowed; what was in it stays before the message */
    size_t start;
    bool bad;
} mt_sip_writer;

void mt_sip_write_begin(mt_sip_writer *w, mt_buf *buf);
void mt_sip_write_request(mt_sip_writer *w, mt_slice method, mt_slice uri);
/* reason NULL: the usual phrase of that status. */
void mt_sip_write_response(mt_sip_writer *w, unsigned status, const char *reason);

/* name is ours: a literal. */
void mt_sip_write_header(mt_sip_writer *w, const char *name, mt_slice value);
void mt_sip_write_str(mt_sip_writer *w, const char *name, const char *value);
void mt_sip_write_u64(mt_sip_writer *w, const char *name, uint64_t value);
/* The value comes in pieces, each checked like any other. */
void mt_sip_write_pieces(mt_sip_writer *w, const char *name, const mt_slice *pieces, size_t count);
/* All headers of m with that id (not OTHER), under their long names. */
void mt_sip_write_copy(mt_sip_writer *w, const mt_sip_msg *m, mt_sip_header_id id);

typedef struct mt_sip_via_out {
    const char *transport; /* "UDP" … */
    mt_slice host;         /* IPv6 with or without brackets */
    uint16_t port;         /* 0: none */
    mt_slice branch;
    bool rport; /* asks for rport (RFC 3581) */
} mt_sip_via_out;
void mt_sip_write_via(mt_sip_writer *w, const mt_sip_via_out *via);
/* Vias of m from index first on, for responses. received (may be empty) and rport (used if the Via asked, 0: not) are
 * put into the top one where first is 0, in place of what it claims itself. */
void mt_sip_write_vias(mt_sip_writer *w, const mt_sip_msg *m, size_t first, mt_slice received, uint16_t rport);
/* From or To with a tag added where it has none; tag may be empty. name: "To" or "From". */
void mt_sip_write_addr_tag(mt_sip_writer *w, const char *name, const mt_sip_addr *addr, mt_slice tag);
void mt_sip_write_cseq(mt_sip_writer *w, uint32_t cseq, mt_slice method);

typedef struct mt_sip_challenge {
    bool proxy;                    /* Proxy-Authenticate instead of WWW-Authenticate */
    mt_slice realm, nonce, opaque; /* opaque may be empty; quotes and backslashes are escaped */
    mt_sip_alg alg;
    bool qop_auth;
    bool stale;
} mt_sip_challenge;
void mt_sip_write_challenge(mt_sip_writer *w, const mt_sip_challenge *c);

/* Content-Type (if body is not empty), Content-Length, the empty line, the body as it is. On failure the buffer is cut
 * back to where it was at begin. MT_EINVAL: something would have broken the message. MT_ENOMEM, MT_ELIMIT: of the
 * buffer. */
mt_err mt_sip_write_end(mt_sip_writer *w, mt_slice content_type, mt_slice body) MT_MUST_CHECK;

const char *mt_sip_reason(unsigned status); /* "OK", "Ringing" …; a phrase of its class for others */

#endif
