/* Policy CBC at the handshake: AES-256-CBC with encrypt-then-MAC and no SRTP, or nothing. The partner is OpenSSL, set
 * up as somebody who wants less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <openssl/ssl.h>
#include <string.h>

#include "link/cert.h"
#include "link/dgram_bio.h"
#include "link/dtls.h"

#define CBC "ECDHE-ECDSA-AES256-SHA384"

/* The partner: OpenSSL behind the same kind of BIO. */
typedef struct foreign {
    mt_cert cert;
    SSL_CTX *ctx;
    SSL *ssl;
    mt_dgram_bio io;
    GQueue wire; /* to ours */
    bool up, failed;
} foreign;

typedef struct ours {
    mt_dtls *dtls;
    GQueue wire; /* to the partner */
    bool up;
    int end;
    char data[32];
} ours;

static void on_send(void *ctx, const uint8_t *p, size_t len) {
    g_queue_push_tail(&((ours *)ctx)->wire, g_bytes_new(p, len));
}
static void on_up(void *ctx) {
    ((ours *)ctx)->up = true;
}
static void on_data(void *ctx, const uint8_t *p, size_t len) {
    memcpy(((ours *)ctx)->data, p, len < 31 ? len : 31);
}
static void on_end(void *ctx, mt_dtls_end why) {
    ((ours *)ctx)->end = (int)why;
}
static const mt_dtls_events events = {.send = on_send, .up = on_up, .data = on_data, .end = on_end};

static void on_foreign_write(void *ctx, const uint8_t *p, size_t len) {
    g_queue_push_tail(&((foreign *)ctx)->wire, g_bytes_new(p, len));
}

static int accept_any(X509_STORE_CTX *store, void *data) {
    return 1;
}

static void open_foreign(foreign *f, bool client, const char *ciphers, uint64_t options, const char *srtp) {
    memset(f, 0, sizeof *f);
    g_queue_init(&f->wire);
    assert_int_equal(mt_cert_init(&f->cert), MT_OK);
    f->ctx = SSL_CTX_new(DTLS_method());
    SSL_CTX_set_options(f->ctx, SSL_OP_NO_QUERY_MTU | options);
    SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(f->ctx, accept_any, NULL);
    assert_int_equal(SSL_CTX_set_cipher_list(f->ctx, ciphers), 1);
    assert_int_equal(SSL_CTX_use_certificate(f->ctx, f->cert.x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(f->ctx, f->cert.key), 1);
    if (srtp != NULL)
        assert_int_equal(SSL_CTX_set_tlsext_use_srtp(f->ctx, srtp), 0);
    f->ssl = SSL_new(f->ctx);
    BIO *bio = mt_dgram_bio_new(&f->io, on_foreign_write, f, MT_DTLS_MTU_BYTES);
    SSL_set_bio(f->ssl, bio, bio);
    SSL_set_mtu(f->ssl, MT_DTLS_MTU_BYTES);
    if (client)
        SSL_set_connect_state(f->ssl);
    else
        SSL_set_accept_state(f->ssl);
}

static void close_foreign(foreign *f) {
    SSL_free(f->ssl);
    SSL_CTX_free(f->ctx);
    mt_cert_deinit(&f->cert);
    g_queue_clear_full(&f->wire, (GDestroyNotify)g_bytes_unref);
}

static void step(foreign *f, const uint8_t *p, size_t len) {
    mt_dgram_bio_feed(&f->io, p, len);
    int ret = f->up ? 1 : SSL_do_handshake(f->ssl);
    f->up |= ret == 1;
    if (ret != 1 && SSL_get_error(f->ssl, ret) == SSL_ERROR_SSL)
        f->failed = true;
    mt_dgram_bio_feed(&f->io, NULL, 0);
}

/* One handshake; we are the server where the partner is the client. */
static void meet(ours *o, foreign *f, bool we_are_client) {
    *o = (ours){.end = -1};
    g_queue_init(&o->wire);
    assert_int_equal(mt_dtls_create(MT_DTLS_CBC, &events, o, &o->dtls), MT_OK);
    assert_int_equal(mt_dtls_start(o->dtls, we_are_client, f->cert.fingerprint), MT_OK);
    if (!we_are_client)
        step(f, NULL, 0);
    GBytes *packet = NULL;
    for (;;) {
        bool to_foreign = (packet = g_queue_pop_head(&o->wire)) != NULL;
        if (packet == NULL)
            packet = g_queue_pop_head(&f->wire);
        if (packet == NULL)
            return;
        gsize len = 0;
        const uint8_t *p = g_bytes_get_data(packet, &len);
        if (to_foreign)
            step(f, p, len);
        else
            mt_dtls_input(o->dtls, p, len);
        g_bytes_unref(packet);
    }
}

static void part(ours *o, foreign *f) {
    mt_dtls_destroy(o->dtls);
    g_queue_clear_full(&o->wire, (GDestroyNotify)g_bytes_unref);
    close_foreign(f);
}

static void expect(bool we_are_client, const char *ciphers, uint64_t options, const char *srtp, bool good) {
    ours o;
    foreign f;
    open_foreign(&f, !we_are_client, ciphers, options, srtp);
    meet(&o, &f, we_are_client);
    if (good) {
        assert_true(o.up && f.up);
        assert_string_equal(mt_dtls_cipher(o.dtls), "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384");
        mt_dtls_keys keys;
        assert_int_equal(mt_dtls_export(o.dtls, &keys), MT_ESTATE); /* there are none for SRTP */
        assert_int_equal(mt_dtls_send(o.dtls, "hej", 3), MT_OK);
    } else {
        assert_false(o.up);
        assert_int_equal(o.end, MT_DTLS_REFUSED);
        assert_int_equal(mt_dtls_send(o.dtls, "hej", 3), MT_ESTATE);
    }
    part(&o, &f);
}

static void test_the_one_suite(void **state) {
    expect(true, CBC, 0, NULL, true);
    expect(false, CBC, 0, NULL, true);
    expect(false, "ECDHE-ECDSA-AES256-GCM-SHA384:" CBC, 0, NULL, true); /* we choose */
}

static void test_mac_then_encrypt_is_refused(void **state) {
    expect(true, CBC, SSL_OP_NO_ENCRYPT_THEN_MAC, NULL, false);
    expect(false, CBC, SSL_OP_NO_ENCRYPT_THEN_MAC, NULL, false);
}

static void test_other_suites_are_refused(void **state) {
    static const char *const others[] = {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256",
                                         "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0", "ECDHE-ECDSA-CHACHA20-POLY1305",
                                         "ECDHE-RSA-AES256-SHA384"};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        expect(true, others[i], 0, NULL, false);
        expect(false, others[i], 0, NULL, false);
    }
}

/* Offered, it is not taken up: as server we know nothing of it, as client we did not ask. */
static void test_srtp_is_not_agreed_on(void **state) {
    expect(true, CBC, 0, "SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80", true);
    expect(false, CBC, 0, "SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80", true);
}

static void test_gcm_refuses_cbc(void **state) {
    ours o = {.end = -1};
    foreign f;
    g_queue_init(&o.wire);
    open_foreign(&f, true, CBC, 0, "SRTP_AEAD_AES_256_GCM");
    assert_int_equal(mt_dtls_create(MT_DTLS_GCM, &events, &o, &o.dtls), MT_OK);
    assert_int_equal(mt_dtls_start(o.dtls, false, f.cert.fingerprint), MT_OK);
    step(&f, NULL, 0);
    GBytes *hello = NULL;
    while ((hello = g_queue_pop_head(&f.wire)) != NULL) {
        gsize len = 0;
        const uint8_t *p = g_bytes_get_data(hello, &len);
        mt_dtls_input(o.dtls, p, len);
        g_bytes_unref(hello);
    }
    assert_int_equal(o.end, MT_DTLS_REFUSED);
    part(&o, &f);
}

static int set_up(void **state) {
    return (int)mt_dgram_bio_init();
}

static int tear_down(void **state) {
    mt_dgram_bio_deinit();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_one_suite),
        cmocka_unit_test(test_mac_then_encrypt_is_refused),
        cmocka_unit_test(test_other_suites_are_refused),
        cmocka_unit_test(test_srtp_is_not_agreed_on),
        cmocka_unit_test(test_gcm_refuses_cbc),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
