#include "net/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define UNITS_PER_ROUND 64 /* requests, frames or messages, before the others have their turn */

typedef struct conn_write {
    uv_write_t uv;
    mt_conn *conn;
    mt_http_req *req;
    char bytes[];
} conn_write;

size_t mt_conn_queued(const mt_conn *c) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

bool mt_conn_ready(const mt_conn *c) {
    return !c->doomed && c->req == NULL && mt_conn_queued(c) <= MT_CONN_QUEUE_PAUSE;
}

void mt_conn_note_change(mt_conn *c) {
    if (c->changed)
        return;
    c->changed = true;
    mt_list_remove(&c->ring);
    mt_list_append(&c->net->changed, &c->ring);
}

static void stop_reading(mt_conn *c) {
    if (c->reading)
        (void)uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = false;
}

void mt_conn_doom(mt_conn *c) {
    if (c->doomed)
        return;
    c->doomed = true;
    stop_reading(c);
    mt_list_remove(&c->resume);
    mt_wheel_stop(&c->timeout);
    mt_conn_note_change(c);
}

/* Input */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    mt_net *n = ((mt_conn *)handle->data)->net;
    *buf = uv_buf_init(n->read_bytes, sizeof n->read_bytes);
}

void mt_conn_peer_ended(mt_conn *c) {
    c->peer_done = true;
    stop_reading(c);
    /* Who only closed his sending side still gets what is under way, but nothing is held for him. */
    if (mt_conn_queued(c) == 0 || c->req != NULL || c->mode == MT_CONN_HANDSHAKE)
        mt_conn_doom(c);
    else
        mt_conn_finish(c);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    mt_conn *c = stream->data;
    if (got > 0 && c->tls != NULL)
        mt_conn_tls_received(c, buf->base, (size_t)got);
    else if (got > 0)
        mt_conn_received(c, buf->base, (size_t)got);
    else if (got == UV_EOF)
        mt_conn_peer_ended(c);
    else if (got < 0)
        mt_conn_doom(c);
}

/* One who has left may not have been read yet in this turn. What is written to him would be taken by the kernel and
 * lost. */
bool mt_conn_peer_left(const mt_conn *c) {
    uv_os_fd_t fd;
    char byte;
    if (c->doomed || c->peer_done || uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0)
        return true;
    if (c->tls != NULL && mt_conn_tls_peer_left(fd))
        return true;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* Reading goes on while a request is held, so that its client's leaving is seen at once; it pauses while much output
 * waits for a peer that does not read. */
static void adjust_reading(mt_conn *c) {
    if (c->doomed || c->peer_done)
        return;
    bool want = mt_conn_queued(c) <= MT_CONN_QUEUE_PAUSE && !c->crowded;
    if (!want)
        stop_reading(c);
    else if (!c->reading && uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0)
        c->reading = true;
}

static size_t protocol_input(mt_conn *c, char *bytes, size_t len) {
    switch (c->mode) {
    case MT_CONN_HTTP:
        return mt_conn_http_input(c, bytes, len);
    case MT_CONN_WS:
    case MT_CONN_WS_CLOSING:
        return mt_conn_ws_input(c, bytes, len);
    case MT_CONN_SIP:
        return mt_conn_sip_input(c, bytes, len);
    default:
        c->lingered_bytes += (uint32_t)len;
        if (c->lingered_bytes > MT_CONN_LINGER_BYTES)
            mt_conn_doom(c);
        return len;
    }
}

/* As long as the protocol takes bytes and is not stopped by what it did: an upgrade changes it in between. */
static size_t run_protocol(mt_conn *c, char *bytes, size_t len) {
    size_t done = 0;
    unsigned units = 0;
    c->crowded = false;
    c->net->pongs = 0;
    while (done < len && mt_conn_ready(c) && !c->crowded) {
        c->crowded = ++units == UNITS_PER_ROUND;
        mt_conn_mode before = c->mode;
        size_t used = protocol_input(c, bytes + done, len - done);
        done += used;
        if (used == 0 && c->mode == before)
            break;
    }
    mt_conn_ws_pong(c);
    return done;
}

/* What may be kept: a part of one unit, or what was sent ahead while its predecessor is worked on. */
static size_t keep_limit(const mt_conn *c) {
    const mt_net_limits *l = &c->net->limits;
    if (c->req != NULL)
        return l->pipelined_bytes;
    if (c->mode == MT_CONN_HTTP)
        return l->header_bytes + l->pipelined_bytes + MT_CONN_READ_BYTES;
    return (c->mode == MT_CONN_SIP ? l->sip_bytes : l->ws_message_bytes + 14) + MT_CONN_READ_BYTES;
}

static void keep(mt_conn *c, const char *bytes, size_t len) {
    if (c->doomed || len == 0)
        return;
    mt_buf_add(&c->in, bytes, len);
    if (mt_buf_err(&c->in) != MT_OK)
        mt_conn_doom(c);
}

static void work_on_kept(mt_conn *c) {
    c->busy = true;
    size_t used = run_protocol(c, c->in.p, c->in.len);
    c->busy = false;
    mt_buf_consume(&c->in, used);
}

static void after_input(mt_conn *c) {
    if (c->doomed)
        return;
    c->crowded = c->crowded && c->in.len > 0 && mt_conn_ready(c); /* else something else will resume it */
    if (c->in.len == 0)
        mt_buf_deinit(&c->in); /* an idle connection owns no buffer */
    else if (c->in.len > keep_limit(c))
        mt_conn_doom(c);
    else if (c->crowded && mt_list_empty(&c->resume))
        mt_list_append(&c->net->resumed, &c->resume);
    adjust_reading(c);
    mt_conn_set_timeout(c);
}

void mt_conn_received(mt_conn *c, char *bytes, size_t len) {
    if (c->mode == MT_CONN_WS || c->mode == MT_CONN_SIP)
        c->phase_ms = mt_net_now_ms(c->net);
    if (c->in.len > 0) {
        keep(c, bytes, len);
        if (!c->doomed)
            work_on_kept(c);
    } else {
        c->busy = true;
        size_t used = run_protocol(c, bytes, len);
        c->busy = false;
        keep(c, bytes + used, len - used);
    }
    after_input(c);
}

void mt_conn_resume(mt_conn *c) {
    if (c->busy || c->doomed)
        return;
    if (c->in.len > 0 && mt_list_empty(&c->resume))
        mt_list_append(&c->net->resumed, &c->resume);
    adjust_reading(c);
    mt_conn_set_timeout(c);
}

void mt_conn_resumed(mt_conn *c) {
    if (mt_conn_ready(c))
        work_on_kept(c);
    after_input(c);
}

/* Output */

static void end_stream(mt_conn *c) {
    if (c->mode != MT_CONN_LINGER || c->sent_end || mt_conn_queued(c) > 0)
        return;
    c->sent_end = true;
    c->phase_ms = mt_net_now_ms(c->net);
    uv_os_fd_t fd;
    if (c->peer_done || uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
        mt_conn_doom(c);
}

static void on_written(uv_write_t *uv, int status) {
    conn_write *w = MT_CONTAINER(uv, conn_write, uv);
    mt_conn *c = w->conn;
    if (w->req != NULL)
        mt_http_reply_free(w->req, status == 0 ? MT_OK : MT_ECLOSED);
    mt_free(w);
    if (status < 0) {
        mt_conn_doom(c);
        return;
    }
    if (c->doomed)
        return;
    end_stream(c);
    mt_conn_resume(c);
}

/* Behind what the kernel has taken already. */
static mt_err queue_rest(mt_conn *c, const mt_slice *parts, unsigned count, size_t skip, mt_http_req *req) {
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += parts[i].len;
    conn_write *w = mt_malloc(sizeof *w + total - skip);
    if (w == NULL)
        return MT_ENOMEM;
    w->conn = c;
    w->req = req;
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t over = skip < parts[i].len ? skip : parts[i].len;
        skip -= over;
        if (parts[i].len > over)
            memcpy(w->bytes + at, parts[i].p + over, parts[i].len - over);
        at += parts[i].len - over;
    }
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)at);
    int r = uv_write(&w->uv, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
    if (r == 0) {
        c->stalled_bytes += c->stalled_bytes > 0 ? (uint32_t)at : 0; /* what is added is no lack of progress */
        return MT_OK;
    }
    mt_free(w);
    return MT_ECLOSED;
}

static mt_err output(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req, bool *queued) {
    uv_buf_t bufs[3];
    size_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        union {
            const char *in;
            char *out;
        } u = {parts[i].p}; /* libuv's buffers are not const */
        bufs[i] = uv_buf_init(u.out, (unsigned)parts[i].len);
        total += parts[i].len;
    }
    int sent = uv_try_write((uv_stream_t *)&c->tcp, bufs, count);
    if (sent < 0 && sent != UV_EAGAIN)
        return MT_ECLOSED;
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == total)
        return MT_OK;
    mt_err err = queue_rest(c, parts, count, done, req);
    *queued = err == MT_OK;
    return err;
}

void mt_conn_output_raw(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req) {
    bool queued = false;
    mt_err err = c->doomed ? MT_ECLOSED : output(c, parts, count, req, &queued);
    if (req != NULL && !queued)
        mt_http_reply_free(req, err == MT_OK ? MT_OK : MT_ECLOSED);
    if (err != MT_OK) {
        mt_conn_doom(c);
        return;
    }
    if (queued)
        mt_conn_resume(c); /* stops reading, sets the stall limit */
}

void mt_conn_output(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req) {
    if (c->tls != NULL)
        mt_conn_tls_output(c, parts, count, req);
    else
        mt_conn_output_raw(c, parts, count, req);
}

/* Gives back what the protocol owns. */
static void end_protocol(mt_conn *c) {
    if (c->mode == MT_CONN_HTTP)
        mt_http_read_deinit(&c->u.http);
    else if (c->mode == MT_CONN_WS || c->mode == MT_CONN_WS_CLOSING)
        mt_ws_deinit(&c->u.ws);
    c->mode = MT_CONN_LINGER;
}

void mt_conn_finish(mt_conn *c) {
    if (c->doomed || c->mode == MT_CONN_LINGER)
        return;
    end_protocol(c);
    c->phase_ms = mt_net_now_ms(c->net);
    if (c->flow_up)
        mt_conn_note_change(c);
    mt_conn_tls_end(c);
    end_stream(c);
    if (!c->doomed)
        mt_conn_set_timeout(c);
}

/* Life */

static void on_closed(uv_handle_t *handle) {
    mt_conn *c = handle->data;
    mt_buf_deinit(&c->in);
    mt_free(c);
}

void mt_conn_close_handle(mt_conn *c) {
    end_protocol(c);
    mt_conn_tls_close(c);
    mt_wheel_stop(&c->timeout);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void mt_conn_flow_begin(mt_conn *c, mt_conn_mode mode) {
    mt_net *n = c->net;
    c->mode = (uint8_t)mode;
    c->phase_ms = c->ping_ms = mt_net_now_ms(n);
    c->id = ++n->last_id;
    c->flow_up = true;
    c->is_ws = mode == MT_CONN_WS;
    if (mt_map_put(&n->flows, mt_slice_n(&c->id, sizeof c->id), &c->by_id) != MT_OK)
        mt_conn_doom(c); /* cannot be: ids are never used twice */
}

static mt_conn *create(mt_net *n, const mt_addr *remote) {
    mt_conn *c = mt_calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->net = n;
    c->peer = c->remote = *remote;
    mt_list_init(&c->ring);
    mt_list_init(&c->resume);
    mt_wheel_node_init(&c->timeout);
    mt_buf_init(&c->in, SIZE_MAX / 2); /* keep_limit is what bounds it */
    if (uv_tcp_init(&n->loop, &c->tcp) != 0) {
        mt_free(c);
        return NULL;
    }
    c->tcp.data = c;
    return c;
}

mt_err mt_conn_adopt(mt_net *n, int fd, const mt_addr *remote, mt_conn_mode mode) {
    return mt_conn_adopt_tls(n, fd, remote, mode, NULL);
}

mt_err mt_conn_adopt_tls(mt_net *n, int fd, const mt_addr *remote, mt_conn_mode mode, const mt_tls *tls) {
    mt_conn *c = create(n, remote);
    if (c == NULL) {
        close(fd);
        return MT_ENOMEM;
    }
    int r = uv_tcp_open(&c->tcp, fd);
    if (r != 0) {
        mt_log(MT_LOG_WARN, "net", "a connection could not be taken: %s", uv_strerror(r));
        close(fd);
        uv_close((uv_handle_t *)&c->tcp, on_closed);
        return MT_ESYS;
    }
    mt_list_append(&n->conns, &c->ring);
    if (++n->counts.open > n->peak_open)
        n->peak_open = n->counts.open;
    c->tls = tls;
    c->inner = (uint8_t)mode;
    c->mode = (uint8_t)(tls != NULL ? MT_CONN_HANDSHAKE : mode);
    c->phase_ms = mt_net_now_ms(n);
    c->phase = MT_PHASE_FIRST_BYTE;
    if (c->mode == MT_CONN_SIP)
        mt_conn_flow_begin(c, mode);
    adjust_reading(c);
    if (!c->reading)
        mt_conn_doom(c);
    else
        mt_conn_set_timeout(c);
    return MT_OK;
}

uint64_t mt_conn_id(const mt_conn *c) {
    return c->id;
}
const mt_addr *mt_conn_remote(const mt_conn *c) {
    return &c->remote;
}
const mt_addr *mt_conn_peer(const mt_conn *c) {
    return &c->peer;
}
bool mt_conn_is_ws(const mt_conn *c) {
    return c->is_ws;
}
bool mt_conn_secure(const mt_conn *c) {
    return c->tls != NULL;
}

mt_conn *mt_net_conn(const mt_net *n, uint64_t id) {
    mt_map_node *node = mt_map_get(&n->flows, mt_slice_n(&id, sizeof id));
    return node != NULL ? MT_CONTAINER(node, mt_conn, by_id) : NULL;
}
