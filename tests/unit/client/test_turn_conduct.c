/* Blocking and reporting, on virtual time: the pair ends at once, the server hears of it once, and races change
 * nothing. */
#include "turn_kit.h"

static void conducted(kit *k, const char *code, mt_fault_kind kind) {
    mt_fault f = kit_fault(kind, code != NULL ? code : "");
    mt_turn_conducted(k->t, k->conduct_seq, code != NULL ? &f : NULL, k->now_ms);
}

static void test_block_in_a_talk(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) state(ending) block(A)");
    conducted(k, NULL, 0);
    EXPECT(k, "blocked!(dwa)");
    mt_turn_link_gone(k->t, k->now_ms);
    EXPECT(k, "ended!(blocked) state(idle)");
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(waiting) waiting!(0s) turn"); /* the server knows that the pair is over: no leave */
}

static void test_report_while_connecting(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    assert_int_equal(mt_turn_report_partner(k->t, "rude", NULL, k->now_ms), MT_EINVAL);
    EXPECT(k, "");
    assert_int_equal(mt_turn_report_partner(k->t, "threat", "said \"I know where you live\"", k->now_ms), MT_OK);
    EXPECT(k, "unlink state(ending) report(A) ended!(reported) state(idle)");
    const mt_turn_conduct *c = mt_turn_conduct_of(k->t, k->conduct_seq);
    assert_non_null(c);
    assert_string_equal(c->reason, "threat");
    assert_string_equal(c->note, "said \"I know where you live\"");
    conducted(k, NULL, 0);
    EXPECT(k, "reported!(dwa)");
    assert_null(mt_turn_conduct_of(k->t, k->conduct_seq));
}

/* The partner's bye was quicker than the finger: it means the partner who has just left. */
static void test_block_crosses_the_partners_bye(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_link_closed(k->t, MT_LINK_REMOTE_BYE, k->now_ms);
    EXPECT(k, "unlink mute hangup(o1) leave(A) ended!(partner_left) state(idle)");
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    EXPECT(k, "block(A)");
    mt_turn_call_ended(k->t, 1, 0, k->now_ms); /* the BYE comes after all */
    EXPECT(k, "");
    conducted(k, NULL, 0);
    EXPECT(k, "blocked!(dwa)");
}

/* The server knows the present pair and the one before: the next draw waits for the answer, but not for ever. */
static void test_the_next_draw_waits_for_the_block(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_link_closed(k->t, MT_LINK_REMOTE_BYE, k->now_ms);
    (void)kit_trace(k);
    mt_turn_left(k->t, k->leave_seq, NULL, k->now_ms);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    EXPECT(k, "block(A) state(waiting) waiting!(0s)");
    conducted(k, NULL, 0);
    EXPECT(k, "blocked!(dwa) turn");
    assert_int_equal(mt_turn_cancel(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK); /* again: harmless */
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    mt_turn_left(k->t, k->leave_seq, NULL, k->now_ms);
    EXPECT(k, "");
    kit_pass(k, 3000);
    EXPECT(k, "waiting!(1s) waiting!(2s) waiting!(3s) turn");
}

static void test_after_next_it_means_the_partner_before(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_next(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_report_partner(k->t, "spam", NULL, k->now_ms), MT_OK);
    EXPECT(k, "report(A)");
    kit_drawn(k, 'B', true);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    EXPECT(k, "unlink state(ending) block(B)");
    mt_turn_link_gone(k->t, k->now_ms); /* that of the talk before */
    EXPECT(k, "ended!(blocked) state(idle)");
}

static void test_nobody_to_block(void **state) {
    kit *k = *state;
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_ESTATE);
    to_waiting(k);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_ESTATE);
    assert_int_equal(mt_turn_report_partner(k->t, "spam", NULL, k->now_ms), MT_ESTATE);
    EXPECT(k, "");
}

static void test_tried_on_while_the_server_is_away(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    mt_turn_link_gone(k->t, k->now_ms);
    (void)kit_trace(k);
    conducted(k, "", MT_FAULT_UNREACHABLE);
    EXPECT(k, "");
    kit_pass(k, 499);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "block(A)");
    conducted(k, "", MT_FAULT_SLOW_DOWN);
    kit_pass(k, 7999);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "block(A)");
    k->now_ms += 30000;
    conducted(k, "", MT_FAULT_UNREACHABLE);
    EXPECT(k, "error!(not_blocked)");
    assert_int_equal(mt_turn_next_ms(k->t), INT64_MAX);
}

static void test_refused(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_report_partner(k->t, "minor", NULL, k->now_ms), MT_OK);
    mt_turn_link_gone(k->t, k->now_ms);
    (void)kit_trace(k);
    conducted(k, "not_found", MT_FAULT_REFUSED);
    EXPECT(k, "error!(not_reported)");
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    EXPECT(k, "state(waiting) waiting!(0s) turn(A)"); /* so that pair may still be there: it is left */
}

/* A log-out would make the report the report of nobody: it waits, but no longer than a person does. */
static void test_logging_out_waits_for_the_report(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_report_partner(k->t, "sexual", NULL, k->now_ms), MT_OK);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) state(ending) report(A) ended!(reported) state(ending) unregister");
    mt_turn_unregistered(k->t, k->now_ms);
    EXPECT(k, "");
    conducted(k, NULL, 0);
    EXPECT(k, "reported!(dwa) logout");
    mt_turn_logged_out(k->t, k->logout_seq, k->now_ms);
    mt_turn_link_gone(k->t, k->now_ms);
    EXPECT(k, "stop forget state(logged-out) logged-out!");
}

static void test_logging_out_waits_for_the_report_only_so_long(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    assert_int_equal(mt_turn_logout(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
    mt_turn_unregistered(k->t, k->now_ms);
    kit_pass(k, 1199);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "error!(not_blocked) logout");
    kit_pass(k, 600);
    EXPECT(k, "stop forget state(logged-out) logged-out!");
    mt_turn_conducted(k->t, k->conduct_seq, NULL, k->now_ms);
    EXPECT(k, "");
}

static void test_a_login_that_is_gone_takes_it_along(void **state) {
    kit *k = *state;
    to_talking(k, true);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    mt_turn_link_gone(k->t, k->now_ms);
    (void)kit_trace(k);
    conducted(k, "", MT_FAULT_UNAUTHORIZED);
    EXPECT(k, "error!(not_blocked) state(logging-in) login");
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111005, k->now_ms);
    mt_turn_registered(k->t, k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_ESTATE); /* the new login has met nobody */
}

static void test_too_many_at_once(void **state) {
    kit *k = *state;
    to_talking(k, true);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_ELIMIT);
}

static void test_suspended(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_fault f = kit_fault(MT_FAULT_REFUSED, "suspended");
    f.retry_after_s = 3600;
    mt_turn_turn_failed(k->t, k->turn_seq, &f, k->now_ms);
    mt_turn_action a;
    assert_int_equal(mt_turn_action_next(k->t, &a), MT_OK);
    assert_string_equal(a.report.code, "suspended");
    assert_int_equal(a.report.retry_s, 3600);
    EXPECT(k, "state(idle)");
}

/* A partner with a phone (policy rtp): nothing is agreed beyond the call. */
static void to_phone(kit *k, bool caller) {
    to_waiting(k);
    mt_turn_draw d = kit_draw('R', caller);
    d.policy = MT_POLICY_RTP;
    d.connect_s = 60;
    mt_turn_drawn(k->t, k->turn_seq, &d, k->now_ms);
    (void)kit_trace(k);
}

static void test_called_by_a_phone(void **state) {
    kit *k = *state;
    to_phone(k, false);
    kit_pass(k, 50000); /* it is dialled by hand */
    EXPECT(k, "watch"); /* held */
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    EXPECT(k, "remote(i1)");
    mt_turn_link_ready(k->t, k->now_ms);
    EXPECT(k, "answer(i1)");
    mt_turn_call_up(k->t, IN(1), k->now_ms);
    EXPECT(k, "call-up! state(talking) secure! audio");
    mt_turn_call_ended(k->t, IN(1), 0, k->now_ms);
    EXPECT(k, "bye mute leave(R) ended!(partner_left) state(idle)");
}

static void test_calling_a_phone(void **state) {
    kit *k = *state;
    to_phone(k, true);
    mt_turn_link_ready(k->t, k->now_ms);
    EXPECT(k, "dial(111001)");
    mt_turn_call_up(k->t, 1, k->now_ms);
    EXPECT(k, "call-up! remote(o1)"); /* what the phone answers is looked at first */
    mt_turn_link_secure(k->t, k->now_ms);
    EXPECT(k, "state(talking) secure! audio");
    assert_int_equal(mt_turn_block(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) state(ending) block(R)");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_block_in_a_talk),
        TEST(test_report_while_connecting),
        TEST(test_block_crosses_the_partners_bye),
        TEST(test_the_next_draw_waits_for_the_block),
        TEST(test_after_next_it_means_the_partner_before),
        TEST(test_nobody_to_block),
        TEST(test_tried_on_while_the_server_is_away),
        TEST(test_refused),
        TEST(test_logging_out_waits_for_the_report),
        TEST(test_logging_out_waits_for_the_report_only_so_long),
        TEST(test_a_login_that_is_gone_takes_it_along),
        TEST(test_too_many_at_once),
        TEST(test_suspended),
        TEST(test_called_by_a_phone),
        TEST(test_calling_a_phone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
