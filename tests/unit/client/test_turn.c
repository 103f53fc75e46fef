/* The conversation machine on virtual time: login, waiting, logout, and their races. */
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

/* Where Asterisk is the SIP server and was started anew: it has forgotten the device, which the client cannot know. */
static void test_sip_server_has_forgotten_us(void **state) {
    kit *k = *state;
    to_waiting(k);
    kit_turn_fails(k, MT_FAULT_REFUSED, "not_registered");
    EXPECT(k, "renew");
    kit_pass(k, 900);
    EXPECT(k, "");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "turn");
    kit_turn_fails(k, MT_FAULT_REFUSED, "not_registered"); /* it has not told the server yet */
    EXPECT(k, "renew");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "");
    kit_pass(k, 1100);
    assert_non_null(strstr(kit_trace(k), "turn"));
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
        T(test_sip_server_has_forgotten_us),
        T(test_draw_beats_the_cancelling),
        T(test_a_pair_that_cannot_be_left_is_not_left_for_ever),
        T(test_unexpected_answer_ends_the_waiting),
        T(test_waits_for_registration),
        T(test_idle_login_lost),
        T(test_logout_from_idle),
        T(test_logout_in_a_talk),
        T(test_logout_without_server_takes_two_seconds_at_most),
        T(test_logout_while_waiting_and_while_logging_in),
        T(test_stale_answers_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
