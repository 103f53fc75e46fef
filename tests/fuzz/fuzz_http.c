/* HTTP from the wire. The first byte chooses: bit 0 the way, the others the size of the pieces.
 *   Even: the reader alone, once with all bytes at once and once in pieces; both must find the same requests.
 *   Odd: a connection in a loop, so that held requests, pipelining, upgrades and ends are driven too. A request for /h…
 * is held, and answered when the next piece has arrived; the loop must have forgotten everything at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn.h"

typedef struct trace {
    char text[8192];
    size_t len;
} trace;

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

static void note(trace *t, mt_slice s) {
    size_t room = sizeof t->text - t->len;
    size_t len = s.len < room ? s.len : room;
    if (len > 0)
        memcpy(t->text + t->len, s.p, len);
    t->len += len;
}

static void look_at(const mt_http_req *req, trace *t) {
    mt_slice value;
    CHECK(mt_http_req_path(req).len > 0);
    CHECK(mt_http_req_header(req, "host", &value) == (mt_http_req_header_count(req, "Host") == 1));
    (void)mt_http_req_header_has(req, "Connection", "close");
    note(t, mt_http_req_path(req));
    note(t, mt_http_req_query(req));
    note(t, mt_http_req_body(req));
    note(t, MT_SLICE_LIT("\n"));
}

/* Steps over what is kept. False: refused. */
static bool read_all(mt_http_read *r, const mt_net_limits *l, mt_buf *kept, trace *t) {
    for (;;) {
        size_t used = 0;
        mt_http_req *req = NULL;
        mt_http_step step = mt_http_read_step(r, l, mt_buf_slice(kept), &used, &req);
        CHECK(used <= kept->len && (step == MT_HTTP_REQUEST) == (req != NULL));
        mt_buf_consume(kept, used);
        if (req != NULL)
            look_at(req, t);
        mt_http_req_free(req);
        if (step == MT_HTTP_FAIL) {
            CHECK(r->status >= 400 && r->status < 600);
            note(t, MT_SLICE_LIT("!"));
            return false;
        }
        if (step == MT_HTTP_MORE) {
            CHECK(kept->len <= l->header_bytes);
            return true;
        }
    }
}

static void run_reader(const mt_net_limits *l, mt_slice s, size_t piece, trace *t) {
    mt_http_read r;
    mt_buf kept;
    mt_http_read_init(&r);
    mt_buf_init(&kept, 1 << 20);
    t->len = 0;
    bool going = true;
    for (size_t at = 0; at < s.len && going; at += piece) {
        mt_buf_add(&kept, s.p + at, s.len - at < piece ? s.len - at : piece);
        going = read_all(&r, l, &kept, t);
    }
    mt_buf_deinit(&kept);
    mt_http_read_deinit(&r);
}

/* The connection */

static mt_net *net;
static mt_http_req *held;
static unsigned accepted, gone, flows;

static void answer(mt_http_req *req) {
    mt_http_reply(req, &(mt_http_answer){.status = 200, .content_type = "text/plain", .body = mt_http_req_path(req)});
}

static void on_request(void *ctx, mt_http_req *req) {
    static trace ignored;
    ignored.len = 0;
    look_at(req, &ignored);
    CHECK(held == NULL); /* one at a time */
    if (mt_slice_starts_nocase(mt_http_req_path(req), "/h"))
        held = req;
    else
        answer(req);
}

static void on_abandoned(void *ctx, mt_http_req *req) {
    CHECK(held == req);
    held = NULL;
}

static const char *on_upgrade(void *ctx, mt_http_req *req) {
    return mt_http_req_header_has(req, "Sec-WebSocket-Protocol", "sip") ? "sip" : NULL;
}

static void on_sip(void *ctx, mt_conn *conn, mt_slice message) {
    if (message.len > 0 && message.p[0] == 'c')
        mt_conn_close(conn, 1000);
    (void)!mt_conn_send(conn, message);
}

static void on_closed(void *ctx, mt_conn *conn) {
    flows++;
}
static void on_gone(void *ctx, const mt_addr *remote) {
    gone++;
}

static void start(const mt_net_limits *l) {
    static const mt_net_handlers handlers = {.request = on_request,
                                             .abandoned = on_abandoned,
                                             .upgrade = on_upgrade,
                                             .sip = on_sip,
                                             .closed = on_closed,
                                             .gone = on_gone};
    mt_log_setup(-1, MT_LOG_ERROR, false);
    CHECK(mt_net_create(l, &handlers, NULL, &net) == MT_OK);
}

static void turn(void) {
    (void)uv_run(&net->loop, UV_RUN_NOWAIT);
}

static void run_connection(const mt_net_limits *l, mt_slice s, size_t piece) {
    int pair[2];
    mt_addr remote = {.in = {.sin_family = AF_INET}};
    if (net == NULL)
        start(l);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    CHECK(mt_conn_adopt(net, pair[0], &remote, MT_CONN_HTTP) == MT_OK);
    accepted++;
    for (size_t at = 0; at < s.len && gone < accepted; at += piece) {
        if (write(pair[1], s.p + at, s.len - at < piece ? s.len - at : piece) <= 0)
            break;
        turn();
        if (held != NULL && (at / piece) % 2 == 1) {
            mt_http_req *req = held;
            held = NULL;
            answer(req);
        }
    }
    close(pair[1]);
    for (int i = 0; i < 10 && gone < accepted; i++)
        turn();
    turn();
    CHECK(gone == accepted && held == NULL && mt_net_count(net).open == 0);
    CHECK(flows == mt_net_count(net).ws_opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len); /* libFuzzer's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static trace whole, pieces;
    if (len < 2 || len > 65536)
        return 0;
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.header_bytes = 1024;
    l.body_bytes = 512;
    mt_slice s = mt_slice_n(data + 1, len - 1);
    size_t piece = (size_t)(data[0] >> 1) + 1;
    if ((data[0] & 1) != 0) {
        run_connection(&l, s, piece);
        return 0;
    }
    run_reader(&l, s, s.len, &whole);
    run_reader(&l, s, piece, &pieces);
    CHECK(whole.len == pieces.len && memcmp(whole.text, pieces.text, whole.len) == 0);
    return 0;
}
