#include "base/map.h"

#include "base/alloc.h"
#include "base/hash.h"

#define FIRST_BUCKETS 16

mt_err mt_map_init(mt_map *m, mt_random random) {
    mt_map_bucket *buckets = mt_calloc(FIRST_BUCKETS, sizeof(*buckets));
    if (buckets == NULL)
        return MT_ENOMEM;
    *m = (mt_map){.buckets = buckets, .mask = FIRST_BUCKETS - 1};
    mt_random_bytes(random, m->seed, sizeof(m->seed));
    return MT_OK;
}

void mt_map_deinit(mt_map *m) {
    mt_free(m->buckets);
    *m = (mt_map){.buckets = NULL};
}

/* From the other end of the hash than the bucket's number. */
static uint64_t bit(uint64_t hash) {
    return UINT64_C(1) << (hash >> 58);
}

static void push(mt_map_bucket *b, mt_map_node *n) {
    n->next = b->first;
    b->first = n;
    b->seen |= bit(n->hash);
}

static mt_map_node *find(const mt_map *m, uint64_t hash, mt_slice key) {
    const mt_map_bucket *b = &m->buckets[hash & m->mask];
    if ((b->seen & bit(hash)) == 0)
        return NULL;
    mt_map_node *n = b->first;
    while (n != NULL && !(n->hash == hash && mt_slice_eq(n->key, key)))
        n = n->next;
    return n;
}

mt_map_node *mt_map_get(const mt_map *m, mt_slice key) {
    return m->count > 0 ? find(m, mt_siphash(m->seed, key.p, key.len), key) : NULL;
}

static void grow(mt_map *m) {
    size_t mask = m->mask * 2 + 1;
    mt_map_bucket *buckets = mt_calloc(mask + 1, sizeof(*buckets));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= m->mask; i++) {
        mt_map_node *n = m->buckets[i].first;
        while (n != NULL) {
            mt_map_node *next = n->next;
            push(&buckets[n->hash & mask], n);
            n = next;
        }
    }
    mt_free(m->buckets);
    m->buckets = buckets;
    m->mask = mask;
}

mt_err mt_map_put(mt_map *m, mt_slice key, mt_map_node *node) {
    uint64_t hash = mt_siphash(m->seed, key.p, key.len);
    if (find(m, hash, key) != NULL)
        return MT_EEXIST;
    if (m->count > m->mask)
        grow(m);
    *node = (mt_map_node){.hash = hash, .key = key};
    push(&m->buckets[hash & m->mask], node);
    m->count++;
    return MT_OK;
}

void mt_map_remove(mt_map *m, mt_map_node *node) {
    mt_map_bucket *b = &m->buckets[node->hash & m->mask];
    mt_map_node **at = &b->first;
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    if (b->first == NULL)
        b->seen = 0;
    node->next = NULL;
    m->count--;
}

mt_map_node *mt_map_next(const mt_map *m, const mt_map_node *node) {
    if (node != NULL && node->next != NULL)
        return node->next;
    if (m->count == 0)
        return NULL;
    for (size_t i = node != NULL ? (node->hash & m->mask) + 1 : 0; i <= m->mask; i++) {
        if (m->buckets[i].first != NULL)
            return m->buckets[i].first;
    }
    return NULL;
}
