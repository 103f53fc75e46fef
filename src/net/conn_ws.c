/* WebSocket on a connection: the handshake, messages up, pings, the closing handshake. RFC 6455. */
#include "net/conn.h"

#define PONGS_PER_ROUND 4

static void refuse(mt_http_req *req, unsigned status, const char *headers) {
    mt_http_reply(req, &(mt_http_answer){.status = status, .headers = headers, .close = true});
}

static bool version_ok(const mt_http_req *req) {
    mt_slice version;
    return mt_http_req_header_count(req, "Sec-WebSocket-Version") == 1 &&
           mt_http_req_header(req, "Sec-WebSocket-Version", &version) && mt_slice_is(version, "13");
}

static bool accept_key(const mt_http_req *req, char out[MT_WS_ACCEPT_LEN + 1]) {
    mt_slice key;
    return mt_http_req_header_count(req, "Sec-WebSocket-Key") == 1 &&
           mt_http_req_header(req, "Sec-WebSocket-Key", &key) && mt_ws_accept(key, out) == MT_OK;
}

static void switch_protocol(mt_conn *c, mt_http_req *req, const char *accept, const char *protocol) {
    mt_net *n = c->net;
    mt_buf *out = &n->scratch;
    mt_buf_reset(out);
    mt_buf_printf(out,
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: %s\r\n",
                  accept);
    if (protocol[0] != '\0')
        mt_buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    mt_buf_add_str(out, "\r\n");
    c->req = NULL;
    mt_http_req_free(req);
    mt_http_read_deinit(&c->u.http); /* nothing of HTTP stays in memory */
    mt_ws_init(&c->u.ws, (uint32_t)n->limits.ws_message_bytes);
    mt_conn_flow_begin(c, MT_CONN_WS);
    n->counts.ws_opened++;
    if (mt_buf_err(out) != MT_OK) {
        mt_conn_doom(c);
        return;
    }
    mt_slice whole = mt_buf_slice(out);
    mt_conn_output(c, &whole, 1, NULL);
}

void mt_conn_ws_upgrade(mt_conn *c, mt_http_req *req) {
    mt_net *n = c->net;
    char accept[MT_WS_ACCEPT_LEN + 1];
    if (!version_ok(req)) {
        refuse(req, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        return;
    }
    if (n->h.upgrade == NULL || !accept_key(req, accept)) {
        refuse(req, 400, NULL);
        return;
    }
    const char *protocol = n->h.upgrade(n->ctx, req);
    if (c->req != req)
        return; /* answered */
    if (protocol == NULL)
        refuse(req, 400, NULL);
    else
        switch_protocol(c, req, accept, protocol);
}

void mt_conn_ws_send(mt_conn *c, mt_ws_opcode opcode, mt_slice payload) {
    char header[MT_WS_HEADER_MAX];
    mt_slice parts[2] = {{header, mt_ws_header(opcode, payload.len, header)}, payload};
    mt_conn_output(c, parts, payload.len > 0 ? 2 : 1, NULL);
}

void mt_conn_ws_ping(mt_conn *c) {
    c->ping_ms = mt_net_now_ms(c->net);
    mt_conn_ws_send(c, MT_WS_PING, (mt_slice){NULL, 0});
}

static void send_close(mt_conn *c, unsigned code) {
    char payload[2];
    mt_conn_ws_send(c, MT_WS_CLOSE, (mt_slice){payload, mt_ws_close_payload(code, payload)});
}

void mt_conn_ws_close(mt_conn *c, unsigned code) {
    if (c->doomed || c->mode != MT_CONN_WS)
        return;
    mt_conn_ws_pong(c);
    send_close(c, code);
    c->mode = MT_CONN_WS_CLOSING;
    c->phase_ms = mt_net_now_ms(c->net);
    mt_conn_note_change(c);
    mt_conn_set_timeout(c);
}

/* Section 5.5.1: an echo, and the server is the one to close first. */
static void on_close(mt_conn *c, unsigned code) {
    mt_conn_ws_pong(c);
    if (c->mode == MT_CONN_WS)
        send_close(c, code);
    mt_conn_finish(c);
}

static void on_message(mt_conn *c, mt_slice message) {
    mt_net *n = c->net;
    n->ran = true;
    n->h.sip(n->ctx, c, message);
}

/* Section 5.5.3: of many pings at once the last one need be answered. Else thousands of them, which fit into one read,
 * would cost a system call each. */
static void on_ping(mt_conn *c, mt_slice payload) {
    mt_net *n = c->net;
    if (n->pongs++ < PONGS_PER_ROUND) {
        mt_conn_ws_send(c, MT_WS_PONG, payload);
        return;
    }
    memcpy(n->pong, payload.p, payload.len);
    n->pong_len = (uint8_t)payload.len;
    n->pong_to = c;
}

/* One frame: the caller comes again while bytes are left. */
size_t mt_conn_ws_input(mt_conn *c, char *bytes, size_t len) {
    size_t used = 0;
    mt_ws_event ev;
    mt_ws_step step = mt_ws_input(&c->u.ws, bytes, len, &used, &ev);
    bool open = c->mode == MT_CONN_WS;
    if (used > 0 && c->u.ws.opcode == 0)
        c->partial_ms = 0; /* nothing is begun: the next unit has its own time */
    if (step == MT_WS_CLOSED || step == MT_WS_FAIL)
        on_close(c, ev.code);
    else if (step == MT_WS_MESSAGE && open)
        on_message(c, ev.payload);
    else if (step == MT_WS_PINGED && open)
        on_ping(c, ev.payload);
    return used;
}

void mt_conn_ws_pong(mt_conn *c) {
    mt_net *n = c->net;
    if (n->pong_to != c)
        return;
    n->pong_to = NULL;
    if (c->mode == MT_CONN_WS && !c->doomed)
        mt_conn_ws_send(c, MT_WS_PONG, mt_slice_n(n->pong, n->pong_len));
}
