/* Random operations on the matchmaker, each compared with a naive model that looks at everybody.
 *
 * The model cannot know whom chance picks or in which order things of the same instant happen: it takes the reports as
 * they come, refuses those that the rules do not allow at that moment, and misses those that the rules demand. */
#include "fuzz_match_model.h"

/* Operations */

static void op_add(world *w, int a) {
    model *x = &w->user[a];
    char name[2] = {(char)('a' + a), 'N'};
    mt_user *u = NULL;
    bool phone = byte(w) % 4 == 0;
    mt_err err = mt_match_add(w->m, mt_slice_n(name, 2), mt_slice_n(name, 1), phone, w->now_ms, &u);
    if (x->u != NULL) {
        DEMAND(err == MT_EEXIST);
        return;
    }
    DEMAND(err == MT_OK || (err == MT_ELIMIT && mt_match_count(w->m).online == w->cfg.max_users));
    if (err != MT_OK)
        return;
    *x = (model){.u = u, .phone = phone, .exten = mt_user_exten(u), .partner = NOBODY, .touched_ms = w->now_ms};
    DEMAND(x->exten >= w->cfg.first_exten);
    for (int b = 0; b < SLOTS; b++)
        DEMAND(b == a || w->user[b].u == NULL || w->user[b].exten != x->exten);
}

/* He leaves his pair, if he has one, or the pool. */
static void leave_all(world *w, int a, mt_pair_end why) {
    if (w->user[a].partner != NOBODY) {
        const event *e = next_event(w);
        DEMAND(e != NULL && e->kind == ENDED && e->why == why && (e->a == a || e->b == a));
        apply_end(w, e);
    }
    w->user[a].status = MT_BUSY;
}

static void op_remove(world *w, int a) {
    mt_match_remove(w->m, w->user[a].u, MT_END_LOGOUT, w->now_ms);
    leave_all(w, a, MT_END_LOGOUT);
    DEMAND(next_event(w) == NULL);
    DEMAND(w->user[a].shown == MT_BUSY);
    w->user[a].u = NULL;
    for (int b = 0; b < SLOTS; b++) {
        if (w->blocked[a][b] != 0)
            w->user[w->blocked[a][b] - 1].made--;
        w->blocked[a][b] = w->blocked[b][a] = 0;
    }
}

static void op_block(world *w, int a) {
    int b = (int)(byte(w) % SLOTS);
    model *x = &w->user[a], *y = &w->user[b];
    if (y->u == NULL)
        return;
    mt_err err = mt_match_block(w->m, x->u, y->u);
    if (a == b) {
        DEMAND(err == MT_EINVAL);
    } else if (w->blocked[a][b] != 0) {
        DEMAND(err == MT_OK);
    } else if (x->made == w->cfg.max_blocks) {
        DEMAND(err == MT_ELIMIT);
    } else {
        DEMAND(err == MT_OK);
        w->blocked[a][b] = w->blocked[b][a] = a + 1;
        x->made++;
    }
}

static void op_bar(world *w, int a) {
    static const int64_t spans_ms[] = {0, 1, 1000, 5000, 20000, 60000};
    model *x = &w->user[a];
    x->barred_ms = w->now_ms + spans_ms[byte(w) % 6];
    mt_match_bar(w->m, x->u, x->barred_ms, w->now_ms);
    if (x->barred_ms > w->now_ms && x->status == MT_READY)
        x->status = MT_BUSY;
}

static bool barred(const world *w, const model *x) {
    return x->barred_ms > w->now_ms;
}

static void enter(world *w, model *x, unsigned links, enum wait wait) {
    if (x->status == MT_BUSY)
        x->since_ms = w->now_ms;
    x->status = MT_READY;
    x->links = links;
    x->wait = wait;
    x->touched_ms = w->now_ms;
}

static void op_ready(world *w, int a) {
    model *x = &w->user[a];
    unsigned links = byte(w) % 9;
    mt_err err = mt_match_ready(w->m, x->u, links, w->now_ms);
    if (x->partner != NOBODY)
        DEMAND(err == MT_ESTATE);
    else if (barred(w, x))
        DEMAND(err == MT_EDENIED);
    else if (links == 0 || links > 7)
        DEMAND(err == MT_EINVAL);
    else
        DEMAND(err == MT_OK);
    if (err == MT_OK && !(x->status == MT_READY && x->wait == HELD))
        enter(w, x, links, POLL);
}

/* The draw of a who asked: it takes place exactly when somebody can be drawn. */
static void expect_draw(world *w, int a, mt_err err, const mt_pair *p) {
    bool can = anybody(w, a, false) || anybody(w, a, true);
    DEMAND(err == (can ? MT_OK : MT_EMORE));
    if (!can)
        return;
    const event *e = next_event(w);
    DEMAND(e != NULL && e->kind == PAIRED && e->a == a);
    apply_draw(w, e);
    DEMAND(p == mt_user_pair(w->user[a].u));
}

static void op_draw(world *w, int a) {
    model *x = &w->user[a];
    mt_pair *p = NULL;
    mt_err err = mt_match_draw(w->m, x->u, w->now_ms, &p);
    if (x->partner != NOBODY) {
        DEMAND(err == MT_OK && p == mt_user_pair(x->u));
    } else if (barred(w, x)) {
        DEMAND(err == MT_EDENIED && p == NULL);
    } else if (x->status != MT_READY) {
        DEMAND(err == MT_ESTATE && p == NULL);
    } else {
        if (x->wait != PAUSED)
            x->touched_ms = w->now_ms;
        expect_draw(w, a, err, p);
    }
}

static void op_turn(world *w, int a) {
    model *x = &w->user[a];
    unsigned links = byte(w) % 16;
    links = links > 8 ? 7 : links;
    mt_pair *p = NULL;
    mt_err err = mt_match_turn(w->m, x->u, links, w->now_ms, &p);
    if (x->partner != NOBODY && caller_of(w, a)->phase >= RINGING) {
        DEMAND(err == MT_ESTATE && p == NULL);
    } else if (x->partner != NOBODY) {
        DEMAND(err == MT_OK && p == mt_user_pair(x->u));
    } else if (barred(w, x)) {
        DEMAND(err == MT_EDENIED && p == NULL);
    } else if (links == 0 || links > 7) {
        DEMAND(err == MT_EINVAL && p == NULL);
    } else {
        if (x->status == MT_READY && x->wait == HELD) {
            const event *e = next_event(w);
            DEMAND(e != NULL && e->kind == SUPERSEDED && e->a == a);
        }
        enter(w, x, links, HELD);
        expect_draw(w, a, err, p);
    }
}

static void op_small(world *w, int a, unsigned which) {
    model *x = &w->user[a];
    switch (which) {
    case 0:
        mt_match_touch(w->m, x->u, w->now_ms);
        if (x->status != MT_READY || x->wait != PAUSED)
            x->touched_ms = w->now_ms;
        break;
    case 1:
        mt_match_pause(w->m, x->u, w->now_ms);
        if (x->status == MT_READY && x->wait == HELD) {
            x->wait = PAUSED;
            x->touched_ms = w->now_ms;
        }
        break;
    case 2:
        mt_match_leave(w->m, x->u, w->now_ms);
        if (x->partner == NOBODY)
            x->status = MT_BUSY;
        break;
    default:
        mt_match_busy(w->m, x->u, MT_END_HANGUP, w->now_ms);
        leave_all(w, a, MT_END_HANGUP);
        break;
    }
}

static void callee_becomes_ready(world *w, model *caller) {
    if (caller->callee_ready)
        return;
    const event *e = next_event(w);
    DEMAND(e != NULL && e->kind == CALLEE_READY && e->b == caller->partner);
    caller->callee_ready = true;
    w->user[caller->partner].status = MT_READY_TO_TALK;
}

static void op_undo(world *w, int a, const id *pair, int lost) {
    model *c = caller_of(w, a);
    bool told = c->callee_ready;
    int caller = (int)(c - w->user), callee = c->partner;
    int other = lost == caller ? callee : caller;
    mt_err err = mt_match_undo(w->m, pair->b, w->user[lost].u, w->now_ms);
    if (lost != caller && lost != callee) {
        DEMAND(err == MT_EINVAL);
        return;
    }
    const event *e = next_event(w);
    DEMAND(err == MT_OK && e != NULL && e->kind == ENDED && e->why == MT_END_UNDONE);
    apply_end(w, e);
    if (told)
        return;
    model *x = &w->user[other];
    if (barred(w, x))
        return;
    x->status = MT_READY;
    x->wait = x->wait == HELD ? HELD : POLL;
    w->late = w->late || lapse_ms(w, x) <= w->now_ms; /* his time ran out in the pair: the next tick sees to it */
    if (x->wait == HELD) {
        bool can = anybody(w, other, false) || anybody(w, other, true);
        expect_draw(w, other, can ? MT_OK : MT_EMORE, mt_user_pair(x->u));
    }
}

static void step(world *w, model *c, enum phase phase) {
    if (c->phase < phase) {
        c->phase = phase;
        c->step_ms = w->now_ms;
    }
}

/* What names a pair. */
static void op_pair(world *w, int a, unsigned which) {
    model *x = &w->user[a], *c = caller_of(w, a);
    const id pair = x->pair;
    switch (which) {
    case 0:
        DEMAND(mt_match_end(w->m, pair.b, MT_END_REFUSED, w->now_ms) == MT_OK);
        leave_all(w, a, MT_END_REFUSED);
        break;
    case 1:
        DEMAND(mt_match_invited(w->m, pair.b, w->now_ms) == MT_OK);
        step(w, c, INVITED);
        break;
    case 2:
        DEMAND(mt_match_ringing(w->m, pair.b, w->now_ms) == MT_OK);
        step(w, c, RINGING);
        break;
    case 3:
        DEMAND(mt_match_up(w->m, pair.b, w->now_ms) == MT_OK);
        step(w, c, UP);
        callee_becomes_ready(w, c);
        c->status = MT_READY_TO_TALK;
        break;
    case 4: {
        int lost = (int)(byte(w) % SLOTS);
        op_undo(w, a, &pair, w->user[lost].u != NULL ? lost : a);
        break;
    }
    default:
        DEMAND(mt_match_ready_to_talk(w->m, x->u, w->now_ms) == (x->caller ? MT_ESTATE : MT_OK));
        if (!x->caller)
            callee_becomes_ready(w, c);
        break;
    }
}

/* A late message of an old pair touches nobody. */
static void op_old(world *w, int a) {
    const id *old = &w->old[byte(w) % OLD_IDS];
    DEMAND(mt_match_end(w->m, old->b, MT_END_HANGUP, w->now_ms) == MT_ENOENT);
    DEMAND(mt_match_invited(w->m, old->b, w->now_ms) == MT_ENOENT);
    DEMAND(mt_match_ringing(w->m, old->b, w->now_ms) == MT_ENOENT);
    DEMAND(mt_match_up(w->m, old->b, w->now_ms) == MT_ENOENT);
    DEMAND(mt_match_undo(w->m, old->b, w->user[a].u, w->now_ms) == MT_ENOENT);
    if (w->user[a].partner == NOBODY)
        DEMAND(mt_match_ready_to_talk(w->m, w->user[a].u, w->now_ms) == MT_ESTATE);
}

/* Time */

/* The reports of a tick: each must be due. A READY user's going BUSY is a lapse. */
static void explain_tick(world *w) {
    for (; w->done < w->count; w->done++) {
        const event *e = &w->events[w->done];
        mt_pair_end why = MT_END_SHUTDOWN;
        if (e->kind == STATUS && e->was == MT_READY && e->now == MT_BUSY) {
            DEMAND(lapse_ms(w, &w->user[e->a]) <= w->now_ms);
            w->user[e->a].status = MT_BUSY;
        } else if (e->kind == PAIRED) {
            const model *x = &w->user[e->a];
            DEMAND(x->wait == HELD && w->now_ms - x->since_ms >= w->cfg.repeat_after_ms);
            apply_draw(w, e);
        } else if (e->kind == ENDED) {
            DEMAND(pair_due_ms(w, &w->user[e->a], &why) <= w->now_ms && e->why == why);
            apply_end(w, e);
        } else {
            DEMAND(e->kind == STATUS);
        }
        if (e->kind == STATUS) {
            DEMAND(w->user[e->a].shown == e->was && e->was != e->now);
            w->user[e->a].shown = e->now;
        }
    }
}

static void tick(world *w) {
    mt_match_tick(w->m, w->now_ms);
    explain_tick(w);
    w->late = false;
    compare(w);
}

static void op_time(world *w) {
    static const int64_t spans_ms[] = {0, 1, 100, 999, 1000, 2000, 2999, 3000, 5000, 14999, 15000, 29999, 61000};
    unsigned how = byte(w);
    int64_t until_ms = w->now_ms + spans_ms[how % 13];
    if (how / 13 % 4 == 0) { /* in one leap, and the tick comes later */
        w->late = w->late || mt_match_next_ms(w->m) <= until_ms;
        w->now_ms = until_ms;
        return;
    }
    while (how / 13 % 4 != 1 && mt_match_next_ms(w->m) <= until_ms) { /* step by step */
        if (mt_match_next_ms(w->m) > w->now_ms)
            w->now_ms = mt_match_next_ms(w->m);
        tick(w);
        DEMAND(mt_match_next_ms(w->m) > w->now_ms);
    }
    w->now_ms = until_ms;
    tick(w);
}

static void operate(world *w) {
    unsigned op = byte(w) % 24;
    int a = (int)(byte(w) % SLOTS);
    const model *x = &w->user[a];
    if (op < 5)
        op_time(w);
    else if (x->u == NULL || op == 5)
        op_add(w, a);
    else if (op == 6)
        op_remove(w, a);
    else if (op < 9)
        op_ready(w, a);
    else if (op < 12)
        op_draw(w, a);
    else if (op < 16)
        op_turn(w, a);
    else if (op < 18)
        op_small(w, a, byte(w) % 4);
    else if (op < 23 && x->partner != NOBODY)
        op_pair(w, a, byte(w) % 6);
    else if (op == 18 || op == 19)
        op_block(w, a);
    else if (op == 20)
        op_bar(w, a);
    else
        op_old(w, a);
    compare(w);
}

static void configure(world *w) {
    unsigned flags = byte(w);
    mt_match_config_default(&w->cfg);
    w->cfg.max_users = 10;
    w->cfg.max_blocks = 3;
    if (flags & 1)
        w->cfg.first_exten = 999999985; /* wraps soon */
    if (flags & 2)
        w->cfg.callee_ready_ms = 5000;
    if (flags & 4)
        w->cfg.callee_ready_ms = 20000;
    if (flags & 8)
        w->cfg.repeat_after_ms = 20000; /* longer than a pause and than a call's set-up */
    w->seed = flags >> 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const mt_match_events events = {on_status, on_drawn, on_callee_ready, on_ended, on_superseded};
    static world w;
    memset(&w, 0, sizeof(w));
    w.in = data;
    w.left = len < 4096 ? len : 4096;
    w.now_ms = 1000;
    configure(&w);
    if (mt_match_create(&w.cfg, mt_random_seeded(&w.seed), &events, &w, &w.m) != MT_OK)
        abort();
    while (w.left > 0)
        operate(&w);
    mt_match_destroy(w.m);
    return 0;
}
