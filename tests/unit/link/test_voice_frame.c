/* Frames of the channel myturn-voice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "link/voice_frame.h"

static uint8_t out[MT_VOICE_FRAME_MAX_BYTES];
static size_t out_len;
static bool rtcp;

static const uint8_t opus[] = {0x80, 0x80 | 111, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0xfc, 0xff, 0xfe};
static const uint8_t opus_frame[] = {1, 1, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0xfc, 0xff, 0xfe};
static const uint8_t l16[] = {0x80, 97, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0x01, 0x02, 0xff, 0xfe};
static const uint8_t l16_frame[] = {2, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0x02, 0x01, 0xfe, 0xff};
static const uint8_t report[] = {0x81, 201, 0, 7, 1, 1, 1, 1, 2, 2, 2, 2};

static void there_and_back(bool reports, const uint8_t *packet, size_t len, const uint8_t *frame, size_t frame_len) {
    uint8_t kept[MT_VOICE_FRAME_MAX_BYTES];
    assert_int_equal(mt_voice_frame_write(reports, packet, len, out, &out_len), MT_OK);
    assert_int_equal(out_len, frame_len);
    assert_memory_equal(out, frame, frame_len);
    memcpy(kept, out, out_len);
    assert_int_equal(mt_voice_frame_read(kept, frame_len, &rtcp, out, &out_len), MT_OK);
    assert_int_equal(rtcp, reports);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, packet, len);
}

static void test_vectors(void **state) {
    uint8_t report_frame[sizeof report + 1] = {3};
    memcpy(report_frame + 1, report, sizeof report);
    there_and_back(false, opus, sizeof opus, opus_frame, sizeof opus_frame);
    there_and_back(false, l16, sizeof l16, l16_frame, sizeof l16_frame);
    there_and_back(true, report, sizeof report, report_frame, sizeof report_frame);
}

static void test_what_is_not_written(void **state) {
    uint8_t p[MT_VOICE_FRAME_MAX_BYTES + 1] = {0x80, 111};
    assert_int_equal(mt_voice_frame_write(false, p, sizeof p, out, &out_len), MT_EINVAL);
    assert_int_equal(mt_voice_frame_write(false, p, 12, out, &out_len), MT_EINVAL); /* empty */
    assert_int_equal(mt_voice_frame_write(false, p, 0, out, &out_len), MT_EINVAL);
    p[0] = 0x81; /* a contributing source */
    assert_int_equal(mt_voice_frame_write(false, p, 40, out, &out_len), MT_EINVAL);
    p[0] = 0x80;
    p[1] = 0; /* PCMU */
    assert_int_equal(mt_voice_frame_write(false, p, 40, out, &out_len), MT_EINVAL);
    p[1] = 97; /* half a sample */
    assert_int_equal(mt_voice_frame_write(false, p, 41, out, &out_len), MT_EINVAL);
    assert_int_equal(mt_voice_frame_write(true, p, 40, out, &out_len), MT_EINVAL);
    p[1] = 200;
    assert_int_equal(mt_voice_frame_write(true, p, MT_VOICE_FRAME_MAX_BYTES, out, &out_len), MT_EINVAL);
}

static void test_what_is_not_read(void **state) {
    uint8_t p[MT_VOICE_FRAME_MAX_BYTES + 1] = {1};
    assert_int_equal(mt_voice_frame_read(p, 0, &rtcp, out, &out_len), MT_EBAD);
    assert_int_equal(mt_voice_frame_read(p, 12, &rtcp, out, &out_len), MT_EBAD);
    assert_int_equal(mt_voice_frame_read(p, sizeof p, &rtcp, out, &out_len), MT_EBAD);
    p[1] = 2; /* a flag of later */
    assert_int_equal(mt_voice_frame_read(p, 40, &rtcp, out, &out_len), MT_EBAD);
    p[1] = 0;
    p[0] = 2;
    assert_int_equal(mt_voice_frame_read(p, 41, &rtcp, out, &out_len), MT_EBAD);
    for (unsigned kind = 0; kind < 256; kind++) {
        p[0] = (uint8_t)kind;
        bool known = kind == 1 || kind == 2;
        assert_int_equal(mt_voice_frame_read(p, 40, &rtcp, out, &out_len), known ? MT_OK : MT_EBAD);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_what_is_not_written),
        cmocka_unit_test(test_what_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
