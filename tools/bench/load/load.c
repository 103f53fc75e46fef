#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void load_die(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(1);
}

static struct sockaddr_in address(const char *text) {
    char host[64];
    const char *colon = strrchr(text, ':');
    struct sockaddr_in a = {.sin_family = AF_INET};
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        load_die("%s is no HOST:PORT", text);
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    a.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        load_die("%s is no HOST:PORT", text);
    return a;
}

static void pids(load_options *o, const char *list) {
    for (char *end; *list != '\0'; list = *end == ',' ? end + 1 : end) {
        if (o->pid_count == LOAD_PIDS_MAX)
            load_die("too many processes");
        o->pids[o->pid_count++] = (int)strtol(list, &end, 10);
        if (end == list)
            load_die("%s is no list of processes", list);
    }
}

void load_parse(int argc, char **argv, load_options *o) {
    static const struct option table[] = {{"http", 1, NULL, 'h'}, {"https", 1, NULL, 'H'},     {"sip", 1, NULL, 's'},
                                          {"sips", 1, NULL, 'S'}, {"path", 1, NULL, 'p'},      {"users", 1, NULL, 'u'},
                                          {"ops", 1, NULL, 'n'},  {"in-flight", 1, NULL, 'c'}, {"pids", 1, NULL, 'P'},
                                          {"peer", 0, NULL, 'o'}, {"domain", 1, NULL, 'd'},    {NULL, 0, NULL, 0}};
    *o = (load_options){.path = "/", .users = 100, .ops = 1000, .in_flight = 16, .domain = "myturn.invalid"};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (c) {
        case 'H':
            o->http_tls = true;
            __attribute__((fallthrough));
        case 'h':
            o->http = address(optarg);
            break;
        case 'S':
            o->sip_tls = true;
            __attribute__((fallthrough));
        case 's':
            o->sip = address(optarg);
            break;
        case 'p':
            o->path = optarg;
            break;
        case 'd':
            o->domain = optarg;
            break;
        case 'u':
            o->users = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            o->ops = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            o->in_flight = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'P':
            pids(o, optarg);
            break;
        case 'o':
            o->peer = true;
            break;
        default:
            exit(2);
        }
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int64_t load_wall_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t load_cpu_ns(const load_options *o) {
    int64_t sum = 0;
    for (unsigned i = 0; i < o->pid_count; i++) {
        clockid_t clock;
        struct timespec t;
        if (clock_getcpuclockid(o->pids[i], &clock) != 0 || clock_gettime(clock, &t) != 0)
            load_die("process %d is gone", o->pids[i]);
        sum += (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    return sum;
}

void load_rounds(const load_options *o, void (*round)(void *ctx, load_result *r), void *ctx) {
    char line[64];
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        load_result r = {.ops = 0};
        round(ctx, &r);
        (void)printf("{\"ops\":%llu,\"failed\":%llu,\"cpu_ns\":%lld,\"wall_ns\":%lld}\n", (unsigned long long)r.ops,
                     (unsigned long long)r.failed, (long long)r.cpu_ns, (long long)r.wall_ns);
        (void)fflush(stdout);
    }
}

/* Connections */

static void begin_tls(load_conn *c) {
    static SSL_CTX *ctx;
    if (ctx == NULL) {
        ctx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    }
    SSL *ssl = SSL_new(ctx);
    if (ssl == NULL || SSL_set_fd(ssl, c->fd) != 1 || SSL_connect(ssl) != 1)
        load_die("no TLS with the server");
    c->ssl = ssl;
}

/* Ports of connections that others closed less than a minute ago are not to be had again yet, and may be all. */
static int connect_patiently(int fd, const struct sockaddr_in *to) {
    enum { LIMIT_S = 70 };
    int r = connect(fd, (const struct sockaddr *)to, sizeof *to);
    for (int s = 0; r != 0 && errno == EADDRNOTAVAIL && s < LIMIT_S; s++) {
        (void)sleep(1);
        r = connect(fd, (const struct sockaddr *)to, sizeof *to);
    }
    return r;
}

void load_connect(load_conn *c, const struct sockaddr_in *to, bool tls) {
    int one = 1;
    struct timeval limit = {.tv_sec = 30};
    *c = (load_conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (c->fd < 0)
        load_die("no more sockets: %s", strerror(errno));
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect_patiently(c->fd, to) != 0)
        load_die("cannot connect to port %u: %s", ntohs(to->sin_port), strerror(errno));
    if (tls)
        begin_tls(c);
}

void load_close(load_conn *c) {
    SSL_free(c->ssl);
    (void)close(c->fd);
}

void load_nonblocking(const load_conn *c) {
    int flags = fcntl(c->fd, F_GETFL);
    if (flags < 0 || fcntl(c->fd, F_SETFL, flags | O_NONBLOCK) != 0)
        load_die("a socket cannot be set non-blocking");
}

void load_send(const load_conn *c, const char *bytes, size_t len) {
    if (c->ssl != NULL) {
        if (SSL_write(c->ssl, bytes, (int)len) != (int)len)
            load_die("TLS: the server is gone");
        return;
    }
    if (send(c->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        load_die("the server takes no more: %s", strerror(errno));
}

bool load_receive(load_conn *c, char *buf, size_t cap, bool *ended) {
    ssize_t n = c->ssl != NULL ? SSL_read(c->ssl, buf + c->len, (int)(cap - c->len))
                               : recv(c->fd, buf + c->len, cap - c->len, 0);
    if (n > 0) {
        c->len += (uint32_t)n;
        return true;
    }
    if (n < 0 && c->ssl == NULL && (errno == EAGAIN || errno == EINTR))
        return false;
    if (ended == NULL)
        load_die("the server closed a connection: %s", n < 0 ? strerror(errno) : "end of stream");
    *ended = true;
    return false;
}

/* HTTP */

static const char *find(const char *in, size_t len, const char *what) {
    return memmem(in, len, what, strlen(what));
}

bool load_http_answer(const char *in, size_t len, load_answer *a) {
    const char *end = find(in, len, "\r\n\r\n");
    if (end == NULL)
        return false;
    size_t head = (size_t)(end - in) + 4;
    size_t body = 0;
    for (const char *line = memchr(in, '\n', head); line != NULL && ++line < end;
         line = memchr(line, '\n', head - (size_t)(line - in))) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            body = strtoul(line + 15, NULL, 10);
    }
    if (len < head + body)
        return false;
    *a = (load_answer){.body = in + head, .body_len = body, .total = head + body};
    a->status = (int)strtol(in + 9, NULL, 10);
    a->close = in[7] == '0' || find(in, head, "onnection: close") != NULL;
    return true;
}

void load_http(load_conn *c, const char *request, char *buf, size_t cap, load_answer *a) {
    if (request[0] != '\0') /* else it was sent before */
        load_send(c, request, strlen(request));
    c->len = 0;
    while (!load_http_answer(buf, c->len, a)) {
        if (c->len == cap)
            load_die("an answer is too long");
        if (!load_receive(c, buf, cap, NULL))
            load_die("the server does not answer");
    }
    c->len = 0;
}

bool load_json(const char *json, size_t len, const char *member, char *out, size_t cap) {
    char key[40];
    int n = snprintf(key, sizeof key, "\"%s\":", member);
    const char *at = memmem(json, len, key, (size_t)n);
    if (at == NULL)
        return false;
    at += n;
    const char *stop = json + len;
    bool quoted = at < stop && *at == '"';
    at += quoted;
    size_t i = 0;
    for (; at < stop && i + 1 < cap && (quoted ? *at != '"' : *at != ',' && *at != '}'); at++)
        out[i++] = *at;
    out[i] = '\0';
    return true;
}

void load_login(load_conn *c, const char *prefix, unsigned number, load_user *u) {
    char request[512], body[64], buf[LOAD_LINE_MAX];
    load_answer a;
    (void)snprintf(u->name, sizeof u->name, "%s%u", prefix, number);
    int n = snprintf(body, sizeof body, "{\"name\":\"%s\"}", u->name);
    (void)snprintf(request, sizeof request,
                   "POST /v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                   "Content-Length: %d\r\n\r\n%s",
                   n, body);
    load_http(c, request, buf, sizeof buf, &a);
    if (a.status != 201 || !load_json(a.body, a.body_len, "token", u->token, sizeof u->token) ||
        !load_json(a.body, a.body_len, "exten", u->exten, sizeof u->exten) ||
        !load_json(a.body, a.body_len, "password", u->password, sizeof u->password))
        load_die("login of %s: %.*s", u->name, (int)a.total, buf);
}
