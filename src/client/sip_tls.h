/* SIP over TLS (RFC 3261 26.3.1) for a user agent that speaks TCP: a relay within this process. The user agent connects
 * to a loopback port of ours, and each connection goes on to the server by TLS, its certificate checked by trust.h.
 * docs/adr tells why. Everything happens in the GLib main context that was the thread default at creation; the
 * handshake's computing is done on GIO's threads. */
#ifndef MT_CLIENT_SIP_TLS_H
#define MT_CLIENT_SIP_TLS_H

#include "base/addr.h"
#include "client/trust.h"

typedef struct mt_sip_tls mt_sip_tls;

/* From the main loop: the server's certificate is not to be trusted. why: static, to be translated. */
typedef void mt_sip_tls_untrusted_fn(void *ctx, const char *why);

/* server: where to connect. name: what its certificate must be for. MT_ESYS: no port. */
mt_err mt_sip_tls_create(const mt_addr *server, const char *name, mt_trust *trust, mt_sip_tls_untrusted_fn *fn,
                         void *ctx, mt_sip_tls **out) MT_MUST_CHECK;
/* Takes no connection any more, and tells nothing. What is open goes on until the user agent closes it, so that it can
 * say good-bye. NULL is harmless. */
void mt_sip_tls_destroy(mt_sip_tls *r);
const char *mt_sip_tls_address(const mt_sip_tls *r); /* "127.0.0.1:40000": for the user agent */

#endif
