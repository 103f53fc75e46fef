/* The server's side of TLS: a certificate, its key and all settings, which can be replaced while connections live.
 * Knows nothing of connections (conn_tls.c does). TLS 1.2 and 1.3, no renegotiation, no compression, no session tickets
 * and no session cache. RFC 8446, 5246, 7301, 9325. */
#ifndef MT_NET_TLS_H
#define MT_NET_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

#define MT_TLS_DAYS 90       /* a certificate of our own making lives as long */
#define MT_TLS_RENEW_DAYS 30 /* a reload makes a new one when less than this is left */
#define MT_TLS_ADDRS_MAX 16
#define MT_TLS_FINGERPRINT_STRLEN 96 /* "AB:CD:…" with its NUL */

typedef struct mt_tls mt_tls;

/* What a certificate of our own making is for. */
typedef struct mt_tls_names {
    char domain[256]; /* a host name or an IPv4 address; "localhost" is added where an address is loopback */
    mt_addr addrs[MT_TLS_ADDRS_MAX];
    size_t addr_count;
} mt_tls_names;

/* What is spoken inside: chosen by ALPN ("http/1.1", "sip/2") where the peer asks, refused where he asks for others
 * only.
 */
typedef enum mt_tls_protocol { MT_TLS_HTTP, MT_TLS_SIP } mt_tls_protocol;

/* cert_file: PEM, the leaf first, then its chain; key_file: PEM without passphrase. Anything but MT_OK and MT_ENOMEM:
 * the reason was logged. A certificate that is not valid now is taken with a warning. */
mt_err mt_tls_create_files(const char *cert_file, const char *key_file, mt_tls **out) MT_MUST_CHECK;
/* A fresh P-256 key and certificate, kept in memory only. */
mt_err mt_tls_create_self_signed(const mt_tls_names *names, mt_tls **out) MT_MUST_CHECK;
void mt_tls_destroy(mt_tls *t); /* after all connections that use it; NULL is allowed */

/* Reads the files again; or makes a new certificate if the one of our own making nears its end. For connections begun
 * later. On failure, which is logged, all stays as it was. */
mt_err mt_tls_reload(mt_tls *t) MT_MUST_CHECK;

/* Whether browsers should be told never to come back without TLS: not for a certificate they do not know. */
bool mt_tls_is_trusted(const mt_tls *t);
/* SHA-256 of the certificate. */
void mt_tls_fingerprint(const mt_tls *t, char out[MT_TLS_FINGERPRINT_STRLEN]);
/* The server's end of one connection, to be freed with SSL_free. NULL: no memory. */
SSL *mt_tls_session(const mt_tls *t, mt_tls_protocol protocol) MT_MUST_CHECK;

/* tls_cert.c: outputs are the caller's. MT_ESYS: no memory, no randomness, or names that fit in no certificate. */
mt_err mt_tls_cert_make(const mt_tls_names *names, EVP_PKEY **key, X509 **cert) MT_MUST_CHECK;

#endif
