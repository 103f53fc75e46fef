/* The matchmaker's insides, shared by its files and its tests only.
 *
 * Each change is made whole before anything of it is reported, so that a handler sees a consistent state. */
#ifndef MT_MATCH_STATE_H
#define MT_MATCH_STATE_H

#include <assert.h>

#include "base/list.h"
#include "base/map.h"
#include "base/timerq.h"
#include "match/match.h"
#include "match/pool.h"

/* How a user waits while he is READY; kept while he is in a pair, so that an undone draw finds it again. */
typedef enum mt_wait {
    MT_WAIT_POLL,  /* by mt_match_ready: in the pool while his last request is fresh, lapses */
    MT_WAIT_HELD,  /* by mt_match_turn: in the pool, draws by himself when time allows a repetition */
    MT_WAIT_PAUSED /* by mt_match_pause: not in the pool, lapses soon */
} mt_wait;

struct mt_user {
    /* What a draw looks at stands together: one cache line a candidate. */
    uint32_t exten;
    uint32_t last_exten; /* the last partner's; 0: none. A number, since he may be gone */
    uint32_t pool_at;    /* MT_POOL_NOWHERE: not in */
    uint8_t status;      /* mt_status */
    uint8_t wait;        /* mt_wait */
    uint8_t links;       /* 0: not told yet */
    bool phone;
    uint32_t edge_count; /* blocks in which he is at one end or the other */
    mt_pair *pair;
    int64_t wait_since_ms;
    int64_t touched_ms;      /* last request; when paused: since when */
    int64_t retry_ms;        /* HELD: when to draw again; MT_NEVER: only others draw him */
    int64_t barred_until_ms; /* is not drawn, and may not enter the pool, before then */
    mt_list edges;           /* of block.c */
    uint32_t blocks_made;
    mt_timer timer; /* may fire earlier than wanted: it is not moved each time the wish is put off */
    mt_map_node by_key;
    mt_map_node by_exten;
    mt_list online; /* in order of login */
    mt_slice name;
    void *ctx;
    char text[]; /* name, key */
};

typedef enum mt_phase { MT_PHASE_DRAWN, MT_PHASE_INVITED, MT_PHASE_RINGING, MT_PHASE_UP } mt_phase;

struct mt_pair {
    mt_map_node by_id;
    mt_timer timer;
    mt_user *caller, *callee;
    int64_t drawn_ms;
    uint8_t phase; /* mt_phase */
    uint8_t links;
    bool callee_ready;
    uint8_t id[MT_PAIR_ID_BYTES];
    char hex[MT_PAIR_ID_HEX + 1];
};

struct mt_match {
    mt_match_config cfg;
    mt_match_events events;
    void *ctx;
    mt_random random;
    mt_timerq timers;
    mt_map by_key, by_exten, by_id, blocks;
    mt_list online;
    mt_pool pool;
    mt_pair *spare; /* the next pair's memory, so that a draw once begun cannot fail */
    size_t ready;
    uint64_t draws;
    uint32_t next_exten;
    uint32_t next_throw; /* random, for the next draw */
    bool reporting;
};

/* Every function that changes something begins so: a handler must not call back. */
static inline void mt_match_enter(const mt_match *m) {
    assert(!m->reporting);
}

/* Sets it and returns what it was; report it when the change is whole. */
mt_status mt_user_set_status(mt_match *m, mt_user *u, mt_status status);
void mt_user_report(mt_match *m, mt_user *u, mt_status was);

/* All blocks of a user who leaves. */
void mt_block_forget(mt_match *m, mt_user *u);

/* Whether these two met in the last talk of one of them. */
bool mt_draw_is_repeat(const mt_user *a, const mt_user *b);
/* Whom u, who must not be in the pool, draws now; NULL: nobody. */
mt_user *mt_draw_pick(mt_match *m, const mt_user *u, int64_t now_ms);

/* A READY user draws: the new pair (reported), or NULL and he is where he was. mt_pair_reserve must have succeeded. */
mt_pair *mt_wait_draw(mt_match *m, mt_user *u, int64_t now_ms);
/* He is ready, but lets others gather before he draws himself. */
bool mt_wait_gathers(const mt_match *m, const mt_user *u, int64_t now_ms);
/* The one who is left of an undone draw waits on as he did before; the caller of this reports. */
void mt_wait_resume(mt_match *m, mt_user *u, int64_t now_ms);
/* READY to BUSY, out of the pool; reported. Nothing if he is not READY. */
void mt_wait_stop(mt_match *m, mt_user *u);
/* Whether one who waits is to be in the pool. */
bool mt_wait_is_drawable(const mt_match *m, const mt_user *u, int64_t now_ms);
/* When u's timer has something to do; MT_NEVER: nothing. */
int64_t mt_wait_wants_ms(const mt_match *m, const mt_user *u);
mt_timer_fn mt_wait_fired;

/* Makes sure of the memory for one pair. */
mt_err mt_pair_reserve(mt_match *m) MT_MUST_CHECK;
mt_pair *mt_pair_make(mt_match *m, mt_user *caller, mt_user *callee, int64_t now_ms);
void mt_pair_finish(mt_match *m, mt_pair *p, mt_pair_end why);

#endif
