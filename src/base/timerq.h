/* Timers on virtual time, embedded in their owners: an intrusive pairing heap that never allocates.
 * Setting is O(1), stopping and firing O(log n) amortised. */
#ifndef MT_BASE_TIMERQ_H
#define MT_BASE_TIMERQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mt_timer mt_timer;
typedef void mt_timer_fn(mt_timer *t, void *ctx, int64_t now_ms);

struct mt_timer {
    mt_timer *child, *sibling, *back; /* back: parent or previous sibling */
    int64_t due_ms;
    mt_timer_fn *fn;
    bool armed;
};

typedef struct mt_timerq {
    mt_timer *root;
    void *ctx; /* handed to every fn: the machine that owns the queue */
} mt_timerq;

#define MT_NEVER INT64_MAX

void mt_timerq_init(mt_timerq *q, void *ctx);
void mt_timer_init(mt_timer *t, mt_timer_fn *fn);
void mt_timer_set(mt_timerq *q, mt_timer *t, int64_t due_ms); /* re-arms if armed */
void mt_timer_stop(mt_timerq *q, mt_timer *t);                /* harmless if not armed */
int64_t mt_timerq_next_ms(const mt_timerq *q);                /* when to call run; MT_NEVER if idle */
/* Fires all that are due at now_ms, in order of their times. A fn may set and stop any timer, and free
 * its own; one that is set to now_ms or earlier fires in the same run. */
void mt_timerq_run(mt_timerq *q, int64_t now_ms);

#endif
