/* The naive model of fuzz_match.c: users in an array, rules by looking at everybody, reports taken as they come. */
#ifndef MT_FUZZ_FUZZ_MATCH_MODEL_H
#define MT_FUZZ_FUZZ_MATCH_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timerq.h"
#include "match/check.h"
#include "match/match.h"

#define SLOTS 12
#define MAX_EVENTS 256
#define OLD_IDS 8
#define NOBODY (-1)

#define DEMAND(cond)                                                                                                   \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            die(#cond, __LINE__);                                                                                      \
    } while (0)

static void die(const char *what, int line) {
    fprintf(stderr, "fuzz_match.c:%d: not so: %s\n", line, what);
    abort();
}

enum wait { POLL, HELD, PAUSED };
enum phase { DRAWN, INVITED, RINGING, UP };
typedef struct id {
    uint8_t b[MT_PAIR_ID_BYTES];
} id;

/* A user and, at the caller, his pair. */
typedef struct model {
    mt_user *u; /* NULL: not logged in */
    bool phone;
    int status, shown; /* shown: as the reports told */
    enum wait wait;
    unsigned links;
    int64_t since_ms, touched_ms;
    uint32_t exten, last;
    int partner;
    bool caller;
    id pair;
    enum phase phase;
    bool callee_ready;
    int64_t drawn_ms, step_ms; /* step: when the phase began */
    int64_t barred_ms;         /* until then */
    unsigned made;             /* blocks */
} model;

enum kind { STATUS, PAIRED, CALLEE_READY, ENDED, SUPERSEDED };
typedef struct event {
    enum kind kind;
    int a, b; /* user; or caller, callee */
    int was, now;
    mt_pair_end why;
    id pair;
} event;

typedef struct world {
    const uint8_t *in;
    size_t left;
    mt_match_config cfg;
    mt_match *m;
    uint64_t seed;
    int64_t now_ms;
    bool late; /* time has passed without a tick */
    model user[SLOTS];
    int blocked[SLOTS][SLOTS]; /* 0: not; else 1 + who blocked, the same both ways */
    event events[MAX_EVENTS];
    size_t count, done;
    id old[OLD_IDS];
} world;

static unsigned byte(world *w) {
    if (w->left == 0)
        return 0;
    w->left--;
    return *w->in++;
}

static int slot_of(const mt_user *u) {
    return *mt_user_key(u).p - 'a';
}

/* Reports */

static event *add_event(world *w, enum kind kind, int a, int b) {
    DEMAND(w->count < MAX_EVENTS);
    event *e = &w->events[w->count++];
    *e = (event){.kind = kind, .a = a, .b = b};
    return e;
}

static event *add_pair_event(world *w, enum kind kind, const mt_pair *p) {
    event *e = add_event(w, kind, slot_of(mt_pair_caller(p)), slot_of(mt_pair_callee(p)));
    memcpy(e->pair.b, mt_pair_id(p), sizeof(e->pair.b));
    return e;
}

static void on_status(void *ctx, mt_user *u, mt_status was) {
    event *e = add_event(ctx, STATUS, slot_of(u), NOBODY);
    e->was = (int)was;
    e->now = (int)mt_user_status(u);
}

static void on_drawn(void *ctx, mt_pair *p) {
    (void)add_pair_event(ctx, PAIRED, p);
}

static void on_callee_ready(void *ctx, mt_pair *p) {
    (void)add_pair_event(ctx, CALLEE_READY, p);
}

static void on_ended(void *ctx, mt_pair *p, mt_pair_end why) {
    add_pair_event(ctx, ENDED, p)->why = why;
}

static void on_superseded(void *ctx, mt_user *u) {
    (void)add_event(ctx, SUPERSEDED, slot_of(u), NOBODY);
}

/* The next report that is no status; statuses are followed on the way. NULL: none. */
static const event *next_event(world *w) {
    while (w->done < w->count) {
        const event *e = &w->events[w->done++];
        if (e->kind != STATUS)
            return e;
        DEMAND(w->user[e->a].shown == e->was && e->was != e->now);
        w->user[e->a].shown = e->now;
    }
    return NULL;
}

/* The rules, naively */

static bool drawable(const world *w, const model *x) {
    if (x->u == NULL || x->status != MT_READY || x->wait == PAUSED)
        return false;
    return x->wait == HELD || w->now_ms - x->touched_ms < w->cfg.poll_fresh_ms;
}

static bool fits(const world *w, int a, int b, bool repeat) {
    const model *x = &w->user[a], *y = &w->user[b];
    bool met = x->last == y->exten || y->last == x->exten;
    if (w->blocked[a][b] != 0)
        return false;
    if (a == b || !drawable(w, y) || (x->links & y->links) == 0 || met != repeat)
        return false;
    return !repeat ||
           (w->now_ms - x->since_ms >= w->cfg.repeat_after_ms && w->now_ms - y->since_ms >= w->cfg.repeat_after_ms);
}

static bool anybody(const world *w, int a, bool repeat) {
    for (int b = 0; b < SLOTS; b++) {
        if (fits(w, a, b, repeat))
            return true;
    }
    return false;
}

static bool may_draw(const world *w, int a, int b) {
    return fits(w, a, b, false) || (!anybody(w, a, false) && fits(w, a, b, true));
}

static model *caller_of(world *w, int a) {
    model *x = &w->user[a];
    return x->partner == NOBODY || x->caller ? x : &w->user[x->partner];
}

static void apply_draw(world *w, const event *e) {
    model *a = &w->user[e->a], *b = &w->user[e->b];
    DEMAND(a->status == MT_READY && may_draw(w, e->a, e->b));
    a->status = b->status = MT_PAIRED;
    a->partner = e->b;
    b->partner = e->a;
    a->caller = true;
    b->caller = false;
    a->pair = b->pair = e->pair;
    a->phase = DRAWN;
    a->callee_ready = false;
    a->drawn_ms = a->step_ms = w->now_ms;
}

static void part(world *w, model *a) {
    model *b = &w->user[a->partner];
    w->old[a->exten % OLD_IDS] = a->pair;
    a->partner = b->partner = NOBODY;
    a->status = b->status = MT_BUSY;
}

static void apply_end(world *w, const event *e) {
    model *a = &w->user[e->a], *b = &w->user[e->b];
    DEMAND(a->partner == e->b && b->partner == e->a && a->caller && !b->caller);
    DEMAND(memcmp(&a->pair, &e->pair, sizeof(e->pair)) == 0);
    part(w, a);
    if (e->why != MT_END_UNDONE) {
        a->last = b->exten;
        b->last = a->exten;
    }
}

/* When the pair of caller a ends by itself, and why. */
static int64_t pair_due_ms(const world *w, const model *a, mt_pair_end *why) {
    const mt_match_config *c = &w->cfg;
    bool phone = w->user[a->partner].phone;
    int64_t invite_ms = a->phone ? c->invite_phone_ms : c->invite_ms;
    int64_t ready_ms = a->callee_ready || c->callee_ready_ms > invite_ms ? invite_ms : c->callee_ready_ms;
    switch (a->phase) {
    case DRAWN:
        *why = a->callee_ready ? MT_END_NO_INVITE : MT_END_CALLEE_SILENT;
        return a->drawn_ms + ready_ms;
    case INVITED:
        *why = MT_END_CALLEE_SILENT;
        return a->step_ms + c->silent_ms;
    case RINGING:
        *why = MT_END_NO_ANSWER;
        return a->step_ms + (phone ? c->answer_phone_ms : c->answer_ms);
    case UP:
        break;
    }
    return MT_NEVER;
}

static int64_t lapse_ms(const world *w, const model *x) {
    if (x->u == NULL || x->status != MT_READY || x->wait == HELD)
        return MT_NEVER;
    return x->touched_ms + (x->wait == PAUSED ? w->cfg.keep_wait_ms : w->cfg.ready_lapse_ms);
}

/* Comparing */

static void compare_user(const world *w, const model *x) {
    DEMAND((int)mt_user_status(x->u) == x->status && x->shown == x->status);
    DEMAND((mt_user_pair(x->u) != NULL) == (x->partner != NOBODY));
    DEMAND(mt_user_exten(x->u) == x->exten && mt_match_by_exten(w->m, x->exten) == x->u);
    DEMAND(x->status != MT_READY || x->barred_ms <= w->now_ms);
    DEMAND(mt_match_is_barred(x->u, w->now_ms) == (x->barred_ms > w->now_ms));
    DEMAND(x->status != MT_READY || mt_user_wait_since_ms(x->u) == x->since_ms);
    if (x->partner == NOBODY)
        return;
    const mt_pair *p = mt_user_pair(x->u);
    DEMAND(mt_user_partner(x->u) == w->user[x->partner].u);
    DEMAND((mt_pair_caller(p) == x->u) == x->caller && mt_match_pair_by_id(w->m, x->pair.b) == p);
    if (x->caller) {
        DEMAND(mt_pair_is_up(p) == (x->phase == UP) && mt_pair_callee_is_ready(p) == x->callee_ready);
        DEMAND(mt_pair_links(p) == (x->links & w->user[x->partner].links));
    }
}

/* What the rules demand must have happened by now; and nothing that is still to come may be slept through. */
static void compare_time(world *w) {
    int64_t next_ms = mt_match_next_ms(w->m);
    mt_pair_end why;
    for (int a = 0; a < SLOTS; a++) {
        const model *x = &w->user[a];
        if (x->u == NULL)
            continue;
        DEMAND(lapse_ms(w, x) > w->now_ms && next_ms <= lapse_ms(w, x));
        int64_t due_ms = x->partner != NOBODY && x->caller ? pair_due_ms(w, x, &why) : MT_NEVER;
        DEMAND(due_ms > w->now_ms && next_ms <= due_ms);
        for (int b = 0; drawable(w, x) && x->wait == HELD && b < SLOTS; b++)
            DEMAND(w->user[b].wait != HELD || !may_draw(w, a, b));
    }
}

static void compare(world *w) {
    size_t online = 0, ready = 0, talking = 0;
    DEMAND(next_event(w) == NULL); /* nothing was reported that the operation does not explain */
    w->count = w->done = 0;
    for (int a = 0; a < SLOTS; a++) {
        const model *x = &w->user[a];
        DEMAND(mt_match_by_key(w->m, mt_slice_n(&"abcdefghijkl"[a], 1)) == x->u);
        if (x->u == NULL)
            continue;
        compare_user(w, x);
        online++;
        ready += x->status == MT_READY;
        talking += x->partner != NOBODY;
    }
    mt_match_counts n = mt_match_count(w->m);
    for (int a = 0; a < SLOTS; a++) {
        for (int b = 0; b < SLOTS; b++) {
            bool both = w->user[a].u != NULL && w->user[b].u != NULL && a != b;
            DEMAND(!both || mt_match_is_blocked(w->m, w->user[a].u, w->user[b].u) == (w->blocked[a][b] != 0));
        }
    }
    DEMAND(n.online == online && n.ready == ready && n.talking == talking);
    const char *bad = mt_match_check(w->m, w->late ? -1 : w->now_ms);
    if (bad != NULL)
        die(bad, __LINE__);
    if (!w->late)
        compare_time(w);
}

#endif
