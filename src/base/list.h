/* An intrusive doubly linked ring. The head is a node of its own; a node lives inside its owner. */
#ifndef MT_BASE_LIST_H
#define MT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mt_list {
    struct mt_list *prev, *next;
} mt_list;

#define MT_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MT_LIST_FOREACH(it, head) for (mt_list *it = (head)->next; it != (head); it = it->next)
/* The body may remove `it`. */
#define MT_LIST_FOREACH_SAFE(it, head)                                                                                 \
    for (mt_list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

static inline void mt_list_init(mt_list *l) {
    l->prev = l->next = l;
}
static inline bool mt_list_empty(const mt_list *l) {
    return l->next == l;
}
static inline void mt_list_append(mt_list *head, mt_list *n) {
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}
/* Leaves n linked to itself: removing twice is harmless. */
static inline void mt_list_remove(mt_list *n) {
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = n;
}

#endif
