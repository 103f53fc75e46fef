#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "unit.h"

static void test_appends(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 1000);
    assert_null(b.p);
    assert_int_equal(mt_buf_slice(&b).len, 0);
    mt_buf_add(&b, "ab", 2);
    mt_buf_add_char(&b, 'c');
    mt_buf_add_str(&b, "de");
    mt_buf_add_slice(&b, MT_SLICE_LIT("f"));
    mt_buf_add_u64(&b, 0);
    mt_buf_add_u64(&b, 18446744073709551615ULL);
    mt_buf_printf(&b, "[%s:%d]", "x", -7);
    assert_int_equal(mt_buf_err(&b), MT_OK);
    assert_string_equal(b.p, "abcdef018446744073709551615[x:-7]");
    assert_int_equal(b.len, strlen(b.p));
    mt_buf_consume(&b, 6);
    assert_string_equal(b.p, "018446744073709551615[x:-7]");
    mt_buf_consume(&b, b.len);
    assert_string_equal(b.p, "");
    mt_buf_consume(&b, 0);
    mt_buf_deinit(&b);
    mt_buf_consume(&b, 0);
    assert_null(b.p);
}

static void test_grows_and_keeps_all(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 100000);
    for (unsigned i = 0; i < 10000; i++)
        mt_buf_printf(&b, "%04u,", i);
    assert_int_equal(b.len, 50000);
    assert_memory_equal(b.p + 49995, "9999,", 6);
    assert_true(b.cap <= b.max + 1);
    mt_buf_deinit(&b);
}

static void test_max_is_exact_and_sticky(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 5);
    mt_buf_add_str(&b, "12345");
    assert_int_equal(mt_buf_err(&b), MT_OK);
    mt_buf_add_char(&b, '6');
    assert_int_equal(mt_buf_err(&b), MT_ELIMIT);
    mt_buf_consume(&b, 3);
    mt_buf_add_char(&b, 'x');
    mt_buf_printf(&b, "%d", 1);
    assert_string_equal(b.p, "45");
    mt_buf_reset(&b);
    assert_int_equal(mt_buf_err(&b), MT_OK);
    mt_buf_printf(&b, "%s", "123456");
    assert_int_equal(mt_buf_err(&b), MT_ELIMIT);
    assert_string_equal(b.p, "");
    mt_buf_deinit(&b);
    mt_buf_init(&b, 0);
    mt_buf_add(&b, NULL, 0);
    assert_int_equal(mt_buf_err(&b), MT_OK);
    mt_buf_add(&b, "a", 1);
    assert_int_equal(mt_buf_err(&b), MT_ELIMIT);
    mt_buf_wipe(&b);
}

static void test_out_of_memory(void **state) {
    (void)state;
    char big[500];
    memset(big, 'a', sizeof(big));
    for (unsigned long nth = 1;; nth++) {
        mt_buf b;
        mt_buf_init(&b, 10000);
        mt_alloc_fail_nth(nth);
        for (int i = 0; i < 10; i++)
            mt_buf_add(&b, big, sizeof(big));
        int failed = mt_alloc_failed();
        mt_alloc_fail_nth(0);
        assert_int_equal(mt_buf_err(&b), failed ? MT_ENOMEM : MT_OK);
        assert_true(failed ? b.len < 5000 && b.len % 500 == 0 : b.len == 5000);
        mt_buf_deinit(&b);
        if (!failed) {
            assert_true(nth > 2);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_grows_and_keeps_all),
        cmocka_unit_test(test_max_is_exact_and_sticky),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
