#include "base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Allocations left until the one that fails; 0: none will. */
static atomic_ulong countdown;
static atomic_bool failed;

static int must_fail(void) {
    unsigned long left = atomic_load_explicit(&countdown, memory_order_relaxed);
    while (left != 0) {
        if (atomic_compare_exchange_weak(&countdown, &left, left - 1)) {
            if (left == 1)
                atomic_store(&failed, 1);
            return left == 1;
        }
    }
    return 0;
}

void *mt_malloc(size_t len_bytes) {
    return must_fail() ? NULL : malloc(len_bytes != 0 ? len_bytes : 1);
}

void *mt_calloc(size_t count, size_t len_bytes) {
    if (len_bytes != 0 && count > SIZE_MAX / len_bytes)
        return NULL;
    if (count == 0 || len_bytes == 0)
        count = len_bytes = 1;
    return must_fail() ? NULL : calloc(count, len_bytes);
}

void *mt_realloc(void *p, size_t len_bytes) {
    return must_fail() ? NULL : realloc(p, len_bytes != 0 ? len_bytes : 1);
}

char *mt_strdup(const char *s) {
    return mt_strndup(s, strlen(s));
}

char *mt_strndup(const char *s, size_t len_bytes) {
    size_t len = strnlen(s, len_bytes);
    char *copy = mt_malloc(len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void mt_free(void *p) {
    free(p);
}

void mt_alloc_fail_nth(unsigned long n) {
    atomic_store(&failed, 0);
    atomic_store(&countdown, n);
}

int mt_alloc_failed(void) {
    return atomic_load(&failed);
}
