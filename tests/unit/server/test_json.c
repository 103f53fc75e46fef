/* What is written is valid JSON whatever the text; what is read is checked first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "server/json.h"

static void expect_written(mt_slice in, const char *out) {
    mt_buf b;
    mt_buf_init(&b, 1024);
    mt_json_str(&b, in);
    assert_int_equal(mt_buf_err(&b), MT_OK);
    assert_string_equal(b.p, out);
    mt_buf_deinit(&b);
}

static void escapes(void **state) {
    expect_written(MT_SLICE_LIT(""), "\"\"");
    expect_written(MT_SLICE_LIT("żółw"), "\"żółw\"");
    expect_written(MT_SLICE_LIT("a\"b\\c\n\r\t\x01\x7f\0z"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f\\u0000z\"");
    expect_written(MT_SLICE_LIT("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_written(MT_SLICE_LIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static mt_err parse(const char *text) {
    cJSON *out = NULL;
    mt_err err = mt_json_parse(mt_slice_of(text), &out);
    cJSON_Delete(out);
    return err;
}

static void reads_objects(void **state) {
    cJSON *out;
    assert_int_equal(mt_json_parse(MT_SLICE_LIT(" {\"name\":\"\\u017c\\\"\",\"link\":[\"gcm\"]} \r\n"), &out), MT_OK);
    assert_string_equal(cJSON_GetObjectItem(out, "name")->valuestring, "ż\"");
    cJSON_Delete(out);
    assert_int_equal(parse("{}"), MT_OK);
    assert_int_equal(parse("{\"a\":[[[[[[[]]]]]]]}"), MT_OK); /* depth 8 */
    assert_int_equal(parse("{\"a\":\"[[[[[[[[[[[[\"}"), MT_OK);
}

static void refuses(void **state) {
    static const char *const bad[] = {"",
                                      " ",
                                      "[]",
                                      "1",
                                      "null",
                                      "\"x\"",
                                      "{",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{\"a\":1}{}",
                                      "{\"a\":1} x",
                                      "{\"a\":[[[[[[[[]]]]]]]]}",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{'a':1}",
                                      "{\"a\":\"x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i]) != MT_EBAD)
            fail_msg("accepted: %s", bad[i]);
    }
    cJSON *out;
    assert_int_equal(mt_json_parse(MT_SLICE_LIT("{\"a\":\"x\0y\"}"), &out), MT_EBAD);
    char many[2048] = "{";
    for (int i = 0; i < 33; i++)
        (void)snprintf(many + strlen(many), sizeof many - strlen(many), "%s\"m%d\":1", i > 0 ? "," : "", i);
    memcpy(many + strlen(many), "}", 2);
    assert_int_equal(parse(many), MT_EBAD); /* more members than can be compared cheaply */
}

static void survives_lack_of_memory(void **state) {
    mt_json_setup();
    for (unsigned long n = 1;; n++) {
        mt_alloc_fail_nth(n);
        mt_err err = parse("{\"name\":\"jeden\",\"link\":[\"gcm\",{\"x\":null}]}");
        if (!mt_alloc_failed()) {
            assert_int_equal(err, MT_OK);
            assert_true(n > 5);
            break;
        }
        assert_int_not_equal(err, MT_OK);
    }
    mt_alloc_fail_nth(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(reads_objects),
        cmocka_unit_test(refuses),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
