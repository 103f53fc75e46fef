#include "media/shrink.h"

#include <math.h>

#define STEP 4 /* samples: how finely the place is looked for */
#define THIN 4 /* every so manieth sample is compared */

/* How alike x[0 …] and x[shift …] are where they would be laid upon each other: -1 … 1. */
static double likeness(const int16_t *x, uint32_t n, uint32_t shift) {
    double ab = 0, aa = 1, bb = 1;
    for (uint32_t i = 0; i + shift < n; i += THIN) {
        double a = x[i], b = x[i + shift];
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    return ab / sqrt(aa * bb);
}

static uint32_t best_shift(const int16_t *pcm, uint32_t n, uint32_t most) {
    uint32_t best = most;
    double found = likeness(pcm, n, most);
    for (uint32_t shift = most; shift >= most / 2 && shift >= STEP; shift -= STEP) {
        double like = likeness(pcm, n, shift);
        if (like > found) {
            found = like;
            best = shift;
        }
    }
    return best;
}

uint32_t mt_shrink(int16_t *pcm, uint32_t n, uint32_t most) {
    if (most == 0 || most > n / 2)
        return 0;
    uint32_t shift = best_shift(pcm, n, most), left = n - shift;
    for (uint32_t i = 0; i < left; i++) {
        int64_t sum = (int64_t)pcm[i] * (left - i) + (int64_t)pcm[i + shift] * i;
        pcm[i] = (int16_t)(sum / (int64_t)left);
    }
    return shift;
}
