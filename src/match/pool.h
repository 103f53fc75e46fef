/* The pool: the users who can be drawn at this moment, sorted by the set of link policies they accept.
 *
 * There are at most seven such sets, so everything is O(1). A user claims a place in the class of his policies before
 * he is first put in; from then on putting him in cannot fail. */
#ifndef MT_MATCH_POOL_H
#define MT_MATCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/match.h"

#define MT_LINK_ALL (MT_LINK_GCM | MT_LINK_CBC | MT_LINK_RTP)
#define MT_POOL_NOWHERE UINT32_MAX

typedef struct mt_pool_class {
    mt_user **at;
    size_t len, cap;
    size_t claims; /* users with these policies, in the pool or not; never more than cap */
} mt_pool_class;

typedef struct mt_pool {
    mt_pool_class by_links[MT_LINK_ALL + 1]; /* [0] stays empty */
} mt_pool;

void mt_pool_deinit(mt_pool *pool);
/* Moves u's claim from his present policies (0: none) to links and stores them. He must not be in. MT_ENOMEM:
 * unchanged. */
mt_err mt_pool_claim(mt_pool *pool, mt_user *u, unsigned links) MT_MUST_CHECK;
void mt_pool_unclaim(mt_pool *pool, mt_user *u);
void mt_pool_add(mt_pool *pool, mt_user *u);    /* harmless if he is in */
void mt_pool_remove(mt_pool *pool, mt_user *u); /* harmless if he is not */
/* How many in the pool have a policy in common with links, and which is the index-th of them (index < count). */
size_t mt_pool_count(const mt_pool *pool, unsigned links);
mt_user *mt_pool_at(const mt_pool *pool, unsigned links, size_t index);

#endif
