#include "media/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "media/audio.h"

static void each_form(void **state) {
    mt_spec s;
    assert_int_equal(mt_spec_parse(NULL, true, &s), MT_OK);
    assert_int_equal(s.kind, MT_SPEC_DEFAULT);
    assert_int_equal(mt_spec_parse("default", false, &s), MT_OK);
    assert_int_equal(s.kind, MT_SPEC_DEFAULT);
    assert_null(s.arg);
    assert_int_equal(mt_spec_parse("none", true, &s), MT_OK);
    assert_int_equal(s.kind, MT_SPEC_NONE);
    assert_int_equal(mt_spec_parse("file:/a b:c.wav", true, &s), MT_OK);
    assert_int_equal(s.kind, MT_SPEC_FILE);
    assert_string_equal(s.arg, "/a b:c.wav");
    assert_int_equal(mt_spec_parse("device:hw:1,0", false, &s), MT_OK);
    assert_int_equal(s.kind, MT_SPEC_DEVICE);
    assert_string_equal(s.arg, "hw:1,0");
    assert_int_equal(mt_spec_parse("tone:440", true, &s), MT_OK);
    assert_int_equal(s.kind, MT_SPEC_TONE);
    assert_int_equal(s.tone_hz, 440);
}

static void all_else_is_refused_and_leaves_the_output(void **state) {
    static const char *const bad[] = {"",        "Default",  "none ",      "file:",
                                      "file",    "device:",  "tone:",      "tone:0",
                                      "tone:-1", "tone:1.5", "tone:20001", "tone:99999999999999999999",
                                      "tone:1a"};
    mt_spec s = {.kind = MT_SPEC_TONE, .tone_hz = 7};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(mt_spec_parse(bad[i], true, &s), MT_EBAD);
        assert_int_equal(mt_audio_spec_check(bad[i], true), MT_EBAD);
    }
    assert_int_equal(mt_spec_parse("tone:440", false, &s), MT_EBAD); /* a speaker cannot be a tone */
    assert_int_equal(s.tone_hz, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),
        cmocka_unit_test(all_else_is_refused_and_leaves_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
