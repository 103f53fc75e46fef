/* The SIP server: registrar, proxy and dialog table as one machine without I/O, clock or threads.
 *
 * The shell hands in whole messages with the flow they came by, and the time; afterwards it takes the actions off the queue
 * (mt_sip_server_action) until there are none, and asks when to call mt_sip_server_tick. Sources: RFC 3261, 3581, 5626, 7118, 7616.
 *
 * The machine asks its owner two questions through mt_sip_policy (pure look-ups, answered at once): what are this user's digest
 * secrets, and for which pair may this user call that one. */
#ifndef MT_SIP_SIP_SERVER_H
#define MT_SIP_SIP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/random.h"
#include "base/slice.h"

typedef enum mt_sip_transport { MT_SIP_UDP, MT_SIP_TCP, MT_SIP_TLS, MT_SIP_WS, MT_SIP_WSS } mt_sip_transport;

/* Where a message came from and may be answered: for UDP the remote address (conn = 0), for streams the connection's number,
 * never re-used in the process (addr: its remote address). */
typedef struct mt_sip_flow {
    mt_sip_transport transport;
    uint64_t conn;
    mt_addr addr;
} mt_sip_flow;

#define MT_SIP_PAIR_BYTES 16
typedef struct mt_sip_pair {
    uint8_t id[MT_SIP_PAIR_BYTES];
} mt_sip_pair;

/* A user as the SIP server sees him; keys are the owner's (0 is none). */
typedef uint64_t mt_sip_user;

typedef struct mt_sip_policy {
    /* Finds a user by the user part of a URI or a digest username, already percent-decoded: nickname or extension. 0: unknown. */
    mt_sip_user (*find)(void *ctx, mt_slice user);
    /* H(A1) = H(name:realm:password) where name is the digest username the client used; false: unknown user. md5 has 16, sha256 32 bytes. */
    bool (*ha1)(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]);
    /* May caller call callee now? True only for the current pair in that direction, with no call yet. */
    bool (*may_call)(void *ctx, mt_sip_user caller, mt_sip_user callee, mt_sip_pair *out);
    /* The extension to write into From/Contact shown to the partner (digits, NUL-terminated, 16 bytes), so that no other name or address appears. */
    void (*alias)(void *ctx, mt_sip_user user, char out[16]);
    /* Whether a request from there is to be served at all; else it is answered 503. Not asked for ACK, nor for
     * repetitions. NULL: always. */
    bool (*admit)(void *ctx, const mt_sip_flow *flow);
} mt_sip_policy;

typedef enum mt_sip_event_kind {
    MT_SIP_REGISTERED,   /* user, flow: a new binding, or one that moved to another flow; a mere refresh is no event */
    MT_SIP_UNREGISTERED, /* user, flow (the one he had), code: why (0 his own wish, 1 expired, 2 flow lost) */
    MT_SIP_INVITED,      /* pair: the INVITE went to the callee (not when parked) */
    MT_SIP_RINGING,      /* pair: first 18x */
    MT_SIP_UP,           /* pair: 2xx to the INVITE */
    MT_SIP_REFUSED,      /* pair, code: final answer other than 2xx, as the callee gave it; or ours: CANCEL (487), no sign of
                            the callee's agent or ringing for ever (408), parked in vain (480), no memory (503) */
    MT_SIP_BYE,          /* pair, user (who hung up): authenticated BYE arrived; both legs are being ended */
    MT_SIP_CALL_GONE,    /* pair, user (whose): a side of a call, ringing or up, lost its binding and did not come back
                            in time; both legs are being ended */
    MT_SIP_AUTH_FAILED,  /* user or 0, flow: wrong credentials */
} mt_sip_event_kind;

typedef enum mt_sip_action_kind { MT_SIP_SEND, MT_SIP_CLOSE, MT_SIP_EVENT } mt_sip_action_kind;

typedef struct mt_sip_action {
    mt_sip_action_kind kind;
    mt_sip_flow flow;       /* SEND, CLOSE, and those events that have one */
    mt_slice bytes;         /* SEND: a whole message, valid until the next call into the machine */
    mt_sip_event_kind event;
    mt_sip_user user;
    mt_sip_pair pair;
    unsigned code;
} mt_sip_action;

typedef struct mt_sip_server_config {
    char domain[256];            /* "myturn.invalid": realm and host of our URIs */
    char via_host[128];          /* sent-by of our Via and Record-Route: "127.0.0.1" or the domain; never a client's address */
    uint16_t port_udp, port_tcp; /* for Record-Route; 0: transport not served */
    uint16_t port_tls;           /* the same */
    uint32_t t1_ms, t2_ms, t4_ms;/* 500, 4000, 5000 */
    uint32_t timer_c_ms;         /* 180000 */
    uint32_t park_ms;            /* 3000: callee not registered yet */
    uint32_t rebind_ms;          /* 5000: in-dialog request waits for the side's flow to come back */
    uint32_t gone_ms;            /* 5000: a call whose side has lost its flow is given up */
    uint32_t qualify_ms;         /* 20000: own OPTIONS to UDP bindings */
    uint32_t qualify_limit_ms;   /* 2000 */
    uint32_t min_expires_s, max_expires_s, default_expires_s; /* 60, 3600, 600 */
    uint32_t nonce_life_ms;      /* 300000 */
    uint32_t max_transactions;   /* 100000: above it 503 */
    uint32_t max_message_bytes;  /* 32768 */
    bool offer_sha256;           /* false: a second challenge, which libre before 2 and JsSIP cannot pass over (ADR 7) */
} mt_sip_server_config;
void mt_sip_server_config_default(mt_sip_server_config *cfg);

typedef struct mt_sip_server mt_sip_server;

mt_err mt_sip_server_create(const mt_sip_server_config *cfg, mt_random random, const mt_sip_policy *policy, void *policy_ctx,
                            mt_sip_server **out) MT_MUST_CHECK;
void mt_sip_server_destroy(mt_sip_server *s);

/* One whole message (a datagram, a WebSocket message, or cut from a stream by mt_sip_frame_cut). Malformed input is
 * answered with 400 where RFC 3261 asks for it, else dropped; never an error to the caller but MT_ENOMEM. */
mt_err mt_sip_server_input(mt_sip_server *s, const mt_sip_flow *flow, mt_slice message, int64_t now_ms) MT_MUST_CHECK;
/* A stream flow is gone. Its bindings go; calls whose side it was wait gone_ms. */
void mt_sip_server_flow_closed(mt_sip_server *s, const mt_sip_flow *flow, int64_t now_ms);
/* The owner ended this pair: CANCEL before the answer (487 to the caller; 480 if parked), BYE to both sides after it. Unknown pair: nothing. */
void mt_sip_server_end_pair(mt_sip_server *s, const mt_sip_pair *pair, int64_t now_ms);
/* The owner goes down, and ends all pairs: from now on each BYE of ours says that it is the server who ends the call
 * (Reason with cause 503, RFC 3326), not the partner. */
void mt_sip_server_go_down(mt_sip_server *s);
/* The user logged out: binding gone, nonces forgotten. The owner ends his pair first. */
void mt_sip_server_forget_user(mt_sip_server *s, mt_sip_user user, int64_t now_ms);
/* From now on no body passes in which an address of its sender stands (sip/hide.h): requests are answered 488, and a call
 * whose answer has one is ended. Bodies of 1xx, which nobody can refuse, and of refusals are left out. Off at first. */
void mt_sip_server_hide(mt_sip_server *s, bool on);
/* His binding's remote address; MT_ENOENT: not registered. */
mt_err mt_sip_server_binding(const mt_sip_server *s, mt_sip_user user, mt_sip_flow *out) MT_MUST_CHECK;

/* What his device is doing, as an operator sees it: by his binding and by the calls that he has. */
typedef enum mt_sip_device {
    MT_SIP_DEVICE_UNAVAILABLE, /* no binding */
    MT_SIP_DEVICE_IDLE,
    MT_SIP_DEVICE_RINGING, /* a call was sent to it and is not answered yet */
    MT_SIP_DEVICE_IN_USE,  /* it has dialled, or is in a call */
} mt_sip_device;
mt_sip_device mt_sip_server_device(const mt_sip_server *s, mt_sip_user user);
const char *mt_sip_device_str(mt_sip_device device); /* "unavailable", "idle", "ringing", "in use" */

/* Takes the next action. MT_EMORE: none left. */
mt_err mt_sip_server_action(mt_sip_server *s, mt_sip_action *out) MT_MUST_CHECK;
int64_t mt_sip_server_next_ms(const mt_sip_server *s);
void mt_sip_server_tick(mt_sip_server *s, int64_t now_ms);

#define MT_SIP_METHODS 15
typedef struct mt_sip_server_counts {
    uint64_t requests, responses, malformed, challenges;
    uint64_t by_method[MT_SIP_METHODS]; /* requests, by mt_sip_method (sip/msg.h) */
    size_t bindings, dialogs, transactions;
} mt_sip_server_counts;
mt_sip_server_counts mt_sip_server_count(const mt_sip_server *s);

/* Cuts one message from a byte stream (RFC 3261 18.3). MT_OK: *len bytes are a message. MT_EMORE: incomplete. MT_EBAD: close the connection.
 * Leading CRLFCRLF is a keep-alive: MT_OK with *keepalive true and *len 4 (answer CRLF); a lone leading CRLF is skipped likewise (*len 2, no answer,
 * *keepalive false and *skip true). */
typedef struct mt_sip_frame {
    size_t len;
    bool keepalive, skip;
} mt_sip_frame;
mt_err mt_sip_frame_cut(mt_slice stream, size_t max_bytes, mt_sip_frame *out) MT_MUST_CHECK;

#endif
