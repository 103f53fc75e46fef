#include "link/json_scan.h"

#include "base/text.h"

#define MAX_KEYS 32
#define MAX_DEPTH 8

typedef struct scan {
    mt_slice s;
    size_t pos;
    const mt_json_limits *limits;
    mt_json_member_fn *member;
    void *ctx;
} scan;

/* --- strings --- */

/* What stands behind the backslash, and what it means. */
static const char escapes[] = "\"\\/bfnrt", escaped[] = "\"\\/\b\f\n\r\t";

/* Four hexadecimal digits at pos. */
static bool hex4(mt_slice s, size_t pos, uint32_t *out) {
    uint8_t b[2];
    if (s.len < pos + 4 || mt_text_hex_decode(mt_slice_n(s.p + pos, 4), b, 2) != MT_OK)
        return false;
    *out = (uint32_t)b[0] << 8 | b[1];
    return true;
}

/* \uXXXX, perhaps a pair of surrogates; *pos is behind the 'u'. */
static bool unicode_escape(mt_slice s, size_t *pos, uint32_t *out) {
    uint32_t high, low;
    if (!hex4(s, *pos, &high) || high == 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return false;
    *pos += 4;
    *out = high;
    if (high < 0xD800 || high > 0xDBFF)
        return true;
    if (s.len < *pos + 6 || s.p[*pos] != '\\' || s.p[*pos + 1] != 'u' || !hex4(s, *pos + 2, &low) || low < 0xDC00 ||
        low > 0xDFFF)
        return false;
    *pos += 6;
    *out = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* The next code point of a string's content. */
static bool next_point(mt_slice s, size_t *pos, uint32_t *out) {
    if ((unsigned char)s.p[*pos] < 0x20)
        return false;
    if (s.p[*pos] != '\\')
        return mt_text_next(s, pos, out) == MT_OK;
    if (*pos + 1 >= s.len)
        return false;
    char c = s.p[*pos + 1];
    *pos += 2;
    if (c == 'u')
        return unicode_escape(s, pos, out);
    const char *at = memchr(escapes, c, sizeof escapes - 1);
    if (at == NULL)
        return false;
    *out = (unsigned char)escaped[at - escapes];
    return true;
}

static bool same_string(mt_slice a, mt_slice b) {
    size_t i = 0, k = 0;
    while (i < a.len && k < b.len) {
        uint32_t x, y;
        if (!next_point(a, &i, &x) || !next_point(b, &k, &y) || x != y)
            return false;
    }
    return i == a.len && k == b.len;
}

bool mt_json_string_is(mt_slice raw, const char *text) {
    size_t i = 0;
    for (; i < raw.len && *text != '\0'; text++) {
        uint32_t point;
        if (!next_point(raw, &i, &point) || point != (unsigned char)*text)
            return false;
    }
    return i == raw.len && *text == '\0';
}

static void add_point(mt_buf *out, uint32_t c) {
    if (c < 0x80) {
        mt_buf_add_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        mt_buf_add_char(out, (char)(0xC0 | c >> 6));
    } else if (c < 0x10000) {
        mt_buf_add_char(out, (char)(0xE0 | c >> 12));
        mt_buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    } else {
        mt_buf_add_char(out, (char)(0xF0 | c >> 18));
        mt_buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        mt_buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    mt_buf_add_char(out, (char)(0x80 | (c & 0x3F)));
}

void mt_json_unescape(mt_slice raw, mt_buf *out) {
    size_t pos = 0;
    uint32_t point;
    while (pos < raw.len && next_point(raw, &pos, &point))
        add_point(out, point);
}

/* The short escapes where there are any, so that a text never grows beyond what it was read from. */
void mt_json_add_string(mt_buf *out, mt_slice s) {
    mt_buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.p[i];
        const char *at = memchr(escaped, c, sizeof escaped - 1);
        if (at != NULL && c != '/') {
            mt_buf_add_char(out, '\\');
            mt_buf_add_char(out, escapes[at - escaped]);
        } else if ((unsigned char)c < 0x20) {
            mt_buf_printf(out, "\\u%04x", (unsigned)c);
        } else {
            mt_buf_add_char(out, c);
        }
    }
    mt_buf_add_char(out, '"');
}

/* --- the grammar --- */

static void skip_space(scan *sc) {
    while (sc->pos < sc->s.len && memchr(" \t\r\n", sc->s.p[sc->pos], 4) != NULL)
        sc->pos++;
}

static bool take(scan *sc, char c) {
    skip_space(sc);
    if (sc->pos == sc->s.len || sc->s.p[sc->pos] != c)
        return false;
    sc->pos++;
    return true;
}

/* The opening quote is taken. */
static bool take_string(scan *sc, mt_slice *out) {
    size_t from = sc->pos;
    while (sc->pos < sc->s.len && sc->s.p[sc->pos] != '"') {
        uint32_t point;
        if (!next_point(sc->s, &sc->pos, &point))
            return false;
    }
    if (sc->pos >= sc->s.len)
        return false;
    *out = mt_slice_n(sc->s.p + from, sc->pos - from);
    sc->pos++;
    return true;
}

static size_t take_digits(scan *sc) {
    size_t from = sc->pos;
    while (sc->pos < sc->s.len && sc->s.p[sc->pos] >= '0' && sc->s.p[sc->pos] <= '9')
        sc->pos++;
    return sc->pos - from;
}

static bool peek(const scan *sc, const char *any) {
    return sc->pos < sc->s.len && sc->s.p[sc->pos] != '\0' && strchr(any, sc->s.p[sc->pos]) != NULL;
}

static bool take_number(scan *sc, mt_slice *out) {
    size_t from = sc->pos;
    if (peek(sc, "-"))
        sc->pos++;
    bool zero = peek(sc, "0");
    size_t digits = take_digits(sc);
    if (digits == 0 || (zero && digits > 1))
        return false;
    if (peek(sc, ".")) {
        sc->pos++;
        if (take_digits(sc) == 0)
            return false;
    }
    if (peek(sc, "eE")) {
        sc->pos++;
        if (peek(sc, "+-"))
            sc->pos++;
        if (take_digits(sc) == 0)
            return false;
    }
    *out = mt_slice_n(sc->s.p + from, sc->pos - from);
    return true;
}

static bool take_word(scan *sc, const char *word) {
    size_t len = strlen(word);
    if (sc->s.len - sc->pos < len || memcmp(sc->s.p + sc->pos, word, len) != 0)
        return false;
    sc->pos += len;
    return true;
}

static bool take_value(scan *sc, unsigned depth, mt_json_value *out);

/* The opening brace is taken. */
static bool take_object(scan *sc, unsigned depth) {
    mt_slice keys[MAX_KEYS];
    unsigned count = 0;
    if (depth > sc->limits->depth || depth > MAX_DEPTH)
        return false;
    if (take(sc, '}'))
        return true;
    do {
        mt_slice key;
        mt_json_value value;
        if (count == MAX_KEYS || count == sc->limits->keys || !take(sc, '"') || !take_string(sc, &key))
            return false;
        for (unsigned i = 0; i < count; i++)
            if (same_string(keys[i], key))
                return false;
        keys[count++] = key;
        if (!take(sc, ':') || !take_value(sc, depth, &value))
            return false;
        if (depth == 1)
            sc->member(sc->ctx, key, value);
    } while (take(sc, ','));
    return take(sc, '}');
}

static bool take_array(scan *sc, unsigned depth) {
    mt_json_value value;
    if (depth > sc->limits->depth || depth > MAX_DEPTH)
        return false;
    if (take(sc, ']'))
        return true;
    do {
        if (!take_value(sc, depth, &value))
            return false;
    } while (take(sc, ','));
    return take(sc, ']');
}

/* Deeper ones recurse; the limit bounds it. */
static bool take_value(scan *sc, unsigned depth, mt_json_value *out) {
    skip_space(sc);
    size_t from = sc->pos;
    bool ok;
    if (take(sc, '"')) {
        out->kind = MT_JSON_STRING;
        return take_string(sc, &out->raw);
    }
    if (take(sc, '{')) {
        out->kind = MT_JSON_OBJECT;
        ok = take_object(sc, depth + 1);
    } else if (take(sc, '[')) {
        out->kind = MT_JSON_ARRAY;
        ok = take_array(sc, depth + 1);
    } else if (take_word(sc, "true")) {
        out->kind = MT_JSON_TRUE;
        ok = true;
    } else if (take_word(sc, "false")) {
        out->kind = MT_JSON_FALSE;
        ok = true;
    } else if (take_word(sc, "null")) {
        out->kind = MT_JSON_NULL;
        ok = true;
    } else {
        out->kind = MT_JSON_NUMBER;
        return take_number(sc, &out->raw);
    }
    out->raw = mt_slice_n(sc->s.p + from, sc->pos - from);
    return ok;
}

mt_err mt_json_scan(mt_slice text, const mt_json_limits *limits, mt_json_member_fn *member, void *ctx) {
    scan sc = {.s = text, .limits = limits, .member = member, .ctx = ctx};
    if (text.len == 0 || !take(&sc, '{') || !take_object(&sc, 1))
        return MT_EBAD;
    skip_space(&sc);
    return sc.pos == text.len ? MT_OK : MT_EBAD;
}

mt_err mt_json_uint(mt_json_value v, uint64_t max, uint64_t *out) {
    return v.kind == MT_JSON_NUMBER ? mt_slice_to_u64(v.raw, max, out) : MT_EBAD;
}
