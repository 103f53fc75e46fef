/* Reports on virtual time: two ends that talk over a path with loss and delay, what each learns of it, the verdict and
 * the encoder's plan. */
#include "media/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_US 20000

typedef struct side {
    mt_report report;
    mt_rtp next;
    unsigned sent, reports, verdicts, plans;
    bool speaks;
    uint8_t late[MT_RTCP_WRITE_MAX]; /* a report under way, and when it arrives */
    size_t late_len;
    int64_t late_us;
} side;

typedef struct world {
    side a, b;
    int64_t now_us, delay_us;
    unsigned loss_percent; /* from a to b */
    uint64_t seed;
    mt_random random;
} world;

static void begin(world *w) {
    memset(w, 0, sizeof(*w));
    w->now_us = 5000000;
    w->seed = 7;
    w->random = mt_random_seeded(&w->seed);
    w->delay_us = 40000;
    w->a.next.ssrc = 100;
    w->b.next.ssrc = 200;
    w->a.next.seq = 65500; /* wraps soon */
    w->a.speaks = true;
    mt_report_init(&w->a.report, 48000, 100, w->random, w->now_us);
    mt_report_init(&w->b.report, 48000, 200, w->random, w->now_us);
}

static void speak(world *w, side *from, side *to, unsigned loss_percent) {
    if (!from->speaks)
        return;
    from->sent++;
    from->next.seq++;
    from->next.timestamp += 960;
    if (mt_random_below(w->random, 100) >= loss_percent)
        mt_report_rtp(&to->report, &from->next, w->now_us + w->delay_us);
}

static void exchange(world *w, side *from, side *to) {
    const mt_report_sent sent = {from->next.ssrc, from->next.timestamp, from->sent, from->sent * 100};
    mt_report_out out;
    if (from->late_len > 0 && w->now_us >= from->late_us) {
        to->plans += mt_report_rtcp(&to->report, mt_slice_n(from->late, from->late_len), w->now_us);
        from->late_len = 0;
    }
    mt_report_tick(&from->report, &sent, w->now_us, &out);
    from->verdicts += out.quality_changed;
    if (out.len == 0)
        return;
    from->reports++;
    memcpy(from->late, out.packet, out.len);
    from->late_len = out.len;
    from->late_us = w->now_us + w->delay_us;
}

static void run(world *w, unsigned seconds) {
    for (unsigned i = 0; i < seconds * 50; i++, w->now_us += FRAME_US) {
        speak(w, &w->a, &w->b, w->loss_percent);
        speak(w, &w->b, &w->a, 0);
        exchange(w, &w->a, &w->b);
        exchange(w, &w->b, &w->a);
    }
}

static void a_good_path(void **state) {
    world w;
    begin(&w);
    run(&w, 30);
    assert_in_range(w.a.reports, 24, 40);
    assert_in_range(w.b.reports, 24, 40);
    assert_in_range(w.a.report.rtt_ms, 60, 120);
    assert_false(w.a.report.quality.now.poor);
    assert_false(w.b.report.quality.now.poor);
    assert_int_equal(w.a.plans + w.b.plans + w.a.verdicts + w.b.verdicts, 0);
    assert_false(w.a.report.adapt.plan.fec);
    assert_int_equal(mt_reception_expected(&w.b.report.in), w.a.sent);
    assert_int_equal(mt_reception_jitter_ms(&w.b.report.in), 0);
}

/* Both sides call it poor: b sees the loss, a is told of it and corrects errors. Afterwards all is well again. */
static void a_path_that_loses(void **state) {
    world w;
    begin(&w);
    w.loss_percent = 10;
    run(&w, 20);
    assert_true(w.a.report.quality.now.poor);
    assert_true(w.b.report.quality.now.poor);
    assert_in_range(w.a.report.quality.now.loss_percent, 4, 18);
    assert_true(w.a.report.adapt.plan.fec);
    assert_in_range(w.a.report.adapt.plan.loss_percent, 5, 20);
    assert_int_equal(w.a.report.adapt.plan.bit_rate, 48000);
    assert_false(w.a.report.adapt.plan.dtx);
    assert_false(w.b.report.adapt.plan.fec); /* that way nothing is lost */
    w.loss_percent = 0;
    run(&w, 60);
    assert_false(w.a.report.quality.now.poor);
    assert_false(w.b.report.quality.now.poor);
    assert_int_equal(w.a.verdicts, 2);
    assert_int_equal(w.b.verdicts, 2);
    assert_false(w.a.report.adapt.plan.fec);
    assert_int_equal(w.a.report.adapt.plan.bit_rate, 48000);
}

/* One bad second is no poor connection. */
static void a_short_loss_is_no_verdict(void **state) {
    world w;
    begin(&w);
    run(&w, 10);
    w.loss_percent = 60;
    run(&w, 1);
    w.loss_percent = 0;
    run(&w, 20);
    assert_int_equal(w.a.verdicts + w.b.verdicts, 0);
    assert_true(w.a.plans > 0); /* the encoder was on its guard meanwhile */
}

static void a_full_path_is_spared(void **state) {
    world w;
    begin(&w);
    w.loss_percent = 35;
    run(&w, 25);
    assert_true(w.a.report.adapt.plan.dtx);
    assert_int_equal(w.a.report.adapt.plan.bit_rate, 24000);
    w.loss_percent = 0;
    run(&w, 60);
    assert_false(w.a.report.adapt.plan.dtx);
}

static void a_long_way_is_poor(void **state) {
    world w;
    begin(&w);
    w.delay_us = 450000;
    run(&w, 20);
    assert_in_range(w.a.report.rtt_ms, 850, 1000);
    assert_true(w.a.report.quality.now.poor);
}

/* The speaker falls silent on a poor path: what is not known counts as good. */
static void silence_ends_the_verdict(void **state) {
    world w;
    begin(&w);
    w.loss_percent = 20;
    run(&w, 20);
    assert_true(w.b.report.quality.now.poor);
    w.a.speaks = false;
    run(&w, 30);
    assert_false(w.b.report.quality.now.poor);
    assert_false(w.a.report.quality.now.poor);
    unsigned before = w.b.reports;
    run(&w, 40);
    assert_in_range(w.b.reports - before, 6, 20); /* seldom, while nobody speaks */
}

static void others_streams_are_none_of_ours(void **state) {
    world w;
    begin(&w);
    const mt_rtcp foreign = {.ssrc = 200, .block_count = 1, .blocks = {{.ssrc = 999, .fraction_lost = 200}}};
    uint8_t out[MT_RTCP_WRITE_MAX];
    size_t len = mt_rtcp_write(&foreign, w.a.report.cname, out);
    assert_false(mt_report_rtcp(&w.a.report, mt_slice_n(out, len), w.now_us));
    assert_false(mt_report_rtcp(&w.a.report, mt_slice_n("garbage!", 8), w.now_us));
    assert_int_equal(w.a.report.told_us, 0);
}

static void reception_counts(void **state) {
    mt_reception r;
    mt_rtcp_block b;
    mt_rtp p = {.ssrc = 5, .seq = 65534};
    mt_reception_init(&r, 48000);
    assert_false(mt_reception_report(&r, &b));
    for (int i = 0; i < 10; i++, p.seq++, p.timestamp += 960) {
        if (i != 4)
            mt_reception_add(&r, &p, i * FRAME_US);
    }
    assert_int_equal(mt_reception_expected(&r), 10);
    assert_true(mt_reception_report(&r, &b));
    assert_int_equal(b.fraction_lost, 25);
    assert_int_equal(b.lost, 1);
    assert_int_equal(b.highest_seq, 65536 + 7);
    p.seq -= 6; /* the lost one comes after all */
    p.timestamp -= 6 * 960;
    mt_reception_add(&r, &p, 10 * FRAME_US);
    assert_true(mt_reception_report(&r, &b));
    assert_int_equal(b.fraction_lost, 0);
    assert_int_equal(b.lost, 0);
    assert_true(b.jitter > 0);
    p.ssrc++; /* another sender begins anew */
    mt_reception_add(&r, &p, 11 * FRAME_US);
    assert_int_equal(mt_reception_expected(&r), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_path),
        cmocka_unit_test(a_path_that_loses),
        cmocka_unit_test(a_short_loss_is_no_verdict),
        cmocka_unit_test(a_full_path_is_spared),
        cmocka_unit_test(a_long_way_is_poor),
        cmocka_unit_test(silence_ends_the_verdict),
        cmocka_unit_test(others_streams_are_none_of_ours),
        cmocka_unit_test(reception_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
