/* A growing byte buffer with a maximum size. Appending is sticky on error: after the first failure every
 * further append does nothing, and mt_buf_err tells; so a writer checks once, at the end. */
#ifndef MT_BASE_BUF_H
#define MT_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

typedef struct mt_buf {
    char *p;    /* owned; NULL while empty and never grown */
    size_t len; /* bytes in use; p[len] is NUL whenever p is not NULL */
    size_t cap; /* never more than max + 1 */
    size_t max; /* len never exceeds it */
    mt_err err;
} mt_buf;

void mt_buf_init(mt_buf *b, size_t max_bytes); /* allocates nothing */
void mt_buf_deinit(mt_buf *b);
void mt_buf_wipe(mt_buf *b);  /* overwrites the content, then deinit; what a growth left behind is not reached */
void mt_buf_reset(mt_buf *b); /* empty, error cleared, memory kept */

void mt_buf_add_slow(mt_buf *b, const void *p, size_t len_bytes); /* mt_buf_add where it must grow, or may not */
static inline void mt_buf_add(mt_buf *b, const void *p, size_t len_bytes) {
    if (b->err != MT_OK || b->cap <= b->len || len_bytes >= b->cap - b->len) {
        mt_buf_add_slow(b, p, len_bytes);
        return;
    }
    if (len_bytes > 0)
        memcpy(b->p + b->len, p, len_bytes);
    b->len += len_bytes;
    b->p[b->len] = '\0';
}
static inline void mt_buf_add_slice(mt_buf *b, mt_slice s) {
    mt_buf_add(b, s.p, s.len);
}
static inline void mt_buf_add_str(mt_buf *b, const char *s) {
    mt_buf_add(b, s, strlen(s));
}
static inline void mt_buf_add_char(mt_buf *b, char c) {
    mt_buf_add(b, &c, 1);
}
void mt_buf_add_u64(mt_buf *b, unsigned long long v);
void mt_buf_printf(mt_buf *b, const char *fmt, ...) MT_PRINTF(2, 3);

/* Removes len bytes at the front. len must not exceed b->len. */
void mt_buf_consume(mt_buf *b, size_t len_bytes);

/* MT_OK, MT_ENOMEM or MT_ELIMIT. */
mt_err mt_buf_err(const mt_buf *b) MT_MUST_CHECK;
mt_slice mt_buf_slice(const mt_buf *b);

#endif
