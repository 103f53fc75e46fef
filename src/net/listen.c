/* Listening sockets. Accepting is done here and not by libuv, so that it is bounded in each turn and does not spin when
 * descriptors run out. */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/conn.h"

#define ACCEPT_PER_TURN 64
#define BACKOFF_MS 100
#define TELL_AGAIN_MS 10000 /* as long as descriptors are lacking, or places */
#define BACKLOG 4096

static void log_refused(const mt_addr *at, const char *what, int err) {
    char text[MT_ADDR_STRLEN];
    mt_addr_format(at, text);
    mt_log(MT_LOG_ERROR, "listen", "%s: %s: %s", text, what, strerror(err));
}

static bool set_on(int fd, int level, int name) {
    int on = 1;
    return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

/* "[::]" takes IPv4 too. */
static bool set_options(int fd, const mt_addr *at) {
    int off = 0;
    if (!set_on(fd, SOL_SOCKET, SO_REUSEADDR))
        return false;
    return at->sa.sa_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0;
}

static const char *bind_socket(int fd, const mt_addr *at, int type, mt_addr *bound) {
    /* For datagrams SO_REUSEADDR would let two servers share a port without a word. */
    int off = 0;
    if (!set_options(fd, at) || (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off) != 0))
        return "cannot be set up";
    if (bind(fd, &at->sa, mt_addr_len(at)) != 0)
        return "cannot be bound";
    if (type == SOCK_STREAM && (!set_on(fd, IPPROTO_TCP, TCP_NODELAY) || listen(fd, BACKLOG) != 0))
        return "cannot be listened on";
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
        return "has no name";
    return mt_addr_from_sockaddr((const struct sockaddr *)&ss, bound) == MT_OK ? NULL : "has a strange name";
}

int mt_net_socket(const mt_addr *at, int type, mt_addr *bound) {
    int fd = socket(at->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        log_refused(at, "no socket", errno);
        return -1;
    }
    mt_addr name;
    const char *failed = bind_socket(fd, at, type, &name);
    if (failed != NULL) {
        log_refused(at, failed, errno);
        close(fd);
        return -1;
    }
    *bound = name;
    return fd;
}

static bool may_tell(mt_listener *l) {
    int64_t now_ms = mt_net_now_ms(l->net);
    if (now_ms < l->silent_until_ms)
        return false;
    l->silent_until_ms = now_ms + TELL_AGAIN_MS;
    return true;
}

static void take(mt_listener *l, int fd, const struct sockaddr *sa) {
    mt_net *n = l->net;
    mt_addr remote;
    bool full = n->counts.open >= n->limits.max_conns;
    n->ran = true;
    if (full && may_tell(l))
        mt_log(MT_LOG_WARN, "accept", "%zu connections are open: no more are let in (max_connections)", n->counts.open);
    if (full || mt_addr_from_sockaddr(sa, &remote) != MT_OK || (n->h.accept != NULL && !n->h.accept(n->ctx, &remote))) {
        n->counts.refused++;
        close(fd);
        return;
    }
    n->counts.accepted++;
    if (mt_conn_adopt_tls(n, fd, &remote, l->mode, l->tls) != MT_OK && n->h.gone != NULL)
        n->h.gone(n->ctx, &remote);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_backoff(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_listener *l = MT_CONTAINER(t, mt_listener, backoff);
    (void)uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

/* Out of descriptors or memory: the queue stays readable, so look away for a while. */
static void back_off(mt_listener *l, int err) {
    if (may_tell(l))
        mt_log(MT_LOG_WARN, "accept", "%s; waiting", strerror(err));
    (void)uv_poll_stop(&l->poll);
    mt_timer_set(&l->net->timers, &l->backoff, mt_net_now_ms(l->net) + BACKOFF_MS);
}

static bool is_passing(int err) {
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    mt_listener *l = poll->data;
    for (int i = 0; i < ACCEPT_PER_TURN; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss;
        int fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(l, fd, (const struct sockaddr *)&ss);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (is_passing(errno)) {
            back_off(l, errno);
            return;
        }
        /* ECONNABORTED and the like concern one connection only (accept(2)). */
    }
}

static void on_closed(uv_handle_t *handle) {
    mt_listener *l = handle->data;
    close(l->fd);
    mt_free(l);
}

static mt_err listen_tcp(mt_net *n, const mt_addr *at, mt_conn_mode mode, const mt_tls *tls, mt_addr *bound) {
    mt_listener *l = mt_calloc(1, sizeof *l);
    if (l == NULL)
        return MT_ENOMEM;
    mt_addr name;
    l->net = n;
    l->mode = mode;
    l->tls = tls;
    l->fd = mt_net_socket(at, SOCK_STREAM, &name);
    if (l->fd < 0) {
        mt_free(l);
        return MT_ESYS;
    }
    mt_timer_init(&l->backoff, on_backoff);
    if (uv_poll_init(&n->loop, &l->poll, l->fd) != 0) {
        close(l->fd);
        mt_free(l);
        return MT_ESYS;
    }
    l->poll.data = l;
    mt_list_append(&n->listeners, &l->link);
    (void)uv_poll_start(&l->poll, UV_READABLE, on_readable);
    *bound = name;
    return MT_OK;
}

mt_err mt_net_listen_http(mt_net *n, const mt_addr *at, mt_addr *bound) {
    return listen_tcp(n, at, MT_CONN_HTTP, NULL, bound);
}

mt_err mt_net_listen_sip_tcp(mt_net *n, const mt_addr *at, mt_addr *bound) {
    return listen_tcp(n, at, MT_CONN_SIP, NULL, bound);
}

mt_err mt_net_listen_https(mt_net *n, const mt_addr *at, const mt_tls *tls, mt_addr *bound) {
    mt_err err = mt_conn_tls_setup(n);
    return err == MT_OK ? listen_tcp(n, at, MT_CONN_HTTP, tls, bound) : err;
}

mt_err mt_net_listen_sip_tls(mt_net *n, const mt_addr *at, const mt_tls *tls, mt_addr *bound) {
    mt_err err = mt_conn_tls_setup(n);
    return err == MT_OK ? listen_tcp(n, at, MT_CONN_SIP, tls, bound) : err;
}

void mt_net_stop_listening(mt_net *n) {
    while (!mt_list_empty(&n->listeners)) {
        mt_listener *l = MT_CONTAINER(n->listeners.next, mt_listener, link);
        mt_list_remove(&l->link);
        mt_timer_stop(&n->timers, &l->backoff);
        uv_close((uv_handle_t *)&l->poll, on_closed);
    }
}
