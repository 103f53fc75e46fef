#include "sip/lex.h"
#include "sip/uri.h"

/* The display name before '<': a quoted string, or tokens; bytes above 127 are let through, as phones send them. */
static bool display_ok(mt_slice s) {
    if (s.len == 0)
        return true;
    if (s.p[0] == '"')
        return mt_sip_lex_quoted(s, 0) == s.len;
    for (size_t i = 0; i < s.len; i++)
        if (!mt_sip_lex_is(s.p[i], MT_SIP_C_TOKEN | MT_SIP_C_LWS) && (unsigned char)s.p[i] < 128)
            return false;
    return true;
}

static size_t find_angle(mt_slice s) {
    if (s.len == 0 || s.p[0] != '"')
        return mt_slice_find(s, '<');
    size_t end = mt_sip_lex_quoted(s, 0);
    if (end == 0)
        return s.len;
    return end + mt_slice_find(mt_sip_lex_sub(s, end, s.len), '<');
}

static mt_err parse_name_addr(mt_slice s, size_t open, mt_sip_addr *a) {
    mt_slice rest = mt_sip_lex_sub(s, open + 1, s.len);
    size_t close = mt_slice_find(rest, '>');
    a->display = mt_sip_lex_trim(mt_sip_lex_sub(s, 0, open));
    if (close == rest.len || !display_ok(a->display))
        return MT_EBAD;
    a->params = mt_sip_lex_trim(mt_sip_lex_sub(rest, close + 1, rest.len));
    return mt_sip_uri_parse(mt_sip_lex_sub(rest, 0, close), &a->uri);
}

static mt_err parse_addr_spec(mt_slice s, mt_sip_addr *a) {
    size_t semicolon = mt_slice_find(s, ';');
    mt_slice uri = mt_sip_lex_trim(mt_sip_lex_sub(s, 0, semicolon));
    a->params = mt_sip_lex_sub(s, semicolon, s.len);
    if (mt_slice_find(uri, ',') < uri.len || mt_slice_find(uri, '?') < uri.len)
        return MT_EBAD;
    return mt_sip_uri_parse(uri, &a->uri);
}

/* All must be well-formed; of several tags the first one counts. */
static bool take_params(mt_sip_addr *a) {
    mt_slice rest = a->params, name, value;
    bool tagged = false;
    mt_err err;
    while ((err = mt_sip_lex_param(&rest, &name, &value)) == MT_OK) {
        if (tagged || !mt_slice_is_nocase(name, "tag"))
            continue;
        tagged = true;
        a->tag = value;
        if (!mt_sip_lex_all(value, MT_SIP_C_TOKEN))
            return false;
    }
    return err == MT_EMORE;
}

mt_err mt_sip_addr_parse(mt_slice s, mt_sip_addr *out) {
    s = mt_sip_lex_trim(s);
    mt_sip_addr a = {.raw = s};
    if (s.len == 0)
        return MT_EBAD;
    size_t open = find_angle(s);
    mt_err err = open < s.len ? parse_name_addr(s, open, &a) : parse_addr_spec(s, &a);
    if (err != MT_OK)
        return err;
    if (!take_params(&a))
        return MT_EBAD;
    *out = a;
    return MT_OK;
}

bool mt_sip_param(mt_slice params, const char *name, mt_slice *value) {
    mt_slice n, v;
    while (mt_sip_lex_param(&params, &n, &v) == MT_OK) {
        if (!mt_slice_is_nocase(n, name))
            continue;
        if (value != NULL)
            *value = v;
        return true;
    }
    return false;
}

int64_t mt_sip_contact_expires(const mt_sip_addr *contact, int64_t fallback_s) {
    mt_slice value;
    int64_t number;
    if (!mt_sip_param(contact->params, "expires", &value) || !mt_sip_lex_number(value, &number))
        return fallback_s;
    return number > UINT32_MAX ? UINT32_MAX : number;
}

int mt_sip_contact_q(const mt_sip_addr *contact) {
    mt_slice v;
    if (!mt_sip_param(contact->params, "q", &v))
        return 1000;
    /* "0" or "1", then perhaps "." and at most three digits */
    if (v.len == 0 || v.len > 5 || (v.p[0] != '0' && v.p[0] != '1') || (v.len > 1 && v.p[1] != '.'))
        return -1;
    int q = (v.p[0] - '0') * 1000, scale = 100;
    for (size_t i = 2; i < v.len; i++, scale /= 10) {
        if (!mt_sip_lex_is(v.p[i], MT_SIP_C_DIGIT))
            return -1;
        q += (v.p[i] - '0') * scale;
    }
    return q <= 1000 ? q : -1;
}

mt_err mt_sip_unquote(mt_slice s, char *buf, size_t buf_bytes, mt_slice *out) {
    if (s.len == 0 || s.p[0] != '"') {
        if (!mt_sip_lex_all(s, MT_SIP_C_TOKEN))
            return MT_EBAD;
        *out = s;
        return MT_OK;
    }
    if (mt_sip_lex_quoted(s, 0) != s.len)
        return MT_EBAD;
    size_t len = 0;
    for (size_t i = 1; i < s.len - 1; i++) {
        if (s.p[i] == '\\')
            i++;
        if (len == buf_bytes)
            return MT_ELIMIT;
        buf[len++] = s.p[i];
    }
    *out = (mt_slice){buf, len};
    return MT_OK;
}
