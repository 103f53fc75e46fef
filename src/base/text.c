#include "base/text.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ZWNJ 0x200c
#define ZWJ 0x200d

/* Length of the sequence that a lead byte announces, 0 if it is none. */
static size_t lead_len(uint8_t b) {
    if (b < 0x80)
        return 1;
    if (b >= 0xc2 && b <= 0xdf)
        return 2;
    if (b >= 0xe0 && b <= 0xef)
        return 3;
    return b >= 0xf0 && b <= 0xf4 ? 4 : 0;
}

mt_err mt_text_next(mt_slice s, size_t *pos, uint32_t *out) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (*pos >= s.len)
        return MT_EMORE;
    const uint8_t *p = (const uint8_t *)s.p + *pos;
    size_t len = lead_len(p[0]);
    if (len == 0 || len > s.len - *pos)
        return MT_EBAD;
    uint32_t cp = len == 1 ? p[0] : p[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return MT_EBAD;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return MT_EBAD;
    *pos += len;
    *out = cp;
    return MT_OK;
}

mt_err mt_text_count(mt_slice s, size_t *out) {
    size_t count = 0;
    uint32_t cp;
    for (size_t pos = 0; pos < s.len; count++) {
        if (mt_text_next(s, &pos, &cp) != MT_OK)
            return MT_EBAD;
    }
    *out = count;
    return MT_OK;
}

#define ASCII_STEP sizeof(uint64_t)

/* Of the next ASCII_STEP bytes: most text is nothing else, and each message of a browser is looked through both ways.
 */
static bool is_ascii(const char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool mt_text_is_utf8(mt_slice s) {
    uint32_t cp;
    for (size_t pos = 0; pos < s.len;) {
        if (s.len - pos >= ASCII_STEP && is_ascii(s.p + pos))
            pos += ASCII_STEP;
        else if (mt_text_next(s, &pos, &cp) != MT_OK)
            return false;
    }
    return true;
}

typedef struct range {
    uint32_t first, last;
} range;

/* Sorted: invisible, direction-changing, line-breaking or without a meaning of their own. */
static const range hidden[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},    {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},    {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
    {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xfffe, 0xffff},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

bool mt_text_is_showable(uint32_t cp) {
    size_t low = 0;
    size_t high = sizeof(hidden) / sizeof(hidden[0]);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (cp > hidden[mid].last)
            low = mid + 1;
        else if (cp < hidden[mid].first)
            high = mid;
        else
            return false;
    }
    return cp <= 0x10ffff && (cp & 0xfffe) != 0xfffe;
}

/* Whether a joiner may stand next to cp: no ASCII, no spaces or general punctuation, and nothing hidden. */
static bool takes_joiner(uint32_t cp) {
    return cp >= 0x00c0 && !(cp >= 0x2000 && cp <= 0x206f) && cp != 0x3000 && mt_text_is_showable(cp);
}

static bool is_line_end(uint32_t cp) {
    return cp == '\n' || cp == 0x2028 || cp == 0x2029;
}

static bool joins(mt_slice s, size_t pos, uint32_t before) {
    uint32_t after;
    return takes_joiner(before) && mt_text_next(s, &pos, &after) == MT_OK && takes_joiner(after);
}

void mt_text_clean(mt_buf *out, mt_slice s, bool keep_lf) {
    uint32_t shown = 0; /* the code point appended last */
    bool malformed = false;
    for (size_t pos = 0; pos < s.len;) {
        size_t from = pos;
        uint32_t cp;
        if (mt_text_next(s, &pos, &cp) != MT_OK) {
            if (!malformed)
                mt_buf_add_str(out, REPLACEMENT);
            malformed = true;
            shown = 0;
            pos = from + 1;
            continue;
        }
        malformed = false;
        if (is_line_end(cp) || cp == '\t') {
            mt_buf_add_char(out, keep_lf && cp != '\t' ? '\n' : ' ');
            shown = ' ';
        } else if (mt_text_is_showable(cp) || ((cp == ZWJ || cp == ZWNJ) && joins(s, pos, shown))) {
            mt_buf_add(out, s.p + from, pos - from);
            shown = cp;
        }
    }
}

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void mt_text_percent_encode(mt_buf *out, mt_slice s) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        if (is_unreserved(s.p[i])) {
            mt_buf_add_char(out, s.p[i]);
            continue;
        }
        uint8_t b = (uint8_t)s.p[i];
        mt_buf_add(out, (char[]){'%', digits[b >> 4], digits[b & 15]}, 3);
    }
}

/* Without branches on what the digits are, which nobody can foretell. */
static int hex_value(char c) {
    unsigned digit = (unsigned)(uint8_t)c - '0', letter = ((unsigned)(uint8_t)c | 0x20) - 'a';
    int of_letter = letter < 6 ? (int)letter + 10 : -1;
    return digit < 10 ? (int)digit : of_letter;
}

/* The byte that two hexadecimal digits stand for, -1 if they are none. */
static int hex_byte(const char *p) {
    int high = hex_value(p[0]);
    int low = hex_value(p[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

mt_err mt_text_percent_decode(mt_slice s, mt_buf *out) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '%' && (s.len - i < 3 || hex_byte(s.p + i + 1) <= 0))
            return MT_EBAD;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '%') {
            mt_buf_add_char(out, (char)hex_byte(s.p + i + 1));
            i += 2;
        } else {
            mt_buf_add_char(out, s.p[i]);
        }
    }
    return mt_buf_err(out);
}

static void base64(mt_buf *out, mt_slice bytes, const char *digits) {
    const uint8_t *in = (const uint8_t *)bytes.p;
    size_t len_bytes = bytes.len;
    for (size_t i = 0; i < len_bytes; i += 3) {
        size_t n = len_bytes - i < 3 ? len_bytes - i : 3;
        uint32_t v = (uint32_t)in[i] << 16;
        v |= n > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        v |= n > 2 ? in[i + 2] : 0;
        char quad[4] = {digits[v >> 18], digits[v >> 12 & 63], digits[v >> 6 & 63], digits[v & 63]};
        mt_buf_add(out, quad, n + 1);
    }
}

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

void mt_text_base64url(mt_buf *out, const void *p, size_t len_bytes) {
    base64(out, mt_slice_n(p, len_bytes), LETTERS_AND_DIGITS "-_");
}

void mt_text_base64(mt_buf *out, const void *p, size_t len_bytes) {
    base64(out, mt_slice_n(p, len_bytes), LETTERS_AND_DIGITS "+/");
    mt_buf_add(out, "==", (3 - len_bytes % 3) % 3);
}

/* One more than the character's value; 0: it has none. */
static const uint8_t base64url_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64};

static int base64url_value(char c) {
    return base64url_values[(uint8_t)c] - 1;
}

mt_err mt_text_base64url_decode(mt_slice s, void *out, size_t out_len_bytes) {
    size_t tail = out_len_bytes % 3;
    if (s.len != out_len_bytes / 3 * 4 + (tail > 0 ? tail + 1 : 0))
        return MT_EBAD;
    for (size_t i = 0; i < s.len; i++) {
        if (base64url_value(s.p[i]) < 0)
            return MT_EBAD;
    }
    /* bits of the last character that belong to no byte */
    int dangling = tail == 1 ? 0xf : tail == 2 ? 0x3 : 0;
    if (s.len > 0 && (base64url_value(s.p[s.len - 1]) & dangling) != 0)
        return MT_EBAD;
    uint8_t *to = out;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < s.len; i++) {
        bits = bits << 6 | (uint32_t)base64url_value(s.p[i]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            *to++ = (uint8_t)(bits >> have);
        }
    }
    return MT_OK;
}

void mt_text_hex(const void *p, size_t len_bytes, char *out) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = p;
    for (size_t i = 0; i < len_bytes; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

mt_err mt_text_hex_decode(mt_slice s, void *out, size_t out_len_bytes) {
    if (s.len % 2 != 0 || s.len / 2 != out_len_bytes)
        return MT_EBAD;
    for (size_t i = 0; i < s.len; i += 2) {
        if (hex_byte(s.p + i) < 0)
            return MT_EBAD;
    }
    uint8_t *to = out;
    for (size_t i = 0; i < s.len; i += 2)
        *to++ = (uint8_t)hex_byte(s.p + i);
    return MT_OK;
}

const char *mt_text_decimal(uint64_t v, char out[MT_TEXT_DECIMAL]) {
    char digits[MT_TEXT_DECIMAL - 1];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    memcpy(out, digits + at, sizeof digits - at);
    out[sizeof digits - at] = '\0';
    return out;
}

const char *mt_text_join(const mt_slice *pieces, size_t count, char *out, size_t out_bytes) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t room = out_bytes - 1 - len, n = pieces[i].len < room ? pieces[i].len : room;
        if (n > 0)
            memcpy(out + len, pieces[i].p, n);
        len += n;
    }
    out[len] = '\0';
    return out;
}
