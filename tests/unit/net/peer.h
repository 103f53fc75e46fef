/* A server on loopback in the test's own thread, and raw clients of it. The loop turns while a client waits. */
#ifndef MT_TESTS_NET_PEER_H
#define MT_TESTS_NET_PEER_H

#include "net/net.h"

#define HELD_MAX 8
#define LOG_MAX 4096

/* What the handlers saw and how they are to behave. */
typedef struct server {
    mt_net *net;
    mt_addr http, sip, udp_addr, https, sips;
    mt_udp *udp;
    /* behaviour */
    bool refuse;          /* accept says no */
    bool echo;            /* flows: send back what came */
    size_t body_bytes;    /* of the answer to GET /big */
    const char *protocol; /* chosen in the WebSocket handshake */
    bool close_on_message;
    bool answer_abandoned; /* answers what nobody can read any more */
    /* seen */
    unsigned requests, abandoned, accepted, gone, closed, messages, datagrams, written_ok, written_closed, turns, wakes;
    unsigned secure; /* requests and messages that came by TLS */
    mt_http_req *held[HELD_MAX];
    unsigned held_count;
    mt_conn *flow;
    uint64_t flow_id;
    char last[LOG_MAX]; /* the last request as "METHOD path?query body", or the last message */
} server;

void server_start(server *s, const mt_net_limits *limits);
void server_start_tls(server *s, const mt_net_limits *limits, const mt_tls *tls); /* https and sips as well */
void server_stop(server *s);
void server_limits(mt_net_limits *l); /* defaults, quick time-outs */
void pump(server *s, int ms);
/* Turns the loop until *counter >= want, 10 s at most; false: it did not. */
bool pump_until(server *s, const unsigned *counter, unsigned want);

/* GET /hold is held; this answers the first held one, as GET /release does from within a handler. */
void answer_held(server *s, const char *body);

int client_connect(server *s, const mt_addr *to);
void client_send(server *s, int fd, const void *p, size_t len);
void client_say(server *s, int fd, const char *text);
/* Reads until the end of stream, or until quiet for 150 ms, or until want has been seen. NUL-terminated. Returns the
 * length. */
size_t client_read(server *s, int fd, const char *want, char *out, size_t out_max);
/* True when the server has ended the stream (or reset it) within 10 s; what comes before is thrown away. */
bool client_sees_end(server *s, int fd);
void client_reset(int fd); /* closes with RST */

#endif
