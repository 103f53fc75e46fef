/* A borrowed run of bytes, not NUL-terminated. It lives as long as the memory it points into. */
#ifndef MT_BASE_SLICE_H
#define MT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

typedef struct mt_slice {
    const char *p;
    size_t len;
} mt_slice;

#define MT_SLICE_LIT(s) ((mt_slice){("" s), sizeof(s) - 1})

static inline mt_slice mt_slice_of(const char *s) {
    return (mt_slice){s, s != NULL ? strlen(s) : 0};
}
static inline mt_slice mt_slice_n(const void *p, size_t len) {
    return (mt_slice){p, len};
}

/* The small ones are inline: parsers live on them, and a literal's length is known to the compiler then. */
static inline bool mt_slice_eq(mt_slice a, mt_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
bool mt_slice_same_nocase(const char *a, const char *b, size_t len);
static inline bool mt_slice_eq_nocase(mt_slice a, mt_slice b) { /* ASCII only */
    return a.len == b.len && mt_slice_same_nocase(a.p, b.p, a.len);
}
static inline bool mt_slice_is(mt_slice a, const char *lit) { /* equal to a C string */
    return mt_slice_eq(a, mt_slice_of(lit));
}
static inline bool mt_slice_is_nocase(mt_slice a, const char *lit) {
    return mt_slice_eq_nocase(a, mt_slice_of(lit));
}
static inline bool mt_slice_starts_nocase(mt_slice a, const char *prefix) {
    mt_slice want = mt_slice_of(prefix);
    return a.len >= want.len && mt_slice_same_nocase(a.p, want.p, want.len);
}
mt_slice mt_slice_trim(mt_slice a); /* without leading and trailing SP and HTAB */

/* Index of the first c, or a.len if there is none. */
static inline size_t mt_slice_find(mt_slice a, char c) {
    const char *hit = a.len > 0 ? (const char *)memchr(a.p, c, a.len) : NULL;
    return hit != NULL ? (size_t)(hit - a.p) : a.len;
}

/* Cuts *rest at the first c: returns what stands before it and moves *rest behind it; without c returns all
 * and leaves *rest empty. */
mt_slice mt_slice_cut(mt_slice *rest, char c);

/* Decimal digits only, nothing else around them. MT_EBAD: not a number. MT_ELIMIT: greater than max. */
mt_err mt_slice_to_u64(mt_slice a, uint64_t max, uint64_t *out) MT_MUST_CHECK;

/* A NUL-terminated copy from mt_malloc, NULL when memory is short. */
char *mt_slice_dup(mt_slice a);

#endif
