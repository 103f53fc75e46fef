/* Inside src/net: one TCP connection, whatever it speaks, and the loop it lives in.
 *
 * Rules of its life. Nothing is freed and no "gone" is reported while bytes are being worked on: whatever happens only
 * marks the connection and puts it on the loop's list of the changed; the end of the turn reports and closes (loop.c).
 * So a handler may close anything at any time. Bytes go in by mt_conn_received and out by mt_conn_output only: that is
 * where TLS comes in between (conn_tls.c). */
#ifndef MT_NET_CONN_H
#define MT_NET_CONN_H

#include <openssl/bio.h>
#include <uv.h>

#include "base/buf.h"
#include "base/map.h"
#include "net/http_read.h"
#include "net/tls.h"
#include "net/wheel.h"
#include "net/ws.h"

#define MT_CONN_READ_BYTES 65536   /* the loop's one read buffer */
#define MT_CONN_RECORD_BYTES 16384 /* of TLS, at most */
#define MT_CONN_QUEUE_PAUSE 65536  /* above it, what the peer sends is not read */
#define MT_CONN_LINGER_MS 2000     /* after our end of stream, for the peer's */
#define MT_CONN_LINGER_BYTES 1048576
#define MT_HTTP_HEAD_OUT_MAX 65536

typedef enum mt_conn_mode {
    MT_CONN_HTTP,
    MT_CONN_WS,
    MT_CONN_WS_CLOSING, /* our close frame is out, the peer's is awaited */
    MT_CONN_SIP,
    MT_CONN_HANDSHAKE, /* of TLS */
    MT_CONN_LINGER,    /* nothing more is sent but what is queued, and all that arrives is thrown away */
} mt_conn_mode;

typedef enum mt_conn_phase {
    MT_PHASE_FIRST_BYTE,
    MT_PHASE_IDLE,
    MT_PHASE_HEAD,
    MT_PHASE_BODY,
    MT_PHASE_HELD
} mt_conn_phase;

struct mt_conn {
    uv_tcp_t tcp;
    mt_net *net;
    mt_list ring;   /* of all, or of the changed */
    mt_list resume; /* in the loop's list of those with input kept that can be worked on now */
    mt_wheel_node timeout;
    mt_map_node by_id; /* while flow_up; its key is id */
    uint64_t id;
    mt_addr peer;   /* who is at the other end */
    mt_addr remote; /* for whom, where a proxy is (mt_http_req_set_remote) */
    uint8_t mode, phase;
    bool doomed;             /* to be closed at the end of this turn */
    bool changed;            /* on the list of the changed */
    bool reading, peer_done; /* peer_done: its end of stream was seen */
    bool flow_up;            /* closed is still to be reported */
    bool busy;               /* in mt_conn_received or resumed: answers do not resume it */
    bool sent_end, is_ws;
    bool crowded;           /* more was sent at once than is worked on in one go */
    uint32_t stalled_bytes; /* outstanding when the stall limit was last looked at; 0: nothing then */
    uint32_t lingered_bytes;
    int64_t phase_ms;   /* since when in this phase; flows: when last heard */
    int64_t stall_ms;   /* output queued: when it must have moved */
    int64_t ping_ms;    /* WebSocket: last ping */
    int64_t partial_ms; /* flows: since when a message is begun but not whole; 0: none is */
    mt_buf in;          /* input that is not whole yet, or waits behind a held request */
    mt_http_req *req;   /* handed up, unanswered */
    const mt_tls *tls;  /* NULL: in the clear */
    SSL *ssl;           /* from the first byte on */
    uint8_t inner;      /* the mode after the handshake */
    bool tls_up;        /* the handshake is done and our end of it not closed */
    union {
        mt_http_read http;
        mt_ws ws;
    } u;
};

typedef struct mt_listener {
    mt_list link;
    mt_net *net;
    uv_poll_t poll;
    mt_timer backoff;
    int64_t silent_until_ms;
    int fd;
    mt_conn_mode mode;
    const mt_tls *tls; /* NULL: in the clear */
} mt_listener;

struct mt_net {
    uv_loop_t loop;
    mt_net_limits limits;
    mt_net_handlers h;
    void *ctx;
    void (*wake_fn)(void *ctx, int64_t now_ms);
    void (*turn_fn)(void *ctx);
    void (*signal_fn)(void *ctx, int signum);
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t clock;
    uv_signal_t signals[3];
    int64_t wake_ms, armed_ms;
    mt_timerq timers;
    mt_timer trim;    /* gives memory back after a crowd */
    size_t peak_open; /* connections, since the last time */
    mt_wheel wheel;
    mt_list conns, changed, resumed, written, listeners, udps;
    mt_map flows;
    uint64_t last_id;
    bool ran;     /* a handler ran in this turn */
    bool turning; /* in the end of a turn */
    bool over;    /* being destroyed */
    mt_buf scratch;
    unsigned pongs;   /* sent to the connection at work in this round */
    mt_conn *pong_to; /* it is owed one more, whose place a later one takes; NULL: none */
    uint8_t pong_len;
    char pong[MT_WS_CONTROL_MAX];
    int64_t date_s;
    char date[40]; /* "Date: …\r\n" */
    mt_net_counts counts;
    BIO_METHOD *tls_bio; /* NULL until there is a listener with TLS */
    mt_slice tls_in;     /* what OpenSSL may read, and where it writes, while a call into it lasts */
    mt_buf tls_out;
    char read_bytes[MT_CONN_READ_BYTES];
    char plain_bytes[MT_CONN_READ_BYTES];
    char record_bytes[MT_CONN_RECORD_BYTES];
};

/* conn.c */
mt_err mt_conn_adopt(mt_net *n, int fd, const mt_addr *remote,
                     mt_conn_mode mode) MT_MUST_CHECK; /* fd is taken in any case */
mt_err mt_conn_adopt_tls(mt_net *n, int fd, const mt_addr *remote, mt_conn_mode mode,
                         const mt_tls *tls) MT_MUST_CHECK; /* tls NULL: in the clear */
void mt_conn_received(mt_conn *c, char *bytes, size_t len);
void mt_conn_peer_ended(mt_conn *c); /* his end of stream */
/* Sends the parts as one write, copying what the kernel does not take at once. req, if given, gets its result. */
void mt_conn_output(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req);
void mt_conn_output_raw(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req); /* below TLS */
size_t mt_conn_queued(const mt_conn *c);
void mt_conn_doom(mt_conn *c);   /* closed at the end of this turn */
void mt_conn_finish(mt_conn *c); /* what is queued, then our end of stream, then the peer's */
void mt_conn_flow_begin(mt_conn *c, mt_conn_mode mode);
void mt_conn_resume(mt_conn *c);  /* works on kept input soon */
void mt_conn_resumed(mt_conn *c); /* does so: for the end of the turn */
void mt_conn_note_change(mt_conn *c);
void mt_conn_close_handle(mt_conn *c);
/* Whether input may be worked on now: it is neither closing nor is a request held or much output queued. */
bool mt_conn_ready(const mt_conn *c);
bool mt_conn_peer_left(const mt_conn *c); /* has ended its stream or reset it, though it may not have been read yet */

/* conn_timeout.c */
void mt_conn_set_timeout(mt_conn *c); /* after anything that moves it */
void mt_conn_timed_out(mt_wheel_node *n, void *net);

/* Each protocol: returns how many bytes are done with. */
size_t mt_conn_http_input(mt_conn *c, char *bytes, size_t len);
size_t mt_conn_ws_input(mt_conn *c, char *bytes, size_t len);
size_t mt_conn_sip_input(mt_conn *c, char *bytes, size_t len);
/* conn_http.c: answers with an error and closes; no request is held. */
void mt_conn_http_fail(mt_conn *c, unsigned status, bool head_only);
/* conn_ws.c */
void mt_conn_ws_upgrade(mt_conn *c, mt_http_req *req);
void mt_conn_ws_ping(mt_conn *c);
void mt_conn_ws_close(mt_conn *c, unsigned code);
void mt_conn_ws_pong(mt_conn *c); /* sends the one that is owed to it, if one is */
void mt_conn_ws_send(mt_conn *c, mt_ws_opcode opcode, mt_slice payload);

/* conn_tls.c */
mt_err mt_conn_tls_setup(mt_net *n) MT_MUST_CHECK; /* before the first connection; may be called again */
void mt_conn_tls_teardown(mt_net *n);
void mt_conn_tls_received(mt_conn *c, char *bytes, size_t len);
void mt_conn_tls_output(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req);
void mt_conn_tls_end(mt_conn *c);   /* queues our farewell */
void mt_conn_tls_close(mt_conn *c); /* says it if that can be done at once, and frees */
bool mt_conn_tls_peer_left(uv_os_fd_t fd);

/* http_reply.c */
void mt_http_reply_free(mt_http_req *req, mt_err result); /* reports written at the end of the turn, then frees */
const char *mt_http_date_line(mt_net *n);

/* loop.c */
void mt_net_turn_end(mt_net *n);
/* udp.c */
void mt_udp_flush_all(mt_net *n);
void mt_udp_stop_all(mt_net *n);
void mt_udp_close_all(mt_net *n);
/* listen.c: a bound, non-blocking socket, or -1 with the reason logged. */
int mt_net_socket(const mt_addr *at, int type, mt_addr *bound);

#endif
