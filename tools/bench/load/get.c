/* GETs over connections kept alive, each sending its next when it has its answer. Where the server closes after each
 * answer (HTTP/1.0), connecting again is part of the operation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

typedef struct getting {
    const load_options *o;
    load_conn *conns;
    char (*in)[LOAD_LINE_MAX];
    char request[512];
    size_t request_len;
    int poll;
    uint64_t sent, done;
} getting;

static void open_one(getting *g, unsigned i) {
    load_connect(&g->conns[i], &g->o->http, false);
    load_nonblocking(&g->conns[i]);
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
    if (epoll_ctl(g->poll, EPOLL_CTL_ADD, g->conns[i].fd, &ev) != 0)
        load_die("epoll: %s", strerror(errno));
}

static void ask(getting *g, unsigned i) {
    if (g->sent == g->o->ops)
        return;
    g->sent++;
    load_send(&g->conns[i], g->request, g->request_len);
}

static void renew(getting *g, unsigned i) {
    (void)close(g->conns[i].fd);
    open_one(g, i);
}

static void input(getting *g, unsigned i) {
    load_conn *c = &g->conns[i];
    load_answer a;
    bool ended = false;
    if (!load_receive(c, g->in[i], LOAD_LINE_MAX, &ended) && !ended)
        return;
    if (!load_http_answer(g->in[i], c->len, &a)) {
        if (ended)
            load_die("the server closed before its answer was whole");
        return;
    }
    if (a.status != 200)
        load_die("answered %d: %.*s", a.status, (int)c->len, g->in[i]);
    c->len = 0;
    g->done++;
    if (a.close)
        renew(g, i);
    ask(g, i);
}

static void round_of_gets(void *ctx, load_result *r) {
    getting *g = ctx;
    struct epoll_event ev[64];
    g->sent = g->done = 0;
    int64_t cpu = load_cpu_ns(g->o), wall = load_wall_ns();
    for (unsigned i = 0; i < g->o->in_flight; i++)
        ask(g, i);
    while (g->done < g->sent) {
        int n = epoll_wait(g->poll, ev, 64, 30000);
        if (n == 0)
            load_die("no answer for 30 s");
        for (int k = 0; k < n; k++)
            input(g, ev[k].data.u32);
    }
    *r = (load_result){.ops = g->done, .cpu_ns = load_cpu_ns(g->o) - cpu, .wall_ns = load_wall_ns() - wall};
}

int main(int argc, char **argv) {
    load_options o;
    load_parse(argc, argv, &o);
    getting g = {.o = &o, .conns = calloc(o.in_flight, sizeof *g.conns), .in = calloc(o.in_flight, LOAD_LINE_MAX)};
    g.poll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < o.in_flight; i++)
        open_one(&g, i);
    char authorization[128] = "";
    load_user self = {.name = "jeden"};
    load_conn first;
    for (unsigned i = 0; !o.peer && i < o.users; i++) { /* the others are there to be stepped over */
        load_user other;
        load_connect(&first, &o.http, false);
        load_login(&first, "get", i, i == 0 ? &self : &other);
        (void)close(first.fd);
    }
    if (!o.peer)
        (void)snprintf(authorization, sizeof authorization, "Authorization: Bearer %s\r\n", self.token);
    g.request_len =
        (size_t)snprintf(g.request, sizeof g.request, "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n%s\r\n",
                         o.path, self.name, authorization);
    load_rounds(&o, round_of_gets, &g);
    return 0;
}
