#include "fake_priv.h"
#include "net/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define START_MS 1000000
#define KEPT_BYTES 4096

struct mt_conn {
    mt_list all;
    uint64_t id;
    mt_addr peer, remote;
    bool closed;
};

struct mt_net {
    mt_net_handlers handlers;
    void *ctx;
    int64_t now_ms, wake_ms;
    void (*on_turn)(void *ctx);
    void (*on_wake)(void *ctx, int64_t now_ms);
    void (*on_signal)(void *ctx, int signum);
    mt_list calls, conns;
    uint64_t next_conn;
    bool stopped, together;
    size_t sent;
    char last[KEPT_BYTES];
};

struct mt_udp {
    int unused;
};

static mt_net *net; /* one at a time */
static struct mt_udp the_udp;

static mt_addr address(const char *text) {
    mt_addr a;
    must(mt_addr_parse(mt_slice_of(text), &a) == MT_OK);
    return a;
}

/* ---- what src/net offers */

void mt_net_limits_default(mt_net_limits *l) {
    memset(l, 0, sizeof *l);
}

mt_err mt_net_create(const mt_net_limits *limits, const mt_net_handlers *handlers, void *ctx, mt_net **out) {
    net = calloc(1, sizeof *net);
    must(NULL != net);
    net->handlers = *handlers;
    net->ctx = ctx;
    net->now_ms = START_MS;
    net->wake_ms = INT64_MAX;
    mt_list_init(&net->calls);
    mt_list_init(&net->conns);
    *out = net;
    return MT_OK;
}

static void written(mt_http_req *c, mt_err result) {
    mt_http_written *fn = c->written;
    c->written = NULL;
    if (fn != NULL)
        fn(c->written_ctx, result);
}

void mt_net_destroy(mt_net *n) {
    if (n == NULL)
        return;
    MT_LIST_FOREACH_SAFE(it, &n->calls) {
        mt_http_req *c = MT_CONTAINER(it, mt_http_req, all);
        written(c, MT_ECLOSED);
        if (c->held && !c->answered && !c->gone) {
            c->gone = true;
            n->handlers.abandoned(n->ctx, c);
        }
        mt_list_remove(it);
        free(c->path);
        free(c->query);
        free(c->body);
        free(c->lines);
        free(c->answer);
        free(c->answer_headers);
        free(c);
    }
    MT_LIST_FOREACH_SAFE(it, &n->conns) {
        mt_conn *c = MT_CONTAINER(it, mt_conn, all);
        if (!c->closed)
            n->handlers.closed(n->ctx, c);
        free(c);
    }
    free(n);
    net = NULL;
}

mt_err mt_net_run(mt_net *n) {
    return MT_ESTATE;
}

void mt_net_stop(mt_net *n) {
    n->stopped = true;
}

int64_t mt_net_now_ms(const mt_net *n) {
    return n->now_ms;
}

mt_err mt_net_listen_http(mt_net *n, const mt_addr *at, mt_addr *bound) {
    *bound = *at;
    return MT_OK;
}

mt_err mt_net_listen_sip_tcp(mt_net *n, const mt_addr *at, mt_addr *bound) {
    *bound = *at;
    return MT_OK;
}

mt_err mt_net_listen_https(mt_net *n, const mt_addr *at, const mt_tls *tls, mt_addr *bound) {
    must(NULL != tls);
    *bound = *at;
    return MT_OK;
}

mt_err mt_net_listen_sip_tls(mt_net *n, const mt_addr *at, const mt_tls *tls, mt_addr *bound) {
    must(NULL != tls);
    *bound = *at;
    return MT_OK;
}

mt_err mt_net_listen_udp(mt_net *n, const mt_addr *at, mt_udp **udp, mt_addr *bound) {
    *udp = &the_udp;
    *bound = *at;
    return MT_OK;
}

void mt_net_stop_listening(mt_net *n) {}

void mt_net_on_turn(mt_net *n, void (*fn)(void *ctx)) {
    n->on_turn = fn;
}

void mt_net_wake_at(mt_net *n, int64_t due_ms) {
    n->wake_ms = due_ms;
}

void mt_net_on_wake(mt_net *n, void (*fn)(void *ctx, int64_t now_ms)) {
    n->on_wake = fn;
}

void mt_net_on_signal(mt_net *n, void (*fn)(void *ctx, int signum)) {
    n->on_signal = fn;
}

uint64_t mt_conn_id(const mt_conn *c) {
    return c->id;
}

const mt_addr *mt_conn_peer(const mt_conn *c) {
    return &c->peer;
}

const mt_addr *mt_conn_remote(const mt_conn *c) {
    return &c->remote;
}

bool mt_conn_is_ws(const mt_conn *c) {
    return false;
}

bool mt_conn_secure(const mt_conn *c) {
    return false;
}

mt_conn *mt_net_conn(const mt_net *n, uint64_t id) {
    MT_LIST_FOREACH(it, &n->conns) {
        mt_conn *c = MT_CONTAINER(it, mt_conn, all);
        if (c->id == id && !c->closed)
            return c;
    }
    return NULL;
}

static void keep(mt_slice bytes) {
    size_t len = bytes.len < KEPT_BYTES - 1 ? bytes.len : KEPT_BYTES - 1;
    net->sent++;
    memcpy(net->last, bytes.p, len);
    net->last[len] = '\0';
}

mt_err mt_conn_send(mt_conn *c, mt_slice message) {
    keep(message);
    return MT_OK;
}

void mt_conn_close(mt_conn *c, unsigned ws_code) {
    fake_conn_close(c);
}

void mt_udp_send(mt_udp *u, const mt_addr *to, mt_slice bytes) {
    keep(bytes);
}

mt_net_counts mt_net_count(const mt_net *n) {
    return (mt_net_counts){0};
}

/* ---- what a test does */

mt_err fake_try_start(const mt_options *options, mt_server **out) {
    static uint64_t state; /* outlives the server, which goes on drawing from it */
    mt_options defaults;
    mt_options_default(&defaults);
    state = 1;
    return mt_server_create(options != NULL ? options : &defaults, mt_random_seeded(&state), out);
}

mt_server *fake_start(const mt_options *options) {
    mt_server *s = NULL;
    must(fake_try_start(options, &s) == MT_OK);
    return s;
}

void fake_stop(mt_server *s) {
    mt_server_destroy(s);
    must(net == NULL);
}

void fake_turn(void) {
    if (net->together)
        return;
    net->on_turn(net->ctx);
    /* Answers have been written by the end of the turn; that may lead to more. */
    for (bool more = true; more;) {
        more = false;
        MT_LIST_FOREACH(it, &net->calls) {
            mt_http_req *c = MT_CONTAINER(it, mt_http_req, all);
            if (c->written == NULL)
                continue;
            written(c, c->lose ? MT_ECLOSED : MT_OK);
            more = true;
        }
        if (more)
            net->on_turn(net->ctx);
    }
}

void fake_together(bool on) {
    net->together = on;
    fake_turn();
}

static mt_http_method method_of(const char *name) {
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return (mt_http_method)i;
    }
    return MT_HTTP_OTHER;
}

static void add_header(mt_http_req *c, const char *name, const char *value) {
    must(c->header_count < HEADERS_MAX);
    c->headers[c->header_count].name = name;
    c->headers[c->header_count++].value = value;
}

static void add_headers(mt_http_req *c, const fake_wish *w) {
    char lines[2048];
    int n = snprintf(lines, sizeof lines, "Host: %s\n%s%s%s%s", w->host != NULL ? w->host : "127.0.0.1",
                     w->token != NULL ? "Authorization: Bearer " : "", w->token != NULL ? w->token : "",
                     w->token != NULL ? "\n" : "", w->headers != NULL ? w->headers : "");
    must(n > 0 && (size_t)n < sizeof lines);
    c->lines = fake_copy(lines);
    for (char *line = c->lines, *end; *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        if (*end == '\n')
            *end++ = '\0';
        char *colon = strstr(line, ": ");
        must(NULL != colon);
        *colon = '\0';
        add_header(c, line, colon + 2);
    }
    if (*c->body != '\0' && mt_http_req_header_count(c, "Content-Type") == 0)
        add_header(c, "Content-Type", "application/json");
}

fake_call *fake_send(const fake_wish *w) {
    mt_http_req *c = calloc(1, sizeof *c);
    must(NULL != c);
    c->method = method_of(w->method != NULL ? w->method : "GET");
    c->path = fake_copy(w->path);
    char *query = strchr(c->path, '?');
    if (query != NULL)
        *query++ = '\0';
    c->query = fake_copy(query);
    c->body = fake_copy(w->body);
    c->peer = c->remote = address(w->from != NULL ? w->from : "127.0.0.1:1");
    c->lose = w->lose;
    c->held = true;
    add_headers(c, w);
    mt_list_append(&net->calls, &c->all);
    net->handlers.request(net->ctx, c);
    fake_turn();
    return c;
}

void fake_hang_up(fake_call *c) {
    must(!c->answered);
    c->gone = true;
    net->handlers.abandoned(net->ctx, c);
    fake_turn();
}

void fake_sleep(int64_t ms) {
    int64_t end_ms = net->now_ms + ms;
    for (int rounds = 0; net->wake_ms <= end_ms; rounds++) {
        must(rounds < 100000); /* else it wakes itself for ever */
        if (net->wake_ms > net->now_ms)
            net->now_ms = net->wake_ms;
        net->wake_ms = INT64_MAX;
        net->on_wake(net->ctx, net->now_ms);
        fake_turn();
        if (net->stopped)
            return;
    }
    net->now_ms = end_ms;
}

void fake_signal(int signum) {
    net->on_signal(net->ctx, signum);
    fake_turn();
}

bool fake_stopped(void) {
    return net->stopped;
}

void fake_datagram(const char *from, const char *text) {
    mt_addr a = address(from);
    net->handlers.datagram(net->ctx, &the_udp, &a, mt_slice_of(text));
    fake_turn();
}

size_t fake_sent(void) {
    return net->sent;
}

const char *fake_last_sent(void) {
    return net->last;
}

mt_conn *fake_connect(const char *from) {
    mt_conn *c = calloc(1, sizeof *c);
    must(NULL != c);
    c->id = ++net->next_conn;
    c->peer = c->remote = address(from);
    mt_list_append(&net->conns, &c->all);
    return c;
}

void fake_conn_text(mt_conn *c, const char *text) {
    net->handlers.sip(net->ctx, c, mt_slice_of(text));
    fake_turn();
}

void fake_conn_close(mt_conn *c) {
    if (c->closed)
        return;
    c->closed = true;
    net->handlers.closed(net->ctx, c);
    fake_turn();
}

bool fake_accept(const char *from) {
    mt_addr a = address(from);
    return net->handlers.accept(net->ctx, &a);
}

/* net/process.h: there are none. */

mt_err mt_process_run(mt_net *n, char *const argv[], uint32_t limit_ms, mt_process_done *done, void *ctx,
                      mt_process **out) {
    return MT_ESYS;
}

void mt_process_drop(mt_process *p) {}
