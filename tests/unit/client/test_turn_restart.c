/* The conversation machine on virtual time: another path for a talk whose path is gone, and another way to the server.
 * A word "restart" is the caller's link that gathers, "reinvite" his offer, "path" the answer on its way to the link;
 * "reoffer" the offer on its way to the callee's link, "reanswer" its answer; "stay" the end of a try without success.
 */
#include "turn_kit.h"

static void silent(kit *k, const char *words) {
    mt_turn_link_silent(k->t, true, k->now_ms);
    EXPECT(k, words);
}

static void asking(kit *k) {
    to_talking(k, true);
    silent(k, "state(reconnecting) reconnecting!(on) restart");
    mt_turn_restart_ready(k->t, true, k->now_ms);
    EXPECT(k, "reinvite");
}

static void test_caller_offers_and_is_heard_again(void **state) {
    kit *k = *state;
    asking(k);
    k->now_ms += 100;
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    EXPECT(k, "path(o1)");
    k->now_ms += 400;
    mt_turn_link_silent(k->t, false, k->now_ms);
    EXPECT(k, "state(talking) reconnecting!(off)");
    kit_pass(k, 100000);
    EXPECT(k, "");
    silent(k, "state(reconnecting) reconnecting!(on) restart"); /* and again */
}

static void test_callee_answers_and_never_offers(void **state) {
    kit *k = *state;
    to_talking(k, false);
    silent(k, "state(reconnecting) reconnecting!(on)");
    kit_pass(k, 4000);
    EXPECT(k, "");
    mt_turn_reoffered(k->t, IN(1), k->now_ms);
    EXPECT(k, "reoffer(i1)");
    mt_turn_restart_ready(k->t, true, k->now_ms);
    EXPECT(k, "reanswer(i1)");
    mt_turn_link_silent(k->t, false, k->now_ms);
    EXPECT(k, "state(talking) reconnecting!(off)");
    mt_turn_reoffered(k->t, IN(1), k->now_ms); /* his network changed again, before anybody noticed */
    EXPECT(k, "reoffer(i1)");
    mt_turn_restart_ready(k->t, false, k->now_ms); /* refused by the gate, or no address of ours */
    EXPECT(k, "rerefuse(1 488)");
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
}

/* Each 3 s, until the talk is given up; none of it ends or prolongs anything. */
static void test_tries_until_the_end(void **state) {
    kit *k = *state;
    to_talking(k, true);
    silent(k, "state(reconnecting) reconnecting!(on) restart");
    for (int i = 0; i < 4; i++) {
        mt_turn_restart_ready(k->t, true, k->now_ms);
        EXPECT(k, "reinvite");
        mt_turn_reanswered(k->t, 1, 488, k->now_ms);
        EXPECT(k, "stay");
        kit_pass(k, 2999);
        EXPECT(k, "");
        kit_pass(k, 1);
        EXPECT(k, "restart");
    }
    kit_pass(k, 2999);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "bye mute hangup(o1) leave(A) ended!(lost) state(idle)");
    mt_turn_restart_ready(k->t, true, k->now_ms);
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    EXPECT(k, "");
}

/* An answer came, but the path of it does not work. */
static void test_next_try_after_an_answer_that_does_not_help(void **state) {
    kit *k = *state;
    asking(k);
    kit_pass(k, 2000);
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    EXPECT(k, "path(o1)");
    kit_pass(k, 2999); /* the checks have their time, whenever the try began */
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "restart");
}

/* Without an answer it is taken back, for there may not be two; the next try waits for what comes of that. */
static void test_no_answer(void **state) {
    kit *k = *state;
    asking(k);
    kit_pass(k, 2999);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "recancel");
    kit_pass(k, 4000);
    EXPECT(k, "");
    mt_turn_reanswered(k->t, 1, 487, k->now_ms);
    EXPECT(k, "stay");
    kit_pass(k, 499);
    EXPECT(k, "");
    kit_pass(k, 1);
    EXPECT(k, "restart");
}

static void test_answer_crosses_the_taking_back(void **state) {
    kit *k = *state;
    asking(k);
    kit_pass(k, 3000);
    EXPECT(k, "recancel");
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    EXPECT(k, "path(o1)");
}

static void test_glare(void **state) {
    int64_t least_ms = INT64_MAX, most_ms = 0;
    for (uint64_t seed = 1; seed < 60; seed++) {
        (void)kit_teardown(state);
        (void)kit_setup(state);
        kit *k = *state;
        k->seed = seed;
        asking(k);
        kit_pass(k, 1000);
        mt_turn_reanswered(k->t, 1, 491, k->now_ms);
        EXPECT(k, "stay");
        int64_t pause_ms = mt_turn_next_ms(k->t) - k->now_ms;
        least_ms = pause_ms < least_ms ? pause_ms : least_ms;
        most_ms = pause_ms > most_ms ? pause_ms : most_ms;
        kit_pass(k, pause_ms);
        EXPECT(k, "restart");
    }
    assert_in_range(least_ms, 2100, 2250); /* RFC 3261 section 14.1 */
    assert_in_range(most_ms, 3850, 4000);
}

static void test_nothing_to_offer(void **state) {
    kit *k = *state;
    to_talking(k, true);
    silent(k, "state(reconnecting) reconnecting!(on) restart");
    kit_pass(k, 4000); /* relays take their time */
    EXPECT(k, "");
    mt_turn_restart_ready(k->t, false, k->now_ms);
    EXPECT(k, "stay");
    kit_pass(k, 500);
    EXPECT(k, "restart");
}

static void test_heard_again_by_itself(void **state) {
    kit *k = *state;
    to_talking(k, true);
    silent(k, "state(reconnecting) reconnecting!(on) restart");
    mt_turn_link_silent(k->t, false, k->now_ms);
    EXPECT(k, "state(talking) reconnecting!(off)");
    mt_turn_restart_ready(k->t, true, k->now_ms); /* what has begun is ended */
    EXPECT(k, "reinvite");
    mt_turn_reanswered(k->t, 1, 500, k->now_ms);
    EXPECT(k, "stay");
    kit_pass(k, 100000);
    EXPECT(k, "");
}

static void test_call_is_lost(void **state) {
    kit *k = *state;
    asking(k);
    mt_turn_call_failed(k->t, 1, 408, k->now_ms);
    EXPECT(k, "stay");
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    kit_pass(k, 14000);
    EXPECT(k, ""); /* nobody to offer anything to; the path may come back by itself */
    mt_turn_link_silent(k->t, false, k->now_ms);
    EXPECT(k, "state(talking) reconnecting!(off)");
}

static void test_not_while_the_server_is_away(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_register_failed(k->t, 503, k->now_ms);
    silent(k, "state(reconnecting) reconnecting!(on)");
    kit_pass(k, 5000);
    EXPECT(k, "");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "restart");
}

/* What is not the partner's offer to a callee in a talk. */
static void test_other_offers(void **state) {
    kit *k = *state;
    mt_turn_reoffered(k->t, IN(7), k->now_ms);
    EXPECT(k, "rerefuse(7 488)");
    to_talking(k, true);
    mt_turn_reoffered(k->t, 1, k->now_ms); /* the caller alone offers */
    EXPECT(k, "rerefuse(1 488)");
    mt_turn_reoffered(k->t, IN(3), k->now_ms);
    EXPECT(k, "rerefuse(3 488)");
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
}

static void test_offer_before_the_talk(void **state) {
    kit *k = *state;
    to_connecting(k, false);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    mt_turn_link_ready(k->t, k->now_ms);
    (void)kit_trace(k);
    mt_turn_reoffered(k->t, IN(1), k->now_ms);
    EXPECT(k, "reanswer(i1)");
}

static void test_plain_talks_are_left_alone(void **state) {
    kit *k = *state;
    to_waiting(k);
    mt_turn_draw d = kit_draw('A', false);
    d.policy = MT_POLICY_RTP;
    mt_turn_drawn(k->t, k->turn_seq, &d, k->now_ms);
    mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    mt_turn_link_ready(k->t, k->now_ms);
    mt_turn_call_up(k->t, IN(1), k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
    mt_turn_reoffered(k->t, IN(1), k->now_ms); /* a phone that was put on hold */
    EXPECT(k, "reanswer(i1)");
}

static void test_hang_up_while_trying(void **state) {
    kit *k = *state;
    asking(k);
    assert_int_equal(mt_turn_hangup(k->t, k->now_ms), MT_OK);
    EXPECT(k, "bye mute hangup(o1) leave(A) state(ending)");
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    mt_turn_restart_ready(k->t, true, k->now_ms);
    EXPECT(k, "");
}

/* Another network */

static void test_caller_moves(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "reconnect renew");
    kit_pass(k, 500);
    EXPECT(k, "");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "restart"); /* without waiting for silence */
    mt_turn_restart_ready(k->t, true, k->now_ms);
    EXPECT(k, "reinvite");
    mt_turn_reanswered(k->t, 1, 200, k->now_ms);
    EXPECT(k, "path(o1)");
    kit_pass(k, 100000);
    EXPECT(k, "");
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
}

static void test_caller_moves_and_is_refused_at_first(void **state) {
    kit *k = *state;
    to_talking(k, true);
    mt_turn_moved(k->t, k->now_ms);
    mt_turn_registered(k->t, k->now_ms);
    mt_turn_restart_ready(k->t, true, k->now_ms);
    EXPECT(k, "reconnect renew restart reinvite");
    mt_turn_reanswered(k->t, 1, 430, k->now_ms);
    EXPECT(k, "stay");
    kit_pass(k, 3000);
    EXPECT(k, "restart");
}

/* The offer under way told of the address before. */
static void test_caller_moves_while_trying(void **state) {
    kit *k = *state;
    to_talking(k, true);
    silent(k, "state(reconnecting) reconnecting!(on) restart");
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "reconnect renew stay");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "restart");
    mt_turn_restart_ready(k->t, true, k->now_ms);
    EXPECT(k, "reinvite");
    kit_pass(k, 1000);
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "reconnect renew recancel");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "");
    mt_turn_reanswered(k->t, 1, 487, k->now_ms);
    kit_pass(k, 500);
    EXPECT(k, "stay restart");
}

static void test_callee_moves(void **state) {
    kit *k = *state;
    to_talking(k, false);
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "reconnect renew");
    mt_turn_registered(k->t, k->now_ms);
    silent(k, "state(reconnecting) reconnecting!(on)"); /* the caller is to notice */
    mt_turn_reoffered(k->t, IN(1), k->now_ms);
    EXPECT(k, "reoffer(i1)");
}

static void test_moving_outside_a_talk(void **state) {
    kit *k = *state;
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "");
    to_idle(k);
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "reconnect renew");
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "");
    assert_int_equal(mt_turn_state(k->t), MYTURN_IDLE);
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    mt_turn_moved(k->t, k->now_ms);
    EXPECT(k, "state(waiting) waiting!(0s) turn break reconnect renew"); /* the answer would go to the old address */
    mt_turn_registered(k->t, k->now_ms);
    EXPECT(k, "turn");
    kit_drawn(k, 'A', true);
    EXPECT(k, "state(connecting) drawn!(calls dwa) link(caller)"); /* nothing of the last talk's is left */
    mt_turn_link_ready(k->t, k->now_ms);
    mt_turn_call_up(k->t, 1, k->now_ms);
    mt_turn_link_secure(k->t, k->now_ms);
    EXPECT(k, "dial(111001) call-up! remote(o1) state(talking) secure! audio");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_caller_offers_and_is_heard_again),
        T(test_callee_answers_and_never_offers),
        T(test_tries_until_the_end),
        T(test_next_try_after_an_answer_that_does_not_help),
        T(test_no_answer),
        T(test_answer_crosses_the_taking_back),
        T(test_glare),
        T(test_nothing_to_offer),
        T(test_heard_again_by_itself),
        T(test_call_is_lost),
        T(test_not_while_the_server_is_away),
        T(test_other_offers),
        T(test_offer_before_the_talk),
        T(test_plain_talks_are_left_alone),
        T(test_hang_up_while_trying),
        T(test_caller_moves),
        T(test_caller_moves_and_is_refused_at_first),
        T(test_caller_moves_while_trying),
        T(test_callee_moves),
        T(test_moving_outside_a_talk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
