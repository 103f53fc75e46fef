#include "net/wheel.h"

#include <stdbool.h>
#include <string.h>

static size_t slot_of(int64_t tick) {
    return (size_t)(tick % MT_WHEEL_SLOTS);
}

void mt_wheel_init(mt_wheel *w, int64_t now_ms) {
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < MT_WHEEL_SLOTS; i++)
        mt_list_init(&w->slots[i]);
    w->tick = now_ms / MT_WHEEL_TICK_MS;
}

void mt_wheel_node_init(mt_wheel_node *n) {
    mt_list_init(&n->link);
    n->due_ms = MT_NEVER;
    n->slot_tick = 0;
}

void mt_wheel_stop(mt_wheel_node *n) {
    mt_list_remove(&n->link);
    n->due_ms = MT_NEVER;
}

/* The first tick that begins at or after due_ms, or as far as the wheel reaches: from there it is set on. */
static void put(mt_wheel *w, mt_wheel_node *n) {
    int64_t tick = (n->due_ms + MT_WHEEL_TICK_MS - 1) / MT_WHEEL_TICK_MS;
    int64_t horizon = w->tick + MT_WHEEL_SLOTS - 1;
    if (n->due_ms > horizon * MT_WHEEL_TICK_MS)
        tick = horizon;
    if (tick <= w->tick)
        tick = w->tick + 1;
    size_t slot = slot_of(tick);
    n->slot_tick = tick;
    mt_list_append(&w->slots[slot], &n->link);
    w->used[slot / 64] |= UINT64_C(1) << (slot % 64);
}

void mt_wheel_set(mt_wheel *w, mt_wheel_node *n, int64_t due_ms) {
    if (due_ms == MT_NEVER) {
        mt_wheel_stop(n);
        return;
    }
    n->due_ms = due_ms;
    bool in = !mt_list_empty(&n->link);
    if (in && n->slot_tick * MT_WHEEL_TICK_MS <= due_ms)
        return; /* looked at in time, and moved on then */
    mt_list_remove(&n->link);
    put(w, n);
}

int64_t mt_wheel_next_ms(const mt_wheel *w) {
    for (int64_t tick = w->tick + 1; tick <= w->tick + MT_WHEEL_SLOTS; tick++) {
        size_t slot = slot_of(tick);
        if (w->used[slot / 64] == 0)
            tick += (int64_t)(63 - slot % 64);
        else if ((w->used[slot / 64] >> (slot % 64) & 1) != 0)
            return tick * MT_WHEEL_TICK_MS;
    }
    return MT_NEVER;
}

static void run_slot(mt_wheel *w, size_t slot, int64_t now_ms, void (*fn)(mt_wheel_node *n, void *ctx), void *ctx) {
    mt_list batch;
    mt_list_init(&batch);
    while (!mt_list_empty(&w->slots[slot])) {
        mt_list *l = w->slots[slot].next;
        mt_list_remove(l);
        mt_list_append(&batch, l);
    }
    w->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    while (!mt_list_empty(&batch)) {
        mt_wheel_node *n = MT_CONTAINER(batch.next, mt_wheel_node, link);
        mt_list_remove(&n->link);
        if (n->due_ms > now_ms) {
            put(w, n);
            continue;
        }
        n->due_ms = MT_NEVER;
        fn(n, ctx);
    }
}

void mt_wheel_run(mt_wheel *w, int64_t now_ms, void (*fn)(mt_wheel_node *n, void *ctx), void *ctx) {
    int64_t end = now_ms / MT_WHEEL_TICK_MS;
    if (end - w->tick > MT_WHEEL_SLOTS)
        w->tick = end - MT_WHEEL_SLOTS; /* slept long: once around finds all */
    while (w->tick < end) {
        w->tick++;
        run_slot(w, slot_of(w->tick), now_ms, fn, ctx);
    }
}
