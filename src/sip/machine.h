/* Inside of the SIP server: what its files share. Nothing outside src/sip includes this.
 *
 *   server.c      create, entry points, dispatch by method        registrar.c  REGISTER
 *   actions.c     queue of actions and the bytes they carry       proxy.c      INVITE, requests in a dialog, CANCEL
 *   location.c    live connections, accounts, bindings            forward.c    onward over the other leg, answers back
 *   qualify.c     own OPTIONS to UDP bindings                     dialog.c     the table of calls, ending them
 *   nonce.c, auth.c  digest challenge and check                   rewrite.c    own messages of a leg, header whitelist
 *   device.c      what a user's device is doing
 *   txn.c, txn_server.c, txn_client.c  transactions, RFC 3261 section 17, RFC 6026
 *
 * Whatever is dropped while a message is worked on (transactions, calls) is unlinked at once but freed only when the
 * entry point returns (mt_sip_reap), so that no function holds a dangling pointer. An allocation that fails sets `oom`.
 */
#ifndef MT_SIP_MACHINE_H
#define MT_SIP_MACHINE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/timerq.h"
#include "sip/digest.h"
#include "sip/msg.h"
#include "sip/sip_server.h"
#include "sip/write.h"

#define MT_SIP_ID_CHARS 24      /* of our branches, tokens, Call-IDs: 96 random bits in hexadecimal */
#define MT_SIP_TAG_CHARS 16     /* of our tags */
#define MT_SIP_COOKIE "z9hG4bK" /* RFC 3261 8.1.1.7 */
#define MT_SIP_BRANCH_CHARS (7 + MT_SIP_ID_CHARS)
#define MT_SIP_KEY_BYTES 16
#define MT_SIP_TEXT_MAX 960 /* longest URI, Call-ID or tag that is kept */
#define MT_SIP_BODY_MAX 16384
#define MT_SIP_PENDING_MAX 32      /* requests in one dialog waiting for their answers */
#define MT_SIP_PENDING_BYTES 65536 /* and their bytes: what a slow partner's connection may be made to queue */
#define MT_SIP_KEPT_MAX 256        /* the same with those that are only kept for repetitions */
#define MT_SIP_KEPT_USER_MAX 64    /* of one user, outside of calls */
#define MT_SIP_FLOW_KEY_MAX 32
#define MT_SIP_NONCE_CHARS 32
#define MT_SIP_CHALLENGED 256 /* a power of two */

typedef struct mt_sip_call mt_sip_call;
typedef struct mt_sip_side mt_sip_side;
typedef struct mt_sip_account mt_sip_account;
typedef struct mt_sip_stxn mt_sip_stxn;
typedef struct mt_sip_ctxn mt_sip_ctxn;

/* An owned string. */
typedef struct mt_sip_str {
    char *p;
    size_t len;
} mt_sip_str;

/* A stream connection that is alive; what is not in the table is never sent to. */
typedef struct mt_sip_conn {
    mt_map_node node;
    uint64_t id;
    mt_list accounts; /* mt_sip_account.on_conn: bindings over it */
} mt_sip_conn;

/* A user who authenticated or is being called: his binding and his last nonce. Lives until mt_sip_server_forget_user.
 */
struct mt_sip_account {
    mt_map_node node;
    mt_sip_user user;
    bool bound;
    mt_sip_flow flow;   /* if bound */
    mt_sip_str contact; /* URI as registered: our Request-URI towards him */
    int64_t expires_at_ms;
    mt_timer expiry, qualify;
    mt_list on_conn;
    uint64_t nonce_stamp; /* highest used */
    uint32_t nonce_nc;
    mt_list sides;   /* mt_sip_side.on_account */
    mt_list waiting; /* mt_sip_stxn.waiting: requests to him held until he is bound */
    unsigned kept;   /* answers to him that are kept for repetitions */
};

typedef enum mt_sip_txn_state {
    MT_SIP_TXN_TRYING, /* client INVITE: Calling */
    MT_SIP_TXN_PROCEEDING,
    MT_SIP_TXN_COMPLETED,
    MT_SIP_TXN_CONFIRMED,
    MT_SIP_TXN_ACCEPTED, /* RFC 6026 */
    MT_SIP_TXN_DEAD,     /* unlinked, to be freed */
} mt_sip_txn_state;

struct mt_sip_stxn {
    mt_map_node node;
    uint8_t key[MT_SIP_KEY_BYTES];
    mt_sip_txn_state state;
    mt_sip_method method;
    mt_sip_flow flow;
    mt_sip_user user; /* sender, where known: whose binding answers take when the flow is gone */
    mt_timer timer;
    int64_t next_ms, deadline_ms;
    uint32_t interval_ms, cseq;
    mt_sip_str head;         /* Via, From, Call-ID, CSeq, To of every answer, without the last CRLF */
    bool to_tagged, initial; /* initial: the INVITE that forms the dialog */
    bool counted;            /* in mt_sip_account.kept */
    size_t request_bytes;    /* within calls: its length */
    mt_sip_str response;     /* last one sent; kept over UDP only */
    mt_sip_str held;         /* request waiting for a binding */
    mt_list waiting;         /* in mt_sip_account.waiting while held */
    mt_sip_call *call;
    mt_sip_side *side; /* the sender's */
    mt_sip_ctxn *onward;
    mt_list link; /* mt_sip_call.stxns, or the reap list */
};

typedef enum mt_sip_ctxn_kind {
    MT_SIP_CTXN_FORWARD,
    MT_SIP_CTXN_BYE,
    MT_SIP_CTXN_CANCEL,
    MT_SIP_CTXN_QUALIFY
} mt_sip_ctxn_kind;

struct mt_sip_ctxn {
    mt_map_node node;
    char key[MT_SIP_ID_CHARS + 1]; /* branch without cookie, then 'c' for CANCEL, else 'x' */
    mt_sip_txn_state state;
    mt_sip_ctxn_kind kind;
    mt_sip_method method;
    mt_sip_flow flow;
    uint32_t cseq;
    mt_timer timer;
    int64_t next_ms, deadline_ms;
    uint32_t interval_ms;
    mt_sip_str request; /* kept as long as it may be sent again */
    mt_sip_str uri;     /* Request-URI of an INVITE: its CANCEL and ACK repeat it */
    mt_sip_str ack;     /* answers further finals */
    uint8_t acks;       /* passed on, of a 2xx */
    bool initial;       /* the INVITE that forms the dialog */
    bool cancel_wanted, cancelled;
    mt_sip_user user; /* QUALIFY */
    mt_sip_call *call;
    mt_sip_side *side; /* to whom */
    mt_sip_stxn *origin;
    mt_list link; /* mt_sip_call.ctxns, or the reap list */
};

typedef enum mt_sip_call_state {
    MT_SIP_CALL_PARKED,
    MT_SIP_CALL_CALLING,
    MT_SIP_CALL_UP,
    MT_SIP_CALL_ENDED
} mt_sip_call_state;

/* One leg of a call. `ours` and `theirs` are URI, tag and Call-ID as this side knows them; the other side has its own.
 */
struct mt_sip_side {
    mt_map_node node; /* by token */
    char token[MT_SIP_ID_CHARS];
    mt_sip_call *call;
    mt_sip_user user;
    mt_sip_account *account; /* NULL after he was forgotten */
    mt_list on_account;
    bool was_bound;
    mt_sip_flow flow; /* of the INVITE: for a caller who never registered */
    mt_sip_str call_id, our_uri, their_uri, their_tag, target;
    char our_tag[MT_SIP_TAG_CHARS];
    uint32_t cseq; /* highest sent to this side */
    bool bye_due;  /* waits for the binding to come back */
    mt_timer gone;
};

struct mt_sip_call {
    mt_map_node node; /* by pair, while it is the pair's call */
    bool in_map;
    mt_sip_pair pair;
    mt_sip_call_state state;
    bool was_up, ringing, acked, reaping;
    uint32_t invite_cseq;
    mt_sip_side side[2]; /* 0 caller, 1 callee */
    mt_list stxns, ctxns;
    mt_list link; /* all calls, or the reap list */
};

typedef struct mt_sip_queued {
    mt_sip_action action;
    size_t offset, len;
} mt_sip_queued;

/* A challenge that was sent lately: should its request come again, the answer must be the same (RFC 3261 17.2.2). */
typedef struct mt_sip_challenged {
    uint8_t key[MT_SIP_KEY_BYTES];
    char nonce[MT_SIP_NONCE_CHARS]; /* empty: none */
} mt_sip_challenged;

struct mt_sip_server {
    mt_sip_server_config cfg;
    char host[132]; /* via_host, IPv6 in brackets */
    mt_random random;
    mt_sip_policy policy;
    void *policy_ctx;
    mt_timerq timerq;
    int64_t now_ms; /* of the entry point at work */

    mt_sip_queued *queue;
    size_t queue_head, queue_len, queue_cap;
    mt_buf arena; /* bytes of the queued messages */
    mt_buf scratch;

    mt_map conns, accounts, stxns, ctxns, tokens, pairs;
    mt_list calls;
    mt_list dead_stxns, dead_ctxns, dead_calls;
    size_t call_count, binding_count;

    uint8_t nonce_key[MT_SECRET_BYTES];
    mt_sip_challenged challenged[MT_SIP_CHALLENGED]; /* by key; a later one takes an earlier one's place */
    uint64_t nonce_last;
    uint8_t txn_key[16], tag_key[16];

    mt_sip_msg msg;  /* the message at work */
    mt_sip_msg held; /* a held request taken up again meanwhile */
    mt_sip_server_counts counts;
    bool oom;
    bool hiding;     /* mt_sip_server_hide */
    bool going_down; /* mt_sip_server_go_down */
};

/* A request being worked on. */
typedef struct mt_sip_rx {
    const mt_sip_msg *msg;
    const mt_sip_flow *flow;
    uint8_t key[MT_SIP_KEY_BYTES];
    bool keep;    /* over UDP remember the answer for retransmissions */
    mt_slice tag; /* for To; empty: one made of the Call-ID */
    mt_sip_user user;
} mt_sip_rx;

/* actions.c */
/* Whether the last thing queued is so many bytes for that flow: a keep-alive that is answered already. */
bool mt_sip_actions_end_in(const mt_sip_server *s, const mt_sip_flow *flow, size_t len_bytes);
void mt_sip_actions_begin(mt_sip_server *s); /* drops bytes of taken actions */
void mt_sip_out_begin(mt_sip_server *s, mt_sip_writer *w);
/* Ends the message and queues it for flow; NULL or a dead flow: not sent. *out (may be NULL) borrows the bytes until
 * the next write. */
mt_err mt_sip_out_end(mt_sip_server *s, mt_sip_writer *w, const mt_sip_flow *flow, const mt_sip_msg *body_of,
                      mt_slice *out) MT_MUST_CHECK;
void mt_sip_out_bytes(mt_sip_server *s, const mt_sip_flow *flow, mt_slice bytes);
void mt_sip_event(mt_sip_server *s, const mt_sip_action *event); /* kind is set here */
void mt_sip_pair_event(mt_sip_server *s, mt_sip_event_kind kind, const mt_sip_call *call, unsigned code,
                       mt_sip_user user);
mt_err mt_sip_str_set(mt_sip_server *s, mt_sip_str *str, mt_slice v) MT_MUST_CHECK; /* str untouched on failure */
void mt_sip_str_free(mt_sip_str *str);
mt_slice mt_sip_str_slice(const mt_sip_str *str);

/* location.c */
bool mt_sip_flow_is_stream(const mt_sip_flow *f);
bool mt_sip_flow_eq(const mt_sip_flow *a, const mt_sip_flow *b);
size_t mt_sip_flow_key(const mt_sip_flow *f, uint8_t out[MT_SIP_FLOW_KEY_MAX]);
bool mt_sip_flow_alive(const mt_sip_server *s, const mt_sip_flow *f);
mt_err mt_sip_conn_seen(mt_sip_server *s, const mt_sip_flow *f) MT_MUST_CHECK;
mt_sip_account *mt_sip_account_get(const mt_sip_server *s, mt_sip_user user); /* NULL: none */
mt_sip_account *mt_sip_account_make(mt_sip_server *s, mt_sip_user user);      /* NULL: no memory */
mt_err mt_sip_location_bind(mt_sip_server *s, mt_sip_account *a, const mt_sip_flow *flow, mt_slice contact,
                            uint32_t expires_s) MT_MUST_CHECK;
void mt_sip_location_unbind(mt_sip_server *s, mt_sip_account *a, unsigned reason);
void mt_sip_account_free(mt_sip_server *s, mt_sip_account *a); /* out of the table, sides let go */
void mt_sip_conn_free(mt_sip_server *s, mt_sip_conn *c);

/* qualify.c */
mt_timer_fn mt_sip_qualify_due;
void mt_sip_qualify_done(mt_sip_server *s, const mt_sip_ctxn *t, bool answered);

/* nonce.c */
void mt_sip_nonce_make(mt_sip_server *s, const mt_sip_flow *flow, mt_buf *out);
/* *stamp orders the nonces by their making. MT_EDENIED: not ours, or another flow's. MT_ETIMEOUT: too old. */
mt_err mt_sip_nonce_check(mt_sip_server *s, const mt_sip_flow *flow, mt_slice nonce, uint64_t *stamp) MT_MUST_CHECK;

/* auth.c. Either the request is authentic (account), or it has been answered (NULL). */
mt_sip_account *mt_sip_auth_request(mt_sip_server *s, mt_sip_rx *rx, bool proxy);
/* The user whom the user part of a URI means; 0: none. */
mt_sip_user mt_sip_auth_find(mt_sip_server *s, const mt_sip_uri *uri);

/* txn.c */
mt_err mt_sip_txn_key(const mt_sip_server *s, const mt_sip_msg *m, const mt_sip_flow *flow, mt_slice method,
                      uint8_t out[MT_SIP_KEY_BYTES]) MT_MUST_CHECK;
typedef enum mt_sip_room { MT_SIP_ROOM_KEEP, MT_SIP_ROOM_CALL, MT_SIP_ROOM_IN_DIALOG } mt_sip_room;
/* Is there room for one more of that worth? */
bool mt_sip_txn_room(const mt_sip_server *s, mt_sip_room worth);
void mt_sip_hex_id(mt_sip_server *s, char *out, size_t chars);
void mt_sip_reap(mt_sip_server *s);

/* txn_server.c */
mt_sip_stxn *mt_sip_stxn_find(const mt_sip_server *s, const uint8_t key[MT_SIP_KEY_BYTES]);
/* NULL: no memory. Only one that will be answered later has a head. */
mt_sip_stxn *mt_sip_stxn_make(mt_sip_server *s, const mt_sip_rx *rx, bool with_head);
/* Its request came again by another flow, from where answers are taken now. */
void mt_sip_stxn_move(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_rx *rx);
/* A request of this transaction came again, or the ACK of its final answer. */
void mt_sip_stxn_repeat(mt_sip_server *s, mt_sip_stxn *t, bool ack);
/* An INVITE that goes onward: 100 follows, if nothing else is sent within 200 ms. */
void mt_sip_stxn_begin_trying(mt_sip_server *s, mt_sip_stxn *t);
bool mt_sip_stxn_is_final(const mt_sip_stxn *t);
/* Begins an answer: status line and the headers that every answer repeats. tag may be empty. */
void mt_sip_stxn_begin(mt_sip_server *s, mt_sip_stxn *t, mt_sip_writer *w, unsigned code, mt_slice tag);
/* Ends, sends and keeps it; body_of may be NULL. */
void mt_sip_stxn_end(mt_sip_server *s, mt_sip_stxn *t, mt_sip_writer *w, unsigned code, const mt_sip_msg *body_of);
void mt_sip_stxn_answer(mt_sip_server *s, mt_sip_stxn *t, unsigned code, mt_slice tag); /* without any more headers */
void mt_sip_stxn_hold(mt_sip_server *s, mt_sip_stxn *t, mt_sip_account *a, mt_slice request, uint32_t limit_ms);
mt_sip_str mt_sip_stxn_release(mt_sip_server *s, mt_sip_stxn *t); /* gives back the request held */
void mt_sip_stxn_drop(mt_sip_server *s, mt_sip_stxn *t);
void mt_sip_stxn_free(mt_sip_stxn *t);
/* Answers of no transaction, or kept as one over UDP (rx->keep). */
void mt_sip_reply_begin(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_writer *w, unsigned code);
void mt_sip_reply_end(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_writer *w);
void mt_sip_reply(mt_sip_server *s, const mt_sip_rx *rx, unsigned code);

/* txn_client.c */
typedef struct mt_sip_ctxn_start {
    mt_sip_ctxn_kind kind;
    mt_sip_method method;
    const mt_sip_flow *flow;
    const char *branch; /* MT_SIP_BRANCH_CHARS */
    uint32_t cseq;
    uint32_t limit_ms; /* 0: 64 * T1 */
    mt_slice request;  /* has just been sent */
    mt_sip_side *side; /* may be NULL */
} mt_sip_ctxn_start;
mt_sip_ctxn *mt_sip_ctxn_make(mt_sip_server *s, const mt_sip_ctxn_start *start); /* NULL: no memory */
void mt_sip_branch(mt_sip_server *s, char out[MT_SIP_BRANCH_CHARS]);             /* a new one */
void mt_sip_branch_of(const char id[MT_SIP_ID_CHARS], char out[MT_SIP_BRANCH_CHARS]);
void mt_sip_ctxn_response(mt_sip_server *s, const mt_sip_msg *m);
void mt_sip_ctxn_cancel(mt_sip_server *s, mt_sip_ctxn *t); /* as soon as a provisional answer is there */
void mt_sip_ctxn_drop(mt_sip_server *s, mt_sip_ctxn *t);
void mt_sip_ctxn_free(mt_sip_ctxn *t);

/* rewrite.c */
typedef struct mt_sip_leg_request {
    const mt_sip_side *to;
    mt_sip_method method;
    mt_slice uri; /* Request-URI */
    mt_slice tag; /* of To; may be empty */
    const char *branch;
    const mt_sip_flow *flow;
    uint32_t cseq;
    unsigned max_forwards;
    const char *reason; /* RFC 3326; NULL: none */
} mt_sip_leg_request;
mt_slice mt_sip_rewrite_target(mt_slice uri); /* without its headers */
void mt_sip_rewrite_request(mt_sip_server *s, mt_sip_writer *w, const mt_sip_leg_request *r);
/* A request of our own, without a body, whole and queued for `flow`; bytes as mt_sip_out_end gives them. */
mt_err mt_sip_leg_send(mt_sip_server *s, const mt_sip_leg_request *r, const mt_sip_flow *flow,
                       mt_slice *bytes) MT_MUST_CHECK;
void mt_sip_rewrite_via(mt_sip_server *s, mt_sip_writer *w, const mt_sip_flow *flow, const char *branch);
void mt_sip_rewrite_contact(mt_sip_server *s, mt_sip_writer *w, const mt_sip_side *side, const mt_sip_flow *flow);
void mt_sip_rewrite_record_route(mt_sip_server *s, mt_sip_writer *w, const mt_sip_side *side, const mt_sip_flow *flow);
/* Those headers of m that may pass to the other side. */
void mt_sip_rewrite_copy(mt_sip_writer *w, const mt_sip_msg *m);
/* Via … To of an answer to m, for a tag (may be empty). */
void mt_sip_rewrite_head(mt_sip_writer *w, const mt_sip_msg *m, const mt_sip_flow *flow, mt_slice tag);

/* registrar.c, proxy.c, forward.c */
void mt_sip_registrar_request(mt_sip_server *s, mt_sip_rx *rx);
void mt_sip_proxy_invite(mt_sip_server *s, mt_sip_rx *rx);
void mt_sip_proxy_in_dialog(mt_sip_server *s, mt_sip_rx *rx);
void mt_sip_proxy_ack(mt_sip_server *s, const mt_sip_rx *rx);
void mt_sip_proxy_cancel(mt_sip_server *s, mt_sip_rx *rx);
/* Sends a request of t's sender on to the other side. */
void mt_sip_forward_request(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_msg *m);
void mt_sip_forward_ack(mt_sip_server *s, mt_sip_side *to, const mt_sip_msg *m);
void mt_sip_forward_response(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m);
void mt_sip_forward_timeout(mt_sip_server *s, mt_sip_ctxn *t);
void mt_sip_forward_held_over(mt_sip_server *s, mt_sip_stxn *t); /* its time of waiting is over */

/* dialog.c */
mt_sip_call *mt_sip_call_make(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_user callee,
                              const mt_sip_pair *pair); /* NULL: no memory */
mt_sip_call *mt_sip_call_of_pair(const mt_sip_server *s, const mt_sip_pair *pair);
mt_sip_side *mt_sip_side_of_token(const mt_sip_server *s, mt_slice token);
mt_sip_side *mt_sip_side_other(const mt_sip_side *side);
/* Where to send to this side now; false: nowhere. */
bool mt_sip_side_flow(const mt_sip_server *s, const mt_sip_side *side, mt_sip_flow *out);
mt_slice mt_sip_side_tag(const mt_sip_side *side); /* our tag on this leg */
enum { MT_SIP_BYE_NONE = 0, MT_SIP_BYE_CALLER = 1, MT_SIP_BYE_CALLEE = 2, MT_SIP_BYE_BOTH = 3 };
/* code: to the caller if he has no final answer yet. byes: to whom, if it was up. */
void mt_sip_call_end(mt_sip_server *s, mt_sip_call *call, unsigned code, unsigned byes);
void mt_sip_call_bye(mt_sip_server *s, mt_sip_side *to);
void mt_sip_call_ack(mt_sip_server *s, mt_sip_ctxn *t, mt_slice tag, mt_slice uri);
void mt_sip_call_check(mt_sip_server *s, mt_sip_call *call); /* to be freed, if nothing holds it any more */
void mt_sip_call_free(mt_sip_call *call);
void mt_sip_call_user_gone(mt_sip_server *s, mt_sip_account *a);
void mt_sip_call_user_back(mt_sip_server *s, mt_sip_account *a);

#endif
