#include "base/secret.h"

#include <openssl/crypto.h>

void mt_wipe(void *p, size_t len_bytes) {
    OPENSSL_cleanse(p, len_bytes);
}

void mt_secret_wipe(mt_secret *s) {
    mt_wipe(s->b, sizeof(s->b));
}

bool mt_ct_equal(const void *a, const void *b, size_t len_bytes) {
    return CRYPTO_memcmp(a, b, len_bytes) == 0;
}
