/* Shortens a piece of sound without a click: its beginning fades into its end where the two are most alike, so that of
 * a voice whole periods are left out. No I/O. */
#ifndef MT_MEDIA_SHRINK_H
#define MT_MEDIA_SHRINK_H

#include <stdint.h>

/* Leaves out up to `most` of n samples, in place; most is n / 2 at most. Returns how many were left out: at least half
 * of `most`. */
uint32_t mt_shrink(int16_t *pcm, uint32_t n, uint32_t most);

#endif
