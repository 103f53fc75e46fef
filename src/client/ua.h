/* The SIP user agent of one login: registration and one call at a time (more while old ones end), by sofia-sip's nua in
 * the GLib loop.
 *
 * RFC 3261, 2617 (MD5), 3263 without DNS for literal addresses, 5626 keep-alives. SDP passes through untouched.
 * Everything happens in the GLib main context that was the thread default at creation; no event comes from within a
 * call of the owner's. */
#ifndef MT_CLIENT_UA_H
#define MT_CLIENT_UA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

typedef struct mt_ua mt_ua;

typedef struct mt_ua_account { /* copied, the password wiped when done with */
    const char *uri;           /* sip:jeden@myturn.invalid, the address of record */
    const char *username, *realm, *password;
    const char *server;    /* "127.0.0.1:5060", "[::1]:5060": where everything is sent */
    bool udp;              /* else TCP */
    unsigned expires_s;    /* 0: 300 */
    unsigned keepalive_ms; /* between CRLF pings on a stream; 0: 20,000 */
} mt_ua_account;

/* Calls are numbered as in turn.h. After failed and ended a number is void. */
typedef struct mt_ua_events {
    void (*registered)(void *ctx); /* first, and after every refresh */
    /* code 0 or 503 may also mean no answer (server away, connection lost). It is tried again with growing pauses, but
     * after 401, 403, 404.
     */
    void (*register_failed)(void *ctx, unsigned code);
    void (*unregistered)(void *ctx);                              /* mt_ua_unregister was answered, anyhow */
    void (*incoming)(void *ctx, uint32_t call, const char *from); /* 180 is sent; from: user part of From, decoded */
    void (*ringing)(void *ctx, uint32_t call);
    void (*up)(void *ctx, uint32_t call); /* 2xx arrived, or the ACK to ours */
    void (*failed)(void *ctx, uint32_t call,
                   unsigned code); /* final 3xx to 6xx; 408: none in time; or the dialog died here without BYE */
    /* BYE or CANCEL arrived. by_server: it says that the server ended the call, going down, and not the partner. */
    void (*ended)(void *ctx, uint32_t call, bool by_server);
    /* A re-INVITE with another offer than the one in force: mt_ua_reanswer or mt_ua_rerefuse is due. NULL: it is
     * answered with the SDP in force, as one without news is by itself. */
    void (*reoffered)(void *ctx, uint32_t call);
    /* Ours was answered: 200, and mt_ua_remote_sdp is the answer; or refused with that code (503: not sent). The call
     * goes on unless `failed` follows. */
    void (*reanswered)(void *ctx, uint32_t call, unsigned code);
} mt_ua_events;

/* Begins to register. Binds one local address: the one that leads to the server. MT_EINVAL: account; MT_ESYS;
 * MT_ENOMEM. */
mt_err mt_ua_create(const mt_ua_account *account, const mt_ua_events *events, void *ctx, mt_ua **out) MT_MUST_CHECK;
/* No event follows. Calls are hung up and the binding removed in the background as long as the main loop runs. NULL is
 * harmless. */
void mt_ua_destroy(mt_ua *ua);
unsigned mt_ua_lingering(void); /* destroyed ones that are still saying good-bye */

void mt_ua_unregister(mt_ua *ua);

/* INVITE to the extension. MT_ENOMEM, MT_EEXIST. What comes of it is an event. */
mt_err mt_ua_dial(mt_ua *ua, uint32_t call, uint32_t exten, const char *sdp) MT_MUST_CHECK;
mt_err mt_ua_answer(mt_ua *ua, uint32_t call, const char *sdp) MT_MUST_CHECK; /* MT_ENOENT: over meanwhile */
void mt_ua_refuse(mt_ua *ua, uint32_t call, unsigned code);
/* CANCEL, BYE, or BYE after the 200 that crosses the CANCEL. No event of this call follows. Unknown calls: nothing. */
void mt_ua_hangup(mt_ua *ua, uint32_t call);

/* Within a call that is up: another offer. What comes of it is an event. MT_ENOENT: there is no such call; MT_ESTATE:
 * one is under way. */
mt_err mt_ua_reinvite(mt_ua *ua, uint32_t call, const char *sdp) MT_MUST_CHECK;
void mt_ua_recancel(mt_ua *ua, uint32_t call); /* the one under way; `reanswered` follows */
/* To `reoffered`. sdp NULL: the one in force. MT_ENOENT: there is nothing to answer any more. */
mt_err mt_ua_reanswer(mt_ua *ua, uint32_t call, const char *sdp) MT_MUST_CHECK;
void mt_ua_rerefuse(mt_ua *ua, uint32_t call, unsigned code);
const char *mt_ua_offered_sdp(const mt_ua *ua, uint32_t call); /* of `reoffered`; borrowed; NULL: none */

/* The network has changed: leaves the flow to the server, which may look alive for minutes, and registers by a new one.
 */
void mt_ua_renew(mt_ua *ua);
/* The local address that leads to a server ("127.0.0.1:5060"), without a port. MT_EINVAL; MT_ESYS: none does. */
mt_err mt_ua_local_address(const char *server, char out[MT_ADDR_STRLEN]) MT_MUST_CHECK;

const char *mt_ua_remote_sdp(const mt_ua *ua, uint32_t call); /* borrowed; NULL: none */

#endif
