/* The one way to the heap, so that tests can make the n-th allocation fail. Thread-safe. */
#ifndef MT_BASE_ALLOC_H
#define MT_BASE_ALLOC_H

#include <stddef.h>

/* Each returns NULL when memory is short. mt_calloc checks the product for overflow. */
void *mt_malloc(size_t len_bytes) __attribute__((malloc, warn_unused_result));
void *mt_calloc(size_t count, size_t len_bytes) __attribute__((malloc, warn_unused_result));
void *mt_realloc(void *p, size_t len_bytes) __attribute__((warn_unused_result));
char *mt_strdup(const char *s) __attribute__((malloc, warn_unused_result));
char *mt_strndup(const char *s, size_t len_bytes) __attribute__((malloc, warn_unused_result));
void mt_free(void *p);

/* Tests only: the n-th allocation from now (1 = the next) fails, once; 0 switches it off.
 * mt_alloc_failed() tells whether that failure has happened. */
void mt_alloc_fail_nth(unsigned long n);
int mt_alloc_failed(void);

#endif
