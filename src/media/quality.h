/* The verdict on a connection: poor or not, with hysteresis, from what the reports of both sides say. No I/O, no clock.
 *
 * Poor after 4 s with much loss (5 %), jitter (80 ms) or delay (600 ms there and back), mean of the window; good again
 * after 5 s with little. What is not known counts as good. */
#ifndef MT_MEDIA_QUALITY_H
#define MT_MEDIA_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mt_quality {
    bool poor;
    unsigned loss_percent;      /* the worse of both directions */
    unsigned jitter_ms, rtt_ms; /* the worse of both; rtt 0: not known */
} mt_quality;

typedef struct mt_quality_rules {
    mt_quality now;
    double loss;                                /* smoothed, 0 … 1: there, here */
    int64_t doubted_since_us, trusted_since_us; /* 0: not */
} mt_quality_rules;

typedef struct mt_quality_sample {
    double loss_in, loss_out; /* 0 … 1, of the time since the last sample */
    unsigned jitter_ms, rtt_ms;
} mt_quality_sample;

void mt_quality_init(mt_quality_rules *q);
/* About once a second. True: the verdict changed. */
bool mt_quality_add(mt_quality_rules *q, const mt_quality_sample *s, int64_t now_us);

#endif
