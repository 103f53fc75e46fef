/* Races between the two of a pair, and of one with himself, as the matchmaker sees them. */
#include "world.h"

/* "Next" before the BYE arrives: a leaves by id and is drawn anew in one step; b's BYE then names the old pair. */
static void test_next_before_bye(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    id old = id_of(pair_up(&w, a, b));
    assert_int_equal(mt_match_up(w.m, old.b, w.now_ms), MT_OK);
    assert_null(turn(&w, c));
    forget(&w);
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_HANGUP, w.now_ms), MT_OK);
    mt_pair *p = turn(&w, a);
    expect(&w, "a 3>0; b 3>0; ended a>b hangup; a 0>1; a 1>2; c 1>2; drawn a>c");
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_HANGUP, w.now_ms), MT_ENOENT);
    expect(&w, "");
    assert_ptr_equal(mt_user_pair(a), p);
    STATUS(a, MT_PAIRED);
    world_deinit(&w);
}

/* b's late messages of the old call (180, 200, BYE) after both have new partners. */
static void test_late_messages_touch_nobody(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c"), *d = add(&w, "d");
    id old = id_of(pair_up(&w, a, b));
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_HANGUP, w.now_ms), MT_OK);
    pair_up(&w, a, c);
    pair_up(&w, b, d);
    assert_int_equal(mt_match_invited(w.m, old.b, w.now_ms), MT_ENOENT);
    assert_int_equal(mt_match_ringing(w.m, old.b, w.now_ms), MT_ENOENT);
    assert_int_equal(mt_match_up(w.m, old.b, w.now_ms), MT_ENOENT);
    assert_int_equal(mt_match_undo(w.m, old.b, a, w.now_ms), MT_ENOENT);
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_FLOW_LOST, w.now_ms), MT_ENOENT);
    expect(&w, "");
    STATUS(a, MT_PAIRED);
    STATUS(b, MT_PAIRED);
    world_deinit(&w);
}

/* The two hang up at the same moment and go on: each BYE and each `leave` names the pair, one of them ends it. */
static void test_both_hang_up(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    id old = id_of(pair_up(&w, a, b));
    assert_int_equal(mt_match_up(w.m, old.b, w.now_ms), MT_OK);
    forget(&w);
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_HANGUP, w.now_ms), MT_OK);
    assert_null(turn(&w, a));
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_HANGUP, w.now_ms), MT_ENOENT);
    STATUS(a, MT_READY); /* b's end has not thrown a out of the pool */
    assert_null(turn(&w, b));
    run(&w, 3000);
    assert_ptr_equal(mt_user_partner(a), b);
    world_deinit(&w);
}

/* Two polls at once: the earlier is superseded, the draw answers the later, and nobody meets himself. */
static void test_two_polls_of_one_user(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    assert_null(turn(&w, a));
    assert_null(turn(&w, a));
    assert_null(turn(&w, a));
    expect(&w, "a 0>1; superseded a; superseded a");
    assert_ptr_equal(mt_pair_callee(turn(&w, b)), a);
    expect(&w, "b 0>1; b 1>2; a 1>2; drawn b>a");
    assert_ptr_equal(turn(&w, a), mt_user_pair(b)); /* drawn between his two requests */
    expect(&w, "");
    world_deinit(&w);
}

/* The connection that held a's request broke in the very moment of the draw. */
static void test_answer_lost(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    id pair = id_of(pair_up(&w, b, a));
    run(&w, 2000);
    assert_int_equal(mt_match_undo(w.m, pair.b, a, w.now_ms), MT_OK);
    mt_match_leave(w.m, a, w.now_ms); /* its closing is reported, too */
    expect(&w, "a 2>0; b 2>1; ended b>a undone");
    run(&w, 100000); /* no time-out of the undone pair is left */
    expect(&w, "");
    assert_ptr_equal(mt_pair_callee(turn(&w, c)), b);
    world_deinit(&w);
}

/* A pair's timers die with it and with the memory that the next pair takes over. */
static void test_timers_of_the_old_pair_are_gone(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    id old = id_of(pair_up(&w, a, b));
    run(&w, 14000);
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_REFUSED, w.now_ms), MT_OK);
    pair_up(&w, a, c);
    run(&w, 14999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "a 2>0; c 2>0; ended a>c callee_silent");
    world_deinit(&w);
}

/* Callee silent: after the end the caller's `leave` finds nothing, and he is drawn again without it. */
static void test_leave_after_the_server_ended_it(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    id old = id_of(pair_up(&w, a, b));
    assert_int_equal(mt_match_ready_to_talk(w.m, b, w.now_ms), MT_OK);
    assert_int_equal(mt_match_invited(w.m, old.b, w.now_ms), MT_OK);
    run(&w, 3000);
    assert_null(turn(&w, c));
    assert_int_equal(mt_match_end(w.m, old.b, MT_END_HANGUP, w.now_ms), MT_ENOENT);
    assert_ptr_equal(mt_pair_callee(turn(&w, a)), c);
    STATUS(b, MT_BUSY);
    world_deinit(&w);
}

/* Many ready in one instant: all but an odd one are paired, none is stranded. */
static void test_same_instant(void **state) {
    (void)state;
    world w;
    world_init(&w);
    for (char c = 'A'; c <= 'Y'; c++)
        (void)turn(&w, add(&w, (char[]){c, '\0'}));
    assert_int_equal(mt_match_count(w.m).talking, 24);
    assert_int_equal(mt_match_count(w.m).ready, 1);
    world_deinit(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_before_bye),
        cmocka_unit_test(test_late_messages_touch_nobody),
        cmocka_unit_test(test_both_hang_up),
        cmocka_unit_test(test_two_polls_of_one_user),
        cmocka_unit_test(test_answer_lost),
        cmocka_unit_test(test_timers_of_the_old_pair_are_gone),
        cmocka_unit_test(test_leave_after_the_server_ended_it),
        cmocka_unit_test(test_same_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
