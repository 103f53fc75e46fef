/* Ready, waiting, pausing, leaving; by poll and by held request. */
#include "base/timerq.h"
#include "world.h"

static void test_ready_never_draws(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    ready(&w, a);
    ready(&w, b);
    ready(&w, a); /* at READY too */
    expect(&w, "a 0>1; b 0>1");
    mt_pair *p = NULL;
    assert_int_equal(mt_match_draw(w.m, c, w.now_ms, &p), MT_ESTATE); /* 226 */
    p = draw(&w, b);
    assert_ptr_equal(mt_pair_caller(p), b);
    assert_ptr_equal(mt_pair_callee(p), a);
    expect(&w, "b 1>2; a 1>2; drawn b>a");
    assert_ptr_equal(draw(&w, b), p); /* repeated for both roles */
    assert_ptr_equal(draw(&w, a), p);
    assert_int_equal(mt_match_ready(w.m, a, MT_LINK_GCM, w.now_ms), MT_ESTATE);
    assert_int_equal(mt_match_ready(w.m, b, MT_LINK_GCM, w.now_ms), MT_ESTATE);
    ready(&w, c);
    assert_null(draw(&w, c)); /* 208 */
    expect(&w, "c 0>1");
    world_deinit(&w);
}

static void test_ready_lapses_after_the_last_request(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a");
    ready(&w, a);
    forget(&w);
    run(&w, 29999);
    mt_match_touch(w.m, a, w.now_ms);
    run(&w, 20000);
    assert_null(draw(&w, a)); /* a request, too */
    run(&w, 29999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "a 1>0");
    mt_match_touch(w.m, a, w.now_ms);
    run(&w, 100000);
    expect(&w, "");
    STATUS(a, MT_BUSY);
    assert_true(mt_match_next_ms(w.m) == MT_NEVER);
    world_deinit(&w);
}

static void test_links_must_exist(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a");
    mt_pair *p = NULL;
    assert_int_equal(mt_match_ready(w.m, a, 0, w.now_ms), MT_EINVAL);
    assert_int_equal(mt_match_ready(w.m, a, 8, w.now_ms), MT_EINVAL);
    assert_int_equal(mt_match_turn(w.m, a, 0, w.now_ms, &p), MT_EINVAL);
    assert_int_equal(mt_match_turn(w.m, a, 9, w.now_ms, &p), MT_EINVAL);
    expect(&w, "");
    world_deinit(&w);
}

static void test_turn_waits_then_is_drawn(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    assert_null(turn(&w, a));
    expect(&w, "a 0>1");
    assert_true(mt_user_wait_since_ms(a) == w.now_ms);
    run(&w, 500000); /* no lapse: the request is held */
    STATUS(a, MT_READY);
    mt_pair *p = turn(&w, b);
    expect(&w, "b 0>1; b 1>2; a 1>2; drawn b>a");
    assert_ptr_equal(turn(&w, a), p); /* a POST while paired repeats the pair */
    assert_ptr_equal(turn(&w, b), p);
    expect(&w, "");
    world_deinit(&w);
}

static void test_poll_and_held_meet(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    ready(&w, a);
    assert_ptr_equal(mt_pair_callee(turn(&w, b)), a);
    forget(&w);
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    expect(&w, "b 2>0; a 2>0; ended b>a hangup");

    mt_user *c = add(&w, "c");
    assert_null(turn(&w, c));
    ready(&w, a);
    expect(&w, "c 0>1; a 0>1"); /* update-status-rdy does not draw the waiting one */
    assert_ptr_equal(mt_pair_callee(draw(&w, a)), c);
    expect(&w, "a 1>2; c 1>2; drawn a>c");
    world_deinit(&w);
}

static void test_second_turn_supersedes(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    assert_null(turn(&w, a));
    int64_t since_ms = w.now_ms;
    run(&w, 1000);
    forget(&w);
    assert_null(turn(&w, a)); /* not paired with himself */
    expect(&w, "superseded a");
    assert_true(mt_user_wait_since_ms(a) == since_ms);
    ready(&w, b);
    forget(&w);
    assert_ptr_equal(mt_pair_callee(turn(&w, a)), b); /* the second asks anew */
    expect(&w, "superseded a; a 1>2; b 1>2; drawn a>b");
    world_deinit(&w);
}

static void test_ready_does_not_end_a_held_wait(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a");
    assert_null(turn(&w, a));
    ready(&w, a);
    run(&w, 100000);
    expect(&w, "a 0>1");
    mt_match_leave(w.m, a, w.now_ms);
    expect(&w, "a 1>0");
    ready(&w, a);
    assert_null(turn(&w, a)); /* the other way round: from polling to holding */
    run(&w, 100000);
    expect(&w, "a 0>1");
    world_deinit(&w);
}

static void test_pause_keeps_the_waiting_time(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    assert_null(turn(&w, a));
    int64_t since_ms = w.now_ms;
    run(&w, 25000);
    mt_match_pause(w.m, a, w.now_ms);
    STATUS(a, MT_READY);
    assert_null(turn(&w, b)); /* not drawn meanwhile */
    mt_match_leave(w.m, b, w.now_ms);
    run(&w, 4999);
    assert_null(turn(&w, a));
    assert_true(mt_user_wait_since_ms(a) == since_ms);
    run(&w, 10000);
    expect(&w, "a 0>1; b 0>1; b 1>0"); /* the pause is over, nothing lapses */
    mt_match_pause(w.m, a, w.now_ms);
    mt_match_touch(w.m, a, w.now_ms);
    run(&w, 4000);
    mt_match_touch(w.m, a, w.now_ms); /* other requests do not prolong it */
    run(&w, 999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "a 1>0");
    assert_null(turn(&w, a));
    assert_true(mt_user_wait_since_ms(a) == w.now_ms);
    world_deinit(&w);
}

static void test_pause_is_for_held_waits(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    mt_match_pause(w.m, a, w.now_ms);
    ready(&w, a);
    mt_match_pause(w.m, a, w.now_ms);
    assert_non_null(turn(&w, b)); /* still in the pool */
    mt_match_pause(w.m, b, w.now_ms);
    STATUS(b, MT_PAIRED);
    check(&w);
    mt_match_busy(w.m, b, MT_END_HANGUP, w.now_ms);
    run(&w, 10000);

    mt_user *c = add(&w, "c"); /* paused, then by the specification's way */
    assert_null(turn(&w, c));
    mt_match_pause(w.m, c, w.now_ms);
    ready(&w, c);
    forget(&w);
    run(&w, 29999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "c 1>0");
    world_deinit(&w);
}

static void test_paused_one_may_draw_himself(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    assert_null(turn(&w, a));
    mt_match_pause(w.m, a, w.now_ms);
    assert_null(draw(&w, a));
    ready(&w, b);
    assert_null(draw(&w, b));
    forget(&w);
    assert_ptr_equal(mt_pair_callee(draw(&w, a)), b);
    expect(&w, "a 1>2; b 1>2; drawn a>b");
    assert_int_equal(mt_match_undo(w.m, id_of(mt_user_pair(a)).b, b, w.now_ms), MT_OK);
    expect(&w, "b 2>0; a 2>1; ended a>b undone");
    world_deinit(&w);
}

static void test_leave(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    mt_match_leave(w.m, a, w.now_ms);
    expect(&w, "");
    assert_null(turn(&w, a));
    mt_match_leave(w.m, a, w.now_ms);
    assert_null(turn(&w, b)); /* a is gone at once */
    expect(&w, "a 0>1; a 1>0; b 0>1");
    assert_non_null(turn(&w, a));
    forget(&w);
    mt_match_leave(w.m, a, w.now_ms); /* nothing in a pair */
    expect(&w, "");
    STATUS(a, MT_PAIRED);
    world_deinit(&w);
}

static void test_busy_in_each_state(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    expect(&w, "");
    ready(&w, a);
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    expect(&w, "a 0>1; a 1>0");
    assert_null(turn(&w, a));
    mt_match_pause(w.m, a, w.now_ms);
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    expect(&w, "a 0>1; a 1>0");
    mt_pair *p = pair_up(&w, a, b);
    assert_int_equal(mt_match_ready_to_talk(w.m, b, w.now_ms), MT_OK);
    forget(&w);
    mt_match_busy(w.m, b, MT_END_HANGUP, w.now_ms);
    expect(&w, "a 2>0; b 3>0; ended a>b hangup");
    (void)p;
    world_deinit(&w);
}

static void world_with_window(world *w, uint32_t window_ms) {
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    cfg.draw_window_ms = window_ms;
    world_init_with(w, &cfg);
}

static void test_window_lets_others_gather(void **state) {
    (void)state;
    world w;
    world_with_window(&w, 500);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    assert_null(turn(&w, a));
    run(&w, 100);
    assert_null(turn(&w, b));
    run(&w, 100);
    assert_null(turn(&w, c));
    expect(&w, "a 0>1; b 0>1; c 0>1");
    run(&w, 299);
    expect(&w, "");
    run(&w, 1); /* the window of the first is over: he draws among all who gathered */
    STATUS(a, MT_PAIRED);
    mt_user *left = mt_user_status(b) == MT_READY ? b : c;
    STATUS(left, MT_READY);
    assert_ptr_not_equal(mt_user_partner(a), left);
    forget(&w);
    run(&w, 5000); /* nobody else is there: he waits on */
    expect(&w, "");
    mt_user *d = add(&w, "d");
    assert_null(turn(&w, d)); /* whoever comes gathers too, though one waits */
    run(&w, 499);
    STATUS(d, MT_READY);
    run(&w, 1);
    assert_ptr_equal(mt_user_partner(d), left);
    world_deinit(&w);
}

static void test_window_is_random_among_those_gathered(void **state) {
    (void)state;
    int met[3] = {0};
    for (unsigned i = 0; i < 300; i++) {
        world w;
        world_with_window(&w, 100);
        w.seed += i;
        w.quiet = true;
        mt_user *u[4];
        const char *names[] = {"a", "b", "c", "d"};
        for (unsigned k = 0; k < COUNT(u); k++) {
            u[k] = add(&w, names[k]);
            assert_null(turn(&w, u[k]));
            run(&w, 10);
        }
        run(&w, 200);
        for (unsigned k = 1; k < COUNT(u); k++)
            met[k - 1] += mt_user_partner(u[0]) == u[k];
        world_deinit(&w);
    }
    for (unsigned k = 0; k < COUNT(met); k++)
        assert_in_range(met[k], 60, 140);
}

static void test_window_and_last_partners(void **state) {
    (void)state;
    world w;
    world_with_window(&w, 500);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    assert_null(turn(&w, a));
    assert_null(turn(&w, b));
    run(&w, 500);
    assert_non_null(mt_user_partner(a));
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    assert_null(turn(&w, a));
    assert_null(turn(&w, b));
    forget(&w);
    run(&w, 2999);
    expect(&w, ""); /* the window has come and gone, a repetition is not allowed yet */
    run(&w, 1);
    assert_ptr_equal(mt_user_partner(a), b);
    world_deinit(&w);
}

static void test_window_holds_for_polls_and_undone_draws(void **state) {
    (void)state;
    world w;
    world_with_window(&w, 500);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    ready(&w, a);
    ready(&w, b);
    assert_null(draw(&w, a));
    run(&w, 500);
    mt_pair *p = draw(&w, a);
    assert_non_null(p);
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    assert_null(turn(&w, a));
    run(&w, 400);
    assert_null(turn(&w, b));
    assert_null(turn(&w, c));
    run(&w, 100); /* a draws c, since b was his last partner */
    assert_ptr_equal(mt_user_partner(a), c);
    id last = id_of(mt_user_pair(a));
    assert_int_equal(mt_match_undo(w.m, last.b, a, w.now_ms), MT_OK);
    STATUS(c, MT_READY); /* his window is not over: he gathers on, though b waits */
    run(&w, 400);
    assert_ptr_equal(mt_user_partner(c), b);
    world_deinit(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready_never_draws),
        cmocka_unit_test(test_ready_lapses_after_the_last_request),
        cmocka_unit_test(test_links_must_exist),
        cmocka_unit_test(test_turn_waits_then_is_drawn),
        cmocka_unit_test(test_poll_and_held_meet),
        cmocka_unit_test(test_second_turn_supersedes),
        cmocka_unit_test(test_ready_does_not_end_a_held_wait),
        cmocka_unit_test(test_pause_keeps_the_waiting_time),
        cmocka_unit_test(test_pause_is_for_held_waits),
        cmocka_unit_test(test_paused_one_may_draw_himself),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_busy_in_each_state),
        cmocka_unit_test(test_window_lets_others_gather),
        cmocka_unit_test(test_window_is_random_among_those_gathered),
        cmocka_unit_test(test_window_and_last_partners),
        cmocka_unit_test(test_window_holds_for_polls_and_undone_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
