/* A TLS client of the server in peer.h, over memory: what it would send can be cut, spoilt and counted before it
 * leaves. */
#ifndef MT_TESTS_NET_TLS_PEER_H
#define MT_TESTS_NET_TLS_PEER_H

#include <openssl/ssl.h>

#include "net/tls.h"
#include "peer.h"

typedef struct tls_client {
    server *s;
    int fd;
    SSL *ssl;
    size_t piece; /* bytes sent at a time; 0: as they come */
} tls_client;

/* Certificates for 127.0.0.1. */
mt_tls *tls_self_signed(void);

/* Connects; says nothing yet. version: the highest, 0 for any. alpn: in wire form, or NULL. */
void tls_connect(tls_client *c, server *s, const mt_addr *to, int version, const char *alpn);
bool tls_handshake(tls_client *c); /* false: refused */
/* What OpenSSL has to say, as bytes: for tests that send them themselves. */
size_t tls_outgoing(tls_client *c, char *out, size_t out_max);
void tls_flush(tls_client *c); /* sends it */
void tls_send(tls_client *c, const void *p, size_t len);
void tls_say(tls_client *c, const char *text);
/* As client_read. *ended (may be NULL): the server said farewell. */
size_t tls_read(tls_client *c, const char *want, char *out, size_t out_max, bool *ended);
void tls_free(tls_client *c); /* closes the socket as well, without a farewell */
/* All at once, for one who just wants to be in. */
void tls_open(tls_client *c, server *s, const mt_addr *to);
/* SHA-256 of what the server showed, as mt_tls_fingerprint writes it. */
void tls_seen(const tls_client *c, char out[MT_TLS_FINGERPRINT_STRLEN]);

#endif
