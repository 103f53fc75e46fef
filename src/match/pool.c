#include "match/pool.h"

#include "base/alloc.h"
#include "match/state.h"

#define MIN_CAP 16

void mt_pool_deinit(mt_pool *pool) {
    for (unsigned links = 1; links <= MT_LINK_ALL; links++)
        mt_free(pool->by_links[links].at);
}

mt_err mt_pool_claim(mt_pool *pool, mt_user *u, unsigned links) {
    mt_pool_class *c = &pool->by_links[links];
    if (u->links == links)
        return MT_OK;
    if (c->claims == c->cap) {
        size_t cap = c->cap < MIN_CAP ? MIN_CAP : c->cap * 2;
        mt_user **at = mt_realloc(c->at, cap * sizeof(*at));
        if (at == NULL)
            return MT_ENOMEM;
        c->at = at;
        c->cap = cap;
    }
    mt_pool_unclaim(pool, u);
    c->claims++;
    u->links = (uint8_t)links;
    return MT_OK;
}

void mt_pool_unclaim(mt_pool *pool, mt_user *u) {
    if (u->links != 0)
        pool->by_links[u->links].claims--;
    u->links = 0;
}

void mt_pool_add(mt_pool *pool, mt_user *u) {
    mt_pool_class *c = &pool->by_links[u->links];
    if (u->pool_at != MT_POOL_NOWHERE)
        return;
    u->pool_at = (uint32_t)c->len;
    c->at[c->len++] = u;
}

void mt_pool_remove(mt_pool *pool, mt_user *u) {
    mt_pool_class *c = &pool->by_links[u->links];
    if (u->pool_at == MT_POOL_NOWHERE)
        return;
    mt_user *last = c->at[--c->len];
    c->at[u->pool_at] = last;
    last->pool_at = u->pool_at;
    u->pool_at = MT_POOL_NOWHERE;
}

size_t mt_pool_count(const mt_pool *pool, unsigned links) {
    size_t count = 0;
    for (unsigned other = 1; other <= MT_LINK_ALL; other++)
        count += (other & links) != 0 ? pool->by_links[other].len : 0;
    return count;
}

mt_user *mt_pool_at(const mt_pool *pool, unsigned links, size_t index) {
    for (unsigned other = 1; other <= MT_LINK_ALL; other++) {
        const mt_pool_class *c = &pool->by_links[other];
        if ((other & links) == 0)
            continue;
        if (index < c->len)
            return c->at[index];
        index -= c->len;
    }
    return NULL;
}
