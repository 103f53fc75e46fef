/* Transactions: the instants of RFC 3261's timers A to K, absorbing what comes again, loss over UDP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;
static dialog a, b;

static const char *begin(mt_sip_transport first, mt_sip_transport second) {
    a = b = (dialog){.cseq = 0};
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.qualify_ms = 0;
    world_open_with(&w, first, second, &cfg);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    world_run(&w, 40000); /* the REGISTERs' own transactions are over */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    peer_invite(&w.p[0], "111001", &a);
    w.event_read = w.event_count;
    return peer_next(&w.p[1], "INVITE ");
}

static void expect_times(const peer *p, const char *starts, size_t skip, int64_t from_ms, const int64_t *at, size_t n) {
    assert_int_equal(peer_count(p, starts), skip + n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(peer_time(p, starts, skip + i) - from_ms, at[i]);
}

static void test_a_b_invite_over_udp(void **state) {
    static const int64_t at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    (void)begin(MT_SIP_TCP, MT_SIP_UDP);
    int64_t from = w.now_ms;
    world_run(&w, 31999);
    expect_times(&w.p[1], "INVITE", 0, from, at, 7);
    world_run(&w, 1);
    (void)peer_next(&w.p[0], "SIP/2.0 100");
    (void)peer_next(&w.p[0], "SIP/2.0 408"); /* timer B at 64 * T1 */
    while (w.event_read < w.event_count && w.events[w.event_read].event != MT_SIP_REFUSED)
        w.event_read++;
    world_event(&w, MT_SIP_REFUSED, 0);
    assert_int_equal(world_last_event(&w).code, 408);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    world_close(&w);
}

static void test_b_invite_over_a_stream(void **state) {
    (void)begin(MT_SIP_TCP, MT_SIP_WS);
    world_run(&w, 31999);
    assert_int_equal(peer_count(&w.p[1], "INVITE"), 1); /* no timer A */
    (void)peer_next(&w.p[0], "SIP/2.0 100");
    peer_silent(&w.p[0]);
    world_run(&w, 1);
    (void)peer_next(&w.p[0], "SIP/2.0 408");
    world_close(&w);
}

static void test_provisional_stops_a(void **state) {
    const char *invite = begin(MT_SIP_TCP, MT_SIP_UDP);
    world_run(&w, 600);
    peer_answer(&w.p[1], invite, "180 Ringing", "t", NULL, NULL);
    world_run(&w, 8000);
    assert_int_equal(peer_count(&w.p[1], "INVITE"), 2);
    assert_int_equal(peer_count(&w.p[0], "SIP/2.0 180"), 1);
    world_close(&w);
}

static void test_c_rings_for_ever(void **state) {
    const char *invite = begin(MT_SIP_TCP, MT_SIP_TCP);
    peer_answer(&w.p[1], invite, "180 Ringing", "t", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    world_run(&w, 100000);
    peer_answer(&w.p[1], invite, "180 Ringing", "t", NULL, NULL); /* starts timer C anew */
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    world_run(&w, 179999);
    peer_silent(&w.p[0]);
    peer_silent(&w.p[1]);
    world_run(&w, 1);
    (void)peer_next(&w.p[0], "SIP/2.0 408");
    (void)peer_next(&w.p[1], "CANCEL ");
    world_run(&w, 32000);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    world_close(&w);
}

static void test_d_absorbs_refusals(void **state) {
    const char *invite = begin(MT_SIP_TCP, MT_SIP_UDP);
    peer_answer(&w.p[1], invite, "486 Busy Here", "t", NULL, NULL);
    world_run(&w, 31999);
    peer_answer(&w.p[1], invite, "486 Busy Here", "t", NULL, NULL);
    assert_int_equal(peer_count(&w.p[1], "ACK"), 2);
    world_run(&w, 1);
    peer_answer(&w.p[1], invite, "486 Busy Here", "t", NULL, NULL);
    assert_int_equal(peer_count(&w.p[1], "ACK"), 2);
    assert_int_equal(peer_count(&w.p[0], "SIP/2.0 486"), 1);
    world_close(&w);
}

static void accept_call(const char *invite) {
    dialog_of_invite(&b, invite, "d-local");
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200"));
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK");
    w.event_read = w.event_count;
}

static void test_e_f_request_over_udp(void **state) {
    static const int64_t at[] = {0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};
    accept_call(begin(MT_SIP_TCP, MT_SIP_UDP));
    int64_t from = w.now_ms;
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_run(&w, 31999);
    expect_times(&w.p[1], "BYE", 0, from, at, 11);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_run(&w, 1); /* timer F */
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    world_run(&w, 10000);
    assert_int_equal(peer_count(&w.p[1], "BYE"), 11);
    world_close(&w);
}

static void test_e_after_a_provisional(void **state) {
    static const int64_t at[] = {0, 500, 4500, 8500};
    accept_call(begin(MT_SIP_TCP, MT_SIP_UDP));
    int64_t from = w.now_ms;
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    const char *info = peer_next(&w.p[1], "INFO");
    peer_answer(&w.p[1], info, "100 Trying", NULL, NULL, NULL);
    world_run(&w, 9000);
    expect_times(&w.p[1], "INFO", 0, from, at, 4);
    world_run(&w, 23000); /* timer F: nothing is said to what is not INVITE (RFC 4320) */
    peer_silent(&w.p[0]);
    world_close(&w);
}

static void test_g_h_refusal_over_udp(void **state) {
    static const int64_t at[] = {0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};
    const char *invite = begin(MT_SIP_UDP, MT_SIP_TCP);
    int64_t from = w.now_ms;
    peer_answer(&w.p[1], invite, "486 Busy Here", "t", NULL, NULL);
    world_run(&w, 60000);
    expect_times(&w.p[0], "SIP/2.0 486", 0, from, at, 11);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    world_close(&w);
}

static void say_ack(const char *answer) {
    char to[200];
    peer_say(&w.p[0],
             "ACK sip:111001@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/%s 10.1.1.1;branch=%s;rport\r\nMax-Forwards: "
             "70\r\nFrom: %s\r\n"
             "To: %s\r\nCall-ID: %s\r\nCSeq: %u ACK\r\nContent-Length: 0\r\n\r\n",
             w.p[0].via, a.branch, a.local, header_of(answer, "To", to, sizeof(to)), a.call_id, a.invite_cseq);
}

static void test_ack_stops_g_and_i_absorbs(void **state) {
    const char *invite = begin(MT_SIP_UDP, MT_SIP_TCP);
    peer_answer(&w.p[1], invite, "486 Busy Here", "t", NULL, NULL);
    const char *busy = peer_next(&w.p[0], "SIP/2.0 486");
    world_run(&w, 600);
    say_ack(busy);
    world_run(&w, 4999);
    say_ack(busy); /* again: absorbed */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 1);
    world_run(&w, 1); /* timer I = T4 */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    assert_int_equal(peer_count(&w.p[0], "SIP/2.0 486"), 2);
    assert_int_equal(peer_count(&w.p[1], "ACK"), 1); /* ours; the caller's goes no further */
    world_close(&w);
}

static void test_h_over_a_stream(void **state) {
    const char *invite = begin(MT_SIP_WS, MT_SIP_TCP);
    peer_answer(&w.p[1], invite, "486 Busy Here", "t", NULL, NULL);
    const char *busy = peer_next(&w.p[0], "SIP/2.0 486");
    world_run(&w, 31000);
    assert_int_equal(peer_count(&w.p[0], "SIP/2.0 486"), 1); /* no timer G */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 1);
    say_ack(busy); /* timer I is 0 */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    world_close(&w);
}

static void test_repeated_invite(void **state) {
    const char *invite = begin(MT_SIP_UDP, MT_SIP_TCP);
    char again[WORLD_TEXT];
    (void)snprintf(
        again, sizeof(again),
        "INVITE sip:111001@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.1.1;branch=%s;rport\r\nMax-Forwards: 70\r\n"
        "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\nContact: <sip:c@x>\r\nContent-Length: 0\r\n\r\n",
        a.branch, a.local, a.remote, a.call_id, a.invite_cseq);
    peer_say(&w.p[0], "%s", again);
    (void)peer_next(&w.p[0], "SIP/2.0 100");
    peer_answer(&w.p[1], invite, "180 Ringing", "t", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    peer_say(&w.p[0], "%s", again);
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    peer_answer(&w.p[1], invite, "200 OK", "t", NULL, "v=0");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_say(&w.p[0], "%s", again); /* RFC 6026: absorbed */
    peer_silent(&w.p[0]);
    assert_int_equal(peer_count(&w.p[1], "INVITE"), 1);
    world_close(&w);
}

/* 2xx and ACK are repeated end to end (RFC 6026). */
static void test_2xx_again_passes_until_timer_l(void **state) {
    const char *invite = begin(MT_SIP_UDP, MT_SIP_UDP);
    dialog_of_invite(&b, invite, "d-local");
    for (int i = 0; i < 3; i++) {
        peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
        dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200"));
        world_run(&w, 500);
    }
    for (int i = 0; i < 2; i++) {
        peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
        (void)peer_next(&w.p[1], "ACK");
    }
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0"); /* the ACK was lost */
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    size_t ups = 0;
    for (size_t i = 0; i < w.event_count; i++)
        ups += w.events[i].event == MT_SIP_UP;
    assert_int_equal(ups, 1);
    world_run(&w, 32000);
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    assert_int_equal(peer_count(&w.p[0], "SIP/2.0 200"), 5); /* with that of REGISTER */
    world_close(&w);
}

static void test_j_absorbs_a_repeated_bye(void **state) {
    accept_call(begin(MT_SIP_UDP, MT_SIP_TCP));
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_answer(&w.p[1], peer_next(&w.p[1], "BYE"), "200 OK", NULL, NULL, NULL);
    world_run(&w, 31000);
    w.p[0].branch--;
    a.cseq--;
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_run(&w, 1000);
    w.p[0].branch--;
    a.cseq--;
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 481");
    assert_int_equal(peer_count(&w.p[1], "BYE"), 1);
    world_close(&w);
}

static void test_k_absorbs_a_repeated_answer(void **state) {
    accept_call(begin(MT_SIP_TCP, MT_SIP_UDP));
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    const char *info = peer_next(&w.p[1], "INFO");
    size_t before = mt_sip_server_count(w.s).transactions;
    peer_answer(&w.p[1], info, "200 OK", NULL, NULL, NULL);
    peer_answer(&w.p[1], info, "200 OK", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_silent(&w.p[0]);
    world_run(&w, 5000);
    assert_int_equal(mt_sip_server_count(w.s).transactions, before - 2);
    world_close(&w);
}

static void test_answers_that_fit_nothing(void **state) {
    const char *invite = begin(MT_SIP_TCP, MT_SIP_UDP);
    char via[200];
    (void)header_of(invite, "Via", via, sizeof(via));
    static const char *const cseqs[] = {"1 INVITE", "99 INVITE", "2 BYE"};
    for (size_t i = 0; i < 3; i++)
        peer_say(
            &w.p[2],
            "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>;tag=2\r\nCall-ID: c\r\nCSeq: %s\r\n\r\n",
            i == 0 ? "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK000000000000000000000000" : via, cseqs[i]);
    peer_say(&w.p[2],
             "SIP/2.0 200 OK\r\nVia: %s\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
             "<sip:x>;tag=2\r\n"
             "Call-ID: c\r\nCSeq: %u INVITE\r\n\r\n",
             via, a.invite_cseq);
    peer_silent(&w.p[0]);
    peer_silent(&w.p[2]);
    world_no_event(&w);
    world_close(&w);
}

/* Waiting is not an answer: 100 has its own time, before and after the callee comes. */
static void test_parked_for_a_moment(void **state) {
    for (int late = 0; late < 2; late++) {
        a = (dialog){.cseq = 0};
        world_open(&w, MT_SIP_UDP, MT_SIP_TCP);
        peer_register(&w.p[0]);
        peer_invite(&w.p[0], "111001", &a);
        world_run(&w, 100);
        if (!late)
            peer_register(&w.p[1]);
        world_run(&w, 99);
        peer_silent(&w.p[0]);
        world_run(&w, 1);
        (void)peer_next(&w.p[0], "SIP/2.0 100");
        if (late)
            peer_register(&w.p[1]);
        (void)peer_next(&w.p[1], "INVITE ");
        world_run(&w, 5000); /* park_ms is over, and does not count any more */
        peer_silent(&w.p[0]);
        assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
        world_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_b_invite_over_udp),       cmocka_unit_test(test_b_invite_over_a_stream),
        cmocka_unit_test(test_provisional_stops_a),       cmocka_unit_test(test_c_rings_for_ever),
        cmocka_unit_test(test_d_absorbs_refusals),        cmocka_unit_test(test_e_f_request_over_udp),
        cmocka_unit_test(test_e_after_a_provisional),     cmocka_unit_test(test_g_h_refusal_over_udp),
        cmocka_unit_test(test_ack_stops_g_and_i_absorbs), cmocka_unit_test(test_h_over_a_stream),
        cmocka_unit_test(test_repeated_invite),           cmocka_unit_test(test_2xx_again_passes_until_timer_l),
        cmocka_unit_test(test_j_absorbs_a_repeated_bye),  cmocka_unit_test(test_k_absorbs_a_repeated_answer),
        cmocka_unit_test(test_answers_that_fit_nothing),  cmocka_unit_test(test_parked_for_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
