/* Users who wait: each with a held request (POST /v1/turn) and a SIP flow on which he is registered, in the clear or
 * inside TLS. With the peer, two silent connections a user. What a round prints as operations is the number of users;
 * the caller looks at the memory of the server before this starts and after a round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

typedef struct waiter {
    load_conn web, flow;
    load_user self;
} waiter;

static char buf[LOAD_LINE_MAX];

static void http(load_conn *c, const char *method, const char *path, const char *token, int wait_s, const char *body) {
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nPrefer: wait=%d\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     method, path, token, wait_s, strlen(body), body);
    load_send(c, text, (size_t)n);
}

/* On a stream the answer ends with its blank line: none of REGISTER's has a body. */
static void sip_answer(load_conn *c) {
    c->len = 0;
    do {
        if (!load_receive(c, buf, sizeof buf - 1, NULL))
            load_die("the server does not answer to REGISTER");
        buf[c->len] = '\0';
    } while (strstr(buf, "\r\n\r\n") == NULL);
    c->len = 0;
}

static void send_register(const load_options *o, waiter *u, unsigned number, const char *challenge) {
    char uri[96], text[2048];
    (void)snprintf(uri, sizeof uri, "sip:%s", o->domain);
    const char *transport = o->sip_tls ? "TLS" : "TCP";
    int n = snprintf(text, sizeof text,
                     "REGISTER %s SIP/2.0\r\nVia: SIP/2.0/%s load.invalid;branch=z9hG4bK%u-%d\r\nMax-Forwards: 70\r\n"
                     "From: <sip:%s@%s>;tag=f\r\nTo: <sip:%s@%s>\r\nCall-ID: w%u@load\r\nCSeq: %d REGISTER\r\n"
                     "Contact: <sip:%s@load.invalid;transport=tcp>\r\nExpires: 3600\r\n%s%sContent-Length: 0\r\n\r\n",
                     uri, transport, number, challenge != NULL, u->self.name, o->domain, u->self.name, o->domain,
                     number, 1 + (challenge != NULL), u->self.name, challenge != NULL ? "Authorization: " : "",
                     challenge != NULL ? load_digest(challenge, u->self.name, u->self.password, "REGISTER", uri) : "");
    load_send(&u->flow, text, (size_t)n);
    sip_answer(&u->flow);
}

static void come(const load_options *o, waiter *u, unsigned number) {
    char challenge[512];
    load_connect(&u->web, &o->http, o->http_tls);
    load_connect(&u->flow, &o->sip, o->sip_tls);
    if (o->peer) { /* the peer echoes: the byte that comes back tells that it took the connection */
        load_send(&u->web, "x", 1);
        load_send(&u->flow, "x", 1);
        if (!load_receive(&u->web, buf, 1, NULL) || !load_receive(&u->flow, buf, 1, NULL))
            load_die("no echo");
        return;
    }
    load_login(&u->web, "wait", number, &u->self);
    send_register(o, u, number, NULL);
    if (!load_header(buf, "WWW-Authenticate", 0, challenge, sizeof challenge))
        load_die("no challenge: %s", buf);
    send_register(o, u, number, challenge);
    if (strncmp(buf, "SIP/2.0 200", 11) != 0)
        load_die("not registered: %s", buf);
}

/* How many the server says are waiting, asked on one user's flow of requests of its own. */
static unsigned waiting(const load_options *o, const waiter *u) {
    char number[16];
    load_conn c;
    load_answer a;
    load_connect(&c, &o->http, o->http_tls);
    http(&c, "GET", "/v1/stats", u->self.token, 0, "");
    load_http(&c, "", buf, sizeof buf, &a);
    if (!load_json(a.body, a.body_len, "waiting", number, sizeof number))
        load_die("no count of the waiting: %.*s", (int)a.total, buf);
    load_close(&c);
    return (unsigned)strtoul(number, NULL, 10);
}

typedef struct crowd {
    const load_options *o;
    waiter *users;
} crowd;

static void round_of_waiting(void *ctx, load_result *r) {
    crowd *c = ctx;
    const load_options *o = c->o;
    for (unsigned i = 0; !o->peer && i < o->users; i++)
        http(&c->users[i].web, "POST", "/v1/turn", c->users[i].self.token, 60, "{}");
    r->ops = o->peer ? o->users : waiting(o, &c->users[0]);
    r->failed = o->users - r->ops;
}

int main(int argc, char **argv) {
    load_options o;
    load_parse(argc, argv, &o);
    crowd c = {.o = &o, .users = calloc(o.users, sizeof *c.users)};
    if (c.users == NULL)
        load_die("no memory");
    for (unsigned i = 0; i < o.users; i++)
        come(&o, &c.users[i], i);
    load_rounds(&o, round_of_waiting, &c);
    return 0;
}
