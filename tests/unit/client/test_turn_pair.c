/* The conversation machine on virtual time: a pair, from the draw to its end, and the races of it. */
#include "turn_kit.h"

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
    kit_pass(k, 999);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "watch");
    kit_watched(k, 'A');
    EXPECT(k, "");
    kit_pass(k, 1000);
    EXPECT(k, "watch"); /* held */
    kit_pass(k, 13000);
    EXPECT(k, "unlink ended!(no_answer) state(waiting) waiting!(0s) turn(A)");
    kit_watched(k, 0); /* of before */
    EXPECT(k, "");
}

/* Only the server knows, so it is asked. */
static void test_caller_leaves_before_he_has_called(void **state) {
    static const char now_in[] = {0, 'B'};
    for (size_t i = 0; i < sizeof now_in; i++) {
        kit *k = *state;
        to_connecting(k, false);
        kit_pass(k, 1000);
        EXPECT(k, "watch");
        kit_watched(k, now_in[i]);
        EXPECT(k, "unlink ended!(undone) state(waiting) waiting!(0s) turn(A)");
        (void)kit_teardown(state);
        (void)kit_setup(state);
    }
}

static void test_called_while_the_server_is_asked(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    kit_pass(k, 1000);
    EXPECT(k, "watch");
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    EXPECT(k, "remote(i1)");
    kit_watched(k, 0);
    EXPECT(k, "");
    kit_pass(k, 5000);
    EXPECT(k, "");
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

/* Both sides of a talk were told that the other one had hung up. */
static void test_server_goes_down(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_call_stopped(k->t, IN(1) + 1, k->now_ms); /* another one */
    EXPECT(k, "");
    mt_turn_call_stopped(k->t, IN(1), k->now_ms);
    EXPECT(k, "bye mute leave(A) ended!(server) state(idle)");
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

static void test_leave_is_repeated_without_a_draw(void **state) {
    kit *k = *state;
    mt_fault away = kit_fault(MT_FAULT_UNREACHABLE, "");
    to_connecting(k, true);
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    EXPECT(k, "unlink leave(A) state(ending) ended!(hung_up) state(idle)");
    for (int i = 0; i < 3; i++) {
        mt_turn_left(k->t, k->leave_seq, &away, k->now_ms);
        kit_pass(k, 2900);
        EXPECT(k, "");
        kit_pass(k, 100);
        EXPECT(k, "leave(A)");
    }
    mt_turn_left(k->t, k->leave_seq, NULL, k->now_ms);
    kit_pass(k, 9000);
    EXPECT(k, "");
}

/* The DELETE of a wait that was cancelled was under way for long, and ended the next wait at the server. */
static void test_cancelling_comes_late(void **state) {
    kit *k = *state;
    to_waiting(k);
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    kit_pass(k, 3000);
    assert_non_null(strstr(kit_trace(k), "turn"));
    kit_turn_fails(k, MT_FAULT_REFUSED, "left");
    EXPECT(k, "");
    kit_pass(k, 500);
    EXPECT(k, "turn");
}

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
        T(test_caller_leaves_before_he_has_called),
        T(test_called_while_the_server_is_asked),
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
        T(test_server_goes_down),
        T(test_partner_vanishes_and_signalling_says_so),
        T(test_partner_vanishes_and_bye_is_quicker),
        T(test_silence_heals),
        T(test_silence_ends),
        T(test_next),
        T(test_next_before_the_partners_bye_and_bye_after_a_new_pair),
        T(test_leave_is_repeated_until_it_is_heard),
        T(test_leave_is_repeated_without_a_draw),
        T(test_cancelling_comes_late),
        T(test_losing_the_server_does_not_end_a_talk),
        T(test_login_is_made_anew_after_the_talk),
        T(test_next_with_a_dead_token),
        T(test_dead_token_seen_by_the_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
