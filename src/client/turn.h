/* The conversation as a machine without I/O: logged out, logging in, idle, waiting, connecting, talking, reconnecting,
 * ending.
 *
 * It is handed what happened (user's wishes, API answers, SIP and link events, time) and appends actions for the shell,
 * which takes them with mt_turn_action until there are none, after every call. It tells when it wants mt_turn_tick.
 * docs/protocol/conversation.md has the table of states.
 *
 * It guarantees:
 *  - Every path out of a pair ends SIP call, link and voice together, in one call of the machine.
 *  - No action belongs to a pair that is over, but those that tell the server of its end. Answers and events of
 * requests, calls and links that are over change nothing.
 *  - Losing the server never ends a running talk: that ends by the link's bye or silence, or by BYE. A login that is
 * gone (401) is made anew after the talk, under the same name.
 *  - A user whose setup failed without anybody's wish (no_answer, refused, undone, no_path, server) is drawn again by
 * himself.
 *  - Microphone and sound exist in TALKING and RECONNECTING only.
 *  - Another path is looked for (ICE restart, docs/protocol/sdp.md) as long as the partner is silent and the call
 * lives; by the caller, and the callee answers. It begins or ends no talk.
 *
 * Requests have numbers (seq) and calls too; what comes back is handed in with the number. Not thread-safe. */
#ifndef MT_CLIENT_TURN_H
#define MT_CLIENT_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"
#include "client/fault.h"
#include "link/link.h"
#include "myturn/myturn.h"

#define MT_TURN_NAME_BYTES 256 /* a nickname has at most 32 code points */
#define MT_TURN_PAIR_BYTES 16

typedef struct mt_turn mt_turn;

/* Calls are numbered by the machine where it dials, and by the user agent, with this bit set, where it is called. 0: no
 * call. */
#define MT_TURN_CALL_IN 0x80000000u

typedef enum mt_turn_action_kind {
    MT_TURN_API_LOGIN,      /* seq, name */
    MT_TURN_API_TURN,       /* seq, wait_s, leave, pair: POST /v1/turn, pair is the one to leave if leave */
    MT_TURN_API_BREAK,      /* the held POST /v1/turn is given up; its answer is not awaited any more */
    MT_TURN_API_LEAVE,      /* seq, leave, pair: DELETE /v1/turn, without ?pair= unless leave */
    MT_TURN_API_BLOCK,      /* seq, pair: POST /v1/turn/block */
    MT_TURN_API_REPORT,     /* seq, pair: POST /v1/turn/report with what mt_turn_conduct_of(seq) has */
    MT_TURN_API_WATCH,      /* seq: GET /v1/me, held until something changes; gives an earlier one up */
    MT_TURN_API_LOGOUT,     /* seq: DELETE /v1/me */
    MT_TURN_API_RENEW,      /* by new connections from now on; what is under way fails as unreachable */
    MT_TURN_API_FORGET,     /* no requests and no token any more */
    MT_TURN_SIP_REGISTER,   /* with what the last login answered; phone: show that to the user */
    MT_TURN_SIP_UNREGISTER, /* politely: mt_turn_unregistered follows */
    MT_TURN_SIP_STOP,       /* at once, no event follows */
    MT_TURN_SIP_DIAL,       /* call, exten: INVITE with the link's SDP */
    MT_TURN_SIP_ANSWER,     /* call: 200 with the link's SDP */
    MT_TURN_SIP_REFUSE,     /* call, code */
    MT_TURN_SIP_REINVITE,   /* call: offers the link's restart SDP within it; mt_turn_reanswered follows */
    MT_TURN_SIP_RECANCEL,   /* call: takes that back; mt_turn_reanswered follows all the same */
    MT_TURN_SIP_REANSWER,   /* call: 200 to the partner's offer with the link's restart SDP; if there is none, with the
                               one in force */
    MT_TURN_SIP_REREFUSE,   /* call, code: to the partner's offer */
    MT_TURN_SIP_RENEW,      /* the flow to the server is left for a new one: mt_turn_registered follows */
    MT_TURN_SIP_HANGUP,     /* call: BYE, CANCEL, or BYE after the 200 that crossed it. Repeating is harmless */
    MT_TURN_LINK_CREATE,    /* caller, pair. There is at most one, but for those that say bye */
    MT_TURN_LINK_REMOTE,    /* call: hand the call's SDP to the link */
    MT_TURN_LINK_BYE, /* says bye and is destroyed when closed: mt_turn_link_gone. No other event of it is handed in
                         from now on */
    MT_TURN_LINK_DESTROY,
    MT_TURN_LINK_RESTART,      /* a new path is to be offered: mt_turn_restart_ready follows */
    MT_TURN_LINK_REOFFER,      /* call: hand the partner's new offer to the link: the same follows */
    MT_TURN_LINK_REANSWER,     /* call: hand the answer to ours to the link */
    MT_TURN_LINK_RESTART_STOP, /* nothing comes of it */
    MT_TURN_AUDIO_START,
    MT_TURN_AUDIO_STOP,
    MT_TURN_REPORT, /* report: to the application */
} mt_turn_action_kind;

/* One event for the application; the pointers are to static strings. */
typedef struct mt_turn_report {
    myturn_event_kind kind;
    myturn_state state;
    char name[MT_TURN_NAME_BYTES];
    uint32_t exten;
    unsigned ready, online, elapsed_s;
    unsigned retry_s; /* ERROR: suspended, slow_down */
    bool caller, on;
    bool counted; /* WAITING: because ready and online have just been told */
    const char *reason, *code, *text;
    char detail[200]; /* ERROR: what the server said, or "" */
} mt_turn_report;

typedef struct mt_turn_action {
    mt_turn_action_kind kind;
    uint32_t seq, call, exten;
    unsigned code, wait_s;
    bool caller, leave;
    uint8_t pair[MT_TURN_PAIR_BYTES];
    char name[MT_TURN_NAME_BYTES];
    mt_turn_report report;
} mt_turn_action;

/* MT_ENOMEM. The random source spreads the retries. */
mt_err mt_turn_create(mt_random random, mt_turn **out) MT_MUST_CHECK;
void mt_turn_destroy(mt_turn *t);
/* Before the first login: a phone of the user's does the calling, and the server tells of it. There is no link and no
 * sound then, and no event of the user agent. */
void mt_turn_set_phone(mt_turn *t);
/* The next action; MT_EMORE: none. */
mt_err mt_turn_action_next(mt_turn *t, mt_turn_action *out) MT_MUST_CHECK;
int64_t mt_turn_next_ms(const mt_turn *t); /* INT64_MAX: never */
void mt_turn_tick(mt_turn *t, int64_t now_ms);
myturn_state mt_turn_state(const mt_turn *t);
const char *mt_turn_partner(const mt_turn *t); /* name; "" outside a pair */

/* The user's wishes. MT_ESTATE: not possible now; see myturn.h. */
mt_err mt_turn_login(mt_turn *t, const char *name, int64_t now_ms) MT_MUST_CHECK; /* MT_EINVAL: empty or too long */
mt_err mt_turn_logout(mt_turn *t, int64_t now_ms) MT_MUST_CHECK;
mt_err mt_turn_ready(mt_turn *t, int64_t now_ms) MT_MUST_CHECK;
mt_err mt_turn_cancel(mt_turn *t, int64_t now_ms) MT_MUST_CHECK;
mt_err mt_turn_hangup(mt_turn *t, int64_t now_ms) MT_MUST_CHECK;
mt_err mt_turn_next(mt_turn *t, int64_t now_ms) MT_MUST_CHECK;

/* Of the present partner, whose pair ends, or the last one since the last draw. MT_ELIMIT: too many are under way. */
mt_err mt_turn_block(mt_turn *t, int64_t now_ms) MT_MUST_CHECK;
/* MT_EINVAL: no such reason, or the note (may be NULL) is too long. */
mt_err mt_turn_report_partner(mt_turn *t, const char *reason, const char *note, int64_t now_ms) MT_MUST_CHECK;

#define MT_TURN_NOTE_BYTES (4 * MYTURN_NOTE_MAX + 1)

typedef struct mt_turn_conduct { /* a block or report that the server is to take */
    uint32_t seq;                /* 0: not under way */
    const char *reason;          /* static; NULL: a block */
    uint8_t pair[MT_TURN_PAIR_BYTES];
    char name[MT_TURN_NAME_BYTES];
    char note[MT_TURN_NOTE_BYTES];
    int64_t begun_ms, at_ms;
    unsigned fails;
} mt_turn_conduct;
/* The one under way with this number; NULL: none. Borrowed until the next call. */
const mt_turn_conduct *mt_turn_conduct_of(const mt_turn *t, uint32_t seq);
const char *mt_turn_reason(const char *reason); /* the static form; NULL: there is no such reason */

/* Answers of the API. A fault is copied. */
void mt_turn_conducted(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms); /* fault NULL: with success */
void mt_turn_login_done(mt_turn *t, uint32_t seq, const char *name, uint32_t exten, int64_t now_ms);
void mt_turn_login_failed(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms);

typedef struct mt_turn_draw {
    uint8_t pair[MT_TURN_PAIR_BYTES];
    bool caller;
    char name[MT_TURN_NAME_BYTES]; /* the partner's, cleaned for display */
    uint32_t exten;                /* the partner's; 0: not told */
    unsigned connect_s;            /* 0: not told */
    mt_link_policy policy;
    bool relay_only;
    mt_ice_servers servers;
} mt_turn_draw;
const mt_turn_draw *mt_turn_pair(const mt_turn *t); /* borrowed until the next call; NULL outside a pair */
void mt_turn_drawn(mt_turn *t, uint32_t seq, const mt_turn_draw *draw, int64_t now_ms);
void mt_turn_waiting(mt_turn *t, uint32_t seq, unsigned ready, unsigned online, int64_t now_ms);
/* How many wait and are online, as anybody may ask: told while waiting. */
void mt_turn_counted(mt_turn *t, unsigned ready, unsigned online, int64_t now_ms);
void mt_turn_turn_failed(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms);
void mt_turn_left(mt_turn *t, uint32_t seq, const mt_fault *fault,
                  int64_t now_ms);                                 /* LEAVE was answered; fault NULL: with success */
void mt_turn_logged_out(mt_turn *t, uint32_t seq, int64_t now_ms); /* LOGOUT was answered, anyhow */

typedef struct mt_turn_me { /* answer to WATCH */
    bool registered, talking, paired;
    uint8_t pair[MT_TURN_PAIR_BYTES]; /* if paired */
} mt_turn_me;
void mt_turn_watched(mt_turn *t, uint32_t seq, const mt_turn_me *me, int64_t now_ms);
void mt_turn_watch_failed(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms);

/* The user agent. */
void mt_turn_registered(mt_turn *t, int64_t now_ms); /* first, and again after the flow was lost */
void mt_turn_register_failed(
    mt_turn *t, unsigned code,
    int64_t now_ms); /* final answer; 0 or 408: none. The user agent goes on trying but after 401, 403, 404 */
/* SIP cannot be had over TLS as it must; detail tells why, in the user's language. */
void mt_turn_sip_untrusted(mt_turn *t, const char *detail, int64_t now_ms);
void mt_turn_unregistered(mt_turn *t, int64_t now_ms);
/* INVITE, 180 is sent already. from: user part of From, decoded. */
void mt_turn_incoming(mt_turn *t, uint32_t call, const char *from, int64_t now_ms);
void mt_turn_call_up(mt_turn *t, uint32_t call, int64_t now_ms); /* caller: 2xx; callee: ACK */
void mt_turn_call_failed(mt_turn *t, uint32_t call, unsigned code,
                         int64_t now_ms); /* final answer 3xx to 6xx, 408 if none */
/* BYE or CANCEL arrived. silent_ms: since the partner was last heard on the link; one who hangs up was heard just now.
 */
void mt_turn_call_ended(mt_turn *t, uint32_t call, int64_t silent_ms, int64_t now_ms);
/* BYE arrived of a server that is going down: nobody has hung up. */
void mt_turn_call_stopped(mt_turn *t, uint32_t call, int64_t now_ms);

/* The partner's re-INVITE with an offer that is not the one in force. */
void mt_turn_reoffered(mt_turn *t, uint32_t call, int64_t now_ms);
/* Our re-INVITE was answered: 200, or refused with that code, or could not be sent (503). */
void mt_turn_reanswered(mt_turn *t, uint32_t call, unsigned code, int64_t now_ms);
void mt_turn_moved(mt_turn *t, int64_t now_ms); /* this machine has another address than before */

/* The link. */
void mt_turn_restart_ready(mt_turn *t, bool ready, int64_t now_ms); /* false: there is nothing to offer or answer */
void mt_turn_link_ready(mt_turn *t, int64_t now_ms);                /* its SDP can be taken */
void mt_turn_link_secure(mt_turn *t, int64_t now_ms);
void mt_turn_link_silent(mt_turn *t, bool on, int64_t now_ms);
void mt_turn_link_closed(mt_turn *t, mt_link_end why, int64_t now_ms);
/* It could not be made (bad_sdp false), or it refuses the partner's SDP. */
void mt_turn_link_broken(mt_turn *t, bool bad_sdp, int64_t now_ms);
void mt_turn_link_gone(mt_turn *t, int64_t now_ms); /* one after BYE is destroyed */

#endif
