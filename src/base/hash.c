#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/secret.h"

#define BLOCK_BYTES 64 /* of SHA-256 and SHA-1 alike */

/* Fetched once a process: EVP_sha256() would look the algorithm up again in each digest. */
static EVP_MD *sha256_md;
static EVP_MD *sha1_md;
static EVP_MD *md5_md;
static pthread_key_t ctx_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void must(int ok) {
    if (ok != 1)
        abort(); /* libcrypto without its own digests: nothing can be trusted any more */
}

static void free_ctx(void *p) {
    EVP_MD_CTX_free(p);
}

static void init(void) {
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha1_md = EVP_MD_fetch(NULL, "SHA1", NULL);
    md5_md = EVP_MD_fetch(NULL, "MD5", "-fips");
    must(sha256_md != NULL && sha1_md != NULL && md5_md != NULL);
    must(pthread_key_create(&ctx_key, free_ctx) == 0);
}

/* The calling thread's context, reused and freed with the thread. */
static EVP_MD_CTX *thread_ctx(void) {
    must(pthread_once(&once, init) == 0);
    EVP_MD_CTX *ctx = pthread_getspecific(ctx_key);
    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();
        must(ctx != NULL && pthread_setspecific(ctx_key, ctx) == 0);
    }
    return ctx;
}

static void add_pieces(EVP_MD_CTX *ctx, const mt_slice *pieces, size_t count) {
    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(ctx, pieces[i].p, pieces[i].len));
}

static void digest(EVP_MD_CTX *ctx, const EVP_MD *md, const mt_slice *pieces, size_t count, uint8_t *out) {
    must(EVP_DigestInit_ex2(ctx, md, NULL));
    add_pieces(ctx, pieces, count);
    must(EVP_DigestFinal_ex(ctx, out, NULL));
}

void mt_sha256(const mt_slice *pieces, size_t count, uint8_t out[MT_SHA256_BYTES]) {
    EVP_MD_CTX *ctx = thread_ctx(); /* which fetches the algorithms */
    digest(ctx, sha256_md, pieces, count, out);
}

void mt_md5(const mt_slice *pieces, size_t count, uint8_t out[MT_MD5_BYTES]) {
    EVP_MD_CTX *ctx = thread_ctx();
    digest(ctx, md5_md, pieces, count, out);
}

/* RFC 2104. Two passes over the one context are cheaper than an EVP_MAC set up anew for each key. */
static void hmac(EVP_MD_CTX *ctx, const EVP_MD *md, mt_slice key, const mt_slice *pieces, size_t count, uint8_t *out) {
    uint8_t block[BLOCK_BYTES] = {0};
    uint8_t inner[MT_SHA256_BYTES];
    if (key.len > sizeof(block))
        digest(ctx, md, &key, 1, block);
    else if (key.len > 0)
        memcpy(block, key.p, key.len);

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    must(EVP_DigestInit_ex2(ctx, md, NULL));
    must(EVP_DigestUpdate(ctx, block, sizeof(block)));
    add_pieces(ctx, pieces, count);
    must(EVP_DigestFinal_ex(ctx, inner, NULL));

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    const mt_slice outer[] = {mt_slice_n(block, sizeof(block)), mt_slice_n(inner, (size_t)EVP_MD_get_size(md))};
    digest(ctx, md, outer, 2, out);
    mt_wipe(block, sizeof(block));
    mt_wipe(inner, sizeof(inner));
}

void mt_hmac_sha256(const void *key, size_t key_bytes, const mt_slice *pieces, size_t count,
                    uint8_t out[MT_SHA256_BYTES]) {
    EVP_MD_CTX *ctx = thread_ctx();
    hmac(ctx, sha256_md, mt_slice_n(key, key_bytes), pieces, count, out);
}

void mt_hmac_sha1(const void *key, size_t key_bytes, const mt_slice *pieces, size_t count, uint8_t out[MT_SHA1_BYTES]) {
    EVP_MD_CTX *ctx = thread_ctx();
    hmac(ctx, sha1_md, mt_slice_n(key, key_bytes), pieces, count, out);
}

/* SipHash-2-4 (Aumasson, Bernstein). */

static uint64_t rotl(uint64_t v, unsigned n) {
    return (v << n) | (v >> (64 - n));
}

static uint64_t load_le64(const uint8_t *p) {
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void store_le64(uint8_t *p, uint64_t v) {
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static void sip_rounds(uint64_t v[4], int n) {
    while (n-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

static void sip_absorb(uint64_t v[4], const uint8_t key[16], const uint8_t *in, size_t len_bytes) {
    uint64_t k0 = load_le64(key);
    uint64_t k1 = load_le64(key + 8);
    v[0] = k0 ^ 0x736f6d6570736575U;
    v[1] ^= k1 ^ 0x646f72616e646f6dU;
    v[2] = k0 ^ 0x6c7967656e657261U;
    v[3] = k1 ^ 0x7465646279746573U;
    size_t left = len_bytes;
    for (; left >= 8; left -= 8, in += 8)
        sip_word(v, load_le64(in));
    uint64_t last = (uint64_t)len_bytes << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)in[i] << (8 * i);
    sip_word(v, last);
}

uint64_t mt_siphash(const uint8_t key[16], const void *p, size_t len_bytes) {
    uint64_t v[4] = {0};
    sip_absorb(v, key, p, len_bytes);
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void mt_siphash_128(const uint8_t key[16], const void *p, size_t len_bytes, uint8_t out[16]) {
    uint64_t v[4] = {0, 0xee};
    sip_absorb(v, key, p, len_bytes);
    v[2] ^= 0xee;
    sip_rounds(v, 4);
    store_le64(out, v[0] ^ v[1] ^ v[2] ^ v[3]);
    v[1] ^= 0xdd;
    sip_rounds(v, 4);
    store_le64(out + 8, v[0] ^ v[1] ^ v[2] ^ v[3]);
}
