#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "unit.h"

static mt_slice lit(const char *s) {
    return mt_slice_of(s);
}

static void test_decodes_each_length(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t cp;
    } cases[] = {
        {"\x7f", 0x7f},
        {"\xc2\x80", 0x80},
        {"\xdf\xbf", 0x7ff},
        {"\xe0\xa0\x80", 0x800},
        {"\xed\x9f\xbf", 0xd7ff},
        {"\xee\x80\x80", 0xe000},
        {"\xef\xbf\xbf", 0xffff},
        {"\xf0\x90\x80\x80", 0x10000},
        {"\xf4\x8f\xbf\xbf", 0x10ffff},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t pos = 0;
        uint32_t cp = 0;
        assert_int_equal(mt_text_next(lit(cases[i].text), &pos, &cp), MT_OK);
        assert_int_equal(cp, cases[i].cp);
        assert_int_equal(pos, strlen(cases[i].text));
        assert_int_equal(mt_text_next(lit(cases[i].text), &pos, &cp), MT_EMORE);
    }
}

static void test_refuses_malformed(void **state) {
    (void)state;
    static const char *const cases[] = {
        "\x80",             /* a continuation alone */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong two */
        "\xe0\x9f\xbf",     /* overlong three */
        "\xf0\x8f\xbf\xbf", /* overlong four */
        "\xed\xa0\x80",     /* surrogates */
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc4", /* cut short */
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc4\x41", /* continuation missing */
        "\xe2\x82\x41",
        "\xf0\x9f\x98\x41",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t pos = 0;
        uint32_t cp = 77;
        assert_int_equal(mt_text_next(lit(cases[i]), &pos, &cp), MT_EBAD);
        assert_int_equal(pos, 0);
        assert_int_equal(cp, 77);
        assert_false(mt_text_is_utf8(lit(cases[i])));
    }
}

/* ASCII is passed over eight bytes at a time: what is malformed is found wherever it stands. */
static void test_malformed_at_each_place(void **state) {
    (void)state;
    static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"};
    char text[64];
    for (size_t at = 0; at < 20; at++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            snprintf(text, sizeof text, "%.*s%s%s", (int)at, "aaaaaaaaaaaaaaaaaaaaaaaa", bad[i], "bbbbbbbb");
            assert_false(mt_text_is_utf8(lit(text)));
            text[at + strlen(bad[i])] = '\0';
            assert_false(mt_text_is_utf8(lit(text)));
        }
        snprintf(text, sizeof text, "%.*s%s%s", (int)at, "aaaaaaaaaaaaaaaaaaaaaaaa", "\xe2\x82\xac", "bbbbbbbb");
        assert_true(mt_text_is_utf8(lit(text)));
    }
}

static void test_counts_code_points(void **state) {
    (void)state;
    size_t n = 9;
    assert_int_equal(mt_text_count(lit(""), &n), MT_OK);
    assert_int_equal(n, 0);
    assert_int_equal(mt_text_count(lit("Zażółć gęślą jaźń 🙂"), &n), MT_OK);
    assert_int_equal(n, 19);
    assert_int_equal(mt_text_count(lit("a\xff"), &n), MT_EBAD);
    assert_int_equal(n, 19);
}

static void expect_clean(const char *in, size_t len, bool keep_lf, const char *want) {
    mt_buf out;
    mt_buf_init(&out, 4096);
    mt_buf_add_str(&out, "");
    mt_text_clean(&out, mt_slice_n(in, len), keep_lf);
    assert_int_equal(mt_buf_err(&out), MT_OK);
    assert_string_equal(out.p, want);
    mt_buf_deinit(&out);
}

#define CLEAN(in, keep_lf, want) expect_clean(in, sizeof(in) - 1, keep_lf, want)

static void test_clean_leaves_text_alone(void **state) {
    (void)state;
    CLEAN("Zażółć gęślą jaźń 🙂 שלום नमस्ते", false,
          "Zażółć gęślą jaźń 🙂 שלום नमस्ते");
    CLEAN("", true, "");
}

static void test_clean_lets_no_escape_through(void **state) {
    (void)state;
    CLEAN("a\033[31mred\033]0;title\007b", false, "a[31mred]0;titleb");
    CLEAN("a\xc2\x9b"
          "31mb",
          false, "a31mb"); /* C1 CSI, encoded */
    CLEAN("a\x9b"
          "31mb",
          false,
          "a\xef\xbf\xbd"
          "31mb"); /* and raw: malformed */
    CLEAN("a\0b\x7f"
          "c\bd",
          false, "abcd");
}

static void test_clean_removes_bidi_and_zero_width(void **state) {
    (void)state;
    CLEAN("a\u202eb\u2066c\u2069d\u200fe\u061cf", false, "abcdef");
    CLEAN("a\u200bb\ufeffc\u2060d\u00ade\u034ff", false, "abcdef");
    CLEAN("a\U000e0041b\ue000c\ufffed\U0001fffee\ufdd0f", false, "abcdef"); /* tag, private use, noncharacters */
    CLEAN("a\U0010fffdb\U000f0000c", false, "abc");
}

static void test_clean_keeps_joiners_where_they_join(void **state) {
    (void)state;
    CLEAN("\U0001f469\u200d\U0001f4bb", false, "\U0001f469\u200d\U0001f4bb"); /* woman technologist */
    CLEAN("\u2764\ufe0f\u200d\U0001f525", false, "\u2764\ufe0f\u200d\U0001f525");
    CLEAN("\u0645\u06cc\u200c\u062e", false, "\u0645\u06cc\u200c\u062e"); /* Persian */
    CLEAN("a\u200db", false, "ab");
    CLEAN("\u0645\u200c\u200c\u0645", false, "\u0645\u200c\u0645"); /* never two */
    CLEAN("\u200d\u0645\u200d", false, "\u0645");
    CLEAN("\u0645\u200d\u202e\u0645", false, "\u0645\u0645"); /* what follows is hidden itself */
}

static void test_clean_line_ends(void **state) {
    (void)state;
    CLEAN("a\nb\r\nc\u2028d\u2029e\tf", true, "a\nb\nc\nd\ne f");
    CLEAN("a\nb\r\nc\u2028d\tf", false, "a b c d f");
}

static void test_clean_marks_malformed_once(void **state) {
    (void)state;
    CLEAN("a\xff\xfe\xc0"
          "b\xe2\x82",
          false,
          "a\xef\xbf\xbd"
          "b\xef\xbf\xbd");
}

/* Whatever goes in, what comes out is UTF-8 in which everything is showable but line ends and joiners. */
static void test_clean_of_noise(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char in[24];
        for (size_t i = 0; i < sizeof(in); i++) {
            static const char bias[] = "\xe2\x80\x8d\xae\x1b\xc2\x9b\xf0\x9f\xf3\xa0";
            seed = seed * 1664525 + 1013904223;
            in[i] = seed >> 31 ? bias[(seed >> 20) % (sizeof(bias) - 1)] : (char)(seed >> 16);
        }
        mt_buf out;
        mt_buf_init(&out, 4096);
        mt_text_clean(&out, mt_slice_n(in, sizeof(in)), true);
        mt_slice got = mt_buf_slice(&out);
        uint32_t cp = 0;
        for (size_t pos = 0; pos < got.len;) {
            assert_int_equal(mt_text_next(got, &pos, &cp), MT_OK);
            assert_true(mt_text_is_showable(cp) || cp == '\n' || cp == 0x200c || cp == 0x200d);
        }
        mt_buf_deinit(&out);
    }
}

static void test_percent(void **state) {
    (void)state;
    mt_buf out;
    mt_buf_init(&out, 256);
    mt_text_percent_encode(&out, lit("aZ09-._~ /%\xc5\xbc"));
    assert_string_equal(out.p, "aZ09-._~%20%2F%25%C5%BC");
    mt_buf_reset(&out);
    assert_int_equal(mt_text_percent_decode(lit("a%20%c5%BCb+%2b"), &out), MT_OK);
    assert_string_equal(out.p, "a \xc5\xbc"
                               "b++");
    static const char *const bad[] = {"%", "%4", "a%4", "%zz", "%4z", "%z4", "%00", "a%00b", "%%20"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        mt_buf_reset(&out);
        assert_int_equal(mt_text_percent_decode(lit(bad[i]), &out), MT_EBAD);
        assert_int_equal(out.len, 0);
    }
    mt_buf_deinit(&out);
    mt_buf_init(&out, 2);
    assert_int_equal(mt_text_percent_decode(lit("abc"), &out), MT_ELIMIT);
    mt_buf_deinit(&out);
}

static void test_base64url_vectors(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        /* RFC 4648 section 10, without padding */
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        mt_buf out;
        char back[8] = "";
        mt_buf_init(&out, 64);
        mt_buf_add_str(&out, "");
        mt_text_base64url(&out, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(out.p, cases[i][1]);
        assert_int_equal(mt_text_base64url_decode(mt_buf_slice(&out), back, strlen(cases[i][0])), MT_OK);
        assert_string_equal(back, cases[i][0]);
        mt_buf_deinit(&out);
    }
}

static void test_base64_pads(void **state) {
    static const char *const cases[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xfb\xff", "+/8="}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mt_buf out;
        mt_buf_init(&out, 64);
        mt_text_base64(&out, cases[i][0], strlen(cases[i][0]));
        assert_true(mt_slice_is(mt_buf_slice(&out), cases[i][1]));
        mt_buf_deinit(&out);
    }
}

static void test_base64url_refuses(void **state) {
    (void)state;
    char out[4] = "xyz";
    assert_int_equal(mt_text_base64url_decode(lit("Zg=="), out, 1), MT_EBAD); /* padding */
    assert_int_equal(mt_text_base64url_decode(lit("Zh"), out, 1), MT_EBAD);   /* dangling bits */
    assert_int_equal(mt_text_base64url_decode(lit("Zm9"), out, 2), MT_EBAD);
    assert_int_equal(mt_text_base64url_decode(lit("Zm9v"), out, 2), MT_EBAD); /* length */
    assert_int_equal(mt_text_base64url_decode(lit("Zm9"), out, 3), MT_EBAD);
    assert_int_equal(mt_text_base64url_decode(lit("Z"), out, 0), MT_EBAD);
    assert_int_equal(mt_text_base64url_decode(lit("+m9v"), out, 3), MT_EBAD); /* the other alphabet */
    assert_int_equal(mt_text_base64url_decode(lit("/m9v"), out, 3), MT_EBAD);
    assert_string_equal(out, "xyz");
}

static void test_hex(void **state) {
    (void)state;
    char text[7];
    uint8_t back[3] = {1, 2, 3};
    mt_text_hex("\x00\xab\xff", 3, text);
    assert_string_equal(text, "00abff");
    assert_int_equal(mt_text_hex_decode(lit("00AbfF"), back, 3), MT_OK);
    assert_memory_equal(back, "\x00\xab\xff", 3);
    assert_int_equal(mt_text_hex_decode(lit("00abf"), back, 3), MT_EBAD);
    assert_int_equal(mt_text_hex_decode(lit("00abf"), back, 2), MT_EBAD);
    assert_int_equal(mt_text_hex_decode(lit("00abfg"), back, 3), MT_EBAD);
    assert_int_equal(mt_text_hex_decode(lit("00abff00"), back, 3), MT_EBAD);
    assert_memory_equal(back, "\x00\xab\xff", 3);
}

static void test_hex_of_each_character(void **state) {
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEF";
    for (int c = 1; c < 256; c++) {
        char pair[2] = {'0', (char)c};
        uint8_t byte = 99;
        const char *at = strchr(digits, c);
        mt_err err = mt_text_hex_decode(mt_slice_n(pair, 2), &byte, 1);
        assert_int_equal(err, at != NULL ? MT_OK : MT_EBAD);
        assert_int_equal(byte, at != NULL ? (at - digits < 16 ? at - digits : at - digits - 6) : 99);
    }
}

static void test_decimal(void **state) {
    (void)state;
    char text[MT_TEXT_DECIMAL];
    assert_string_equal(mt_text_decimal(0, text), "0");
    assert_string_equal(mt_text_decimal(1090, text), "1090");
    assert_string_equal(mt_text_decimal(UINT64_MAX, text), "18446744073709551615");
}

static void test_join_cuts_where_there_is_no_room(void **state) {
    (void)state;
    const mt_slice pieces[] = {lit("ab"), {NULL, 0}, lit("cde"), lit("f")};
    char text[7] = "......", least[1];
    assert_string_equal(mt_text_join(pieces, 4, text, sizeof text), "abcdef");
    assert_string_equal(mt_text_join(pieces, 4, text, 5), "abcd");
    assert_string_equal(mt_text_join(pieces, 4, text, 3), "ab");
    assert_string_equal(mt_text_join(pieces, 0, text, 3), "");
    assert_string_equal(mt_text_join(pieces, 4, least, 1), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decodes_each_length),
        cmocka_unit_test(test_refuses_malformed),
        cmocka_unit_test(test_malformed_at_each_place),
        cmocka_unit_test(test_counts_code_points),
        cmocka_unit_test(test_clean_leaves_text_alone),
        cmocka_unit_test(test_clean_lets_no_escape_through),
        cmocka_unit_test(test_clean_removes_bidi_and_zero_width),
        cmocka_unit_test(test_clean_keeps_joiners_where_they_join),
        cmocka_unit_test(test_clean_line_ends),
        cmocka_unit_test(test_clean_marks_malformed_once),
        cmocka_unit_test(test_clean_of_noise),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_base64url_vectors),
        cmocka_unit_test(test_base64_pads),
        cmocka_unit_test(test_base64url_refuses),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_hex_of_each_character),
        cmocka_unit_test(test_decimal),
        cmocka_unit_test(test_join_cuts_where_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
