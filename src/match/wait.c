/* How a user waits: ready, drawn from, paused, gone from the pool. */
#include "match/state.h"

#define RETRY_SHORT_OF_MEMORY_MS 1000

int64_t mt_wait_wants_ms(const mt_match *m, const mt_user *u) {
    if (u->status != MT_READY)
        return MT_NEVER;
    switch ((mt_wait)u->wait) {
    case MT_WAIT_POLL:
        if (u->pool_at != MT_POOL_NOWHERE && m->cfg.poll_fresh_ms < m->cfg.ready_lapse_ms)
            return u->touched_ms + m->cfg.poll_fresh_ms;
        return u->touched_ms + m->cfg.ready_lapse_ms;
    case MT_WAIT_PAUSED:
        return u->touched_ms + m->cfg.keep_wait_ms;
    case MT_WAIT_HELD:
        break;
    }
    return u->retry_ms;
}

bool mt_wait_is_drawable(const mt_match *m, const mt_user *u, int64_t now_ms) {
    if (u->status != MT_READY || u->wait == MT_WAIT_PAUSED)
        return false;
    return u->wait == MT_WAIT_HELD || now_ms - u->touched_ms < (int64_t)m->cfg.poll_fresh_ms;
}

bool mt_wait_gathers(const mt_match *m, const mt_user *u, int64_t now_ms) {
    return now_ms - u->wait_since_ms < (int64_t)m->cfg.draw_window_ms;
}

/* When one who waits by a held request has to draw by himself: at the end of his window, and once a repetition is
 * allowed. */
static int64_t next_draw_ms(const mt_match *m, const mt_user *u, int64_t now_ms) {
    int64_t window_ms = u->wait_since_ms + m->cfg.draw_window_ms;
    int64_t repeat_ms = u->wait_since_ms + m->cfg.repeat_after_ms;
    if (window_ms > now_ms)
        return window_ms;
    return repeat_ms > now_ms ? repeat_ms : MT_NEVER;
}

/* Makes sure that the timer fires by the time wanted. One armed for an earlier time is left alone: being drawn, touched
 * and ready again costs no work in the heap. */
static void arm(mt_match *m, mt_user *u) {
    int64_t due_ms = mt_wait_wants_ms(m, u);
    if (due_ms != MT_NEVER && (!u->timer.armed || u->timer.due_ms > due_ms))
        mt_timer_set(&m->timers, &u->timer, due_ms);
}

/* Into the pool, or out of it. */
static void place(mt_match *m, mt_user *u, int64_t now_ms) {
    if (mt_wait_is_drawable(m, u, now_ms))
        mt_pool_add(&m->pool, u);
    else
        mt_pool_remove(&m->pool, u);
}

static void wait_as(mt_match *m, mt_user *u, mt_wait wait, int64_t now_ms) {
    u->wait = (uint8_t)wait;
    u->retry_ms = wait == MT_WAIT_HELD ? next_draw_ms(m, u, now_ms) : MT_NEVER;
    place(m, u, now_ms);
    arm(m, u);
}

/* BUSY or READY to READY, and into the pool. The caller of this reports. */
static mt_status enter(mt_match *m, mt_user *u, mt_wait wait, int64_t now_ms) {
    mt_status was = mt_user_set_status(m, u, MT_READY);
    if (was == MT_BUSY)
        u->wait_since_ms = now_ms;
    u->touched_ms = now_ms;
    wait_as(m, u, wait, now_ms);
    return was;
}

void mt_wait_resume(mt_match *m, mt_user *u, int64_t now_ms) {
    wait_as(m, u, u->wait == MT_WAIT_HELD ? MT_WAIT_HELD : MT_WAIT_POLL, now_ms);
}

void mt_wait_stop(mt_match *m, mt_user *u) {
    if (u->status != MT_READY)
        return;
    mt_pool_remove(&m->pool, u);
    mt_user_report(m, u, mt_user_set_status(m, u, MT_BUSY));
}

mt_pair *mt_wait_draw(mt_match *m, mt_user *u, int64_t now_ms) {
    bool pooled = u->pool_at != MT_POOL_NOWHERE;
    mt_pool_remove(&m->pool, u);
    mt_user *partner = mt_draw_pick(m, u, now_ms);
    if (partner != NULL)
        return mt_pair_make(m, u, partner, now_ms);
    if (pooled)
        mt_pool_add(&m->pool, u);
    return NULL;
}

/* The time is there at which u's window is over, or at which he may meet his last partner again. */
static void retry(mt_match *m, mt_user *u, int64_t now_ms) {
    bool reserved = mt_pair_reserve(m) == MT_OK;
    u->retry_ms = reserved ? next_draw_ms(m, u, now_ms) : now_ms + RETRY_SHORT_OF_MEMORY_MS;
    arm(m, u); /* before the draw, whose report may be the last that is heard of u */
    if (reserved)
        (void)mt_wait_draw(m, u, now_ms);
}

/* One who does not ask any more would keep whoever draws him waiting in vain. His next request brings him back. */
static void go_stale(mt_match *m, mt_user *u) {
    mt_pool_remove(&m->pool, u);
    arm(m, u);
}

void mt_wait_fired(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_match *m = ctx;
    mt_user *u = MT_CONTAINER(t, mt_user, timer);
    if (mt_wait_wants_ms(m, u) > now_ms)
        arm(m, u);
    else if (u->wait == MT_WAIT_HELD)
        retry(m, u, now_ms);
    else if (u->wait == MT_WAIT_POLL && now_ms - u->touched_ms < (int64_t)m->cfg.ready_lapse_ms)
        go_stale(m, u);
    else
        mt_wait_stop(m, u);
}

static bool links_exist(unsigned links) {
    return links > 0 && links <= MT_LINK_ALL;
}

static mt_err claim(mt_match *m, mt_user *u, unsigned links) {
    if (!links_exist(links))
        return MT_EINVAL;
    bool pooled = u->pool_at != MT_POOL_NOWHERE;
    mt_pool_remove(&m->pool, u);
    mt_err err = mt_pool_claim(&m->pool, u, links);
    if (pooled)
        mt_pool_add(&m->pool, u);
    return err;
}

mt_err mt_match_ready(mt_match *m, mt_user *u, unsigned links, int64_t now_ms) {
    mt_match_enter(m);
    if (u->pair != NULL)
        return MT_ESTATE;
    if (mt_match_is_barred(u, now_ms))
        return MT_EDENIED;
    if (u->status == MT_READY && u->wait == MT_WAIT_HELD)
        return links_exist(links) ? MT_OK : MT_EINVAL; /* what his held request said goes on to count */
    mt_err err = claim(m, u, links);
    if (err == MT_OK)
        mt_user_report(m, u, enter(m, u, MT_WAIT_POLL, now_ms));
    return err;
}

mt_err mt_match_draw(mt_match *m, mt_user *u, int64_t now_ms, mt_pair **out) {
    mt_match_enter(m);
    if (u->pair == NULL) {
        if (mt_match_is_barred(u, now_ms))
            return MT_EDENIED;
        if (u->status != MT_READY)
            return MT_ESTATE;
        mt_err err = mt_pair_reserve(m);
        if (err != MT_OK)
            return err;
        mt_match_touch(m, u, now_ms);
        if (mt_wait_gathers(m, u, now_ms) || mt_wait_draw(m, u, now_ms) == NULL)
            return MT_EMORE;
    }
    *out = u->pair;
    return MT_OK;
}

void mt_match_touch(mt_match *m, mt_user *u, int64_t now_ms) {
    mt_match_enter(m);
    if (u->status == MT_READY && u->wait == MT_WAIT_PAUSED)
        return;
    u->touched_ms = now_ms;
    if (u->status == MT_READY && u->pool_at == MT_POOL_NOWHERE) {
        mt_pool_add(&m->pool, u);
        arm(m, u);
    }
}

void mt_match_bar(mt_match *m, mt_user *u, int64_t until_ms, int64_t now_ms) {
    mt_match_enter(m);
    u->barred_until_ms = until_ms;
    if (mt_match_is_barred(u, now_ms))
        mt_wait_stop(m, u);
}

mt_err mt_match_turn(mt_match *m, mt_user *u, unsigned links, int64_t now_ms, mt_pair **out) {
    mt_match_enter(m);
    if (u->pair != NULL) {
        if (u->pair->phase >= MT_PHASE_RINGING)
            return MT_ESTATE;
        *out = u->pair;
        return MT_OK;
    }
    if (mt_match_is_barred(u, now_ms))
        return MT_EDENIED;
    mt_err err = mt_pair_reserve(m);
    if (err == MT_OK)
        err = claim(m, u, links);
    if (err != MT_OK)
        return err;
    bool superseded = u->status == MT_READY && u->wait == MT_WAIT_HELD;
    mt_status was = enter(m, u, MT_WAIT_HELD, now_ms);
    if (superseded && m->events.superseded != NULL) {
        m->reporting = true;
        m->events.superseded(m->ctx, u);
        m->reporting = false;
    }
    mt_user_report(m, u, was);
    mt_pair *pair = mt_wait_gathers(m, u, now_ms) ? NULL : mt_wait_draw(m, u, now_ms);
    if (pair == NULL)
        return MT_EMORE;
    *out = pair;
    return MT_OK;
}

void mt_match_pause(mt_match *m, mt_user *u, int64_t now_ms) {
    mt_match_enter(m);
    if (u->status != MT_READY || u->wait != MT_WAIT_HELD)
        return;
    u->touched_ms = now_ms;
    wait_as(m, u, MT_WAIT_PAUSED, now_ms);
}

void mt_match_leave(mt_match *m, mt_user *u, int64_t now_ms) {
    (void)now_ms;
    mt_match_enter(m);
    mt_wait_stop(m, u);
}

void mt_match_busy(mt_match *m, mt_user *u, mt_pair_end why, int64_t now_ms) {
    (void)now_ms;
    mt_match_enter(m);
    if (u->pair != NULL)
        mt_pair_finish(m, u->pair, why);
    else
        mt_wait_stop(m, u);
}
