#include "base/map.h"

#include "base/alloc.h"
#include "base/hash.h"

#define FIRST_BUCKETS 16

mt_err mt_map_init(mt_map *m, mt_random random) {
    mt_map_node **buckets = mt_calloc(FIRST_BUCKETS, sizeof(mt_map_node *));
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

static mt_map_node *find(const mt_map *m, uint64_t hash, mt_slice key) {
    mt_map_node *n = m->buckets[hash & m->mask];
    while (n != NULL && !(n->hash == hash && mt_slice_eq(n->key, key)))
        n = n->next;
    return n;
}

mt_map_node *mt_map_get(const mt_map *m, mt_slice key) {
    return m->count > 0 ? find(m, mt_siphash(m->seed, key.p, key.len), key) : NULL;
}

static void grow(mt_map *m) {
    size_t mask = m->mask * 2 + 1;
    mt_map_node **buckets = mt_calloc(mask + 1, sizeof(mt_map_node *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= m->mask; i++) {
        mt_map_node *n = m->buckets[i];
        while (n != NULL) {
            mt_map_node *next = n->next;
            n->next = buckets[n->hash & mask];
            buckets[n->hash & mask] = n;
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
    *node = (mt_map_node){.next = m->buckets[hash & m->mask], .hash = hash, .key = key};
    m->buckets[hash & m->mask] = node;
    m->count++;
    return MT_OK;
}

void mt_map_remove(mt_map *m, mt_map_node *node) {
    mt_map_node **at = &m->buckets[node->hash & m->mask];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    m->count--;
}

mt_map_node *mt_map_next(const mt_map *m, const mt_map_node *node) {
    if (node != NULL && node->next != NULL)
        return node->next;
    if (m->count == 0)
        return NULL;
    for (size_t i = node != NULL ? (node->hash & m->mask) + 1 : 0; i <= m->mask; i++) {
        if (m->buckets[i] != NULL)
            return m->buckets[i];
    }
    return NULL;
}
