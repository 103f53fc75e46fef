#include "media/quality.h"

#include <math.h>
#include <string.h>

#define SMOOTH 0.5 /* weight of the newest second */

#define POOR_LOSS 0.05
#define POOR_JITTER_MS 80
#define POOR_RTT_MS 600
#define POOR_US 4000000

#define GOOD_LOSS 0.025
#define GOOD_JITTER_MS 50
#define GOOD_RTT_MS 400
#define GOOD_US 5000000

void mt_quality_init(mt_quality_rules *q) {
    memset(q, 0, sizeof(*q));
}

static bool held(int64_t *since_us, bool is, int64_t now_us, int64_t for_us) {
    if (!is)
        *since_us = 0;
    else if (*since_us == 0)
        *since_us = now_us;
    return is && now_us - *since_us >= for_us;
}

bool mt_quality_add(mt_quality_rules *q, const mt_quality_sample *s, int64_t now_us) {
    double loss = fmin(fmax(fmax(s->loss_in, s->loss_out), 0.0), 1.0);
    q->loss += (loss - q->loss) * SMOOTH;
    q->now.loss_percent = (unsigned)lround(q->loss * 100.0);
    q->now.jitter_ms = s->jitter_ms;
    q->now.rtt_ms = s->rtt_ms;
    bool bad = q->loss >= POOR_LOSS || s->jitter_ms >= POOR_JITTER_MS || s->rtt_ms >= POOR_RTT_MS;
    bool good = q->loss <= GOOD_LOSS && s->jitter_ms <= GOOD_JITTER_MS && s->rtt_ms <= GOOD_RTT_MS;
    bool before = q->now.poor;
    if (held(&q->doubted_since_us, bad, now_us, POOR_US))
        q->now.poor = true;
    if (held(&q->trusted_since_us, good, now_us, GOOD_US))
        q->now.poor = false;
    return q->now.poor != before;
}
