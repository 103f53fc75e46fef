#include <stdlib.h>

#include "base/list.h"
#include "base/random.h"
#include "base/timerq.h"
#include "unit.h"

#define TIMERS 400

typedef struct item {
    mt_timer timer;
    int64_t due_ms; /* the model: MT_NEVER when not armed */
    int fired;
} item;

typedef struct world {
    mt_timerq q;
    item items[TIMERS];
    int64_t last_due_ms;
    uint64_t seed;
} world;

static uint32_t below(world *w, uint32_t n) {
    return mt_random_below(mt_random_seeded(&w->seed), n);
}

static int64_t model_next_ms(const world *w) {
    int64_t next_ms = MT_NEVER;
    for (size_t i = 0; i < TIMERS; i++)
        next_ms = w->items[i].due_ms < next_ms ? w->items[i].due_ms : next_ms;
    return next_ms;
}

static void fired(mt_timer *t, void *ctx, int64_t now_ms) {
    world *w = ctx;
    item *it = MT_CONTAINER(t, item, timer);
    assert_false(t->armed);
    assert_true(it->due_ms <= now_ms);
    assert_true(it->due_ms == model_next_ms(w)); /* nobody was due before him */
    it->due_ms = MT_NEVER;
    it->fired++;
    item *other = &w->items[below(w, TIMERS)];
    if (below(w, 4) == 0) { /* a handler sets and stops timers, its own among them */
        other->due_ms = now_ms + below(w, 50) - 5;
        mt_timer_set(&w->q, &other->timer, other->due_ms);
    } else if (below(w, 4) == 0) {
        mt_timer_stop(&w->q, &other->timer);
        other->due_ms = MT_NEVER;
    }
}

static void world_init(world *w) {
    w->seed = 11;
    mt_timerq_init(&w->q, w);
    for (size_t i = 0; i < TIMERS; i++) {
        w->items[i] = (item){.due_ms = MT_NEVER};
        mt_timer_init(&w->items[i].timer, fired);
    }
}

static void test_against_a_model(void **state) {
    (void)state;
    static world w;
    int64_t now_ms = 1000;
    world_init(&w);
    assert_true(mt_timerq_next_ms(&w.q) == MT_NEVER);
    for (int i = 0; i < 100000; i++) {
        item *it = &w.items[below(&w, TIMERS)];
        uint32_t op = below(&w, 10);
        if (op < 5) {
            it->due_ms = now_ms + below(&w, 300);
            mt_timer_set(&w.q, &it->timer, it->due_ms);
        } else if (op < 8) {
            mt_timer_stop(&w.q, &it->timer);
            it->due_ms = MT_NEVER;
        } else {
            now_ms += below(&w, 20);
            mt_timerq_run(&w.q, now_ms);
            assert_true(model_next_ms(&w) > now_ms);
        }
        assert_true(mt_timerq_next_ms(&w.q) == model_next_ms(&w));
        assert_int_equal(it->timer.armed, it->due_ms != MT_NEVER);
    }
    int total = 0;
    for (size_t i = 0; i < TIMERS; i++)
        total += w.items[i].fired;
    assert_true(total > 5000);
}

static void count(mt_timer *t, void *ctx, int64_t now_ms) {
    (void)now_ms;
    int64_t *last_ms = ctx;
    assert_true(t->due_ms >= *last_ms);
    *last_ms = t->due_ms;
    free(t);
}

/* Timers set in rising, falling and mixed order fire in order, without recursion; a handler may free its own. */
static void test_many(void **state) {
    (void)state;
    int64_t last_ms = -1;
    mt_timerq q;
    mt_timerq_init(&q, &last_ms);
    for (int64_t i = 0; i < 300000; i++) {
        mt_timer *t = malloc(sizeof(*t));
        assert_non_null(t);
        mt_timer_init(t, count);
        mt_timer_set(&q, t, i < 100000 ? i : i < 200000 ? 300000 - i : i * 7919 % 300000);
    }
    mt_timerq_run(&q, 149999);
    assert_true(mt_timerq_next_ms(&q) >= 150000);
    mt_timerq_run(&q, 300000);
    assert_true(mt_timerq_next_ms(&q) == MT_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
