/* A SIP server with a script, on loopback in the test's own main loop: every message that arrives is handed to the
 * script, which answers or not. */
#ifndef SIP_PEER_H
#define SIP_PEER_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sip_peer sip_peer;
typedef void sip_script(sip_peer *p, const char *message, void *ctx);

struct sip_peer {
    bool udp;
    GSocket *listener, *conn; /* conn: the last one accepted */
    GSource *listen_src, *conn_src;
    GSocketAddress *from; /* UDP: of the last datagram */
    GString *in;
    uint16_t port;
    char server[32]; /* 127.0.0.1:port */
    sip_script *script;
    void *ctx;
    unsigned messages, connections, pings, lone_crlfs;
    GString *log; /* first lines of all that arrived, one a line */
    unsigned cseq;
    char *contact; /* URI of the client's REGISTER */
};

sip_peer *sip_peer_new(bool udp, uint16_t port, sip_script *script, void *ctx);
void sip_peer_free(sip_peer *p);
void sip_peer_close_conn(sip_peer *p);
void sip_peer_send(sip_peer *p, const char *message);
/* Answers a request; more: further header lines, each with CRLF, or ""; body NULL or SDP. To gets the tag "peer". */
void sip_peer_answer(sip_peer *p, const char *request, int code, const char *more, const char *body);
/* A request to the client; method with the dialog "in-<call>"; more and body as above. */
void sip_peer_request(sip_peer *p, const char *method, const char *call, const char *more, const char *body);

bool sip_is(const char *message, const char *method);    /* request of that method */
int sip_code(const char *message);                       /* status, 0: a request */
char *sip_header(const char *message, const char *name); /* first; NULL: none. g_free */
const char *sip_body(const char *message);

#endif
