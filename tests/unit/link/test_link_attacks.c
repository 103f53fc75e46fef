/* What someone on the way, or a partner who breaks the rules, can do to a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "link/link_internal.h"
#include "link_pair.h"

typedef struct attack {
    udp_proxy proxy;
    link_pair pair;
    unsigned flipped, replayed, injected, dtls_seen, rtp_seen;
    bool active, silent[2];
    GByteArray *recorded; /* one packet */
} attack;

static bool is_dtls(const uint8_t *p) {
    return p[0] >= 20 && p[0] <= 63;
}

static bool is_rtp(const uint8_t *p) {
    return p[0] >= 128 && p[0] <= 191;
}

static void open_attack(attack *t, proxy_hook_fn *hook, uint32_t silence_ms, uint32_t lost_ms,
                        uint32_t connect_ms) {
    mt_link_config a = pair_config(true), b = pair_config(false);
    *t = (attack){0};
    a.silence_ms = b.silence_ms = silence_ms;
    a.lost_ms = b.lost_ms = lost_ms;
    a.connect_ms = b.connect_ms = connect_ms;
    proxy_open(&t->proxy);
    t->proxy.hook = hook;
    t->proxy.ctx = t;
    pair_init(&t->pair);
    t->pair.rewrite = proxy_rewrite;
    t->pair.ctx = &t->proxy;
    pair_open(&t->pair, &a, &b);
}

static void close_attack(attack *t) {
    pair_close(&t->pair);
    proxy_close(&t->proxy);
}

static void say(link_end *e, unsigned number) {
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    assert_int_equal(mt_link_text(e->link, mt_slice_of(text)), MT_OK);
}

/* Each packet of the talk goes through, but also changed, repeated, sent back, and among foreign ones. */
static bool meddle(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    attack *t = x->ctx;
    uint8_t copy[2048], junk[64];
    if (!t->active || (!is_dtls(p) && !is_rtp(p)))
        return true;
    t->dtls_seen += is_dtls(p);
    t->rtp_seen += is_rtp(p);
    memcpy(copy, p, *len);
    for (unsigned i = 0; i < 3; i++) {
        size_t at = (size_t)g_random_int_range(0, (gint32)*len);
        uint8_t bit = (uint8_t)(1u << g_random_int_range(0, 8));
        copy[at] ^= bit;
        proxy_send(x, from_caller, copy, *len);
        copy[at] ^= bit;
        t->flipped++;
    }
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)g_random_int();
    proxy_send(x, from_caller, junk, sizeof junk);
    memcpy(junk, copy, 13);
    proxy_send(x, from_caller, junk, sizeof junk);
    t->injected += 2;
    proxy_send(x, from_caller, p, *len);  /* the true one */
    proxy_send(x, from_caller, p, *len);  /* again */
    proxy_send(x, !from_caller, p, *len); /* back to its sender */
    if (t->recorded->len > 0)
        proxy_send(x, from_caller, t->recorded->data, t->recorded->len); /* an old one */
    t->replayed += 3;
    if (t->replayed % 30 == 3) {
        g_byte_array_set_size(t->recorded, 0);
        g_byte_array_append(t->recorded, p, (guint)*len);
    }
    return false;
}

static void test_meddled_packets_are_dropped(void **state) {
    attack t;
    uint8_t rtp[200];
    open_attack(&t, meddle, 0, 0, 0);
    t.recorded = g_byte_array_new();
    pair_expect_secure(&t.pair);
    t.active = true;
    for (unsigned i = 1; i <= 60; i++) {
        say(&t.pair.a, i);
        say(&t.pair.b, i);
        mt_link_send_rtp(t.pair.a.link, rtp, make_rtp(rtp, i));
        mt_link_send_rtp(t.pair.b.link, rtp, make_rtp(rtp, i));
        pair_run_ms(&t.pair, 10);
    }
    PAIR_UNTIL(&t.pair, (t.pair.a.texts >= 60 && t.pair.b.texts >= 60) || t.pair.a.closed >= 0, 20000);
    print_message("%u changed, %u repeated, %u foreign packets\n", t.flipped, t.replayed, t.injected);
    assert_int_equal(t.pair.a.closed, -1);
    assert_int_equal(t.pair.b.closed, -1);
    assert_int_equal(t.pair.a.texts, 60);
    assert_int_equal(t.pair.b.texts, 60);
    assert_false(t.pair.a.disordered || t.pair.b.disordered);
    assert_int_equal(t.pair.a.rtps, 60);
    assert_int_equal(t.pair.b.rtps, 60);
    assert_true(t.rtp_seen >= 120 && t.dtls_seen >= 120);
    close_attack(&t);
    g_byte_array_unref(t.recorded);
}

static bool look(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    attack *t = x->ctx;
    static const char secret[] = "nobodyshouldreadthis";
    assert_null(memmem(p, *len, secret, sizeof secret - 1));
    assert_null(memmem(p, *len, "vvvvvvvv", 8)); /* voice */
    t->dtls_seen += is_dtls(p);
    t->rtp_seen += is_rtp(p);
    return true;
}

static void test_nothing_is_in_the_clear(void **state) {
    attack t;
    uint8_t rtp[200];
    open_attack(&t, look, 0, 0, 0);
    pair_expect_secure(&t.pair);
    assert_int_equal(mt_link_text(t.pair.a.link, MT_SLICE_LIT("nobodyshouldreadthis")), MT_OK);
    mt_link_send_rtp(t.pair.b.link, rtp, make_rtp(rtp, 1));
    PAIR_UNTIL(&t.pair, t.pair.b.texts && t.pair.a.rtps, 2000);
    assert_true(t.pair.b.texts && t.pair.a.rtps);
    assert_true(t.dtls_seen > 4 && t.rtp_seen == 1);
    close_attack(&t);
}

static char *wrong_fingerprint(link_pair *pair, const char *sdp, bool from_caller) {
    char *copy = g_strdup(sdp);
    if (from_caller != (pair->ctx != NULL))
        return copy;
    for (char *at = copy; (at = strstr(at, "a=fingerprint:sha-256 ")) != NULL;) {
        at += strlen("a=fingerprint:sha-256 ");
        *at = *at == '0' ? '1' : '0';
    }
    return copy;
}

static void refuse_fingerprint(bool callers_is_wrong) {
    link_pair p;
    pair_open_default(&p);
    p.rewrite = wrong_fingerprint;
    p.ctx = callers_is_wrong ? &p : NULL;
    link_end *judge = callers_is_wrong ? &p.b : &p.a, *other = callers_is_wrong ? &p.a : &p.b;
    PAIR_UNTIL(&p, judge->closed >= 0 && other->closed >= 0, 5000);
    assert_int_equal(judge->closed, MT_LINK_DTLS_FAILED);
    assert_int_equal(other->closed, MT_LINK_DTLS_FAILED);
    assert_int_equal(mt_dtls_alert(judge->link->dtls), 42);
    assert_int_equal(mt_dtls_alert(other->link->dtls), 42);
    assert_false(judge->secure || other->secure);
    assert_null(judge->link->srtp);
    pair_close(&p);
}

static void test_wrong_fingerprint_of_the_caller(void **state) {
    refuse_fingerprint(true);
}

static void test_wrong_fingerprint_of_the_callee(void **state) {
    refuse_fingerprint(false);
}

/* A server that ends DTLS on each side: two links back to back. Both talks come up; the words give it away. */
static void test_man_in_the_middle_has_other_words(void **state) {
    link_pair left, right; /* left.b and right.a are the man's */
    pair_open_default(&left);
    pair_open_default(&right);
    PAIR_UNTIL(&left, (pair_turn(&right), left.a.secure && left.b.secure && right.a.secure && right.b.secure), 10000);
    assert_true(left.a.secure && left.b.secure && right.a.secure && right.b.secure);
    unsigned equal = 0;
    for (int i = 0; i < 4; i++)
        equal += strcmp(left.a.how.words[i], right.b.how.words[i]) == 0;
    assert_true(equal < 4);
    pair_close(&left);
    pair_close(&right);
}

static void test_answer_comes_late(void **state) {
    link_pair p;
    pair_open_default(&p);
    p.hold_answer = true;
    pair_run_ms(&p, 300); /* the callee's checks and hello are on their way meanwhile */
    p.hold_answer = false;
    pair_expect_secure(&p);
    pair_close(&p);
}

static bool drop_silent(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    attack *t = x->ctx;
    return !t->silent[from_caller ? 0 : 1];
}

static void test_silence_heals(void **state) {
    attack t;
    open_attack(&t, drop_silent, 600, 6000, 0);
    pair_expect_secure(&t.pair);
    pair_run_ms(&t.pair, 1500);
    assert_int_equal(t.pair.a.reconnecting_on, 0);
    t.silent[0] = t.silent[1] = true;
    PAIR_UNTIL(&t.pair, t.pair.a.reconnecting_on && t.pair.b.reconnecting_on, 2000);
    assert_int_equal(t.pair.a.reconnecting_on, 1);
    assert_int_equal(t.pair.b.reconnecting_on, 1);
    for (unsigned i = 1; i <= 30; i++)
        say(&t.pair.a, i);
    pair_run_ms(&t.pair, 2500);
    t.silent[0] = t.silent[1] = false;
    PAIR_UNTIL(&t.pair, t.pair.a.reconnecting_off && t.pair.b.reconnecting_off && t.pair.b.texts == 30, 8000);
    assert_int_equal(t.pair.a.reconnecting_off, 1);
    assert_int_equal(t.pair.b.texts, 30);
    assert_false(t.pair.b.disordered);
    assert_int_equal(t.pair.a.closed, -1);
    close_attack(&t);
}

/* What piled up during an outage arrives at once: it must stay within the receiver's rate. */
static void test_backlog_after_an_outage_is_within_the_rate(void **state) {
    attack t;
    open_attack(&t, drop_silent, 1000, 12000, 0);
    pair_expect_secure(&t.pair);
    for (unsigned i = 1; i <= 150; i++) {
        say(&t.pair.a, i);
        say(&t.pair.b, i);
    }
    for (int outage = 0; outage < 2; outage++) {
        pair_run_ms(&t.pair, 1500);
        t.silent[0] = true;
        t.silent[1] = outage == 1;
        pair_run_ms(&t.pair, 4000);
        t.silent[0] = t.silent[1] = false;
    }
    PAIR_UNTIL(&t.pair, (t.pair.a.texts == 150 && t.pair.b.texts == 150) || t.pair.a.closed >= 0, 40000);
    assert_int_equal(t.pair.a.closed, -1);
    assert_int_equal(t.pair.b.closed, -1);
    assert_int_equal(t.pair.a.texts, 150);
    assert_int_equal(t.pair.b.texts, 150);
    assert_false(t.pair.a.disordered || t.pair.b.disordered);
    close_attack(&t);
}

static void test_silence_of_one_direction(void **state) {
    attack t;
    open_attack(&t, drop_silent, 500, 1500, 0);
    pair_expect_secure(&t.pair);
    t.silent[0] = true; /* nothing of the caller's arrives */
    PAIR_UNTIL(&t.pair, t.pair.b.closed >= 0, 4000);
    assert_int_equal(t.pair.b.reconnecting_on, 1);
    assert_int_equal(t.pair.b.closed, MT_LINK_LOST);
    close_attack(&t);
}

static void test_bye_into_silence_ends_within_a_second(void **state) {
    attack t;
    open_attack(&t, drop_silent, 0, 0, 0);
    pair_expect_secure(&t.pair);
    t.silent[0] = t.silent[1] = true;
    gint64 began_us = g_get_monotonic_time();
    mt_link_bye(t.pair.a.link);
    PAIR_UNTIL(&t.pair, t.pair.a.closed >= 0, 3000);
    assert_int_equal(t.pair.a.closed, MT_LINK_LOCAL_BYE);
    assert_in_range((g_get_monotonic_time() - began_us) / 1000, 900, 2500);
    close_attack(&t);
}

/* The network went away while the two connected: nobody who sits in between is to be suspected. */

static bool drop_dtls(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    return !is_dtls(p);
}

static void test_silence_during_the_handshake(void **state) {
    attack t;
    open_attack(&t, drop_dtls, 0, 0, 1000);
    PAIR_UNTIL(&t.pair, t.pair.a.signalled && t.pair.b.signalled, 2000);
    assert_true(t.pair.a.signalled && t.pair.b.signalled);
    PAIR_UNTIL(&t.pair, t.pair.a.closed >= 0 && t.pair.b.closed >= 0, 3000);
    assert_int_equal(t.pair.a.closed, MT_LINK_NO_PATH);
    assert_int_equal(t.pair.b.closed, MT_LINK_NO_PATH);
    close_attack(&t);
}

static bool drop_before_the_words(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    attack *t = x->ctx;
    const mt_link *a = t->pair.a.link, *b = t->pair.b.link;
    t->active |= a->phase == MT_PHASE_WORDS && b->phase == MT_PHASE_WORDS;
    return !t->active;
}

static void test_silence_during_the_words(void **state) {
    attack t;
    open_attack(&t, drop_before_the_words, 0, 0, 0);
    PAIR_UNTIL(&t.pair, t.active, 5000);
    assert_true(t.active);
    t.pair.a.link->sas.due_ms = t.pair.b.link->sas.due_ms = mt_clock_ms();
    PAIR_UNTIL(&t.pair, t.pair.a.closed >= 0 && t.pair.b.closed >= 0, 3000);
    assert_int_equal(t.pair.a.closed, MT_LINK_NO_PATH);
    assert_int_equal(t.pair.b.closed, MT_LINK_NO_PATH);
    close_attack(&t);
}

/* The real limits, in real time. */
static void test_silence_ends_after_15_s(void **state) {
    attack t;
    open_attack(&t, drop_silent, 0, 0, 0);
    pair_expect_secure(&t.pair);
    pair_run_ms(&t.pair, 4500);
    assert_int_equal(t.pair.a.reconnecting_on, 0);
    t.silent[0] = t.silent[1] = true;
    gint64 began_us = g_get_monotonic_time();
    PAIR_UNTIL(&t.pair, t.pair.a.reconnecting_on && t.pair.b.reconnecting_on, 6000);
    gint64 noticed_ms = (g_get_monotonic_time() - began_us) / 1000;
    assert_in_range(noticed_ms, 1900, 5000);
    PAIR_UNTIL(&t.pair, t.pair.a.closed >= 0 && t.pair.b.closed >= 0, 20000);
    gint64 ended_ms = (g_get_monotonic_time() - began_us) / 1000;
    assert_in_range(ended_ms, 13900, 17500);
    assert_int_equal(t.pair.a.closed, MT_LINK_LOST);
    assert_int_equal(t.pair.b.closed, MT_LINK_LOST);
    close_attack(&t);
}

/* ---- a partner who breaks the rules ---- */

static void break_rules(const char *json, unsigned times, mt_link_end expected) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(mt_data_send(p.b.link->data, mt_slice_of(json)), MT_OK);
    PAIR_UNTIL(&p, p.a.closed >= 0 && p.b.closed >= 0, 2000);
    assert_int_equal(p.a.closed, expected);
    assert_int_equal(p.b.closed, MT_LINK_REMOTE_BYE);
    pair_close(&p);
}

#define VALUE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void test_repeated_sas_ends(void **state) {
    break_rules("{\"type\":\"sas-commit\",\"hash\":\"" VALUE "\"}", 1, MT_LINK_SAS_FAILED);
    break_rules("{\"type\":\"sas-nonce\",\"nonce\":\"" VALUE "\"}", 1, MT_LINK_SAS_FAILED);
    break_rules("{\"type\":\"sas-reveal\",\"nonce\":\"" VALUE "\"}", 1, MT_LINK_SAS_FAILED);
}

static void test_malformed_message_ends(void **state) {
    break_rules("{\"type\":\"text\"", 1, MT_LINK_PROTOCOL);
    break_rules("[]", 1, MT_LINK_PROTOCOL);
    break_rules("{\"type\":\"pong\",\"id\":77777}", 1, MT_LINK_PROTOCOL);
}

static void test_flood_ends(void **state) {
    break_rules("{\"type\":\"future\"}", 60, MT_LINK_PROTOCOL);
}

static void test_unknown_type_is_ignored(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    assert_int_equal(mt_data_send(p.b.link->data, MT_SLICE_LIT("{\"type\":\"future\",\"x\":[1,2]}")), MT_OK);
    say(&p.b, 1);
    PAIR_UNTIL(&p, p.a.texts == 1, 2000);
    assert_int_equal(p.a.texts, 1);
    assert_int_equal(p.a.closed, -1);
    pair_close(&p);
}

static void test_oversized_message_ends(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    char *big = g_strnfill(MT_SCTP_MESSAGE_MAX_BYTES, 'x');
    assert_int_equal(mt_data_send(p.b.link->data, mt_slice_n(big, MT_SCTP_MESSAGE_MAX_BYTES)), MT_OK);
    g_free(big);
    PAIR_UNTIL(&p, p.a.closed >= 0, 2000);
    assert_int_equal(p.a.closed, MT_LINK_PROTOCOL);
    pair_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meddled_packets_are_dropped),
        cmocka_unit_test(test_nothing_is_in_the_clear),
        cmocka_unit_test(test_wrong_fingerprint_of_the_caller),
        cmocka_unit_test(test_wrong_fingerprint_of_the_callee),
        cmocka_unit_test(test_man_in_the_middle_has_other_words),
        cmocka_unit_test(test_answer_comes_late),
        cmocka_unit_test(test_silence_heals),
        cmocka_unit_test(test_backlog_after_an_outage_is_within_the_rate),
        cmocka_unit_test(test_silence_of_one_direction),
        cmocka_unit_test(test_bye_into_silence_ends_within_a_second),
        cmocka_unit_test(test_silence_during_the_handshake),
        cmocka_unit_test(test_silence_during_the_words),
        cmocka_unit_test(test_silence_ends_after_15_s),
        cmocka_unit_test(test_repeated_sas_ends),
        cmocka_unit_test(test_malformed_message_ends),
        cmocka_unit_test(test_flood_ends),
        cmocka_unit_test(test_unknown_type_is_ignored),
        cmocka_unit_test(test_oversized_message_ends),
    };
    g_random_set_seed(20261122);
    return cmocka_run_group_tests(tests, link_set_up, link_tear_down);
}
