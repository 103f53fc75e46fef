/* The jitter buffer on virtual time: packets of 20 ms are put when they arrive, and 10 ms are asked for each 10 ms. */
#include "media/jitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"

#define FRAME 960
#define FRAME_US 20000

typedef struct world {
    mt_jitter *j;
    uint32_t ts0, ssrc;
    int64_t now_us;
    unsigned packets, lost, shed; /* steps seen */
    uint32_t silent;              /* samples */
    int left_out;                 /* packets that the sender did not make */
    uint32_t have;                /* decoded, not played yet: samples */
    int last;                     /* number of the packet played last, -1 at first */
    bool disorder, loud;
} world;

static void begin(world *w) {
    *w = (world){.ts0 = 0xffffff00u, .ssrc = 7, .now_us = 1000000, .last = -1};
    assert_int_equal(mt_jitter_create(40, &w->j), MT_OK);
}

static mt_err put(world *w, int number, int64_t at_us) {
    const mt_rtp p = {.seq = (uint16_t)(number - w->left_out),
                      .timestamp = w->ts0 + (uint32_t)number * FRAME,
                      .ssrc = w->ssrc,
                      .payload = mt_slice_n(&number, sizeof(number))};
    return mt_jitter_put(w->j, &p, FRAME, at_us);
}

static void decode_next(world *w, int64_t taken_us) {
    mt_jitter_step step;
    int64_t played_us = taken_us + (int64_t)w->have * 1000 / 48;
    mt_jitter_next(w->j, played_us, &step);
    w->have += step.samples;
    if (step.kind == MT_JITTER_SILENCE)
        w->silent += step.samples;
    w->lost += step.kind == MT_JITTER_LOST;
    if (step.kind != MT_JITTER_PACKET)
        return;
    int number = 0;
    memcpy(&number, step.payload.p, sizeof(number));
    w->disorder |= number <= w->last;
    w->last = number;
    w->packets++;
    assert_true(step.may_shed <= step.samples / 2);
    if (step.may_shed == 0 || (w->loud && !step.hurry))
        return;
    w->shed++;
    w->have -= step.may_shed;
    mt_jitter_shed(w->j, step.may_shed, played_us);
}

/* 20 ms are played, as a loudspeaker takes them. */
static void take(world *w) {
    for (int64_t part_us = 0; part_us < FRAME_US; part_us += FRAME_US / 2) {
        while (w->have < FRAME / 2)
            decode_next(w, w->now_us + part_us);
        w->have -= FRAME / 2;
    }
}

static mt_jitter_stats stats(const world *w) {
    mt_jitter_stats s;
    mt_jitter_stats_get(w->j, &s);
    return s;
}

/* Sends packets `from` … `to`, each when it is spoken, and plays meanwhile. */
static void talk(world *w, int from, int to) {
    for (int i = from; i < to; i++, w->now_us += FRAME_US) {
        assert_int_equal(put(w, i, w->now_us), MT_OK);
        take(w);
    }
}

static void silence_before_anything(void **state) {
    world w;
    begin(&w);
    take(&w);
    assert_int_equal(w.silent, FRAME);
    mt_jitter_destroy(w.j);
}

/* The first packet waits 40 ms; timestamps wrap on the way. */
static void steady_stream(void **state) {
    world w;
    begin(&w);
    talk(&w, 0, 500);
    assert_int_equal(w.silent, 2 * FRAME);
    assert_in_range(w.packets, 499, 501); /* the calm path is trusted with 10 ms: nearly all the rest is left out */
    assert_int_equal(w.lost, 0);
    assert_false(w.disorder);
    assert_in_range(stats(&w).shed_samples, 26 * 48, 30 * 48);
    assert_int_equal(stats(&w).target_ms, 10);
    mt_jitter_destroy(w.j);
}

/* While it is loud, shedding waits; but not for ever. */
static void sheds_where_it_is_quiet(void **state) {
    world w;
    begin(&w);
    w.loud = true;
    talk(&w, 0, 200);
    assert_int_equal(w.shed, 0);
    w.loud = false;
    talk(&w, 200, 202);
    assert_int_equal(w.shed, 1);
    mt_jitter_destroy(w.j);
    begin(&w);
    w.loud = true;
    talk(&w, 0, 500);
    assert_int_equal(w.shed, 1);
    mt_jitter_destroy(w.j);
}

static void reordered_and_doubled(void **state) {
    world w;
    begin(&w);
    for (int i = 0; i < 100; i += 2, w.now_us += 2 * FRAME_US) {
        assert_int_equal(put(&w, i + 1, w.now_us), MT_OK);
        assert_int_equal(put(&w, i, w.now_us), MT_OK);
        assert_int_equal(put(&w, i, w.now_us), MT_EEXIST);
        take(&w);
        w.now_us += FRAME_US;
        take(&w);
        w.now_us -= FRAME_US;
    }
    assert_int_equal(w.lost, 0);
    assert_false(w.disorder);
    assert_true(w.packets >= 96);
    mt_jitter_destroy(w.j);
}

static void lost_packets_are_replaced_in_time(void **state) {
    world w;
    begin(&w);
    for (int i = 0; i < 1000; i++, w.now_us += FRAME_US) {
        if (i % 10 != 5)
            assert_int_equal(put(&w, i, w.now_us), MT_OK);
        take(&w);
    }
    assert_int_equal(w.lost, 100);
    assert_in_range(w.packets, 899, 900); /* the last one may be out already */
    assert_int_equal(w.silent, 2 * FRAME);
    assert_int_equal(stats(&w).lost, 100);
    assert_int_equal(stats(&w).concealed_samples, 100 * FRAME);
    assert_int_equal(stats(&w).late, 0);
    mt_jitter_destroy(w.j);
}

static void too_late_is_dropped(void **state) {
    world w;
    begin(&w);
    for (int i = 0; i < 20; i++, w.now_us += FRAME_US) {
        if (i != 10)
            assert_int_equal(put(&w, i, w.now_us), MT_OK);
        take(&w);
    }
    assert_int_equal(put(&w, 10, w.now_us), MT_ETIMEOUT);
    assert_int_equal(stats(&w).late, 1);
    mt_jitter_destroy(w.j);
}

/* The path stalls for 60 ms and then delivers all: nothing is lost, the time is stretched, and caught up with later. */
static void a_stall_is_stretched_and_caught_up(void **state) {
    world w;
    begin(&w);
    talk(&w, 0, 50);
    for (int i = 50; i < 55; i++, w.now_us += FRAME_US)
        take(&w);
    for (int i = 50; i < 55; i++)
        assert_int_equal(put(&w, i, w.now_us), MT_OK);
    talk(&w, 55, 400);
    assert_int_equal(stats(&w).late, 0);
    assert_true(w.lost >= 2 && w.lost <= 4);
    assert_true(w.last >= 400 - 5); /* no more than 100 ms behind */
    assert_true(w.shed > 0);
    mt_jitter_destroy(w.j);
}

/* The player stands still for two seconds: what has gathered is shed at once. */
static void a_backlog_is_shed(void **state) {
    world w;
    begin(&w);
    talk(&w, 0, 50);
    for (int i = 50; i < 150; i++, w.now_us += FRAME_US)
        assert_int_equal(put(&w, i, w.now_us), MT_OK);
    take(&w);
    assert_true(w.last >= 145);
    assert_true(stats(&w).shed_samples >= 90 * FRAME);
    assert_true(stats(&w).buffered_samples <= 4 * FRAME);
    mt_jitter_destroy(w.j);
}

static void the_queue_has_an_end(void **state) {
    world w;
    begin(&w);
    for (int i = 0; i < 10000; i++)
        (void)!put(&w, i, w.now_us);
    assert_true(stats(&w).buffered_samples <= 128 * FRAME);
    mt_jitter_destroy(w.j);
}

/* Pauses are left out: one packet each 400 ms, their numbers without a gap. The noise in between is no loss, and the
 * time is kept to the millisecond; a packet that is lost then is one, and there is no silence either. */
static void pauses_that_are_left_out(void **state) {
    for (int loses = 0; loses < 2; loses++) {
        world w;
        begin(&w);
        talk(&w, 0, 50);
        uint32_t silent = w.silent;
        for (int i = 50, n = 50; i < 850; i++, w.now_us += FRAME_US) {
            bool sent = i % 20 == 19 || i >= 650;
            const mt_rtp p = {.seq = (uint16_t)n,
                              .timestamp = w.ts0 + (uint32_t)i * FRAME,
                              .ssrc = w.ssrc,
                              .payload = mt_slice_n(&i, sizeof(i))};
            n += sent;
            if (sent && !(loses && i == 319))
                assert_int_equal(mt_jitter_put(w.j, &p, FRAME, w.now_us), MT_OK);
            take(&w);
        }
        mt_jitter_stats s = stats(&w);
        assert_int_equal(w.silent, silent);
        assert_false(w.disorder);
        assert_int_equal(s.late, 0);
        assert_in_range(s.lost, loses, 3 * loses);
        assert_in_range(s.concealed_samples, loses * 37 * FRAME, loses * 42 * FRAME);
        assert_in_range(s.comfort_samples + s.concealed_samples, 568 * FRAME, 572 * FRAME);
        assert_in_range(w.last, 847, 849);
        mt_jitter_destroy(w.j);
    }
}

/* The microphone of the other end: off for some time, then on with a timestamp that has moved on, or with a new SSRC.
 */
static void pauses(void **state) {
    world w;
    begin(&w);
    talk(&w, 0, 50);
    for (int i = 50; i < 300; i++, w.now_us += FRAME_US)
        take(&w);
    assert_int_equal(w.packets, 50);
    assert_in_range(w.lost, 49, 51); /* a second of the background, then silence */
    assert_in_range(w.silent, (250 - w.lost - 1) * FRAME, (250 - w.lost + 1) * FRAME);
    w.left_out = 250;
    talk(&w, 300, 350);
    assert_int_equal(w.packets, 50 + 48);
    assert_int_equal(stats(&w).lost, 0);
    assert_int_equal(stats(&w).concealed_samples, 0);
    assert_in_range(stats(&w).comfort_samples, 49 * FRAME, 51 * FRAME);
    w.ssrc++;
    w.ts0 -= 123456789;
    w.last = -1;
    talk(&w, 0, 50);
    assert_int_equal(w.packets, 50 + 48 + 48);
    assert_false(w.disorder);
    mt_jitter_destroy(w.j);
}

static void begins_anew_when_the_timestamp_falls_back(void **state) {
    world w;
    begin(&w);
    talk(&w, 1000, 1050);
    w.last = -1;
    talk(&w, 0, 50);
    assert_int_equal(w.packets, 48 + 48);
    mt_jitter_destroy(w.j);
}

/* One packet of 400 comes 15 ms late, too seldom for the jitter to tell: after the first few it is waited for, and no
 * longer once that has not been needed for minutes. */
static void seldom_late(void **state) {
    world w;
    begin(&w);
    unsigned lost_before = 0;
    for (int i = 0; i < 20 * 400; i++, w.now_us += FRAME_US) {
        bool late = i % 400 == 399, after_late = i > 0 && i % 400 == 0;
        if (after_late)
            assert_int_equal(put(&w, i - 1, w.now_us - 5000), MT_OK);
        if (!late)
            assert_int_equal(put(&w, i, w.now_us), MT_OK);
        take(&w);
        if (i == 10 * 400)
            lost_before = w.lost;
    }
    print_message("%u invented at first, %u later, target %u ms\n", lost_before, w.lost - lost_before,
                  stats(&w).target_ms);
    assert_true(lost_before > 0);
    assert_true(w.lost - lost_before < lost_before);
    assert_in_range(stats(&w).target_ms, 14, 30);
    talk(&w, 20 * 400, 20 * 400 + 30000);
    assert_int_equal(stats(&w).target_ms, 10);
    mt_jitter_destroy(w.j);
}

typedef struct flight {
    int64_t at_us;
    int number;
} flight;

static int by_arrival(const void *a, const void *b) {
    const flight *x = a, *y = b;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* 0 … 60 ms of random jitter and 10 % loss for a minute. */
static void rough_path(void **state) {
    enum { N = 3000 };
    static flight flights[N];
    uint64_t seed = 42;
    mt_random r = mt_random_seeded(&seed);
    world w;
    begin(&w);
    for (int i = 0; i < N; i++)
        flights[i] = (flight){w.now_us + (int64_t)i * FRAME_US + (int64_t)mt_random_below(r, 60000), i};
    qsort(flights, N, sizeof(flights[0]), by_arrival);
    size_t next = 0;
    for (int i = 0; i < N; i++, w.now_us += FRAME_US) {
        for (; next < N && flights[next].at_us <= w.now_us; next++) {
            if (mt_random_below(r, 10) != 0)
                (void)!put(&w, flights[next].number, flights[next].at_us);
        }
        take(&w);
    }
    mt_jitter_stats s = stats(&w);
    print_message("60 ms of jitter, 10 %% loss: %.1f %% concealed, %.1f %% late, target %u ms, behind %d ms\n",
                  100.0 * (double)s.concealed_samples / (N * FRAME), 100.0 * (double)s.late / N, s.target_ms,
                  (N - 1 - w.last) * 20);
    assert_true(s.concealed_samples < 14 * N / 100 * FRAME);
    assert_true(s.late < 4 * N / 100);
    assert_true(N - 1 - w.last <= 6);
    assert_false(w.disorder);
    mt_jitter_destroy(w.j);
}

/* The sender's clock runs 0.1 % fast or slow for ten minutes: the delay stays. */
static void drift(void **state) {
    for (int sign = -1; sign <= 1; sign += 2) {
        world w;
        begin(&w);
        int64_t sent_us = w.now_us;
        int number = 0;
        for (int i = 0; i < 30000; i++, w.now_us += FRAME_US) {
            for (; sent_us <= w.now_us; sent_us += FRAME_US + sign * 20)
                assert_int_not_equal(put(&w, number++, sent_us), MT_ENOMEM);
            take(&w);
        }
        assert_true(number - 1 - w.last <= 6);
        print_message("the clock %s: %u invented, %u shed\n", sign > 0 ? "slow" : "fast", w.lost, w.shed);
        assert_true(w.lost < 200);
        assert_true(stats(&w).late < 10);
        mt_jitter_destroy(w.j);
    }
}

static void out_of_memory_loses_a_packet(void **state) {
    world w;
    begin(&w);
    mt_alloc_fail_nth(1);
    assert_int_equal(put(&w, 0, w.now_us), MT_ENOMEM);
    mt_alloc_fail_nth(0);
    talk(&w, 1, 50);
    assert_true(w.packets >= 46);
    mt_jitter_destroy(w.j);
    mt_alloc_fail_nth(1);
    assert_int_equal(mt_jitter_create(40, &w.j), MT_ENOMEM);
    mt_alloc_fail_nth(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_before_anything),
        cmocka_unit_test(steady_stream),
        cmocka_unit_test(sheds_where_it_is_quiet),
        cmocka_unit_test(reordered_and_doubled),
        cmocka_unit_test(lost_packets_are_replaced_in_time),
        cmocka_unit_test(too_late_is_dropped),
        cmocka_unit_test(a_stall_is_stretched_and_caught_up),
        cmocka_unit_test(a_backlog_is_shed),
        cmocka_unit_test(the_queue_has_an_end),
        cmocka_unit_test(pauses_that_are_left_out),
        cmocka_unit_test(pauses),
        cmocka_unit_test(begins_anew_when_the_timestamp_falls_back),
        cmocka_unit_test(seldom_late),
        cmocka_unit_test(rough_path),
        cmocka_unit_test(drift),
        cmocka_unit_test(out_of_memory_loses_a_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
