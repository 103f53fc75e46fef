/* A strict reader of small JSON objects (RFC 8259) without allocation: everything is checked, the members of the
 * outermost object are handed on. Refused: duplicate keys (escapes resolved) on every level, too deep, NUL (also as
 * \u0000), lone surrogates, malformed UTF-8, anything behind the object. Private to src/link. */
#ifndef MT_LINK_JSON_SCAN_H
#define MT_LINK_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

typedef enum mt_json_kind {
    MT_JSON_STRING,
    MT_JSON_NUMBER,
    MT_JSON_TRUE,
    MT_JSON_FALSE,
    MT_JSON_NULL,
    MT_JSON_OBJECT,
    MT_JSON_ARRAY
} mt_json_kind;

typedef struct mt_json_value {
    mt_json_kind kind;
    mt_slice raw; /* of a string: between its quotes, escapes in */
} mt_json_value;

typedef struct mt_json_limits {
    unsigned depth; /* of objects and arrays, at most 8 */
    unsigned keys;  /* members of one object, at most 32 */
} mt_json_limits;

typedef void mt_json_member_fn(void *ctx, mt_slice key, mt_json_value value); /* key: as a string's raw */

/* MT_EBAD. Members are handed on while reading: what was collected counts only after MT_OK. */
mt_err mt_json_scan(mt_slice text, const mt_json_limits *limits, mt_json_member_fn *member, void *ctx) MT_MUST_CHECK;

/* raw is a string's content that was scanned. */
bool mt_json_string_is(mt_slice raw, const char *text);
void mt_json_unescape(mt_slice raw, mt_buf *out);
/* Digits only, no sign, point, exponent or leading zero. MT_EBAD, MT_ELIMIT. */
mt_err mt_json_uint(mt_json_value v, uint64_t max, uint64_t *out) MT_MUST_CHECK;

/* Appends s with quotes, escaped. s is UTF-8. */
void mt_json_add_string(mt_buf *out, mt_slice s);

#endif
