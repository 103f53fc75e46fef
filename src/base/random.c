#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/secret.h"

#define POOL_BYTES 4096 /* a call into the kernel costs as much as some hundred bytes */

/* Unused random bytes stand at the end: b[POOL_BYTES - left …]. Each thread has its own. */
static _Thread_local struct {
    uint8_t b[POOL_BYTES];
    size_t left;
} pool;

static void from_kernel(uint8_t *out, size_t len_bytes) {
    while (len_bytes > 0) {
        ssize_t n = getrandom(out, len_bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort(); /* nothing here may go on without randomness */
        out += n;
        len_bytes -= (size_t)n;
    }
}

static void kernel_bytes(void *ctx, void *out, size_t len_bytes) {
    (void)ctx;
    if (len_bytes > POOL_BYTES / 8) {
        from_kernel(out, len_bytes);
        return;
    }
    if (len_bytes > pool.left) {
        from_kernel(pool.b, POOL_BYTES);
        pool.left = POOL_BYTES;
    }
    uint8_t *src = pool.b + POOL_BYTES - pool.left;
    memcpy(out, src, len_bytes);
    mt_wipe(src, len_bytes);
    pool.left -= len_bytes;
}

mt_random mt_random_kernel(void) {
    return (mt_random){.bytes = kernel_bytes};
}

/* SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"). */
static uint64_t splitmix(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void seeded_bytes(void *ctx, void *out, size_t len_bytes) {
    uint8_t *p = out;
    while (len_bytes > 0) {
        uint64_t word = splitmix(ctx);
        size_t n = len_bytes < sizeof(word) ? len_bytes : sizeof(word);
        memcpy(p, &word, n);
        p += n;
        len_bytes -= n;
    }
}

mt_random mt_random_seeded(uint64_t *state) {
    return (mt_random){.bytes = seeded_bytes, .ctx = state};
}

void mt_random_bytes(mt_random r, void *out, size_t len_bytes) {
    if (len_bytes > 0)
        r.bytes(r.ctx, out, len_bytes);
}

uint32_t mt_random_below(mt_random r, uint32_t n) {
    /* The lowest 2^32 mod n values would favour small results: they are thrown again. */
    uint32_t reject_below = (0U - n) % n;
    uint32_t v;
    do {
        mt_random_bytes(r, &v, sizeof(v));
    } while (v < reject_below);
    return v % n;
}

/* Lemire, "Fast random integer generation in an interval" (2019). */
bool mt_random_scale(uint32_t word, uint32_t n, uint32_t *out) {
    uint64_t product = (uint64_t)word * n;
    if ((uint32_t)product < n && (uint32_t)product < (0U - n) % n)
        return false;
    *out = (uint32_t)(product >> 32);
    return true;
}
