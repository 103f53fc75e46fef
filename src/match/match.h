/* The matchmaker: users, statuses, the pool of ready users, the draw and the life of a pair.
 *
 * A machine without I/O, clock or threads: it is handed events and the time, changes its state, and reports through
 * mt_match_events. It tells when it next wants mt_match_tick. Add, remove and draw are O(1).
 *
 * Life of a user:   BUSY -> READY -> PAIRED -> READY_TO_TALK (callee; caller when the call is up) -> BUSY
 * Life of a pair:   drawn -> [callee ready] -> invited -> ringing -> up -> ended. It has a random 128-bit id; whatever
 * ends a pair names that id and never touches a user who has moved on. */
#ifndef MT_MATCH_MATCH_H
#define MT_MATCH_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"
#include "base/slice.h"

typedef struct mt_match mt_match;
typedef struct mt_user mt_user; /* owned by the matchmaker, valid until its removal */
typedef struct mt_pair mt_pair; /* owned by the matchmaker, valid until its ended event returns */

typedef enum mt_status { MT_BUSY = 0, MT_READY = 1, MT_PAIRED = 2, MT_READY_TO_TALK = 3 } mt_status;

/* Link policies a user accepts, as bits; only users with a common bit are drawn for each other. */
enum { MT_LINK_GCM = 1, MT_LINK_CBC = 2, MT_LINK_RTP = 4 };

typedef enum mt_pair_end {
    MT_END_HANGUP,        /* BYE, DELETE, busy, leave: a user wanted it */
    MT_END_LOGOUT,        /* a user logged out or his lease ran out */
    MT_END_FLOW_LOST,     /* a user's signalling flow is gone */
    MT_END_NO_INVITE,     /* the caller did not dial in time */
    MT_END_CALLEE_SILENT, /* no 18x or final answer in time, or never READY_TO_TALK */
    MT_END_NO_ANSWER,     /* rang, but was not answered in time */
    MT_END_REFUSED,       /* a final answer other than 2xx */
    MT_END_UNDONE,        /* the draw's answer could not be delivered */
    MT_END_SHUTDOWN,
} mt_pair_end;
const char *mt_pair_end_str(mt_pair_end end); /* stable word for logs and the API: "hangup", "no_answer", … */

#define MT_PAIR_ID_BYTES 16
#define MT_PAIR_ID_HEX (2 * MT_PAIR_ID_BYTES)

typedef struct mt_match_config {
    uint32_t repeat_after_ms; /* 3000: last partners meet again only when both have waited this long and nobody else is
                                 there */
    uint32_t draw_window_ms;  /* 0: one who becomes ready draws only after so long, so that others gather; meanwhile
                                 others  may draw him */
    uint32_t callee_ready_ms; /* 15000: the callee must be READY_TO_TALK by then */
    uint32_t invite_ms;       /* 15000: the caller must dial, counted from the draw */
    uint32_t invite_phone_ms; /* 60000: the same where the caller is a phone, whose user dials by hand */
    uint32_t silent_ms;       /* 3000: from the INVITE to the first 18x or final */
    uint32_t answer_ms;       /* 15000: from the first 18x to the final */
    uint32_t answer_phone_ms; /* 60000: the same where the callee is a phone */
    uint32_t ready_lapse_ms;  /* 30000: READY by mt_match_ready lapses to BUSY after the last mt_match_touch */
    uint32_t poll_fresh_ms;   /* 5000: who is READY by mt_match_ready is drawn by others only so long after the last
                                 mt_match_touch; he draws himself whenever he asks */
    uint32_t keep_wait_ms;    /* 5000: after mt_match_pause the waiting time is kept, without being drawn */
    size_t max_users;         /* 20000 */
    uint32_t max_blocks;      /* 100: by one user */
    uint32_t first_exten;     /* 111000 */
} mt_match_config;
void mt_match_config_default(mt_match_config *cfg);

/* Reports. They come from within the call that caused them, each after the change is whole; a handler must not call
 * back into the matchmaker, but for the accessors (collect and act afterwards; a debug check aborts). Any may be NULL.
 */
typedef struct mt_match_events {
    void (*status)(void *ctx, mt_user *user, mt_status was);
    void (*drawn)(void *ctx, mt_pair *pair);        /* both are PAIRED now */
    void (*callee_ready)(void *ctx, mt_pair *pair); /* the caller may be told to dial */
    /* Both users' statuses are set already and mt_user_pair is NULL; pair accessors still work. */
    void (*ended)(void *ctx, mt_pair *pair, mt_pair_end why);
    void (*superseded)(void *ctx, mt_user *user); /* an earlier held wait is answered `superseded` */
} mt_match_events;

/* MT_EINVAL: no users, extension 0, or more users than nine-digit extensions from the first on. MT_ENOMEM. */
mt_err mt_match_create(const mt_match_config *cfg, mt_random random, const mt_match_events *events, void *ctx,
                       mt_match **out) MT_MUST_CHECK;
void mt_match_destroy(mt_match *m);

/* name is shown, key is its case-folded form by which names are equal (both copied). MT_EEXIST: key taken. MT_ELIMIT:
 * full. MT_ENOMEM. Extensions count up and come again only after the last nine-digit one. */
mt_err mt_match_add(mt_match *m, mt_slice name, mt_slice key, bool phone, int64_t now_ms, mt_user **out) MT_MUST_CHECK;
/* Logout. Ends his pair (why), then the user is gone. */
void mt_match_remove(mt_match *m, mt_user *u, mt_pair_end why, int64_t now_ms);
mt_user *mt_match_by_key(const mt_match *m, mt_slice key);
mt_user *mt_match_by_exten(const mt_match *m, uint32_t exten);
mt_user *mt_match_next(const mt_match *m, const mt_user *u); /* in order of login; NULL for the first */
mt_pair *mt_match_pair_by_id(const mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES]);

typedef struct mt_match_counts {
    size_t online, ready, talking; /* talking: users in a pair */
    uint64_t draws;
} mt_match_counts;
mt_match_counts mt_match_count(const mt_match *m);

mt_slice mt_user_name(const mt_user *u);
mt_slice mt_user_key(const mt_user *u);
uint32_t mt_user_exten(const mt_user *u);
mt_status mt_user_status(const mt_user *u);
bool mt_user_is_phone(const mt_user *u);
mt_pair *mt_user_pair(const mt_user *u);    /* NULL: none */
mt_user *mt_user_partner(const mt_user *u); /* NULL: none */
int64_t mt_user_wait_since_ms(const mt_user *u);
void mt_user_set_ctx(mt_user *u, void *ctx); /* the owner's data */
void *mt_user_ctx(const mt_user *u);

const uint8_t *mt_pair_id(const mt_pair *p);  /* MT_PAIR_ID_BYTES */
const char *mt_pair_id_hex(const mt_pair *p); /* lower case, NUL-terminated */
mt_user *mt_pair_caller(const mt_pair *p);
mt_user *mt_pair_callee(const mt_pair *p);
bool mt_pair_callee_is_ready(const mt_pair *p);
bool mt_pair_is_up(const mt_pair *p);
unsigned mt_pair_links(const mt_pair *p); /* the common policies */

/* The two are never drawn for each other while both are logged in. A pair that they are in stays. MT_OK too where it is
 * so already. MT_EINVAL: by is other. MT_ELIMIT: he has blocked max_blocks of those online. MT_ENOMEM. */
mt_err mt_match_block(mt_match *m, mt_user *by, mt_user *other) MT_MUST_CHECK;
bool mt_match_is_blocked(const mt_match *m, const mt_user *a, const mt_user *b);
/* Takes no part in draws before that time: he leaves the pool, and ready, draw and turn are MT_EDENIED until then, but
 * for one who is in a pair. A time that has passed lifts it. */
void mt_match_bar(mt_match *m, mt_user *u, int64_t until_ms, int64_t now_ms);
bool mt_match_is_barred(const mt_user *u, int64_t now_ms);
int64_t mt_user_barred_until_ms(const mt_user *u);

/* The specification's way (poll). links: a set of MT_LINK_*, else MT_EINVAL. */
/* BUSY or READY -> READY, in the pool; never draws. MT_ESTATE at PAIRED and READY_TO_TALK. MT_EDENIED: barred.
 * MT_ENOMEM: unchanged. One who waits by mt_match_turn goes on waiting so. */
mt_err mt_match_ready(mt_match *m, mt_user *u, unsigned links, int64_t now_ms) MT_MUST_CHECK;
/* Draws a partner for a READY user. MT_EDENIED: barred. MT_ESTATE: not READY. MT_EMORE: nobody to draw. MT_ENOMEM:
 * unchanged. MT_OK also when he is in a pair already (out: it). */
mt_err mt_match_draw(mt_match *m, mt_user *u, int64_t now_ms, mt_pair **out) MT_MUST_CHECK;
/* Any request of his: puts the lapse of READY off. */
void mt_match_touch(mt_match *m, mt_user *u, int64_t now_ms);
/* The callee confirms; allowed for the callee at PAIRED and READY_TO_TALK, else MT_ESTATE. */
mt_err mt_match_ready_to_talk(mt_match *m, mt_user *u, int64_t now_ms) MT_MUST_CHECK;
/* Leaves the pool, ends the pair; both go BUSY. Always possible. */
void mt_match_busy(mt_match *m, mt_user *u, mt_pair_end why, int64_t now_ms);

/* The way of /v1 (a held request). */
/* Ready and draw in one step. MT_OK: *out is the pair (a new one, or repeated while he is PAIRED). MT_EMORE: he waits
 * in the pool, `drawn` will tell, also by time alone (repeat_after_ms, see mt_match_tick). MT_ESTATE: in a call that is
 * up or ringing (in_talk). MT_EDENIED: barred. MT_EINVAL: links. MT_ENOMEM: unchanged. If he is waiting so already,
 * `superseded` is reported first; a request of his that is held while he is in a pair is its holder's to answer. */
mt_err mt_match_turn(mt_match *m, mt_user *u, unsigned links, int64_t now_ms, mt_pair **out) MT_MUST_CHECK;
/* The held request was answered `waiting`: out of the pool, waiting time kept for keep_wait_ms, then BUSY. */
void mt_match_pause(mt_match *m, mt_user *u, int64_t now_ms);
/* The held request broke, or DELETE: out of the pool, BUSY. Nothing if he is in a pair. */
void mt_match_leave(mt_match *m, mt_user *u, int64_t now_ms);

/* Ending and following one pair by id; MT_ENOENT: no such pair any more (nothing is touched). What a pair has behind it
 * already is MT_OK again and changes nothing, its time-outs least of all. */
mt_err mt_match_end(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], mt_pair_end why, int64_t now_ms) MT_MUST_CHECK;
/* The draw's answer could not be written to `lost`: he goes BUSY, the other, unless barred, is READY again with his
 * waiting time. If he
 * waits by mt_match_turn he draws anew at once (`drawn` within the call). The two do not count as last partners. Once
 * the callee is READY_TO_TALK the other has been told already and waits for a call, not for a draw: both go BUSY then.
 * MT_EINVAL: lost is not in that pair. */
mt_err mt_match_undo(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], mt_user *lost, int64_t now_ms) MT_MUST_CHECK;
mt_err mt_match_invited(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], int64_t now_ms) MT_MUST_CHECK;
mt_err mt_match_ringing(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], int64_t now_ms) MT_MUST_CHECK;
/* 200: the caller is READY_TO_TALK too, and the callee if he had not said so (`callee_ready` then). */
mt_err mt_match_up(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], int64_t now_ms) MT_MUST_CHECK;

int64_t mt_match_next_ms(const mt_match *m); /* MT_NEVER: nothing to wait for */
void mt_match_tick(mt_match *m, int64_t now_ms);

#endif
