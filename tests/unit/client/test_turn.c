/* The conversation machine on virtual time: every path and the known races. */
#include "turn_kit.h"

static void test_caller_from_login_to_talk(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    EXPECT(k, "state(logging-in) login");
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    EXPECT(k, "register");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "state(idle) logged-in!");
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(waiting) waiting!(0s) turn");
    assert_int_equal(k->wait_s, 1);
    k->now_ms += 900;
    mt_turn_counted(k->t, 1, 5, k->now_ms);
    EXPECT(k, "waiting!(0s)");
    mt_turn_counted(k->t, 1, 5, k->now_ms); /* nothing new */
    EXPECT(k, "");
    mt_turn_waiting(k->t, k->turn_seq, 1, 2, k->now_ms);
    EXPECT(k, "waiting!(0s) turn");
    assert_int_equal(k->wait_s, 25);
    kit_drawn(k, 'A', true);
    EXPECT(k, "state(connecting) drawn!(calls dwa) link(caller)");
    assert_string_equal(mt_turn_partner(k->t), "dwa");
    mt_turn_link_ready(k->t, k->now_ms);
    EXPECT(k, "dial(111001)");
    mt_turn_call_up(k->t, 1, k->now_ms);
    EXPECT(k, "call-up! remote(o1)");
    mt_turn_link_secure(k->t, k->now_ms);
    EXPECT(k, "state(talking) secure! audio");
    kit_pass(k, 3600 * 1000);
    EXPECT(k, "");
}

static void test_callee_from_draw_to_talk(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    EXPECT(k, "remote(i1)");
    mt_turn_link_ready(k->t, k->now_ms);
    EXPECT(k, "answer(i1)");
    mt_turn_call_up(k->t, IN(1), k->now_ms);
    EXPECT(k, "call-up!");
    mt_turn_link_secure(k->t, k->now_ms);
    EXPECT(k, "state(talking) secure! audio");
}

static void test_link_is_secure_before_the_ack(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    mt_turn_link_ready(k->t, k->now_ms);
    (void)kit_trace(k);
    mt_turn_link_secure(k->t, k->now_ms);
    EXPECT(k, "call-up! state(talking) secure! audio");
    mt_turn_call_up(k->t, IN(1), k->now_ms);
    EXPECT(k, "");
}

static void test_wishes_in_the_wrong_state(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_ready(k->t, 0), MT_ESTATE);
    assert_int_equal(mt_turn_cancel(k->t, 0), MT_ESTATE);
    assert_int_equal(mt_turn_hangup(k->t, 0), MT_ESTATE);
    assert_int_equal(mt_turn_next(k->t, 0), MT_ESTATE);
    assert_int_equal(mt_turn_logout(k->t, 0), MT_ESTATE);
    assert_int_equal(mt_turn_login(k->t, "", 0), MT_EINVAL);
    to_talking(k, true);
    assert_int_equal(mt_turn_login(k->t, "x", 0), MT_ESTATE);
    assert_int_equal(mt_turn_ready(k->t, 0), MT_ESTATE);
    assert_int_equal(mt_turn_cancel(k->t, 0), MT_ESTATE);
    EXPECT(k, "");
}

/* Login */

static void test_name_taken(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_login_fails(k, MT_FAULT_REFUSED, "name_taken");
    EXPECT(k, "error!(name_taken) state(logged-out) stop forget");
    assert_int_equal(mt_turn_login(k->t, "inny", k->now_ms), MT_OK);
    EXPECT(k, "state(logging-in) login");
}

static void test_login_server_away(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_login_fails(k, MT_FAULT_UNREACHABLE, "");
    EXPECT(k, "error!(server_unreachable) state(logged-out) stop forget");
    assert_int_equal(mt_turn_next_ms(k->t), INT64_MAX);
}

static void test_sip_refuses_the_login(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    (void)kit_trace(k);
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    mt_turn_register_failed(k->t, 503, k->now_ms);
    EXPECT(k, "register");
    mt_turn_register_failed(k->t, 403, k->now_ms);
    EXPECT(k, "error!(sip_failed) state(ending) logout");
    mt_turn_logged_out(k->t, k->logout_seq, k->now_ms);
    EXPECT(k, "stop forget state(logged-out) logged-out!");
}

static void test_sip_never_answers_the_login(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    (void)kit_trace(k);
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    (void)kit_trace(k);
    kit_pass(k, 9999);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "error!(sip_failed) state(ending) logout");
    kit_pass(k, 2000); /* the answer never comes */
    EXPECT(k, "stop forget state(logged-out) logged-out!");
}

/* Waiting */

static void test_cancel(void **state) {
    kit *k = *state;
    to_waiting(k);
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    EXPECT(k, "break leave state(idle)");
    assert_false(k->leave);
    /* ready again before the DELETE is answered: the POST must not overtake it */
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(waiting) waiting!(0s)");
    mt_turn_left(k->t, k->leave_seq, NULL, k->now_ms);
    EXPECT(k, "turn");
}

static void test_delete_that_hangs_does_not_block(void **state) {
    kit *k = *state;
    to_waiting(k);
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_pass(k, 3000);
    EXPECT(k, "waiting!(1s) waiting!(2s) waiting!(3s) turn");
}

static void test_draw_answer_crosses_cancel(void **state) {
    kit *k = *state;
    to_waiting(k);
    uint32_t seq = k->turn_seq;
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    mt_turn_draw d = kit_draw('A', true);
    mt_turn_drawn(k->t, seq, &d, k->now_ms);
    EXPECT(k, "leave(A)");
    assert_int_equal(mt_turn_state(k->t), MYTURN_IDLE);
}

static void test_elapsed_is_told_each_second(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_pass(k, 3500);
    EXPECT(k, "waiting!(1s) waiting!(2s) waiting!(3s)");
}

static void test_server_away_while_waiting(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_UNREACHABLE, "");
    EXPECT(k, "error!(server_unreachable)");
    for (int i = 0; i < 6; i++) { /* told once, asked again ever more slowly, never above 5 s */
        int64_t delay_ms = mt_turn_next_ms(k->t) - k->now_ms;
        assert_true(delay_ms > 0 && delay_ms <= 5000);
        kit_pass(k, 5000);
        EXPECT(k, "turn");
        kit_turn_fails(k, MT_FAULT_UNREACHABLE, "");
        EXPECT(k, "");
    }
    kit_pass(k, 5000);
    EXPECT(k, "turn");
    assert_int_equal(k->wait_s, 1); /* soon told that it works again */
    mt_turn_waiting(k->t, k->turn_seq, 0, 1, k->now_ms);
    EXPECT(k, "waiting!(35s) turn");
    assert_int_equal(k->wait_s, 25);
    kit_turn_fails(k, MT_FAULT_UNREACHABLE, "");
    EXPECT(k, "error!(server_unreachable)");
}

static void test_backoff_grows(void **state) {
    kit *k = *state;
    to_waiting(k);
    int64_t last_ms = 0;
    for (int i = 0; i < 4; i++) {
        kit_turn_fails(k, MT_FAULT_UNREACHABLE, "");
        int64_t at_ms = k->now_ms;
        (void)kit_trace(k);
        while (strstr(kit_trace(k), "turn") == NULL) {
            k->now_ms = mt_turn_next_ms(k->t);
            mt_turn_tick(k->t, k->now_ms);
        }
        assert_true(k->now_ms - at_ms >= last_ms * 4 / 3);
        last_ms = k->now_ms - at_ms;
    }
    assert_true(last_ms >= 3000);
}

static void test_server_restarted_while_waiting(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_UNREACHABLE, "");
    kit_pass(k, 600);
    EXPECT(k, "error!(server_unreachable) turn");
    kit_turn_fails(k, MT_FAULT_UNAUTHORIZED, "unauthorized");
    kit_pass(k, 1000);
    EXPECT(k, "login");
    assert_int_equal(mt_turn_state(k->t), MYTURN_WAITING);
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    EXPECT(k, "register");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "logged-in! turn");
    mt_turn_waiting(k->t, k->turn_seq, 0, 1, k->now_ms);
    EXPECT(k, "waiting!(1s) turn");
}

static void test_unknown_token_seen_by_sip_first(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_register_failed(k->t, 403, k->now_ms);
    EXPECT(k, "break login");
    kit_login_fails(k, MT_FAULT_UNREACHABLE, "");
    EXPECT(k, "error!(server_unreachable)");
    kit_pass(k, 1000);
    EXPECT(k, "login");
}

static void test_name_lost_while_waiting(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_UNAUTHORIZED, "");
    EXPECT(k, "login");
    kit_login_fails(k, MT_FAULT_REFUSED, "name_taken");
    EXPECT(k, "error!(name_taken) state(logged-out) stop forget logged-out!");
}

static void test_a_401_each_time_is_not_a_storm(void **state) {
    kit *k = *state;
    to_waiting(k);
    unsigned logins = 0;
    int64_t end_ms = k->now_ms + 60000;
    while (k->now_ms < end_ms) {
        kit_turn_fails(k, MT_FAULT_UNAUTHORIZED, "");
        if (strstr(kit_trace(k), "login") != NULL) {
            logins++;
            mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
            mt_turn_registered(k->t, k->now_ms);
            (void)kit_trace(k);
        }
        kit_pass(k, 50);
        if (strstr(kit_trace(k), "login") != NULL) {
            logins++;
            mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
            mt_turn_registered(k->t, k->now_ms);
            (void)kit_trace(k);
        }
    }
    assert_true(logins > 5);
    assert_true(logins < 30);
}

static void test_a_server_that_does_not_hold_is_not_asked_all_the_time(void **state) {
    kit *k = *state;
    to_waiting(k);
    unsigned asked = 0;
    int64_t end_ms = k->now_ms + 30000;
    while (k->now_ms < end_ms) {
        for (int i = 0; i < 10; i++) {
            mt_turn_waiting(k->t, k->turn_seq, 0, 1, k->now_ms);
            asked += strstr(kit_trace(k), " turn") != NULL;
        }
        kit_pass(k, 100);
        asked += strstr(kit_trace(k), "turn") != NULL;
    }
    assert_in_range(asked, 20, 35);
}

static void test_slow_down(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_SLOW_DOWN, "slow_down");
    EXPECT(k, "error!(slow_down)");
    kit_pass(k, 6999);
    assert_null(strstr(kit_trace(k), "turn"));
    kit_pass(k, 1000);
    assert_non_null(strstr(kit_trace(k), "turn"));
}

static void test_in_talk_and_superseded(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_REFUSED, "in_talk");
    EXPECT(k, "leave");
    mt_turn_left(k->t, k->leave_seq, NULL, k->now_ms);
    kit_pass(k, 600);
    EXPECT(k, "turn");
    kit_turn_fails(k, MT_FAULT_REFUSED, "superseded");
    kit_pass(k, 1000);
    EXPECT(k, "waiting!(1s) turn");
}

/* The draw was made before the DELETE came in: 409 paired names the pair, and that one is left. */
static void test_draw_beats_the_cancelling(void **state) {
    kit *k = *state;
    to_waiting(k);
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    EXPECT(k, "break leave state(idle)");
    mt_fault f = kit_fault(MT_FAULT_REFUSED, "paired");
    f.has_pair = true;
    f.pair[0] = 'Q';
    mt_turn_left(k->t, k->leave_seq, &f, k->now_ms);
    EXPECT(k, "leave(Q)");
    mt_turn_left(k->t, k->leave_seq, NULL, k->now_ms);
    EXPECT(k, "");
}

static void test_a_pair_that_cannot_be_left_is_not_left_for_ever(void **state) {
    kit *k = *state;
    to_waiting(k);
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    EXPECT(k, "break leave state(idle)");
    mt_fault f = kit_fault(MT_FAULT_REFUSED, "paired");
    f.has_pair = true;
    f.pair[0] = 'Q';
    mt_turn_left(k->t, k->leave_seq, &f, k->now_ms);
    EXPECT(k, "leave(Q)");
    mt_turn_left(k->t, k->leave_seq, &f, k->now_ms);
    EXPECT(k, "");
}

static void test_unexpected_answer_ends_the_waiting(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_MALFORMED, "");
    EXPECT(k, "error!(internal) state(idle)");
}

static void test_waits_for_registration(void **state) {
    kit *k = *state;
    to_idle(k);
    mt_turn_register_failed(k->t, 0, k->now_ms);
    EXPECT(k, "error!(server_unreachable)");
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(waiting) waiting!(0s)");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "turn");
}

static void test_idle_login_lost(void **state) {
    kit *k = *state;
    to_idle(k);
    mt_turn_register_failed(k->t, 403, k->now_ms);
    EXPECT(k, "state(logging-in) login");
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111007, k->now_ms);
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "register state(idle) logged-in!");
}

/* INVITE and draw in either order */

static void test_invite_before_the_draw_answer(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    EXPECT(k, "");
    kit_pass(k, 800);
    kit_drawn(k, 'A', false);
    EXPECT(k, "state(connecting) drawn!(awaits dwa) link(callee) remote(i1)");
}

static void test_invite_never_explained(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    kit_pass(k, 3000);
    EXPECT(k, "waiting!(1s) waiting!(2s) waiting!(3s) refuse(1 480)");
}

static void test_kept_invite_is_not_the_drawn_pairs(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_incoming(k->t, IN(1), "111009", k->now_ms);
    kit_drawn(k, 'A', false);
    EXPECT(k, "state(connecting) drawn!(awaits dwa) link(callee) refuse(1 403)");
    mt_turn_incoming(k->t, IN(2), "111001", k->now_ms);
    EXPECT(k, "remote(i2)");
}

static void test_kept_invite_and_we_are_caller(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    kit_drawn(k, 'A', true);
    EXPECT(k, "state(connecting) drawn!(calls dwa) link(caller) refuse(1 403)");
}

static void test_kept_invite_is_cancelled(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    mt_turn_call_ended(k->t, IN(1), 0, k->now_ms);
    kit_drawn(k, 'A', false);
    EXPECT(k, "state(connecting) drawn!(awaits dwa) link(callee)");
}

static void test_newer_invite_replaces_the_kept_one(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    mt_turn_incoming(k->t, IN(2), "111001", k->now_ms);
    EXPECT(k, "refuse(1 480)");
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    EXPECT(k, "break refuse(2 480) leave state(idle)");
}

static void test_foreign_invites_are_refused(void **state) {
    kit *k = *state;
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    EXPECT(k, "refuse(1 480)");
    to_talking(k, false);
    mt_turn_incoming(k->t, IN(2), "111001", k->now_ms);
    EXPECT(k, "refuse(2 403)");
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
}

static void test_caller_gets_an_invite(void **state) {
    kit *k = *state;
    to_connecting(k, true);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    EXPECT(k, "refuse(1 403)");
}

/* Connecting fails */

static void test_call_failures_and_the_next_draw(void **state) {
    static const struct {
        unsigned code;
        const char *reason;
    } rows[] = {{300, "refused"}, {403, "undone"},    {404, "undone"},    {408, "no_answer"}, {480, "no_answer"},
                {481, "undone"},  {486, "refused"},   {487, "no_answer"}, {488, "refused"},   {500, "server"},
                {503, "server"},  {504, "no_answer"}, {600, "refused"},   {603, "refused"},   {606, "refused"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kit *k = *state;
        to_connecting(k, true);
        mt_turn_link_ready(k->t, k->now_ms);
        EXPECT(k, "dial(111001)");
        mt_turn_call_failed(k->t, 1, rows[i].code, k->now_ms);
        char want[200];
        (void)snprintf(want, sizeof want, "unlink ended!(%s) state(waiting) waiting!(0s) turn(A)", rows[i].reason);
        EXPECT(k, want);
        (void)kit_teardown(state);
        (void)kit_setup(state);
    }
}

static void test_failing_setups_slow_down(void **state) {
    kit *k = *state;
    to_connecting(k, true);
    mt_turn_link_closed(k->t, MT_LINK_NO_PATH, k->now_ms);
    EXPECT(k, "unlink ended!(no_path) state(waiting) waiting!(0s) turn(A)");
    kit_drawn(k, 'B', true);
    (void)kit_trace(k);
    mt_turn_link_closed(k->t, MT_LINK_NO_PATH, k->now_ms);
    EXPECT(k, "unlink ended!(no_path) state(waiting) waiting!(0s)");
    kit_pass(k, 500);
    EXPECT(k, "turn(B)");
}

static void test_callee_is_never_called(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    kit_pass(k, 15000);
    EXPECT(k, "unlink ended!(no_answer) state(waiting) waiting!(0s) turn(A)");
}

static void test_caller_is_never_answered(void **state) {
    kit *k = *state;
    to_connecting(k, true);
    mt_turn_link_ready(k->t, k->now_ms);
    (void)kit_trace(k);
    kit_pass(k, 15000);
    EXPECT(k, "unlink hangup(o1) ended!(no_answer) state(waiting) waiting!(0s) turn(A)");
}

static void test_link_never_secure(void **state) {
    kit *k = *state;
    to_connecting(k, true);
    mt_turn_link_ready(k->t, k->now_ms);
    mt_turn_call_up(k->t, 1, k->now_ms);
    (void)kit_trace(k);
    kit_pass(k, 15000);
    EXPECT(k, "unlink hangup(o1) ended!(no_path) state(waiting) waiting!(0s) turn(A)");
}

static void test_partner_gives_up_while_connecting(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    (void)kit_trace(k);
    mt_turn_call_ended(k->t, IN(1), 0, k->now_ms);
    EXPECT(k, "unlink ended!(undone) state(waiting) waiting!(0s) turn(A)");
}

static void test_security_failures_are_not_hidden_by_a_new_draw(void **state) {
    static const struct {
        mt_link_end end;
        const char *reason;
    } rows[] = {
        {MT_LINK_DTLS_FAILED, "dtls_failed"}, {MT_LINK_SAS_FAILED, "sas_failed"}, {MT_LINK_PROTOCOL, "protocol"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kit *k = *state;
        to_connecting(k, true);
        mt_turn_link_ready(k->t, k->now_ms);
        mt_turn_call_up(k->t, 1, k->now_ms);
        (void)kit_trace(k);
        mt_turn_link_closed(k->t, rows[i].end, k->now_ms);
        char want[200];
        (void)snprintf(want, sizeof want, "unlink hangup(o1) leave(A) ended!(%s) state(idle)", rows[i].reason);
        EXPECT(k, want);
        (void)kit_teardown(state);
        (void)kit_setup(state);
    }
}

static void test_link_refuses_the_offer(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    (void)kit_trace(k);
    mt_turn_link_broken(k->t, true, k->now_ms);
    EXPECT(k, "unlink refuse(1 488) leave(A) ended!(protocol) state(idle)");
}

static void test_link_cannot_be_made(void **state) {
    kit *k = *state;
    to_connecting(k, true);
    mt_turn_link_broken(k->t, false, k->now_ms);
    EXPECT(k, "error!(internal) unlink leave(A) ended!(protocol) state(idle)");
}

static void test_hangup_while_connecting(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    EXPECT(k, "unlink refuse(1 603) leave(A) state(ending) ended!(hung_up) state(idle)");
}

static void test_200_crosses_our_cancel(void **state) {
    kit *k = *state;
    to_connecting(k, true);
    mt_turn_link_ready(k->t, k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    EXPECT(k, "unlink hangup(o1) leave(A) state(ending) ended!(hung_up) state(idle)");
    mt_turn_call_up(k->t, 1, k->now_ms);
    EXPECT(k, "hangup(o1)");
    mt_turn_call_failed(k->t, 1, 487, k->now_ms);
    EXPECT(k, "");
}

/* The end of a talk */

static void test_hangup(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) leave(A) state(ending)");
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_ESTATE);
    mt_turn_call_ended(k->t, 1, 0, k->now_ms);          /* the partner's BYE crosses ours */
    mt_turn_link_closed(k->t, MT_LINK_LOST, k->now_ms); /* must not happen, and does no harm */
    EXPECT(k, "");
    mt_turn_link_gone(k->t, k->now_ms);
    EXPECT(k, "ended!(hung_up) state(idle)");
}

static void test_hangup_without_confirmation(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_pass(k, 1200);
    EXPECT(k, "ended!(hung_up) state(idle)");
}

static void test_partner_hangs_up_by_link(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_link_closed(k->t, MT_LINK_REMOTE_BYE, k->now_ms);
    EXPECT(k, "unlink mute hangup(o1) leave(A) ended!(partner_left) state(idle)");
    mt_turn_call_ended(k->t, 1, 0, k->now_ms);
    EXPECT(k, "");
}

static void test_partner_hangs_up_by_bye(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_call_ended(k->t, IN(1), 0, k->now_ms);
    EXPECT(k, "bye mute leave(A) ended!(partner_left) state(idle)");
}

static void test_partner_vanishes_and_signalling_says_so(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_link_silent(k->t, true, k->now_ms);
    EXPECT(k, "state(reconnecting) reconnecting!(on)");
    mt_turn_call_ended(k->t, IN(1), 0, k->now_ms);
    EXPECT(k, "bye mute leave(A) ended!(lost) state(idle)");
}

/* The server's BYE for a vanished partner may come before the link calls itself silent. */
static void test_partner_vanishes_and_bye_is_quicker(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_call_ended(k->t, IN(1), 2500, k->now_ms);
    EXPECT(k, "bye mute leave(A) ended!(lost) state(idle)");
}

static void test_silence_heals(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_link_silent(k->t, true, k->now_ms);
    kit_pass(k, 14999);
    EXPECT(k, "state(reconnecting) reconnecting!(on)");
    mt_turn_link_silent(k->t, false, k->now_ms);
    EXPECT(k, "state(talking) reconnecting!(off)");
    kit_pass(k, 100000);
    EXPECT(k, "");
}

static void test_silence_ends(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_link_silent(k->t, true, k->now_ms);
    (void)kit_trace(k);
    kit_pass(k, 15000);
    EXPECT(k, "bye mute hangup(i1) leave(A) ended!(lost) state(idle)");
}

static void test_next(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_next(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) ended!(next) state(waiting) waiting!(0s) turn(A)");
}

static void test_next_before_the_partners_bye_and_bye_after_a_new_pair(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_next(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_drawn(k, 'B', false);
    EXPECT(k, "state(connecting) drawn!(awaits dwa) link(callee)");
    mt_turn_call_ended(k->t, 1, 0, k->now_ms); /* of the pair that is over */
    mt_turn_link_gone(k->t, k->now_ms);
    EXPECT(k, "");
    mt_turn_incoming(k->t, IN(7), "111001", k->now_ms);
    EXPECT(k, "remote(i7)");
    mt_turn_call_failed(k->t, 1, 481, k->now_ms);
    EXPECT(k, "");
    assert_int_equal(mt_turn_state(k->t), MYTURN_CONNECTING);
}

static void test_leave_is_repeated_until_it_is_heard(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_next(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_turn_fails(k, MT_FAULT_UNREACHABLE, "");
    kit_pass(k, 600);
    EXPECT(k, "error!(server_unreachable) turn(A)");
    mt_turn_waiting(k->t, k->turn_seq, 0, 1, k->now_ms);
    EXPECT(k, "waiting!(0s) turn");
}

/* The server and the talk */

static void test_losing_the_server_does_not_end_a_talk(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_register_failed(k->t, 0, k->now_ms);
    mt_turn_register_failed(k->t, 408, k->now_ms);
    mt_turn_call_failed(k->t, 1, 408, k->now_ms); /* the dialog died here: no BYE arrived */
    kit_pass(k, 600 * 1000);
    EXPECT(k, "");
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
    mt_turn_link_closed(k->t, MT_LINK_REMOTE_BYE, k->now_ms);
    EXPECT(k, "unlink mute leave(A) ended!(partner_left) state(idle)");
    mt_fault f = kit_fault(MT_FAULT_UNREACHABLE, "");
    mt_turn_left(k->t, k->leave_seq, &f, k->now_ms);
    EXPECT(k, "");
}

static void test_login_is_made_anew_after_the_talk(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_register_failed(k->t, 403, k->now_ms); /* a server that was started anew */
    kit_pass(k, 60000);
    EXPECT(k, "");
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    mt_turn_call_failed(k->t, 1, 481, k->now_ms); /* our BYE */
    EXPECT(k, "bye mute hangup(o1) state(ending)");
    mt_turn_link_gone(k->t, k->now_ms);
    EXPECT(k, "ended!(hung_up) state(logging-in) login");
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "register state(idle) logged-in!");
}

static void test_next_with_a_dead_token(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_next(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_turn_fails(k, MT_FAULT_UNAUTHORIZED, "");
    EXPECT(k, "login");
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "register logged-in! turn"); /* without leave: the new login has no pair */
}

static void test_dead_token_seen_by_the_delete(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_link_closed(k->t, MT_LINK_REMOTE_BYE, k->now_ms);
    (void)kit_trace(k);
    mt_fault f = kit_fault(MT_FAULT_UNAUTHORIZED, "");
    mt_turn_left(k->t, k->leave_seq, &f, k->now_ms);
    EXPECT(k, "state(logging-in) login");
}

/* Logout */

static void test_logout_from_idle(void **state) {
    kit *k = *state;
    to_idle(k);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(ending) unregister");
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_ESTATE);
    mt_turn_unregistered(k->t, k->now_ms);
    EXPECT(k, "logout");
    mt_turn_logged_out(k->t, k->logout_seq, k->now_ms);
    EXPECT(k, "stop forget state(logged-out) logged-out!");
    to_talking(k, true); /* and again */
}

static void test_logout_in_a_talk(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) ended!(hung_up) state(ending) unregister");
    mt_turn_unregistered(k->t, k->now_ms);
    mt_turn_logged_out(k->t, k->seed != 0 ? 0 : 1, k->now_ms);
    EXPECT(k, "logout");
    mt_turn_logged_out(k->t, k->logout_seq, k->now_ms);
    EXPECT(k, ""); /* the bye is not confirmed yet */
    mt_turn_link_gone(k->t, k->now_ms);
    EXPECT(k, "stop forget state(logged-out) logged-out!");
}

static void test_logout_without_server_takes_two_seconds_at_most(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_pass(k, 2000);
    EXPECT(k, "logout stop forget state(logged-out) logged-out!");
}

static void test_logout_while_waiting_and_while_logging_in(void **state) {
    kit *k = *state;
    to_waiting(k);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    EXPECT(k, "break state(ending) unregister");
    mt_turn_unregistered(k->t, k->now_ms);
    (void)kit_trace(k);
    mt_turn_logged_out(k->t, k->logout_seq, k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(ending)");
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000,
                       k->now_ms); /* the user exists on the server: must be deleted */
    EXPECT(k, "logout");
    mt_turn_logged_out(k->t, k->logout_seq, k->now_ms);
    EXPECT(k, "stop forget state(logged-out) logged-out!");
}

static void test_stale_answers_change_nothing(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_fault f = kit_fault(MT_FAULT_UNAUTHORIZED, "");
    mt_turn_turn_failed(k->t, k->turn_seq, &f, k->now_ms);
    mt_turn_login_failed(k->t, k->login_seq, &f, k->now_ms);
    mt_turn_login_done(k->t, k->login_seq, "x", 1, k->now_ms);
    mt_turn_waiting(k->t, k->turn_seq, 1, 1, k->now_ms);
    mt_turn_left(k->t, 0, &f, k->now_ms);
    mt_turn_logged_out(k->t, 0, k->now_ms);
    mt_turn_unregistered(k->t, k->now_ms);
    mt_turn_link_ready(k->t, k->now_ms);
    mt_turn_link_secure(k->t, k->now_ms);
    mt_turn_call_ended(k->t, IN(9), 0, k->now_ms);
    mt_turn_call_failed(k->t, 0, 500, k->now_ms);
    EXPECT(k, "");
    mt_turn_draw d = kit_draw('A', true);
    mt_turn_drawn(k->t, 1, &d, k->now_ms); /* the pair that is on: not left */
    EXPECT(k, "");
    d = kit_draw('Z', true);
    mt_turn_drawn(k->t, 1, &d, k->now_ms);
    EXPECT(k, "leave(Z)");
}

#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_caller_from_login_to_talk),
        T(test_callee_from_draw_to_talk),
        T(test_link_is_secure_before_the_ack),
        T(test_wishes_in_the_wrong_state),
        T(test_name_taken),
        T(test_login_server_away),
        T(test_sip_refuses_the_login),
        T(test_sip_never_answers_the_login),
        T(test_cancel),
        T(test_delete_that_hangs_does_not_block),
        T(test_draw_answer_crosses_cancel),
        T(test_elapsed_is_told_each_second),
        T(test_server_away_while_waiting),
        T(test_backoff_grows),
        T(test_server_restarted_while_waiting),
        T(test_unknown_token_seen_by_sip_first),
        T(test_name_lost_while_waiting),
        T(test_a_401_each_time_is_not_a_storm),
        T(test_a_server_that_does_not_hold_is_not_asked_all_the_time),
        T(test_slow_down),
        T(test_in_talk_and_superseded),
        T(test_draw_beats_the_cancelling),
        T(test_a_pair_that_cannot_be_left_is_not_left_for_ever),
        T(test_unexpected_answer_ends_the_waiting),
        T(test_waits_for_registration),
        T(test_idle_login_lost),
        T(test_invite_before_the_draw_answer),
        T(test_invite_never_explained),
        T(test_kept_invite_is_not_the_drawn_pairs),
        T(test_kept_invite_and_we_are_caller),
        T(test_kept_invite_is_cancelled),
        T(test_newer_invite_replaces_the_kept_one),
        T(test_foreign_invites_are_refused),
        T(test_caller_gets_an_invite),
        T(test_call_failures_and_the_next_draw),
        T(test_failing_setups_slow_down),
        T(test_callee_is_never_called),
        T(test_caller_is_never_answered),
        T(test_link_never_secure),
        T(test_partner_gives_up_while_connecting),
        T(test_security_failures_are_not_hidden_by_a_new_draw),
        T(test_link_refuses_the_offer),
        T(test_link_cannot_be_made),
        T(test_hangup_while_connecting),
        T(test_200_crosses_our_cancel),
        T(test_hangup),
        T(test_hangup_without_confirmation),
        T(test_partner_hangs_up_by_link),
        T(test_partner_hangs_up_by_bye),
        T(test_partner_vanishes_and_signalling_says_so),
        T(test_partner_vanishes_and_bye_is_quicker),
        T(test_silence_heals),
        T(test_silence_ends),
        T(test_next),
        T(test_next_before_the_partners_bye_and_bye_after_a_new_pair),
        T(test_leave_is_repeated_until_it_is_heard),
        T(test_losing_the_server_does_not_end_a_talk),
        T(test_login_is_made_anew_after_the_talk),
        T(test_next_with_a_dead_token),
        T(test_dead_token_seen_by_the_delete),
        T(test_logout_from_idle),
        T(test_logout_in_a_talk),
        T(test_logout_without_server_takes_two_seconds_at_most),
        T(test_logout_while_waiting_and_while_logging_in),
        T(test_stale_answers_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
