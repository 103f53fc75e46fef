#include "link/sctp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    TICK_MS = 10,
    PATH_MTU_BYTES = 1120, /* plus DTLS within its 1,200 */
    BUFFER_BYTES = 512 * 1024,
    INBOX_MAX_BYTES = 1024 * 1024,
    RTO_INITIAL_MS = 250,
    RTO_MIN_MS = 100,
    RTO_MAX_MS = 1000,          /* how late a talk comes back after an outage */
    RETRANSMISSIONS_MAX = 1000, /* the link decides when the partner is lost, not SCTP */
    SACK_DELAY_MS = 20,
    FINISH_TRIES = 50,
};

typedef struct item {
    bool notification;
    uint16_t stream;
    uint32_t ppid;
    size_t len;
    uint8_t b[];
} item;

struct mt_sctp {
    uint16_t peer_port;
    uint32_t id;         /* stands for the address: a late packet of a dead association finds nobody */
    struct socket *sock; /* owned; NULL once closed */
    mt_sctp_events on;
    void *ctx;
    GSource *tick; /* owned */
    GQueue inbox;  /* of item, owned: usrsctp calls back in the midst of its work */
    size_t inbox_bytes;
    GByteArray *partial; /* owned: a message until its end of record */
    uint64_t resets;     /* streams whose reset is still to be asked for; MT_SCTP_STREAMS bits */
    bool up, overflow;
};

_Static_assert(MT_SCTP_STREAMS <= 64, "one bit a stream");

static GHashTable *g_associations; /* id -> mt_sctp, borrowed */
static uint32_t g_last_id;
static int64_t g_ticked_ms;

static mt_sctp *find(void *addr) {
    return g_hash_table_lookup(g_associations, addr);
}

static void *address(uint32_t id) {
    return GUINT_TO_POINTER(id);
}

static int on_output(void *addr, void *p, size_t len, uint8_t tos, uint8_t set_df) {
    mt_sctp *s = find(addr);
    if (s != NULL)
        s->on.send(s->ctx, p, len);
    return 0;
}

static void keep(mt_sctp *s, const void *data, size_t len, const struct sctp_rcvinfo *info, bool notification) {
    if (s->inbox_bytes + len > INBOX_MAX_BYTES) {
        s->overflow = true;
        return;
    }
    item *it = g_malloc(sizeof *it + len);
    *it = (item){.notification = notification, .stream = info->rcv_sid, .ppid = ntohl(info->rcv_ppid), .len = len};
    memcpy(it->b, data, len);
    s->inbox_bytes += len;
    g_queue_push_tail(&s->inbox, it);
}

/* Joins the pieces of a message until its end. Interleaved messages are off, so there is one at a time. */
static void join(mt_sctp *s, const void *data, size_t len, const struct sctp_rcvinfo *info, bool last) {
    if (s->partial->len + len > MT_SCTP_MESSAGE_MAX_BYTES) {
        s->overflow = true;
        return;
    }
    if (last && s->partial->len == 0) {
        keep(s, data, len, info, false);
        return;
    }
    g_byte_array_append(s->partial, data, (guint)len);
    if (last) {
        keep(s, s->partial->data, s->partial->len, info, false);
        g_byte_array_set_size(s->partial, 0);
    }
}

static int on_receive(struct socket *sock, union sctp_sockstore addr, void *data, size_t len, struct sctp_rcvinfo info,
                      int flags, void *id) {
    mt_sctp *s = find(id);
    if (s != NULL && s->sock != NULL && data != NULL) {
        if (flags & MSG_NOTIFICATION)
            keep(s, data, len, &info, true);
        else
            join(s, data, len, &info, (flags & MSG_EOR) != 0);
    }
    free(data); /* malloc'ed by usrsctp, and ours */
    return 1;
}

void mt_sctp_init(void) {
    g_associations = g_hash_table_new(NULL, NULL);
    usrsctp_init_nothreads(0, on_output, NULL);
    usrsctp_sysctl_set_sctp_blackhole(2); /* no answer to packets for associations that are over */
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    usrsctp_sysctl_set_sctp_sendspace(BUFFER_BYTES);
    usrsctp_sysctl_set_sctp_recvspace(BUFFER_BYTES);
    usrsctp_sysctl_set_sctp_rto_initial_default(RTO_INITIAL_MS);
    usrsctp_sysctl_set_sctp_rto_min_default(RTO_MIN_MS);
    usrsctp_sysctl_set_sctp_rto_max_default(RTO_MAX_MS);
    usrsctp_sysctl_set_sctp_init_rto_max_default(RTO_MAX_MS);
    usrsctp_sysctl_set_sctp_init_rtx_max_default(RETRANSMISSIONS_MAX);
    usrsctp_sysctl_set_sctp_assoc_rtx_max_default(RETRANSMISSIONS_MAX);
    usrsctp_sysctl_set_sctp_path_rtx_max_default(RETRANSMISSIONS_MAX);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(SACK_DELAY_MS);
}

void mt_sctp_deinit(void) {
    if (g_associations == NULL)
        return;
    for (int i = 0; i < FINISH_TRIES && usrsctp_finish() != 0; i++) {
        usrsctp_handle_timers(TICK_MS);
        g_usleep(1000);
    }
    g_clear_pointer(&g_associations, g_hash_table_destroy);
}

static bool ask_reset(mt_sctp *s, uint16_t stream) {
    _Alignas(struct sctp_reset_streams) uint8_t room[sizeof(struct sctp_reset_streams) + sizeof stream] = {0};
    struct sctp_reset_streams *ask = (struct sctp_reset_streams *)(void *)room;
    ask->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    ask->srs_number_streams = 1;
    ask->srs_stream_list[0] = stream;
    return usrsctp_setsockopt(s->sock, IPPROTO_SCTP, SCTP_RESET_STREAMS, ask, sizeof room) == 0 ||
           (errno != EALREADY && errno != EAGAIN && errno != EBUSY);
}

/* One reset at a time may be on its way: what has to wait is tried again at the next tick. */
static void try_resets(mt_sctp *s) {
    for (uint16_t stream = 0; s->resets != 0 && stream < MT_SCTP_STREAMS; stream++) {
        uint64_t bit = UINT64_C(1) << stream;
        if (!(s->resets & bit))
            continue;
        if (s->sock == NULL || !ask_reset(s, stream))
            return;
        s->resets &= ~bit;
    }
}

static void end(mt_sctp *s, mt_sctp_end why) {
    mt_sctp_close(s);
    s->on.end(s->ctx, why);
}

static void on_assoc_change(mt_sctp *s, const struct sctp_assoc_change *change) {
    if (change->sac_state == SCTP_COMM_UP) {
        if (!s->up) {
            s->up = true;
            s->on.up(s->ctx);
        }
    } else if (change->sac_state != SCTP_RESTART) {
        end(s, MT_SCTP_ABORTED);
    }
}

static void on_stream_reset(mt_sctp *s, const struct sctp_stream_reset_event *event) {
    size_t count = (event->strreset_length - sizeof *event) / sizeof(uint16_t);
    if (!(event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN))
        return;
    for (size_t i = 0; i < count && s->sock != NULL; i++)
        s->on.reset(s->ctx, event->strreset_stream_list[i]);
}

static void on_notification(mt_sctp *s, const item *it) {
    /* Copied: an item's bytes are aligned for bytes only. */
    union sctp_notification *n = g_malloc(it->len > sizeof *n ? it->len : sizeof *n);
    memcpy(n, it->b, it->len);
    if (it->len < sizeof n->sn_header || n->sn_header.sn_length != it->len)
        mt_log(MT_LOG_WARN, "sctp", "odd notification");
    else if (n->sn_header.sn_type == SCTP_ASSOC_CHANGE && it->len >= sizeof n->sn_assoc_change)
        on_assoc_change(s, &n->sn_assoc_change);
    else if (n->sn_header.sn_type == SCTP_STREAM_RESET_EVENT && it->len >= sizeof n->sn_strreset_event)
        on_stream_reset(s, &n->sn_strreset_event);
    g_free(n);
}

static void deliver(mt_sctp *s) {
    item *it = NULL;
    while (s->sock != NULL && (it = g_queue_pop_head(&s->inbox)) != NULL) {
        s->inbox_bytes -= it->len;
        if (it->notification)
            on_notification(s, it);
        else
            s->on.message(s->ctx, it->stream, it->ppid, it->b, it->len);
        g_free(it);
    }
    if (s->overflow && s->sock != NULL)
        end(s, MT_SCTP_VIOLATED);
}

/* usrsctp's timers are the process's: whoever ticks first moves them on. */
static gboolean on_tick(void *data) {
    mt_sctp *s = data;
    int64_t now_ms = mt_clock_ms();
    if (now_ms > g_ticked_ms) {
        usrsctp_handle_timers((uint32_t)(now_ms - g_ticked_ms));
        g_ticked_ms = now_ms;
    }
    try_resets(s);
    deliver(s);
    return G_SOURCE_CONTINUE;
}

static bool set(struct socket *sock, int level, int option, const void *value, size_t len) {
    if (usrsctp_setsockopt(sock, level, option, value, (socklen_t)len) == 0)
        return true;
    mt_log(MT_LOG_ERROR, "sctp", "option %d: %s", option, strerror(errno));
    return false;
}

static bool set_options(struct socket *sock) {
    struct linger abort_on_close = {.l_onoff = 1, .l_linger = 0};
    struct sctp_assoc_value reset = {.assoc_id = SCTP_ALL_ASSOC, .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
    struct sctp_initmsg streams = {.sinit_num_ostreams = MT_SCTP_STREAMS, .sinit_max_instreams = MT_SCTP_STREAMS};
    struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_on = 1};
    const uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT};
    uint32_t on = 1;
    bool ok = set(sock, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close) &&
              set(sock, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset) &&
              set(sock, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) &&
              set(sock, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof streams);
    for (size_t i = 0; ok && i < G_N_ELEMENTS(events); i++) {
        event.se_type = events[i];
        ok = set(sock, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
    }
    return ok;
}

static struct sockaddr_conn make_address(uint32_t id, uint16_t port) {
    return (struct sockaddr_conn){.sconn_family = AF_CONN, .sconn_port = htons(port), .sconn_addr = address(id)};
}

static bool set_path(mt_sctp *s, struct sctp_paddrparams path) {
    struct sockaddr_conn peer = make_address(s->id, s->peer_port);
    memcpy(&path.spp_address, &peer, sizeof peer);
    return set(s->sock, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

static bool connect_both_ways(mt_sctp *s) {
    struct sockaddr_conn own = make_address(s->id, MT_SCTP_PORT);
    struct sockaddr_conn peer = make_address(s->id, s->peer_port);
    struct sctp_paddrparams path = {.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_DISABLE, .spp_pathmtu = PATH_MTU_BYTES};
    if (usrsctp_bind(s->sock, (struct sockaddr *)&own, sizeof own) != 0)
        return false;
    if (usrsctp_connect(s->sock, (struct sockaddr *)&peer, sizeof peer) != 0 && errno != EINPROGRESS)
        return false;
    return set_path(s, path);
}

static mt_err open_socket(mt_sctp *s) {
    usrsctp_register_address(address(s->id));
    g_hash_table_insert(g_associations, address(s->id), s);
    s->sock = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, NULL, 0, address(s->id));
    if (s->sock == NULL || usrsctp_set_non_blocking(s->sock, 1) != 0 || !set_options(s->sock) ||
        !connect_both_ways(s)) {
        mt_log(MT_LOG_ERROR, "sctp", "set-up: %s", strerror(errno));
        return MT_ESYS;
    }
    return MT_OK;
}

mt_err mt_sctp_create(uint16_t peer_port, const mt_sctp_events *events, void *ctx, mt_sctp **out) {
    if (g_associations == NULL)
        return MT_ESYS;
    mt_sctp *s = g_new0(mt_sctp, 1);
    s->on = *events;
    s->ctx = ctx;
    s->id = ++g_last_id != 0 ? g_last_id : ++g_last_id;
    s->partial = g_byte_array_new();
    g_queue_init(&s->inbox);
    if (g_hash_table_size(g_associations) == 0)
        g_ticked_ms = mt_clock_ms();
    s->peer_port = peer_port;
    if (open_socket(s) != MT_OK) {
        mt_sctp_destroy(s);
        return MT_ESYS;
    }
    GMainContext *main = g_main_context_ref_thread_default();
    s->tick = g_timeout_source_new(TICK_MS);
    g_source_set_callback(s->tick, on_tick, s, NULL);
    g_source_attach(s->tick, main);
    g_main_context_unref(main);
    *out = s;
    return MT_OK;
}

void mt_sctp_close(mt_sctp *s) {
    struct socket *sock = s->sock;
    s->sock = NULL;
    s->up = false;
    if (sock != NULL)
        usrsctp_close(sock);
}

void mt_sctp_destroy(mt_sctp *s) {
    if (s == NULL)
        return;
    if (s->tick != NULL) {
        g_source_destroy(s->tick);
        g_source_unref(s->tick);
    }
    mt_sctp_close(s);
    g_hash_table_remove(g_associations, address(s->id));
    usrsctp_deregister_address(address(s->id));
    g_queue_clear_full(&s->inbox, g_free);
    g_byte_array_unref(s->partial);
    g_free(s);
}

void mt_sctp_input(mt_sctp *s, const void *p, size_t len_bytes) {
    if (s->sock == NULL)
        return;
    usrsctp_conninput(address(s->id), p, len_bytes, 0);
    deliver(s);
}

static mt_err send_with(mt_sctp *s, const void *p, size_t len_bytes, struct sctp_sendv_spa *how) {
    if (s->sock == NULL || !s->up || len_bytes > MT_SCTP_MESSAGE_MAX_BYTES)
        return MT_ESTATE;
    ssize_t sent = usrsctp_sendv(s->sock, p, len_bytes, NULL, 0, how, sizeof *how, SCTP_SENDV_SPA, 0);
    if (sent == (ssize_t)len_bytes)
        return MT_OK;
    if (sent < 0 && (errno == EWOULDBLOCK || errno == EAGAIN))
        return MT_EMORE;
    mt_log(MT_LOG_WARN, "sctp", "send: %s", strerror(errno));
    return MT_ESYS;
}

mt_err mt_sctp_send(mt_sctp *s, uint16_t stream, uint32_t ppid, const void *p, size_t len_bytes) {
    struct sctp_sendv_spa how = {.sendv_flags = SCTP_SEND_SNDINFO_VALID,
                                 .sendv_sndinfo = {.snd_sid = stream, .snd_ppid = htonl(ppid)}};
    return send_with(s, p, len_bytes, &how);
}

mt_err mt_sctp_send_once(mt_sctp *s, uint16_t stream, uint32_t ppid, const void *p, size_t len_bytes) {
    struct sctp_sendv_spa how = {
        .sendv_flags = SCTP_SEND_SNDINFO_VALID | SCTP_SEND_PRINFO_VALID,
        .sendv_sndinfo = {.snd_sid = stream, .snd_ppid = htonl(ppid), .snd_flags = SCTP_UNORDERED},
        .sendv_prinfo = {.pr_policy = SCTP_PR_SCTP_RTX, .pr_value = 0}};
    return send_with(s, p, len_bytes, &how);
}

unsigned mt_sctp_queued(const mt_sctp *s) {
    struct sctp_status status = {.sstat_assoc_id = SCTP_FUTURE_ASSOC};
    socklen_t len = sizeof status;
    if (s->sock == NULL || usrsctp_getsockopt(s->sock, IPPROTO_SCTP, SCTP_STATUS, &status, &len) != 0)
        return 0;
    return (unsigned)status.sstat_unackdata + status.sstat_penddata;
}

void mt_sctp_beat(mt_sctp *s) {
    if (s->sock != NULL && s->up)
        (void)set_path(s, (struct sctp_paddrparams){.spp_flags = SPP_HB_DEMAND});
}

void mt_sctp_reset(mt_sctp *s, uint16_t stream) {
    if (stream >= MT_SCTP_STREAMS)
        return;
    s->resets |= UINT64_C(1) << stream;
    try_resets(s);
}
