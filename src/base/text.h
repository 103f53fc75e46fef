/* Text: UTF-8, percent-encoding, base64url, hexadecimal, and what may be shown to a person. */
#ifndef MT_BASE_TEXT_H
#define MT_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Decodes the code point at *pos and moves *pos behind it. MT_EBAD: malformed, cut short, overlong, surrogate,
 * > U+10FFFF. MT_EMORE: *pos is at the end. */
mt_err mt_text_next(mt_slice s, size_t *pos, uint32_t *out) MT_MUST_CHECK;
bool mt_text_is_utf8(mt_slice s);
/* Number of code points; MT_EBAD if s is not UTF-8. */
mt_err mt_text_count(mt_slice s, size_t *out) MT_MUST_CHECK;

/* Whether a code point may be shown: no control, bidirectional control, zero-width or invisible character, tag,
 * surrogate, noncharacter or private use. ZWJ and ZWNJ are not: see mt_text_clean. */
bool mt_text_is_showable(uint32_t cp);
/* Appends s as it may be shown: what is not showable is left out, but ZWJ and ZWNJ stay between two characters of
 * scripts or emoji that join; line ends (LF, U+2028, U+2029) stay as LF where keep_lf, else they and TAB become a
 * space; a run of malformed bytes becomes one U+FFFD. Nothing that is appended can start a terminal escape. */
void mt_text_clean(mt_buf *out, mt_slice s, bool keep_lf);

/* RFC 3986: everything but unreserved characters is percent-encoded. */
void mt_text_percent_encode(mt_buf *out, mt_slice s);
/* MT_EBAD: a % without two hexadecimal digits, or %00. Appends to out. */
mt_err mt_text_percent_decode(mt_slice s, mt_buf *out) MT_MUST_CHECK;

/* RFC 4648 section 5 without padding. Decoding refuses padding, other characters and dangling bits. */
void mt_text_base64url(mt_buf *out, const void *p, size_t len_bytes);
mt_err mt_text_base64url_decode(mt_slice s, void *out, size_t out_len_bytes) MT_MUST_CHECK; /* exact length */

/* RFC 4648 section 4, with padding. */
void mt_text_base64(mt_buf *out, const void *p, size_t len_bytes);

/* Lower case, two characters a byte. out has room for 2*len+1 and is NUL-terminated. */
void mt_text_hex(const void *p, size_t len_bytes, char *out);
mt_err mt_text_hex_decode(mt_slice s, void *out, size_t out_len_bytes) MT_MUST_CHECK; /* exact length */

/* v in decimal digits, NUL-terminated; returns out. */
#define MT_TEXT_DECIMAL 21
const char *mt_text_decimal(uint64_t v, char out[MT_TEXT_DECIMAL]);

/* The pieces one behind the other, cut short where out has no more room, and NUL-terminated; returns out. What printf
 * does with %.*s, at a tenth of the cost. */
const char *mt_text_join(const mt_slice *pieces, size_t count, char *out, size_t out_bytes);

#endif
