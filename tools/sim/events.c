#include "events.h"

#include <stdlib.h>

#include "base/alloc.h"

void sim_events_add(sim_events *q, sim_event e) {
    if (q->len == q->cap) {
        q->cap = q->cap == 0 ? 1024 : q->cap * 2;
        q->heap = mt_realloc(q->heap, q->cap * sizeof *q->heap);
        if (q->heap == NULL)
            abort();
    }
    size_t at = q->len++;
    while (at > 0 && q->heap[(at - 1) / 2].at_ms > e.at_ms) {
        q->heap[at] = q->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    q->heap[at] = e;
}

int64_t sim_events_next_ms(const sim_events *q) {
    return q->len > 0 ? q->heap[0].at_ms : INT64_MAX;
}

sim_event sim_events_take(sim_events *q) {
    sim_event first = q->heap[0], last = q->heap[--q->len];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= q->len)
            break;
        if (child + 1 < q->len && q->heap[child + 1].at_ms < q->heap[child].at_ms)
            child++;
        if (q->heap[child].at_ms >= last.at_ms)
            break;
        q->heap[at] = q->heap[child];
        at = child;
    }
    if (q->len > 0)
        q->heap[at] = last;
    return first;
}
