#include "media/rtp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state) {
    const mt_rtp in = {.payload_type = 111, .marker = true, .seq = 65535, .timestamp = 0xfffffff0u, .ssrc = 0x01020304};
    uint8_t packet[MT_RTP_HEADER_LEN + 3] = {0};
    mt_rtp out;
    mt_rtp_write_header(&in, packet);
    packet[MT_RTP_HEADER_LEN] = 'x';
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, sizeof(packet)), &out), MT_OK);
    assert_int_equal(out.payload_type, 111);
    assert_true(out.marker);
    assert_int_equal(out.seq, 65535);
    assert_int_equal(out.timestamp, 0xfffffff0u);
    assert_int_equal(out.ssrc, 0x01020304);
    assert_int_equal(out.payload.len, 3);
    assert_int_equal(out.payload.p[0], 'x');
}

/* As browsers send it: two CSRCs, an extension of one word, two bytes of padding. */
static void extension_csrc_and_padding_are_left_out(void **state) {
    const uint8_t packet[] = {0xb2, 0x6f, 0, 1,    0,    0, 0, 1, 0, 0, 0, 2,   9,   9,   9, 9, 8,
                              8,    8,    8, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 'a', 'b', 'c', 0, 2};
    mt_rtp out;
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, sizeof(packet)), &out), MT_OK);
    assert_int_equal(out.payload.len, 3);
    assert_memory_equal(out.payload.p, "abc", 3);
}

static void lengths_that_lie_are_refused(void **state) {
    uint8_t packet[16] = {0x80, 0};
    mt_rtp out;
    for (size_t len = 0; len < MT_RTP_HEADER_LEN; len++)
        assert_int_equal(mt_rtp_parse(mt_slice_n(packet, len), &out), MT_EBAD);
    packet[0] = 0x40; /* version 1 */
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 16), &out), MT_EBAD);
    packet[0] = 0x82; /* two CSRCs, room for one */
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 16), &out), MT_EBAD);
    packet[0] = 0x90; /* extension of 65,535 words */
    packet[14] = packet[15] = 0xff;
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 16), &out), MT_EBAD);
    packet[0] = 0x90; /* extension's head cut off */
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 14), &out), MT_EBAD);
    packet[0] = 0xa0; /* padding longer than the payload, and none at all */
    packet[15] = 5;
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 16), &out), MT_EBAD);
    packet[15] = 0;
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 16), &out), MT_EBAD);
    packet[15] = 4;
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, 16), &out), MT_OK);
    assert_int_equal(out.payload.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(extension_csrc_and_padding_are_left_out),
        cmocka_unit_test(lengths_that_lie_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
