/* Lexical rules shared by the SIP parsers. RFC 3261 section 25.1. Private to src/sip. */
#ifndef MT_SIP_LEX_H
#define MT_SIP_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    MT_SIP_C_TOKEN = 1, /* alphanum - . ! % * _ + ` ' ~ */
    MT_SIP_C_WORD = 2,  /* token and ( ) < > : \ " / [ ] ? { } */
    MT_SIP_C_ALPHA = 4,
    MT_SIP_C_DIGIT = 8,
    MT_SIP_C_HEX = 16,
    MT_SIP_C_UNRESERVED = 32, /* alphanum and mark */
    MT_SIP_C_LWS = 64,        /* SP HTAB CR LF: folds were checked when the lines were cut */
    MT_SIP_C_CONTROL = 128,   /* what no header may hold: C0 but HTAB, and DEL */
};
extern const uint8_t mt_sip_lex_class[256];

static inline bool mt_sip_lex_is(char c, unsigned classes) {
    return (mt_sip_lex_class[(unsigned char)c] & classes) != 0;
}

/* Position of the first byte from pos on that is not of the classes. */
static inline size_t mt_sip_lex_span(mt_slice s, size_t pos, unsigned classes) {
    while (pos < s.len && mt_sip_lex_is(s.p[pos], classes))
        pos++;
    return pos;
}
/* Every byte is of the classes; an empty slice is not. */
static inline bool mt_sip_lex_all(mt_slice s, unsigned classes) {
    return s.len > 0 && mt_sip_lex_span(s, 0, classes) == s.len;
}
/* Position of the first control character from pos on, s.len if there is none. */
size_t mt_sip_lex_control(mt_slice s, size_t pos);
static inline mt_slice mt_sip_lex_sub(mt_slice s, size_t from, size_t to) {
    return (mt_slice){s.p + from, to - from};
}
mt_slice mt_sip_lex_trim(mt_slice s); /* of LWS */

/* pos is at the opening quote. Returns the position behind the closing one, or 0: not closed, or a byte that may not be
 * there. */
size_t mt_sip_lex_quoted(mt_slice s, size_t pos);

/* Cuts a parameter ";name[=value]" off *rest; value may be a quoted string. MT_EMORE: none left. MT_EBAD. */
mt_err mt_sip_lex_param(mt_slice *rest, mt_slice *name, mt_slice *value) MT_MUST_CHECK;
bool mt_sip_lex_params_ok(mt_slice params); /* "" or well-formed parameters */

/* Position of the CRLFCRLF that ends the head, s.len if there is none. */
size_t mt_sip_lex_head_end(mt_slice s);
/* Cuts one line with its folds off *rest, without its CRLF. False: nothing left. */
bool mt_sip_lex_line(mt_slice *rest, mt_slice *line);
/* "name : value"; name is a token, value trimmed. */
bool mt_sip_lex_header(mt_slice line, mt_slice *name, mt_slice *value);

/* 1*DIGIT up to 2^63-1, greater is clamped to that. */
bool mt_sip_lex_number(mt_slice s, int64_t *out);

#endif
