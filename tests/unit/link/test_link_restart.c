/* ICE restart: a talk moves onto another path with the keys and words that it has. The first path leads through one
 * proxy, those of the restarts through another, so that it shows which is in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "link/link_internal.h"
#include "link_pair.h"

typedef struct way { /* what passed a proxy, by direction: from the caller first */
    udp_proxy proxy;
    bool dead[2];
    unsigned dtls[2], handshakes, rtp[2];
} way;

typedef struct world {
    link_pair pair;
    way first, second;
} world;

static bool watch(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    way *w = x->ctx;
    int from = from_caller ? 0 : 1;
    if (p[0] >= 20 && p[0] <= 63)
        w->dtls[from]++;
    if (p[0] >= 128 && p[0] <= 191)
        w->rtp[from]++;
    w->handshakes += p[0] == 22;
    return !w->dead[from];
}

static void open_way(way *w) {
    *w = (way){0};
    proxy_open(&w->proxy);
    w->proxy.hook = watch;
    w->proxy.ctx = w;
}

static void open_world(world *w, mt_link_policy policy, uint32_t silence_ms, uint32_t lost_ms) {
    mt_link_config a = pair_config(true), b = pair_config(false);
    a.policy = b.policy = policy;
    a.silence_ms = b.silence_ms = silence_ms;
    a.lost_ms = b.lost_ms = lost_ms;
    open_way(&w->first);
    open_way(&w->second);
    pair_init(&w->pair);
    w->pair.rewrite = proxy_rewrite;
    w->pair.ctx = &w->first.proxy;
    pair_open(&w->pair, &a, &b);
    pair_expect_secure(&w->pair);
}

static void close_world(world *w) {
    pair_close(&w->pair);
    proxy_close(&w->first.proxy);
    proxy_close(&w->second.proxy);
}

/* What one side has ready, as it reaches the other. */
static char *take(world *w, link_end *from) {
    const char *sdp = NULL;
    assert_int_equal(mt_link_restart_sdp(from->link, &sdp), MT_OK);
    w->pair.ctx = &w->second.proxy;
    char *carried = proxy_rewrite(&w->pair, sdp, from == &w->pair.a);
    w->pair.ctx = &w->first.proxy;
    return carried;
}

static mt_err carry(world *w, link_end *from, link_end *to) {
    char *sdp = take(w, from);
    mt_err err = mt_link_restart_remote(to->link, mt_slice_of(sdp));
    g_free(sdp);
    return err;
}

/* The caller's offer is ready. */
static void offer(world *w) {
    unsigned before = w->pair.a.restarts;
    assert_int_equal(mt_link_restart(w->pair.a.link), MT_OK);
    PAIR_UNTIL(&w->pair, w->pair.a.restarts > before, 2000);
    assert_int_equal(w->pair.a.restarts, before + 1);
}

static void answer(world *w) {
    unsigned before = w->pair.b.restarts;
    assert_int_equal(carry(w, &w->pair.a, &w->pair.b), MT_OK);
    PAIR_UNTIL(&w->pair, w->pair.b.restarts > before, 2000);
    assert_int_equal(w->pair.b.restarts, before + 1);
}

static bool moved(const world *w, const mt_ice *a, const mt_ice *b) {
    return w->pair.a.link->ice != a && w->pair.b.link->ice != b;
}

static void restart(world *w) {
    const mt_ice *a = w->pair.a.link->ice, *b = w->pair.b.link->ice;
    offer(w);
    answer(w);
    assert_int_equal(carry(w, &w->pair.b, &w->pair.a), MT_OK);
    PAIR_UNTIL(&w->pair, moved(w, a, b), 5000);
    assert_true(moved(w, a, b));
}

static void say(link_end *e, unsigned number) {
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    assert_int_equal(mt_link_text(e->link, mt_slice_of(text)), MT_OK);
}

static void expect_talk(world *w, unsigned number, int limit_ms) {
    link_end *a = &w->pair.a, *b = &w->pair.b;
    uint8_t rtp[200];
    unsigned a_heard = a->rtps, b_heard = b->rtps;
    say(a, number);
    say(b, number);
    for (int i = 0; i < limit_ms / 50 && (a->texts < number || b->texts < number || a->rtps == a_heard); i++) {
        mt_link_send_rtp(a->link, rtp, make_rtp(rtp, 100 * number + (unsigned)i));
        mt_link_send_rtp(b->link, rtp, make_rtp(rtp, 100 * number + (unsigned)i));
        pair_run_ms(&w->pair, 50);
    }
    assert_int_equal(a->texts, number);
    assert_int_equal(b->texts, number);
    assert_false(a->disordered || b->disordered);
    assert_true(a->rtps > a_heard && b->rtps > b_heard);
    assert_int_equal(a->closed, -1);
    assert_int_equal(b->closed, -1);
}

static void expect_words_kept(const world *w) {
    for (int i = 0; i < 4; i++) {
        const char *now[4];
        assert_int_equal(mt_sas_words(&w->pair.a.link->sas, now), MT_OK);
        assert_string_equal(now[i], w->pair.a.how.words[i]);
        assert_int_equal(mt_sas_words(&w->pair.b.link->sas, now), MT_OK);
        assert_string_equal(now[i], w->pair.b.how.words[i]);
    }
}

static void move_and_cut(mt_link_policy policy) {
    world w;
    open_world(&w, policy, 0, 0);
    expect_talk(&w, 1, 2000);
    assert_int_equal(w.second.dtls[0] + w.second.dtls[1], 0);
    gint64 began_us = g_get_monotonic_time();
    restart(&w);
    print_message("%s: moved in %d ms\n", mt_link_policy_str(policy),
                  (int)((g_get_monotonic_time() - began_us) / 1000));
    w.first.dead[0] = w.first.dead[1] = true; /* the old path is not needed any more */
    expect_talk(&w, 2, 3000);
    assert_true(w.second.dtls[0] > 0 && w.second.dtls[1] > 0);
    assert_true(policy == MT_POLICY_CBC || (w.second.rtp[0] > 0 && w.second.rtp[1] > 0));
    assert_int_equal(w.second.handshakes, 0); /* the same association */
    expect_words_kept(&w);
    assert_int_equal(w.pair.a.reconnecting_on + w.pair.b.reconnecting_on, 0);
    mt_link_bye(w.pair.b.link);
    PAIR_UNTIL(&w.pair, w.pair.a.closed >= 0 && w.pair.b.closed >= 0, 2000);
    assert_int_equal(w.pair.a.closed, MT_LINK_REMOTE_BYE);
    close_world(&w);
}

static void test_talk_moves(void **state) {
    move_and_cut(MT_POLICY_GCM);
}

static void test_talk_moves_under_cbc(void **state) {
    move_and_cut(MT_POLICY_CBC);
}

static void test_dead_path_is_left(void **state) {
    world w;
    open_world(&w, MT_POLICY_GCM, 1500, 10000);
    expect_talk(&w, 1, 2000);
    w.first.dead[0] = w.first.dead[1] = true;
    PAIR_UNTIL(&w.pair, w.pair.a.reconnecting_on && w.pair.b.reconnecting_on, 3000);
    for (unsigned i = 2; i <= 20; i++) { /* said into the outage */
        say(&w.pair.a, i);
        say(&w.pair.b, i);
    }
    restart(&w);
    gint64 began_us = g_get_monotonic_time();
    PAIR_UNTIL(&w.pair, w.pair.a.texts == 20 && w.pair.b.texts == 20, 6000);
    print_message("everything said is there %d ms after the move\n", (int)((g_get_monotonic_time() - began_us) / 1000));
    expect_talk(&w, 21, 3000);
    assert_int_equal(w.pair.a.reconnecting_on, 1);
    assert_int_equal(w.pair.a.reconnecting_off, 1);
    assert_int_equal(w.pair.b.reconnecting_off, 1);
    assert_int_equal(w.second.handshakes, 0);
    expect_words_kept(&w);
    close_world(&w);
}

/* The callee alone hears nothing: it falls silent, and so the caller learns of it. A bye is said all the same. */
static void test_callee_asks_by_silence(void **state) {
    world w;
    uint8_t rtp[200];
    open_world(&w, MT_POLICY_GCM, 1500, 10000);
    w.first.dead[0] = true;
    PAIR_UNTIL(&w.pair, w.pair.b.reconnecting_on, 3000);
    assert_int_equal(w.pair.a.reconnecting_on, 0);
    unsigned dtls = w.first.dtls[1], voice = w.first.rtp[1];
    say(&w.pair.b, 1);
    mt_link_send_rtp(w.pair.b.link, rtp, make_rtp(rtp, 1));
    PAIR_UNTIL(&w.pair, w.pair.a.reconnecting_on, 3000);
    assert_int_equal(w.pair.a.reconnecting_on, 1);
    assert_int_equal(w.first.dtls[1], dtls);
    assert_int_equal(w.first.rtp[1], voice);
    w.first.dead[0] = false; /* heard again, it speaks again */
    PAIR_UNTIL(&w.pair, w.pair.a.reconnecting_off && w.pair.b.reconnecting_off && w.pair.a.texts == 1, 5000);
    assert_int_equal(w.pair.a.texts, 1);
    w.first.dead[0] = true;
    PAIR_UNTIL(&w.pair, w.pair.b.reconnecting_on == 2, 3000);
    mt_link_bye(w.pair.b.link);
    PAIR_UNTIL(&w.pair, w.pair.a.closed >= 0, 900);
    assert_int_equal(w.pair.a.closed, MT_LINK_REMOTE_BYE);
    close_world(&w);
}

/* A page that asks for a new path by silence goes on confirming and reporting: for its caller that was talk enough. */
static void test_a_page_is_silent_in_its_way(void **state) {
    static const uint8_t report[] = {0x80, 201, 0, 1, 0, 0, 0, 7}; /* RTCP, a receiver's, of nothing */
    world w;
    open_world(&w, MT_POLICY_GCM, 1500, 10000);
    expect_talk(&w, 1, 2000);
    w.pair.b.link->phase = MT_PHASE_BYE; /* says nothing more, and answers no message */
    for (int i = 0; i < 40 && !w.pair.a.reconnecting_on; i++) {
        mt_data_beat(w.pair.b.link->data);
        mt_link_send_rtcp(w.pair.b.link, report, sizeof report);
        pair_run_ms(&w.pair, 100);
    }
    assert_int_equal(w.pair.a.reconnecting_on, 1);
    assert_true(w.first.dtls[1] > 10 && w.first.rtp[1] > 10);
    w.pair.b.link->phase = MT_PHASE_SECURE;
    PAIR_UNTIL(&w.pair, w.pair.a.reconnecting_off, 2000);
    assert_int_equal(w.pair.a.reconnecting_off, 1);
    close_world(&w);
}

/* Only what the callee sends gets lost. The caller, whose every word has been confirmed below the messages, has nothing
 * to say until the callee answers, and the callee is silent until it hears the caller: neither may wait for the other.
 */
static void test_nobody_waits_for_the_other(void **state) {
    for (unsigned pause_ms = 0; pause_ms < 200; pause_ms += 60) {
        world w;
        open_world(&w, MT_POLICY_GCM, 1500, 10000);
        pair_run_ms(&w.pair, pause_ms);
        w.first.dead[1] = true;
        PAIR_UNTIL(&w.pair, w.pair.a.reconnecting_on && w.pair.b.reconnecting_on, 5000);
        restart(&w);
        PAIR_UNTIL(&w.pair, w.pair.a.reconnecting_off && w.pair.b.reconnecting_off, 1000);
        assert_int_equal(w.pair.a.reconnecting_off, 1);
        expect_talk(&w, 1, 3000);
        close_world(&w);
    }
}

static void test_in_the_wrong_state(void **state) {
    world w;
    link_pair p;
    const char *sdp = NULL;
    pair_open_default(&p);
    assert_int_equal(mt_link_restart(p.a.link), MT_ESTATE); /* there is no talk yet */
    assert_int_equal(mt_link_restart_remote(p.b.link, MT_SLICE_LIT("v=0\r\n")), MT_ESTATE);
    pair_close(&p);
    open_world(&w, MT_POLICY_GCM, 0, 0);
    assert_int_equal(mt_link_restart(w.pair.b.link), MT_ESTATE);
    assert_int_equal(mt_link_restart_sdp(w.pair.a.link, &sdp), MT_EMORE);
    assert_int_equal(mt_link_restart_remote(w.pair.a.link, MT_SLICE_LIT("v=0\r\n")), MT_ESTATE); /* no offer */
    assert_int_equal(mt_link_restart_remote(w.pair.b.link, MT_SLICE_LIT("v=0\r\n")), MT_EBAD);
    restart(&w);
    assert_int_equal(carry(&w, &w.pair.b, &w.pair.a), MT_ESTATE); /* answered already */
    mt_link_bye(w.pair.a.link);
    assert_int_equal(mt_link_restart(w.pair.a.link), MT_ESTATE);
    close_world(&w);
}

static char *replaced(const char *sdp, const char *what, const char *with) {
    char **parts = g_strsplit(sdp, what, -1);
    assert_non_null(parts[1]);
    char *joined = g_strjoinv(with, parts);
    g_strfreev(parts);
    return joined;
}

static void refuse(world *w, link_end *to, const char *sdp, const char *what, const char *with) {
    char *changed = replaced(sdp, what, with);
    assert_int_equal(mt_link_restart_remote(to->link, mt_slice_of(changed)), MT_EBAD);
    g_free(changed);
}

static void refuse_all(world *w, link_end *to, const char *sdp) {
    const char *fingerprint = strstr(sdp, "a=fingerprint:sha-256 ") + strlen("a=fingerprint:sha-256 ");
    char *one = g_strndup(fingerprint, 95), *other = g_strdup(one);
    other[0] = other[0] == '0' ? '1' : '0';
    refuse(w, to, sdp, one, other);
    refuse(w, to, sdp, "a=setup:", "a=setup:hold");
    refuse(w, to, sdp, "a=mid:1", "a=mid:2");
    refuse(w, to, sdp, "opus/48000/2", "opus/48000/3");
    refuse(w, to, sdp, "rtpmap:111 ", "rtpmap:112 ");
    refuse(w, to, sdp, "sctp-port:5000", "sctp-port:5001");
    g_free(one);
    g_free(other);
}

/* The description of before, and one of another partner: refused, and the talk goes on over what there is. */
static void test_what_is_refused(void **state) {
    world w;
    open_world(&w, MT_POLICY_GCM, 0, 0);
    const mt_ice *a = w.pair.a.link->ice, *b = w.pair.b.link->ice;
    const char *first = NULL;
    assert_int_equal(mt_link_local_sdp(w.pair.a.link, &first), MT_OK);
    assert_int_equal(mt_link_restart_remote(w.pair.b.link, mt_slice_of(first)), MT_EBAD);
    offer(&w);
    char *sdp = take(&w, &w.pair.a);
    refuse_all(&w, &w.pair.b, sdp);
    g_free(sdp);
    assert_null(w.pair.b.link->next.ice);
    answer(&w);
    assert_int_equal(mt_link_local_sdp(w.pair.b.link, &first), MT_OK);
    assert_int_equal(mt_link_restart_remote(w.pair.a.link, mt_slice_of(first)), MT_EBAD);
    sdp = take(&w, &w.pair.b);
    refuse_all(&w, &w.pair.a, sdp);
    refuse(&w, &w.pair.a, sdp, "a=setup:active", "a=setup:passive");
    g_free(sdp);
    pair_run_ms(&w.pair, 300);
    assert_ptr_equal(w.pair.a.link->ice, a);
    assert_ptr_equal(w.pair.b.link->ice, b);
    expect_talk(&w, 1, 2000);
    assert_int_equal(carry(&w, &w.pair.b, &w.pair.a), MT_OK); /* the true one, still */
    PAIR_UNTIL(&w.pair, moved(&w, a, b), 3000);
    assert_true(moved(&w, a, b));
    expect_talk(&w, 2, 2000);
    close_world(&w);
}

/* Where addresses are hidden, a restart may tell none either; and without a relay none is offered. */
static void test_relay_only_holds(void **state) {
    world w;
    open_world(&w, MT_POLICY_GCM, 0, 0);
    offer(&w);
    w.pair.b.link->cfg.relay_only = true;
    assert_int_equal(carry(&w, &w.pair.a, &w.pair.b), MT_EBAD);
    w.pair.a.link->cfg.relay_only = true;
    assert_int_equal(mt_link_restart(w.pair.a.link), MT_OK);
    PAIR_UNTIL(&w.pair, w.pair.a.restarts_failed > 0, 6000);
    assert_int_equal(w.pair.a.restarts_failed, 1);
    assert_int_equal(w.pair.a.restarts, 1);
    expect_talk(&w, 1, 2000);
    close_world(&w);
}

static unsigned version_of(const char *sdp) {
    unsigned long long id = 0;
    unsigned version = 0;
    assert_int_equal(sscanf(strstr(sdp, "o=- "), "o=- %llu %u", &id, &version), 2);
    return version;
}

/* Offers that nobody answers, and answers that get lost, leave the talk where it is; the next try does. */
static void test_tries_that_come_to_nothing(void **state) {
    world w;
    const char *sdp = NULL;
    open_world(&w, MT_POLICY_GCM, 0, 0);
    offer(&w);
    mt_link_restart_stop(w.pair.a.link);
    assert_int_equal(mt_link_restart_sdp(w.pair.a.link, &sdp), MT_EMORE);
    expect_talk(&w, 1, 2000);
    offer(&w);
    answer(&w);
    offer(&w); /* the answer was lost */
    assert_int_equal(mt_link_restart_sdp(w.pair.a.link, &sdp), MT_OK);
    assert_int_equal(version_of(sdp), 4);
    expect_talk(&w, 2, 2000);
    restart(&w);
    w.first.dead[0] = w.first.dead[1] = true;
    expect_talk(&w, 3, 3000);
    restart(&w); /* and again, over a path of its own */
    expect_talk(&w, 4, 3000);
    expect_words_kept(&w);
    close_world(&w);
}

/* Voice comes from threads of its own while the path is changed under it; none of it is lost. */
static void test_voice_while_moving(void **state) {
    world w;
    open_world(&w, MT_POLICY_GCM, 0, 0);
    GThread *a = end_speak(&w.pair.a, 1500), *b = end_speak(&w.pair.b, 1500);
    restart(&w);
    PAIR_UNTIL(&w.pair, w.pair.a.rtps == 1500 && w.pair.b.rtps == 1500, 5000);
    g_thread_join(a);
    g_thread_join(b);
    assert_int_equal(w.pair.a.rtps, 1500);
    assert_int_equal(w.pair.b.rtps, 1500);
    assert_true(w.second.rtp[0] > 0 && w.second.rtp[1] > 0);
    close_world(&w);
}

/* Destroyed after any number of turns, so in any state of a restart; and nothing stays behind. */
static void test_destroy_while_restarting(void **state) {
    unsigned files = 0;
    for (unsigned turns = 0; turns < 300; turns += turns < 40 ? 4 : 25) {
        world w;
        open_world(&w, MT_POLICY_GCM, 0, 0);
        link_end *a = &w.pair.a, *b = &w.pair.b;
        assert_int_equal(mt_link_restart(a->link), MT_OK);
        for (unsigned i = 0, answered = 0, done = 0; i < turns; i++) {
            pair_turn(&w.pair);
            if (a->restarts && !answered)
                answered = carry(&w, a, b) == MT_OK;
            if (b->restarts && !done)
                done = carry(&w, b, a) == MT_OK;
        }
        end_close(turns % 2 ? a : b);
        for (unsigned i = 0; i < 20; i++)
            pair_turn(&w.pair);
        close_world(&w);
        files = files == 0 ? count_entries("/proc/self/fd") : files;
        assert_int_equal(count_entries("/proc/self/fd"), files);
    }
}

static void test_destroy_from_the_callback(void **state) {
    world w;
    open_world(&w, MT_POLICY_GCM, 0, 0);
    w.pair.a.destroy_in_restart = true;
    assert_int_equal(mt_link_restart(w.pair.a.link), MT_OK);
    PAIR_UNTIL(&w.pair, w.pair.b.closed >= 0, 3000);
    assert_null(w.pair.a.link);
    assert_int_equal(w.pair.b.closed, MT_LINK_REMOTE_BYE);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk_moves),
        cmocka_unit_test(test_talk_moves_under_cbc),
        cmocka_unit_test(test_dead_path_is_left),
        cmocka_unit_test(test_callee_asks_by_silence),
        cmocka_unit_test(test_a_page_is_silent_in_its_way),
        cmocka_unit_test(test_nobody_waits_for_the_other),
        cmocka_unit_test(test_in_the_wrong_state),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_relay_only_holds),
        cmocka_unit_test(test_tries_that_come_to_nothing),
        cmocka_unit_test(test_voice_while_moving),
        cmocka_unit_test(test_destroy_while_restarting),
        cmocka_unit_test(test_destroy_from_the_callback),
    };
    return cmocka_run_group_tests(tests, link_set_up, link_tear_down);
}
