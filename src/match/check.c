#include "match/check.h"

#include "match/state.h"

#define REQUIRE(cond, text)                                                                                            \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            return text;                                                                                               \
    } while (0)

/* now_ms may be a lie (-1): then whoever is in the pool may be there. */
static bool drawable(const mt_match *m, const mt_user *u, int64_t now_ms) {
    if (now_ms < 0 && u->status == MT_READY && u->wait == MT_WAIT_POLL)
        return u->pool_at != MT_POOL_NOWHERE;
    return mt_wait_is_drawable(m, u, now_ms);
}

static const char *check_user(const mt_match *m, mt_user *u, int64_t now_ms) {
    const mt_pool_class *c = &m->pool.by_links[u->links];
    int64_t wants_ms = mt_wait_wants_ms(m, u);
    REQUIRE(mt_match_by_key(m, u->by_key.key) == u, "a user is not found by his key");
    REQUIRE(mt_match_by_exten(m, u->exten) == u, "a user is not found by his extension");
    REQUIRE((u->pair != NULL) == (u->status >= MT_PAIRED), "status and pair disagree");
    REQUIRE(u->status == MT_BUSY || u->links != 0, "a user waits or talks without policies");
    REQUIRE(u->links <= MT_LINK_ALL, "policies that do not exist");
    REQUIRE(now_ms < 0 || u->status != MT_READY || !mt_match_is_barred(u, now_ms), "one who is barred waits");
    REQUIRE(drawable(m, u, now_ms) == (u->pool_at != MT_POOL_NOWHERE), "the pool is not those who can be drawn");
    REQUIRE(u->pool_at == MT_POOL_NOWHERE || (u->pool_at < c->len && c->at[u->pool_at] == u),
            "a user's place in the pool is wrong");
    REQUIRE(wants_ms == MT_NEVER || (u->timer.armed && u->timer.due_ms <= wants_ms), "a user's timer is late");
    REQUIRE(wants_ms == MT_NEVER || wants_ms > now_ms, "a user's time has passed unseen");
    REQUIRE(u->pair == NULL || u->pair->caller == u || u->pair->callee == u, "a user is in a pair of others");
    REQUIRE(u->pair == NULL || mt_match_pair_by_id(m, u->pair->id) == u->pair, "a user's pair is not found");
    return NULL;
}

static const char *check_pair(const mt_pair *p, int64_t now_ms) {
    REQUIRE(p->caller != p->callee, "a user talks with himself");
    REQUIRE(p->caller->pair == p && p->callee->pair == p, "a pair is not that of both");
    REQUIRE(p->links != 0 && p->links == (p->caller->links & p->callee->links), "a pair without a common policy");
    REQUIRE(p->callee_ready == (p->callee->status == MT_READY_TO_TALK), "the callee's status is wrong");
    REQUIRE((p->phase == MT_PHASE_UP) == (p->caller->status == MT_READY_TO_TALK), "the caller's status is wrong");
    REQUIRE((p->phase == MT_PHASE_UP) == !p->timer.armed, "a pair's timer is wrong");
    REQUIRE(!p->timer.armed || p->timer.due_ms > now_ms, "a pair's time has passed unseen");
    return NULL;
}

/* Two held requests that could be answered with each other must not both wait. */
static const char *check_waiting(const mt_match *m, const mt_user *a, const mt_user *b, int64_t now_ms) {
    int64_t since_ms = a->wait_since_ms > b->wait_since_ms ? a->wait_since_ms : b->wait_since_ms;
    if (a == b || !drawable(m, a, now_ms) || !drawable(m, b, now_ms) || (a->links & b->links) == 0)
        return NULL;
    if (a->wait != MT_WAIT_HELD || b->wait != MT_WAIT_HELD)
        return NULL;
    if (mt_match_is_blocked(m, a, b) || mt_wait_gathers(m, a, now_ms) || mt_wait_gathers(m, b, now_ms))
        return NULL;
    REQUIRE(mt_draw_is_repeat(a, b), "two wait who could be drawn");
    REQUIRE(now_ms - since_ms < (int64_t)m->cfg.repeat_after_ms, "two wait who could meet again");
    return NULL;
}

static const char *check_users(const mt_match *m, int64_t now_ms) {
    size_t users = 0, ready = 0, pooled = 0, edges = 0, made = 0;
    size_t claims[MT_LINK_ALL + 1] = {0};
    const char *bad = NULL;
    for (mt_user *u = mt_match_next(m, NULL); u != NULL && bad == NULL; u = mt_match_next(m, u)) {
        bad = check_user(m, u, now_ms);
        users++;
        ready += u->status == MT_READY;
        pooled += drawable(m, u, now_ms);
        edges += u->edge_count;
        made += u->blocks_made;
        claims[u->links]++;
        for (mt_user *v = mt_match_next(m, NULL); v != NULL && bad == NULL; v = mt_match_next(m, v))
            bad = check_waiting(m, u, v, now_ms);
    }
    if (bad != NULL)
        return bad;
    REQUIRE(users == m->by_key.count && users == m->by_exten.count, "the tables do not hold the users");
    REQUIRE(made == m->blocks.count && edges == 2 * made, "the table does not hold the blocks");
    REQUIRE(ready == m->ready, "the count of the ready is wrong");
    REQUIRE(pooled == mt_pool_count(&m->pool, MT_LINK_ALL), "the pool holds someone else");
    for (unsigned links = 1; links <= MT_LINK_ALL; links++) {
        REQUIRE(claims[links] == m->pool.by_links[links].claims, "the claims on the pool are wrong");
        REQUIRE(claims[links] <= m->pool.by_links[links].cap, "the pool has no room for its claims");
    }
    return NULL;
}

const char *mt_match_check(const mt_match *m, int64_t now_ms) {
    const char *bad = check_users(m, now_ms);
    for (mt_map_node *n = mt_map_next(&m->by_id, NULL); n != NULL && bad == NULL; n = mt_map_next(&m->by_id, n))
        bad = check_pair(MT_CONTAINER(n, mt_pair, by_id), now_ms);
    return bad;
}
