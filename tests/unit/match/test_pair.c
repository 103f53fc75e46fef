/* The life of a pair: every step, every time-out, every end. */
#include <string.h>

#include "base/text.h"
#include "base/timerq.h"
#include "world.h"

typedef struct two {
    world w;
    mt_user *a, *b; /* caller, callee */
    id pair;
} two;

static void start(two *t) {
    world_init(&t->w);
    t->a = add(&t->w, "a");
    t->b = add(&t->w, "b");
    t->pair = id_of(pair_up(&t->w, t->a, t->b));
}

static void callee_ready(two *t) {
    assert_int_equal(mt_match_ready_to_talk(t->w.m, t->b, t->w.now_ms), MT_OK);
}

static void invited(two *t) {
    assert_int_equal(mt_match_invited(t->w.m, t->pair.b, t->w.now_ms), MT_OK);
}

static void ringing(two *t) {
    assert_int_equal(mt_match_ringing(t->w.m, t->pair.b, t->w.now_ms), MT_OK);
}

static void up(two *t) {
    assert_int_equal(mt_match_up(t->w.m, t->pair.b, t->w.now_ms), MT_OK);
}

static mt_err end(two *t, mt_pair_end why) {
    return mt_match_end(t->w.m, t->pair.b, why, t->w.now_ms);
}

static void test_a_whole_call(void **state) {
    (void)state;
    two t;
    start(&t);
    world *w = &t.w;
    mt_pair *p = mt_user_pair(t.a);
    char hex[MT_PAIR_ID_HEX + 1];
    mt_text_hex(t.pair.b, MT_PAIR_ID_BYTES, hex);
    assert_string_equal(mt_pair_id_hex(p), hex);
    assert_ptr_equal(mt_match_pair_by_id(w->m, t.pair.b), p);
    assert_int_equal(mt_pair_links(p), MT_LINK_GCM);
    assert_false(mt_pair_callee_is_ready(p));

    assert_int_equal(mt_match_ready_to_talk(w->m, t.a, w->now_ms), MT_ESTATE); /* the callee's alone */
    callee_ready(&t);
    expect(w, "b 2>3; ready a>b");
    callee_ready(&t); /* again is no error and no news */
    expect(w, "");
    assert_true(mt_pair_callee_is_ready(p));
    invited(&t);
    ringing(&t);
    expect(w, "");
    assert_false(mt_pair_is_up(p));
    up(&t);
    expect(w, "a 2>3");
    assert_true(mt_pair_is_up(p));
    up(&t);
    ringing(&t);
    invited(&t);
    callee_ready(&t);
    run(w, 10000000); /* a talk has no time limit */
    expect(w, "");
    assert_int_equal(end(&t, MT_END_HANGUP), MT_OK);
    expect(w, "a 3>0; b 3>0; ended a>b hangup");
    assert_int_equal(end(&t, MT_END_HANGUP), MT_ENOENT);
    assert_int_equal(mt_match_ready_to_talk(w->m, t.b, w->now_ms), MT_ESTATE);
    expect(w, "");
    world_deinit(w);
}

static void test_callee_never_ready(void **state) {
    (void)state;
    two t;
    start(&t);
    run(&t.w, 14999);
    expect(&t.w, "");
    run(&t.w, 1);
    expect(&t.w, "a 2>0; b 2>0; ended a>b callee_silent");
    world_deinit(&t.w);
}

static void test_no_invite(void **state) {
    (void)state;
    two t;
    start(&t);
    run(&t.w, 10000);
    callee_ready(&t);
    forget(&t.w);
    run(&t.w, 4999); /* counted from the draw */
    expect(&t.w, "");
    run(&t.w, 1);
    expect(&t.w, "a 2>0; b 3>0; ended a>b no_invite");
    world_deinit(&t.w);
}

static void test_ready_limit_may_be_shorter_or_longer(void **state) {
    (void)state;
    for (uint32_t ready_ms = 5000; ready_ms <= 20000; ready_ms += 15000) {
        mt_match_config cfg;
        world w;
        mt_match_config_default(&cfg);
        cfg.callee_ready_ms = ready_ms;
        world_init_with(&w, &cfg);
        mt_user *a = add(&w, "a"), *b = add(&w, "b");
        int64_t limit_ms = ready_ms < 15000 ? ready_ms : 15000;
        pair_up(&w, a, b);
        run(&w, limit_ms - 1);
        expect(&w, "");
        run(&w, 1);
        expect(&w, "a 2>0; b 2>0; ended a>b callee_silent");
        mt_pair *p = NULL;
        run(&w, 3000);
        assert_null(turn(&w, b));
        run(&w, 3000);
        assert_null(turn(&w, a)); /* has not waited himself */
        run(&w, 3000);
        p = mt_user_pair(a);
        assert_non_null(p);
        assert_int_equal(mt_match_ready_to_talk(w.m, mt_pair_callee(p), w.now_ms), MT_OK);
        forget(&w);
        run(&w, 14999);
        expect(&w, "");
        run(&w, 1);
        expect(&w, "a 2>0; b 3>0; ended a>b no_invite");
        world_deinit(&w);
    }
}

static void test_callee_silent(void **state) {
    (void)state;
    two t;
    start(&t);
    callee_ready(&t);
    run(&t.w, 14000);
    invited(&t);
    forget(&t.w);
    run(&t.w, 2000);
    invited(&t); /* a second INVITE does not buy time */
    run(&t.w, 999);
    expect(&t.w, "");
    run(&t.w, 1);
    expect(&t.w, "a 2>0; b 3>0; ended a>b callee_silent");
    world_deinit(&t.w);
}

static void test_no_answer(void **state) {
    (void)state;
    two t;
    start(&t);
    callee_ready(&t);
    invited(&t);
    run(&t.w, 2999);
    ringing(&t);
    forget(&t.w);
    run(&t.w, 10000);
    ringing(&t); /* counted from the first 18x */
    run(&t.w, 4999);
    expect(&t.w, "");
    run(&t.w, 1);
    expect(&t.w, "a 2>0; b 3>0; ended a>b no_answer");
    world_deinit(&t.w);
}

/* Its user reads the extension and dials by hand. */
static void test_a_phone_has_longer_to_dial(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *phone = add_phone(&w, "p"), *b = add(&w, "b");
    (void)pair_up(&w, phone, b);
    assert_int_equal(mt_match_ready_to_talk(w.m, b, w.now_ms), MT_OK);
    expect(&w, "b 2>3; ready p>b");
    run(&w, 59999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "p 2>0; b 3>0; ended p>b no_invite");
    world_deinit(&w);
}

static void test_a_phone_rings_longer(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *phone = add_phone(&w, "p");
    id pair = id_of(pair_up(&w, a, phone));
    assert_int_equal(mt_match_invited(w.m, pair.b, w.now_ms), MT_OK);
    assert_int_equal(mt_match_ringing(w.m, pair.b, w.now_ms), MT_OK);
    run(&w, 59999);
    expect(&w, "");
    run(&w, 1);
    expect(&w, "a 2>0; p 2>0; ended a>p no_answer");

    mt_user *b = add(&w, "b"); /* the caller's being a phone changes nothing in this */
    pair = id_of(pair_up(&w, phone, b));
    assert_int_equal(mt_match_ringing(w.m, pair.b, w.now_ms), MT_OK);
    run(&w, 15000);
    expect(&w, "p 2>0; b 2>0; ended p>b no_answer");
    world_deinit(&w);
}

/* The caller dials before he is told to, the callee answers before he has said so: answering is saying so. */
static void test_call_before_the_callee_is_ready(void **state) {
    (void)state;
    two t;
    start(&t);
    invited(&t);
    ringing(&t);
    run(&t.w, 14000);
    expect(&t.w, "");
    up(&t);
    expect(&t.w, "b 2>3; ready a>b; a 2>3");
    world_deinit(&t.w);
}

static void test_every_reason_has_a_word(void **state) {
    (void)state;
    for (mt_pair_end why = MT_END_HANGUP; why <= MT_END_SHUTDOWN; why++) {
        two t;
        start(&t);
        assert_string_not_equal(mt_pair_end_str(why), "unknown");
        assert_int_equal(end(&t, why), MT_OK);
        assert_non_null(strstr(t.w.log, mt_pair_end_str(why)));
        STATUS(t.a, MT_BUSY);
        STATUS(t.b, MT_BUSY);
        world_deinit(&t.w);
    }
    assert_string_equal(mt_pair_end_str((mt_pair_end)99), "unknown");
}

static void test_turn_during_a_call(void **state) {
    (void)state;
    two t;
    mt_pair *p = NULL;
    start(&t);
    callee_ready(&t);
    invited(&t);
    assert_ptr_equal(turn(&t.w, t.b), mt_user_pair(t.b)); /* the answer again */
    ringing(&t);
    assert_int_equal(mt_match_turn(t.w.m, t.a, MT_LINK_GCM, t.w.now_ms, &p), MT_ESTATE); /* in_talk */
    up(&t);
    assert_int_equal(mt_match_turn(t.w.m, t.b, MT_LINK_GCM, t.w.now_ms, &p), MT_ESTATE);
    assert_null(p);
    assert_ptr_equal(draw(&t.w, t.b), mt_user_pair(t.b)); /* get-peer repeats at 3 too */
    world_deinit(&t.w);
}

static void test_undo_by_callee(void **state) {
    (void)state;
    two t;
    start(&t);
    int64_t since_ms = t.w.now_ms;
    run(&t.w, 100);
    assert_int_equal(mt_match_undo(t.w.m, t.pair.b, t.b, t.w.now_ms), MT_OK);
    expect(&t.w, "b 2>0; a 2>1; ended a>b undone");
    assert_true(mt_user_wait_since_ms(t.a) == since_ms);
    assert_ptr_equal(mt_pair_callee(turn(&t.w, t.b)), t.a); /* they have not met: no last partners */
    assert_int_equal(mt_match_undo(t.w.m, t.pair.b, t.b, t.w.now_ms), MT_ENOENT);
    world_deinit(&t.w);
}

static void test_undo_by_caller_draws_for_who_came_meanwhile(void **state) {
    (void)state;
    two t;
    start(&t);
    mt_user *c = add(&t.w, "c");
    assert_null(turn(&t.w, c));
    forget(&t.w);
    assert_int_equal(mt_match_undo(t.w.m, t.pair.b, c, t.w.now_ms), MT_EINVAL);
    expect(&t.w, "");
    assert_int_equal(mt_match_undo(t.w.m, t.pair.b, t.a, t.w.now_ms), MT_OK);
    expect(&t.w, "a 2>0; b 2>1; ended a>b undone; b 1>2; c 1>2; drawn b>c");
    world_deinit(&t.w);
}

static void test_undo_of_a_polling_one(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    ready(&w, b);
    run(&w, 20000);
    mt_match_touch(w.m, b, w.now_ms);
    id pair = id_of(turn(&w, a));
    run(&w, 5000);
    forget(&w);
    assert_int_equal(mt_match_undo(w.m, pair.b, a, w.now_ms), MT_OK);
    expect(&w, "a 2>0; b 2>1; ended a>b undone");
    run(&w, 24999);
    expect(&w, "");
    run(&w, 1); /* lapses by his last request */
    expect(&w, "b 1>0");
    world_deinit(&w);
}

static void test_undo_after_the_callee_was_told(void **state) {
    (void)state;
    two t;
    start(&t);
    callee_ready(&t);
    forget(&t.w);
    assert_int_equal(mt_match_undo(t.w.m, t.pair.b, t.a, t.w.now_ms), MT_OK);
    expect(&t.w, "a 2>0; b 3>0; ended a>b undone");
    assert_null(turn(&t.w, t.b));
    assert_non_null(turn(&t.w, t.a));
    world_deinit(&t.w);
}

static void test_undo_of_a_draw_by_time(void **state) {
    (void)state;
    world w;
    world_init(&w);
    mt_user *a = add(&w, "a"), *b = add(&w, "b");
    talk(&w, a, b);
    assert_null(turn(&w, a));
    assert_null(turn(&w, b));
    run(&w, 3000);
    mt_pair *p = mt_user_pair(a);
    assert_non_null(p);
    forget(&w);
    mt_user *lost = mt_pair_caller(p), *other = mt_pair_callee(p);
    assert_int_equal(mt_match_undo(w.m, id_of(p).b, lost, w.now_ms), MT_OK);
    STATUS(lost, MT_BUSY);
    STATUS(other, MT_READY);
    forget(&w);
    assert_null(turn(&w, lost)); /* last partners they still are: he waits his time */
    run(&w, 2999);
    STATUS(other, MT_READY);
    run(&w, 1);
    assert_ptr_equal(mt_user_partner(other), lost);
    world_deinit(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_call),
        cmocka_unit_test(test_callee_never_ready),
        cmocka_unit_test(test_no_invite),
        cmocka_unit_test(test_ready_limit_may_be_shorter_or_longer),
        cmocka_unit_test(test_callee_silent),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_a_phone_has_longer_to_dial),
        cmocka_unit_test(test_a_phone_rings_longer),
        cmocka_unit_test(test_call_before_the_callee_is_ready),
        cmocka_unit_test(test_every_reason_has_a_word),
        cmocka_unit_test(test_turn_during_a_call),
        cmocka_unit_test(test_undo_by_callee),
        cmocka_unit_test(test_undo_by_caller_draws_for_who_came_meanwhile),
        cmocka_unit_test(test_undo_of_a_polling_one),
        cmocka_unit_test(test_undo_after_the_callee_was_told),
        cmocka_unit_test(test_undo_of_a_draw_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
