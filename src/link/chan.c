#include "link/chan.h"

#include "base/text.h"
#include "link/json_scan.h"

static const char *const type_names[] = {
    [MT_CHAN_UNKNOWN] = "",
    [MT_CHAN_TEXT] = "text",
    [MT_CHAN_TYPING] = "typing",
    [MT_CHAN_MIC] = "mic",
    [MT_CHAN_CAM] = "cam",
    [MT_CHAN_PING] = "ping",
    [MT_CHAN_PONG] = "pong",
    [MT_CHAN_SAS_COMMIT] = "sas-commit",
    [MT_CHAN_SAS_NONCE] = "sas-nonce",
    [MT_CHAN_SAS_REVEAL] = "sas-reveal",
    [MT_CHAN_BYE] = "bye",
};
#define TYPE_COUNT (sizeof type_names / sizeof type_names[0])

/* --- encoding --- */

static mt_err check(const mt_chan_msg *m) {
    if (m->type == MT_CHAN_UNKNOWN || (size_t)m->type >= TYPE_COUNT)
        return MT_EINVAL;
    bool has_id = m->type == MT_CHAN_TEXT || m->type == MT_CHAN_PING || m->type == MT_CHAN_PONG;
    if (has_id && (m->id == 0 || m->id > MT_CHAN_MAX_ID))
        return MT_EINVAL;
    if (m->type != MT_CHAN_TEXT)
        return MT_OK;
    size_t points;
    if (m->body.len > MT_CHAN_MAX_BYTES)
        return MT_ELIMIT;
    if (m->body.len == 0 || mt_slice_find(m->body, '\0') < m->body.len || mt_text_count(m->body, &points) != MT_OK)
        return MT_EBAD;
    return points <= MT_CHAN_MAX_TEXT_POINTS ? MT_OK : MT_ELIMIT;
}

static void add_fields(const mt_chan_msg *m, mt_buf *out) {
    switch (m->type) {
    case MT_CHAN_TEXT:
        mt_buf_add_str(out, ",\"id\":");
        mt_buf_add_u64(out, m->id);
        mt_buf_add_str(out, ",\"body\":");
        mt_json_add_string(out, m->body);
        break;
    case MT_CHAN_PING:
    case MT_CHAN_PONG:
        mt_buf_add_str(out, ",\"id\":");
        mt_buf_add_u64(out, m->id);
        break;
    case MT_CHAN_TYPING:
    case MT_CHAN_MIC:
    case MT_CHAN_CAM:
        mt_buf_add_str(out, m->on ? ",\"on\":true" : ",\"on\":false");
        break;
    case MT_CHAN_SAS_COMMIT:
    case MT_CHAN_SAS_NONCE:
    case MT_CHAN_SAS_REVEAL:
        mt_buf_add_str(out, m->type == MT_CHAN_SAS_COMMIT ? ",\"hash\":\"" : ",\"nonce\":\"");
        mt_text_base64url(out, m->value, sizeof m->value);
        mt_buf_add_char(out, '"');
        break;
    default:
        break;
    }
}

mt_err mt_chan_encode(const mt_chan_msg *msg, mt_buf *out) {
    mt_err err = check(msg);
    if (err != MT_OK)
        return err;
    size_t start = out->len;
    mt_buf_add_str(out, "{\"type\":\"");
    mt_buf_add_str(out, type_names[msg->type]);
    mt_buf_add_char(out, '"');
    add_fields(msg, out);
    mt_buf_add_char(out, '}');
    err = mt_buf_err(out);
    if (err == MT_OK && out->len - start > MT_CHAN_MAX_BYTES)
        err = MT_ELIMIT;
    if (err != MT_OK && out->p != NULL && out->len >= start) {
        out->len = start;
        out->p[start] = '\0';
    }
    return err;
}

/* --- decoding --- */

typedef struct fields {
    mt_json_value type, id, body, on, hash, nonce;
} fields;

static void on_member(void *ctx, mt_slice key, mt_json_value value) {
    fields *f = ctx;
    const struct {
        const char *name;
        mt_json_value *at;
    } rows[] = {{"type", &f->type}, {"id", &f->id},     {"body", &f->body},
                {"on", &f->on},     {"hash", &f->hash}, {"nonce", &f->nonce}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (mt_json_string_is(key, rows[i].name))
            *rows[i].at = value;
}

static mt_chan_type type_of(mt_slice raw) {
    for (size_t i = 1; i < TYPE_COUNT; i++)
        if (mt_json_string_is(raw, type_names[i]))
            return (mt_chan_type)i;
    return MT_CHAN_UNKNOWN;
}

static mt_err get_id(mt_json_value v, uint64_t *out) {
    uint64_t id;
    if (mt_json_uint(v, MT_CHAN_MAX_ID, &id) != MT_OK || id == 0)
        return MT_EBAD;
    *out = id;
    return MT_OK;
}

static mt_err get_body(mt_json_value v, mt_buf *text, mt_slice *out) {
    size_t points;
    if (v.kind != MT_JSON_STRING)
        return MT_EBAD;
    mt_json_unescape(v.raw, text);
    mt_err err = mt_buf_err(text);
    if (err != MT_OK)
        return err;
    mt_slice body = mt_buf_slice(text);
    if (body.len == 0 || mt_text_count(body, &points) != MT_OK || points > MT_CHAN_MAX_TEXT_POINTS)
        return MT_EBAD;
    *out = body;
    return MT_OK;
}

static mt_err get_on(mt_json_value v, bool *out) {
    if (v.kind != MT_JSON_TRUE && v.kind != MT_JSON_FALSE)
        return MT_EBAD;
    *out = v.kind == MT_JSON_TRUE;
    return MT_OK;
}

static mt_err get_value(mt_json_value v, uint8_t out[32]) {
    return v.kind == MT_JSON_STRING ? mt_text_base64url_decode(v.raw, out, 32) : MT_EBAD;
}

static mt_err take_fields(const fields *f, mt_buf *text, mt_chan_msg *m) {
    mt_err err;
    switch (m->type) {
    case MT_CHAN_TEXT:
        err = get_id(f->id, &m->id);
        return err == MT_OK ? get_body(f->body, text, &m->body) : err;
    case MT_CHAN_TYPING:
    case MT_CHAN_MIC:
    case MT_CHAN_CAM:
        return get_on(f->on, &m->on);
    case MT_CHAN_PING:
    case MT_CHAN_PONG:
        return get_id(f->id, &m->id);
    case MT_CHAN_SAS_COMMIT:
        return get_value(f->hash, m->value);
    case MT_CHAN_SAS_NONCE:
    case MT_CHAN_SAS_REVEAL:
        return get_value(f->nonce, m->value);
    default:
        return MT_OK;
    }
}

mt_err mt_chan_decode(mt_slice json, mt_buf *text, mt_chan_msg *out) {
    static const mt_json_limits limits = {.depth = MT_CHAN_MAX_DEPTH, .keys = MT_CHAN_MAX_KEYS};
    const mt_json_value none = {.kind = MT_JSON_NULL};
    fields f = {none, none, none, none, none, none};
    mt_buf_reset(text);
    if (json.len > MT_CHAN_MAX_BYTES || mt_json_scan(json, &limits, on_member, &f) != MT_OK)
        return MT_EBAD;
    if (f.type.kind != MT_JSON_STRING)
        return MT_EBAD;
    mt_chan_msg m = {.type = type_of(f.type.raw)};
    mt_err err = take_fields(&f, text, &m);
    if (err == MT_OK)
        *out = m;
    return err;
}
