#include "net/stream.h"

#include "base/alloc.h"
#include "net/conn.h"

struct mt_stream {
    uv_tcp_t tcp;
    uv_connect_t connect;
    mt_net *net;
    const mt_stream_handlers *h; /* NULL: closed, nobody wants to hear */
    void *ctx;
    char bytes[4096];
};

typedef struct outgoing {
    uv_write_t req;
    char bytes[];
} outgoing;

static void on_closed(uv_handle_t *handle) {
    mt_free(handle->data);
}

static void close_handle(mt_stream *s) {
    s->h = NULL;
    if (!uv_is_closing((uv_handle_t *)&s->tcp))
        uv_close((uv_handle_t *)&s->tcp, on_closed);
}

void mt_stream_close(mt_stream *s) {
    if (s != NULL)
        close_handle(s);
}

static void go_down(mt_stream *s, int status) {
    const mt_stream_handlers *h = s->h;
    if (h == NULL)
        return;
    s->net->ran = true;
    close_handle(s);
    h->down(s->ctx, status == UV_EOF ? "it ended the connection" : uv_strerror(status));
}

static void on_alloc(uv_handle_t *handle, size_t wish, uv_buf_t *buf) {
    mt_stream *s = handle->data;
    *buf = uv_buf_init(s->bytes, sizeof s->bytes);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    mt_stream *s = stream->data;
    if (count < 0) {
        go_down(s, (int)count);
    } else if (count > 0 && s->h != NULL) {
        s->net->ran = true;
        s->h->received(s->ctx, mt_slice_n(buf->base, (size_t)count));
    }
}

static void on_connect(uv_connect_t *req, int status) {
    mt_stream *s = req->data;
    if (s->h == NULL)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
    if (status != 0) {
        go_down(s, status);
        return;
    }
    (void)uv_tcp_nodelay(&s->tcp, 1);
    s->net->ran = true;
    s->h->up(s->ctx);
}

mt_err mt_stream_open(mt_net *n, const mt_addr *to, const mt_stream_handlers *handlers, void *ctx, mt_stream **out) {
    mt_stream *s = mt_calloc(1, sizeof *s);
    if (s == NULL)
        return MT_ENOMEM;
    if (uv_tcp_init(&n->loop, &s->tcp) != 0) {
        mt_free(s);
        return MT_ESYS;
    }
    s->net = n;
    s->ctx = ctx;
    s->tcp.data = s->connect.data = s;
    if (uv_tcp_connect(&s->connect, &s->tcp, &to->sa, on_connect) != 0) {
        close_handle(s);
        return MT_ESYS;
    }
    s->h = handlers;
    *out = s;
    return MT_OK;
}

static void on_written(uv_write_t *req, int status) {
    mt_stream *s = req->handle->data;
    mt_free(MT_CONTAINER(req, outgoing, req));
    if (status != 0 && status != UV_ECANCELED)
        go_down(s, status);
}

mt_err mt_stream_send(mt_stream *s, mt_slice bytes) {
    if (s->h == NULL)
        return MT_ECLOSED;
    if (s->tcp.write_queue_size + bytes.len > MT_STREAM_QUEUE_MAX)
        return MT_ELIMIT;
    outgoing *o = mt_malloc(sizeof *o + bytes.len);
    if (o == NULL)
        return MT_ENOMEM;
    memcpy(o->bytes, bytes.p, bytes.len);
    uv_buf_t buf = uv_buf_init(o->bytes, (unsigned)bytes.len);
    if (uv_write(&o->req, (uv_stream_t *)&s->tcp, &buf, 1, on_written) != 0) {
        mt_free(o);
        return MT_ECLOSED;
    }
    return MT_OK;
}
