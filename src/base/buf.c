#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/secret.h"

#define MIN_CAP 64

void mt_buf_init(mt_buf *b, size_t max_bytes) {
    *b = (mt_buf){.max = max_bytes < SIZE_MAX ? max_bytes : SIZE_MAX - 1};
}

void mt_buf_deinit(mt_buf *b) {
    mt_free(b->p);
    mt_buf_init(b, b->max);
}

void mt_buf_wipe(mt_buf *b) {
    if (b->p != NULL)
        mt_wipe(b->p, b->cap);
    mt_buf_deinit(b);
}

void mt_buf_reset(mt_buf *b) {
    b->len = 0;
    b->err = MT_OK;
    if (b->p != NULL)
        b->p[0] = '\0';
}

/* Makes room for len_bytes more and the NUL. False: the error is set. */
static bool reserve(mt_buf *b, size_t len_bytes) {
    if (b->err != MT_OK)
        return false;
    if (len_bytes > b->max - b->len) {
        b->err = MT_ELIMIT;
        return false;
    }
    size_t need = b->len + len_bytes + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
    if (cap < MIN_CAP)
        cap = MIN_CAP;
    if (cap > b->max + 1)
        cap = b->max + 1;
    if (cap < need)
        cap = need;
    char *grown = mt_realloc(b->p, cap);
    if (grown == NULL) {
        b->err = MT_ENOMEM;
        return false;
    }
    b->p = grown;
    b->cap = cap;
    return true;
}

void mt_buf_add_slow(mt_buf *b, const void *p, size_t len_bytes) {
    if (!reserve(b, len_bytes))
        return;
    if (len_bytes > 0)
        memcpy(b->p + b->len, p, len_bytes);
    b->len += len_bytes;
    b->p[b->len] = '\0';
}

void mt_buf_add_u64(mt_buf *b, unsigned long long v) {
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    mt_buf_add(b, digits + at, sizeof(digits) - at);
}

void mt_buf_printf(mt_buf *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    /* Usually there is room; where there is not, this told how much is needed. */
    size_t room = b->err == MT_OK && b->cap > b->len ? b->cap - b->len : 0;
    int len = vsnprintf(room > 0 ? b->p + b->len : NULL, room, fmt, args);
    if (len < 0 && b->err == MT_OK)
        b->err = MT_ENOMEM;
    if (len >= 0 && reserve(b, (size_t)len)) {
        if ((size_t)len >= room)
            vsnprintf(b->p + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    } else if (room > 0) {
        b->p[b->len] = '\0'; /* nothing was added */
    }
    va_end(again);
    va_end(args);
}

void mt_buf_consume(mt_buf *b, size_t len_bytes) {
    if (len_bytes == 0)
        return;
    b->len -= len_bytes;
    memmove(b->p, b->p + len_bytes, b->len + 1);
}

mt_err mt_buf_err(const mt_buf *b) {
    return b->err;
}

mt_slice mt_buf_slice(const mt_buf *b) {
    return mt_slice_n(b->p, b->len);
}
