/* Who is drawn: evenly, by policy, and not the last partner. */
#include <stdio.h>

#include "base/timerq.h"
#include "match/state.h"
#include "world.h"

#define DRAWS 100000
#define CANDIDATES 10

/* Chi-square of the hits against all being equally likely; 9 degrees of freedom: over 27.88 has p = 0.001. */
static double chi_square(const unsigned *hits, size_t count) {
    double sum = 0, chi2 = 0;
    for (size_t i = 0; i < count; i++)
        sum += hits[i];
    for (size_t i = 0; i < count; i++) {
        double off = hits[i] - sum / (double)count;
        chi2 += off * off / (sum / (double)count);
    }
    return chi2;
}

/* u draws many times; each time the pair is undone by its callee's loss and the callee enters again. */
static void draw_often(world *w, mt_user *u, unsigned links, unsigned *hits) {
    w->quiet = true;
    assert_int_equal(mt_match_ready(w->m, u, links, w->now_ms), MT_OK);
    for (int i = 0; i < DRAWS; i++) {
        mt_pair *p = draw(w, u);
        mt_user *other = mt_pair_callee(p);
        unsigned other_links = *(unsigned *)mt_user_ctx(other);
        hits[mt_user_exten(other) - w->cfg.first_exten]++;
        assert_int_equal(mt_match_undo(w->m, id_of(p).b, other, w->now_ms), MT_OK);
        assert_int_equal(mt_match_ready(w->m, other, other_links, w->now_ms), MT_OK);
    }
    w->quiet = false;
    check(w);
}

/* The bare pick, again and again from a pool that stays as it is: a place in it must not matter. (Drawing for real
 * moves people about and would hide that.) */
static void pick_often(world *w, mt_user *u, unsigned links, unsigned *hits) {
    w->quiet = true;
    assert_int_equal(mt_match_ready(w->m, u, links, w->now_ms), MT_OK);
    mt_pool_remove(&w->m->pool, u);
    for (int i = 0; i < DRAWS; i++)
        hits[mt_user_exten(mt_draw_pick(w->m, u, w->now_ms)) - w->cfg.first_exten]++;
    mt_pool_add(&w->m->pool, u);
    w->quiet = false;
}

static unsigned gcm = MT_LINK_GCM, cbc = MT_LINK_CBC, both = MT_LINK_GCM | MT_LINK_CBC, rtp = MT_LINK_RTP;

static mt_user *add_ready(world *w, int number, unsigned *links) {
    char name[16];
    snprintf(name, sizeof(name), "%d", number);
    mt_user *u = add(w, name);
    mt_user_set_ctx(u, links);
    assert_int_equal(mt_match_ready(w->m, u, *links, w->now_ms), MT_OK);
    return u;
}

typedef void draw_fn(world *w, mt_user *u, unsigned links, unsigned *hits);

/* Fewer than are thrown for, so that all are looked at. */
static void few_are_drawn_evenly(draw_fn *often) {
    world w;
    world_init(&w);
    unsigned hits[CANDIDATES] = {0};
    for (int i = 0; i < CANDIDATES; i++)
        add_ready(&w, i, &gcm);
    often(&w, add(&w, "u"), MT_LINK_GCM, hits);
    assert_true(chi_square(hits, CANDIDATES) < 27.88);
    world_deinit(&w);
}

/* Many, in four classes of policies, some of which do not fit. */
static void many_are_drawn_evenly(draw_fn *often) {
    world w;
    world_init(&w);
    unsigned hits[4 * CANDIDATES] = {0}, fit[3 * CANDIDATES];
    unsigned *links[] = {&gcm, &cbc, &both, &rtp};
    for (int i = 0; i < 4 * CANDIDATES; i++)
        add_ready(&w, i, links[i / CANDIDATES]);
    often(&w, add(&w, "u"), MT_LINK_GCM | MT_LINK_CBC, hits);
    for (int i = 0; i < 3 * CANDIDATES; i++)
        fit[i] = hits[i];
    for (int i = 3 * CANDIDATES; i < 4 * CANDIDATES; i++)
        assert_int_equal(hits[i], 0);
    assert_true(chi_square(fit, COUNT(fit)) < 58.30); /* 29 degrees of freedom, p = 0.001 */
    world_deinit(&w);
}

static void test_evenly(void **state) {
    (void)state;
    few_are_drawn_evenly(draw_often);
    few_are_drawn_evenly(pick_often);
    many_are_drawn_evenly(draw_often);
    many_are_drawn_evenly(pick_often);
}

/* The dice are thrown one draw ahead, when there are fewer: those who come in between are drawn like all others. */
static void test_evenly_among_those_who_come_late(void **state) {
    (void)state;
    world w;
    world_init(&w);
    unsigned hits[30] = {0};
    mt_user *late[10], *u = add(&w, "u");
    mt_pool *pool = &w.m->pool;
    assert_int_equal(mt_match_ready(w.m, u, MT_LINK_GCM, w.now_ms), MT_OK);
    for (int i = 0; i < 30; i++) {
        mt_user *other = add_ready(&w, i, &gcm);
        if (i >= 20)
            late[i - 20] = other;
    }
    mt_pool_remove(pool, u);
    for (int i = 0; i < DRAWS; i++) {
        for (int k = 0; k < 10; k++)
            mt_pool_remove(pool, late[k]);
        assert_non_null(mt_draw_pick(w.m, u, w.now_ms));
        for (int k = 0; k < 10; k++)
            mt_pool_add(pool, late[k]);
        hits[mt_user_exten(mt_draw_pick(w.m, u, w.now_ms)) - mt_user_exten(u) - 1]++;
    }
    mt_pool_add(pool, u);
    assert_true(chi_square(hits, 30) < 58.30); /* 29 degrees of freedom, p = 0.001 */
    check(&w);
    world_deinit(&w);
}

/* Twenty candidates, one of them the last partner: he is never drawn, and those beside him no more often. */
static void test_evenly_without_the_last_partner(void **state) {
    (void)state;
    world w;
    world_init(&w);
    unsigned hits[20] = {0};
    for (int i = 0; i < 20; i++)
        add_ready(&w, i, &gcm);
    mt_user *u = add(&w, "u"), *last = mt_match_by_key(w.m, MT_SLICE_LIT("7"));
    ready(&w, u);
    mt_pair *p = draw(&w, u);
    while (mt_pair_callee(p) != last) {
        mt_user *other = mt_pair_callee(p);
        assert_int_equal(mt_match_undo(w.m, id_of(p).b, other, w.now_ms), MT_OK);
        ready(&w, other);
        p = draw(&w, u);
        forget(&w);
    }
    assert_int_equal(mt_match_end(w.m, id_of(p).b, MT_END_HANGUP, w.now_ms), MT_OK);
    ready(&w, last);
    pick_often(&w, u, MT_LINK_GCM, hits);
    assert_int_equal(hits[7], 0);
    hits[7] = hits[19];
    assert_true(chi_square(hits, 19) < 42.31); /* 18 degrees of freedom, p = 0.001 */
    hits[7] = hits[19] = 0;
    draw_often(&w, u, MT_LINK_GCM, hits);
    assert_int_equal(hits[7], 0);
    world_deinit(&w);
}

static void test_only_common_policies_meet(void **state) {
    (void)state;
    for (unsigned x = 1; x <= ALL_LINKS; x++) {
        for (unsigned y = 1; y <= ALL_LINKS; y++) {
            world w;
            world_init(&w);
            mt_user *a = add(&w, "a"), *b = add(&w, "b");
            mt_pair *p = NULL;
            assert_int_equal(mt_match_turn(w.m, a, x, w.now_ms, &p), MT_EMORE);
            mt_err err = mt_match_turn(w.m, b, y, w.now_ms, &p);
            assert_int_equal(err, (x & y) != 0 ? MT_OK : MT_EMORE);
            if (err == MT_OK)
                assert_int_equal(mt_pair_links(p), x & y);
            world_deinit(&w);
        }
    }
}

static void test_policies_may_change_while_waiting(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    mt_pair *p = NULL;
    assert_null(turn(&w, a));
    assert_int_equal(mt_match_turn(w.m, b, MT_LINK_RTP, w.now_ms, &p), MT_EMORE);
    check(&w);
    assert_int_equal(mt_match_turn(w.m, b, MT_LINK_RTP | MT_LINK_GCM, w.now_ms, &p), MT_OK);
    assert_int_equal(mt_pair_links(p), MT_LINK_GCM);
    world_deinit(&w);
}

static void test_last_partner_only_when_nobody_else(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    talk(&w, a, b);
    assert_null(turn(&w, a));
    assert_null(turn(&w, b)); /* not at once */
    forget(&w);
    assert_non_null(turn(&w, c)); /* either of them */
    forget(&w);
    mt_match_busy(w.m, c, MT_END_HANGUP, w.now_ms);
    world_deinit(&w);
}

/* Both have waited three seconds: paired by time alone, the later one's time counts and he is the caller. */
static void test_repeat_by_time(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    talk(&w, a, b);
    assert_null(turn(&w, a));
    run(&w, 1000);
    assert_null(turn(&w, b));
    forget(&w);
    assert_true(mt_match_next_ms(w.m) != MT_NEVER);
    run(&w, 2999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "b 1>2; a 1>2; drawn b>a");
    world_deinit(&w);
}

/* A held wait does not draw one who polls by time alone before that one has waited; his next poll does. */
static void test_repeat_with_a_polling_one(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    talk(&w, a, b);
    assert_null(turn(&w, a));
    run(&w, 2000);
    ready(&w, b);
    run(&w, 2000);
    assert_null(draw(&w, b));
    run(&w, 1000);
    forget(&w);
    assert_ptr_equal(mt_pair_callee(draw(&w, b)), a);
    expect(&w, "b 1>2; a 1>2; drawn b>a");

    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    ready(&w, b);
    run(&w, 100);
    assert_null(turn(&w, a));
    forget(&w);
    run(&w, 3000); /* the held one's time is the later: he draws by himself */
    expect(&w, "a 1>2; b 1>2; drawn a>b");

    mt_match_busy(w.m, a, MT_END_HANGUP, w.now_ms);
    ready(&w, a);
    ready(&w, b);
    run(&w, 2999);
    assert_null(draw(&w, a));
    run(&w, 1);
    assert_non_null(draw(&w, a));
    world_deinit(&w);
}

/* The waiting time survives a pause, so long polls of one second meet their last partner too. */
static void test_repeat_over_pauses(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    talk(&w, a, b);
    for (int i = 0; i < 3; i++) {
        assert_null(turn(&w, a));
        assert_null(turn(&w, b));
        run(&w, 999);
        mt_match_pause(w.m, a, w.now_ms);
        mt_match_pause(w.m, b, w.now_ms);
        run(&w, 1);
    }
    forget(&w);
    assert_null(turn(&w, a));
    assert_ptr_equal(mt_pair_callee(turn(&w, b)), a);
    expect(&w, "b 1>2; a 1>2; drawn b>a");
    world_deinit(&w);
}

/* a's last is c, b's last is a: neither draws the other although a has met c since. */
static void test_either_ones_last_partner_counts(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    talk(&w, a, b);
    talk(&w, a, c);
    assert_null(turn(&w, a));
    assert_null(turn(&w, b));
    mt_match_leave(w.m, a, w.now_ms);
    assert_non_null(turn(&w, c)); /* b and c never met */
    forget(&w);
    world_deinit(&w);
}

/* A stranger who polls is drawn, when time comes, before the last partner. */
static void test_time_prefers_a_stranger(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b"), *c = add(&w, "c");
    talk(&w, a, b);
    assert_null(turn(&w, a));
    run(&w, 100);
    assert_null(turn(&w, b));
    ready(&w, c);
    forget(&w);
    run(&w, 2900);
    expect(&w, "a 1>2; c 1>2; drawn a>c");
    world_deinit(&w);
}

/* Someone whom everybody there has met last, more than can be thrown past: still the one stranger, whoever he is. */
static void test_one_stranger_among_many_last_partners(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *u = add(&w, "u");
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        talk(&w, add(&w, name), u);
    }
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        ready(&w, mt_match_by_key(w.m, mt_slice_of(name)));
    }
    w.quiet = true;
    assert_null(turn(&w, u));
    mt_match_leave(w.m, u, w.now_ms);
    mt_user *stranger = add(&w, "stranger");
    ready(&w, stranger);
    for (int i = 0; i < 20; i++) {
        mt_pair *p = turn(&w, u);
        assert_ptr_equal(mt_pair_callee(p), stranger);
        assert_int_equal(mt_match_undo(w.m, id_of(p).b, u, w.now_ms), MT_OK);
    }
    world_deinit(&w);
}

/* A last partner who logged out and in again is a new user. */
static void test_new_login_is_nobodys_last_partner(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    talk(&w, a, b);
    mt_match_remove(w.m, b, MT_END_LOGOUT, w.now_ms);
    b = add(&w, "b");
    assert_null(turn(&w, a));
    assert_non_null(turn(&w, b));
    world_deinit(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evenly),
        cmocka_unit_test(test_evenly_without_the_last_partner),
        cmocka_unit_test(test_evenly_among_those_who_come_late),
        cmocka_unit_test(test_only_common_policies_meet),
        cmocka_unit_test(test_policies_may_change_while_waiting),
        cmocka_unit_test(test_last_partner_only_when_nobody_else),
        cmocka_unit_test(test_repeat_by_time),
        cmocka_unit_test(test_repeat_with_a_polling_one),
        cmocka_unit_test(test_repeat_over_pauses),
        cmocka_unit_test(test_either_ones_last_partner_counts),
        cmocka_unit_test(test_time_prefers_a_stranger),
        cmocka_unit_test(test_one_stranger_among_many_last_partners),
        cmocka_unit_test(test_new_login_is_nobodys_last_partner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
