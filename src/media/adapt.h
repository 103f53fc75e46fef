/* How speech is encoded for the path as the partner's reports describe it: forward error correction, bit rate, packets
 * left out in pauses. No I/O, no clock.
 *
 * From 2 % loss on each packet carries a poorer copy of the one before (RFC 6716 section 2.1.7). Heavy loss that lasts
 * is taken for a path that is full: the rate falls, and nothing is sent in pauses. On a good path packets go on in
 * pauses, since their lack would tell an observer who speaks when (RFC 6562 section 3). */
#ifndef MT_MEDIA_ADAPT_H
#define MT_MEDIA_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mt_adapt_plan {
    bool fec, dtx;
    uint32_t loss_percent, bit_rate;
} mt_adapt_plan;

typedef struct mt_adapt {
    mt_adapt_plan plan;
    double loss;                            /* smoothed: quick to rise, slow to fall */
    int64_t heavy_since_us, light_since_us; /* 0: not */
} mt_adapt;

void mt_adapt_init(mt_adapt *a);
/* A report came. loss 0 … 1 since the one before. True: the plan changed. */
bool mt_adapt_report(mt_adapt *a, double loss, int64_t now_us);

#endif
