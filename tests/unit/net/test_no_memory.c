/* A short day of a server, again and again, with another allocation failing each time: nothing crashes, leaks or is
 * forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/net.h"

typedef struct day {
    mt_net *net;
    mt_addr http, sip, udp_addr;
    mt_udp *udp;
    mt_http_req *held;
    unsigned accepted, gone, requests, answers, flows, closed;
} day;

static void on_written(void *ctx, mt_err result) {
    ((day *)ctx)->answers++;
}

static void answer(day *d, mt_http_req *req) {
    static const char body[2000000];
    size_t len = mt_slice_is(mt_http_req_path(req), "/big") ? sizeof body : 10;
    mt_http_reply(
        req,
        &(mt_http_answer){
            .status = 200, .content_type = "text/plain", .body = {body, len}, .written = on_written, .written_ctx = d});
}

static void on_request(void *ctx, mt_http_req *req) {
    day *d = ctx;
    d->requests++;
    if (mt_slice_is(mt_http_req_path(req), "/hold") && d->held == NULL)
        d->held = req;
    else
        answer(d, req);
}

static void on_abandoned(void *ctx, mt_http_req *req) {
    day *d = ctx;
    assert_ptr_equal(d->held, req);
    d->held = NULL;
    d->answers++;
}

static const char *on_upgrade(void *ctx, mt_http_req *req) {
    return "sip";
}

static void on_sip(void *ctx, mt_conn *conn, mt_slice message) {
    (void)!mt_conn_send(conn, message);
}

static void on_closed(void *ctx, mt_conn *conn) {
    ((day *)ctx)->closed++;
}

static bool on_accept(void *ctx, const mt_addr *remote) {
    ((day *)ctx)->accepted++;
    return true;
}

static void on_gone(void *ctx, const mt_addr *remote) {
    ((day *)ctx)->gone++;
}

static void on_datagram(void *ctx, mt_udp *udp, const mt_addr *from, mt_slice bytes) {
    mt_udp_send(udp, from, bytes);
}

static mt_err cut(mt_slice stream, size_t max_bytes, size_t *len, bool *message, mt_slice *reply) {
    *len = mt_slice_find(stream, '\n') + 1;
    *message = true;
    return *len > stream.len ? MT_EMORE : MT_OK;
}

static bool start(day *d) {
    static const mt_net_handlers handlers = {.request = on_request,
                                             .abandoned = on_abandoned,
                                             .upgrade = on_upgrade,
                                             .sip = on_sip,
                                             .closed = on_closed,
                                             .accept = on_accept,
                                             .gone = on_gone,
                                             .datagram = on_datagram,
                                             .sip_cut = cut};
    mt_net_limits l;
    mt_addr at;
    mt_net_limits_default(&l);
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:0"), &at) != MT_OK || mt_net_create(&l, &handlers, d, &d->net) != MT_OK)
        return false;
    return mt_net_listen_http(d->net, &at, &d->http) == MT_OK && mt_net_listen_sip_tcp(d->net, &at, &d->sip) == MT_OK &&
           mt_net_listen_udp(d->net, &at, &d->udp, &d->udp_addr) == MT_OK;
}

static void stop_loop(void *ctx) {
    mt_net_stop(ctx);
}

static void pump(day *d) {
    mt_net_timer *t = mt_net_timer_new(d->net, stop_loop, d->net);
    while (t == NULL) /* it was this one */
        t = mt_net_timer_new(d->net, stop_loop, d->net);
    mt_net_timer_set(t, 0); /* one turn */
    assert_int_equal(mt_net_run(d->net), MT_OK);
    mt_net_timer_free(t);
}

static int dial(day *d, const mt_addr *to, int type) {
    int fd = socket(AF_INET, type, 0);
    int on = 1;
    assert_int_equal(connect(fd, &to->sa, mt_addr_len(to)), 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* else a second small write waits for an answer */
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    pump(d);
    return fd;
}

static void say(day *d, int fd, const char *bytes, size_t len) {
    (void)!send(fd, bytes, len, MSG_NOSIGNAL);
    pump(d);
    pump(d);
}

#define SAY(d, fd, text) say(d, fd, text, sizeof(text) - 1)
#define HOST " HTTP/1.1\r\nHost: x\r\n"

static void live(day *d) {
    int http = dial(d, &d->http, SOCK_STREAM), ws = dial(d, &d->http, SOCK_STREAM),
        big = dial(d, &d->http, SOCK_STREAM);
    int sip = dial(d, &d->sip, SOCK_STREAM), udp = dial(d, &d->udp_addr, SOCK_DGRAM);
    SAY(d, http, "GET /a" HOST "\r\nGET /b HT");
    SAY(d, http, "TP/1.1\r\nHost: x\r\n\r\n");
    SAY(d, http, "POST /p" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    SAY(d, http, "0\r\n\r\n");
    SAY(d, http, "GET /hold" HOST "\r\nGET /next" HOST "\r\n");
    if (d->held != NULL) {
        mt_http_req *req = d->held;
        d->held = NULL;
        answer(d, req);
    }
    SAY(d, http, "GET /hold" HOST "\r\n");
    SAY(d, ws,
        "GET /sip" HOST "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x01\x81\0\0\0\0a");
    SAY(d, ws, "\x80\x81\0\0\0\0b\x89\x80\0\0\0\0\x88\x80\0\0\0\0");
    SAY(d, sip, "hel");
    SAY(d, sip, "lo\n");
    SAY(d, udp, "datagram");
    for (int i = 0; i < 12; i++) /* 24 MB of answers nobody reads */
        SAY(d, big, "GET /big" HOST "\r\n");
    close(big);
    close(sip);
    for (int i = 0; i < 20 && d->gone < 2; i++)
        pump(d);
    close(http);
    close(ws);
    close(udp);
}

static void test_no_memory(void **state) {
    mt_log_setup(-1, MT_LOG_ERROR, false);
    unsigned long nth = 0;
    bool failed = true;
    while (failed && nth < 2000) {
        day d = {0};
        mt_alloc_fail_nth(++nth);
        bool started = start(&d);
        if (started)
            live(&d);
        mt_net_destroy(d.net);
        failed = mt_alloc_failed() != 0;
        mt_alloc_fail_nth(0);
        assert_int_equal(d.gone, d.accepted);
        assert_int_equal(d.answers, d.requests); /* each one was told, one way or the other */
        assert_null(d.held);
        if (!failed) {
            assert_int_equal(d.closed, 2);
            assert_true(d.requests > 7); /* it was a whole day */
        }
    }
    assert_true(nth > 30 && !failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
