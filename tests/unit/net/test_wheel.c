/* The wheel of time-outs, on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "net/wheel.h"

#define COUNT 500
#define TICK MT_WHEEL_TICK_MS

typedef struct owner {
    mt_wheel_node node;
    int64_t want_ms, fired_ms;
    unsigned fired;
} owner;

static mt_wheel wheel;
static owner owners[COUNT];
static int64_t now_ms;
static bool again;

static void on_fired(mt_wheel_node *n, void *ctx) {
    owner *o = MT_CONTAINER(n, owner, node);
    o->fired_ms = now_ms;
    o->fired++;
    assert_int_equal(n->due_ms, MT_NEVER);
    if (again)
        mt_wheel_set(&wheel, n, now_ms); /* at once, but in a later run */
}

static void start(int64_t at_ms) {
    now_ms = at_ms;
    again = false;
    mt_wheel_init(&wheel, now_ms);
    for (int i = 0; i < COUNT; i++) {
        owners[i] = (owner){0};
        mt_wheel_node_init(&owners[i].node);
    }
}

static void run_to(int64_t ms) {
    now_ms = ms;
    mt_wheel_run(&wheel, now_ms, on_fired, NULL);
}

static void test_empty(void **state) {
    start(123456);
    assert_int_equal(mt_wheel_next_ms(&wheel), MT_NEVER);
    run_to(10000000);
}

static void test_fires_in_time(void **state) {
    static const int64_t after[] = {0, 1, TICK - 1, TICK, TICK + 1, 1000, 16000, 20000, 60000, 1000000};
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        start(1000037);
        int64_t due = now_ms + after[i];
        mt_wheel_set(&wheel, &owners[0].node, due);
        int wakes = 0;
        while (owners[0].fired == 0 && wakes++ < 1000) {
            assert_true(mt_wheel_next_ms(&wheel) <= due + 2 * TICK);
            run_to(mt_wheel_next_ms(&wheel));
        }
        assert_int_equal(owners[0].fired, 1);
        assert_true(owners[0].fired_ms >= due && owners[0].fired_ms <= due + 2 * TICK);
        assert_true(wakes <= after[i] / (TICK * (MT_WHEEL_SLOTS - 2)) + 2); /* few idle wake-ups */
    }
}

static void test_stop_and_move(void **state) {
    start(5000);
    mt_wheel_set(&wheel, &owners[0].node, 6000);
    mt_wheel_set(&wheel, &owners[1].node, 6000);
    mt_wheel_set(&wheel, &owners[2].node, 9000);
    mt_wheel_stop(&owners[0].node);
    mt_wheel_set(&wheel, &owners[1].node, 8000);
    mt_wheel_set(&wheel, &owners[2].node, 6000);
    mt_wheel_set(&wheel, &owners[3].node, MT_NEVER);
    run_to(7000);
    assert_int_equal(owners[1].fired, 0);
    assert_int_equal(owners[2].fired, 1);
    run_to(9000);
    assert_int_equal(owners[0].fired, 0);
    assert_int_equal(owners[1].fired, 1);
    assert_int_equal(owners[3].fired, 0);
}

static void test_set_again_while_fired(void **state) {
    start(0);
    again = true;
    mt_wheel_set(&wheel, &owners[0].node, 100);
    run_to(200);
    assert_int_equal(owners[0].fired, 1);
    run_to(200 + 2 * TICK);
    assert_true(owners[0].fired >= 2 && owners[0].fired <= 3);
}

static void test_sleeps_long(void **state) {
    start(0);
    mt_wheel_set(&wheel, &owners[0].node, 5000);
    mt_wheel_set(&wheel, &owners[1].node, 90000000);
    run_to(80000000);
    assert_int_equal(owners[0].fired, 1);
    assert_int_equal(owners[1].fired, 0);
    run_to(90000000 + TICK);
    assert_int_equal(owners[1].fired, 1);
}

static void check_all(void) {
    for (int i = 0; i < COUNT; i++) {
        owner *o = &owners[i];
        if (o->fired > 0) {
            assert_true(o->fired_ms >= o->want_ms);
            o->want_ms = MT_NEVER;
            o->fired = 0;
        }
        assert_true(o->want_ms == MT_NEVER || o->want_ms + 2 * TICK > now_ms);
    }
}

static void test_at_random(void **state) {
    uint64_t seed = 7;
    mt_random random = mt_random_seeded(&seed);
    start(0);
    for (int i = 0; i < COUNT; i++)
        owners[i].want_ms = MT_NEVER;
    for (int step = 0; step < 20000; step++) {
        owner *o = &owners[mt_random_below(random, COUNT)];
        if (mt_random_below(random, 5) == 0)
            o->want_ms = MT_NEVER;
        else
            o->want_ms = now_ms + mt_random_below(random, 40000);
        mt_wheel_set(&wheel, &o->node, o->want_ms);
        run_to(now_ms + mt_random_below(random, 60));
        check_all();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_fires_in_time),
        cmocka_unit_test(test_stop_and_move), cmocka_unit_test(test_set_again_while_fired),
        cmocka_unit_test(test_sleeps_long),   cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
