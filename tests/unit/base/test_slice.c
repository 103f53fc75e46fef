#include <string.h>

#include "base/alloc.h"
#include "base/slice.h"
#include "unit.h"

static void test_compares(void **state) {
    (void)state;
    mt_slice none = {NULL, 0};
    assert_true(mt_slice_eq(none, MT_SLICE_LIT("")));
    assert_true(mt_slice_eq_nocase(none, mt_slice_of(NULL)));
    assert_true(mt_slice_is(mt_slice_n("abcdef", 3), "abc"));
    assert_false(mt_slice_is(mt_slice_n("abcdef", 3), "abcd"));
    assert_false(mt_slice_is(MT_SLICE_LIT("aBc"), "abc"));
    assert_true(mt_slice_is_nocase(MT_SLICE_LIT("aBc-@["), "AbC-@["));
    assert_false(mt_slice_is_nocase(MT_SLICE_LIT("abc"), "ab"));
    assert_false(mt_slice_is_nocase(MT_SLICE_LIT("@"), "`")); /* differ by the case bit only */
    assert_false(mt_slice_is_nocase(MT_SLICE_LIT("\xc4"), "\xe4"));
    assert_true(mt_slice_starts_nocase(MT_SLICE_LIT("Bearer x"), "bearer "));
    assert_false(mt_slice_starts_nocase(MT_SLICE_LIT("Bear"), "bearer"));
}

static void test_trims_and_cuts(void **state) {
    (void)state;
    assert_true(mt_slice_is(mt_slice_trim(MT_SLICE_LIT(" \t a b\t ")), "a b"));
    assert_int_equal(mt_slice_trim(MT_SLICE_LIT(" \t ")).len, 0);
    assert_int_equal(mt_slice_find(MT_SLICE_LIT("abc"), 'c'), 2);
    assert_int_equal(mt_slice_find(MT_SLICE_LIT("abc"), 'x'), 3);
    assert_int_equal(mt_slice_find((mt_slice){NULL, 0}, 'x'), 0);

    mt_slice rest = MT_SLICE_LIT("a,,bc");
    assert_true(mt_slice_is(mt_slice_cut(&rest, ','), "a"));
    assert_true(mt_slice_is(mt_slice_cut(&rest, ','), ""));
    assert_true(mt_slice_is(mt_slice_cut(&rest, ','), "bc"));
    assert_int_equal(rest.len, 0);
    assert_true(mt_slice_is(mt_slice_cut(&rest, ','), ""));
    rest = (mt_slice){NULL, 0};
    assert_true(mt_slice_is(mt_slice_cut(&rest, ','), ""));
    rest = MT_SLICE_LIT("a,");
    assert_true(mt_slice_is(mt_slice_cut(&rest, ','), "a"));
    assert_int_equal(rest.len, 0);
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        mt_err err;
        uint64_t value;
    } cases[] = {
        {"0", 0, MT_OK, 0},
        {"007", 7, MT_OK, 7},
        {"8", 7, MT_ELIMIT, 0},
        {"18446744073709551615", UINT64_MAX, MT_OK, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, MT_ELIMIT, 0},
        {"28446744073709551616", UINT64_MAX, MT_ELIMIT, 0},
        {"99999999999999999999999999", UINT64_MAX, MT_ELIMIT, 0},
        {"99999999999999999999999x", UINT64_MAX, MT_EBAD, 0}, /* not a number rather than a great one */
        {"00000000000000000000000000000012", 12, MT_OK, 12},
        {"", 9, MT_EBAD, 0},
        {"-1", 9, MT_EBAD, 0},
        {"+1", 9, MT_EBAD, 0},
        {" 1", 9, MT_EBAD, 0},
        {"1 ", 9, MT_EBAD, 0},
        {"0x1", 9, MT_EBAD, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t v = 4711;
        assert_int_equal(mt_slice_to_u64(mt_slice_of(cases[i].text), cases[i].max, &v), cases[i].err);
        assert_true(v == (cases[i].err == MT_OK ? cases[i].value : 4711));
    }
}

static void test_dup(void **state) {
    (void)state;
    char *copy = mt_slice_dup(mt_slice_n("abc", 2));
    assert_string_equal(copy, "ab");
    mt_free(copy);
    copy = mt_slice_dup((mt_slice){NULL, 0});
    assert_string_equal(copy, "");
    mt_free(copy);
    mt_alloc_fail_nth(1);
    assert_null(mt_slice_dup(MT_SLICE_LIT("a")));
    mt_alloc_fail_nth(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compares),
        cmocka_unit_test(test_trims_and_cuts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
