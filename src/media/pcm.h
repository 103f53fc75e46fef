/* The one form of sound inside this module: 48 kHz, mono, signed 16-bit in the machine's byte order, in blocks of 10
 * ms. */
#ifndef MT_MEDIA_PCM_H
#define MT_MEDIA_PCM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MT_PCM_RATE 48000
#define MT_PCM_BLOCK_MS 10
#define MT_PCM_BLOCK 480      /* samples in a block */
#define MT_PCM_FRAME_MAX 5760 /* samples in the longest Opus packet, 120 ms (RFC 6716 section 2.1.4) */

/* The greatest absolute value of n samples, 0 … 32768. */
static inline int mt_pcm_peak(const int16_t *pcm, size_t n) {
    int peak = 0;
    for (size_t i = 0; i < n; i++) {
        int v = abs((int)pcm[i]);
        if (v > peak)
            peak = v;
    }
    return peak;
}

#endif
