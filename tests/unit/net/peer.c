#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static void on_written(void *ctx, mt_err result) {
    server *s = ctx;
    if (result == MT_OK)
        s->written_ok++;
    else
        s->written_closed++;
}

static void reply(server *s, mt_http_req *req, unsigned status, const char *body, size_t len) {
    mt_http_reply(req, &(mt_http_answer){.status = status,
                                         .content_type = "text/plain",
                                         .body = {body, len},
                                         .written = on_written,
                                         .written_ctx = s});
}

static void reply_big(server *s, mt_http_req *req) {
    char *body = malloc(s->body_bytes);
    assert_non_null(body);
    memset(body, 'x', s->body_bytes);
    reply(s, req, 200, body, s->body_bytes);
    free(body);
}

static void on_request(void *ctx, mt_http_req *req) {
    server *s = ctx;
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OTHER"};
    mt_slice path = mt_http_req_path(req), query = mt_http_req_query(req), body = mt_http_req_body(req);
    s->requests++;
    assert_true(mt_addr_is_loopback(mt_http_req_remote(req)));
    s->secure += mt_http_req_secure(req);
    mt_http_req_set_ctx(req, s);
    int len =
        snprintf(s->last, sizeof s->last, "%s %.*s?%.*s %.*s", methods[mt_http_req_method(req)], (int)path.len, path.p,
                 (int)query.len, query.p, body.len < 1000 ? (int)body.len : 1000, body.p != NULL ? body.p : "");
    if (mt_slice_is(path, "/hold")) {
        assert_true(s->held_count < HELD_MAX);
        s->held[s->held_count++] = req;
    } else if (mt_slice_is(path, "/big")) {
        reply_big(s, req);
    } else if (mt_slice_is(path, "/status")) {
        reply(s, req, (unsigned)strtoul(query.p, NULL, 10), "body", 4);
    } else if (mt_slice_is(path, "/release")) {
        answer_held(s, "released");
        reply(s, req, 200, "done", 4);
    } else {
        reply(s, req, 200, s->last, (size_t)len < sizeof s->last ? (size_t)len : sizeof s->last - 1);
    }
}

static void unhold(server *s, unsigned i) {
    for (unsigned k = i; k + 1 < s->held_count; k++)
        s->held[k] = s->held[k + 1];
    s->held_count--;
}

static void on_abandoned(void *ctx, mt_http_req *req) {
    server *s = ctx;
    s->abandoned++;
    assert_ptr_equal(mt_http_req_ctx(req), s);
    for (unsigned i = 0; i < s->held_count; i++) {
        if (s->held[i] == req) {
            unhold(s, i);
            if (s->answer_abandoned)
                reply(s, req, 200, "too late", 8);
            return;
        }
    }
    fail_msg("abandoned one that was not held");
}

void answer_held(server *s, const char *body) {
    assert_true(s->held_count > 0);
    mt_http_req *req = s->held[0];
    unhold(s, 0);
    reply(s, req, 200, body, strlen(body));
}

static const char *on_upgrade(void *ctx, mt_http_req *req) {
    server *s = ctx;
    if (s->protocol != NULL && s->protocol[0] != '\0' &&
        !mt_http_req_header_has(req, "Sec-WebSocket-Protocol", s->protocol))
        return NULL;
    return s->protocol;
}

static void on_sip(void *ctx, mt_conn *conn, mt_slice message) {
    server *s = ctx;
    s->messages++;
    assert_true(mt_addr_is_loopback(mt_conn_remote(conn)));
    s->secure += mt_conn_secure(conn);
    s->flow = conn;
    s->flow_id = mt_conn_id(conn);
    (void)snprintf(s->last, sizeof s->last, "%.*s", (int)(message.len < 1000 ? message.len : 1000),
                   message.p != NULL ? message.p : "");
    if (s->echo)
        (void)!mt_conn_send(conn, message);
    if (s->close_on_message)
        mt_conn_close(conn, 1001);
}

static void on_closed(void *ctx, mt_conn *conn) {
    server *s = ctx;
    s->closed++;
    assert_ptr_equal(mt_net_conn(s->net, mt_conn_id(conn)), conn);
    if (s->flow == conn)
        s->flow = NULL;
}

static bool on_accept(void *ctx, const mt_addr *remote) {
    server *s = ctx;
    assert_true(mt_addr_is_loopback(remote));
    if (s->refuse)
        return false;
    s->accepted++;
    return true;
}

static void on_gone(void *ctx, const mt_addr *remote) {
    ((server *)ctx)->gone++;
}

static void on_datagram(void *ctx, mt_udp *udp, const mt_addr *from, mt_slice bytes) {
    server *s = ctx;
    s->datagrams++;
    mt_udp_send(udp, from, bytes);
}

/* Units of the test's stream: a line "text\n"; an empty line is a keep-alive, "!" is malformed. */
static mt_err cut_line(mt_slice stream, size_t max_bytes, size_t *len, bool *message, mt_slice *answer) {
    if (stream.p[0] == '!')
        return MT_EBAD;
    size_t lf = mt_slice_find(stream, '\n');
    if (lf == stream.len)
        return MT_EMORE;
    *len = lf + 1;
    *message = lf > 0;
    if (lf == 0)
        *answer = MT_SLICE_LIT("pong\n");
    return MT_OK;
}

static void on_turn(void *ctx) {
    ((server *)ctx)->turns++;
}
static void on_wake(void *ctx, int64_t now_ms) {
    ((server *)ctx)->wakes++;
}

void server_limits(mt_net_limits *l) {
    mt_net_limits_default(l);
    l->first_byte_ms = l->header_ms = l->body_ms = l->idle_ms = 200;
    l->flow_idle_ms = 600;
    l->ws_ping_ms = 200;
}

void server_start(server *s, const mt_net_limits *limits) {
    static const mt_net_handlers handlers = {.request = on_request,
                                             .abandoned = on_abandoned,
                                             .upgrade = on_upgrade,
                                             .sip = on_sip,
                                             .closed = on_closed,
                                             .accept = on_accept,
                                             .gone = on_gone,
                                             .datagram = on_datagram,
                                             .sip_cut = cut_line};
    mt_net_limits defaults;
    mt_net_limits_default(&defaults);
    memset(s, 0, sizeof *s);
    s->protocol = "sip";
    mt_addr at;
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:0"), &at), MT_OK);
    assert_int_equal(mt_net_create(limits != NULL ? limits : &defaults, &handlers, s, &s->net), MT_OK);
    mt_net_on_turn(s->net, on_turn);
    mt_net_on_wake(s->net, on_wake);
    assert_int_equal(mt_net_listen_http(s->net, &at, &s->http), MT_OK);
    assert_int_equal(mt_net_listen_sip_tcp(s->net, &at, &s->sip), MT_OK);
    assert_int_equal(mt_net_listen_udp(s->net, &at, &s->udp, &s->udp_addr), MT_OK);
}

void server_start_tls(server *s, const mt_net_limits *limits, const mt_tls *tls) {
    server_start(s, limits);
    mt_addr at;
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:0"), &at), MT_OK);
    assert_int_equal(mt_net_listen_https(s->net, &at, tls, &s->https), MT_OK);
    assert_int_equal(mt_net_listen_sip_tls(s->net, &at, tls, &s->sips), MT_OK);
}

void server_stop(server *s) {
    mt_net_destroy(s->net);
    assert_int_equal(s->gone, s->accepted);
    assert_int_equal(s->held_count, 0);
}

static void stop_loop(void *ctx) {
    mt_net_stop(ctx);
}

void pump(server *s, int ms) {
    mt_net_timer *t = mt_net_timer_new(s->net, stop_loop, s->net);
    if (t == NULL) /* one allocation fails in some tests, and it was this one */
        t = mt_net_timer_new(s->net, stop_loop, s->net);
    assert_non_null(t);
    mt_net_timer_set(t, mt_clock_ms() + ms);
    assert_int_equal(mt_net_run(s->net), MT_OK);
    mt_net_timer_free(t);
}

bool pump_until(server *s, const unsigned *counter, unsigned want) {
    int64_t end_ms = mt_clock_ms() + 10000;
    while (*counter < want && mt_clock_ms() < end_ms)
        pump(s, 1);
    return *counter >= want;
}

int client_connect(server *s, const mt_addr *to) {
    int fd = socket(to->sa.sa_family, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    int on = 1;
    assert_int_equal(connect(fd, &to->sa, mt_addr_len(to)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0); /* small pieces leave at once */
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    pump(s, 0);
    return fd;
}

void client_send(server *s, int fd, const void *p, size_t len) {
    const char *at = p;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return; /* closed already, which is what some tests are about */
        at += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
        pump(s, 1);
    }
}

void client_say(server *s, int fd, const char *text) {
    client_send(s, fd, text, strlen(text));
}

size_t client_read(server *s, int fd, const char *want, char *out, size_t out_max) {
    size_t len = 0;
    int64_t quiet_ms = mt_clock_ms();
    out[0] = '\0';
    while (len + 1 < out_max && mt_clock_ms() - quiet_ms < (want != NULL ? 3000 : 150)) {
        ssize_t got = recv(fd, out + len, out_max - 1 - len, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        if (got > 0) {
            len += (size_t)got;
            out[len] = '\0';
            quiet_ms = mt_clock_ms();
        }
        if (want != NULL && memmem(out, len, want, strlen(want)) != NULL)
            break;
        pump(s, 1);
    }
    return len;
}

bool client_sees_end(server *s, int fd) {
    int64_t end_ms = mt_clock_ms() + 10000;
    char bytes[65536];
    while (mt_clock_ms() < end_ms) {
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
        pump(s, 1);
    }
    return false;
}

void client_reset(int fd) {
    struct linger l = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd);
}
