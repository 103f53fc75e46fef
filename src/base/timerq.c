#include "base/timerq.h"

#include <stddef.h>

/* A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986), child list with back links, so that any node can be
 * taken out. No recursion: the depth is in strangers' hands. */

void mt_timerq_init(mt_timerq *q, void *ctx) {
    *q = (mt_timerq){.ctx = ctx};
}

void mt_timer_init(mt_timer *t, mt_timer_fn *fn) {
    *t = (mt_timer){.fn = fn};
}

/* Makes the later of two roots the first child of the earlier one. */
static mt_timer *meld(mt_timer *a, mt_timer *b) {
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->due_ms < a->due_ms) {
        mt_timer *swap = a;
        a = b;
        b = swap;
    }
    b->back = a;
    b->sibling = a->child;
    if (a->child != NULL)
        a->child->back = b;
    a->child = b;
    return a;
}

/* Melds a list of siblings into one root: in pairs from the left, then the pairs from the right. */
static mt_timer *meld_list(mt_timer *first) {
    mt_timer *pairs = NULL;
    while (first != NULL) {
        mt_timer *a = first;
        mt_timer *b = a->sibling;
        first = b != NULL ? b->sibling : NULL;
        a->sibling = a->back = NULL;
        if (b != NULL)
            b->sibling = b->back = NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    mt_timer *root = NULL;
    while (pairs != NULL) {
        mt_timer *next = pairs->sibling;
        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void unlink_timer(mt_timerq *q, mt_timer *t) {
    mt_timer *children = meld_list(t->child);
    t->child = NULL;
    if (t == q->root) {
        q->root = children;
    } else {
        if (t->back->child == t)
            t->back->child = t->sibling;
        else
            t->back->sibling = t->sibling;
        if (t->sibling != NULL)
            t->sibling->back = t->back;
        q->root = meld(q->root, children);
    }
    t->sibling = t->back = NULL;
    t->armed = false;
}

void mt_timer_set(mt_timerq *q, mt_timer *t, int64_t due_ms) {
    if (t->armed)
        unlink_timer(q, t);
    t->due_ms = due_ms;
    t->armed = true;
    q->root = meld(q->root, t);
}

void mt_timer_stop(mt_timerq *q, mt_timer *t) {
    if (t->armed)
        unlink_timer(q, t);
}

int64_t mt_timerq_next_ms(const mt_timerq *q) {
    return q->root != NULL ? q->root->due_ms : MT_NEVER;
}

void mt_timerq_run(mt_timerq *q, int64_t now_ms) {
    while (q->root != NULL && q->root->due_ms <= now_ms) {
        mt_timer *t = q->root;
        unlink_timer(q, t);
        t->fn(t, q->ctx, now_ms);
    }
}
