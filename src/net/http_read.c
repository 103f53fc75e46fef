#include "net/http_read.h"

enum { STATE_HEAD, STATE_LENGTH, STATE_CHUNK_SIZE, STATE_CHUNK_DATA, STATE_CHUNK_END, STATE_TRAILER };

#define BLANK_LINES_MAX 4
#define CHUNK_LINE_MAX 256

void mt_http_read_init(mt_http_read *r) {
    memset(r, 0, sizeof *r);
}

void mt_http_read_deinit(mt_http_read *r) {
    mt_http_req_free(r->req);
    mt_http_read_init(r);
}

bool mt_http_read_in_body(const mt_http_read *r) {
    return r->state != STATE_HEAD;
}

static mt_http_step fail(mt_http_read *r, unsigned status) {
    r->status = (uint16_t)status;
    return MT_HTTP_FAIL;
}

static mt_http_step whole(mt_http_read *r, mt_http_req **req) {
    *req = r->req;
    mt_http_read_init(r);
    return MT_HTTP_REQUEST;
}

static bool blank_half(mt_slice s) {
    return s.len == 0 || (s.len == 1 && s.p[0] == '\r');
}

/* RFC 9112 section 2.2: empty lines before a request line are passed over. A lone CR may be half of one. */
static bool skip_blank(mt_http_read *r, mt_slice *s, size_t *used) {
    while (r->scanned == 0 && s->len >= 2 && s->p[0] == '\r' && s->p[1] == '\n') {
        *s = (mt_slice){s->p + 2, s->len - 2};
        *used += 2;
        if (++r->blank > BLANK_LINES_MAX)
            return false;
    }
    if (blank_half(*s))
        return true;
    /* Whoever speaks TLS or noise is told at once rather than at the time-out. */
    return s->p[0] >= 'A' && s->p[0] <= 'Z';
}

static mt_http_step begin_body(mt_http_read *r, const mt_http_head *head, bool rest, mt_http_req **req) {
    if (!head->chunked && head->content_length == 0)
        return whole(r, req);
    r->left = head->content_length;
    r->state = head->chunked ? STATE_CHUNK_SIZE : STATE_LENGTH;
    r->scanned = 0;
    return head->expect_continue && !rest ? MT_HTTP_CONTINUE : MT_HTTP_MORE;
}

static mt_http_step step_head(mt_http_read *r, const mt_net_limits *limits, mt_slice s, size_t *used,
                              mt_http_req **req) {
    if (!skip_blank(r, &s, used))
        return fail(r, 400);
    if (blank_half(s))
        return MT_HTTP_MORE;
    size_t scanned = r->scanned, end = 0;
    mt_err err = mt_http_head_end(s, &scanned, &end);
    if (err == MT_EBAD)
        return fail(r, 400);
    if ((err == MT_OK ? end : s.len) > limits->header_bytes)
        return fail(r, memchr(s.p, '\n', limits->header_bytes) == NULL ? 414 : 431);
    if (err == MT_EMORE) {
        r->scanned = (uint32_t)scanned;
        return MT_HTTP_MORE;
    }
    mt_http_head head;
    unsigned status = mt_http_head_parse((mt_slice){s.p, end}, &head);
    if (status == 0 && head.content_length > limits->body_bytes)
        status = 413;
    if (status == 0 && head.upgrade_ws && (head.chunked || head.content_length > 0))
        status = 400;
    if (status != 0)
        return fail(r, status);
    r->req = mt_http_req_create(&head, (mt_slice){s.p, end}, limits->body_bytes);
    if (r->req == NULL)
        return fail(r, 503);
    *used += end;
    return begin_body(r, &head, s.len > end, req);
}

/* Takes what there is of the r->left bytes. False: r->status says why. */
static bool take_data(mt_http_read *r, mt_slice s, size_t *used) {
    size_t len = s.len < r->left ? s.len : (size_t)r->left;
    mt_buf_add(&r->req->body, s.p, len);
    mt_err err = mt_buf_err(&r->req->body);
    if (err != MT_OK) {
        r->status = err == MT_ELIMIT ? 413 : 503;
        return false;
    }
    r->left -= len;
    *used += len;
    return true;
}

/* A line with its CRLF at the front of s. MT_EMORE, MT_EBAD: bare LF, or longer than max. */
static mt_err cut_line(mt_slice s, size_t max, mt_slice *line) {
    size_t lf = mt_slice_find(s, '\n');
    if (lf == s.len)
        return s.len > max ? MT_EBAD : MT_EMORE;
    if (lf == 0 || s.p[lf - 1] != '\r' || lf > max)
        return MT_EBAD;
    *line = (mt_slice){s.p, lf - 1};
    return MT_OK;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 9112 section 7.1: hexadecimal digits, then nothing or extensions, which are passed over. */
static mt_err chunk_size(mt_slice line, uint64_t *size) {
    uint64_t v = 0;
    size_t i = 0;
    for (; i < line.len && hex_digit(line.p[i]) >= 0; i++) {
        if (i == 8)
            return MT_EBAD;
        v = v * 16 + (uint64_t)hex_digit(line.p[i]);
    }
    if (i == 0 || (i < line.len && line.p[i] != ';'))
        return MT_EBAD;
    for (; i < line.len; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return MT_EBAD;
    }
    *size = v;
    return MT_OK;
}

static mt_http_step step_chunk_size(mt_http_read *r, const mt_net_limits *limits, mt_slice s, size_t *used) {
    mt_slice line;
    mt_err err = cut_line(s, CHUNK_LINE_MAX, &line);
    if (err == MT_EMORE)
        return MT_HTTP_MORE;
    if (err != MT_OK || chunk_size(line, &r->left) != MT_OK)
        return fail(r, 400);
    if (r->left > limits->body_bytes - r->req->body.len)
        return fail(r, 413);
    *used += line.len + 2;
    r->state = r->left == 0 ? STATE_TRAILER : STATE_CHUNK_DATA;
    return MT_HTTP_MORE;
}

static mt_http_step step_chunk_end(mt_http_read *r, mt_slice s, size_t *used) {
    if (s.p[0] != '\r' || (s.len >= 2 && s.p[1] != '\n'))
        return fail(r, 400);
    if (s.len < 2)
        return MT_HTTP_MORE;
    *used += 2;
    r->state = STATE_CHUNK_SIZE;
    return MT_HTTP_MORE;
}

/* Trailer fields are read and forgotten: nothing here has a use for them (RFC 9110 section 6.5.1). But they are fields:
 * what else would hide there is a request, to a proxy that reads otherwise. */
static mt_http_step step_trailer(mt_http_read *r, const mt_net_limits *limits, mt_slice s, size_t *used,
                                 mt_http_req **req) {
    mt_slice line;
    mt_err err = cut_line(s, limits->header_bytes, &line);
    if (err == MT_EMORE)
        return MT_HTTP_MORE;
    if (err != MT_OK || (line.len > 0 && !mt_http_field_ok(line)))
        return fail(r, 400);
    *used += line.len + 2;
    r->trailer += (uint32_t)line.len + 2;
    if (r->trailer > limits->header_bytes)
        return fail(r, 431);
    return line.len == 0 ? whole(r, req) : MT_HTTP_MORE;
}

static mt_http_step step_data(mt_http_read *r, mt_slice s, size_t *used, mt_http_req **req) {
    if (!take_data(r, s, used))
        return MT_HTTP_FAIL;
    if (r->left > 0)
        return MT_HTTP_MORE;
    if (r->state == STATE_LENGTH)
        return whole(r, req);
    r->state = STATE_CHUNK_END;
    return MT_HTTP_MORE;
}

static mt_http_step step_once(mt_http_read *r, const mt_net_limits *limits, mt_slice s, size_t *used,
                              mt_http_req **req) {
    switch (r->state) {
    case STATE_HEAD:
        return step_head(r, limits, s, used, req);
    case STATE_CHUNK_SIZE:
        return step_chunk_size(r, limits, s, used);
    case STATE_CHUNK_END:
        return step_chunk_end(r, s, used);
    case STATE_TRAILER:
        return step_trailer(r, limits, s, used, req);
    default:
        return step_data(r, s, used, req);
    }
}

mt_http_step mt_http_read_step(mt_http_read *r, const mt_net_limits *limits, mt_slice s, size_t *used,
                               mt_http_req **req) {
    size_t done = 0;
    mt_http_step step = MT_HTTP_MORE;
    while (step == MT_HTTP_MORE && done < s.len) {
        size_t taken = 0;
        int before = r->state;
        step = step_once(r, limits, (mt_slice){s.p + done, s.len - done}, &taken, req);
        done += taken;
        if (taken == 0 && r->state == before)
            break; /* waits for more */
    }
    *used = done;
    return step;
}
