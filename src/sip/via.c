#include "sip/via.h"

#include "sip/lex.h"

/* token, then LWS; false: no token. */
static bool take_token(mt_slice s, size_t *pos, mt_slice *out) {
    size_t end = mt_sip_lex_span(s, *pos, MT_SIP_C_TOKEN);
    if (end == *pos)
        return false;
    *out = mt_sip_lex_sub(s, *pos, end);
    *pos = mt_sip_lex_span(s, end, MT_SIP_C_LWS);
    return true;
}

static bool take_slash(mt_slice s, size_t *pos) {
    if (*pos == s.len || s.p[*pos] != '/')
        return false;
    *pos = mt_sip_lex_span(s, *pos + 1, MT_SIP_C_LWS);
    return true;
}

/* "SIP / 2.0 / UDP" and the white space behind it. */
static bool take_protocol(mt_slice s, size_t *pos, mt_slice *transport) {
    mt_slice name, version;
    if (!take_token(s, pos, &name) || !take_slash(s, pos) || !take_token(s, pos, &version) || !take_slash(s, pos))
        return false;
    size_t before = *pos;
    if (!take_token(s, pos, transport) || *pos == before + transport->len)
        return false;
    return mt_slice_is_nocase(name, "SIP"); /* of whatever version: the start line tells ours */
}

static bool take_params(mt_sip_via *v) {
    mt_slice rest = v->params, name, value;
    mt_err err;
    while ((err = mt_sip_lex_param(&rest, &name, &value)) == MT_OK) {
        uint64_t number = 0;
        if (mt_slice_is_nocase(name, "branch")) {
            if (v->branch.len > 0 || !mt_sip_lex_all(value, MT_SIP_C_TOKEN))
                return false;
            v->branch = value;
        } else if (mt_slice_is_nocase(name, "received")) {
            if (value.len == 0 || value.p[0] == '"')
                return false;
            v->received = value;
        } else if (mt_slice_is_nocase(name, "rport")) {
            if (value.len > 0 && mt_slice_to_u64(value, 65535, &number) != MT_OK)
                return false;
            v->has_rport = true;
            v->rport = (uint16_t)number;
        }
    }
    return err == MT_EMORE;
}

mt_err mt_sip_via_parse(mt_slice s, mt_sip_via *out) {
    mt_sip_via v = {.raw = s};
    size_t pos = 0;
    if (!take_protocol(s, &pos, &v.transport))
        return MT_EBAD;
    mt_slice rest = mt_sip_lex_sub(s, pos, s.len);
    size_t semicolon = mt_slice_find(rest, ';');
    v.sent_by = mt_sip_lex_trim(mt_sip_lex_sub(rest, 0, semicolon));
    v.params = mt_sip_lex_sub(rest, semicolon, rest.len);
    mt_err err = mt_sip_uri_hostport(v.sent_by, &v.host, &v.host_is_ipv6, &v.port);
    if (err != MT_OK)
        return err;
    if (!take_params(&v))
        return MT_EBAD;
    *out = v;
    return MT_OK;
}
