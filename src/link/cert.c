#include "link/cert.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

enum { DAY_S = 24 * 3600, SERIAL_BITS = 127 };

static bool set_serial(X509 *x509) {
    BIGNUM *serial = BN_new();
    bool ok = serial != NULL && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL;
    BN_free(serial);
    return ok;
}

static bool fill(X509 *x509, EVP_PKEY *key) {
    X509_NAME *name = X509_get_subject_name(x509);
    static const unsigned char cn[] = "WebRTC"; /* what most WebRTC ends write: it tells nobody apart */
    return X509_set_version(x509, X509_VERSION_3) && set_serial(x509) &&
           X509_gmtime_adj(X509_getm_notBefore(x509), -DAY_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x509), 2 * DAY_S) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, (int)sizeof cn - 1, -1, 0) &&
           X509_set_issuer_name(x509, name) && X509_set_pubkey(x509, key) && X509_sign(x509, key, EVP_sha256()) > 0;
}

mt_err mt_cert_digest(const X509 *x509, uint8_t out[MT_CERT_FINGERPRINT_BYTES]) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!X509_digest(x509, EVP_sha256(), digest, &len) || len != MT_CERT_FINGERPRINT_BYTES)
        return MT_ESYS;
    memcpy(out, digest, MT_CERT_FINGERPRINT_BYTES);
    return MT_OK;
}

mt_err mt_cert_init(mt_cert *c) {
    mt_cert made = {.key = EVP_EC_gen("P-256"), .x509 = X509_new()};
    if (made.key == NULL || made.x509 == NULL || !fill(made.x509, made.key) ||
        mt_cert_digest(made.x509, made.fingerprint) != MT_OK) {
        mt_cert_deinit(&made);
        return MT_ESYS;
    }
    *c = made;
    return MT_OK;
}

void mt_cert_deinit(mt_cert *c) {
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    *c = (mt_cert){0};
}
