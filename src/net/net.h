/* The server's glue to libuv: one loop, one connection type for HTTP, long-poll, WebSocket and SIP over TCP, each also
 * inside TLS, and UDP sockets in batches. Everything happens on the thread that runs the loop. Handlers are called from
 * it and may call any function here, mt_conn_close included. */
#ifndef MT_NET_NET_H
#define MT_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/slice.h"

typedef struct mt_net mt_net;
typedef struct mt_conn mt_conn;         /* one TCP connection, whatever it speaks now */
typedef struct mt_http_req mt_http_req; /* one request on it, valid until answered or abandoned */
typedef struct mt_udp mt_udp;
typedef struct mt_tls mt_tls; /* net/tls.h */

/* Limits of every read; defaults in mt_net_limits_default. */
typedef struct mt_net_limits {
    size_t header_bytes;     /* 8192, 65535 at most */
    size_t body_bytes;       /* 16384 */
    size_t pipelined_bytes;  /* 16384 kept behind a held request */
    size_t sip_bytes;        /* 32768 */
    size_t ws_message_bytes; /* 32768 */
    size_t queued_bytes; /* 262144 of output unsent: reading stops above 65536, the connection is closed above this */
    uint32_t first_byte_ms;    /* 30000 */
    uint32_t header_ms;        /* 10000 for the whole header */
    uint32_t body_ms;          /* 10000 to begin with; later at least body_rate */
    uint32_t body_rate;        /* 512 bytes a second after body_ms; also taken of queued output, over idle_ms */
    uint32_t idle_ms;          /* 60000 between requests */
    uint32_t flow_idle_ms;     /* 45000 of silence on a SIP or WebSocket flow */
    uint32_t ws_ping_ms;       /* 20000 */
    uint32_t max_conns;        /* 15000; fewer where the process may not have so many descriptors */
    uint32_t tls_handshake_ms; /* 10000 from accepting to the end of the handshake */
} mt_net_limits;
void mt_net_limits_default(mt_net_limits *l);

typedef struct mt_net_handlers {
    /* HTTP: a whole request has been read. Answer now (mt_http_reply) or hold it and answer later. */
    void (*request)(void *ctx, mt_http_req *req);
    /* The client of a held request is gone (end of stream or reset, seen at once): req is freed when this returns,
     * unanswered. */
    void (*abandoned)(void *ctx, mt_http_req *req);
    /* WebSocket handshake on req (a GET with Upgrade: websocket): return the subprotocol to select ("sip") to accept,
     * or NULL after having answered req with an error (or leave it unanswered: then it is answered 400). Key and
     * version have been checked. NULL: no WebSocket here (400). On acceptance req is freed. "" selects no subprotocol.
     */
    const char *(*upgrade)(void *ctx, mt_http_req *req);
    /* A whole SIP message (WebSocket message, or cut from a TCP stream). Stream flows: mt_conn_id is the flow's number.
     */
    void (*sip)(void *ctx, mt_conn *conn, mt_slice message);
    /* A SIP-carrying connection (WebSocket or TCP) is gone, by the peer, a limit or mt_conn_close: once for each, never
     * from within mt_conn_close or mt_conn_send but at the end of that loop turn. conn and its id are valid until this
     * returns. */
    void (*closed)(void *ctx, mt_conn *conn);
    /* A new connection was accepted; return false to close it at once (limits). */
    bool (*accept)(void *ctx, const mt_addr *remote);
    /* Its counterpart, for every connection that accept let in. */
    void (*gone)(void *ctx, const mt_addr *remote);
    /* UDP datagram. */
    void (*datagram)(void *ctx, mt_udp *udp, const mt_addr *from, mt_slice bytes);
    /* Cuts a message from a TCP SIP stream: see mt_sip_frame_cut, given in so that net does not depend on sip. Returns
     * MT_OK with *len, MT_EMORE, MT_EBAD; *reply (may be empty) is sent back at once (keep-alive CRLF), *message tells
     * whether the len bytes are a message to hand up. */
    mt_err (*sip_cut)(mt_slice stream, size_t max_bytes, size_t *len, bool *message, mt_slice *reply);
} mt_net_handlers;

mt_err mt_net_create(const mt_net_limits *limits, const mt_net_handlers *handlers, void *ctx,
                     mt_net **out) MT_MUST_CHECK;
/* Closes all that is left; the loop must not be running. What is still up is reported a last time (abandoned, closed,
 * gone, written with MT_ECLOSED), so ctx must outlive this call; sending from within it is harmless. Timers must be
 * freed by the time it returns. n may be NULL. */
void mt_net_destroy(mt_net *n);
/* Runs until mt_net_stop. */
mt_err mt_net_run(mt_net *n) MT_MUST_CHECK;
void mt_net_stop(mt_net *n);
int64_t mt_net_now_ms(const mt_net *n); /* the loop's cached monotonic time */

/* Listeners; the address with the port really bound comes back. MT_ESYS with a logged reason (address in use …). */
mt_err mt_net_listen_http(mt_net *n, const mt_addr *at, mt_addr *bound) MT_MUST_CHECK;
mt_err mt_net_listen_sip_tcp(mt_net *n, const mt_addr *at, mt_addr *bound) MT_MUST_CHECK;
/* The same inside TLS. tls must outlive n; when it is reloaded, later connections get what is new. */
mt_err mt_net_listen_https(mt_net *n, const mt_addr *at, const mt_tls *tls, mt_addr *bound) MT_MUST_CHECK;
mt_err mt_net_listen_sip_tls(mt_net *n, const mt_addr *at, const mt_tls *tls, mt_addr *bound) MT_MUST_CHECK;
mt_err mt_net_listen_udp(mt_net *n, const mt_addr *at, mt_udp **udp, mt_addr *bound) MT_MUST_CHECK;
void mt_net_stop_listening(mt_net *n);

/* The one timer for the rules: fn is called once at or after due_ms (of mt_net_now_ms); MT_NEVER stops it. Each call
 * replaces the last. on_turn: called at the end of every loop turn in which any handler ran, so that machines flush
 * their actions once a turn. Datagrams leave after it. */
void mt_net_on_turn(mt_net *n, void (*fn)(void *ctx));
void mt_net_wake_at(mt_net *n, int64_t due_ms);
void mt_net_on_wake(mt_net *n, void (*fn)(void *ctx, int64_t now_ms));
void mt_net_on_signal(mt_net *n, void (*fn)(void *ctx, int signum)); /* SIGTERM, SIGINT, SIGHUP; SIGPIPE is ignored */
/* A general one-shot timer owned by the caller (held requests, leases). */
typedef struct mt_net_timer mt_net_timer;
mt_net_timer *mt_net_timer_new(mt_net *n, void (*fn)(void *ctx), void *ctx); /* NULL: no memory */
void mt_net_timer_set(mt_net_timer *t, int64_t due_ms);                      /* MT_NEVER stops */
void mt_net_timer_free(mt_net_timer *t);

/* Requests. Slices live as long as req. */
typedef enum mt_http_method {
    MT_HTTP_GET,
    MT_HTTP_HEAD,
    MT_HTTP_POST,
    MT_HTTP_PUT,
    MT_HTTP_DELETE,
    MT_HTTP_OTHER
} mt_http_method;
mt_http_method mt_http_req_method(const mt_http_req *req);
mt_slice mt_http_req_path(const mt_http_req *req);  /* raw, before '?' */
mt_slice mt_http_req_query(const mt_http_req *req); /* raw, behind '?', or empty */
mt_slice mt_http_req_body(const mt_http_req *req);
bool mt_http_req_header(const mt_http_req *req, const char *name, mt_slice *out); /* first of that name; false: none */
/* The index-th of that name, from 0. False: there are fewer. */
bool mt_http_req_header_at(const mt_http_req *req, const char *name, size_t index, mt_slice *out);
size_t mt_http_req_header_count(const mt_http_req *req, const char *name);
/* Whether one of the comma-separated elements of the headers of that name is token (without regard to ASCII case). */
bool mt_http_req_header_has(const mt_http_req *req, const char *name, const char *token);
const mt_addr *mt_http_req_remote(const mt_http_req *req); /* who asks: the peer, unless it was set */
const mt_addr *mt_http_req_peer(const mt_http_req *req);   /* the other end of the connection */
/* The peer asks for another, who from now on is the connection's remote address: of a WebSocket it becomes too. accept
 * and gone go on naming the peer. */
void mt_http_req_set_remote(mt_http_req *req, const mt_addr *remote);
bool mt_http_req_secure(const mt_http_req *req); /* came by TLS */
void mt_http_req_set_ctx(mt_http_req *req, void *ctx);
void *mt_http_req_ctx(const mt_http_req *req);

/* Answers and frees req. headers: complete extra lines "Name: value\r\n…" or NULL. Header and body leave in one write.
 * HEAD gets no body. written (may be NULL) is called once: MT_OK when the kernel has taken all bytes of the answer,
 * MT_ECLOSED when the connection died before. It is never called from within mt_http_reply, but at the end of the same
 * loop turn at the earliest. Without memory for the answer the connection is closed (MT_ECLOSED). 1xx, 204 and 304 have
 * no body whatever is given. */
typedef void mt_http_written(void *ctx, mt_err result);
typedef struct mt_http_answer {
    unsigned status;          /* any three digits; known reasons are written */
    const char *content_type; /* NULL: no body */
    const char *headers;
    mt_slice body; /* copied */
    mt_http_written *written;
    void *written_ctx;
    bool close; /* close the connection afterwards */
} mt_http_answer;
void mt_http_reply(mt_http_req *req, const mt_http_answer *answer);

/* Connections that carry SIP. */
uint64_t mt_conn_id(const mt_conn *c);
const mt_addr *mt_conn_remote(const mt_conn *c); /* as mt_http_req_remote */
const mt_addr *mt_conn_peer(const mt_conn *c);
bool mt_conn_is_ws(const mt_conn *c);
bool mt_conn_secure(const mt_conn *c);
mt_conn *mt_net_conn(const mt_net *n, uint64_t id); /* NULL: gone */
/* Queues a message (a WebSocket frame, text if it is UTF-8, or bytes on TCP). MT_ECLOSED, MT_ELIMIT (queue full: the
 * connection is closed). */
mt_err mt_conn_send(mt_conn *c, mt_slice message) MT_MUST_CHECK;
/* What is queued still leaves. Nothing that arrives later is handed up. */
void mt_conn_close(mt_conn *c, unsigned ws_code); /* ws_code 1000 … for WebSocket; harmless if closing */
/* Sends; datagrams of one loop turn leave in batches. Dropped silently when the socket is full, as UDP is. */
void mt_udp_send(mt_udp *u, const mt_addr *to, mt_slice bytes);

typedef struct mt_net_counts {
    uint64_t accepted, refused, requests, ws_opened, datagrams_in, datagrams_out;
    uint64_t tls_opened, tls_failed; /* handshakes; failed: not those broken off */
    size_t open;
} mt_net_counts;
mt_net_counts mt_net_count(const mt_net *n);

#endif
