/* Between the 48 kHz of this module and the 8 kHz of telephony: low-pass and every sixth sample, and back. Each way
 * adds 1.5 ms. No I/O, no allocation. */
#ifndef MT_MEDIA_NARROW_H
#define MT_MEDIA_NARROW_H

#include <stddef.h>
#include <stdint.h>

#define MT_NARROW_FACTOR 6
#define MT_NARROW_TAPS 144 /* 1.5 ms before and after; a multiple of the factor */

typedef struct mt_narrow {
    float taps[MT_NARROW_TAPS];
    float past[MT_NARROW_TAPS]; /* the newest samples, ring */
    size_t at;
} mt_narrow;

void mt_narrow_init(mt_narrow *n);
void mt_narrow_reset(mt_narrow *n); /* forgets what was said */
/* n_out samples from MT_NARROW_FACTOR times as many. */
void mt_narrow_down(mt_narrow *n, const int16_t *in, int16_t *out, size_t n_out);
/* MT_NARROW_FACTOR times n_in samples. One mt_narrow serves one direction. */
void mt_narrow_up(mt_narrow *n, const int16_t *in, size_t n_in, int16_t *out);

#endif
