/* The handshake between two ends wired by a queue of datagrams: no sockets, a main loop only for retransmission. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/clock.h"
#include "link/dgram_bio.h"
#include "link/dtls.h"

typedef struct side {
    mt_dtls *dtls;
    struct side *other;
    GQueue wire;         /* of GBytes: what the other sent */
    unsigned sent, lose; /* datagrams of ours; how many of the first are lost */
    bool up;
    int end; /* -1: none */
    char data[64];
    unsigned records;
} side;

static void on_send(void *ctx, const uint8_t *p, size_t len) {
    side *s = ctx;
    assert_true(len <= MT_DTLS_MTU_BYTES);
    if (s->sent++ < s->lose)
        return;
    g_queue_push_tail(&s->other->wire, g_bytes_new(p, len));
}

static void on_up(void *ctx) {
    ((side *)ctx)->up = true;
}

static void on_data(void *ctx, const uint8_t *p, size_t len) {
    side *s = ctx;
    s->records++;
    assert_true(len < sizeof s->data);
    memcpy(s->data, p, len);
    s->data[len] = '\0';
}

static void on_end(void *ctx, mt_dtls_end why) {
    side *s = ctx;
    assert_int_equal(s->end, -1);
    s->end = (int)why;
}

static const mt_dtls_events events = {.send = on_send, .up = on_up, .data = on_data, .end = on_end};

typedef struct pair {
    side a, b; /* a is the client */
} pair;

static void open_side(side *s, side *other) {
    *s = (side){.other = other, .end = -1};
    g_queue_init(&s->wire);
    assert_int_equal(mt_dtls_create(MT_DTLS_GCM, &events, s, &s->dtls), MT_OK);
}

static void open_pair(pair *p) {
    open_side(&p->a, &p->b);
    open_side(&p->b, &p->a);
}

static void close_pair(pair *p) {
    mt_dtls_destroy(p->a.dtls);
    mt_dtls_destroy(p->b.dtls);
    g_queue_clear_full(&p->a.wire, (GDestroyNotify)g_bytes_unref);
    g_queue_clear_full(&p->b.wire, (GDestroyNotify)g_bytes_unref);
}

static bool carry_one(side *s) {
    GBytes *packet = g_queue_pop_head(&s->wire);
    if (packet == NULL)
        return false;
    gsize len = 0;
    const uint8_t *p = g_bytes_get_data(packet, &len);
    mt_dtls_input(s->dtls, p, len);
    g_bytes_unref(packet);
    return true;
}

static void carry(pair *p) {
    while (carry_one(&p->a) || carry_one(&p->b))
        ;
}

static void start(side *s, bool client) {
    assert_int_equal(mt_dtls_start(s->dtls, client, mt_dtls_fingerprint(s->other->dtls)), MT_OK);
}

static void shake_hands(pair *p) {
    start(&p->b, false);
    start(&p->a, true);
    carry(p);
    assert_true(p->a.up && p->b.up);
}

static void test_handshake_agrees(void **state) {
    pair p;
    mt_dtls_keys ka, kb;
    open_pair(&p);
    shake_hands(&p);
    assert_int_equal(mt_dtls_export(p.a.dtls, &ka), MT_OK);
    assert_int_equal(mt_dtls_export(p.b.dtls, &kb), MT_OK);
    assert_int_equal(ka.profile, 8);
    assert_string_equal(ka.profile_name, "AEAD_AES_256_GCM");
    assert_memory_equal(ka.b, kb.b, sizeof ka.b);
    assert_true(ka.client && !kb.client);
    assert_string_equal(mt_dtls_cipher(p.a.dtls), "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert_memory_equal(mt_dtls_peer_fingerprint(p.a.dtls), mt_dtls_fingerprint(p.b.dtls), 32);
    assert_memory_equal(mt_dtls_peer_fingerprint(p.b.dtls), mt_dtls_fingerprint(p.a.dtls), 32);
    assert_int_equal(mt_dtls_send(p.a.dtls, "hej", 3), MT_OK);
    carry(&p);
    assert_string_equal(p.b.data, "hej");
    close_pair(&p);
}

static void test_certificates_differ(void **state) {
    mt_cert a, b;
    assert_int_equal(mt_cert_init(&a), MT_OK);
    assert_int_equal(mt_cert_init(&b), MT_OK);
    assert_memory_not_equal(a.fingerprint, b.fingerprint, sizeof a.fingerprint);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a.x509), X509_get0_serialNumber(b.x509)), 0);
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(a.x509), X509_get_subject_name(b.x509)), 0);
    assert_true(X509_cmp_current_time(X509_get0_notBefore(a.x509)) < 0);
    assert_true(X509_cmp_current_time(X509_get0_notAfter(a.x509)) > 0);
    time_t an_hour_ago = time(NULL) - 3600;
    assert_true(X509_cmp_time(X509_get0_notBefore(a.x509), &an_hour_ago) < 0);
    mt_cert_deinit(&a);
    mt_cert_deinit(&b);
}

static void refuse(bool by_client) {
    pair p;
    uint8_t wrong[32];
    open_pair(&p);
    side *judge = by_client ? &p.a : &p.b;
    memcpy(wrong, mt_dtls_fingerprint(judge->other->dtls), sizeof wrong);
    wrong[31] ^= 1;
    if (by_client)
        start(&p.b, false);
    else
        assert_int_equal(mt_dtls_start(p.b.dtls, false, wrong), MT_OK);
    if (by_client)
        assert_int_equal(mt_dtls_start(p.a.dtls, true, wrong), MT_OK);
    else
        start(&p.a, true);
    carry(&p);
    assert_int_equal(judge->end, MT_DTLS_REFUSED);
    assert_false(judge->up);
    assert_int_equal(mt_dtls_alert(judge->dtls), 42);
    assert_int_equal(mt_dtls_alert(judge->other->dtls), 42);
    assert_int_equal(judge->other->end, MT_DTLS_REFUSED);
    assert_false(judge->other->up);
    assert_int_equal(mt_dtls_send(judge->dtls, "x", 1), MT_ESTATE);
    close_pair(&p);
}

static void test_client_refuses_wrong_fingerprint(void **state) {
    refuse(true);
}

static void test_server_refuses_wrong_fingerprint(void **state) {
    refuse(false);
}

static void test_early_packets_are_kept(void **state) {
    pair p;
    open_pair(&p);
    start(&p.a, true);
    carry(&p); /* ClientHello reaches a server that knows no fingerprint yet */
    assert_int_equal(p.b.sent, 0);
    start(&p.b, false);
    carry(&p);
    assert_true(p.a.up && p.b.up);
    assert_int_equal(p.a.lose, 0);
    close_pair(&p);
}

static void test_early_packets_are_bounded(void **state) {
    pair p;
    uint8_t junk[3000] = {22};
    open_pair(&p);
    for (int i = 0; i < 1000; i++)
        mt_dtls_input(p.b.dtls, junk, i % 2 ? sizeof junk : 64);
    mt_dtls_input(p.b.dtls, junk, 0);
    start(&p.a, true);
    start(&p.b, false);
    carry(&p);
    assert_true(p.a.up && p.b.up);
    close_pair(&p);
}

static void test_loss_is_made_good_early(void **state) {
    pair p;
    open_pair(&p);
    p.a.lose = 1;
    p.b.lose = 1;
    int64_t began_ms = mt_clock_ms();
    start(&p.b, false);
    start(&p.a, true);
    while (!(p.a.up && p.b.up) && mt_clock_ms() - began_ms < 10000) {
        carry(&p);
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    }
    assert_true(p.a.up && p.b.up);
    assert_true(mt_clock_ms() - began_ms < 950); /* OpenSSL's own timer would need a second and more */
    close_pair(&p);
}

static void test_flipped_and_repeated_records_are_dropped(void **state) {
    pair p;
    open_pair(&p);
    shake_hands(&p);
    for (size_t at = 0; at < 30; at++) {
        assert_int_equal(mt_dtls_send(p.a.dtls, "tajne", 5), MT_OK);
        GBytes *packet = g_queue_pop_head(&p.b.wire);
        gsize len = 0;
        uint8_t *copy = g_memdup2(g_bytes_get_data(packet, &len), g_bytes_get_size(packet));
        len = g_bytes_get_size(packet);
        unsigned before = p.b.records;
        copy[at % len] ^= 0x10;
        mt_dtls_input(p.b.dtls, copy, len);
        assert_int_equal(p.b.records, before);
        copy[at % len] ^= 0x10;
        mt_dtls_input(p.b.dtls, copy, len);
        mt_dtls_input(p.b.dtls, copy, len);
        assert_int_equal(p.b.records, before + 1);
        g_free(copy);
        g_bytes_unref(packet);
    }
    assert_int_equal(p.b.end, -1);
    close_pair(&p);
}

/* What anyone who knows the port can send: no alert, hello or record of his may touch an established session. */
static void test_injected_packets_do_not_end_it(void **state) {
    static const uint8_t close_notify[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0};
    static const uint8_t fatal[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    static const uint8_t fatal_epoch1[] = {21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    pair p;
    open_pair(&p);
    shake_hands(&p);
    mt_dtls_input(p.b.dtls, close_notify, sizeof close_notify);
    mt_dtls_input(p.b.dtls, fatal, sizeof fatal);
    mt_dtls_input(p.b.dtls, fatal_epoch1, sizeof fatal_epoch1);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t junk[96];
        guint32 len = 1 + (guint32)g_random_int_range(0, 95);
        for (guint32 j = 0; j < len; j++)
            junk[j] = (uint8_t)g_random_int();
        junk[0] = (uint8_t)g_random_int_range(20, 64);
        if (i % 2 && len > 13) { /* a plausible header */
            static const uint8_t head[] = {0xfe, 0xfd, 0, 0};
            memcpy(junk + 1, head, sizeof head);
            junk[4] = (uint8_t)(i & 2 ? 1 : 0);
            junk[11] = 0;
            junk[12] = (uint8_t)(len - 13);
        }
        mt_dtls_input(i & 4 ? p.a.dtls : p.b.dtls, junk, len);
    }
    carry(&p);
    assert_int_equal(p.a.end, -1);
    assert_int_equal(p.b.end, -1);
    assert_int_equal(mt_dtls_send(p.a.dtls, "still", 5), MT_OK);
    assert_int_equal(mt_dtls_send(p.b.dtls, "here", 4), MT_OK);
    carry(&p);
    assert_string_equal(p.b.data, "still");
    assert_string_equal(p.a.data, "here");
    close_pair(&p);
}

static void test_close_notify_is_told(void **state) {
    pair p;
    open_pair(&p);
    shake_hands(&p);
    mt_dtls_close(p.a.dtls);
    carry(&p);
    assert_int_equal(p.b.end, MT_DTLS_CLOSED);
    assert_int_equal(p.a.end, -1);
    assert_int_equal(mt_dtls_send(p.b.dtls, "x", 1), MT_ESTATE);
    close_pair(&p);
}

static void test_states(void **state) {
    pair p;
    mt_dtls_keys keys;
    open_pair(&p);
    assert_int_equal(mt_dtls_send(p.a.dtls, "x", 1), MT_ESTATE);
    assert_int_equal(mt_dtls_export(p.a.dtls, &keys), MT_ESTATE);
    start(&p.a, true);
    assert_int_equal(mt_dtls_start(p.a.dtls, true, mt_dtls_fingerprint(p.b.dtls)), MT_ESTATE);
    mt_dtls_close(p.a.dtls);
    close_pair(&p);
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
        cmocka_unit_test(test_handshake_agrees),
        cmocka_unit_test(test_certificates_differ),
        cmocka_unit_test(test_client_refuses_wrong_fingerprint),
        cmocka_unit_test(test_server_refuses_wrong_fingerprint),
        cmocka_unit_test(test_early_packets_are_kept),
        cmocka_unit_test(test_early_packets_are_bounded),
        cmocka_unit_test(test_loss_is_made_good_early),
        cmocka_unit_test(test_flipped_and_repeated_records_are_dropped),
        cmocka_unit_test(test_injected_packets_do_not_end_it),
        cmocka_unit_test(test_close_notify_is_told),
        cmocka_unit_test(test_states),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
