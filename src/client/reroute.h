/* The way back through a relay of one's own: in what a SIP server sends, Record-Routes are written to lead to the
 * relay, which is what the user agent knows, and not to the server's TLS port, and Vias to have come by the user
 * agent's transport. Bytes in, bytes out: messages (RFC 3261) and keep-alives (RFC 5626 3.5.1) as they come on a
 * stream. No I/O. */
#ifndef MT_CLIENT_REROUTE_H
#define MT_CLIENT_REROUTE_H

#include "base/buf.h"

#define MT_REROUTE_HEAD_MAX 32768

typedef struct mt_reroute {
    mt_buf head;       /* of a message that is not complete yet */
    size_t body_bytes; /* of its body, still to come */
    char hop[64];      /* "127.0.0.1:40000" */
} mt_reroute;

void mt_reroute_init(mt_reroute *r, const char *hop);
void mt_reroute_deinit(mt_reroute *r);
/* Appends what can be passed on by now. MT_ELIMIT: a head of more than MT_REROUTE_HEAD_MAX bytes. MT_EBAD: no or a bad
 * Content-Length, so that nobody could tell where the message ends. MT_ENOMEM. The stream is of no use then. */
mt_err mt_reroute_feed(mt_reroute *r, mt_slice in, mt_buf *out) MT_MUST_CHECK;

#endif
