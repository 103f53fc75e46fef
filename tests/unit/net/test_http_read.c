/* Requests out of a stream of bytes, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "net/http_read.h"

#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* What a stream led to: "path[body] " for each request, "100 " and "!status". */
typedef struct trace {
    char text[4096];
    size_t len;
} trace;

static void note(trace *t, const char *text, mt_slice s) {
    t->len +=
        (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%s%.*s", text, (int)s.len, s.len > 0 ? s.p : "");
}

static void note_request(trace *t, mt_http_req *req) {
    note(t, "", mt_http_req_path(req));
    note(t, "[", mt_http_req_body(req));
    note(t, "] ", (mt_slice){NULL, 0});
    mt_http_req_free(req);
}

/* False: refused. */
static bool feed(mt_http_read *r, const mt_net_limits *l, mt_buf *kept, trace *t) {
    for (;;) {
        size_t used = 0;
        mt_http_req *req = NULL;
        /* a copy of its exact size, so that a look behind the end is seen */
        char *exact = malloc(kept->len + 1);
        assert_non_null(exact);
        memcpy(exact, kept->p, kept->len);
        mt_http_step step = mt_http_read_step(r, l, mt_slice_n(exact, kept->len), &used, &req);
        free(exact);
        assert_true(used <= kept->len);
        mt_buf_consume(kept, used);
        if (step == MT_HTTP_REQUEST)
            note_request(t, req);
        else if (step == MT_HTTP_CONTINUE)
            note(t, "100 ", (mt_slice){NULL, 0});
        else if (step == MT_HTTP_FAIL)
            t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "!%u", r->status);
        if (step == MT_HTTP_FAIL)
            return false;
        if (step == MT_HTTP_MORE || kept->len == 0)
            return true;
    }
}

static void run(const mt_net_limits *l, mt_slice s, size_t piece, trace *t) {
    mt_http_read r;
    mt_buf kept;
    mt_http_read_init(&r);
    mt_buf_init(&kept, 1 << 20);
    t->len = 0;
    t->text[0] = '\0';
    bool going = true;
    for (size_t at = 0; at < s.len && going; at += piece) {
        mt_buf_add(&kept, s.p + at, s.len - at < piece ? s.len - at : piece);
        going = feed(&r, l, &kept, t);
    }
    mt_buf_deinit(&kept);
    mt_http_read_deinit(&r);
}

static void check(const char *stream, const char *want) {
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.body_bytes = 32;
    l.header_bytes = 300;
    mt_slice s = mt_slice_of(stream);
    for (size_t piece = s.len; piece > 0; piece = piece > 7 ? 7 : piece - 1) {
        trace t;
        run(&l, s, piece, &t);
        /* cut in pieces, a client that waits for 100 gets it; in one piece it has not waited */
        const char *got = strncmp(t.text, "100 ", 4) == 0 && strncmp(want, "100 ", 4) != 0 ? t.text + 4 : t.text;
        if (strcmp(got, want) != 0)
            fail_msg("in pieces of %zu: \"%s\" instead of \"%s\" for: %s", piece, t.text, want, stream);
    }
}

static void test_requests(void **state) {
    check("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/a[] /b[] ");
    check("\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/a[] /b[] ");
    check(POST "Content-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/[hello] /b[] ");
    check(POST "Content-Length: 0\r\n\r\n", "/[] ");
    check(POST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", "/[abc] ");
}

static void test_chunks(void **state) {
    check(CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "/[hello world] /b[] ");
    check(CHUNKED "0\r\n\r\n", "/[] ");
    check(CHUNKED "a;x=\"y\"\r\n0123456789\r\n00\r\nTrailer: 1\r\nMore: 2\r\n\r\n", "/[0123456789] ");
    check(CHUNKED "20\r\n01234567890123456789012345678901\r\n0\r\n\r\n", "/[01234567890123456789012345678901] ");
    check(CHUNKED "21\r\n", "!413");
    check(CHUNKED "1f\r\n0123456789012345678901234567890\r\n2\r\nab\r\n", "!413");
    check(CHUNKED "ffffffff\r\n", "!413");
    check(CHUNKED "100000000\r\n", "!400");
    check(CHUNKED "5\nhello\r\n", "!400");
    check(CHUNKED "5 \r\nhello\r\n", "!400");
    check(CHUNKED "+5\r\nhello\r\n", "!400");
    check(CHUNKED "0x5\r\nhello\r\n", "!400");
    check(CHUNKED "\r\n", "!400");
    check(CHUNKED ";\r\n", "!400");
    check(CHUNKED "5;a\rb\r\nhello\r\n", "!400");
    check(CHUNKED "5\r\nhello\n", "!400");
    check(CHUNKED "5\r\nhelloX\r\n", "!400");
    check(CHUNKED "5\r\nhello\rX", "!400");
    check(CHUNKED "0\r\nTrailer: 1\n\r\n", "!400");
}

static void test_refusals(void **state) {
    check("\x16\x03\x01\x02", "!400"); /* TLS */
    check("get / HTTP/1.1\r\n\r\n", "!400");
    check("\r\n\r\n\r\n\r\n\r\n\r\nGET /", "!400");
    check("GET / HTTP/1.1\n", "!400");
    check(POST "Content-Length: 33\r\nExpect: 100-continue\r\n\r\n", "!413");
    check(POST "Content-Length: 999999999999999999\r\n\r\n", "!413");
    check("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "/a[] !400");
    check("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nx",
          "!400");
}

static void test_continue(void **state) {
    mt_net_limits l;
    mt_net_limits_default(&l);
    trace t;
    mt_slice head = MT_SLICE_LIT(POST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    run(&l, head, head.len - 3, &t);
    assert_string_equal(t.text, "100 /[abc] ");
    run(&l, head, head.len, &t);
    assert_string_equal(t.text, "/[abc] "); /* did not wait for it */
}

static void check_length(size_t line, size_t field, const char *want) {
    char text[2048];
    int len =
        snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: x\r\nX: %0*d\r\n\r\n", (int)line, 0, (int)field, 0);
    assert_true(len > 0);
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.header_bytes = 300;
    for (size_t piece = 1; piece <= (size_t)len; piece += (size_t)len - 1) {
        trace t;
        run(&l, mt_slice_n(text, (size_t)len), piece, &t);
        assert_non_null(strstr(t.text, want));
    }
}

static void test_length_of_head(void **state) {
    size_t empty = strlen("GET / HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n");
    check_length(10, 300 - empty - 10, "[] ");
    check_length(10, 300 - empty - 9, "!431");
    check_length(10, 1000, "!431");
    check_length(1000, 10, "!414");
}

static void test_trailers_are_limited(void **state) {
    static char text[8192];
    int len = snprintf(text, sizeof text, CHUNKED "0\r\n");
    for (int i = 0; i < 100; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "X: %d\r\n", i);
    check(text, "!431");
}

static void test_no_memory(void **state) {
    mt_net_limits l;
    mt_net_limits_default(&l);
    mt_slice s = MT_SLICE_LIT(POST "Content-Length: 5\r\n\r\nhello");
    for (unsigned long nth = 1; nth < 20; nth++) {
        mt_http_read r;
        mt_http_read_init(&r);
        size_t used = 0;
        mt_http_req *req = NULL;
        mt_alloc_fail_nth(nth);
        mt_http_step step = mt_http_read_step(&r, &l, s, &used, &req);
        bool failed = mt_alloc_failed() != 0;
        mt_alloc_fail_nth(0);
        assert_int_equal(step, failed ? MT_HTTP_FAIL : MT_HTTP_REQUEST);
        if (failed)
            assert_int_equal(r.status, 503);
        mt_http_req_free(req);
        mt_http_read_deinit(&r);
        if (!failed)
            return;
    }
    fail_msg("never got through");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),       cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_continue),
        cmocka_unit_test(test_length_of_head), cmocka_unit_test(test_trailers_are_limited),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
