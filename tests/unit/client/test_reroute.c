/* What the server says on its way to the user agent: routes lead back to the relay, all else passes untouched. */
#include "client/reroute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOP "127.0.0.1:40000"

static mt_reroute r;
static mt_buf out;

static int setup(void **state) {
    (void)state;
    mt_reroute_init(&r, HOP);
    mt_buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mt_reroute_deinit(&r);
    mt_buf_deinit(&out);
    return 0;
}

static void feed(const char *text) {
    assert_int_equal(mt_reroute_feed(&r, mt_slice_of(text), &out), MT_OK);
}

static const char invite[] = "INVITE sip:111001@x SIP/2.0\r\n"
                             "Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1;rport\r\n"
                             "Record-Route: <sip:abc@127.0.0.1:5061;transport=tls;lr>, <sip:def@h;transport=ws;lr>\r\n"
                             "record-route : <sips:ghi@h>\r\n"
                             "Contact: <sip:abc@127.0.0.1:5061;transport=tls>\r\n"
                             "Content-Length: 32\r\n\r\n"
                             "Record-Route: <sip:body@h:1>\r\n\r\n";
static const char rerouted[] =
    "INVITE sip:111001@x SIP/2.0\r\n"
    "Via: SIP/2.0/TCP 127.0.0.1:5061;branch=z9hG4bK1;rport\r\n"
    "Record-Route: <sip:abc@" HOP ";transport=tcp;lr>, <sip:def@" HOP ";transport=tcp;lr>\r\n"
    "record-route : <sips:ghi@h>\r\n"
    "Contact: <sip:abc@127.0.0.1:5061;transport=tls>\r\n"
    "Content-Length: 32\r\n\r\n"
    "Record-Route: <sip:body@h:1>\r\n\r\n";

static void test_routes_of_a_message(void **state) {
    feed(invite);
    assert_string_equal(out.p, rerouted);
}

static void test_any_pieces_give_the_same(void **state) {
    for (size_t size = 1; size < 60; size++) {
        mt_buf_reset(&out);
        for (size_t i = 0; i < sizeof invite - 1; i += size) {
            size_t left = sizeof invite - 1 - i;
            assert_int_equal(mt_reroute_feed(&r, mt_slice_n(invite + i, left < size ? left : size), &out), MT_OK);
        }
        assert_string_equal(out.p, rerouted);
    }
}

static void test_keep_alives_and_messages_in_a_row(void **state) {
    feed("\r\n\r\nSIP/2.0 200 OK\nl: 2\n\nhi\r\nSIP/2.0 100 Trying\r\nContent-Length:0\r\n\r\n");
    assert_string_equal(out.p,
                        "\r\n\r\nSIP/2.0 200 OK\r\nl: 2\r\n\r\nhi\r\nSIP/2.0 100 Trying\r\nContent-Length:0\r\n\r\n");
}

static void test_a_route_without_its_end(void **state) {
    feed("A\r\nRecord-Route: <sip:a\r\nRecord-Route: <\r\nRecord-Route:\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(out.p, "Record-Route: <sip:" HOP "\r\n"));
}

static void test_where_a_message_ends_must_be_known(void **state) {
    static const char *const bad[] = {"A\r\n\r\n", "A\r\nContent-Length: x\r\n\r\n",
                                      "A\r\nContent-Length: 1\r\nl: 1\r\n\r\n", "A\r\nContent-Length: 99999999\r\n\r\n",
                                      "A\r\nContent-Length: -1\r\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)teardown(state);
        (void)setup(state);
        assert_int_equal(mt_reroute_feed(&r, mt_slice_of(bad[i]), &out), MT_EBAD);
    }
}

static void test_a_head_without_end(void **state) {
    static char line[1024];
    memset(line, 'a', sizeof line);
    mt_err err = MT_OK;
    size_t fed = 0;
    for (; err == MT_OK && fed < 100000; fed += sizeof line)
        err = mt_reroute_feed(&r, mt_slice_n(line, sizeof line), &out);
    assert_int_equal(err, MT_ELIMIT);
    assert_in_range(fed, MT_REROUTE_HEAD_MAX, MT_REROUTE_HEAD_MAX + 2 * sizeof line);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_routes_of_a_message),
        TEST(test_any_pieces_give_the_same),
        TEST(test_keep_alives_and_messages_in_a_row),
        TEST(test_a_route_without_its_end),
        TEST(test_where_a_message_ends_must_be_known),
        TEST(test_a_head_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
