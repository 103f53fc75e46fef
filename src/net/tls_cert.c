/* A certificate of our own making. */
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/buf.h"
#include "net/tls.h"

#define SERIAL_BITS 127
#define HOUR_S 3600L
#define DAY_S (24 * HOUR_S)
#define ALT_NAMES_MAX 4096
#define COMMON_NAME_MAX 64 /* RFC 5280 appendix A.1 */

static bool set_serial(X509 *cert) {
    BIGNUM *serial = BN_new();
    bool ok = serial != NULL && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) != NULL;
    BN_free(serial);
    return ok;
}

/* Subject and issuer. Who checks looks at the alternative names alone (RFC 9110 section 4.3.4). */
static bool set_name(X509 *cert, const char *domain) {
    X509_NAME *name = X509_get_subject_name(cert);
    const char *common = strlen(domain) <= COMMON_NAME_MAX ? domain : "myTurn";
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0) &&
           X509_set_issuer_name(cert, name);
}

/* The clocks of those who connect may be slow. */
static bool set_times(X509 *cert) {
    return X509_gmtime_adj(X509_getm_notBefore(cert), -HOUR_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), MT_TLS_DAYS * DAY_S) != NULL;
}

static bool add_extension(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = ext != NULL && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return ok;
}

static bool is_ipv4(const char *domain) {
    mt_addr a;
    char with_port[264];
    int len = snprintf(with_port, sizeof with_port, "%s:1", domain);
    return len > 0 && (size_t)len < sizeof with_port && mt_addr_parse(mt_slice_of(with_port), &a) == MT_OK;
}

static bool add_alt_names(X509 *cert, const mt_tls_names *names) {
    mt_buf b;
    mt_buf_init(&b, ALT_NAMES_MAX);
    mt_buf_printf(&b, "%s:%s", is_ipv4(names->domain) ? "IP" : "DNS", names->domain);
    bool loopback = false;
    for (size_t i = 0; i < names->addr_count; i++) {
        char ip[MT_ADDR_STRLEN];
        mt_addr_format_ip(&names->addrs[i], ip);
        mt_buf_printf(&b, ",IP:%s", ip);
        loopback = loopback || mt_addr_is_loopback(&names->addrs[i]);
    }
    if (loopback)
        mt_buf_add_str(&b, ",DNS:localhost");
    bool ok = mt_buf_err(&b) == MT_OK && add_extension(cert, NID_subject_alt_name, b.p);
    mt_buf_deinit(&b);
    return ok;
}

static bool fill(X509 *cert, EVP_PKEY *key, const mt_tls_names *names) {
    return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) && set_times(cert) &&
           set_name(cert, names->domain) && add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") && add_alt_names(cert, names) &&
           X509_set_pubkey(cert, key) && X509_sign(cert, key, EVP_sha256()) > 0;
}

mt_err mt_tls_cert_make(const mt_tls_names *names, EVP_PKEY **key, X509 **cert) {
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *c = X509_new();
    if (k == NULL || c == NULL || !fill(c, k, names)) {
        EVP_PKEY_free(k);
        X509_free(c);
        return MT_ESYS;
    }
    *key = k;
    *cert = c;
    return MT_OK;
}
