/* JSON of the API: a direct writer, and cJSON behind checks of size, depth and text for what comes from outside. */
#ifndef MT_SERVER_JSON_H
#define MT_SERVER_JSON_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define MT_JSON_DEPTH 8

/* Routes cJSON's memory through base/alloc.h. Once, at start-up. */
void mt_json_setup(void);

/* Appends s as a JSON string with its quotes (RFC 8259). Malformed UTF-8 becomes U+FFFD. */
void mt_json_str(mt_buf *out, mt_slice s);

/* An object: UTF-8, nothing behind it, depth within MT_JSON_DEPTH, no U+0000, member names unique. The caller frees it
 * with cJSON_Delete. MT_EBAD, also where memory is short, which cJSON does not tell apart. */
mt_err mt_json_parse(mt_slice text, cJSON **out) MT_MUST_CHECK;

#endif
