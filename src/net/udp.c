/* UDP in batches: one system call for many datagrams, both ways. */
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/conn.h"

#define BATCH 32
#define BATCHES_PER_TURN 4
#define DATAGRAM_MAX 65536
#define SPREAD 1088 /* else all buffers begin in the same few lines of the processor's caches */
#define RCVBUF_BYTES (4 << 20)
#define QUEUE_MAX_BYTES (1U << 20)
#define QUEUE_MAX 256

typedef struct outgoing {
    mt_addr to;
    uint32_t at, len; /* in bytes */
} outgoing;

typedef struct batch {
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_storage from[BATCH];
} batch;

struct mt_udp {
    mt_list link;
    mt_net *net;
    uv_poll_t poll;
    int fd;
    bool dual; /* an IPv6 socket: IPv4 peers go by their mapped addresses */
    bool closed;
    unsigned queued;
    mt_buf bytes;
    batch incoming, leaving; /* two: a handler may send while those received are handed up */
    outgoing out[QUEUE_MAX];
    char in[BATCH][DATAGRAM_MAX + SPREAD]; /* only pages that were ever received into are real */
};

/* Once: a call changes lengths only. */
static void prepare_in(mt_udp *u, batch *b) {
    for (int i = 0; i < BATCH; i++) {
        b->iov[i] = (struct iovec){u->in[i], DATAGRAM_MAX};
        b->msgs[i] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &b->from[i], .msg_namelen = sizeof b->from[i], .msg_iov = &b->iov[i], .msg_iovlen = 1}};
    }
}

static void deliver(mt_udp *u, batch *b, int count) {
    mt_net *n = u->net;
    for (int i = 0; i < count; i++) {
        mt_addr from;
        b->msgs[i].msg_hdr.msg_namelen = sizeof b->from[i];
        if (mt_addr_from_sockaddr((const struct sockaddr *)&b->from[i], &from) != MT_OK || mt_addr_port(&from) == 0)
            continue; /* nothing can be answered to port 0 */
        n->counts.datagrams_in++;
        n->ran = true;
        n->h.datagram(n->ctx, u, &from, (mt_slice){u->in[i], b->msgs[i].msg_len});
    }
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    mt_udp *u = poll->data;
    for (int round = 0; round < BATCHES_PER_TURN && !u->closed; round++) {
        int count = recvmmsg(u->fd, u->incoming.msgs, BATCH, MSG_WAITFORONE | MSG_DONTWAIT, NULL);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        deliver(u, &u->incoming, count);
        if (count < BATCH)
            return;
    }
}

/* Outgoing */

static socklen_t wire_addr(const mt_udp *u, const mt_addr *to, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (!u->dual || to->sa.sa_family != AF_INET) {
        memcpy(out, to, mt_addr_len(to));
        return mt_addr_len(to);
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = to->in.sin_port};
    in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&in6.sin6_addr.s6_addr[12], &to->in.sin_addr, 4);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

static unsigned prepare_out(const mt_udp *u, unsigned first, batch *b) {
    unsigned count = u->queued - first < BATCH ? u->queued - first : BATCH;
    for (unsigned i = 0; i < count; i++) {
        const outgoing *o = &u->out[first + i];
        b->iov[i] = (struct iovec){u->bytes.p + o->at, o->len};
        b->msgs[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->from[i],
                                                  .msg_namelen = wire_addr(u, &o->to, &b->from[i]),
                                                  .msg_iov = &b->iov[i],
                                                  .msg_iovlen = 1}};
    }
    return count;
}

/* sendmmsg may stop short: at a datagram the kernel refuses, which is skipped, or because the socket is full: then the
 * rest is dropped. */
static void flush(mt_udp *u) {
    unsigned done = 0;
    while (done < u->queued && !u->closed) {
        unsigned count = prepare_out(u, done, &u->leaving);
        int sent = sendmmsg(u->fd, u->leaving.msgs, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
            break;
        done += sent > 0 ? (unsigned)sent : 1;
        u->net->counts.datagrams_out += sent > 0 ? (unsigned)sent : 0;
    }
    u->queued = 0;
    if (u->bytes.cap > QUEUE_MAX_BYTES / 4)
        mt_buf_deinit(&u->bytes);
    else
        mt_buf_reset(&u->bytes);
}

void mt_udp_send(mt_udp *u, const mt_addr *to, mt_slice bytes) {
    if (u->closed || bytes.len > DATAGRAM_MAX)
        return;
    if (u->queued == QUEUE_MAX || u->bytes.len + bytes.len > QUEUE_MAX_BYTES)
        flush(u);
    size_t at = u->bytes.len;
    mt_buf_add_slice(&u->bytes, bytes);
    if (mt_buf_err(&u->bytes) != MT_OK) {
        flush(u); /* clears the error; this datagram is lost, as datagrams are */
        return;
    }
    u->out[u->queued++] = (outgoing){*to, (uint32_t)at, (uint32_t)bytes.len};
}

void mt_udp_flush_all(mt_net *n) {
    MT_LIST_FOREACH(l, &n->udps) {
        mt_udp *u = MT_CONTAINER(l, mt_udp, link);
        if (u->queued > 0)
            flush(u);
    }
}

/* Life */

static void on_closed(uv_handle_t *handle) {
    mt_udp *u = handle->data;
    close(u->fd);
    mt_buf_deinit(&u->bytes);
    mt_free(u);
}

void mt_udp_stop_all(mt_net *n) {
    MT_LIST_FOREACH(l, &n->udps) {
        mt_udp *u = MT_CONTAINER(l, mt_udp, link);
        if (u->queued > 0)
            flush(u);
        (void)uv_poll_stop(&u->poll);
        u->closed = true;
    }
}

void mt_udp_close_all(mt_net *n) {
    while (!mt_list_empty(&n->udps)) {
        mt_udp *u = MT_CONTAINER(n->udps.next, mt_udp, link);
        mt_list_remove(&u->link);
        uv_close((uv_handle_t *)&u->poll, on_closed);
    }
}

mt_err mt_net_listen_udp(mt_net *n, const mt_addr *at, mt_udp **udp, mt_addr *bound) {
    mt_udp *u = mt_malloc(sizeof *u);
    if (u == NULL)
        return MT_ENOMEM;
    memset(u, 0, offsetof(mt_udp, incoming));
    mt_addr name;
    u->net = n;
    u->dual = at->sa.sa_family == AF_INET6;
    mt_buf_init(&u->bytes, QUEUE_MAX_BYTES);
    u->fd = mt_net_socket(at, SOCK_DGRAM, &name);
    if (u->fd < 0) {
        mt_free(u);
        return MT_ESYS;
    }
    int rcvbuf = RCVBUF_BYTES;
    if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof rcvbuf) != 0)
        (void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf); /* as much as the system allows */
    if (uv_poll_init(&n->loop, &u->poll, u->fd) != 0) {
        close(u->fd);
        mt_free(u);
        return MT_ESYS;
    }
    u->poll.data = u;
    prepare_in(u, &u->incoming);
    mt_list_append(&n->udps, &u->link);
    (void)uv_poll_start(&u->poll, UV_READABLE, on_readable);
    *udp = u;
    *bound = name;
    return MT_OK;
}
