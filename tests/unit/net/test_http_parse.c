/* Heads of requests: what is refused with which status, and what is read out of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "net/http_parse.h"

#define H "Host: x\r\n"
#define GET11 "GET / HTTP/1.1\r\n"

typedef struct refusal {
    const char *head;
    unsigned status;
} refusal;

static unsigned parse(const char *text, mt_http_head *head) {
    size_t scanned = 0, end = 0;
    mt_slice s = mt_slice_of(text);
    mt_err err = mt_http_head_end(s, &scanned, &end);
    if (err == MT_EBAD)
        return 400;
    assert_int_equal(err, MT_OK);
    assert_int_equal(end, s.len);
    return mt_http_head_parse(s, head);
}

static void test_refused(void **state) {
    static const refusal table[] = {
        /* request line */
        {"GET /\r\n\r\n", 400},
        {"GET / HTTP/1.1 \r\n" H "\r\n", 400},
        {"GET  / HTTP/1.1\r\n" H "\r\n", 400},
        {"GET / HTTP/1\r\n" H "\r\n", 400},
        {"GET / HTTP/11\r\n" H "\r\n", 400},
        {"GET / http/1.1\r\n" H "\r\n", 400},
        {"GET / HTTPS/1.1\r\n" H "\r\n", 400},
        {"GET / HTTP/0.9\r\n" H "\r\n", 505},
        {"GET / HTTP/2.0\r\n" H "\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\n", 505},
        {"G@T / HTTP/1.1\r\n" H "\r\n", 400},
        {"FROB / HTTP/1.1\r\n" H "\r\n", 501},
        {"GETX / HTTP/1.1\r\n" H "\r\n", 501},
        {"CONNECT x:1 HTTP/1.1\r\n" H "\r\n", 501},
        {"GET x HTTP/1.1\r\n" H "\r\n", 400},
        {"GET * HTTP/1.1\r\n" H "\r\n", 400},
        {"GET /#frag HTTP/1.1\r\n" H "\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n" H "\r\n", 400},
        {"GET /\t HTTP/1.1\r\n" H "\r\n", 400},
        {"GET ftp://x/ HTTP/1.1\r\n" H "\r\n", 400},
        {"GET http://y/ HTTP/1.1\r\n" H "\r\n", 400},
        {"GET http:/// HTTP/1.1\r\n" H "\r\n", 400},
        /* field lines */
        {GET11 H "X y\r\n\r\n", 400},
        {GET11 H "X : y\r\n\r\n", 400},
        {GET11 H ": y\r\n\r\n", 400},
        {GET11 H "X: a\r\n b\r\n\r\n", 400},
        {GET11 H "X: a\r\n\tb\r\n\r\n", 400},
        {GET11 " Host: x\r\n\r\n", 400},
        {GET11 H "X: a\rb\r\n\r\n", 400},
        {GET11 H "X: a\x01\r\n\r\n", 400},
        {GET11 H "X\x80: a\r\n\r\n", 400},
        {GET11 "Host: x\n\r\n", 400},
        {"GET / HTTP/1.1\nHost: x\r\n\r\n", 400},
        /* Host */
        {GET11 "\r\n", 400},
        {GET11 H H "\r\n", 400},
        {"GET / HTTP/1.0\r\n" H H "\r\n", 400},
        /* length of the body */
        {GET11 H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET11 H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400},
        {GET11 H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {GET11 H "Content-Length: 1, 1\r\n\r\n", 400},
        {GET11 H "Content-Length: +1\r\n\r\n", 400},
        {GET11 H "Content-Length: -1\r\n\r\n", 400},
        {GET11 H "Content-Length: 0x10\r\n\r\n", 400},
        {GET11 H "Content-Length:\r\n\r\n", 400},
        {GET11 H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET11 H "Transfer-Encoding: gzip\r\n\r\n", 501},
        {GET11 H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {GET11 H "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n",
         400},
        {"GET / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400},
        /* expectations */
        {GET11 H "Expect: tea\r\n\r\n", 417},
    };
    mt_http_head head;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        unsigned status = parse(table[i].head, &head);
        if (status != table[i].status)
            fail_msg("%u instead of %u for: %s", status, table[i].status, table[i].head);
    }
}

static void test_nul_is_refused(void **state) {
    static const char bytes[] = GET11 H "X: a\0b\r\n\r\n";
    mt_http_head head;
    assert_int_equal(mt_http_head_parse(mt_slice_n(bytes, sizeof bytes - 1), &head), 400);
}

static void test_too_many_fields(void **state) {
    char text[4096];
    for (int count = MT_HTTP_FIELDS_MAX - 1; count <= MT_HTTP_FIELDS_MAX; count++) {
        int len = snprintf(text, sizeof text, GET11 H);
        for (int i = 0; i < count; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, "X-%d: y\r\n", i);
        (void)snprintf(text + len, sizeof text - (size_t)len, "\r\n");
        mt_http_head head;
        assert_int_equal(parse(text, &head), count < MT_HTTP_FIELDS_MAX ? 0 : 431);
    }
}

static void check_target(const char *text, const char *path, const char *query) {
    mt_http_head head;
    if (parse(text, &head) != 0)
        fail_msg("refused: %s", text);
    assert_true(mt_slice_is(mt_http_span_of(text, head.path), path));
    assert_true(mt_slice_is(mt_http_span_of(text, head.query), query));
}

static void test_targets(void **state) {
    check_target("GET /a%20b HTTP/1.1\r\n" H "\r\n", "/a%20b", "");
    check_target("GET /a?b=c?d HTTP/1.1\r\n" H "\r\n", "/a", "b=c?d");
    check_target("GET /a? HTTP/1.1\r\n" H "\r\n", "/a", "");
    check_target("GET //a/../b HTTP/1.1\r\n" H "\r\n", "//a/../b", "");
    check_target("OPTIONS * HTTP/1.1\r\n" H "\r\n", "*", "");
    check_target("GET http://x HTTP/1.1\r\n" H "\r\n", "/", "");
    check_target("GET http://X/a?b HTTP/1.1\r\n" H "\r\n", "/a", "b");
    check_target("GET http://x?b HTTP/1.1\r\n" H "\r\n", "/", "b");
    check_target("GET http://x:80/ HTTP/1.1\r\nHost: x:80\r\n\r\n", "/", "");
}

static void test_methods(void **state) {
    static const struct {
        const char *name;
        mt_http_method method;
    } table[] = {{"GET", MT_HTTP_GET}, {"HEAD", MT_HTTP_HEAD},     {"POST", MT_HTTP_POST},
                 {"PUT", MT_HTTP_PUT}, {"DELETE", MT_HTTP_DELETE}, {"PATCH", MT_HTTP_OTHER}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[128];
        mt_http_head head;
        (void)snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" H "\r\n", table[i].name);
        assert_int_equal(parse(text, &head), 0);
        assert_int_equal(head.method, table[i].method);
    }
}

static void test_keep_alive(void **state) {
    static const struct {
        const char *text;
        bool keep;
    } table[] = {
        {GET11 H "\r\n", true},
        {GET11 H "Connection: close\r\n\r\n", false},
        {GET11 H "Connection: foo, Close\r\n\r\n", false},
        {GET11 H "Connection: foo\r\nConnection: close\r\n\r\n", false},
        {GET11 H "Connection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        mt_http_head head;
        assert_int_equal(parse(table[i].text, &head), 0);
        assert_int_equal(head.keep_alive, table[i].keep);
    }
}

static void test_facts(void **state) {
    mt_http_head head;
    assert_int_equal(parse("POST / HTTP/1.1\r\n" H "Content-Length: 17\r\nExpect: 100-Continue\r\n\r\n", &head), 0);
    assert_int_equal(head.content_length, 17);
    assert_true(head.expect_continue);
    assert_false(head.chunked);
    assert_int_equal(parse("POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n", &head), 0);
    assert_true(head.chunked);
    assert_int_equal(parse(GET11 H "Expect: 100-continue\r\n\r\n", &head), 0);
    assert_false(head.expect_continue); /* nothing follows */
    assert_int_equal(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", &head), 0);
    assert_false(head.expect_continue);
    assert_int_equal(parse(GET11 H "Content-Length: 10000000000000000000\r\n\r\n", &head), 0);
    assert_true(head.content_length > (uint64_t)INT64_MAX); /* no limit lets it through */
    assert_int_equal(parse(GET11 H "Content-Length: 99999999999999999999999\r\n\r\n", &head), 400);
    assert_int_equal(parse(GET11 H "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", &head), 0);
    assert_true(head.upgrade_ws);
    assert_int_equal(parse(GET11 H "Upgrade: websocket\r\n\r\n", &head), 0);
    assert_false(head.upgrade_ws);
    assert_int_equal(parse("POST / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", &head), 0);
    assert_false(head.upgrade_ws);
    assert_int_equal(parse(GET11 H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", &head), 0);
    assert_false(head.upgrade_ws);
}

static void test_fields(void **state) {
    static const char text[] = GET11 "Host:x\r\nA: \t b c \t\r\nEmpty:\r\nBlank:  \r\nU: \xc5\xbc\r\n\r\n";
    static const char *const want[][2] = {{"Host", "x"}, {"A", "b c"}, {"Empty", ""}, {"Blank", ""}, {"U", "\xc5\xbc"}};
    mt_http_head head;
    assert_int_equal(parse(text, &head), 0);
    assert_int_equal(head.field_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(mt_slice_is(mt_http_span_of(text, head.fields[i].name), want[i][0]));
        assert_true(mt_slice_is(mt_http_span_of(text, head.fields[i].value), want[i][1]));
    }
}

static void test_end_in_pieces(void **state) {
    static const char text[] = GET11 H "\r\nrest";
    size_t scanned = 0, end = 0;
    size_t whole = sizeof text - 1 - 4;
    for (size_t len = 0; len < whole; len++) {
        assert_int_equal(mt_http_head_end(mt_slice_n(text, len), &scanned, &end), MT_EMORE);
        assert_int_equal(scanned, len);
    }
    assert_int_equal(mt_http_head_end(mt_slice_n(text, sizeof text - 1), &scanned, &end), MT_OK);
    assert_int_equal(end, whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_nul_is_refused), cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_targets), cmocka_unit_test(test_methods),        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_facts),   cmocka_unit_test(test_fields),         cmocka_unit_test(test_end_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
