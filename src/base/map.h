/* An intrusive hash table with byte-string keys, keyed by SipHash so that strangers cannot choose collisions.
 * The node lives inside its owner; the key is borrowed from the owner and must not change while it is in.
 * Grows by doubling; a failed growth is not an error, the chains only get longer. */
#ifndef MT_BASE_MAP_H
#define MT_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/random.h"
#include "base/slice.h"

typedef struct mt_map_node {
    struct mt_map_node *next;
    uint64_t hash;
    mt_slice key;
} mt_map_node;

/* The head of a chain, and what tells without a look at it that a key is not there: in a large table each look at a
 * node is a read of main memory. */
typedef struct mt_map_bucket {
    mt_map_node *first;
    uint64_t seen; /* a bit by the hash of each that is in, and perhaps of some that were */
} mt_map_bucket;

typedef struct mt_map {
    mt_map_bucket *buckets;
    size_t mask;
    size_t count;
    uint8_t seed[16];
} mt_map;

mt_err mt_map_init(mt_map *m, mt_random random) MT_MUST_CHECK;
void mt_map_deinit(mt_map *m);                          /* frees the table, not the owners */
mt_map_node *mt_map_get(const mt_map *m, mt_slice key); /* NULL: none */
/* MT_EEXIST: the key is taken. */
mt_err mt_map_put(mt_map *m, mt_slice key, mt_map_node *node) MT_MUST_CHECK;
void mt_map_remove(mt_map *m, mt_map_node *node); /* node must be in */
/* Iteration in no order: pass NULL for the first. The table must not change meanwhile. */
mt_map_node *mt_map_next(const mt_map *m, const mt_map_node *node);

#endif
