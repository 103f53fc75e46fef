#include "link/plain.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

enum {
    HEADER_BYTES = 12,
    PACKET_MAX = 1500,
    SILENCE_MS = 1000, /* phones give up after 30 s and more */
    BATCH = 32,        /* packets taken in a row */
    PORT_TRIES = 20,
    SDP_BYTES = 2048,
};

struct mt_plain {
    int fd;
    mt_addr local;
    bool loopback;
    mt_plain_rtp_fn *fn;
    void *ctx;
    GSource *readable, *silence;
    uint64_t session_id;
    mt_buf sdp;
    bool has_remote, latched;
    mt_plain_sdp remote;

    GMutex lock; /* of what follows: packets come from the capture's thread, silence from the main loop */
    bool started;
    mt_addr to;
    uint32_t ssrc, offset; /* offset: of our timestamps to those of the packets handed in */
    uint16_t seq;
    uint32_t last_ts;
    int64_t last_us;
    bool was_silence;
};

static uint32_t clock_hz(const mt_plain *p) {
    return p->remote.codec == MT_PLAIN_OPUS ? 48000 : 8000;
}

static void put16(uint8_t *out, uint16_t v) {
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static void put32(uint8_t *out, uint32_t v) {
    put16(out, (uint16_t)(v >> 16));
    put16(out + 2, (uint16_t)v);
}

static uint32_t get32(const uint8_t *in) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* Locked. Numbers the packet and sends it; what the socket does not take is lost, as on any way. */
static void send_numbered(mt_plain *p, uint8_t *packet, size_t len, uint32_t ts) {
    put16(packet + 2, p->seq++);
    put32(packet + 4, ts);
    put32(packet + 8, p->ssrc);
    p->last_ts = ts;
    p->last_us = mt_clock_us();
    (void)!sendto(p->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, &p->to.sa, mt_addr_len(&p->to));
}

/* Locked: where the clock of our timestamps stands now. */
static uint32_t now_ts(const mt_plain *p) {
    int64_t passed_us = mt_clock_us() - p->last_us;
    return p->last_ts + (uint32_t)((uint64_t)passed_us * clock_hz(p) / 1000000);
}

void mt_plain_send_rtp(mt_plain *p, const void *packet, size_t len_bytes) {
    uint8_t copy[PACKET_MAX];
    if (len_bytes < HEADER_BYTES || len_bytes > sizeof copy)
        return;
    memcpy(copy, packet, len_bytes);
    g_mutex_lock(&p->lock);
    if (p->started) {
        uint32_t ts = get32(copy + 4);
        if (p->was_silence) {
            p->offset = now_ts(p) - ts;
            p->was_silence = false;
            copy[1] |= 0x80; /* the first of a talk-spurt (RFC 3551 4.1) */
        }
        send_numbered(p, copy, len_bytes, ts + p->offset);
    }
    g_mutex_unlock(&p->lock);
}

/* 20 ms of nothing. */
static size_t write_silence(const mt_plain *p, uint8_t *out) {
    static const uint8_t opus[] = {0xf8, 0xff, 0xfe};
    out[0] = 0x80;
    out[1] = p->remote.payload_type;
    if (p->remote.codec == MT_PLAIN_OPUS) {
        memcpy(out + HEADER_BYTES, opus, sizeof opus);
        return HEADER_BYTES + sizeof opus;
    }
    memset(out + HEADER_BYTES, p->remote.codec == MT_PLAIN_PCMU ? 0xff : 0xd5, 160);
    return HEADER_BYTES + 160;
}

static gboolean on_silence(gpointer data) {
    mt_plain *p = data;
    uint8_t packet[HEADER_BYTES + 160];
    size_t len = write_silence(p, packet);
    g_mutex_lock(&p->lock);
    if (mt_clock_us() - p->last_us >= (SILENCE_MS - 100) * 1000) {
        send_numbered(p, packet, len, now_ts(p));
        p->was_silence = true;
    }
    g_mutex_unlock(&p->lock);
    return G_SOURCE_CONTINUE;
}

/* Receiving */

static bool is_theirs(const mt_plain *p, const uint8_t *packet, size_t len) {
    return len > HEADER_BYTES && packet[0] >> 6 == 2 && (packet[1] & 0x7f) == p->remote.payload_type;
}

static void take(mt_plain *p, const uint8_t *packet, size_t len, const mt_addr *from) {
    if (!p->started || !is_theirs(p, packet, len) || (p->latched && !mt_addr_eq(&p->to, from)))
        return;
    if (!p->latched) {
        g_mutex_lock(&p->lock);
        p->to = *from;
        g_mutex_unlock(&p->lock);
        p->latched = true;
        mt_log(MT_LOG_DEBUG, "rtp", "the partner's sound comes%s",
               mt_addr_eq(from, &p->remote.addr) ? "" : " from elsewhere");
    }
    p->fn(p->ctx, mt_slice_n(packet, len));
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data) {
    mt_plain *p = data;
    uint8_t packet[PACKET_MAX + 1];
    (void)condition;
    for (int i = 0; i < BATCH; i++) {
        mt_addr from;
        struct sockaddr_storage sa;
        socklen_t sa_len = sizeof sa;
        ssize_t n = recvfrom(fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&sa, &sa_len);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n >= 0 && n <= PACKET_MAX && mt_addr_from_sockaddr((struct sockaddr *)&sa, &from) == MT_OK)
            take(p, packet, (size_t)n, &from);
    }
    return G_SOURCE_CONTINUE;
}

/* Life */

static uint32_t random_u32(void) {
    uint32_t v;
    mt_random_bytes(mt_random_kernel(), &v, sizeof v);
    return v;
}

static void set_port(mt_addr *a, uint16_t port) {
    if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
    else
        a->in.sin_port = htons(port);
}

/* RTP's port is even (RFC 3550 section 11). */
static int open_socket(mt_addr *local) {
    for (int i = 0; i < PORT_TRIES; i++) {
        int fd = socket(local->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        mt_addr bound = *local;
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa;
        set_port(&bound, 0);
        bool ok = fd >= 0 && bind(fd, &bound.sa, mt_addr_len(&bound)) == 0 &&
                  getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
                  mt_addr_from_sockaddr((struct sockaddr *)&sa, &bound) == MT_OK;
        if (ok && (mt_addr_port(&bound) % 2 == 0 || i == PORT_TRIES - 1)) {
            *local = bound;
            return fd;
        }
        if (fd >= 0)
            (void)close(fd);
        if (!ok)
            break;
    }
    return -1;
}

static GSource *attach(GSource *s, GSourceFunc fn, mt_plain *p) {
    g_source_set_callback(s, fn, p, NULL);
    (void)g_source_attach(s, g_main_context_get_thread_default());
    return s;
}

static void stop(GSource **s) {
    if (*s == NULL)
        return;
    g_source_destroy(*s);
    g_clear_pointer(s, g_source_unref);
}

mt_err mt_plain_create(const mt_addr *local, bool loopback, mt_plain_rtp_fn *fn, void *ctx, mt_plain **out) {
    mt_addr bound = *local;
    int fd = open_socket(&bound);
    if (fd < 0)
        return MT_ESYS;
    mt_plain *p = g_new0(mt_plain, 1);
    p->fd = fd;
    p->local = bound;
    p->loopback = loopback;
    p->fn = fn;
    p->ctx = ctx;
    g_mutex_init(&p->lock);
    mt_buf_init(&p->sdp, SDP_BYTES);
    p->session_id = random_u32();
    p->ssrc = random_u32();
    p->last_ts = random_u32();
    p->seq = (uint16_t)random_u32();
    p->readable = attach(g_unix_fd_source_new(fd, G_IO_IN), G_SOURCE_FUNC(on_readable), p);
    *out = p;
    return MT_OK;
}

void mt_plain_destroy(mt_plain *p) {
    if (p == NULL)
        return;
    stop(&p->readable);
    stop(&p->silence);
    (void)close(p->fd);
    g_mutex_clear(&p->lock);
    mt_buf_deinit(&p->sdp);
    g_free(p);
}

mt_err mt_plain_remote_sdp(mt_plain *p, mt_slice sdp) {
    const char *why = "";
    if (p->has_remote)
        return MT_ESTATE;
    if (mt_plain_sdp_parse(sdp, p->loopback, &p->remote, &why) != MT_OK ||
        p->remote.addr.sa.sa_family != p->local.sa.sa_family) {
        mt_log(MT_LOG_WARN, "rtp", "the phone's description is refused: %s", why);
        return MT_EBAD;
    }
    p->has_remote = true;
    return MT_OK;
}

const char *mt_plain_local_sdp(mt_plain *p, bool offer) {
    mt_buf_reset(&p->sdp);
    mt_plain_sdp_write(&p->local, offer ? NULL : &p->remote, p->session_id, &p->sdp);
    return mt_buf_err(&p->sdp) == MT_OK && (offer || p->has_remote) ? p->sdp.p : NULL;
}

const mt_plain_sdp *mt_plain_agreed(const mt_plain *p) {
    return p->has_remote ? &p->remote : NULL;
}

void mt_plain_start(mt_plain *p) {
    if (p->started || !p->has_remote)
        return;
    g_mutex_lock(&p->lock);
    p->to = p->remote.addr;
    p->last_us = mt_clock_us() - SILENCE_MS * 1000; /* the first silence at once: it opens the way */
    p->started = true;
    g_mutex_unlock(&p->lock);
    p->silence = attach(g_timeout_source_new(SILENCE_MS), on_silence, p);
    (void)on_silence(p);
}
