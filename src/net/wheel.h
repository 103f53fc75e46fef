/* A wheel of time-outs for very many owners whose time-outs are mostly moved, seldom reached: setting one costs a few
 * nanoseconds and nothing is kept sorted. Intrusive, never allocates. Pure: the time is handed in. */
#ifndef MT_NET_WHEEL_H
#define MT_NET_WHEEL_H

#include <stdint.h>

#include "base/list.h"
#include "base/timerq.h"

#define MT_WHEEL_SLOTS 256
#define MT_WHEEL_TICK_MS 64

typedef struct mt_wheel_node {
    mt_list link;
    int64_t due_ms;
    int64_t slot_tick; /* where it sits: at or before due_ms */
} mt_wheel_node;

typedef struct mt_wheel {
    mt_list slots[MT_WHEEL_SLOTS];
    uint64_t used[MT_WHEEL_SLOTS / 64]; /* a bit a slot: may be set though empty, never clear though used */
    int64_t tick;                       /* the last one that was run */
} mt_wheel;

void mt_wheel_init(mt_wheel *w, int64_t now_ms);
void mt_wheel_node_init(mt_wheel_node *n);
/* Fires in the first mt_wheel_run at or after due_ms, up to one tick late. MT_NEVER stops it. Moving it later is a mere
 * store. */
void mt_wheel_set(mt_wheel *w, mt_wheel_node *n, int64_t due_ms);
void mt_wheel_stop(mt_wheel_node *n);
/* When to run next; MT_NEVER if nothing is in. Early by as much as the wheel is short, never late. */
int64_t mt_wheel_next_ms(const mt_wheel *w);
/* fn is called for each that is due, which has been taken out. It may set and stop any node. */
void mt_wheel_run(mt_wheel *w, int64_t now_ms, void (*fn)(mt_wheel_node *n, void *ctx), void *ctx);

#endif
