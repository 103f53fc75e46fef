/* The key agreement: DTLS 1.2 by OpenSSL over datagrams that others carry (RFC 6347, 5764, 7627, 8842).
 *
 * Fresh certificate, extended master secret. Policy GCM: ECDHE-ECDSA with AEAD only, AEAD SRTP profiles only. Policy
 * CBC: ECDHE-ECDSA-AES256-SHA384 with encrypt-then-MAC (RFC 7366) only, and no SRTP. The partner's
 * fingerprint is checked inside the handshake, in constant time: a wrong one ends in alert 42 (bad_certificate) before
 * any key is used. One thread: the one whose GLib main context was the thread default at creation. */
#ifndef MT_LINK_DTLS_H
#define MT_LINK_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/cert.h"

#define MT_DTLS_MTU_BYTES 1200
#define MT_DTLS_KEYS_MAX_BYTES 88 /* two keys of 32 and two salts of 12 bytes */

typedef struct mt_dtls mt_dtls;

typedef enum mt_dtls_end {
    MT_DTLS_REFUSED, /* no handshake: fingerprint, ciphers, alert, or no answer */
    MT_DTLS_CLOSED,  /* the partner's close_notify */
    MT_DTLS_BROKEN,  /* an authenticated fatal alert or violation after the handshake */
} mt_dtls_end;

typedef struct mt_dtls_events {
    void (*send)(void *ctx, const uint8_t *p, size_t len_bytes); /* one datagram */
    void (*up)(void *ctx);                                       /* handshake over, fingerprint verified */
    void (*data)(void *ctx, const uint8_t *p, size_t len_bytes); /* one verified record; after up */
    void (*end)(void *ctx, mt_dtls_end why);                     /* once; nothing follows. Not for mt_dtls_close */
} mt_dtls_events;

/* SRTP keys in the order of RFC 5764: client key, server key, client salt, server salt. Wipe after use. */
typedef struct mt_dtls_keys {
    uint16_t profile; /* SRTP_AEAD_AES_256_GCM (8) or SRTP_AEAD_AES_128_GCM (7), RFC 7714 */
    const char *profile_name;
    size_t key_bytes, salt_bytes;
    bool client; /* we are the DTLS client */
    uint8_t b[MT_DTLS_KEYS_MAX_BYTES];
} mt_dtls_keys;

typedef enum mt_dtls_policy { MT_DTLS_GCM, MT_DTLS_CBC } mt_dtls_policy;

/* Makes the certificate. MT_ESYS. */
mt_err mt_dtls_create(mt_dtls_policy policy, const mt_dtls_events *events, void *ctx, mt_dtls **out) MT_MUST_CHECK;
void mt_dtls_destroy(mt_dtls *d); /* no event follows; not from within one */
const uint8_t *mt_dtls_fingerprint(const mt_dtls *d);

/* Begins the handshake: call when datagrams can be sent and the partner's fingerprint is known. What came before is
 * taken up now. MT_ESTATE: begun already. */
mt_err mt_dtls_start(mt_dtls *d, bool client, const uint8_t expected[MT_CERT_FINGERPRINT_BYTES]) MT_MUST_CHECK;
/* One datagram from the partner. Before the start up to 8 are kept, more are dropped. */
void mt_dtls_input(mt_dtls *d, const uint8_t *p, size_t len_bytes);
/* Encrypts and sends one record. MT_ESTATE: not up. */
mt_err mt_dtls_send(mt_dtls *d, const void *p, size_t len_bytes) MT_MUST_CHECK;
/* Sends close_notify where the handshake was done; no event follows. */
void mt_dtls_close(mt_dtls *d);

/* After up, policy GCM. MT_ESTATE, MT_ESYS. */
mt_err mt_dtls_export(mt_dtls *d, mt_dtls_keys *out) MT_MUST_CHECK;
/* SHA-256 of the certificate received in the handshake; valid after up. */
const uint8_t *mt_dtls_peer_fingerprint(const mt_dtls *d);
const char *mt_dtls_cipher(const mt_dtls *d); /* IANA name, static; after up */
bool mt_dtls_is_client(const mt_dtls *d);
int mt_dtls_alert(const mt_dtls *d); /* number of the last alert sent or received; -1: none */

#endif
