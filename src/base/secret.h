/* Secrets: wiped when done with, compared in constant time, never formatted. */
#ifndef MT_BASE_SECRET_H
#define MT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MT_SECRET_BYTES 32

typedef struct mt_secret {
    uint8_t b[MT_SECRET_BYTES];
} mt_secret;

void mt_secret_wipe(mt_secret *s);
void mt_wipe(void *p, size_t len_bytes); /* is not optimised away */
bool mt_ct_equal(const void *a, const void *b, size_t len_bytes);

#endif
