/* Who is never drawn for whom again: pairs of users in a table, so that a draw asks with one look. */
#include "base/alloc.h"
#include "match/state.h"

typedef struct block block;

typedef struct block_end {
    mt_list edges; /* of the user at this end */
    mt_user *user;
    block *whole;
} block_end;

struct block {
    mt_map_node node;
    uint32_t key[2];   /* both extensions, the lower first */
    block_end ends[2]; /* [0]: who blocked */
};

static void make_key(const mt_user *a, const mt_user *b, uint32_t key[2]) {
    key[0] = a->exten < b->exten ? a->exten : b->exten;
    key[1] = a->exten < b->exten ? b->exten : a->exten;
}

bool mt_match_is_blocked(const mt_match *m, const mt_user *a, const mt_user *b) {
    uint32_t key[2];
    if (a->edge_count == 0 || b->edge_count == 0)
        return false;
    make_key(a, b, key);
    return mt_map_get(&m->blocks, mt_slice_n(key, sizeof(key))) != NULL;
}

static void tie(block *b, size_t end, mt_user *u) {
    b->ends[end].user = u;
    b->ends[end].whole = b;
    mt_list_append(&u->edges, &b->ends[end].edges);
    u->edge_count++;
}

mt_err mt_match_block(mt_match *m, mt_user *by, mt_user *other) {
    mt_match_enter(m);
    if (by == other)
        return MT_EINVAL;
    if (mt_match_is_blocked(m, by, other))
        return MT_OK;
    if (by->blocks_made >= m->cfg.max_blocks)
        return MT_ELIMIT;
    block *b = mt_calloc(1, sizeof(*b));
    if (b == NULL)
        return MT_ENOMEM;
    make_key(by, other, b->key);
    mt_err err = mt_map_put(&m->blocks, mt_slice_n(b->key, sizeof(b->key)), &b->node);
    assert(err == MT_OK); /* looked up above */
    tie(b, 0, by);
    tie(b, 1, other);
    by->blocks_made++;
    return MT_OK;
}

static void untie(block_end *end) {
    mt_list_remove(&end->edges);
    end->user->edge_count--;
}

static void drop(mt_match *m, block *b) {
    b->ends[0].user->blocks_made--;
    untie(&b->ends[0]);
    untie(&b->ends[1]);
    mt_map_remove(&m->blocks, &b->node);
    mt_free(b);
}

void mt_block_forget(mt_match *m, mt_user *u) {
    while (!mt_list_empty(&u->edges))
        drop(m, MT_CONTAINER(u->edges.next, block_end, edges)->whole);
}
