#include "sip/uri.h"

#include <arpa/inet.h>

#include "sip/lex.h"

/* Unreserved, escaped, or one of extra. */
static bool uri_chars(mt_slice s, const char *extra) {
    size_t extra_len = strlen(extra);
    for (size_t i = 0; i < s.len; i++) {
        if (mt_sip_lex_is(s.p[i], MT_SIP_C_UNRESERVED) || memchr(extra, s.p[i], extra_len) != NULL)
            continue;
        bool escape = s.p[i] == '%' && s.len - i > 2 && mt_sip_lex_is(s.p[i + 1], MT_SIP_C_HEX) &&
                      mt_sip_lex_is(s.p[i + 2], MT_SIP_C_HEX);
        if (!escape)
            return false;
        i += 2;
    }
    return true;
}

static bool host_name_ok(mt_slice s) {
    if (s.len == 0 || s.len > 255 || !mt_sip_lex_is(s.p[0], MT_SIP_C_ALPHA | MT_SIP_C_DIGIT))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dot = s.p[i] == '.';
        if (dot ? i + 1 < s.len && s.p[i + 1] == '.'
                : !mt_sip_lex_is(s.p[i], MT_SIP_C_ALPHA | MT_SIP_C_DIGIT) && s.p[i] != '-' && s.p[i] != '_')
            return false;
    }
    return true;
}

static bool ipv6_ok(mt_slice s) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (s.len == 0 || s.len >= sizeof text || memchr(s.p, 0, s.len) != NULL)
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &addr) == 1;
}

mt_err mt_sip_uri_hostport(mt_slice s, mt_slice *host, bool *is_ipv6, uint16_t *port) {
    mt_slice h, rest;
    bool v6 = s.len > 0 && s.p[0] == '[';
    if (v6) {
        size_t close = mt_slice_find(s, ']');
        if (close == s.len)
            return MT_EBAD;
        h = mt_sip_lex_sub(s, 1, close);
        rest = mt_sip_lex_sub(s, close + 1, s.len);
    } else {
        size_t colon = mt_slice_find(s, ':');
        rest = mt_sip_lex_sub(s, colon, s.len);
        h = mt_sip_lex_sub(s, 0, colon);
    }
    /* Via allows white space around the colon. */
    h = v6 ? h : mt_sip_lex_trim(h);
    rest = mt_sip_lex_trim(rest);
    if (v6 ? !ipv6_ok(h) : !host_name_ok(h))
        return MT_EBAD;
    uint64_t number = 0;
    if (rest.len > 0) {
        mt_slice digits = mt_sip_lex_trim(mt_sip_lex_sub(rest, 1, rest.len));
        if (rest.p[0] != ':' || mt_slice_to_u64(digits, 65535, &number) != MT_OK || number == 0)
            return MT_EBAD;
    }
    *host = h;
    *is_ipv6 = v6;
    *port = (uint16_t)number;
    return MT_OK;
}

/* One of ";a=b;c": no white space and no quotes here. */
static bool uri_param(mt_slice *rest, mt_slice *name, mt_slice *value) {
    size_t end = 1;
    while (end < rest->len && rest->p[end] != ';')
        end++;
    mt_slice one = mt_sip_lex_sub(*rest, 1, end);
    size_t eq = mt_slice_find(one, '=');
    *name = mt_sip_lex_sub(one, 0, eq);
    *value = eq < one.len ? mt_sip_lex_sub(one, eq + 1, one.len) : (mt_slice){one.p + one.len, 0};
    *rest = mt_sip_lex_sub(*rest, end, rest->len);
    return name->len > 0 && (eq == one.len || value->len > 0) && uri_chars(*name, "[]/:&+$") &&
           uri_chars(*value, "[]/:&+$");
}

static mt_err parse_params(mt_sip_uri *u) {
    mt_slice rest = u->params, name, value;
    while (rest.len > 0) {
        if (!uri_param(&rest, &name, &value))
            return MT_EBAD;
        if (mt_slice_is_nocase(name, "lr"))
            u->lr = true;
        else if (mt_slice_is_nocase(name, "transport"))
            u->transport = value;
        else if (mt_slice_is_nocase(name, "user"))
            u->user_phone = mt_slice_is_nocase(value, "phone");
    }
    return MT_OK;
}

static mt_err parse_userinfo(mt_slice s, mt_sip_uri *u) {
    size_t colon = mt_slice_find(s, ':');
    u->user = mt_sip_lex_sub(s, 0, colon);
    if (colon < s.len)
        u->password = mt_sip_lex_sub(s, colon + 1, s.len);
    u->has_user = true;
    return u->user.len > 0 && uri_chars(u->user, "&=+$,;?/") && uri_chars(u->password, "&=+$,") ? MT_OK : MT_EBAD;
}

static mt_err parse_sip(mt_slice s, mt_sip_uri *u) {
    size_t at = mt_slice_find(s, '@');
    if (at < s.len) {
        if (parse_userinfo(mt_sip_lex_sub(s, 0, at), u) != MT_OK)
            return MT_EBAD;
        s = mt_sip_lex_sub(s, at + 1, s.len);
    }
    size_t question = mt_slice_find(s, '?');
    if (question < s.len) {
        u->headers = mt_sip_lex_sub(s, question + 1, s.len);
        if (u->headers.len == 0 || !uri_chars(u->headers, "[]/?:+$=&"))
            return MT_EBAD;
        s = mt_sip_lex_sub(s, 0, question);
    }
    size_t semicolon = mt_slice_find(s, ';');
    u->params = mt_sip_lex_sub(s, semicolon, s.len);
    mt_slice hostport = mt_sip_lex_sub(s, 0, semicolon);
    if (mt_sip_lex_span(hostport, 0, 255u & ~(unsigned)(MT_SIP_C_LWS | MT_SIP_C_CONTROL)) != hostport.len)
        return MT_EBAD;
    mt_err err = mt_sip_uri_hostport(hostport, &u->host, &u->host_is_ipv6, &u->port);
    return err == MT_OK ? parse_params(u) : err;
}

mt_err mt_sip_uri_parse(mt_slice s, mt_sip_uri *out) {
    size_t colon = mt_slice_find(s, ':');
    mt_sip_uri u = {.raw = s, .scheme = MT_SIP_SCHEME_OTHER};
    if (colon == s.len || colon == 0 || colon + 1 == s.len || !mt_sip_lex_is(s.p[0], MT_SIP_C_ALPHA))
        return MT_EBAD;
    u.scheme_name = mt_sip_lex_sub(s, 0, colon);
    for (size_t i = 0; i < colon; i++)
        if (!mt_sip_lex_is(s.p[i], MT_SIP_C_ALPHA | MT_SIP_C_DIGIT) && memchr("+-.", s.p[i], 3) == NULL)
            return MT_EBAD;
    mt_slice rest = mt_sip_lex_sub(s, colon + 1, s.len);
    bool sip = mt_slice_is_nocase(u.scheme_name, "sip"), sips = mt_slice_is_nocase(u.scheme_name, "sips");
    if (sip || sips) {
        u.scheme = sip ? MT_SIP_SCHEME_SIP : MT_SIP_SCHEME_SIPS;
        mt_err err = parse_sip(rest, &u);
        if (err != MT_OK)
            return err;
    } else {
        if (mt_slice_is_nocase(u.scheme_name, "tel"))
            u.scheme = MT_SIP_SCHEME_TEL;
        if (!uri_chars(rest, ";/?:@&=+$,[]#"))
            return MT_EBAD;
    }
    *out = u;
    return MT_OK;
}

static unsigned hex_value(char c) {
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

mt_err mt_sip_uri_user(const mt_sip_uri *u, char *buf, size_t buf_bytes, mt_slice *out) {
    if (!u->has_user)
        return MT_ENOENT;
    if (mt_slice_find(u->user, '%') == u->user.len) {
        *out = u->user;
        return MT_OK;
    }
    size_t len = 0;
    for (size_t i = 0; i < u->user.len; i++) {
        char c = u->user.p[i];
        if (len == buf_bytes)
            return MT_ELIMIT;
        if (c == '%') { /* two digits follow: the parser saw to it */
            c = (char)(hex_value(u->user.p[i + 1]) << 4 | hex_value(u->user.p[i + 2]));
            i += 2;
            if (c == '\0')
                return MT_EBAD;
        }
        buf[len++] = c;
    }
    *out = (mt_slice){buf, len};
    return MT_OK;
}
