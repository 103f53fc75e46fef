#include "link/dtls.h"

#include <glib.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/time.h>

#include "base/log.h"
#include "base/secret.h"
#include "link/dgram_bio.h"

/* ChaCha20 last: only for those who have no AES-GCM. */
#define CIPHERS "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
#define CIPHER_CBC "ECDHE-ECDSA-AES256-SHA384"
#define CIPHER_CBC_ID 0xc024 /* TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, RFC 5289 */
#define SRTP_PROFILES "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"
#define SIGNATURES "ECDSA+SHA256:ECDSA+SHA384"
#define GROUPS "X25519:P-256"
#define SRTP_EXPORTER "EXTRACTOR-dtls_srtp"

enum {
    EARLY_MAX = 8,
    EARLY_BYTES_MAX = 2048,
    RECORD_BYTES_MAX = 16384,
    RETRANSMIT_US = 200 * 1000, /* OpenSSL's own second is long where a call is to be up in a tenth of it */
    RETRANSMIT_MAX_US = 2 * 1000 * 1000,
    MASTER_SALT_BYTES = 12,
};

struct mt_dtls {
    mt_dtls_events on;
    void *ctx;
    mt_cert cert;
    SSL_CTX *ssl_ctx; /* owned */
    SSL *ssl;         /* owned */
    mt_dgram_bio io;
    GMainContext *main;      /* owned */
    GSource *retransmission; /* owned; NULL when not running */
    GQueue early;            /* of GBytes, owned */
    uint8_t expected[MT_CERT_FINGERPRINT_BYTES];
    uint8_t peer[MT_CERT_FINGERPRINT_BYTES];
    mt_dtls_policy policy;
    bool etm; /* CBC: both sides agreed on encrypt-then-MAC */
    bool started, client, verified, up, ended;
    int alert;
};

static void on_write(void *ctx, const uint8_t *p, size_t len_bytes) {
    mt_dtls *d = ctx;
    d->on.send(d->ctx, p, len_bytes);
}

/* Replaces the check of a chain of authorities: the fingerprint in the signed-for SDP is the authority. */
static int on_verify(X509_STORE_CTX *store, void *data) {
    mt_dtls *d = data;
    const X509 *leaf = X509_STORE_CTX_get0_cert(store);
    uint8_t got[MT_CERT_FINGERPRINT_BYTES];
    if (leaf != NULL && mt_cert_digest(leaf, got) == MT_OK && mt_ct_equal(got, d->expected, sizeof got)) {
        memcpy(d->peer, got, sizeof got);
        d->verified = true;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static void on_info(const SSL *ssl, int where, int value) {
    if (!(where & SSL_CB_ALERT))
        return;
    mt_dtls *d = SSL_get_app_data(ssl);
    d->alert = value & 0xff;
    mt_log(MT_LOG_DEBUG, "dtls", "alert %d %s: %s", d->alert, where & SSL_CB_READ ? "received" : "sent",
           SSL_alert_desc_string_long(value));
}

static unsigned on_timer(SSL *ssl, unsigned us) {
    if (us == 0)
        return RETRANSMIT_US;
    return us * 2 < RETRANSMIT_MAX_US ? us * 2 : RETRANSMIT_MAX_US;
}

/* What OpenSSL agrees on by itself where both sides can, we demand. As server: before anything else is done. */
static int on_client_hello(SSL *ssl, int *alert, void *data) {
    mt_dtls *d = data;
    const unsigned char *value = NULL;
    size_t len = 0;
    d->etm = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_encrypt_then_mac, &value, &len) == 1 && len == 0;
    if (d->etm)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_CLIENT_HELLO_ERROR;
}

/* As client: the extensions of the ServerHello, which the handshake's end authenticates. */
static void on_extension(SSL *ssl, int from_server, int type, const unsigned char *p, int len, void *data) {
    mt_dtls *d = data;
    if (from_server && type == TLSEXT_TYPE_encrypt_then_mac)
        d->etm = true;
}

static bool set_cbc(mt_dtls *d) {
    SSL_CTX_set_client_hello_cb(d->ssl_ctx, on_client_hello, d);
    return SSL_CTX_set_cipher_list(d->ssl_ctx, CIPHER_CBC) == 1;
}

static bool set_gcm(mt_dtls *d) {
    return SSL_CTX_set_cipher_list(d->ssl_ctx, CIPHERS) == 1 &&
           SSL_CTX_set_tlsext_use_srtp(d->ssl_ctx, SRTP_PROFILES) == 0; /* 0 is success here */
}

static bool set_policy(SSL_CTX *c) {
    SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(c, 1);
    return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) && SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) &&
           SSL_CTX_set1_groups_list(c, GROUPS) && SSL_CTX_set1_sigalgs_list(c, SIGNATURES);
}

static bool set_up(mt_dtls *d) {
    d->ssl_ctx = SSL_CTX_new(DTLS_method());
    if (d->ssl_ctx == NULL || !set_policy(d->ssl_ctx) || !(d->policy == MT_DTLS_CBC ? set_cbc : set_gcm)(d) ||
        SSL_CTX_use_certificate(d->ssl_ctx, d->cert.x509) != 1 || SSL_CTX_use_PrivateKey(d->ssl_ctx, d->cert.key) != 1)
        return false;
    SSL_CTX_set_verify(d->ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(d->ssl_ctx, on_verify, d);
    BIO *bio = mt_dgram_bio_new(&d->io, on_write, d, MT_DTLS_MTU_BYTES);
    d->ssl = SSL_new(d->ssl_ctx);
    if (bio == NULL || d->ssl == NULL) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_app_data(d->ssl, d);
    SSL_set_info_callback(d->ssl, on_info);
    SSL_set_tlsext_debug_callback(d->ssl, on_extension);
    SSL_set_tlsext_debug_arg(d->ssl, d);
    DTLS_set_timer_cb(d->ssl, on_timer);
    SSL_set_mtu(d->ssl, MT_DTLS_MTU_BYTES);
    return true;
}

mt_err mt_dtls_create(mt_dtls_policy policy, const mt_dtls_events *events, void *ctx, mt_dtls **out) {
    mt_dtls *d = g_new0(mt_dtls, 1);
    d->policy = policy;
    d->on = *events;
    d->ctx = ctx;
    d->alert = -1;
    d->main = g_main_context_ref_thread_default();
    g_queue_init(&d->early);
    ERR_clear_error();
    if (mt_cert_init(&d->cert) != MT_OK || !set_up(d)) {
        mt_log(MT_LOG_ERROR, "dtls", "set-up: %s", ERR_reason_error_string(ERR_peek_last_error()));
        mt_dtls_destroy(d);
        return MT_ESYS;
    }
    *out = d;
    return MT_OK;
}

static void stop_timer(mt_dtls *d) {
    if (d->retransmission == NULL)
        return;
    g_source_destroy(d->retransmission);
    g_clear_pointer(&d->retransmission, g_source_unref);
}

void mt_dtls_destroy(mt_dtls *d) {
    if (d == NULL)
        return;
    stop_timer(d);
    SSL_free(d->ssl); /* and its BIO */
    SSL_CTX_free(d->ssl_ctx);
    mt_cert_deinit(&d->cert);
    g_queue_clear_full(&d->early, (GDestroyNotify)g_bytes_unref);
    g_main_context_unref(d->main);
    mt_wipe(d, sizeof *d);
    g_free(d);
}

static void end(mt_dtls *d, mt_dtls_end why) {
    if (d->ended)
        return;
    d->ended = true;
    stop_timer(d);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    mt_log(MT_LOG_DEBUG, "dtls", "ended, alert %d, %s", d->alert, reason != NULL ? reason : "no error");
    ERR_clear_error();
    d->on.end(d->ctx, why);
}

static void arm_timer(mt_dtls *d);

static gboolean on_retransmission(void *data) {
    mt_dtls *d = data;
    g_clear_pointer(&d->retransmission, g_source_unref);
    ERR_clear_error();
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        end(d, MT_DTLS_REFUSED);
    else
        arm_timer(d);
    return G_SOURCE_REMOVE;
}

static void arm_timer(mt_dtls *d) {
    struct timeval left;
    stop_timer(d);
    if (d->ended || !DTLSv1_get_timeout(d->ssl, &left))
        return;
    /* Rounded up: a timer a fraction of a millisecond early would find nothing to do, and spin. */
    d->retransmission = g_timeout_source_new((guint)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1));
    g_source_set_callback(d->retransmission, on_retransmission, d, NULL);
    g_source_attach(d->retransmission, d->main);
}

/* The verify callback may not have run in a session that OpenSSL resumed; there are none, but the whole talk hangs on
 * it. Without the extended master secret the exported keys would not be bound to the certificates (RFC 7627). */
static bool is_good(const mt_dtls *d) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(d->ssl);
    bool srtp = SSL_get_selected_srtp_profile(d->ssl) != NULL;
    if (!d->verified || cipher == NULL || SSL_get_extms_support(d->ssl) != 1)
        return false;
    if (d->policy == MT_DTLS_CBC)
        return d->etm && !srtp && SSL_CIPHER_get_protocol_id(cipher) == CIPHER_CBC_ID;
    return srtp && SSL_CIPHER_is_aead(cipher) == 1;
}

static void handshake(mt_dtls *d) {
    ERR_clear_error();
    int ret = SSL_do_handshake(d->ssl);
    if (ret == 1) {
        stop_timer(d);
        d->up = is_good(d);
        if (d->up)
            d->on.up(d->ctx);
        else
            end(d, MT_DTLS_REFUSED);
        return;
    }
    int err = SSL_get_error(d->ssl, ret);
    if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
        arm_timer(d);
    else
        end(d, MT_DTLS_REFUSED);
}

static void read_records(mt_dtls *d) {
    uint8_t record[RECORD_BYTES_MAX];
    while (!d->ended) {
        ERR_clear_error();
        int ret = SSL_read(d->ssl, record, (int)sizeof record);
        if (ret > 0) {
            d->on.data(d->ctx, record, (size_t)ret);
            continue;
        }
        int err = SSL_get_error(d->ssl, ret);
        if (err == SSL_ERROR_ZERO_RETURN)
            end(d, MT_DTLS_CLOSED);
        else if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE)
            end(d, MT_DTLS_BROKEN);
        return;
    }
}

static void take(mt_dtls *d, const uint8_t *p, size_t len_bytes) {
    mt_dgram_bio_feed(&d->io, p, len_bytes);
    if (!d->up)
        handshake(d);
    if (d->up)
        read_records(d);
    mt_dgram_bio_feed(&d->io, NULL, 0);
}

mt_err mt_dtls_start(mt_dtls *d, bool client, const uint8_t expected[MT_CERT_FINGERPRINT_BYTES]) {
    if (d->started || d->ended)
        return MT_ESTATE;
    d->started = true;
    d->client = client;
    memcpy(d->expected, expected, sizeof d->expected);
    if (client) {
        SSL_set_connect_state(d->ssl);
        handshake(d);
    } else {
        SSL_set_accept_state(d->ssl);
    }
    GBytes *early = NULL;
    while ((early = g_queue_pop_head(&d->early)) != NULL) {
        gsize len = 0;
        const uint8_t *p = g_bytes_get_data(early, &len);
        if (!d->ended)
            take(d, p, len);
        g_bytes_unref(early);
    }
    return MT_OK;
}

void mt_dtls_input(mt_dtls *d, const uint8_t *p, size_t len_bytes) {
    if (d->ended || len_bytes == 0)
        return;
    if (d->started)
        take(d, p, len_bytes);
    else if (g_queue_get_length(&d->early) < EARLY_MAX && len_bytes <= EARLY_BYTES_MAX)
        g_queue_push_tail(&d->early, g_bytes_new(p, len_bytes));
}

mt_err mt_dtls_send(mt_dtls *d, const void *p, size_t len_bytes) {
    if (!d->up || d->ended || len_bytes == 0 || len_bytes > RECORD_BYTES_MAX)
        return MT_ESTATE;
    ERR_clear_error();
    return SSL_write(d->ssl, p, (int)len_bytes) == (int)len_bytes ? MT_OK : MT_ESYS;
}

void mt_dtls_close(mt_dtls *d) {
    if (!d->ended && d->up) {
        ERR_clear_error();
        (void)SSL_shutdown(d->ssl);
    }
    stop_timer(d);
    d->ended = true;
}

mt_err mt_dtls_export(mt_dtls *d, mt_dtls_keys *out) {
    if (!d->up)
        return MT_ESTATE;
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
    if (profile == NULL)
        return MT_ESTATE;
    mt_dtls_keys keys = {.profile = (uint16_t)profile->id, .client = d->client, .salt_bytes = MASTER_SALT_BYTES};
    bool aes256 = profile->id == SRTP_AEAD_AES_256_GCM;
    if (!aes256 && profile->id != SRTP_AEAD_AES_128_GCM)
        return MT_ESYS;
    keys.key_bytes = aes256 ? 32 : 16;
    keys.profile_name = aes256 ? "AEAD_AES_256_GCM" : "AEAD_AES_128_GCM";
    size_t len = 2 * (keys.key_bytes + keys.salt_bytes);
    ERR_clear_error();
    if (SSL_export_keying_material(d->ssl, keys.b, len, SRTP_EXPORTER, strlen(SRTP_EXPORTER), NULL, 0, 0) != 1)
        return MT_ESYS;
    *out = keys;
    mt_wipe(&keys, sizeof keys);
    return MT_OK;
}

const uint8_t *mt_dtls_fingerprint(const mt_dtls *d) {
    return d->cert.fingerprint;
}

const uint8_t *mt_dtls_peer_fingerprint(const mt_dtls *d) {
    return d->peer;
}

const char *mt_dtls_cipher(const mt_dtls *d) {
    return SSL_CIPHER_standard_name(SSL_get_current_cipher(d->ssl));
}

bool mt_dtls_is_client(const mt_dtls *d) {
    return d->client;
}

int mt_dtls_alert(const mt_dtls *d) {
    return d->alert;
}
