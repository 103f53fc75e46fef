#include "net/process.h"

#include <signal.h>

#include "base/alloc.h"
#include "net/conn.h"

struct mt_process {
    uv_process_t process;
    uv_pipe_t pipe;
    mt_net *net;
    mt_net_timer *limit;
    mt_process_done *done; /* NULL: dropped */
    void *ctx;
    unsigned handles; /* not closed yet */
    bool exited, ended, ok;
    mt_buf output;
    char bytes[4096];
};

static void on_closed(uv_handle_t *handle) {
    mt_process *p = handle->data;
    if (--p->handles > 0)
        return;
    mt_buf_deinit(&p->output);
    mt_free(p);
}

static void close_both(mt_process *p) {
    mt_net_timer_free(p->limit);
    p->limit = NULL;
    uv_handle_t *both[] = {(uv_handle_t *)&p->process, (uv_handle_t *)&p->pipe};
    for (size_t i = 0; i < 2; i++) {
        if (!uv_is_closing(both[i]))
            uv_close(both[i], on_closed);
    }
}

/* Over when it is gone and all it printed is read. */
static void look(mt_process *p) {
    if (!p->exited || !p->ended || p->done == NULL)
        return;
    mt_process_done *done = p->done;
    p->done = NULL;
    p->net->ran = true;
    done(p->ctx, p->ok, mt_buf_slice(&p->output));
    close_both(p);
}

static void on_exit_(uv_process_t *process, int64_t status, int signum) {
    mt_process *p = process->data;
    p->exited = true;
    p->ok = status == 0 && signum == 0;
    look(p);
}

static void on_alloc(uv_handle_t *handle, size_t wish, uv_buf_t *buf) {
    mt_process *p = handle->data;
    *buf = uv_buf_init(p->bytes, sizeof p->bytes);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    mt_process *p = stream->data;
    if (count > 0)
        mt_buf_add(&p->output, buf->base, (size_t)count); /* what is too much is left out */
    if (count >= 0)
        return;
    p->ended = true;
    look(p);
}

static void on_late(void *ctx) {
    mt_process *p = ctx;
    (void)uv_process_kill(&p->process, SIGKILL);
    p->ended = true; /* a child of its own may hold the pipe open */
    look(p);
}

mt_err mt_process_run(mt_net *n, char *const argv[], uint32_t limit_ms, mt_process_done *done, void *ctx,
                      mt_process **out) {
    mt_process *p = mt_calloc(1, sizeof *p);
    if (p == NULL)
        return MT_ENOMEM;
    p->net = n;
    p->limit = mt_net_timer_new(n, on_late, p);
    if (p->limit == NULL || uv_pipe_init(&n->loop, &p->pipe, 0) != 0) {
        mt_net_timer_free(p->limit);
        mt_free(p);
        return MT_ENOMEM;
    }
    p->process.data = p->pipe.data = p;
    mt_buf_init(&p->output, MT_PROCESS_OUTPUT_MAX);
    uv_stdio_container_t io[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE}, {.flags = UV_IGNORE}};
    io[1].data.stream = (uv_stream_t *)&p->pipe;
    uv_process_options_t options = {
        .file = argv[0], .args = (char **)(uintptr_t)argv, .exit_cb = on_exit_, .stdio_count = 3, .stdio = io};
    p->handles = 2;
    int r = uv_spawn(&n->loop, &p->process, &options);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
    if (r != 0) {
        close_both(p);
        return MT_ESYS;
    }
    p->done = done;
    p->ctx = ctx;
    mt_net_timer_set(p->limit, mt_net_now_ms(n) + limit_ms);
    *out = p;
    return MT_OK;
}

void mt_process_drop(mt_process *p) {
    if (p == NULL)
        return;
    p->done = NULL;
    if (!p->exited)
        (void)uv_process_kill(&p->process, SIGKILL);
    close_both(p);
}
