#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "unit.h"

static void test_the_nth_fails_once(void **state) {
    (void)state;
    mt_alloc_fail_nth(3);
    void *a = mt_malloc(1), *b = mt_calloc(2, 3);
    assert_non_null(a);
    assert_non_null(b);
    assert_false(mt_alloc_failed());
    assert_null(mt_realloc(a, 100)); /* a is still there */
    assert_true(mt_alloc_failed());
    char *c = mt_strdup("abc");
    assert_string_equal(c, "abc");
    mt_alloc_fail_nth(1);
    assert_null(mt_strndup("abc", 2));
    mt_alloc_fail_nth(0);
    assert_false(mt_alloc_failed());
    char *d = mt_strndup("abc", 2);
    assert_string_equal(d, "ab");
    mt_free(a);
    mt_free(b);
    mt_free(c);
    mt_free(d);
    mt_free(NULL);
}

static void test_sizes(void **state) {
    (void)state;
    assert_null(mt_calloc(SIZE_MAX / 2, 3));
    uint8_t *p = mt_calloc(10, 10), zero[100] = {0};
    assert_memory_equal(p, zero, 100);
    mt_free(p);
    p = mt_calloc(0, 8); /* never NULL for want of size */
    assert_non_null(p);
    mt_free(p);
    p = mt_malloc(0);
    assert_non_null(p);
    mt_free(p);
}

static void test_error_texts(void **state) {
    (void)state;
    for (mt_err e = MT_OK; e <= MT_ECLOSED; e++) {
        assert_true(strlen(mt_err_str(e)) > 0);
        assert_string_not_equal(mt_err_str(e), "unknown error");
    }
    assert_string_equal(mt_err_str((mt_err)9999), "unknown error");
}

static void test_clocks(void **state) {
    (void)state;
    int64_t us = mt_clock_us(), ms = mt_clock_ms();
    assert_true(us > 0 && ms >= us / 1000 && ms - us / 1000 < 60000);
    assert_true(mt_clock_us() >= us);
    assert_true(mt_clock_wall_s() > 1600000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nth_fails_once),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_error_texts),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
