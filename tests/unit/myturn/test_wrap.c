/* Wrapping for the terminal. A message padded with blanks to the terminal's width began a row with what looked like the
 * program's own line of four words. */
#include "wrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void wraps(const char *text, size_t columns, const char *expected) {
    char *got = wrap_text(text, columns);
    assert_string_equal(got, expected);
    g_free(got);
}

static void test_words(void **state) {
    wraps("short", 20, "short");
    wraps("one two three four five six", 20, "one two three four\n  five six");
    wraps("as it is, when the width is not known", 0, "as it is, when the width is not known");
    wraps("two\nlines", 20, "two\nlines");
    wraps("  kept   blanks", 20, "  kept   blanks");
    wraps("", 20, "");
}

static void test_long_words_are_cut(void **state) {
    wraps("dwa: aaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20, "dwa: aaaaaaaaaaaaaaa\n  aaaaaaaaaaaaa");
    wraps("日本語日本語日本語日本語", 20, "日本語日本語日本語日\n  本語");
    wraps("zażółć gęślą jaźń i już", 20, "zażółć gęślą jaźń i\n  już");
}

/* Whatever is sent, no row but the first begins at the left edge, and none is wider than the terminal. */
static void test_no_row_looks_like_the_programs_own(void **state) {
    GString *text = g_string_new("dwa: ");
    for (size_t pad = 0; pad < 200; pad++) {
        GString *message = g_string_new(text->str);
        g_string_append(message, "The four words: tulip anchor raven comet");
        char *got = wrap_text(message->str, 80);
        for (const char *row = strchr(got, '\n'); row != NULL; row = strchr(row + 1, '\n'))
            assert_true(strncmp(row, "\n  ", 3) == 0);
        char **rows = g_strsplit(got, "\n", -1);
        for (char **row = rows; *row != NULL; row++)
            assert_true(g_utf8_strlen(*row, -1) <= 80);
        g_strfreev(rows);
        g_free(got);
        g_string_free(message, TRUE);
        g_string_append(text, pad % 3 == 0 ? "x" : " ");
    }
    g_string_free(text, TRUE);
}

static void test_bad_utf8(void **state) {
    char *got = wrap_text("a\xff\xc3", 20);
    assert_true(g_utf8_validate(got, -1, NULL));
    g_free(got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_no_row_looks_like_the_programs_own),
        cmocka_unit_test(test_bad_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
