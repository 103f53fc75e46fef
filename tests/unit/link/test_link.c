/* Whole links over real sockets on loopback: secure, talk, end, in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_pair.h"

static void test_secure_with_equal_words(void **state) {
    link_pair p;
    pair_open_default(&p);
    gint64 began_us = g_get_monotonic_time();
    pair_expect_secure(&p);
    gint64 took_us = g_get_monotonic_time() - began_us;
    assert_string_equal(p.a.how.dtls_cipher, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert_string_equal(p.a.how.srtp_profile, "AEAD_AES_256_GCM");
    assert_false(p.a.how.path.relayed);
    assert_string_equal(p.a.how.path.local, "host");
    assert_int_equal(p.a.how.policy, MT_POLICY_GCM);
    assert_int_equal(p.a.how.codec, MT_CODEC_OPUS);
    assert_int_equal(p.b.how.codec, MT_CODEC_OPUS);
    assert_int_equal(p.a.how.payload_type, 111);
    assert_int_equal(p.b.how.payload_type, 111);
    assert_int_equal(p.a.how.ptime_ms, 20);
    assert_true(p.a.how.ice_us > 0 && p.a.how.ice_us <= p.a.how.dtls_us && p.a.how.dtls_us <= p.a.how.channel_us);
    print_message("create to secure %d us; caller: ICE %d, DTLS %d, channel %d us after the answer\n", (int)took_us,
                  (int)p.a.how.ice_us, (int)p.a.how.dtls_us, (int)p.a.how.channel_us);
    pair_close(&p);
}

static void test_codec_of_the_offer_counts(void **state) {
    link_pair p;
    mt_link_config a = pair_config(true), b = pair_config(false);
    a.codec = MT_CODEC_L16;
    pair_init(&p);
    pair_open(&p, &a, &b);
    pair_expect_secure(&p);
    assert_int_equal(p.a.how.codec, MT_CODEC_L16);
    assert_int_equal(p.b.how.codec, MT_CODEC_L16);
    assert_int_equal(p.a.how.payload_type, p.b.how.payload_type);
    assert_int_equal(p.a.how.ptime_ms, 10);
    assert_int_equal(p.b.how.ptime_ms, 10);
    pair_close(&p);
}

static void test_text_both_ways(void **state) {
    static const char polish[] = "Zażółć gęślą jaźń 🐢";
    link_pair p;
    pair_open_default(&p);
    assert_int_equal(mt_link_text(p.a.link, MT_SLICE_LIT("early")), MT_ESTATE);
    pair_expect_secure(&p);
    assert_int_equal(mt_link_text(p.a.link, mt_slice_of(polish)), MT_OK);
    assert_int_equal(mt_link_text(p.b.link, MT_SLICE_LIT("a\tb\"\\")), MT_OK);
    assert_int_equal(mt_link_typing(p.a.link, true), MT_OK);
    assert_int_equal(mt_link_mic(p.b.link, true), MT_OK);
    PAIR_UNTIL(&p, p.a.texts && p.b.texts && p.b.typing && p.a.mic, 2000);
    assert_string_equal(p.b.text->str, polish);
    assert_string_equal(p.a.text->str, "a\tb\"\\");
    assert_true(p.b.typing && p.a.mic && !p.a.typing && !p.b.mic);
    assert_int_equal(mt_link_typing(p.a.link, false), MT_OK);
    assert_int_equal(mt_link_mic(p.b.link, false), MT_OK);
    PAIR_UNTIL(&p, !p.b.typing && !p.a.mic, 2000);
    assert_false(p.b.typing || p.a.mic);
    pair_close(&p);
}

static void test_text_limits(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    GString *long_text = g_string_new(NULL);
    for (int i = 0; i < 4000; i++)
        g_string_append(long_text, "ż");
    assert_int_equal(mt_link_text(p.a.link, mt_slice_n(long_text->str, long_text->len)), MT_OK);
    PAIR_UNTIL(&p, p.b.texts == 1, 2000);
    assert_string_equal(p.b.text->str, long_text->str);
    g_string_append(long_text, "ż");
    assert_int_equal(mt_link_text(p.a.link, mt_slice_n(long_text->str, long_text->len)), MT_ELIMIT);
    assert_int_equal(mt_link_text(p.a.link, MT_SLICE_LIT("")), MT_EBAD);
    assert_int_equal(mt_link_text(p.a.link, MT_SLICE_LIT("\xc3\x28")), MT_EBAD);
    g_string_free(long_text, TRUE);
    pair_close(&p);
}

static void test_queue_is_bounded(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    unsigned taken = 0;
    while (mt_link_text(p.a.link, MT_SLICE_LIT("1")) == MT_OK && taken < 10000)
        taken++;
    assert_in_range(taken, 2000, 2100);
    assert_int_equal(mt_link_unsent(p.a.link), 2000);
    assert_int_equal(mt_link_unsent(p.b.link), 0);
    pair_close(&p);
}

/* As fast as the channel's rate allows, and no faster: the partner would end the call. */
static void test_many_texts_both_ways_in_order(void **state) {
    enum { COUNT = 1000 };
    link_pair p;
    unsigned count = g_getenv("MT_TEST_SHORT") != NULL ? 100 : COUNT;
    pair_open_default(&p);
    pair_expect_secure(&p);
    for (unsigned i = 1; i <= count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        assert_int_equal(mt_link_text(p.a.link, mt_slice_of(text)), MT_OK);
        assert_int_equal(mt_link_text(p.b.link, mt_slice_of(text)), MT_OK);
    }
    gint64 began_us = g_get_monotonic_time();
    PAIR_UNTIL(&p, (p.a.texts == count && p.b.texts == count) || p.a.closed >= 0 || p.b.closed >= 0, 110000);
    assert_int_equal(p.a.closed, -1);
    assert_int_equal(p.a.texts, count);
    assert_int_equal(p.b.texts, count);
    assert_false(p.a.disordered || p.b.disordered);
    print_message("%u texts each way in %d ms\n", count, (int)((g_get_monotonic_time() - began_us) / 1000));
    pair_close(&p);
}

static void test_voice_from_other_threads(void **state) {
    link_pair p;
    uint8_t rtp[200];
    pair_open_default(&p);
    mt_link_send_rtp(p.a.link, rtp, make_rtp(rtp, 1)); /* before secure: dropped */
    pair_expect_secure(&p);
    GThread *a = end_speak(&p.a, 100), *b = end_speak(&p.b, 100);
    PAIR_UNTIL(&p, p.a.rtps == 100 && p.b.rtps == 100, 3000);
    g_thread_join(a);
    g_thread_join(b);
    assert_int_equal(p.a.rtps, 100);
    assert_int_equal(p.b.rtps, 100);
    size_t len = make_rtp(rtp, 99);
    assert_int_equal(p.a.rtp_len, len);
    assert_memory_equal(p.a.rtp, rtp, len);
    pair_close(&p);
}

/* Voice threads go on while the link ends under them. */
static void test_voice_while_ending(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    GThread *a = end_speak(&p.a, 100), *b = end_speak(&p.b, 100);
    pair_run_ms(&p, 20);
    mt_link_bye(p.a.link);
    PAIR_UNTIL(&p, p.a.closed >= 0 && p.b.closed >= 0, 2000);
    g_thread_join(a);
    g_thread_join(b);
    assert_int_equal(p.b.closed, MT_LINK_REMOTE_BYE);
    pair_close(&p);
}

static void hang_up(bool caller) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    link_end *who = caller ? &p.a : &p.b, *other = caller ? &p.b : &p.a;
    gint64 began_us = g_get_monotonic_time();
    mt_link_bye(who->link);
    mt_link_bye(who->link);
    assert_int_equal(mt_link_text(who->link, MT_SLICE_LIT("late")), MT_ESTATE);
    PAIR_UNTIL(&p, who->closed >= 0 && other->closed >= 0, 3000);
    assert_int_equal(who->closed, MT_LINK_LOCAL_BYE);
    assert_int_equal(other->closed, MT_LINK_REMOTE_BYE);
    assert_true(g_get_monotonic_time() - began_us < 900 * 1000); /* confirmed, not timed out */
    assert_int_equal(mt_link_text(other->link, MT_SLICE_LIT("late")), MT_ESTATE);
    pair_run_ms(&p, 50);
    pair_close(&p);
}

static void test_caller_hangs_up(void **state) {
    hang_up(true);
}

static void test_callee_hangs_up(void **state) {
    hang_up(false);
}

static void test_both_hang_up_at_once(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    mt_link_bye(p.a.link);
    mt_link_bye(p.b.link);
    PAIR_UNTIL(&p, p.a.closed >= 0 && p.b.closed >= 0, 3000);
    assert_int_equal(p.a.closed, MT_LINK_LOCAL_BYE);
    assert_int_equal(p.b.closed, MT_LINK_LOCAL_BYE);
    pair_close(&p);
}

static void test_bye_before_secure(void **state) {
    link_pair p;
    pair_open_default(&p);
    mt_link_bye(p.a.link);
    assert_int_equal(p.a.closed, -1); /* never from within a call of the owner's */
    PAIR_UNTIL(&p, p.a.closed >= 0, 1000);
    assert_int_equal(p.a.closed, MT_LINK_LOCAL_BYE);
    pair_close(&p);
}

static void test_destroyed_partner_is_noticed(void **state) {
    link_pair p;
    pair_open_default(&p);
    pair_expect_secure(&p);
    mt_link_destroy(p.a.link);
    p.a.link = NULL;
    PAIR_UNTIL(&p, p.b.closed >= 0, 1000);
    assert_int_equal(p.b.closed, MT_LINK_REMOTE_BYE);
    pair_close(&p);
}

static void test_destroy_from_callbacks(void **state) {
    link_pair p;
    pair_open_default(&p);
    p.a.destroy_in_secure = true;
    p.b.destroy_in_closed = true;
    PAIR_UNTIL(&p, p.b.closed >= 0, 5000);
    assert_true(p.a.link == NULL && p.b.link == NULL);
    pair_close(&p);
    pair_open_default(&p);
    p.b.destroy_in_text = true;
    pair_expect_secure(&p);
    for (int i = 0; i < 5; i++)
        assert_int_equal(mt_link_text(p.a.link, MT_SLICE_LIT("1")), MT_OK);
    PAIR_UNTIL(&p, p.a.closed >= 0, 2000);
    assert_int_equal(p.b.texts, 1);
    assert_null(p.b.link);
    pair_close(&p);
}

/* After any number of turns of the loop, so in any state. */
static void test_destroy_in_any_state(void **state) {
    for (unsigned turns = 0; turns < 400; turns += turns < 60 ? 3 : 20) {
        link_pair p;
        pair_open_default(&p);
        for (unsigned i = 0; i < turns; i++)
            pair_turn(&p);
        end_close(turns % 2 ? &p.a : &p.b);
        for (unsigned i = 0; i < 20; i++)
            pair_turn(&p);
        pair_close(&p);
    }
}

static void test_wrong_pair_fails_the_words(void **state) {
    link_pair p;
    mt_link_config a = pair_config(true), b = pair_config(false);
    b.pair[15] ^= 1;
    pair_init(&p);
    pair_open(&p, &a, &b);
    PAIR_UNTIL(&p, p.a.closed >= 0 && p.b.closed >= 0, 5000);
    assert_int_equal(p.b.closed, MT_LINK_SAS_FAILED);
    assert_false(p.b.secure);
    assert_int_not_equal(p.a.closed, -1);
    pair_close(&p);
}

static void test_states_of_sdp(void **state) {
    link_pair p;
    const char *sdp = NULL;
    pair_open_default(&p);
    assert_int_equal(mt_link_local_sdp(p.b.link, &sdp), MT_EMORE); /* no answer without an offer */
    assert_int_equal(mt_link_remote_sdp(p.b.link, MT_SLICE_LIT("v=0\r\n")), MT_EBAD);
    pair_expect_secure(&p);
    assert_int_equal(mt_link_local_sdp(p.a.link, &sdp), MT_OK);
    assert_int_equal(mt_link_remote_sdp(p.b.link, mt_slice_of(sdp)), MT_ESTATE);
    assert_null(strstr(sdp, "raddr"));
    assert_true(mt_link_silent_ms(p.a.link) < 1000);
    pair_close(&p);
}

static void test_configuration_is_checked(void **state) {
    mt_link *l = NULL;
    mt_link_events none = {0};
    mt_link_config cfg = pair_config(true);
    cfg.ptime_ms = 15;
    assert_int_equal(mt_link_create(&cfg, &none, NULL, &l), MT_EINVAL);
    assert_null(l);
}

static void test_no_path(void **state) {
    link_pair p;
    mt_link_config a = pair_config(true), b = pair_config(false);
    a.connect_ms = 700;
    pair_init(&p);
    pair_open(&p, &a, &b);
    p.hold_answer = true;
    PAIR_UNTIL(&p, p.b.ready, 2000);
    const char *answer = NULL;
    assert_int_equal(mt_link_local_sdp(p.b.link, &answer), MT_OK);
    char *copy = g_strdup(answer);
    end_close(&p.b);
    assert_int_equal(mt_link_remote_sdp(p.a.link, mt_slice_of(copy)), MT_OK);
    g_free(copy);
    PAIR_UNTIL(&p, p.a.closed >= 0, 3000);
    assert_int_equal(p.a.closed, MT_LINK_NO_PATH);
    pair_close(&p);
}

/* libnice reports no error then: gathering ends with nothing. */
static void test_dead_relay_is_told(void **state) {
    link_pair p;
    mt_link_config a = pair_config(true), b = pair_config(false);
    a.relay_only = true;
    mt_ice_servers servers = {.count = 1};
    assert_int_equal(mt_ice_server_parse(MT_SLICE_LIT("turn:127.0.0.1:9"), &servers.list[0]), MT_OK);
    assert_int_equal(mt_ice_server_credentials(&servers.list[0], MT_SLICE_LIT("x"), MT_SLICE_LIT("x")), MT_OK);
    a.servers = &servers;
    pair_init(&p);
    pair_open(&p, &a, &b);
    PAIR_UNTIL(&p, p.a.closed >= 0 || p.a.ready, 10000);
    assert_int_equal(p.a.closed, MT_LINK_NO_RELAY);
    assert_false(p.a.ready);
    pair_close(&p);
}

static void talk_once(void) {
    link_pair p;
    uint8_t rtp[200];
    pair_open_default(&p);
    pair_expect_secure(&p);
    assert_int_equal(mt_link_text(p.a.link, MT_SLICE_LIT("1")), MT_OK);
    mt_link_send_rtp(p.b.link, rtp, make_rtp(rtp, 1));
    PAIR_UNTIL(&p, p.b.texts && p.a.rtps, 2000);
    assert_true(p.b.texts && p.a.rtps);
    mt_link_bye(p.b.link);
    PAIR_UNTIL(&p, p.a.closed >= 0 && p.b.closed >= 0, 2000);
    pair_close(&p);
}

static void test_many_links_in_a_row_do_not_grow(void **state) {
    for (int i = 0; i < 10; i++)
        talk_once();
    unsigned fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    size_t heap = mallinfo2().uordblks;
    gint64 began_us = g_get_monotonic_time();
    for (int i = 0; i < 50; i++)
        talk_once();
    size_t grown = mallinfo2().uordblks - heap;
    print_message("50 pairs of links: %d ms each, heap grown by %zd bytes\n",
                  (int)((g_get_monotonic_time() - began_us) / 50000), (ssize_t)grown);
    assert_int_equal(count_entries("/proc/self/fd"), fds);
    assert_int_equal(count_entries("/proc/self/task"), threads);
    assert_true((ssize_t)grown < 128 * 1024); /* one lost link is 40 KiB; usrsctp's table of old tags swings by this */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_with_equal_words),
        cmocka_unit_test(test_codec_of_the_offer_counts),
        cmocka_unit_test(test_text_both_ways),
        cmocka_unit_test(test_text_limits),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_voice_from_other_threads),
        cmocka_unit_test(test_voice_while_ending),
        cmocka_unit_test(test_caller_hangs_up),
        cmocka_unit_test(test_callee_hangs_up),
        cmocka_unit_test(test_both_hang_up_at_once),
        cmocka_unit_test(test_bye_before_secure),
        cmocka_unit_test(test_destroyed_partner_is_noticed),
        cmocka_unit_test(test_destroy_from_callbacks),
        cmocka_unit_test(test_destroy_in_any_state),
        cmocka_unit_test(test_wrong_pair_fails_the_words),
        cmocka_unit_test(test_states_of_sdp),
        cmocka_unit_test(test_configuration_is_checked),
        cmocka_unit_test(test_no_path),
        cmocka_unit_test(test_dead_relay_is_told),
        cmocka_unit_test(test_many_links_in_a_row_do_not_grow),
        cmocka_unit_test(test_many_texts_both_ways_in_order),
    };
    return cmocka_run_group_tests(tests, link_set_up, link_tear_down);
}
