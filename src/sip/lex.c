#include "sip/lex.h"

#include "sip/msg.h"

#define TK (MT_SIP_C_TOKEN | MT_SIP_C_WORD)
#define TKU (TK | MT_SIP_C_UNRESERVED)
#define WD MT_SIP_C_WORD
#define WDU (WD | MT_SIP_C_UNRESERVED)
#define DG (TKU | MT_SIP_C_DIGIT | MT_SIP_C_HEX)
#define HX (TKU | MT_SIP_C_ALPHA | MT_SIP_C_HEX)
#define AL (TKU | MT_SIP_C_ALPHA)
#define LW MT_SIP_C_LWS
#define CT MT_SIP_C_CONTROL

const uint8_t mt_sip_lex_class[256] = {
    [0] = CT,   [1] = CT,    [2] = CT,         [3] = CT,   [4] = CT,     [5] = CT,         [6] = CT,    [7] = CT,
    [8] = CT,   ['\t'] = LW, ['\n'] = LW | CT, [11] = CT,  [12] = CT,    ['\r'] = LW | CT, [14] = CT,   [15] = CT,
    [16] = CT,  [17] = CT,   [18] = CT,        [19] = CT,  [20] = CT,    [21] = CT,        [22] = CT,   [23] = CT,
    [24] = CT,  [25] = CT,   [26] = CT,        [27] = CT,  [28] = CT,    [29] = CT,        [30] = CT,   [31] = CT,
    [' '] = LW, ['!'] = TKU, ['"'] = WD,       ['%'] = TK, ['\''] = TKU, ['('] = WDU,      [')'] = WDU, ['*'] = TKU,
    ['+'] = TK, ['-'] = TKU, ['.'] = TKU,      ['/'] = WD, ['0'] = DG,   ['1'] = DG,       ['2'] = DG,  ['3'] = DG,
    ['4'] = DG, ['5'] = DG,  ['6'] = DG,       ['7'] = DG, ['8'] = DG,   ['9'] = DG,       [':'] = WD,  ['<'] = WD,
    ['>'] = WD, ['?'] = WD,  ['A'] = HX,       ['B'] = HX, ['C'] = HX,   ['D'] = HX,       ['E'] = HX,  ['F'] = HX,
    ['G'] = AL, ['H'] = AL,  ['I'] = AL,       ['J'] = AL, ['K'] = AL,   ['L'] = AL,       ['M'] = AL,  ['N'] = AL,
    ['O'] = AL, ['P'] = AL,  ['Q'] = AL,       ['R'] = AL, ['S'] = AL,   ['T'] = AL,       ['U'] = AL,  ['V'] = AL,
    ['W'] = AL, ['X'] = AL,  ['Y'] = AL,       ['Z'] = AL, ['['] = WD,   ['\\'] = WD,      [']'] = WD,  ['_'] = TKU,
    ['`'] = TK, ['a'] = HX,  ['b'] = HX,       ['c'] = HX, ['d'] = HX,   ['e'] = HX,       ['f'] = HX,  ['g'] = AL,
    ['h'] = AL, ['i'] = AL,  ['j'] = AL,       ['k'] = AL, ['l'] = AL,   ['m'] = AL,       ['n'] = AL,  ['o'] = AL,
    ['p'] = AL, ['q'] = AL,  ['r'] = AL,       ['s'] = AL, ['t'] = AL,   ['u'] = AL,       ['v'] = AL,  ['w'] = AL,
    ['x'] = AL, ['y'] = AL,  ['z'] = AL,       ['{'] = WD, ['}'] = WD,   ['~'] = TKU,      [127] = CT,
};

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The high bit of each byte below ' ' or equal to DEL, and perhaps of some behind the first such one. */
static uint64_t controls(uint64_t word) {
    uint64_t del = word ^ EACH_BYTE(0x7f);
    return ((word - EACH_BYTE(' ')) & ~word & EACH_BYTE(0x80)) | ((del - EACH_BYTE(1)) & ~del & EACH_BYTE(0x80));
}

/* Eight bytes at a time: every line that comes or goes is looked at, and nearly none holds one. */
size_t mt_sip_lex_control(mt_slice s, size_t pos) {
    for (uint64_t word; s.len - pos >= sizeof word; pos += sizeof word) {
        memcpy(&word, s.p + pos, sizeof word);
        if (controls(word) != 0)
            break; /* or a tab, which is none */
    }
    while (pos < s.len && !mt_sip_lex_is(s.p[pos], MT_SIP_C_CONTROL))
        pos++;
    return pos;
}

mt_slice mt_sip_lex_trim(mt_slice s) {
    while (s.len > 0 && mt_sip_lex_is(s.p[s.len - 1], MT_SIP_C_LWS))
        s.len--;
    size_t from = mt_sip_lex_span(s, 0, MT_SIP_C_LWS);
    return s.len > 0 ? mt_sip_lex_sub(s, from, s.len) : s;
}

size_t mt_sip_lex_quoted(mt_slice s, size_t pos) {
    for (pos++; pos < s.len; pos++) {
        if (s.p[pos] == '"')
            return pos + 1;
        if (s.p[pos] == '\\')
            pos++;
        if (pos < s.len && mt_sip_lex_is(s.p[pos], MT_SIP_C_CONTROL) && !mt_sip_lex_is(s.p[pos], MT_SIP_C_LWS))
            return 0;
    }
    return 0;
}

/* A parameter's value: a quoted string, or a token or host (RFC 3261 gen-value; ":" for the bare IPv6 of received=). */
static size_t value_end(mt_slice s, size_t pos) {
    if (s.p[pos] == '"')
        return mt_sip_lex_quoted(s, pos);
    size_t end = pos;
    while (end < s.len && (mt_sip_lex_is(s.p[end], MT_SIP_C_TOKEN) || memchr("[]:", s.p[end], 3) != NULL))
        end++;
    return end > pos ? end : 0;
}

mt_err mt_sip_lex_param(mt_slice *rest, mt_slice *name, mt_slice *value) {
    mt_slice s = *rest;
    size_t pos = mt_sip_lex_span(s, 0, MT_SIP_C_LWS);
    if (pos == s.len)
        return MT_EMORE;
    if (s.p[pos] != ';')
        return MT_EBAD;
    size_t from = mt_sip_lex_span(s, pos + 1, MT_SIP_C_LWS);
    size_t to = mt_sip_lex_span(s, from, MT_SIP_C_TOKEN);
    if (to == from)
        return MT_EBAD;
    mt_slice got = {s.p + to, 0};
    pos = mt_sip_lex_span(s, to, MT_SIP_C_LWS);
    if (pos < s.len && s.p[pos] == '=') {
        size_t start = mt_sip_lex_span(s, pos + 1, MT_SIP_C_LWS);
        size_t end = start < s.len ? value_end(s, start) : 0;
        if (end == 0)
            return MT_EBAD;
        got = mt_sip_lex_sub(s, start, end);
        pos = end;
    }
    *name = mt_sip_lex_sub(s, from, to);
    *value = got;
    *rest = mt_sip_lex_sub(s, pos, s.len);
    return MT_OK;
}

bool mt_sip_lex_params_ok(mt_slice params) {
    mt_slice name, value;
    mt_err err;
    while ((err = mt_sip_lex_param(&params, &name, &value)) == MT_OK)
        ;
    return err == MT_EMORE;
}

/* From line to line: that is faster than looking for the four bytes at once. */
size_t mt_sip_lex_head_end(mt_slice s) {
    size_t pos = 1;
    while (pos < s.len) {
        const char *lf = memchr(s.p + pos, '\n', s.len - pos);
        if (lf == NULL)
            return s.len;
        pos = (size_t)(lf - s.p);
        if (s.len - pos > 2 && lf[-1] == '\r' && lf[1] == '\r' && lf[2] == '\n')
            return pos - 1;
        pos++;
    }
    return s.len;
}

bool mt_sip_lex_line(mt_slice *rest, mt_slice *line) {
    mt_slice s = *rest;
    if (s.len == 0)
        return false;
    size_t pos = 0;
    for (;;) {
        const char *lf = memchr(s.p + pos, '\n', s.len - pos);
        if (lf == NULL) {
            *line = s;
            *rest = (mt_slice){s.p + s.len, 0};
            return true;
        }
        size_t at = (size_t)(lf - s.p);
        pos = at + 1;
        bool crlf = at > 0 && s.p[at - 1] == '\r';
        bool folded = pos < s.len && (s.p[pos] == ' ' || s.p[pos] == '\t');
        if (!crlf || folded)
            continue; /* a bare LF stays in the line and is refused with it */
        *line = mt_sip_lex_sub(s, 0, at - 1);
        *rest = mt_sip_lex_sub(s, pos, s.len);
        return true;
    }
}

bool mt_sip_lex_header(mt_slice line, mt_slice *name, mt_slice *value) {
    size_t end = mt_sip_lex_span(line, 0, MT_SIP_C_TOKEN);
    size_t colon = end;
    while (colon < line.len && (line.p[colon] == ' ' || line.p[colon] == '\t'))
        colon++;
    if (end == 0 || colon == line.len || line.p[colon] != ':')
        return false;
    *name = mt_sip_lex_sub(line, 0, end);
    *value = mt_sip_lex_trim(mt_sip_lex_sub(line, colon + 1, line.len));
    return true;
}

bool mt_sip_lex_number(mt_slice s, int64_t *out) {
    if (!mt_sip_lex_all(s, MT_SIP_C_DIGIT))
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (v > (INT64_MAX - 9) / 10) {
            v = INT64_MAX;
            break;
        }
        v = v * 10 + (s.p[i] - '0');
    }
    *out = v;
    return true;
}

/* Where the element at the front of a list ends: at a comma that is neither quoted nor within <>. */
static size_t element_end(mt_slice s) {
    if (mt_slice_find(s, ',') == s.len)
        return s.len;
    bool angle = false;
    size_t pos = 0;
    for (; pos < s.len && (s.p[pos] != ',' || angle); pos++) {
        if (s.p[pos] == '"' && !angle) {
            size_t end = mt_sip_lex_quoted(s, pos);
            pos = end > 0 ? end - 1 : s.len - 1;
        } else if (s.p[pos] == '<' || s.p[pos] == '>') {
            angle = s.p[pos] == '<';
        }
    }
    return pos;
}

bool mt_sip_list_next(mt_slice *rest, mt_slice *out) {
    mt_slice s = *rest;
    while (s.len > 0) {
        size_t pos = element_end(s);
        mt_slice element = mt_sip_lex_trim(mt_sip_lex_sub(s, 0, pos));
        s = pos < s.len ? mt_sip_lex_sub(s, pos + 1, s.len) : (mt_slice){s.p + s.len, 0};
        if (element.len > 0) {
            *rest = s;
            *out = element;
            return true;
        }
    }
    *rest = s;
    return false;
}
