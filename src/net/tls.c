#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"

/* Forward secrecy and authenticated encryption only. TLS 1.3 has no others. */
#define CIPHERS                                                                                                        \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"                         \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"

struct mt_tls {
    SSL_CTX *ctx;               /* connections hold the one they began with */
    char *cert_file, *key_file; /* NULL: of our own making, for names */
    mt_tls_names names;
};

/* What a peer's ALPN is matched with; the order is that of mt_tls_protocol. */
static const char *const alpn[] = {"\x08http/1.1", "\x05sip/2"};

static const char *reason(void) {
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text != NULL ? text : "no memory";
}

/* RFC 7301 section 3.2. Strict, so that one protocol cannot be passed off as another on the other port. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg) {
    const unsigned char *own = SSL_get_app_data(ssl);
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, own, 1U + own[0], in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Else OpenSSL asks on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg) {
    return -1;
}

static SSL_CTX *new_ctx(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) && SSL_CTX_set_cipher_list(ctx, CIPHERS) &&
        SSL_CTX_set1_groups_list(ctx, GROUPS) && SSL_CTX_set_num_tickets(ctx, 0))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* Files */

static mt_err check_file(const char *path, bool secret) {
    struct stat st;
    FILE *f = fopen(path, "re");
    if (f == NULL || fstat(fileno(f), &st) != 0) {
        mt_log(MT_LOG_ERROR, "tls", "%s: %s", path, strerror(errno));
        if (f != NULL)
            (void)fclose(f);
        return MT_ESYS;
    }
    (void)fclose(f);
    if (!S_ISREG(st.st_mode)) {
        mt_log(MT_LOG_ERROR, "tls", "%s is no file", path);
        return MT_ESYS;
    }
    if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        mt_log(MT_LOG_WARN, "tls", "%s can be read by others: chmod 600 it", path);
    return MT_OK;
}

static mt_err load_cert(SSL_CTX *ctx, const char *path) {
    mt_err err = check_file(path, false);
    if (err != MT_OK)
        return err;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, path) == 1)
        return MT_OK;
    mt_log(MT_LOG_ERROR, "tls", "%s holds no certificate in PEM that can be used: %s", path, reason());
    return MT_EBAD;
}

static EVP_PKEY *read_key(const char *path) {
    BIO *bio = BIO_new_file(path, "r");
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static mt_err use_key(SSL_CTX *ctx, EVP_PKEY *key, const mt_tls *t) {
    if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1) {
        mt_log(MT_LOG_ERROR, "tls", "the key in %s does not belong to the certificate in %s", t->key_file,
               t->cert_file);
        return MT_EBAD;
    }
    if (SSL_CTX_use_PrivateKey(ctx, key) == 1)
        return MT_OK;
    mt_log(MT_LOG_ERROR, "tls", "the key in %s cannot be used: %s", t->key_file, reason());
    return MT_EBAD;
}

static mt_err load_key(SSL_CTX *ctx, const mt_tls *t) {
    mt_err err = check_file(t->key_file, true);
    if (err != MT_OK)
        return err;
    ERR_clear_error();
    EVP_PKEY *key = read_key(t->key_file);
    if (key == NULL) {
        mt_log(MT_LOG_ERROR, "tls", "%s holds no private key in PEM without a passphrase: %s", t->key_file, reason());
        return MT_EBAD;
    }
    err = use_key(ctx, key, t);
    EVP_PKEY_free(key);
    return err;
}

static mt_err load(SSL_CTX *ctx, const mt_tls *t) {
    mt_err err = load_cert(ctx, t->cert_file);
    return err == MT_OK ? load_key(ctx, t) : err;
}

static mt_err make(SSL_CTX *ctx, const mt_tls *t) {
    EVP_PKEY *key;
    X509 *cert;
    mt_err err = mt_tls_cert_make(&t->names, &key, &cert);
    if (err == MT_OK && (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1))
        err = MT_ESYS;
    else if (err != MT_OK)
        key = NULL, cert = NULL;
    if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "tls", "no certificate could be made: %s", reason());
    EVP_PKEY_free(key);
    X509_free(cert);
    return err;
}

/* Life */

static void describe(const mt_tls *t) {
    const X509 *cert = SSL_CTX_get0_certificate(t->ctx);
    const ASN1_TIME *end = X509_get0_notAfter(cert);
    struct tm tm = {0};
    char date[16] = "?", fingerprint[MT_TLS_FINGERPRINT_STRLEN];
    if (ASN1_TIME_to_tm(end, &tm) == 1)
        (void)strftime(date, sizeof date, "%Y-%m-%d", &tm);
    mt_tls_fingerprint(t, fingerprint);
    mt_log(MT_LOG_INFO, "tls", "%s certificate, valid until %s, SHA-256 %s",
           t->cert_file != NULL ? t->cert_file : "self-signed", date, fingerprint);
    if (X509_cmp_current_time(end) < 0)
        mt_log(MT_LOG_WARN, "tls", "the certificate EXPIRED on %s: clients will refuse it", date);
    else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
        mt_log(MT_LOG_WARN, "tls", "the certificate is not valid yet: clients will refuse it");
}

/* A whole new context takes the place of the old one, or none does. */
static mt_err renew(mt_tls *t) {
    SSL_CTX *ctx = new_ctx();
    if (ctx == NULL) {
        mt_log(MT_LOG_ERROR, "tls", "no TLS: %s", reason());
        return MT_ESYS;
    }
    mt_err err = t->cert_file != NULL ? load(ctx, t) : make(ctx, t);
    ERR_clear_error();
    if (err != MT_OK) {
        SSL_CTX_free(ctx);
        return err;
    }
    SSL_CTX_free(t->ctx);
    t->ctx = ctx;
    describe(t);
    return MT_OK;
}

static mt_err finish(mt_tls *t, mt_tls **out) {
    mt_err err = renew(t);
    if (err == MT_OK)
        *out = t;
    else
        mt_tls_destroy(t);
    return err;
}

mt_err mt_tls_create_files(const char *cert_file, const char *key_file, mt_tls **out) {
    mt_tls *t = mt_calloc(1, sizeof *t);
    if (t == NULL)
        return MT_ENOMEM;
    t->cert_file = mt_strdup(cert_file);
    t->key_file = mt_strdup(key_file);
    if (t->cert_file != NULL && t->key_file != NULL)
        return finish(t, out);
    mt_tls_destroy(t);
    return MT_ENOMEM;
}

mt_err mt_tls_create_self_signed(const mt_tls_names *names, mt_tls **out) {
    mt_tls *t = mt_calloc(1, sizeof *t);
    if (t == NULL)
        return MT_ENOMEM;
    t->names = *names;
    return finish(t, out);
}

void mt_tls_destroy(mt_tls *t) {
    if (t == NULL)
        return;
    SSL_CTX_free(t->ctx);
    mt_free(t->cert_file);
    mt_free(t->key_file);
    mt_free(t);
}

static bool nears_its_end(const mt_tls *t) {
    int days, seconds;
    return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(SSL_CTX_get0_certificate(t->ctx))) != 1 ||
           days < MT_TLS_RENEW_DAYS;
}

mt_err mt_tls_reload(mt_tls *t) {
    if (t->cert_file == NULL && !nears_its_end(t))
        return MT_OK;
    mt_err err = renew(t);
    if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "tls", "the certificate from before stays in use");
    return err;
}

bool mt_tls_is_trusted(const mt_tls *t) {
    return t->cert_file != NULL;
}

void mt_tls_fingerprint(const mt_tls *t, char out[MT_TLS_FINGERPRINT_STRLEN]) {
    static const char digits[] = "0123456789ABCDEF";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(SSL_CTX_get0_certificate(t->ctx), EVP_sha256(), digest, &len) != 1)
        len = 0;
    char *p = out;
    for (unsigned i = 0; i < len && i < MT_TLS_FINGERPRINT_STRLEN / 3; i++) {
        *p++ = digits[digest[i] >> 4];
        *p++ = digits[digest[i] & 15];
        *p++ = ':';
    }
    p[p > out ? -1 : 0] = '\0';
}

SSL *mt_tls_session(const mt_tls *t, mt_tls_protocol protocol) {
    SSL *ssl = SSL_new(t->ctx);
    if (ssl == NULL)
        return NULL;
    union {
        const char *in;
        void *out;
    } u = {alpn[protocol]};
    (void)SSL_set_app_data(ssl, u.out);
    SSL_set_accept_state(ssl);
    return ssl;
}
