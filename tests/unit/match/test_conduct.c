/* Reports and suspensions on virtual time. */
#include "match/conduct.h"

#include "base/timerq.h"
#include "world.h"

#define MINUTE_MS ((int64_t)60000)
#define HOUR_MS (60 * MINUTE_MS)

static mt_conduct_config cfg;
static mt_conduct *c;
static int64_t now_ms;
static uint64_t seed;

static int begin(void **state) {
    (void)state;
    mt_conduct_config_default(&cfg);
    now_ms = 1000000;
    seed = 5;
    assert_int_equal(mt_conduct_create(&cfg, mt_random_seeded(&seed), &c), MT_OK);
    return 0;
}

static int end(void **state) {
    (void)state;
    mt_conduct_destroy(c);
    return 0;
}

static void pass(int64_t ms) {
    int64_t until_ms = now_ms + ms;
    while (mt_conduct_next_ms(c) <= until_ms) {
        now_ms = mt_conduct_next_ms(c) > now_ms ? mt_conduct_next_ms(c) : now_ms;
        mt_conduct_tick(c, now_ms);
    }
    now_ms = until_ms;
}

/* address NULL: none that counts */
static mt_slice bytes(const char *address) {
    return mt_slice_of(address);
}

static mt_conduct_verdict report(uint64_t about, const char *at, uint64_t by, const char *from) {
    mt_conduct_verdict v;
    mt_conduct_mark whom = mt_conduct_mark_of(c, about, bytes(at), now_ms);
    mt_conduct_mark who = mt_conduct_mark_of(c, by, bytes(from), now_ms);
    assert_int_equal(mt_conduct_report(c, &whom, &who, now_ms, &v), MT_OK);
    return v;
}

static int64_t left_s(uint64_t login, const char *at) {
    int64_t until_ms = mt_conduct_until_ms(c, login, bytes(at), now_ms);
    return until_ms > 0 ? (until_ms - now_ms) / 1000 : 0;
}

static void test_three_suspend(void **state) {
    (void)state;
    assert_int_equal(report(1, "A", 11, "a").login_until_ms, 0);
    assert_int_equal(report(1, "A", 12, "b").login_until_ms, 0);
    assert_int_equal(left_s(1, "A"), 0);
    assert_int_equal(report(1, "A", 13, "c").login_until_ms, now_ms + HOUR_MS);
    assert_int_equal(left_s(1, "A"), 3600);
    assert_int_equal(left_s(2, "A"), 0); /* others behind his address are not */
    pass(HOUR_MS - 1000);
    assert_int_equal(left_s(1, "A"), 1);
    pass(1000);
    assert_int_equal(left_s(1, "A"), 0);
    report(1, "A", 14, "d"); /* and begins anew */
    report(1, "A", 15, "e");
    assert_int_equal(left_s(1, "A"), 0);
}

/* Neither by saying it often, nor by many logins at one place. */
static void test_one_suspends_nobody_alone(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        report(1, "A", 11, "a");
        report(1, "A", 100 + i, "a");
        report(1, "A", 11, i % 2 != 0 ? "b" : "c"); /* who moves on */
    }
    assert_int_equal(left_s(1, "A"), 0);
    report(1, "A", 12, "d");
    assert_int_equal(left_s(1, "A"), 0);
    report(1, "A", 13, "e");
    assert_int_equal(left_s(1, "A"), 3600);
}

static void test_unless_one_is_enough(void **state) {
    (void)state;
    cfg.threshold = 1;
    mt_conduct_configure(c, &cfg);
    assert_true(report(1, "A", 11, "a").login_until_ms > 0);
}

/* Where addresses do not count (loopback), logins do. */
static void test_without_addresses(void **state) {
    (void)state;
    for (uint64_t by = 11; by < 14; by++)
        report(1, NULL, by, NULL);
    assert_int_equal(left_s(1, NULL), 3600);
    assert_int_equal(mt_conduct_count(c), 1);
}

/* Who comes back under a new name meets what is counted at his address. */
static void test_six_suspend_an_address(void **state) {
    (void)state;
    static const char *const from[] = {"a", "b", "c", "d", "e", "f"};
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(report(1 + i / 2, "A", 11 + i, from[i]).address_until_ms, 0);
    assert_int_equal(left_s(9, "A"), 0);
    assert_int_equal(report(4, "A", 16, from[5]).address_until_ms, now_ms + HOUR_MS);
    assert_int_equal(left_s(9, "A"), 3600);
    assert_int_equal(left_s(9, "B"), 0);
}

static void test_reports_count_for_a_while(void **state) {
    (void)state;
    cfg.window_s = 600;
    mt_conduct_configure(c, &cfg);
    report(1, "A", 11, "a");
    pass(5 * MINUTE_MS);
    report(1, "A", 12, "b");
    pass(5 * MINUTE_MS);
    assert_int_equal(report(1, "A", 13, "c").login_until_ms, 0); /* the first is forgotten */
    assert_int_equal(report(1, "A", 11, "a").login_until_ms, now_ms + HOUR_MS);
}

static void test_all_is_forgotten(void **state) {
    (void)state;
    report(1, "A", 11, "a");
    report(1, "A", 12, "b");
    report(1, "A", 13, "c");
    report(2, "B", 11, "a");
    assert_int_equal(mt_conduct_count(c), 4);
    mt_conduct_forget(c, 2);
    mt_conduct_forget(c, 2);
    assert_int_equal(mt_conduct_count(c), 3);
    pass(24 * HOUR_MS);
    assert_int_equal(mt_conduct_count(c), 0);
    assert_int_equal(mt_conduct_next_ms(c), MT_NEVER);
}

/* The key changes; a suspension does not end by it, and the address cannot be told from its hash for long. */
static void test_the_key_changes(void **state) {
    (void)state;
    cfg.address_threshold = 1;
    cfg.suspend_s = 86400;
    mt_conduct_configure(c, &cfg);
    pass(23 * HOUR_MS);
    mt_conduct_mark before = mt_conduct_mark_of(c, 1, bytes("A"), now_ms);
    pass(23 * HOUR_MS);
    assert_true(report(1, "A", 11, "a").address_until_ms > 0);
    pass(23 * HOUR_MS);
    assert_int_equal(left_s(9, "A"), 3600);
    mt_conduct_mark after = mt_conduct_mark_of(c, 1, bytes("A"), now_ms);
    assert_true(before.address != after.address);
    pass(HOUR_MS);
    assert_int_equal(left_s(9, "A"), 0);
}

/* One person was two reporters, where the key changed in between. */
static void test_the_key_changes_between_two_reports_of_one(void **state) {
    (void)state;
    report(9, "B", 99, "z"); /* the first key */
    pass(23 * HOUR_MS);
    report(1, "A", 11, "a");
    pass(2 * HOUR_MS);
    report(1, "A", 21, "a");
    report(1, "A", 12, "b");
    assert_int_equal(left_s(1, "A"), 0);
    report(1, "A", 13, "c");
    assert_int_equal(left_s(1, "A"), 3600);
}

static void test_off(void **state) {
    (void)state;
    cfg.threshold = cfg.address_threshold = 0;
    mt_conduct_configure(c, &cfg);
    for (uint64_t by = 11; by < 40; by++)
        report(1, "A", by, NULL);
    assert_int_equal(left_s(1, "A"), 0);
    assert_int_equal(mt_conduct_count(c), 0);
}

static void test_memory_is_bounded(void **state) {
    (void)state;
    cfg.max_subjects = 10;
    mt_conduct_configure(c, &cfg);
    for (uint64_t about = 1; about < 1000; about++)
        report(about, NULL, 5000, "a");
    assert_int_equal(mt_conduct_count(c), 10);
}

static void test_without_memory(void **state) {
    (void)state;
    mt_conduct_verdict v;
    mt_conduct_mark whom = mt_conduct_mark_of(c, 1, bytes("A"), now_ms),
                    who = mt_conduct_mark_of(c, 2, bytes("a"), now_ms);
    for (unsigned long n = 1;; n++) {
        mt_alloc_fail_nth(n);
        mt_err err = mt_conduct_report(c, &whom, &who, now_ms, &v);
        bool failed = mt_alloc_failed();
        mt_alloc_fail_nth(0);
        if (!failed) {
            assert_int_equal(err, MT_OK);
            break;
        }
        assert_int_equal(err, MT_ENOMEM);
        pass(0);
    }
    report(1, "A", 12, "b");
    assert_true(report(1, "A", 13, "c").login_until_ms > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_suspend, begin, end),
        cmocka_unit_test_setup_teardown(test_one_suspends_nobody_alone, begin, end),
        cmocka_unit_test_setup_teardown(test_unless_one_is_enough, begin, end),
        cmocka_unit_test_setup_teardown(test_without_addresses, begin, end),
        cmocka_unit_test_setup_teardown(test_six_suspend_an_address, begin, end),
        cmocka_unit_test_setup_teardown(test_reports_count_for_a_while, begin, end),
        cmocka_unit_test_setup_teardown(test_all_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(test_the_key_changes, begin, end),
        cmocka_unit_test_setup_teardown(test_the_key_changes_between_two_reports_of_one, begin, end),
        cmocka_unit_test_setup_teardown(test_off, begin, end),
        cmocka_unit_test_setup_teardown(test_memory_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_without_memory, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
