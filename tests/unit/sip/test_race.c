/* Calls that end while something else is on its way, and flows that go and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;
static dialog a, b;
static char invite[WORLD_TEXT];

typedef enum stage { PARKED, SENT, TRYING, RINGING, ANSWERED, UP } stage;

/* Up to that stage of a call; everything of it has been read. */
static void begin(mt_sip_transport first, mt_sip_transport second, stage until) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.qualify_ms = 0;
    a = b = (dialog){.cseq = 0};
    world_open_with(&w, first, second, &cfg);
    peer_register(&w.p[0]);
    if (until > PARKED)
        peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &a);
    if (until > PARKED)
        (void)snprintf(invite, sizeof(invite), "%s", peer_next(&w.p[1], "INVITE "));
    if (until > PARKED)
        dialog_of_invite(&b, invite, "d-local");
    if (until >= TRYING)
        peer_answer(&w.p[1], invite, "100 Trying", NULL, NULL, NULL);
    if (until >= RINGING) {
        peer_answer(&w.p[1], invite, "180 Ringing", "d-local", NULL, NULL);
        dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 180"));
    }
    if (until >= ANSWERED) {
        peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
        dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200"));
    }
    if (until >= UP) {
        peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
        (void)peer_next(&w.p[1], "ACK");
    }
    peer_silent(&w.p[0]);
    peer_silent(&w.p[1]);
    w.event_read = w.event_count;
}

static void answer_bye(peer *p) {
    peer_answer(p, peer_next(p, "BYE "), "200 OK", NULL, NULL, NULL);
}

/* Nothing may be left after the longest timers. */
static void end(void) {
    world_run(&w, 70000);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    world_close(&w);
}

/* Of the callee's INVITE: CANCEL takes the same branch, CSeq number and no tag (RFC 3261 9.1). */
static void take_cancel(void) {
    char v[300], u[300];
    const char *cancel = peer_next(&w.p[1], "CANCEL ");
    assert_string_equal(header_of(cancel, "Via", v, sizeof(v)), header_of(invite, "Via", u, sizeof(u)));
    assert_string_equal(header_of(cancel, "To", v, sizeof(v)), header_of(invite, "To", u, sizeof(u)));
    assert_string_equal(header_of(cancel, "Call-ID", v, sizeof(v)), b.call_id);
    assert_int_equal(strncmp(strchr(cancel, ' '), strchr(invite, ' '), strcspn(invite, "\r") - strlen("INVITE")), 0);
    peer_answer(&w.p[1], cancel, "200 OK", "d-local", NULL, NULL);
    peer_answer(&w.p[1], invite, "487 Request Terminated", "d-local", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    peer_silent(&w.p[1]);
}

static const struct { mt_sip_transport first, second; } LEGS[] = {{MT_SIP_UDP, MT_SIP_UDP}, {MT_SIP_TCP, MT_SIP_WS}};

static void test_end_pair_in_every_stage(void **state) {
    for (int i = 0; i < 12; i++) {
        stage at = (stage)(i / 2);
        begin(LEGS[i % 2].first, LEGS[i % 2].second, at);
        world_end_pair(&w);
        if (at == PARKED)
            (void)peer_next(&w.p[0], "SIP/2.0 480");
        else if (at < ANSWERED)
            (void)peer_next(&w.p[0], "SIP/2.0 487");
        if (at == SENT) {
            peer_silent(&w.p[1]); /* no CANCEL before a provisional answer */
            peer_answer(&w.p[1], invite, "180 Ringing", "d-local", NULL, NULL);
        }
        if (at > PARKED && at < ANSWERED)
            take_cancel();
        if (at == ANSWERED) /* the callee's 200 must not stay without ACK */
            (void)peer_next(&w.p[1], "ACK ");
        if (at >= ANSWERED) {
            answer_bye(&w.p[0]);
            answer_bye(&w.p[1]);
        }
        peer_silent(&w.p[0]);
        world_no_event(&w); /* the owner knows it already */
        world_end_pair(&w); /* again: nothing */
        peer_silent(&w.p[1]);
        end();
    }
}

/* A stop of the server looked to both sides as if the other one had hung up. */
static void test_going_down_is_told(void **state) {
    for (int i = 0; i < 4; i++) {
        char reason[100];
        bool goes = i % 2 != 0;
        begin(LEGS[i / 2].first, LEGS[i / 2].second, UP);
        if (goes)
            mt_sip_server_go_down(w.s);
        world_end_pair(&w);
        for (int side = 0; side < 2; side++) {
            const char *bye = peer_next(&w.p[side], "BYE ");
            assert_int_equal(has_header(bye, "Reason"), goes);
            if (goes)
                assert_string_equal(header_of(bye, "Reason", reason, sizeof(reason)),
                                    "SIP;cause=503;text=\"The server is going down\"");
            peer_answer(&w.p[side], bye, "200 OK", NULL, NULL, NULL);
        }
        end();
    }
}

static void test_end_pair_before_the_invite(void **state) {
    world_open(&w, MT_SIP_TCP, MT_SIP_TCP);
    world_end_pair(&w);
    assert_int_equal(w.sent_count, 0);
    world_close(&w);
}

static void test_200_crosses_the_dissolution(void **state) {
    for (int i = 0; i < 6; i++) {
        stage at = (stage)(SENT + i / 2);
        begin(LEGS[i % 2].first, LEGS[i % 2].second, at);
        world_end_pair(&w);
        (void)peer_next(&w.p[0], "SIP/2.0 487");
        if (at > SENT)
            (void)peer_next(&w.p[1], "CANCEL ");
        peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
        char v[200];
        const char *ack = peer_next(&w.p[1], "ACK sip:contact-d@10.2.2.2:5999 SIP/2.0\r\n");
        assert_string_equal(header_of(ack, "To", v, sizeof(v)), b.local);
        const char *bye = peer_next(&w.p[1], "BYE sip:contact-d@10.2.2.2:5999 SIP/2.0\r\n");
        assert_string_equal(header_of(bye, "To", v, sizeof(v)), b.local);
        peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0"); /* again: only the ACK again */
        (void)peer_next(&w.p[1], "ACK ");
        peer_answer(&w.p[1], bye, "200 OK", NULL, NULL, NULL);
        peer_silent(&w.p[0]);
        peer_silent(&w.p[1]);
        world_no_event(&w); /* not UP */
        end();
    }
}

static void test_cancel_in_every_stage(void **state) {
    for (int i = 0; i < 12; i++) {
        stage at = (stage)(i / 2);
        begin(LEGS[i % 2].first, LEGS[i % 2].second, at);
        peer_cancel(&w.p[0], "111001", &a);
        bool forgotten = at == UP && LEGS[i % 2].first != MT_SIP_UDP; /* after the ACK nothing can come again */
        (void)peer_next(&w.p[0], forgotten ? "SIP/2.0 481" : "SIP/2.0 200");
        if (at >= ANSWERED) { /* too late: no effect */
            world_no_event(&w);
            assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
            world_end_pair(&w);
            world_close(&w);
            continue;
        }
        (void)peer_next(&w.p[0], "SIP/2.0 487");
        world_event(&w, MT_SIP_REFUSED, 0);
        assert_int_equal(world_last_event(&w).code, 487);
        if (at == SENT)
            peer_answer(&w.p[1], invite, "100 Trying", NULL, NULL, NULL);
        if (at > PARKED)
            take_cancel();
        world_no_event(&w);
        end();
    }
}

static void test_cancel_by_a_stranger(void **state) {
    begin(MT_SIP_UDP, MT_SIP_TCP, RINGING);
    w.forging = true;
    peer stranger = w.p[0];
    w.p[0].flow = w.p[2].flow; /* all of the caller's, but from elsewhere */
    w.p[2].flow = stranger.flow;
    peer_cancel(&w.p[0], "111001", &a);
    (void)peer_next(&w.p[0], "SIP/2.0 481");
    world_no_event(&w);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void test_cancel_of_a_reinvite(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, UP);
    peer_in_dialog(&w.p[0], &a, "INVITE", "Contact: <sip:contact-j@10.1.1.1>\r\n", NULL);
    const char *again = peer_next(&w.p[1], "INVITE ");
    peer_answer(&w.p[1], again, "180 Ringing", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    a.invite_cseq = a.cseq;
    (void)snprintf(a.branch, sizeof(a.branch), "z9hG4bKj%u", w.p[0].branch);
    peer_cancel(&w.p[0], "111001", &a);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    char v[200];
    assert_non_null(strstr(header_of(peer_next(&w.p[1], "CANCEL "), "To", v, sizeof(v)), ";tag=d-local"));
    peer_answer(&w.p[1], again, "487 Request Terminated", NULL, NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    (void)peer_next(&w.p[0], "SIP/2.0 487");
    world_no_event(&w);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void test_both_hang_up_at_once(void **state) {
    for (int i = 0; i < 2; i++) {
        begin(LEGS[i].first, LEGS[i].second, UP);
        peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
        (void)peer_next(&w.p[0], "SIP/2.0 200");
        const char *bye = peer_next(&w.p[1], "BYE ");
        peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL); /* before he read ours */
        (void)peer_next(&w.p[1], "SIP/2.0 200");
        peer_answer(&w.p[1], bye, "481 Gone", NULL, NULL, NULL);
        world_event(&w, MT_SIP_BYE, 1);
        world_no_event(&w);
        peer_silent(&w.p[0]);
        end();
    }
}

static void test_bye_and_dissolution_cross(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, UP);
    world_end_pair(&w);
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    answer_bye(&w.p[0]);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    answer_bye(&w.p[1]);
    world_no_event(&w); /* the pair has ended already; its users may be in others */
    peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL);
    (void)peer_next(&w.p[1], "SIP/2.0 481");
    end();
}

static void test_caller_hangs_up_an_early_dialog(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, RINGING);
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    (void)peer_next(&w.p[0], "SIP/2.0 487");
    world_event(&w, MT_SIP_BYE, 1);
    take_cancel();
    end();
}

static void test_bye_before_the_ack(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, ANSWERED);
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    (void)peer_next(&w.p[1], "ACK ");
    answer_bye(&w.p[1]);
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL); /* late */
    peer_silent(&w.p[1]);
    end();
}

static void test_reinvite_open_at_the_end(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP, UP);
    peer_in_dialog(&w.p[0], &a, "INVITE", "Contact: <sip:contact-j@10.1.1.1>\r\n", NULL);
    const char *again = peer_next(&w.p[1], "INVITE ");
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    const char *info = peer_next(&w.p[1], "INFO ");
    world_end_pair(&w);
    (void)peer_next(&w.p[0], "SIP/2.0 487");
    (void)peer_next(&w.p[0], "SIP/2.0 481");
    answer_bye(&w.p[0]);
    answer_bye(&w.p[1]);
    peer_answer(&w.p[1], again, "200 OK", NULL, NULL, "v=0");
    (void)peer_next(&w.p[1], "ACK ");
    peer_answer(&w.p[1], info, "200 OK", NULL, NULL, NULL);
    peer_silent(&w.p[1]);
    peer_silent(&w.p[0]);
    end();
}

static void test_callee_gone_while_ringing_comes_back(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP, RINGING);
    peer_reconnect(&w.p[1], 700, true);
    world_event(&w, MT_SIP_UNREGISTERED, 2);
    world_run(&w, 4000);
    peer_register(&w.p[1]);
    world_event(&w, MT_SIP_REGISTERED, 2);
    assert_string_equal(peer_next(&w.p[1], "INVITE "), invite); /* the same once more */
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_event(&w, MT_SIP_UP, 0);
    world_run(&w, 10000);
    world_no_event(&w);
    world_close(&w);
}

static void test_callee_gone_while_ringing_for_good(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP, RINGING);
    peer_reconnect(&w.p[1], 700, true);
    world_event(&w, MT_SIP_UNREGISTERED, 2);
    world_run(&w, 4999);
    peer_silent(&w.p[0]);
    world_run(&w, 1);
    world_event(&w, MT_SIP_CALL_GONE, 2);
    (void)peer_next(&w.p[0], "SIP/2.0 480");
    world_no_event(&w);
    end();
}

static void test_caller_gone_while_ringing(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, RINGING);
    peer_reconnect(&w.p[0], 700, true);
    world_event(&w, MT_SIP_UNREGISTERED, 1);
    world_run(&w, 5000);
    world_event(&w, MT_SIP_CALL_GONE, 1);
    take_cancel();
    end();
}

/* His answer finds him on the new connection: same branch, same client. */
static void test_caller_comes_back_before_the_answer(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, RINGING);
    peer_reconnect(&w.p[0], 700, true);
    world_run(&w, 1000);
    peer_register(&w.p[0]);
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200"));
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    world_run(&w, 6000);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void test_in_dialog_request_waits_for_the_flow(void **state) {
    begin(MT_SIP_TCP, MT_SIP_WS, UP);
    peer_reconnect(&w.p[1], 700, true);
    world_event(&w, MT_SIP_UNREGISTERED, 2);
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, "v=0 later");
    peer_silent(&w.p[0]);
    world_run(&w, 4999);
    peer_register(&w.p[1]);
    world_event(&w, MT_SIP_REGISTERED, 2);
    const char *info = peer_next(&w.p[1], "INFO ");
    assert_non_null(strstr(info, "v=0 later"));
    peer_answer(&w.p[1], info, "200 OK", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_run(&w, 6000);
    world_no_event(&w);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void test_in_dialog_request_waits_in_vain(void **state) {
    begin(MT_SIP_TCP, MT_SIP_WS, UP);
    peer_reconnect(&w.p[1], 700, true);
    world_event(&w, MT_SIP_UNREGISTERED, 2);
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    world_run(&w, 5000);
    (void)peer_next(&w.p[0], "SIP/2.0 430");
    world_event(&w, MT_SIP_CALL_GONE, 2);
    answer_bye(&w.p[0]);
    peer_silent(&w.p[0]);
    end();
}

/* A request goes where its receiver is now, not where he was when the call was made. */
static void test_current_binding(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP, UP);
    mt_sip_flow old = w.p[1].flow;
    peer_reconnect(&w.p[1], 700, false);
    peer_register(&w.p[1]);
    mt_sip_server_flow_closed(w.s, &old, w.now_ms);
    world_take(&w);
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    (void)peer_next(&w.p[1], "INFO ");
    world_run(&w, 6000);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void test_bye_waits_for_the_flow(void **state) {
    for (int i = 0; i < 2; i++) {
        begin(MT_SIP_TCP, MT_SIP_TCP, UP);
        peer_reconnect(&w.p[1], 700, true);
        peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
        (void)peer_next(&w.p[0], "SIP/2.0 200");
        w.event_read = w.event_count - 1;
        world_event(&w, MT_SIP_BYE, 1);
        world_run(&w, i == 0 ? 4999 : 5000);
        assert_int_equal(mt_sip_server_count(w.s).dialogs, i == 0);
        peer_register(&w.p[1]);
        if (i == 0)
            answer_bye(&w.p[1]);
        peer_silent(&w.p[1]);
        end();
    }
}

static void test_forgotten_user(void **state) {
    for (int i = 0; i < 12; i++) {
        stage at = (stage)(i / 2);
        begin(MT_SIP_TCP, i % 2 == 0 ? MT_SIP_TCP : MT_SIP_UDP, at);
        if (i % 2 == 0)
            world_end_pair(&w);
        mt_sip_server_forget_user(w.s, 2, w.now_ms);
        mt_sip_server_forget_user(w.s, 2, w.now_ms);
        world_take(&w);
        if (i % 2 == 1)
            world_end_pair(&w);
        peer_reconnect(&w.p[0], 900, true);
        mt_sip_server_forget_user(w.s, 1, w.now_ms);
        end();
    }
}

static void test_unregistered_caller_can_be_reached(void **state) {
    world_open(&w, MT_SIP_TCP, MT_SIP_TCP);
    a = b = (dialog){.cseq = 0};
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &a);
    (void)snprintf(invite, sizeof(invite), "%s", peer_next(&w.p[1], "INVITE "));
    dialog_of_invite(&b, invite, "d-local");
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL);
    answer_bye(&w.p[0]);
    world_close(&w);
}

/* The next pair of the same two begins while the last call is being ended. */
static void test_next_pair_at_once(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP, UP);
    world_end_pair(&w);
    memset(w.pair.id, 0xcd, sizeof(w.pair.id));
    dialog next = {.cseq = 0};
    (void)peer_next(&w.p[0], "BYE ");
    const char *bye = peer_next(&w.p[1], "BYE ");
    peer_invite(&w.p[0], "111001", &next);
    const char *second = peer_next(&w.p[1], "INVITE ");
    char v[200];
    assert_string_not_equal(header_of(second, "Call-ID", v, sizeof(v)), b.call_id);
    peer_answer(&w.p[1], bye, "200 OK", NULL, NULL, NULL); /* the old one's end */
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);        /* and the old BYE */
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_event(&w, MT_SIP_INVITED, 0);
    world_no_event(&w);
    peer_answer(&w.p[1], second, "200 OK", "d-next", NULL, "v=0");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_event(&w, MT_SIP_UP, 0);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_pair_in_every_stage),
        cmocka_unit_test(test_going_down_is_told),
        cmocka_unit_test(test_end_pair_before_the_invite),
        cmocka_unit_test(test_200_crosses_the_dissolution),
        cmocka_unit_test(test_cancel_in_every_stage),
        cmocka_unit_test(test_cancel_by_a_stranger),
        cmocka_unit_test(test_cancel_of_a_reinvite),
        cmocka_unit_test(test_both_hang_up_at_once),
        cmocka_unit_test(test_bye_and_dissolution_cross),
        cmocka_unit_test(test_caller_hangs_up_an_early_dialog),
        cmocka_unit_test(test_bye_before_the_ack),
        cmocka_unit_test(test_reinvite_open_at_the_end),
        cmocka_unit_test(test_callee_gone_while_ringing_comes_back),
        cmocka_unit_test(test_callee_gone_while_ringing_for_good),
        cmocka_unit_test(test_caller_gone_while_ringing),
        cmocka_unit_test(test_caller_comes_back_before_the_answer),
        cmocka_unit_test(test_in_dialog_request_waits_for_the_flow),
        cmocka_unit_test(test_in_dialog_request_waits_in_vain),
        cmocka_unit_test(test_current_binding),
        cmocka_unit_test(test_bye_waits_for_the_flow),
        cmocka_unit_test(test_forgotten_user),
        cmocka_unit_test(test_unregistered_caller_can_be_reached),
        cmocka_unit_test(test_next_pair_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
