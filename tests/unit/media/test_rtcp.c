/* RTCP on the wire: what is written is read again, Chromium's form is understood, what is broken is refused. */
#include "media/rtcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char cname[MT_RTCP_CNAME_LEN + 1] = "abcdefghijklmnop";

static void what_is_written_is_read(void **state) {
    const mt_rtcp r = {
        .ssrc = 0x11223344,
        .sender = true,
        .ntp = 0x0102030405060708,
        .timestamp = 48000,
        .packets = 100,
        .bytes = 10000,
        .block_count = 1,
        .blocks = {
            {.ssrc = 7, .fraction_lost = 25, .lost = -3, .highest_seq = 70000, .jitter = 99, .lsr = 5, .dlsr = 6}}};
    uint8_t out[MT_RTCP_WRITE_MAX];
    mt_rtcp back;
    size_t len = mt_rtcp_write(&r, cname, out);
    assert_int_equal(len, 52 + 28);
    assert_int_equal(mt_rtcp_parse(mt_slice_n(out, len), &back), MT_OK);
    assert_int_equal(back.ssrc, r.ssrc);
    assert_true(back.sender && !back.bye);
    assert_true(back.ntp == r.ntp);
    assert_int_equal(back.timestamp, 48000);
    assert_int_equal(back.packets, 100);
    assert_int_equal(back.bytes, 10000);
    assert_int_equal(back.block_count, 1);
    assert_memory_equal(&back.blocks[0], &r.blocks[0], sizeof(r.blocks[0]));
    assert_memory_equal(out + 62, cname, MT_RTCP_CNAME_LEN);
}

static void a_receiver_without_a_stream(void **state) {
    const mt_rtcp r = {.ssrc = 9};
    uint8_t out[MT_RTCP_WRITE_MAX];
    mt_rtcp back;
    size_t len = mt_rtcp_write(&r, cname, out);
    assert_int_equal(len, 8 + 28);
    assert_memory_equal(out, "\x80\xc9\0\1\0\0\0\x09\x81\xca\0\6\0\0\0\x09\1\x10", 18);
    assert_int_equal(mt_rtcp_parse(mt_slice_n(out, len), &back), MT_OK);
    assert_false(back.sender);
    assert_int_equal(back.block_count, 0);
}

/* A receiver report, then SDES, REMB (206) and transport feedback (205), as browsers send them. */
static const uint8_t browser[] = {0x81, 201, 0, 7, 0, 0,   0,   1,   0xde, 0xad, 0xbe, 0xef, 26, 0xff, 0xff, 0xfe, 0,
                                  1,    2,   3, 0, 0, 0,   48,  1,   2,    3,    4,    0,    1,  0,    0,    0x81, 202,
                                  0,    2,   0, 0, 0, 1,   1,   1,   'x',  0,    0x8f, 206,  0,  5,    0,    0,    0,
                                  1,    0,   0, 0, 0, 'R', 'E', 'M', 'B',  1,    2,    3,    4,  0,    0,    0,    7,
                                  0x8f, 205, 0, 3, 0, 0,   0,   1,   0,    0,    0,    7,    0,  0,    0,    0};

static void a_browser_is_understood(void **state) {
    mt_rtcp r;
    assert_int_equal(mt_rtcp_parse(mt_slice_n(browser, sizeof(browser)), &r), MT_OK);
    assert_int_equal(r.ssrc, 1);
    assert_int_equal(r.block_count, 1);
    assert_int_equal(r.blocks[0].ssrc, 0xdeadbeef);
    assert_int_equal(r.blocks[0].fraction_lost, 26);
    assert_int_equal(r.blocks[0].lost, -2);
    assert_int_equal(r.blocks[0].highest_seq, 0x10203);
    assert_int_equal(r.blocks[0].lsr, 0x01020304);
    assert_int_equal(r.blocks[0].dlsr, 65536);
}

static void goodbye(void **state) {
    static const uint8_t bytes[] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 203, 0, 1, 0, 0, 0, 1};
    mt_rtcp r;
    assert_int_equal(mt_rtcp_parse(mt_slice_n(bytes, sizeof(bytes)), &r), MT_OK);
    assert_true(r.bye);
}

static void refused(const uint8_t *bytes, size_t len, size_t at, uint8_t value) {
    uint8_t copy[sizeof(browser)];
    mt_rtcp r = {.ssrc = 4711};
    memcpy(copy, bytes, len);
    copy[at] = value;
    assert_int_equal(mt_rtcp_parse(mt_slice_n(copy, len), &r), MT_EBAD);
    assert_int_equal(r.ssrc, 4711); /* untouched */
}

static void what_is_broken_is_refused(void **state) {
    mt_rtcp r;
    for (size_t len = 0; len < sizeof(browser); len++) {
        bool whole = len == 32 || len == 44 || len == 68;
        assert_int_equal(mt_rtcp_parse(mt_slice_n(browser, len), &r), whole ? MT_OK : MT_EBAD);
    }
    refused(browser, sizeof(browser), 0, 0x41);  /* version */
    refused(browser, sizeof(browser), 0, 0x82);  /* a block that is not there */
    refused(browser, sizeof(browser), 0, 0xa1);  /* padding, but not the last packet */
    refused(browser, sizeof(browser), 1, 202);   /* does not begin with a report */
    refused(browser, sizeof(browser), 3, 8);     /* runs into the next */
    refused(browser, sizeof(browser), 33, 111);  /* not RTCP */
    refused(browser, sizeof(browser), 68, 0xaf); /* padding of no length */
}

/* More blocks than a report can hold, in two reports. */
static void blocks_are_bounded(void **state) {
    static uint8_t bytes[2 * (8 + 31 * 24)];
    mt_rtcp r;
    for (size_t at = 0; at < sizeof(bytes); at += sizeof(bytes) / 2) {
        bytes[at] = 0x9f;
        bytes[at + 1] = 201;
        bytes[at + 3] = 1 + 31 * 6;
    }
    assert_int_equal(mt_rtcp_parse(mt_slice_n(bytes, sizeof(bytes)), &r), MT_OK);
    assert_int_equal(r.block_count, MT_RTCP_BLOCKS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),   cmocka_unit_test(a_receiver_without_a_stream),
        cmocka_unit_test(a_browser_is_understood),   cmocka_unit_test(goodbye),
        cmocka_unit_test(what_is_broken_is_refused), cmocka_unit_test(blocks_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
