#include "match/state.h"

/* Below this many candidates looking at each is cheaper than throwing again. */
#define SCAN_BELOW 16
/* Only one who is blocked by nearly everybody, or in so small a pool that it costs little, comes to the end of these.
 */
#define MAX_THROWS 128

bool mt_draw_is_repeat(const mt_user *a, const mt_user *b) {
    return a->last_exten == b->exten || b->last_exten == a->exten;
}

static bool has_waited(const mt_match *m, const mt_user *u, int64_t now_ms) {
    return now_ms - u->wait_since_ms >= (int64_t)m->cfg.repeat_after_ms;
}

/* Whether u may be given this one of the pool at all. The pool is up to date as of the last tick only. */
static bool fits(const mt_match *m, const mt_user *u, const mt_user *other, int64_t now_ms) {
    return mt_wait_is_drawable(m, other, now_ms) && !mt_match_is_blocked(m, u, other);
}

/* One of those whom `want_repeat` describes, each equally likely, by looking at all. */
static mt_user *scan(const mt_match *m, const mt_user *u, bool want_repeat, int64_t now_ms) {
    mt_user *pick = NULL;
    uint32_t seen = 0;
    for (size_t i = 0, n = mt_pool_count(&m->pool, u->links); i < n; i++) {
        mt_user *other = mt_pool_at(&m->pool, u->links, i);
        if (!fits(m, u, other, now_ms))
            continue;
        if (mt_draw_is_repeat(u, other) != want_repeat || (want_repeat && !has_waited(m, other, now_ms)))
            continue;
        if (mt_random_below(m->random, ++seen) == 0)
            pick = other;
    }
    return pick;
}

/* Each of the n in the pool with these policies is equally likely. Where there are hundreds of thousands, to look at
 * one of them is to wait for main memory; so the dice are thrown one draw ahead, and whom they will mean, if the pool
 * stays much the same, is fetched while there is other work. */
static mt_user *throw(mt_match * m, unsigned links, uint32_t n) {
    uint32_t index, next;
    while (!mt_random_scale(m->next_throw, n, &index))
        mt_random_bytes(m->random, &m->next_throw, sizeof(m->next_throw));
    mt_random_bytes(m->random, &m->next_throw, sizeof(m->next_throw));
    if (mt_random_scale(m->next_throw, n, &next))
        __builtin_prefetch(mt_pool_at(&m->pool, links, next));
    return mt_pool_at(&m->pool, links, index);
}

/* A throw that hits a last partner, or one who is blocked, is thrown again. Where last partners are the rule rather
 * than the exception (a handful of users, or one who talked with all) all are looked at. Either way each of the others
 * is equally likely. */
mt_user *mt_draw_pick(mt_match *m, const mt_user *u, int64_t now_ms) {
    size_t n = mt_pool_count(&m->pool, u->links);
    for (int throws = 0; n >= SCAN_BELOW && throws < MAX_THROWS; throws++) {
        mt_user *other = throw(m, u->links, (uint32_t)n);
        if (!mt_draw_is_repeat(u, other) && fits(m, u, other, now_ms))
            return other;
    }
    mt_user *pick = scan(m, u, false, now_ms);
    if (pick == NULL && has_waited(m, u, now_ms))
        pick = scan(m, u, true, now_ms);
    return pick;
}
