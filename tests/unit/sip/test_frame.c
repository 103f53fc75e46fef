/* Messages cut from a byte stream, RFC 3261 section 18.3 and the keep-alives of RFC 5626 section 3.5.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/msg.h"
#include "sip/sip_server.h"

static mt_err cut(const char *p, size_t len, mt_sip_frame *out) {
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, p, len);
    mt_err err = mt_sip_frame_cut((mt_slice){copy, len}, MT_SIP_MAX_MESSAGE_BYTES, out);
    free(copy);
    return err;
}

static void test_keepalive(void **state) {
    (void)state;
    mt_sip_frame f = {.len = 4711};
    assert_int_equal(cut("", 0, &f), MT_EMORE);
    assert_int_equal(cut("\r", 1, &f), MT_EMORE);
    assert_int_equal(cut("\r\n", 2, &f), MT_EMORE);
    assert_int_equal(cut("\r\n\r", 3, &f), MT_EMORE);
    assert_int_equal(f.len, 4711);
    assert_int_equal(cut("\r\n\r\n", 4, &f), MT_OK);
    assert_true(f.keepalive && !f.skip && f.len == 4);
    assert_int_equal(cut("\r\n\r\nINVITE", 10, &f), MT_OK);
    assert_true(f.keepalive && f.len == 4);
    assert_int_equal(cut("\r\nINVITE", 8, &f), MT_OK);
    assert_true(f.skip && !f.keepalive && f.len == 2);
    assert_int_equal(cut("\rX", 2, &f), MT_EBAD);
    assert_int_equal(cut("\nX", 2, &f), MT_EMORE); /* garbage: ends by its size, at the latest */
}

/* Every split of two messages and a ping gives the same three frames. */
static void test_split_reads(void **state) {
    (void)state;
    static const char first[] = "OPTIONS sip:a SIP/2.0\r\nX: content-length\r\nContent-Length :\r\n 5\r\n\r\n\r\n\r\nx";
    static const char all[] = "OPTIONS sip:a SIP/2.0\r\nX: content-length\r\nContent-Length :\r\n 5\r\n\r\n\r\n\r\nx"
                              "\r\n\r\n"
                              "SIP/2.0 200 OK\r\nL: 0\r\n\r\n";
    for (size_t n = 0; n < sizeof first - 1; n++) {
        mt_sip_frame f;
        assert_int_equal(cut(all, n, &f), MT_EMORE);
    }
    for (size_t n = sizeof first - 1; n < sizeof all; n++) {
        mt_sip_frame f;
        assert_int_equal(cut(all, n, &f), MT_OK);
        assert_int_equal(f.len, sizeof first - 1);
        assert_false(f.keepalive || f.skip);
    }
    mt_sip_frame f;
    assert_int_equal(cut(all + sizeof first - 1, sizeof all - sizeof first, &f), MT_OK);
    assert_true(f.keepalive);
    assert_int_equal(cut(all + sizeof first + 3, sizeof all - sizeof first - 4, &f), MT_OK);
    assert_int_equal(f.len, sizeof "SIP/2.0 200 OK\r\nL: 0\r\n\r\n" - 1);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "OPTIONS sip:a SIP/2.0\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: \r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 1 1\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\nl: 0\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 32768\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nX:\r\n Content-Length: 0\r\n\r\n", /* inside a fold */
        "OPTIONS sip:a SIP/2.0\r\nX: y\nContent-Length: 0\r\n\r\n",  /* behind a bare LF */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mt_sip_frame f;
        if (cut(rows[i], strlen(rows[i]), &f) != MT_EBAD)
            fail_msg("row %zu was cut", i);
    }
    mt_sip_frame f;
    assert_int_equal(cut("OPT\0IONS", 8, &f), MT_EBAD);
}

static void test_sizes(void **state) {
    (void)state;
    static char big[MT_SIP_MAX_MESSAGE_BYTES + 1];
    mt_sip_frame f;
    memset(big, 'x', sizeof big);
    assert_int_equal(cut(big, MT_SIP_MAX_HEAD_BYTES - 1, &f), MT_EMORE);
    assert_int_equal(cut(big, MT_SIP_MAX_HEAD_BYTES, &f), MT_EBAD); /* no head is that long */
    static const char head[] = "A sip:a SIP/2.0\r\nContent-Length: 32729\r\n\r\n";
    size_t body = MT_SIP_MAX_MESSAGE_BYTES - (sizeof head - 1);
    char text[80];
    (void)snprintf(text, sizeof text, "A sip:a SIP/2.0\r\nContent-Length: %zu\r\n\r\n", body);
    assert_int_equal(strlen(text), sizeof head - 1);
    memcpy(big, text, sizeof head - 1);
    assert_int_equal(cut(big, MT_SIP_MAX_MESSAGE_BYTES - 1, &f), MT_EMORE);
    assert_int_equal(cut(big, MT_SIP_MAX_MESSAGE_BYTES + 1, &f), MT_OK);
    assert_int_equal(f.len, MT_SIP_MAX_MESSAGE_BYTES);
    (void)snprintf(text, sizeof text, "A sip:a SIP/2.0\r\nContent-Length: %zu\r\n\r\n", body + 1);
    memcpy(big, text, sizeof head - 1);
    assert_int_equal(cut(big, MT_SIP_MAX_MESSAGE_BYTES + 1, &f), MT_EBAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_split_reads),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
