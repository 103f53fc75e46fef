/* The rules of nicknames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/names.h"
#include "server/scripts.h"

static bool good(const char *raw) {
    mt_name name;
    return mt_names_check(mt_slice_of(raw), &name) == MT_OK;
}

static bool same(const char *a, const char *b) {
    mt_name x, y;
    assert_int_equal(mt_names_check(mt_slice_of(a), &x), MT_OK);
    assert_int_equal(mt_names_check(mt_slice_of(b), &y), MT_OK);
    return strcmp(x.key, y.key) == 0;
}

static void accepts(void **state) {
    static const char *const names[] = {"jeden",
                                        "a",
                                        "7",
                                        "Jan.Kowalski_2-x",
                                        "zażółć",
                                        "ŁÓDŹ",
                                        "Ελένη",
                                        "Иван",
                                        "שלום",
                                        "محمد",
                                        "अनिल",
                                        "สมชาย",
                                        "გიორგი",
                                        "한국어",
                                        "ひらがなカタカナ漢字",
                                        "ラーメン",
                                        "田中さん",
                                        "李",
                                        "Ñandú",
                                        "12345",
                                        "٣٤٥",
                                        "abcdefghijklmnopqrstuvwxyz012345"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!good(names[i]))
            fail_msg("refused: %s", names[i]);
    }
}

static void refuses(void **state) {
    static const char *const names[] = {
        "",
        " ",
        "a b",
        ".a",
        "_a",
        "-a",
        "a/b",
        "a;b",
        "a]b",
        "a@b",
        "a%b",
        "a\nb",
        "a\x01",
        "a\x7f",
        "abcdefghijklmnopqrstuvwxyz0123456",
        "general",
        "Globals",
        "AUTHENTICATION",
        "default",
        "phones",
        "public",
        "admin",
        "Operator",
        "server",
        "myTurn",
        "\xef\xbd\x81\xef\xbd\x84\xef\xbd\x8d\xef\xbd\x89\xef\xbd\x8e", /* fullwidth "admin" */
        "111000",
        "0000000",
        "\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91\xef\xbc\x90\xef\xbc\x90\xef\xbc\x90", /* fullwidth digits */
        "p\xd0\xb0ypal",                                                            /* Cyrillic a among Latin */
        "a\xce\xb1",                                                                /* Latin, Greek */
        "\xf0\x9d\x90\x80\xd0\x90", /* mathematical bold A is Latin after all */
        "a\xe2\x80\x8d"
        "b", /* zero width joiner */
        "a\xe2\x80\xae"
        "b",             /* right-to-left override */
        "\xe1\x85\x9f",  /* Hangul filler: a letter that shows nothing */
        "a\xef\xb8\x8f", /* variation selector */
        "\xcc\x81"
        "a",                /* begins with a mark */
        "\xf0\x9f\x98\x80", /* emoji */
        "\xef\xb7\xba",     /* a letter whose compatibility form has spaces */
        "a\xc2\xad"
        "b",            /* soft hyphen */
        "\xee\x80\x80", /* private use */
        "\xff",
        "a\xc3",
        "\xed\xa0\x80",
        "\xc0\xaf",
        "ab\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (good(names[i]))
            fail_msg("accepted number %zu: %s", i, names[i]);
    }
    mt_name name;
    assert_int_equal(mt_names_check(MT_SLICE_LIT("a\0b"), &name), MT_EBAD);
}

static void is_untouched_on_failure(void **state) {
    mt_name name = {.shown = "before", .key = "before", .shown_len = 6, .key_len = 6};
    assert_int_equal(mt_names_check(MT_SLICE_LIT("a b"), &name), MT_EBAD);
    assert_int_equal(mt_names_check(MT_SLICE_LIT("\xf0\x9f\x98\x80"), &name), MT_EBAD);
    assert_string_equal(name.shown, "before");
    assert_int_equal(name.key_len, 6);
}

static void compares_by_case_folding(void **state) {
    assert_true(same("Jeden", "jEDEN"));
    assert_true(same("ŻÓŁW", "żółw"));
    assert_true(same("STRASSE", "straße"));
    assert_true(same("ΣΊΣΥΦΟΣ", "σίσυφος"));
    assert_true(same("z\xcc\x87", "\xc5\xbc"));                       /* decomposed, composed */
    assert_true(same("\xef\xbd\x8a\xef\xbd\x81\xef\xbd\x8e", "Jan")); /* fullwidth */
    assert_false(same("jan", "jań"));
    assert_false(same("a.b", "a_b"));
}

static void shows_nfc(void **state) {
    mt_name name;
    assert_int_equal(mt_names_check(MT_SLICE_LIT("Z\xcc\x87olw"), &name), MT_OK);
    assert_string_equal(name.shown, "\xc5\xbbolw");
    assert_int_equal(name.shown_len, strlen(name.shown));
    assert_string_equal(name.key, "\xc5\xbcolw");
    assert_int_equal(name.key_len, strlen(name.key));
}

/* 32 code points are counted after NFC, in every number of bytes. */
static void counts_code_points(void **state) {
    char text[256] = "";
    for (int i = 0; i < 32; i++)
        memcpy(text + strlen(text), "z\xcc\x87", 4); /* 64 code points, 32 after NFC */
    assert_true(good(text));
    memcpy(text + strlen(text), "z", 2);
    assert_false(good(text));
    char four[256] = "";
    for (int i = 0; i < 32; i++)
        memcpy(four + strlen(four), "\xf0\x90\x8c\xb0", 5); /* Gothic, four bytes each */
    assert_true(good(four));
}

static void knows_scripts(void **state) {
    assert_int_equal(mt_scripts_of('a'), mt_scripts_of(0x17b));
    assert_int_equal(mt_scripts_of(0x3042), mt_scripts_of(0x4e00));
    assert_int_equal(mt_scripts_of(0x30a2), mt_scripts_of(0x3042));
    assert_int_not_equal(mt_scripts_of(0x430), mt_scripts_of('a'));
    assert_int_not_equal(mt_scripts_of(0x3b1), mt_scripts_of('a'));
    assert_int_not_equal(mt_scripts_of(0xac00), mt_scripts_of(0x4e00));
    assert_int_equal(mt_scripts_of(0x30fc), 0); /* the long vowel sign belongs to several */
    assert_int_equal(mt_scripts_of(0x10ffff), 0);
    assert_int_equal(mt_scripts_of(0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(is_untouched_on_failure),
        cmocka_unit_test(compares_by_case_folding),
        cmocka_unit_test(shows_nfc),
        cmocka_unit_test(counts_code_points),
        cmocka_unit_test(knows_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
