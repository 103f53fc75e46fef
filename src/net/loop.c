/* The loop: turns, the one clock, signals, creation and end. */
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/conn.h"

#define TURN_ROUNDS_MAX 16
#define TRIM_CONNS 128 /* so many fewer than there were */
#define TRIM_AFTER_MS 1000
#define DESCRIPTORS_KEPT 64 /* for what is no connection */

struct mt_net_timer {
    mt_timer timer;
    mt_net *net;
    void (*fn)(void *ctx);
    void *ctx;
};

void mt_net_limits_default(mt_net_limits *l) {
    *l = (mt_net_limits){.header_bytes = 8192,
                         .body_bytes = 16384,
                         .pipelined_bytes = 16384,
                         .sip_bytes = 32768,
                         .ws_message_bytes = 32768,
                         .queued_bytes = 262144,
                         .first_byte_ms = 30000,
                         .header_ms = 10000,
                         .body_ms = 10000,
                         .body_rate = 512,
                         .idle_ms = 60000,
                         .flow_idle_ms = 45000,
                         .ws_ping_ms = 20000,
                         .max_conns = 15000,
                         .tls_handshake_ms = 10000};
}

int64_t mt_net_now_ms(const mt_net *n) {
    return (int64_t)uv_now(&n->loop);
}
void mt_net_on_turn(mt_net *n, void (*fn)(void *ctx)) {
    n->turn_fn = fn;
}
void mt_net_on_wake(mt_net *n, void (*fn)(void *ctx, int64_t now_ms)) {
    n->wake_fn = fn;
}
void mt_net_on_signal(mt_net *n, void (*fn)(void *ctx, int signum)) {
    n->signal_fn = fn;
}
mt_net_counts mt_net_count(const mt_net *n) {
    return n->counts;
}

/* The end of a turn */

static void report_written(mt_net *n) {
    while (!mt_list_empty(&n->written)) {
        mt_http_req *req = MT_CONTAINER(n->written.next, mt_http_req, link);
        mt_list_remove(&req->link);
        n->ran = true;
        req->written(req->written_ctx, (mt_err)req->result);
        mt_http_req_free(req);
    }
}

static void report_abandoned(mt_net *n, mt_conn *c) {
    mt_http_req *req = c->req;
    if (req == NULL)
        return;
    n->ran = true;
    if (n->h.abandoned != NULL)
        n->h.abandoned(n->ctx, req);
    if (c->req != req)
        return; /* answered all the same */
    c->req = NULL;
    mt_http_req_free(req);
}

static void report_closed(mt_net *n, mt_conn *c) {
    if (!c->flow_up)
        return;
    n->ran = true;
    if (n->h.closed != NULL)
        n->h.closed(n->ctx, c);
    c->flow_up = false;
    mt_map_remove(&n->flows, &c->by_id);
}

static void on_trim(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_net *n = ctx;
    n->peak_open = n->counts.open;
    (void)malloc_trim(0);
}

/* What a crowd of connections took at once, tens of KiB each in TLS handshakes, lies scattered over the heap, and the C
 * library keeps it for ever unless asked. */
static void one_fewer(mt_net *n) {
    n->counts.open--;
    if (n->peak_open - n->counts.open >= TRIM_CONNS && !n->trim.armed && !n->over)
        mt_timer_set(&n->timers, &n->trim, mt_net_now_ms(n) + TRIM_AFTER_MS);
}

static void end_changed(mt_net *n) {
    while (!mt_list_empty(&n->changed)) {
        mt_conn *c = MT_CONTAINER(n->changed.next, mt_conn, ring);
        mt_list_remove(&c->ring);
        c->changed = false;
        if (c->doomed)
            report_abandoned(n, c);
        report_closed(n, c);
        if (!c->doomed) {
            mt_list_append(&n->conns, &c->ring);
            continue;
        }
        /* What a handler did may have put it back. */
        mt_list_remove(&c->ring);
        c->changed = true;
        one_fewer(n);
        if (n->h.gone != NULL)
            n->h.gone(n->ctx, &c->peer);
        mt_conn_close_handle(c);
    }
}

static void work_resumed(mt_net *n) {
    mt_list batch; /* those that ask again wait for the next turn */
    mt_list_init(&batch);
    while (!mt_list_empty(&n->resumed)) {
        mt_list *l = n->resumed.next;
        mt_list_remove(l);
        mt_list_append(&batch, l);
    }
    while (!mt_list_empty(&batch)) {
        mt_conn *c = MT_CONTAINER(batch.next, mt_conn, resume);
        mt_list_remove(&c->resume);
        mt_conn_resumed(c);
    }
}

static void run_wake(mt_net *n) {
    if (n->wake_fn == NULL || n->wake_ms > mt_net_now_ms(n))
        return;
    n->wake_ms = MT_NEVER;
    n->ran = true;
    n->wake_fn(n->ctx, mt_net_now_ms(n));
}

static bool is_settled(const mt_net *n) {
    return !n->ran && mt_list_empty(&n->written) && mt_list_empty(&n->changed) && mt_list_empty(&n->resumed);
}

static int64_t next_ms(const mt_net *n) {
    int64_t due = mt_timerq_next_ms(&n->timers);
    int64_t wheel = mt_wheel_next_ms(&n->wheel);
    int64_t wake = n->wake_fn != NULL ? n->wake_ms : MT_NEVER;
    due = wheel < due ? wheel : due;
    due = wake < due ? wake : due;
    return is_settled(n) ? due : 0;
}

static void on_clock(uv_timer_t *t) {
    mt_net *n = t->data;
    int64_t now_ms = mt_net_now_ms(n);
    n->armed_ms = MT_NEVER;
    mt_timerq_run(&n->timers, now_ms);
    mt_wheel_run(&n->wheel, now_ms, mt_conn_timed_out, n);
    run_wake(n);
}

static void arm(mt_net *n) {
    int64_t due_ms = next_ms(n);
    if (due_ms >= n->armed_ms)
        return; /* wakes early enough, and then looks again */
    int64_t now_ms = mt_net_now_ms(n);
    n->armed_ms = due_ms;
    (void)uv_timer_start(&n->clock, on_clock, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

void mt_net_turn_end(mt_net *n) {
    for (int round = 0; round < TURN_ROUNDS_MAX && !is_settled(n); round++) {
        report_written(n);
        end_changed(n);
        work_resumed(n);
        if (n->ran) {
            n->ran = false;
            if (n->turn_fn != NULL)
                n->turn_fn(n->ctx);
        }
        run_wake(n);
    }
    mt_udp_flush_all(n);
    mt_log_flush();
    if (!n->over)
        arm(n);
}

static void on_prepare(uv_prepare_t *p) {
    mt_net_turn_end(p->data);
}
static void on_check(uv_check_t *p) {
    mt_net_turn_end(p->data);
}

static void on_signal(uv_signal_t *s, int signum) {
    mt_net *n = s->data;
    n->ran = true;
    if (n->signal_fn != NULL)
        n->signal_fn(n->ctx, signum);
    else if (signum != SIGHUP)
        mt_net_stop(n);
}

/* Timers */

void mt_net_wake_at(mt_net *n, int64_t due_ms) {
    n->wake_ms = due_ms; /* the end of the turn arms the clock */
}

static void on_timer(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_net_timer *own = MT_CONTAINER(t, mt_net_timer, timer);
    own->net->ran = true;
    own->fn(own->ctx);
}

mt_net_timer *mt_net_timer_new(mt_net *n, void (*fn)(void *ctx), void *ctx) {
    mt_net_timer *t = mt_calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    mt_timer_init(&t->timer, on_timer);
    t->net = n;
    t->fn = fn;
    t->ctx = ctx;
    return t;
}

void mt_net_timer_set(mt_net_timer *t, int64_t due_ms) {
    if (due_ms == MT_NEVER)
        mt_timer_stop(&t->net->timers, &t->timer);
    else
        mt_timer_set(&t->net->timers, &t->timer, due_ms);
}

void mt_net_timer_free(mt_net_timer *t) {
    if (t == NULL)
        return;
    mt_timer_stop(&t->net->timers, &t->timer);
    mt_free(t);
}

/* Life */

static mt_err check_limits(const mt_net_limits *l) {
    bool ok = l->header_bytes >= 64 && l->header_bytes <= MT_HTTP_HEAD_MAX && l->ws_message_bytes <= INT32_MAX &&
              l->body_bytes <= INT32_MAX && l->max_conns > 0;
    return ok ? MT_OK : MT_EINVAL;
}

/* Most systems give a process 1,024 descriptors and let it ask for many more. Where even those are too few, fewer
 * connections are let in: one too many is hung up on, while without a descriptor it would wait for ever. */
static void claim_descriptors(mt_net *n) {
    struct rlimit have;
    rlim_t want = (rlim_t)n->limits.max_conns + DESCRIPTORS_KEPT;
    if (getrlimit(RLIMIT_NOFILE, &have) != 0 || have.rlim_cur >= want)
        return;
    struct rlimit more = {.rlim_cur = have.rlim_max < want ? have.rlim_max : want, .rlim_max = have.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &more) == 0)
        have = more;
    if (have.rlim_cur >= want)
        return;
    n->limits.max_conns =
        have.rlim_cur > 2 * DESCRIPTORS_KEPT ? (uint32_t)have.rlim_cur - DESCRIPTORS_KEPT : DESCRIPTORS_KEPT;
    mt_log(MT_LOG_WARN, "net", "%llu open files are allowed: no more than %u connections",
           (unsigned long long)have.rlim_cur, (unsigned)n->limits.max_conns);
}

static int start_signals(mt_net *n) {
    static const int signums[3] = {SIGTERM, SIGINT, SIGHUP};
    int r = 0;
    for (size_t i = 0; i < 3 && r == 0; i++) {
        r = uv_signal_init(&n->loop, &n->signals[i]);
        n->signals[i].data = n;
        if (r == 0)
            r = uv_signal_start(&n->signals[i], on_signal, signums[i]);
    }
    return r;
}

static int start_handles(mt_net *n) {
    int r = uv_prepare_init(&n->loop, &n->prepare);
    r = r == 0 ? uv_check_init(&n->loop, &n->check) : r;
    r = r == 0 ? uv_timer_init(&n->loop, &n->clock) : r;
    n->prepare.data = n->check.data = n->clock.data = n;
    r = r == 0 ? uv_prepare_start(&n->prepare, on_prepare) : r;
    r = r == 0 ? uv_check_start(&n->check, on_check) : r;
    return r == 0 ? start_signals(n) : r;
}

static void init_lists(mt_net *n) {
    mt_list *heads[] = {&n->conns, &n->changed, &n->resumed, &n->written, &n->listeners, &n->udps};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        mt_list_init(heads[i]);
    mt_timerq_init(&n->timers, n);
    mt_timer_init(&n->trim, on_trim);
    mt_wheel_init(&n->wheel, mt_net_now_ms(n));
    mt_buf_init(&n->scratch, MT_HTTP_HEAD_OUT_MAX);
    n->wake_ms = n->armed_ms = MT_NEVER;
}

static void close_walked(uv_handle_t *handle, void *arg) {
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void free_net(mt_net *n) {
    uv_walk(&n->loop, close_walked, NULL);
    while (uv_run(&n->loop, UV_RUN_DEFAULT) != 0) {
    }
    if (uv_loop_close(&n->loop) != 0)
        mt_log(MT_LOG_ERROR, "net", "the loop could not be closed");
    mt_map_deinit(&n->flows);
    mt_buf_deinit(&n->scratch);
    mt_conn_tls_teardown(n);
    mt_free(n);
}

mt_err mt_net_create(const mt_net_limits *limits, const mt_net_handlers *handlers, void *ctx, mt_net **out) {
    mt_err err = check_limits(limits);
    if (err != MT_OK)
        return err;
    mt_net *n = mt_calloc(1, sizeof *n);
    if (n == NULL)
        return MT_ENOMEM;
    n->limits = *limits;
    claim_descriptors(n);
    n->h = *handlers;
    n->ctx = ctx;
    err = mt_map_init(&n->flows, mt_random_kernel());
    if (err == MT_OK && uv_loop_init(&n->loop) != 0) {
        mt_map_deinit(&n->flows);
        err = MT_ESYS;
    }
    if (err != MT_OK) {
        mt_free(n);
        return err;
    }
    init_lists(n);
    int r = start_handles(n);
    if (r != 0) {
        mt_log(MT_LOG_ERROR, "net", "the event loop could not be set up: %s", uv_strerror(r));
        free_net(n);
        return MT_ESYS;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    *out = n;
    return MT_OK;
}

mt_err mt_net_run(mt_net *n) {
    mt_log_gather(true); /* each turn flushes at its end, before the loop can sleep */
    (void)uv_run(&n->loop, UV_RUN_DEFAULT);
    mt_log_gather(false);
    return MT_OK;
}

void mt_net_stop(mt_net *n) {
    uv_stop(&n->loop);
}

void mt_net_destroy(mt_net *n) {
    if (n == NULL)
        return;
    n->over = true;
    n->wake_fn = NULL;
    n->signal_fn = NULL;
    (void)uv_timer_stop(&n->clock);
    mt_timer_stop(&n->timers, &n->trim);
    mt_net_stop_listening(n);
    mt_udp_stop_all(n);
    while (!mt_list_empty(&n->conns)) {
        mt_conn *c = MT_CONTAINER(n->conns.next, mt_conn, ring);
        mt_conn_close(c, 1001); /* going away */
        mt_conn_doom(c);
    }
    mt_net_turn_end(n);
    n->turn_fn = NULL;
    (void)uv_run(&n->loop, UV_RUN_NOWAIT); /* cancels the writes under way */
    report_written(n);
    mt_udp_close_all(n);
    free_net(n);
}
