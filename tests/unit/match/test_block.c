/* Who is not drawn: those who are blocked, barred, or do not ask any more. */
#include <stdio.h>

#include "base/timerq.h"
#include "match/state.h"
#include "world.h"

static void block(world *w, mt_user *by, mt_user *other) {
    assert_int_equal(mt_match_block(w->m, by, other), MT_OK);
    check(w);
}

static void test_blocked_are_never_drawn(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    block(&w, a, b);
    assert_true(mt_match_is_blocked(w.m, a, b) && mt_match_is_blocked(w.m, b, a));
    assert_false(mt_match_is_blocked(w.m, a, c));
    assert_null(turn(&w, b));
    assert_null(turn(&w, a));
    run(&w, 60000); /* time does not bring them together, as it does last partners */
    STATUS(a, MT_READY);
    STATUS(b, MT_READY);
    ready(&w, c);
    mt_pair *p = draw(&w, c);
    assert_non_null(p);
    world_deinit(&w);
}

/* By polling, too, and when the blocked one is the only one and the last partner. */
static void test_blocked_last_partners(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    talk(&w, a, b);
    block(&w, b, a);
    ready(&w, a);
    ready(&w, b);
    for (int i = 0; i < 5; i++) {
        run(&w, 4000);
        assert_null(draw(&w, a));
        assert_null(draw(&w, b));
    }
    world_deinit(&w);
}

static void test_a_block_is_gone_at_logout(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    block(&w, a, b);
    block(&w, c, a);
    block(&w, b, c);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    check(&w);
    assert_true(mt_match_is_blocked(w.m, b, c));
    a = add(&w, "a");
    assert_false(mt_match_is_blocked(w.m, a, b) || mt_match_is_blocked(w.m, a, c));
    assert_null(turn(&w, a));
    assert_non_null(turn(&w, b));
    world_deinit(&w);
}

static void test_so_many_and_no_more(void **state) {
    (void)state;
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    cfg.max_blocks = 2;
    world w;
    world_init_with(&w, &cfg);
    mt_user *u = add(&w, "u"), *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    block(&w, u, a);
    block(&w, a, u); /* is so already, and costs a nothing */
    block(&w, a, b);
    block(&w, a, c);
    block(&w, u, b);
    assert_int_equal(mt_match_block(w.m, u, c), MT_ELIMIT);
    assert_false(mt_match_is_blocked(w.m, u, c));
    assert_int_equal(mt_match_block(w.m, u, a), MT_OK);
    assert_int_equal(mt_match_block(w.m, u, u), MT_EINVAL);
    mt_match_remove(w.m, b, MT_END_LOGOUT, w.now_ms); /* makes room */
    block(&w, u, c);
    world_deinit(&w);
}

/* A block in a pair leaves the pair alone; and one who lacks memory is told so. */
static void test_in_a_pair(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    id pair = id_of(pair_up(&w, a, b));
    mt_alloc_fail_nth(1);
    assert_int_equal(mt_match_block(w.m, a, b), MT_ENOMEM);
    mt_alloc_fail_nth(0);
    block(&w, a, b);
    expect(&w, "");
    /* an undone draw does not bring them together again */
    assert_int_equal(mt_match_undo(w.m, pair.b, a, w.now_ms), MT_OK);
    expect(&w, "a 2>0; b 2>1; ended a>b undone");
    assert_null(turn(&w, a));
    world_deinit(&w);
}

/* Half of the pool is blocked: the others are drawn evenly, each of the blocked never. */
static void test_evenly_past_the_blocked(void **state) {
    (void)state;
    enum { MANY = 40, DRAWS = 100000 };
    world w;
    world_init(&w);
    unsigned hits[MANY] = {0};
    mt_user *u = add(&w, "u");
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        mt_user *other = add(&w, name);
        ready(&w, other);
        if (i % 2 == 0)
            block(&w, i % 4 == 0 ? u : other, i % 4 == 0 ? other : u);
    }
    assert_int_equal(mt_match_ready(w.m, u, MT_LINK_GCM, w.now_ms), MT_OK);
    mt_pool_remove(&w.m->pool, u);
    for (int i = 0; i < DRAWS; i++)
        hits[mt_user_exten(mt_draw_pick(w.m, u, w.now_ms)) - w.cfg.first_exten - 1]++;
    mt_pool_add(&w.m->pool, u);
    double chi2 = 0, each = (double)DRAWS / (MANY / 2);
    for (int i = 0; i < MANY; i++) {
        if (i % 2 == 0)
            assert_int_equal(hits[i], 0);
        else
            chi2 += (hits[i] - each) * (hits[i] - each) / each;
    }
    assert_true(chi2 < 43.82); /* 19 degrees of freedom, p = 0.001 */
    world_deinit(&w);
}

/* One whom all but one have blocked still finds that one. */
static void test_the_last_one_left(void **state) {
    (void)state;
    enum { MANY = 500 };
    world w;
    world_init(&w);
    w.quiet = true;
    mt_user *u = add(&w, "u"), *kind = NULL;
    for (int i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        mt_user *other = add(&w, name);
        ready(&w, other);
        if (i == 321)
            kind = other;
        else
            assert_int_equal(mt_match_block(w.m, other, u), MT_OK);
    }
    ready(&w, u);
    mt_pair *p = draw(&w, u);
    assert_non_null(p);
    assert_ptr_equal(mt_pair_callee(p), kind);
    check(&w);
    world_deinit(&w);
}

static void test_barred(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    mt_pair *p = NULL;
    assert_null(turn(&w, a));
    forget(&w);
    mt_match_bar(w.m, a, w.now_ms + 5000, w.now_ms);
    expect(&w, "a 1>0");
    assert_int_equal(mt_match_turn(w.m, a, MT_LINK_GCM, w.now_ms, &p), MT_EDENIED);
    assert_int_equal(mt_match_ready(w.m, a, MT_LINK_GCM, w.now_ms), MT_EDENIED);
    assert_int_equal(mt_match_draw(w.m, a, w.now_ms, &p), MT_EDENIED);
    assert_null(turn(&w, b));
    run(&w, 4999);
    assert_int_equal(mt_match_turn(w.m, a, MT_LINK_GCM, w.now_ms, &p), MT_EDENIED);
    run(&w, 1);
    assert_non_null(turn(&w, a));
    /* in a pair it goes on */
    mt_match_bar(w.m, a, w.now_ms + 5000, w.now_ms);
    STATUS(a, MT_PAIRED);
    assert_int_equal(mt_match_turn(w.m, a, MT_LINK_GCM, w.now_ms, &p), MT_OK);
    assert_int_equal(mt_match_draw(w.m, a, w.now_ms, &p), MT_OK);
    mt_match_bar(w.m, a, 0, w.now_ms); /* lifted */
    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    ready(&w, a);
    world_deinit(&w);
}

/* The partner of a draw that is undone was barred meanwhile: he does not wait on. */
static void test_barred_in_a_draw_that_is_undone(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    id pair = id_of(pair_up(&w, a, b));
    mt_match_bar(w.m, b, w.now_ms + 5000, w.now_ms);
    assert_int_equal(mt_match_undo(w.m, pair.b, a, w.now_ms), MT_OK);
    expect(&w, "a 2>0; b 2>0; ended a>b undone");
    world_deinit(&w);
}

/* Who said ready and never asked again kept each who drew him waiting for 15 s, one after the other. */
static void test_one_who_does_not_ask_is_not_drawn(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *silent = add(&w, "s"), *a = add(&w, "a");
    ready(&w, silent);
    run(&w, 5000);
    assert_null(turn(&w, a));
    STATUS(silent, MT_READY);
    assert_int_equal(mt_match_count(w.m).ready, 2);
    mt_match_leave(w.m, a, w.now_ms);
    forget(&w);
    mt_match_touch(w.m, silent, w.now_ms); /* asks again */
    run(&w, 4999);
    assert_non_null(turn(&w, a));
    expect(&w, "a 0>1; a 1>2; s 1>2; drawn a>s");
    world_deinit(&w);
}

/* He may ask as seldom as he likes, for by asking he draws. */
static void test_a_slow_asker_draws(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *slow = add(&w, "s"), *a = add(&w, "a");
    ready(&w, slow);
    run(&w, 20000);
    assert_null(turn(&w, a));
    run(&w, 5000);
    mt_pair *p = draw(&w, slow);
    assert_non_null(p);
    assert_ptr_equal(mt_pair_caller(p), slow);
    world_deinit(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked_are_never_drawn),
        cmocka_unit_test(test_blocked_last_partners),
        cmocka_unit_test(test_a_block_is_gone_at_logout),
        cmocka_unit_test(test_so_many_and_no_more),
        cmocka_unit_test(test_in_a_pair),
        cmocka_unit_test(test_evenly_past_the_blocked),
        cmocka_unit_test(test_the_last_one_left),
        cmocka_unit_test(test_barred),
        cmocka_unit_test(test_barred_in_a_draw_that_is_undone),
        cmocka_unit_test(test_one_who_does_not_ask_is_not_drawn),
        cmocka_unit_test(test_a_slow_asker_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
