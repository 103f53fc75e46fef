/* Users who draw again and again: each asks for a partner, and as soon as he is told of one leaves him for the next.
 * Ours over held HTTP requests, the peer over WebSocket with messages of the same content. One operation is one pair of
 * whom both have been told, counted by the callers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "load.h"

#define IN_BYTES 2048 /* an answer is shorter */

typedef struct drawer {
    load_conn conn;
    load_user self;
    char pair[40];
    char in[IN_BYTES];
} drawer;

typedef struct drawing {
    const load_options *o;
    drawer *users;
    int poll;
    uint64_t callers;
} drawing;

/* Clients mask their frames (RFC 6455 section 5.3); a mask of zeros leaves the text as it is. */
static void send_frame(const load_conn *c, const char *text, size_t len) {
    char frame[160] = {(char)0x81, (char)(0x80 | (len < 126 ? len : 126))};
    size_t head = len < 126 ? 6 : 8;
    if (len >= 126) {
        frame[2] = (char)(len >> 8);
        frame[3] = (char)len;
    }
    memcpy(frame + head, text, len);
    load_send(c, frame, head + len);
}

static bool frame_answer(const char *in, size_t len, load_answer *a) {
    const unsigned char *b = (const unsigned char *)in;
    if (len < 2)
        return false;
    size_t head = b[1] < 126 ? 2 : 4;
    if (len < head)
        return false;
    size_t body = b[1] < 126 ? b[1] : (size_t)b[2] << 8 | b[3];
    *a = (load_answer){.status = 200, .body = in + head, .body_len = body, .total = head + body};
    return len >= a->total;
}

static void ask(const drawing *d, drawer *u) {
    char body[64], request[512];
    int len = u->pair[0] != '\0' ? snprintf(body, sizeof body, "{\"leave\":\"%s\"}", u->pair)
                                 : snprintf(body, sizeof body, "{}");
    if (d->o->peer) {
        send_frame(&u->conn, body, (size_t)len);
        return;
    }
    int n = snprintf(request, sizeof request,
                     "POST /v1/turn HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nPrefer: wait=60\r\n"
                     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                     u->self.token, len, body);
    load_send(&u->conn, request, (size_t)n);
}

static void told(drawing *d, drawer *u, const load_answer *a) {
    char role[16];
    if (load_json(a->body, a->body_len, "state", role, sizeof role) && strcmp(role, "waiting") == 0) {
        u->conn.len = 0;
        ask(d, u);
        return;
    }
    if (a->status != 200 || !load_json(a->body, a->body_len, "role", role, sizeof role) ||
        !load_json(a->body, a->body_len, "pair", u->pair, sizeof u->pair))
        load_die("answered %d: %.*s", a->status, (int)u->conn.len, u->in);
    d->callers += strcmp(role, "caller") == 0;
    u->conn.len = 0;
    ask(d, u);
}

static void input(drawing *d, drawer *u) {
    load_answer a;
    if (!load_receive(&u->conn, u->in, IN_BYTES, NULL))
        return;
    bool whole = d->o->peer ? frame_answer(u->in, u->conn.len, &a) : load_http_answer(u->in, u->conn.len, &a);
    if (whole)
        told(d, u, &a);
}

static int poll_once(drawing *d, int limit_ms) {
    struct epoll_event ev[256];
    int n = epoll_wait(d->poll, ev, 256, limit_ms);
    for (int k = 0; k < n; k++)
        input(d, ev[k].data.ptr);
    return n;
}

/* Between rounds nothing is read, so all come to rest; what was answered before a round and is counted in it is as much
 * as what is answered in it and counted in the next. */
static void round_of_draws(void *ctx, load_result *r) {
    drawing *d = ctx;
    d->callers = 0;
    int64_t cpu = load_cpu_ns(d->o), wall = load_wall_ns();
    while (d->callers < d->o->ops) {
        if (poll_once(d, 30000) == 0)
            load_die("nobody was drawn for 30 s");
    }
    *r = (load_result){.ops = d->callers, .cpu_ns = load_cpu_ns(d->o) - cpu, .wall_ns = load_wall_ns() - wall};
}

static void come(drawing *d, unsigned i) {
    drawer *u = &d->users[i];
    load_answer a;
    load_connect(&u->conn, &d->o->http, false);
    if (d->o->peer)
        load_http(&u->conn,
                  "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  u->in, IN_BYTES, &a);
    else
        load_login(&u->conn, "turn", i, &u->self);
    load_nonblocking(&u->conn);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = u};
    if (epoll_ctl(d->poll, EPOLL_CTL_ADD, u->conn.fd, &ev) != 0)
        load_die("epoll: %s", strerror(errno));
}

int main(int argc, char **argv) {
    load_options o;
    load_parse(argc, argv, &o);
    drawing d = {.o = &o, .users = calloc(o.users, sizeof *d.users), .poll = epoll_create1(EPOLL_CLOEXEC)};
    if (o.users % 2 != 0 || d.users == NULL)
        load_die("an even number of users, please");
    for (unsigned i = 0; i < o.users; i++)
        come(&d, i);
    for (unsigned i = 0; i < o.users; i++)
        ask(&d, &d.users[i]);
    load_rounds(&o, round_of_draws, &d);
    return 0;
}
