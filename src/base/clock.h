/* The clocks, for shells only: rules are handed the time. */
#ifndef MT_BASE_CLOCK_H
#define MT_BASE_CLOCK_H

#include <stdint.h>

int64_t mt_clock_ms(void);     /* monotonic, milliseconds */
int64_t mt_clock_us(void);     /* monotonic, microseconds */
int64_t mt_clock_wall_s(void); /* seconds since the epoch */

#endif
