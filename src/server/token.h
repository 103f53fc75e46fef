/* Bearer tokens: 256 random bits, shown once in base64url; only their SHA-256 is kept. Looking a hash up in a table
 * tells an attacker nothing of use: he cannot choose the hash of a token he does not know. */
#ifndef MT_SERVER_TOKEN_H
#define MT_SERVER_TOKEN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/slice.h"

#define MT_TOKEN_BYTES 32
#define MT_TOKEN_TEXT 43 /* characters of its base64url form */

/* A fresh token. text is NUL-terminated; the caller wipes it (mt_wipe) once it is told. MT_ENOMEM. */
mt_err mt_token_make(mt_random random, char text[MT_TOKEN_TEXT + 1], uint8_t hash[MT_SHA256_BYTES]) MT_MUST_CHECK;
/* The hash by which a token is looked up. MT_EBAD: it has not the form of a token. */
mt_err mt_token_hash(mt_slice text, uint8_t hash[MT_SHA256_BYTES]) MT_MUST_CHECK;

/* The text behind "Bearer" in an Authorization header (RFC 6750). MT_EBAD: another scheme. */
mt_err mt_token_bearer(mt_slice header, mt_slice *out) MT_MUST_CHECK;

/* The operator's token is a line of a file, of 16 to 256 visible ASCII characters. */
typedef struct mt_token_operator {
    bool set;
    uint8_t hash[MT_SHA256_BYTES];
} mt_token_operator;

/* MT_ESYS: cannot be read. MT_EBAD: not such a line. *open_to_others: others than its owner may read the file. */
mt_err mt_token_operator_load(const char *path, mt_token_operator *out, bool *open_to_others) MT_MUST_CHECK;
/* In constant time. False while none is set. */
bool mt_token_operator_is(const mt_token_operator *op, mt_slice text);

/* A random text of len characters of base64url, NUL-terminated: out has room for len+1. len <= 86. */
void mt_token_random_text(mt_random random, size_t len, char *out);

#endif
