/* SIP user agents, each on a UDP socket of its own. `register`: each registers again and again, challenged each time.
 * `call`: half of them call the other half: INVITE, 407, ACK, INVITE, 100, 180, 200, ACK, BYE, 200. Who calls whom is
 * drawn by ours over HTTP before the clock runs; with the peer, where anybody may call anybody, the first half calls
 * the second. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define PACKET 4096
#define RETRY_NS INT64_C(1000000000)
#define TRIES_MAX 20

typedef struct agent {
    load_user self;
    load_conn web;
    int fd;
    unsigned port, number, cseq, call, tries;
    bool active;    /* has an operation under way */
    int64_t due_ns; /* what was sent last is sent again then */
    char to[24];    /* the extension or name called */
    char branch[48];
    char last[PACKET];
    size_t last_len;
    char remote[256], routes[1024], to_line[256]; /* of the dialog */
} agent;

typedef struct world {
    const load_options *o;
    agent *agents;
    int poll;
    bool calls;
    uint64_t done, begun, retries;
} world;

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                          "m=audio 40000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n";

static void transmit(const agent *a, const char *text, size_t len) {
    if (send(a->fd, text, len, 0) != (ssize_t)len)
        load_die("UDP: %s", strerror(errno));
}

/* Sends a request that is repeated until something else is sent. */
static void request(agent *a) {
    a->due_ns = load_wall_ns() + RETRY_NS;
    a->tries = 0;
    transmit(a, a->last, a->last_len);
}

static const char *credentials(const world *w, const agent *a, const char *challenge, const char *method,
                               const char *uri) {
    return load_digest(challenge, a->self.name, w->o->peer ? "secret" : a->self.password, method, uri);
}

/* The lines that every request of ours begins with; to: the whole To value. */
static int head(agent *a, char *out, size_t cap, const char *method, const char *uri, const char *to,
                const char *domain) {
    bool reg = method[0] == 'R';
    return snprintf(out, cap,
                    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=%s\r\nMax-Forwards: 70\r\n"
                    "From: <sip:%s@%s>;tag=f%u-%u\r\nTo: %s\r\nCall-ID: %c%u-%u@load\r\nCSeq: %u %s\r\n",
                    method, uri, a->port, a->branch, a->self.name, domain, a->number, a->call, to, reg ? 'r' : 'c',
                    a->number, a->call, a->cseq, method);
}

static void new_branch(agent *a) {
    (void)snprintf(a->branch, sizeof a->branch, "z9hG4bK%u-%u-%u", a->number, a->call, ++a->cseq);
}

static void send_register(const world *w, agent *a, const char *challenge) {
    char uri[96], to[128];
    (void)snprintf(uri, sizeof uri, "sip:%s", w->o->domain);
    (void)snprintf(to, sizeof to, "<sip:%s@%s>", a->self.name, w->o->domain);
    new_branch(a);
    int n = head(a, a->last, sizeof a->last, "REGISTER", uri, to, w->o->domain);
    n += snprintf(a->last + n, sizeof a->last - (size_t)n,
                  "Contact: <sip:%s@127.0.0.1:%u>\r\nExpires: 600\r\n%s%sContent-Length: 0\r\n\r\n", a->self.name,
                  a->port, challenge != NULL ? "Authorization: " : "",
                  challenge != NULL ? credentials(w, a, challenge, "REGISTER", uri) : "");
    a->last_len = (size_t)n;
    request(a);
}

/* header: what the challenge is answered with, by a proxy or by who is the end himself. */
static void send_invite(const world *w, agent *a, const char *header, const char *challenge) {
    char uri[128], to[136];
    (void)snprintf(uri, sizeof uri, "sip:%s@%s", a->to, w->o->domain);
    (void)snprintf(to, sizeof to, "<%s>", uri);
    new_branch(a);
    int n = head(a, a->last, sizeof a->last, "INVITE", uri, to, w->o->domain);
    n +=
        snprintf(a->last + n, sizeof a->last - (size_t)n,
                 "Contact: <sip:%s@127.0.0.1:%u>\r\n%s%sContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                 a->self.name, a->port, challenge != NULL ? header : "",
                 challenge != NULL ? credentials(w, a, challenge, "INVITE", uri) : "", sizeof sdp - 1, sdp);
    a->last_len = (size_t)n;
    request(a);
}

/* RFC 3261 17.1.1.3: of the INVITE's transaction. */
static void acknowledge_refusal(const world *w, agent *a, const char *msg) {
    char uri[128], to[256], ack[1024];
    (void)snprintf(uri, sizeof uri, "sip:%s@%s", a->to, w->o->domain);
    if (!load_header(msg, "To", 0, to, sizeof to))
        load_die("an answer without To");
    int n = head(a, ack, sizeof ack, "ACK", uri, to, w->o->domain);
    n += snprintf(ack + n, sizeof ack - (size_t)n, "Content-Length: 0\r\n\r\n");
    transmit(a, ack, (size_t)n);
}

/* RFC 3261 12.1.2: the routes are those recorded, backwards. */
static void learn_dialog(agent *a, const char *msg) {
    char contact[256], route[512];
    if (!load_header(msg, "Contact", 0, contact, sizeof contact) ||
        !load_header(msg, "To", 0, a->to_line, sizeof a->to_line))
        load_die("a 200 without Contact or To");
    const char *open = strchr(contact, '<');
    (void)snprintf(a->remote, sizeof a->remote, "%.*s", (int)strcspn(open + 1, ">"), open + 1);
    unsigned count = 0;
    while (load_header(msg, "Record-Route", count, route, sizeof route))
        count++;
    size_t n = 0;
    a->routes[0] = '\0';
    while (count-- > 0 && load_header(msg, "Record-Route", count, route, sizeof route)) {
        char *comma = strchr(route, ','); /* two in one line stand in order, too */
        if (comma != NULL)
            n += (size_t)snprintf(a->routes + n, sizeof a->routes - n, "Route: %s\r\n", comma + 1);
        n += (size_t)snprintf(a->routes + n, sizeof a->routes - n, "Route: %.*s\r\n",
                              comma != NULL ? (int)(comma - route) : (int)strlen(route), route);
    }
}

static void in_dialog(const world *w, agent *a, const char *method, char *out, size_t cap, size_t *len) {
    int n = head(a, out, cap, method, a->remote, a->to_line, w->o->domain);
    n += snprintf(out + n, cap - (size_t)n, "%sContent-Length: 0\r\n\r\n", a->routes);
    *len = (size_t)n;
}

static void answered(const world *w, agent *a, const char *msg) {
    char ack[PACKET];
    size_t len;
    learn_dialog(a, msg);
    (void)snprintf(a->branch, sizeof a->branch, "z9hG4bK%u-%u-a", a->number, a->call);
    in_dialog(w, a, "ACK", ack, sizeof ack, &len);
    transmit(a, ack, len);
    new_branch(a);
    in_dialog(w, a, "BYE", a->last, sizeof a->last, &a->last_len);
    request(a);
}

/* The callee */

static void reply(const world *w, agent *a, const char *msg, const char *status, bool body) {
    static const char *const copied[] = {"Via", "Record-Route", "From", "Call-ID", "CSeq"};
    char out[PACKET], value[1024];
    size_t n = (size_t)snprintf(out, sizeof out, "SIP/2.0 %s\r\n", status);
    for (size_t k = 0; k < sizeof copied / sizeof copied[0]; k++) {
        for (unsigned i = 0; load_header(msg, copied[k], i, value, sizeof value); i++)
            n += (size_t)snprintf(out + n, sizeof out - n, "%s: %s\r\n", copied[k], value);
    }
    if (!load_header(msg, "To", 0, value, sizeof value))
        load_die("a request without To");
    n += (size_t)snprintf(out + n, sizeof out - n,
                          "To: %s%s\r\nContact: <sip:%s@127.0.0.1:%u>\r\n%sContent-Length: %zu\r\n\r\n%s", value,
                          strstr(value, "tag=") == NULL ? ";tag=callee" : "", a->self.name, a->port,
                          body ? "Content-Type: application/sdp\r\n" : "", body ? sizeof sdp - 1 : 0, body ? sdp : "");
    transmit(a, out, n);
}

static void asked(const world *w, agent *a, const char *msg) {
    if (strncmp(msg, "INVITE ", 7) == 0) {
        reply(w, a, msg, "180 Ringing", false);
        reply(w, a, msg, "200 OK", true);
    } else if (strncmp(msg, "ACK ", 4) != 0) {
        reply(w, a, msg, "200 OK", false);
    }
}

/* The one who asked */

static void begin(world *w, agent *a) {
    w->begun++;
    a->active = true;
    if (w->calls) {
        a->call++;
        send_invite(w, a, "", NULL);
    } else {
        send_register(w, a, NULL);
    }
}

static void finished(world *w, agent *a) {
    a->active = false;
    w->done++;
}

static void told(world *w, agent *a, const char *msg) {
    char cseq[64], expected[64], challenge[512];
    int status = (int)strtol(msg + 8, NULL, 10);
    bool invite = strncmp(a->last, "INVITE ", 7) == 0, reg = strncmp(a->last, "REGISTER ", 9) == 0;
    (void)snprintf(expected, sizeof expected, "%u %s", a->cseq, reg ? "REGISTER" : invite ? "INVITE" : "BYE");
    if (!a->active || !load_header(msg, "CSeq", 0, cseq, sizeof cseq) || strcmp(cseq, expected) != 0)
        return; /* repeated */
    if (status < 200) {
        a->due_ns = load_wall_ns() + 30 * RETRY_NS;
        return;
    }
    if (status == 401 && reg && load_header(msg, "WWW-Authenticate", 0, challenge, sizeof challenge)) {
        send_register(w, a, challenge);
    } else if (status == 407 && invite && load_header(msg, "Proxy-Authenticate", 0, challenge, sizeof challenge)) {
        acknowledge_refusal(w, a, msg);
        send_invite(w, a, "Proxy-Authorization: ", challenge);
    } else if (status == 401 && invite && load_header(msg, "WWW-Authenticate", 0, challenge, sizeof challenge)) {
        acknowledge_refusal(w, a, msg);
        send_invite(w, a, "Authorization: ", challenge);
    } else if (status == 200 && invite) {
        answered(w, a, msg);
    } else if (status == 200) {
        finished(w, a);
    } else {
        load_die("answered %s", msg);
    }
}

static void input(world *w, agent *a) {
    char msg[PACKET];
    ssize_t n = recv(a->fd, msg, sizeof msg - 1, MSG_DONTWAIT);
    if (n <= 0)
        return;
    msg[n] = '\0';
    if (strncmp(msg, "SIP/2.0 ", 8) == 0)
        told(w, a, msg);
    else
        asked(w, a, msg);
}

static void repeat(world *w) {
    int64_t now = load_wall_ns();
    for (unsigned i = 0; i < w->o->users; i++) {
        agent *a = &w->agents[i];
        if (!a->active || a->due_ns > now)
            continue;
        if (++a->tries > TRIES_MAX)
            load_die("no answer to: %s", a->last);
        w->retries++;
        a->due_ns = now + RETRY_NS;
        transmit(a, a->last, a->last_len);
    }
}

static void poll_once(world *w) {
    struct epoll_event ev[256];
    int n = epoll_wait(w->poll, ev, 256, 1000);
    for (int k = 0; k < n; k++)
        input(w, ev[k].data.ptr);
    if (n == 0)
        repeat(w);
}

static void run(world *w, unsigned ops, unsigned among) {
    unsigned able = w->calls ? w->o->users / 2 : among;
    unsigned at_once = w->o->in_flight < able ? w->o->in_flight : able;
    w->done = w->begun = 0;
    for (unsigned next = 0; w->done < ops; poll_once(w)) {
        while (w->begun < ops && w->begun - w->done < at_once) {
            agent *a = &w->agents[next++ % among];
            if (!a->active && (!w->calls || a->to[0] != '\0'))
                begin(w, a);
        }
    }
}

/* Everybody is drawn for somebody; who calls gets the extension. */
static void draw_all(world *w) {
    char text[512], buf[LOAD_LINE_MAX], role[16];
    for (unsigned i = 0; i < w->o->users; i++) {
        agent *a = &w->agents[i];
        (void)snprintf(
            text, sizeof text,
            "POST /v1/turn HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nPrefer: wait=30\r\n\r\n",
            a->self.token);
        load_send(&a->web, text, strlen(text));
    }
    for (unsigned i = 0; i < w->o->users; i++) {
        agent *a = &w->agents[i];
        load_answer answer;
        load_http(&a->web, "", buf, sizeof buf, &answer);
        if (answer.status != 200 || !load_json(answer.body, answer.body_len, "role", role, sizeof role))
            load_die("no draw: %.*s", (int)answer.total, buf);
        const char *partner = memmem(answer.body, answer.body_len, "\"partner\"", 9);
        a->to[0] = '\0';
        if (strcmp(role, "caller") == 0 && partner != NULL)
            (void)load_json(partner, answer.body_len - (size_t)(partner - answer.body), "exten", a->to, sizeof a->to);
    }
}

static void round_of_sip(void *ctx, load_result *r) {
    world *w = ctx;
    unsigned among = w->calls && w->o->peer ? w->o->users / 2 : w->o->users;
    unsigned ops = w->calls ? w->o->users / 2 : w->o->ops;
    uint64_t before = w->retries;
    do { /* calls: as many times as it takes, each drawn anew */
        if (w->calls && !w->o->peer)
            draw_all(w);
        int64_t cpu = load_cpu_ns(w->o), wall = load_wall_ns();
        run(w, ops, among);
        r->cpu_ns += load_cpu_ns(w->o) - cpu;
        r->wall_ns += load_wall_ns() - wall;
        r->ops += ops;
    } while (r->ops < w->o->ops);
    r->failed = w->retries - before;
}

static void come(world *w, unsigned i) {
    agent *a = &w->agents[i];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    a->number = i;
    a->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (a->fd < 0 || bind(a->fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(a->fd, (struct sockaddr *)&at, &len) != 0)
        load_die("no socket: %s", strerror(errno));
    if (connect(a->fd, (const struct sockaddr *)&w->o->sip, sizeof w->o->sip) != 0) /* and hear nobody else */
        load_die("no socket: %s", strerror(errno));
    a->port = ntohs(at.sin_port);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = a};
    if (epoll_ctl(w->poll, EPOLL_CTL_ADD, a->fd, &ev) != 0)
        load_die("epoll: %s", strerror(errno));
    if (w->o->peer) {
        (void)snprintf(a->self.name, sizeof a->self.name, "sip%u", i);
        (void)snprintf(a->to, sizeof a->to, "sip%u", i + w->o->users / 2);
        return;
    }
    load_connect(&a->web, &w->o->http, false);
    load_login(&a->web, "sip", i, &a->self);
}

int main(int argc, char **argv) {
    load_options o;
    load_parse(argc, argv, &o);
    world w = {.o = &o, .agents = calloc(o.users, sizeof *w.agents), .poll = epoll_create1(EPOLL_CLOEXEC)};
    if (w.agents == NULL || o.users % 2 != 0)
        load_die("an even number of users, please");
    for (unsigned i = 0; i < o.users; i++)
        come(&w, i);
    run(&w, o.users, o.users); /* all register once */
    w.calls = strcmp(o.path, "call") == 0;
    load_rounds(&o, round_of_sip, &w);
    return 0;
}
