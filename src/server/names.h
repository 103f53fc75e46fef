/* The rules of nicknames: 1–32 code points after NFC; letters, marks, decimal digits, '.', '_', '-'; the first a letter
 * or digit; letters of one script; nothing invisible; not a reserved word and not to be mistaken for an extension. Two
 * names are equal when their keys are: NFKC case folding. */
#ifndef MT_SERVER_NAMES_H
#define MT_SERVER_NAMES_H

#include "base/err.h"
#include "base/slice.h"

#define MT_NAMES_MAX_CP 32
#define MT_NAMES_SHOWN_BYTES (4 * MT_NAMES_MAX_CP + 1)
#define MT_NAMES_KEY_CP 96 /* case folding and compatibility forms can be longer */
#define MT_NAMES_KEY_BYTES (4 * MT_NAMES_KEY_CP + 1)

typedef struct mt_name {
    char shown[MT_NAMES_SHOWN_BYTES]; /* NFC, NUL-terminated */
    char key[MT_NAMES_KEY_BYTES];     /* NUL-terminated */
    size_t shown_len, key_len;
} mt_name;

/* MT_EBAD: not UTF-8 or against the rules. */
mt_err mt_names_check(mt_slice raw, mt_name *out) MT_MUST_CHECK;

#endif
