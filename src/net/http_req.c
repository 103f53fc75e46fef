#include "net/http_req.h"

#include "base/alloc.h"

mt_http_req *mt_http_req_create(const mt_http_head *head, mt_slice raw, size_t body_max) {
    size_t fields_bytes = head->field_count * sizeof head->fields[0];
    mt_http_req *req = mt_malloc(sizeof *req + fields_bytes + raw.len);
    if (req == NULL)
        return NULL;
    memset(req, 0, sizeof *req);
    mt_list_init(&req->link);
    mt_buf_init(&req->body, body_max);
    req->path = head->path;
    req->query = head->query;
    req->field_count = (uint16_t)head->field_count;
    req->method = (uint8_t)head->method;
    req->http_1_0 = head->http_1_0;
    req->keep_alive = head->keep_alive;
    req->expect_continue = head->expect_continue;
    req->upgrade_ws = head->upgrade_ws;
    if (fields_bytes > 0)
        memcpy(req->fields, head->fields, fields_bytes);
    char *copy = (char *)(req->fields + head->field_count);
    memcpy(copy, raw.p, raw.len);
    req->raw = copy;
    return req;
}

void mt_http_req_free(mt_http_req *req) {
    if (req == NULL)
        return;
    mt_buf_wipe(&req->body); /* may hold a token or a secret */
    mt_free(req);
}

mt_http_method mt_http_req_method(const mt_http_req *req) {
    return (mt_http_method)req->method;
}
mt_slice mt_http_req_path(const mt_http_req *req) {
    return mt_http_span_of(req->raw, req->path);
}
mt_slice mt_http_req_query(const mt_http_req *req) {
    return mt_http_span_of(req->raw, req->query);
}
mt_slice mt_http_req_body(const mt_http_req *req) {
    return mt_buf_slice(&req->body);
}
void mt_http_req_set_ctx(mt_http_req *req, void *ctx) {
    req->ctx = ctx;
}
void *mt_http_req_ctx(const mt_http_req *req) {
    return req->ctx;
}

static bool is_named(const mt_http_req *req, unsigned i, mt_slice name) {
    return mt_slice_eq_nocase(mt_http_span_of(req->raw, req->fields[i].name), name);
}

bool mt_http_req_header(const mt_http_req *req, const char *name, mt_slice *out) {
    return mt_http_req_header_at(req, name, 0, out);
}

bool mt_http_req_header_at(const mt_http_req *req, const char *name, size_t index, mt_slice *out) {
    mt_slice want = mt_slice_of(name);
    for (unsigned i = 0; i < req->field_count; i++) {
        if (is_named(req, i, want) && index-- == 0) {
            *out = mt_http_span_of(req->raw, req->fields[i].value);
            return true;
        }
    }
    return false;
}

size_t mt_http_req_header_count(const mt_http_req *req, const char *name) {
    mt_slice want = mt_slice_of(name);
    size_t count = 0;
    for (unsigned i = 0; i < req->field_count; i++)
        count += is_named(req, i, want);
    return count;
}

bool mt_http_req_header_has(const mt_http_req *req, const char *name, const char *token) {
    mt_slice want = mt_slice_of(name);
    for (unsigned i = 0; i < req->field_count; i++) {
        if (is_named(req, i, want) &&
            mt_http_list_has(mt_http_span_of(req->raw, req->fields[i].value), mt_slice_of(token)))
            return true;
    }
    return false;
}
