/* Randomness. Rules take a source, so that tests and fuzzers can repeat a run. */
#ifndef MT_BASE_RANDOM_H
#define MT_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mt_random {
    void (*bytes)(void *ctx, void *out, size_t len_bytes);
    void *ctx;
} mt_random;

/* The kernel's source (getrandom), buffered and wiped; aborts the process if the kernel has none. Each thread
 * has a buffer of its own; a child after fork must exec before it draws. */
mt_random mt_random_kernel(void);

/* A repeatable source for tests and fuzzing, never for keys. *state is the caller's and is advanced. */
mt_random mt_random_seeded(uint64_t *state);

void mt_random_bytes(mt_random r, void *out, size_t len_bytes);
/* Uniform in 0 … n-1 by rejection; n > 0. */
uint32_t mt_random_below(mt_random r, uint32_t n);
/* The same from a random word thrown before n was known; n > 0. False: this word would favour some, throw another.
 * Where n changes little, so does *out. */
bool mt_random_scale(uint32_t word, uint32_t n, uint32_t *out);

#endif
