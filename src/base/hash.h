/* Digests of OpenSSL's libcrypto, fetched once a process; each thread that uses them has a context of its own.
 * Thread-safe. The results are bytes; mt_text_hex writes them. */
#ifndef MT_BASE_HASH_H
#define MT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define MT_SHA256_BYTES 32
#define MT_SHA1_BYTES 20
#define MT_MD5_BYTES 16

/* Digest of the pieces one after another. These cannot fail once libcrypto is loaded; if it does they abort. */
void mt_sha256(const mt_slice *pieces, size_t count, uint8_t out[MT_SHA256_BYTES]);
void mt_md5(const mt_slice *pieces, size_t count, uint8_t out[MT_MD5_BYTES]); /* SIP digest only, RFC 7616 */
void mt_hmac_sha256(const void *key, size_t key_bytes, const mt_slice *pieces, size_t count,
                    uint8_t out[MT_SHA256_BYTES]);
/* For the credentials of a TURN server only, which knows no other. */
void mt_hmac_sha1(const void *key, size_t key_bytes, const mt_slice *pieces, size_t count, uint8_t out[MT_SHA1_BYTES]);

/* SipHash-2-4 for hash tables whose keys strangers choose. */
uint64_t mt_siphash(const uint8_t key[16], const void *p, size_t len_bytes);
/* The variant with twice as long a result, where that is the key of a table itself. */
void mt_siphash_128(const uint8_t key[16], const void *p, size_t len_bytes, uint8_t out[16]);

#endif
