/* A fresh self-signed P-256 certificate for one conversation, so that strangers cannot link two talks by it. RFC 8122.
 */
#ifndef MT_LINK_CERT_H
#define MT_LINK_CERT_H

#include <openssl/x509.h>
#include <stdint.h>

#include "base/err.h"

#define MT_CERT_FINGERPRINT_BYTES 32

typedef struct mt_cert {
    EVP_PKEY *key;                                  /* owned */
    X509 *x509;                                     /* owned */
    uint8_t fingerprint[MT_CERT_FINGERPRINT_BYTES]; /* SHA-256 of the DER */
} mt_cert;

/* Under 1 ms. The name says nothing, the serial is random, validity began a day ago (clocks differ). MT_ESYS. */
mt_err mt_cert_init(mt_cert *c) MT_MUST_CHECK;
void mt_cert_deinit(mt_cert *c); /* wipes the key; harmless on a zeroed one */

/* SHA-256 of a certificate's DER. MT_ESYS. */
mt_err mt_cert_digest(const X509 *x509, uint8_t out[MT_CERT_FINGERPRINT_BYTES]) MT_MUST_CHECK;

#endif
