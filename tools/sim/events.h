/* What is to happen, by time: a binary heap. */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_event {
    int64_t at_ms;
    uint32_t who;   /* a user's place */
    uint32_t round; /* of his; an event of an earlier round is over */
} sim_event;

typedef struct sim_events {
    sim_event *heap;
    size_t len, cap;
} sim_events;

void sim_events_add(sim_events *q, sim_event e); /* aborts when memory is short */
int64_t sim_events_next_ms(const sim_events *q); /* INT64_MAX: none */
sim_event sim_events_take(sim_events *q);        /* the earliest; there must be one */

#endif
