/* Requests of the make-believe network: as the server reads and answers them, and as the test reads the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fake_priv.h"

_Noreturn void fake_broken(const char *what, int line) {
    (void)fprintf(stderr, "fake network: line %d: %s\n", line, what);
    abort();
}

char *fake_copy(const char *s) {
    char *p = strdup(s != NULL ? s : "");
    must(NULL != p);
    return p;
}

mt_http_method mt_http_req_method(const mt_http_req *c) {
    return c->method;
}

mt_slice mt_http_req_path(const mt_http_req *c) {
    return mt_slice_of(c->path);
}

mt_slice mt_http_req_query(const mt_http_req *c) {
    return mt_slice_of(c->query);
}

mt_slice mt_http_req_body(const mt_http_req *c) {
    return mt_slice_of(c->body);
}

bool mt_http_req_header(const mt_http_req *c, const char *name, mt_slice *out) {
    return mt_http_req_header_at(c, name, 0, out);
}

bool mt_http_req_header_at(const mt_http_req *c, const char *name, size_t index, mt_slice *out) {
    for (size_t i = 0; i < c->header_count; i++) {
        if (strcasecmp(c->headers[i].name, name) == 0 && index-- == 0) {
            *out = mt_slice_of(c->headers[i].value);
            return true;
        }
    }
    return false;
}

size_t mt_http_req_header_count(const mt_http_req *c, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < c->header_count; i++)
        count += strcasecmp(c->headers[i].name, name) == 0;
    return count;
}

bool mt_http_req_header_has(const mt_http_req *c, const char *name, const char *token) {
    mt_slice value;
    return mt_http_req_header(c, name, &value) && mt_slice_is_nocase(value, token);
}

const mt_addr *mt_http_req_remote(const mt_http_req *c) {
    return &c->remote;
}

const mt_addr *mt_http_req_peer(const mt_http_req *c) {
    return &c->peer;
}

void mt_http_req_set_remote(mt_http_req *c, const mt_addr *remote) {
    c->remote = *remote;
}

bool mt_http_req_secure(const mt_http_req *c) {
    return false;
}

void mt_http_req_set_ctx(mt_http_req *c, void *ctx) {
    c->ctx = ctx;
}

void *mt_http_req_ctx(const mt_http_req *c) {
    return c->ctx;
}

void mt_http_reply(mt_http_req *c, const mt_http_answer *a) {
    must(!c->answered);
    must(!c->gone);
    c->answered = true;
    c->status = a->status;
    c->answer = calloc(1, a->body.len + 1);
    must(NULL != c->answer);
    if (a->body.len > 0)
        memcpy(c->answer, a->body.p, a->body.len);
    c->answer_headers = fake_copy(a->headers);
    c->written = a->written;
    c->written_ctx = a->written_ctx;
}

bool fake_answered(const fake_call *c) {
    return c->answered;
}

unsigned fake_status(const fake_call *c) {
    if (!c->answered)
        fake_broken(c->path, __LINE__);
    return c->status;
}

const char *fake_body(const fake_call *c) {
    must(c->answered);
    return c->answer;
}

const char *fake_headers(const fake_call *c) {
    must(c->answered);
    return c->answer_headers;
}

const char *fake_member(const fake_call *c, const char *name, char out[256]) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(fake_body(c), key);
    if (at == NULL)
        fake_broken(fake_body(c), __LINE__);
    at += strlen(key);
    size_t len = strcspn(at, "\"");
    must(len < 256);
    memcpy(out, at, len);
    out[len] = '\0';
    return out;
}
