/* How much longer than the quickest the packets of a stream are under way. No I/O, no clock. */
#ifndef MT_MEDIA_TRANSIT_H
#define MT_MEDIA_TRANSIT_H

#include <stdint.h>

#define MT_TRANSIT_WINDOW 256 /* packets that are remembered: 2.5 s at 10 ms */

typedef struct mt_transit {
    int64_t us[MT_TRANSIT_WINDOW]; /* ring of transit times; only differences mean anything */
    uint32_t count, at;
    int64_t least_us; /* of the window */
} mt_transit;

void mt_transit_init(mt_transit *t);
/* transit_us: arrival less timestamp. One more than a second off begins a new window: the sender's clock was set. */
void mt_transit_add(mt_transit *t, int64_t transit_us);
/* The jitter that all packets of the window but one of 200 kept; 0 without packets. */
int64_t mt_transit_jitter_us(const mt_transit *t);

#endif
