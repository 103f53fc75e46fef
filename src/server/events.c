#include "server/events.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

#define FIRST_CAP 64

void mt_events_init(mt_events *q) {
    *q = (mt_events){0};
}

void mt_events_deinit(mt_events *q) {
    mt_free(q->ring);
    *q = (mt_events){0};
}

mt_err mt_events_reserve(mt_events *q, size_t count) {
    size_t cap = q->cap > 0 ? q->cap : FIRST_CAP;
    while (cap < count)
        cap *= 2;
    if (cap == q->cap)
        return MT_OK;
    mt_event *ring = mt_calloc(cap, sizeof *ring);
    if (ring == NULL)
        return MT_ENOMEM;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = q->ring[(q->head + i) & (q->cap - 1)];
    mt_free(q->ring);
    *q = (mt_events){.ring = ring, .cap = cap, .count = q->count};
    return MT_OK;
}

void mt_events_push(mt_events *q, const mt_event *ev) {
    if (q->count == q->cap && mt_events_reserve(q, q->cap + 1) != MT_OK) {
        mt_log(MT_LOG_ERROR, "memory", "an event of kind %d is lost", (int)ev->kind);
        return;
    }
    q->ring[(q->head + q->count) & (q->cap - 1)] = *ev;
    q->count++;
}

mt_err mt_events_pop(mt_events *q, mt_event *out) {
    if (q->count == 0)
        return MT_EMORE;
    *out = q->ring[q->head];
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
    return MT_OK;
}
