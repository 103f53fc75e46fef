/* When a connection has been silent, slow or stuck for too long. */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/conn.h"

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Who is judged by what he sends, however much is queued for him: there is little in a handshake. */
static bool is_handshake(const mt_conn *c) {
    return c->mode == MT_CONN_HANDSHAKE;
}

static bool is_flow(const mt_conn *c) {
    return c->mode == MT_CONN_WS || c->mode == MT_CONN_SIP;
}

static mt_conn_phase http_phase(const mt_conn *c) {
    if (c->req != NULL)
        return MT_PHASE_HELD;
    if (mt_http_read_in_body(&c->u.http))
        return MT_PHASE_BODY;
    if (c->in.len > 0)
        return MT_PHASE_HEAD;
    return c->phase == MT_PHASE_FIRST_BYTE ? MT_PHASE_FIRST_BYTE : MT_PHASE_IDLE;
}

/* A body may begin slowly, but a byte every other second is not a body. */
static int64_t body_ms(const mt_conn *c) {
    const mt_net_limits *l = &c->net->limits;
    uint64_t got = c->u.http.req != NULL ? c->u.http.req->body.len : 0;
    return l->body_ms + (l->body_rate > 0 ? (int64_t)(got * 1000 / l->body_rate) : 0);
}

static int64_t http_due_ms(const mt_conn *c) {
    const mt_net_limits *l = &c->net->limits;
    switch (c->phase) {
    case MT_PHASE_FIRST_BYTE:
        return c->phase_ms + l->first_byte_ms;
    case MT_PHASE_HEAD:
        return c->phase_ms + l->header_ms;
    case MT_PHASE_BODY:
        return c->phase_ms + body_ms(c);
    case MT_PHASE_HELD:
        return MT_NEVER;
    default:
        return c->phase_ms + l->idle_ms;
    }
}

/* A message that is begun has to be finished: a flow that is only kept alive owns no buffer for long. */
static int64_t partial_due_ms(const mt_conn *c) {
    return c->partial_ms > 0 ? c->partial_ms + c->net->limits.body_ms : MT_NEVER;
}

static int64_t flow_due_ms(const mt_conn *c) {
    return earlier(c->phase_ms + c->net->limits.flow_idle_ms, partial_due_ms(c));
}

static int64_t phase_due_ms(const mt_conn *c) {
    const mt_net_limits *l = &c->net->limits;
    switch (c->mode) {
    case MT_CONN_HTTP:
        return http_due_ms(c);
    case MT_CONN_WS: {
        int64_t quiet_since = c->ping_ms > c->phase_ms ? c->ping_ms : c->phase_ms;
        return earlier(flow_due_ms(c), quiet_since + l->ws_ping_ms);
    }
    case MT_CONN_SIP:
        return flow_due_ms(c);
    case MT_CONN_HANDSHAKE:
        return c->phase_ms + l->tls_handshake_ms;
    default:
        return c->phase_ms + MT_CONN_LINGER_MS;
    }
}

/* What the peer has not acknowledged, in the kernel (megabytes may be there) and here: only that shows whether a slow
 * one still reads. */
static uint32_t outstanding(const mt_conn *c) {
    uv_os_fd_t fd;
    int in_kernel = 0;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_kernel) != 0)
        in_kernel = 0;
    size_t total = mt_conn_queued(c) + (size_t)in_kernel;
    return (uint32_t)(total < UINT32_MAX ? total : UINT32_MAX);
}

/* Who does not take his answers is not judged by what he sends meanwhile: it is not read. A flow is judged by both. */
static int64_t due_ms(mt_conn *c) {
    size_t queued = mt_conn_queued(c);
    if (queued == 0 || is_handshake(c)) {
        c->stalled_bytes = 0;
        return phase_due_ms(c);
    }
    if (c->stalled_bytes == 0) {
        c->stalled_bytes = outstanding(c);
        c->stall_ms = mt_net_now_ms(c->net) + c->net->limits.idle_ms;
    }
    return is_flow(c) && c->reading ? earlier(c->stall_ms, phase_due_ms(c)) : c->stall_ms;
}

/* Line ends alone begin no message: half a keep-alive, or the pong of ours (RFC 5626 4.4.1). */
static bool has_begun_message(const mt_conn *c) {
    for (size_t i = 0; i < c->in.len; i++) {
        if (c->mode != MT_CONN_SIP || (c->in.p[i] != '\r' && c->in.p[i] != '\n'))
            return true;
    }
    return c->mode == MT_CONN_WS && c->u.ws.opcode != 0;
}

void mt_conn_set_timeout(mt_conn *c) {
    if (c->doomed)
        return;
    if (c->mode == MT_CONN_HTTP) {
        mt_conn_phase phase = http_phase(c);
        if (phase != c->phase)
            c->phase_ms = mt_net_now_ms(c->net);
        c->phase = (uint8_t)phase;
    }
    if (is_flow(c)) {
        c->partial_ms = !has_begun_message(c) ? 0 : c->partial_ms > 0 ? c->partial_ms : mt_net_now_ms(c->net);
    }
    mt_wheel_set(&c->net->wheel, &c->timeout, due_ms(c));
}

/* What must have been taken while the stall limit ran: a byte a minute is not reading, and its queue may be large. */
static uint64_t least_taken(const mt_conn *c) {
    const mt_net_limits *l = &c->net->limits;
    uint64_t least = (uint64_t)l->body_rate * l->idle_ms / 1000;
    return least > 0 ? least : 1;
}

/* True: the queue has not moved, or hardly, for all that time. */
static bool is_stuck(mt_conn *c, int64_t now_ms) {
    if (mt_conn_queued(c) == 0 || is_handshake(c) || now_ms < c->stall_ms)
        return false;
    if (outstanding(c) + least_taken(c) > c->stalled_bytes)
        return true;
    c->stalled_bytes = 0; /* it moved: from now on again */
    return false;
}

static void act(mt_conn *c, int64_t now_ms) {
    if (c->mode == MT_CONN_HTTP && (c->phase == MT_PHASE_HEAD || c->phase == MT_PHASE_BODY))
        mt_conn_http_fail(c, 408, false);
    else if (c->mode == MT_CONN_WS && now_ms < flow_due_ms(c))
        mt_conn_ws_ping(c);
    else
        mt_conn_doom(c);
}

void mt_conn_timed_out(mt_wheel_node *n, void *net) {
    mt_conn *c = MT_CONTAINER(n, mt_conn, timeout);
    int64_t now_ms = mt_net_now_ms(net);
    if (is_stuck(c, now_ms))
        mt_conn_doom(c);
    else if ((mt_conn_queued(c) == 0 || is_handshake(c) || (is_flow(c) && c->reading)) && now_ms >= phase_due_ms(c))
        act(c, now_ms);
    mt_conn_set_timeout(c);
}
