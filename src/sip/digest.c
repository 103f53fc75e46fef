#include "sip/digest.h"

#include "base/secret.h"
#include "base/text.h"
#include "sip/lex.h"
#include "sip/uri.h"

size_t mt_sip_alg_bytes(mt_sip_alg alg) {
    return alg == MT_SIP_ALG_MD5 ? MT_MD5_BYTES : alg == MT_SIP_ALG_SHA256 ? MT_SHA256_BYTES : 0;
}

const char *mt_sip_alg_str(mt_sip_alg alg) {
    return alg == MT_SIP_ALG_MD5 ? "MD5" : alg == MT_SIP_ALG_SHA256 ? "SHA-256" : "";
}

/* --- parsing --- */

typedef struct fields {
    mt_slice username, username_ext, realm, nonce, uri, response, cnonce, opaque, nc, qop, algorithm, userhash;
    unsigned seen;
} fields;

static const struct {
    const char *name;
    size_t offset;
} rows[] = {
    {"username", offsetof(fields, username)},
    {"username*", offsetof(fields, username_ext)},
    {"realm", offsetof(fields, realm)},
    {"nonce", offsetof(fields, nonce)},
    {"uri", offsetof(fields, uri)},
    {"response", offsetof(fields, response)},
    {"cnonce", offsetof(fields, cnonce)},
    {"opaque", offsetof(fields, opaque)},
    {"nc", offsetof(fields, nc)},
    {"qop", offsetof(fields, qop)},
    {"algorithm", offsetof(fields, algorithm)},
    {"userhash", offsetof(fields, userhash)},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Unknown parameters are allowed; a known one twice is not. */
static mt_err store(fields *f, mt_slice name, mt_slice value) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!mt_slice_is_nocase(name, rows[i].name))
            continue;
        if ((f->seen & (1u << i)) != 0)
            return MT_EBAD;
        f->seen |= 1u << i;
        *(mt_slice *)(void *)((char *)f + rows[i].offset) = value;
        break;
    }
    return MT_OK;
}

static bool has(const fields *f, size_t offset) {
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].offset == offset)
            return (f->seen & (1u << i)) != 0;
    return false;
}
#define HAS(f, member) has((f), offsetof(fields, member))

/* name = token / quoted string, the latter without its quotes. */
static mt_err take_pair(mt_slice s, size_t *pos, mt_slice *name, mt_slice *value) {
    size_t from = *pos, to = mt_sip_lex_span(s, from, MT_SIP_C_TOKEN);
    size_t eq = mt_sip_lex_span(s, to, MT_SIP_C_LWS);
    if (to == from || eq == s.len || s.p[eq] != '=')
        return MT_EBAD;
    size_t start = mt_sip_lex_span(s, eq + 1, MT_SIP_C_LWS), end;
    *name = mt_sip_lex_sub(s, from, to);
    if (start < s.len && s.p[start] == '"') {
        end = mt_sip_lex_quoted(s, start);
        if (end == 0)
            return MT_EBAD;
        *value = mt_sip_lex_sub(s, start + 1, end - 1);
    } else {
        end = mt_sip_lex_span(s, start, MT_SIP_C_TOKEN);
        if (end == start)
            return MT_EBAD;
        *value = mt_sip_lex_sub(s, start, end);
    }
    *pos = mt_sip_lex_span(s, end, MT_SIP_C_LWS);
    return MT_OK;
}

static mt_err parse_fields(mt_slice s, fields *f) {
    size_t pos = 0;
    for (;;) {
        mt_slice name, value;
        while (pos < s.len && (s.p[pos] == ',' || mt_sip_lex_is(s.p[pos], MT_SIP_C_LWS)))
            pos++;
        if (pos == s.len)
            return MT_OK;
        if (take_pair(s, &pos, &name, &value) != MT_OK || store(f, name, value) != MT_OK)
            return MT_EBAD;
        if (pos < s.len && s.p[pos] != ',')
            return MT_EBAD;
    }
}

static mt_err parse_nc(mt_slice s, uint32_t *out) {
    uint8_t b[4];
    if (mt_text_hex_decode(s, b, sizeof b) != MT_OK)
        return MT_EBAD;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return MT_OK;
}

static mt_err check_qop(const fields *f, mt_sip_digest *d) {
    if (!HAS(f, qop))
        return MT_OK;
    d->qop = mt_slice_is_nocase(f->qop, "auth") ? MT_SIP_QOP_AUTH : MT_SIP_QOP_OTHER;
    return f->cnonce.len > 0 && HAS(f, nc) ? parse_nc(f->nc, &d->nc) : MT_EBAD;
}

static mt_err check_response(const mt_sip_digest *d) {
    if (!mt_sip_lex_all(d->response, MT_SIP_C_HEX))
        return MT_EBAD;
    return d->alg == MT_SIP_ALG_OTHER || d->response.len == 2 * mt_sip_alg_bytes(d->alg) ? MT_OK : MT_EBAD;
}

mt_err mt_sip_digest_parse(mt_slice value, mt_sip_digest *out) {
    size_t end = mt_sip_lex_span(value, 0, MT_SIP_C_TOKEN);
    if (end == 0)
        return MT_EBAD;
    if (!mt_slice_is_nocase(mt_sip_lex_sub(value, 0, end), "Digest"))
        return MT_ENOENT;
    if (end == value.len || !mt_sip_lex_is(value.p[end], MT_SIP_C_LWS))
        return MT_EBAD;
    fields f = {.seen = 0};
    if (parse_fields(mt_sip_lex_sub(value, end, value.len), &f) != MT_OK)
        return MT_EBAD;
    bool name_once = HAS(&f, username) != HAS(&f, username_ext);
    if (!name_once || !HAS(&f, realm) || f.nonce.len == 0 || f.uri.len == 0)
        return MT_EBAD;
    mt_sip_digest d = {.username = f.username,
                       .username_ext = f.username_ext,
                       .realm = f.realm,
                       .nonce = f.nonce,
                       .uri = f.uri,
                       .response = f.response,
                       .cnonce = f.cnonce,
                       .opaque = f.opaque,
                       .nc_text = f.nc,
                       .userhash = mt_slice_is_nocase(f.userhash, "true")};
    if (HAS(&f, algorithm) && !mt_slice_is_nocase(f.algorithm, "MD5"))
        d.alg = mt_slice_is_nocase(f.algorithm, "SHA-256") ? MT_SIP_ALG_SHA256 : MT_SIP_ALG_OTHER;
    if (check_qop(&f, &d) != MT_OK || check_response(&d) != MT_OK)
        return MT_EBAD;
    *out = d;
    return MT_OK;
}

/* --- the user name --- */

static mt_err decode_ext(mt_slice s, char *buf, size_t buf_bytes, mt_slice *out) {
    mt_slice charset = mt_slice_cut(&s, '\'');
    if (!mt_slice_is_nocase(charset, "UTF-8") || mt_slice_find(s, '\'') == s.len)
        return MT_EBAD;
    (void)mt_slice_cut(&s, '\''); /* language */
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (len == buf_bytes)
            return MT_ELIMIT;
        if (c == '%') {
            if (s.len - i < 3 || mt_text_hex_decode(mt_sip_lex_sub(s, i + 1, i + 3), &c, 1) != MT_OK || c == 0)
                return MT_EBAD;
            i += 2;
        }
        buf[len++] = (char)c;
    }
    mt_slice decoded = {buf, len};
    if (len == 0 || !mt_text_is_utf8(decoded))
        return MT_EBAD;
    *out = decoded;
    return MT_OK;
}

mt_err mt_sip_digest_username(const mt_sip_digest *d, char *buf, size_t buf_bytes, mt_slice *out) {
    if (d->username_ext.len > 0)
        return decode_ext(d->username_ext, buf, buf_bytes, out);
    mt_slice s = d->username;
    if (s.len == 0)
        return MT_EBAD;
    if (mt_slice_find(s, '\\') == s.len) {
        *out = s;
        return MT_OK;
    }
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\\' && i + 1 < s.len)
            i++;
        if (len == buf_bytes)
            return MT_ELIMIT;
        buf[len++] = s.p[i];
    }
    *out = (mt_slice){buf, len};
    return MT_OK;
}

/* --- computing --- */

static void hash(mt_sip_alg alg, const mt_slice *pieces, size_t count, uint8_t *out) {
    if (alg == MT_SIP_ALG_SHA256)
        mt_sha256(pieces, count, out);
    else
        mt_md5(pieces, count, out);
}

#define COLON MT_SLICE_LIT(":")

void mt_sip_digest_ha1(mt_sip_alg alg, mt_slice username, mt_slice realm, mt_slice password, uint8_t *out) {
    const mt_slice pieces[] = {username, COLON, realm, COLON, password};
    hash(alg, pieces, 5, out);
}

static void response(const mt_sip_digest *d, const uint8_t *ha1, mt_slice method,
                     uint8_t raw[MT_SIP_DIGEST_MAX_BYTES]) {
    size_t bytes = mt_sip_alg_bytes(d->alg);
    char ha1_hex[2 * MT_SIP_DIGEST_MAX_BYTES + 1], ha2_hex[2 * MT_SIP_DIGEST_MAX_BYTES + 1];
    const mt_slice a2[] = {method, COLON, d->uri};
    hash(d->alg, a2, 3, raw);
    mt_text_hex(raw, bytes, ha2_hex);
    mt_text_hex(ha1, bytes, ha1_hex);
    mt_slice h1 = {ha1_hex, 2 * bytes}, h2 = {ha2_hex, 2 * bytes};
    if (d->qop == MT_SIP_QOP_NONE) {
        const mt_slice pieces[] = {h1, COLON, d->nonce, COLON, h2};
        hash(d->alg, pieces, 5, raw);
    } else {
        const mt_slice pieces[] = {
            h1, COLON, d->nonce, COLON, d->nc_text, COLON, d->cnonce, COLON, MT_SLICE_LIT("auth"), COLON, h2};
        hash(d->alg, pieces, 11, raw);
    }
    mt_wipe(ha1_hex, sizeof ha1_hex);
}

void mt_sip_digest_response(const mt_sip_digest *d, const uint8_t *ha1, mt_slice method,
                            char out[2 * MT_SIP_DIGEST_MAX_BYTES + 1]) {
    uint8_t raw[MT_SIP_DIGEST_MAX_BYTES];
    response(d, ha1, method, raw);
    mt_text_hex(raw, mt_sip_alg_bytes(d->alg), out);
    mt_wipe(raw, sizeof raw);
}

bool mt_sip_digest_verify(const mt_sip_digest *d, const uint8_t *ha1, mt_slice method) {
    size_t bytes = mt_sip_alg_bytes(d->alg);
    uint8_t given[MT_SIP_DIGEST_MAX_BYTES], right[MT_SIP_DIGEST_MAX_BYTES];
    if (bytes == 0 || d->qop == MT_SIP_QOP_OTHER || d->userhash)
        return false;
    if (mt_text_hex_decode(d->response, given, bytes) != MT_OK)
        return false;
    response(d, ha1, method, right);
    bool ok = mt_ct_equal(given, right, bytes);
    mt_wipe(right, sizeof right);
    return ok;
}
