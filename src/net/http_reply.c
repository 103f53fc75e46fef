#include "net/http_reply.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

typedef struct reason {
    unsigned status;
    const char *text;
} reason;

/* The specification's own codes beside the registered ones. */
static const reason reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {230, "Paired As Callee"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *mt_http_reason(unsigned status) {
    static const char *const classes[] = {"Informational", "Success", "Redirection", "Client Error", "Server Error"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return status >= 100 && status < 600 ? classes[status / 100 - 1] : "Unknown";
}

/* RFC 9110 section 5.6.7, made once a second. Not strftime: its names follow the locale. */
const char *mt_http_date_line(mt_net *n) {
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now_s = mt_clock_wall_s();
    if (now_s == n->date_s)
        return n->date;
    time_t t = (time_t)now_s;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL)
        return "";
    char line[96];
    int len = snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday,
                       months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (len < 0 || (size_t)len >= sizeof n->date)
        return "";
    memcpy(n->date, line, (size_t)len + 1);
    n->date_s = now_s;
    return n->date;
}

typedef struct shape {
    bool http_1_0, close, hsts;
} shape;

/* RFC 6797. Half a year; not for a certificate of our own making, which a browser could then no longer be talked into.
 */
#define HSTS "Strict-Transport-Security: max-age=15552000\r\n"
static bool wants_hsts(const mt_conn *c) {
    return c->tls != NULL && mt_tls_is_trusted(c->tls);
}

static bool has_no_body(unsigned status) {
    return status < 200 || status == 204 || status == 304;
}

static void write_head(mt_net *n, const mt_http_answer *a, shape s) {
    mt_buf *out = &n->scratch;
    mt_buf_reset(out);
    mt_buf_add_str(out, "HTTP/1.1 ");
    mt_buf_add_u64(out, a->status);
    mt_buf_add_char(out, ' ');
    mt_buf_add_str(out, mt_http_reason(a->status));
    mt_buf_add_str(out, "\r\n");
    mt_buf_add_str(out, mt_http_date_line(n));
    if (!has_no_body(a->status)) {
        if (a->content_type != NULL) {
            mt_buf_add_str(out, "Content-Type: ");
            mt_buf_add_str(out, a->content_type);
            mt_buf_add_str(out, "\r\n");
        }
        mt_buf_add_str(out, "Content-Length: ");
        mt_buf_add_u64(out, a->content_type != NULL ? a->body.len : 0);
        mt_buf_add_str(out, "\r\n");
    }
    if (a->headers != NULL)
        mt_buf_add_str(out, a->headers);
    if (s.hsts)
        mt_buf_add_str(out, HSTS);
    if (s.close)
        mt_buf_add_str(out, "Connection: close\r\n");
    else if (s.http_1_0)
        mt_buf_add_str(out, "Connection: keep-alive\r\n");
    mt_buf_add_str(out, "\r\n");
}

void mt_http_reply_free(mt_http_req *req, mt_err result) {
    if (req->written == NULL) {
        mt_http_req_free(req);
        return;
    }
    req->result = (uint8_t)result;
    mt_list_append(&req->conn->net->written, &req->link);
}

static void send_answer(mt_conn *c, const mt_http_answer *a, bool head_only, mt_http_req *req) {
    if (mt_buf_err(&c->net->scratch) != MT_OK)
        mt_conn_doom(c);
    bool body = a->content_type != NULL && a->body.len > 0 && !head_only && !has_no_body(a->status);
    mt_slice parts[2] = {mt_buf_slice(&c->net->scratch), a->body};
    mt_conn_output(c, parts, body ? 2 : 1, req);
}

void mt_http_reply(mt_http_req *req, const mt_http_answer *a) {
    mt_conn *c = req->conn;
    mt_net *n = c->net;
    shape s = {.http_1_0 = req->http_1_0, .close = a->close || !req->keep_alive || n->over, .hsts = wants_hsts(c)};
    bool head_only = req->method == MT_HTTP_HEAD;
    req->written = a->written;
    req->written_ctx = a->written_ctx;
    c->req = NULL;
    if (!c->busy && mt_conn_peer_left(c))
        mt_conn_doom(c); /* held, and given up in this very turn */
    write_head(n, a, s);
    send_answer(c, a, head_only, req); /* frees req, now or later: the body may lie in it */
    if (s.close)
        mt_conn_finish(c);
    else if (!c->doomed)
        mt_conn_resume(c);
}

/* The word by which a client tells errors apart (docs/protocol/api.md). */
static const char *code_of(unsigned status) {
    switch (status) {
    case 408:
        return "too_slow";
    case 413:
    case 414:
    case 431:
        return "too_large";
    case 417:
    case 501:
    case 505:
        return "not_implemented";
    case 503:
        return "full";
    default:
        return "bad_request";
    }
}

void mt_http_reply_refuse(mt_conn *c, unsigned status, bool head_only) {
    char body[160];
    int len = snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":\"%s\"}",
                       mt_http_reason(status), status, code_of(status));
    mt_http_answer a = {.status = status,
                        .content_type = "application/problem+json",
                        .headers = "Cache-Control: no-store\r\n",
                        .body = mt_slice_n(body, len > 0 ? (size_t)len : 0)};
    write_head(c->net, &a, (shape){.close = true, .hsts = wants_hsts(c)});
    send_answer(c, &a, head_only, NULL);
}
