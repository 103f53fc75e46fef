/* A world of scripted SIP clients around one server machine, on virtual time. Every message that the server sends is
 * checked when it is taken: it parses, it goes to a flow that lives, and nothing of one client's own is in what another
 * one gets. */
#ifndef MT_TEST_SIP_WORLD_H
#define MT_TEST_SIP_WORLD_H

#include "sip/msg.h"
#include "sip/sip_server.h"

#define WORLD_PEERS 3
#define WORLD_SENT 256
#define WORLD_EVENTS 128
#define WORLD_TEXT 6000

typedef struct world world;

typedef struct peer {
    world *w;
    mt_sip_user user;
    const char *name, *exten, *password;
    const char *via; /* transport in Via */
    char host[40];   /* sent-by and Contact: appears nowhere but at this client */
    mt_sip_flow flow;
    bool closed;
    unsigned cseq, branch, nc;
    char nonce[64];
    size_t read; /* messages taken by peer_next so far */
} peer;

typedef struct sent {
    int64_t at_ms;
    mt_sip_flow flow;
    size_t len;
    char bytes[WORLD_TEXT];
} sent;

/* A dialog as the client keeps it. */
typedef struct dialog {
    char call_id[160], local[300], remote[300], target[300], route[300];
    unsigned cseq, invite_cseq;
    char branch[64]; /* of the INVITE */
} dialog;

struct world {
    mt_sip_server *s;
    mt_sip_server_config cfg;
    int64_t now_ms;
    uint64_t seed;
    peer p[WORLD_PEERS]; /* jeden 111000, dwa 111001, trzy 111002 */
    bool may_call;       /* jeden may call dwa */
    mt_sip_pair pair;
    sent *sent;
    size_t sent_count;
    mt_sip_action events[WORLD_EVENTS];
    size_t event_count, event_read;
    bool expect_enomem, got_enomem;
    const char *offer; /* body of INVITEs; NULL: a short one */
    bool forging;      /* a client uses another one's names himself, and answers repeat them */
};

void world_open(world *w, mt_sip_transport first, mt_sip_transport second);
void world_open_with(world *w, mt_sip_transport first, mt_sip_transport second, const mt_sip_server_config *cfg);
void world_close(world *w);
void world_take(world *w);                /* takes all actions */
void world_run(world *w, int64_t for_ms); /* lets time pass */
void world_end_pair(world *w);

void peer_say(peer *p, const char *fmt, ...) MT_PRINTF(2, 3);
const char *peer_next(peer *p, const char *starts);   /* the next message to him; must start so. NULL starts: any */
const char *peer_try_next(peer *p);                   /* NULL: none */
void peer_silent(peer *p);                            /* nothing more came for him */
size_t peer_count(const peer *p, const char *starts); /* of all messages to him, how many start so */
int64_t peer_time(const peer *p, const char *starts, size_t nth);
void peer_reconnect(peer *p, uint64_t conn, bool close_old);

/* Value of the first header of that name; copied into out. */
const char *header_of(const char *text, const char *name, char *out, size_t out_bytes);
bool has_header(const char *text, const char *name);

void peer_authorization(peer *p, bool proxy, const char *method, const char *uri, const char *password, char *out,
                        size_t out_bytes);
void peer_read_challenge(peer *p, const char *text);
void peer_register_plain(peer *p, const char *to_user, const char *authorization, unsigned expires_s);
void peer_register(peer *p);
void peer_register_as(peer *p, const char *to_user, const char *password, unsigned expires_s);
/* INVITE without and then with credentials; the 407 is taken. */
void peer_invite(peer *p, const char *callee, dialog *d);
void peer_invite_plain(peer *p, const char *callee, dialog *d, const char *authorization);
void peer_cancel(peer *p, const char *callee, const dialog *d);
/* Answers a request; lines: further headers, each with CRLF, may be NULL. tag may be NULL. */
void peer_answer(peer *p, const char *request, const char *status, const char *tag, const char *lines,
                 const char *body);
void dialog_of_answer(dialog *d, const char *answer);                  /* as caller */
void dialog_of_invite(dialog *d, const char *invite, const char *tag); /* as callee */
void peer_in_dialog(peer *p, dialog *d, const char *method, const char *lines, const char *body);
/* From INVITE to ACK. invite (may be NULL) is what the callee got. */
void world_call(world *w, dialog *a, dialog *b);

void world_event(world *w, mt_sip_event_kind kind, mt_sip_user user); /* the next event must be this one; user 0: any */
void world_no_event(world *w);
mt_sip_action world_last_event(const world *w);

#endif
