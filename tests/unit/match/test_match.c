/* Logging in and out, extensions, limits, want of memory, a million users. */
#include <stdio.h>
#include <string.h>

#include "base/timerq.h"
#include "world.h"

static void test_logs_in_and_out(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = NULL;
    assert_int_equal(mt_match_add(w.m, MT_SLICE_LIT("Jeden"), MT_SLICE_LIT("jeden"), false, w.now_ms, &a), MT_OK);
    assert_true(mt_slice_is(mt_user_name(a), "Jeden"));
    assert_true(mt_slice_is(mt_user_key(a), "jeden"));
    assert_int_equal(mt_user_exten(a), 111000);
    STATUS(a, MT_BUSY);
    assert_null(mt_user_pair(a));
    assert_null(mt_user_partner(a));
    assert_false(mt_user_is_phone(a));
    assert_true(mt_user_is_phone(add_phone(&w, "phone")));
    mt_user_set_ctx(a, &w);
    assert_ptr_equal(mt_user_ctx(a), &w);
    assert_ptr_equal(mt_match_by_key(w.m, MT_SLICE_LIT("jeden")), a);
    assert_null(mt_match_by_key(w.m, MT_SLICE_LIT("Jeden")));
    assert_ptr_equal(mt_match_by_exten(w.m, 111000), a);
    mt_user *again = a;
    assert_int_equal(mt_match_add(w.m, MT_SLICE_LIT("JEDEN"), MT_SLICE_LIT("jeden"), false, w.now_ms, &again),
                     MT_EEXIST);
    assert_ptr_equal(again, a);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    assert_null(mt_match_by_key(w.m, MT_SLICE_LIT("jeden")));
    assert_null(mt_match_by_exten(w.m, 111000));
    assert_int_equal(mt_match_add(w.m, MT_SLICE_LIT("JEDEN"), MT_SLICE_LIT("jeden"), false, w.now_ms, &again), MT_OK);
    assert_int_equal(mt_user_exten(again), 111002); /* different at each login */
    expect(&w, "");
    world_deinit(&w);
}

static void test_order_of_login(void **state) {
    (void)state;
    world w;
    world_init(&w);
    assert_null(mt_match_next(w.m, NULL));
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    mt_match_remove(w.m, b, MT_END_LOGOUT, w.now_ms);
    mt_user *d = add(&w, "b");
    assert_ptr_equal(mt_match_next(w.m, NULL), a);
    assert_ptr_equal(mt_match_next(w.m, a), c);
    assert_ptr_equal(mt_match_next(w.m, c), d);
    assert_null(mt_match_next(w.m, d));
    world_deinit(&w);
}

static void test_limits(void **state) {
    (void)state;
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    world w;
    cfg.max_users = 2;
    world_init_with(&w, &cfg);
    mt_user *a = add(&w, "a"), *u = NULL;
    add(&w, "b");
    assert_int_equal(mt_match_add(w.m, MT_SLICE_LIT("c"), MT_SLICE_LIT("c"), false, w.now_ms, &u), MT_ELIMIT);
    assert_int_equal(mt_match_add(w.m, MT_SLICE_LIT("a"), MT_SLICE_LIT("a"), false, w.now_ms, &u), MT_EEXIST);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    add(&w, "c");
    world_deinit(&w);

    mt_match *m = NULL;
    cfg.first_exten = 0;
    assert_int_equal(mt_match_create(&cfg, mt_random_kernel(), NULL, NULL, &m), MT_EINVAL);
    cfg.first_exten = 999999999;
    assert_int_equal(mt_match_create(&cfg, mt_random_kernel(), NULL, NULL, &m), MT_EINVAL);
    cfg.max_users = 0;
    assert_int_equal(mt_match_create(&cfg, mt_random_kernel(), NULL, NULL, &m), MT_EINVAL);
    assert_null(m);
    mt_match_destroy(NULL);
}

static void test_extensions_wrap_past_those_in_use(void **state) {
    (void)state;
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    cfg.max_users = 4;
    cfg.first_exten = 999999996;
    world w;
    world_init_with(&w, &cfg);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    assert_int_equal(mt_user_exten(add(&w, "d")), 999999999);
    mt_match_remove(w.m, b, MT_END_LOGOUT, w.now_ms);
    assert_int_equal(mt_user_exten(add(&w, "e")), 999999997);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    mt_match_remove(w.m, c, MT_END_LOGOUT, w.now_ms);
    assert_int_equal(mt_user_exten(add(&w, "f")), 999999998);
    assert_int_equal(mt_user_exten(add(&w, "g")), 999999996);
    world_deinit(&w);
}

static void test_counts(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    pair_up(&w, a, b);
    ready(&w, c);
    mt_match_counts n = mt_match_count(w.m);
    assert_int_equal(n.online, 3);
    assert_int_equal(n.ready, 1);
    assert_int_equal(n.talking, 2);
    assert_int_equal(n.draws, 1);
    world_deinit(&w);
}

/* Removal in each state: the partner goes BUSY, nobody is left behind in the pool. */
static void test_removal(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *b = add(&w, "b");
    mt_match_remove(w.m, add(&w, "x"), MT_END_LOGOUT, w.now_ms);
    expect(&w, "");

    mt_user *a = add(&w, "a");
    ready(&w, a);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    expect(&w, "a 0>1; a 1>0");

    a = add(&w, "a");
    turn(&w, a);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    expect(&w, "a 0>1; a 1>0");

    a = add(&w, "a");
    turn(&w, a);
    mt_match_pause(w.m, a, w.now_ms);
    mt_match_remove(w.m, a, MT_END_LOGOUT, w.now_ms);
    expect(&w, "a 0>1; a 1>0");
    assert_null(turn(&w, b));
    mt_match_leave(w.m, b, w.now_ms);
    forget(&w);

    pair_up(&w, add(&w, "a"), b);
    mt_match_remove(w.m, mt_user_partner(b), MT_END_LOGOUT, w.now_ms);
    expect(&w, "a 2>0; b 2>0; ended a>b logout");

    a = add(&w, "a");
    mt_pair *p = pair_up(&w, b, a);
    assert_int_equal(mt_match_up(w.m, mt_pair_id(p), w.now_ms), MT_OK);
    forget(&w);
    mt_match_remove(w.m, a, MT_END_FLOW_LOST, w.now_ms);
    expect(&w, "b 3>0; a 3>0; ended b>a flow_lost");
    run(&w, 100000);
    expect(&w, "");
    world_deinit(&w);
}

/* One run through everything that allocates, with the n-th allocation failing: an error or not, the state is whole. */
static bool run_short_of_memory(unsigned long nth) {
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    uint64_t seed = 7;
    mt_match *m = NULL;
    mt_alloc_fail_nth(nth);
    mt_err err = mt_match_create(&cfg, mt_random_seeded(&seed), NULL, NULL, &m);
    assert_true(err == MT_OK || err == MT_ENOMEM);
    for (unsigned i = 0; m != NULL && i < 40; i++) {
        char name[8];
        mt_user *u = NULL;
        mt_pair *p = NULL;
        snprintf(name, sizeof(name), "u%u", i);
        err = mt_match_add(m, mt_slice_of(name), mt_slice_of(name), false, i, &u);
        assert_true(err == MT_ENOMEM || u != NULL);
        if (u == NULL)
            continue;
        if (i % 3 == 0) {
            err = mt_match_turn(m, u, 1 + i % 7, i, &p);
            assert_true(err != MT_ENOMEM || mt_user_status(u) == MT_BUSY);
        } else {
            err = mt_match_ready(m, u, 1 + i % 7, i);
            assert_true(err != MT_ENOMEM || mt_user_status(u) == MT_BUSY);
            err = mt_match_draw(m, u, i, &p);
            assert_true(err != MT_ENOMEM || mt_user_status(u) == MT_READY);
        }
        if (p != NULL && i % 2 == 0)
            assert_int_equal(mt_match_undo(m, mt_pair_id(p), u, i), MT_OK);
        assert_null(mt_match_check(m, i));
    }
    bool failed = mt_alloc_failed();
    mt_alloc_fail_nth(0);
    mt_match_destroy(m);
    return failed;
}

static void test_short_of_memory(void **state) {
    (void)state;
    unsigned long nth = 1;
    while (run_short_of_memory(nth))
        nth++;
    assert_true(nth > 50);
}

/* Last partners who wait for their time, and then there is no memory: they meet a second later. */
static void test_short_of_memory_at_a_timer(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c"), *d = add(&w, "d");
    talk(&w, a, b);
    pair_up(&w, c, d); /* takes the memory of the pair that has ended */
    assert_null(turn(&w, a));
    /* waiting has made sure of memory for a draw; another pair takes it */
    mt_user *e = add(&w, "e"), *f = add(&w, "f");
    mt_pair *p = NULL;
    assert_int_equal(mt_match_turn(w.m, e, MT_LINK_CBC, w.now_ms, &p), MT_EMORE);
    assert_int_equal(mt_match_ready(w.m, b, MT_LINK_GCM, w.now_ms), MT_OK);
    assert_int_equal(mt_match_turn(w.m, f, MT_LINK_CBC, w.now_ms, &p), MT_OK);
    forget(&w);
    w.now_ms += 3000;
    mt_alloc_fail_nth(1);
    mt_match_tick(w.m, w.now_ms);
    assert_true(mt_alloc_failed());
    mt_alloc_fail_nth(0);
    assert_string_equal(w.log, "");
    run(&w, 1000);
    expect(&w, "a 1>2; b 1>2; drawn a>b");
    world_deinit(&w);
}

#define MILLION 1000000U

static void test_a_million_wait(void **state) {
    (void)state;
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    cfg.max_users = MILLION;
    world w;
    world_init_with(&w, &cfg);
    w.quiet = true;
    for (uint32_t i = 0; i < MILLION; i++) {
        mt_user *u = NULL;
        mt_slice name = mt_slice_n(&i, sizeof(i));
        assert_int_equal(mt_match_add(w.m, name, name, false, w.now_ms, &u), MT_OK);
        assert_int_equal(mt_match_ready(w.m, u, MT_LINK_GCM, w.now_ms), MT_OK);
    }
    mt_user *u = mt_match_next(w.m, NULL);
    for (uint32_t i = 0; i < MILLION; i++, u = mt_match_next(w.m, u)) {
        mt_pair *p = NULL;
        mt_err err = mt_match_draw(w.m, u, w.now_ms, &p);
        assert_true(err == MT_OK && p != NULL);
    }
    mt_match_counts n = mt_match_count(w.m);
    assert_int_equal(n.ready, 0);
    assert_int_equal(n.talking, MILLION);
    assert_int_equal(n.draws, MILLION / 2);
    run(&w, 0);
    w.now_ms += 15000; /* nobody said READY_TO_TALK: all end at once */
    mt_match_tick(w.m, w.now_ms);
    assert_int_equal(mt_match_count(w.m).talking, 0);
    mt_match_destroy(w.m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logs_in_and_out), cmocka_unit_test(test_order_of_login),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_extensions_wrap_past_those_in_use),
        cmocka_unit_test(test_counts),          cmocka_unit_test(test_removal),
        cmocka_unit_test(test_short_of_memory), cmocka_unit_test(test_short_of_memory_at_a_timer),
        cmocka_unit_test(test_a_million_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
