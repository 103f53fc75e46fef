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

bool mt_slice_eq(mt_slice a, mt_slice b);
bool mt_slice_eq_nocase(mt_slice a, mt_slice b); /* ASCII only */
bool mt_slice_is(mt_slice a, const char *lit);   /* equal to a C string */
bool mt_slice_is_nocase(mt_slice a, const char *lit);
bool mt_slice_starts_nocase(mt_slice a, const char *prefix);
mt_slice mt_slice_trim(mt_slice a); /* without leading and trailing SP and HTAB */

/* Index of the first c, or a.len if there is none. */
size_t mt_slice_find(mt_slice a, char c);

/* Cuts *rest at the first c: returns what stands before it and moves *rest behind it; without c returns all
 * and leaves *rest empty. */
mt_slice mt_slice_cut(mt_slice *rest, char c);

/* Decimal digits only, nothing else around them. MT_EBAD: not a number. MT_ELIMIT: greater than max. */
mt_err mt_slice_to_u64(mt_slice a, uint64_t max, uint64_t *out) MT_MUST_CHECK;

/* A NUL-terminated copy from mt_malloc, NULL when memory is short. */
char *mt_slice_dup(mt_slice a);

#endif
