#include "net/http_parse.h"

#include <http_parser.h>

typedef struct parse {
    const char *base;
    size_t len;
    mt_http_head *head;
    mt_http_span url;
    bool in_value;
    bool too_many;
} parse;

mt_slice mt_http_span_of(const char *base, mt_http_span s) {
    return (mt_slice){base + s.at, s.len};
}

bool mt_http_list_has(mt_slice list, mt_slice token) {
    while (list.len > 0) {
        if (mt_slice_eq_nocase(mt_slice_trim(mt_slice_cut(&list, ',')), token))
            return true;
    }
    return false;
}

mt_err mt_http_head_end(mt_slice s, size_t *scanned, size_t *end) {
    size_t at = *scanned;
    while (at < s.len) {
        const char *lf = memchr(s.p + at, '\n', s.len - at);
        if (lf == NULL)
            break;
        size_t i = (size_t)(lf - s.p);
        if (i == 0 || s.p[i - 1] != '\r')
            return MT_EBAD;
        if (i >= 3 && s.p[i - 2] == '\n') {
            *end = i + 1;
            return MT_OK;
        }
        at = i + 1;
    }
    *scanned = s.len;
    return MT_EMORE;
}

/* RFC 9110 section 5.6.2. */
static bool is_token_char(char c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(mt_slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.p[i]))
            return false;
    }
    return s.len > 0;
}

/* http-parser as Debian builds it takes more than RFC 9112 allows: the shape of the request line is checked here.
 * Section 3. */
static unsigned check_request_line(mt_slice line) {
    mt_slice rest = line;
    mt_slice method = mt_slice_cut(&rest, ' ');
    mt_slice target = mt_slice_cut(&rest, ' ');
    mt_slice version = rest;
    if (!is_token(method) || target.len == 0)
        return 400;
    for (size_t i = 0; i < target.len; i++) {
        if ((unsigned char)target.p[i] <= ' ' || (unsigned char)target.p[i] >= 0x7f || target.p[i] == '#')
            return 400;
    }
    bool shaped = version.len == 8 && memcmp(version.p, "HTTP/", 5) == 0 && version.p[6] == '.';
    if (!shaped || version.p[5] < '0' || version.p[5] > '9' || version.p[7] < '0' || version.p[7] > '9')
        return 400;
    return version.p[5] == '1' ? 0 : 505;
}

bool mt_http_field_ok(mt_slice line) {
    size_t colon = mt_slice_find(line, ':');
    if (colon == line.len || !is_token((mt_slice){line.p, colon}))
        return false;
    for (size_t i = colon + 1; i < line.len; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static mt_slice next_line(mt_slice *rest) {
    mt_slice line = mt_slice_cut(rest, '\n');
    if (line.len > 0)
        line.len--; /* the CR, which mt_http_head_end has seen */
    return line;
}

static unsigned check_shape(mt_slice head) {
    mt_slice rest = head;
    unsigned status = check_request_line(next_line(&rest));
    while (status == 0 && rest.len > 2) {
        if (!mt_http_field_ok(next_line(&rest)))
            status = 400;
    }
    return status;
}

static mt_http_span span_at(const parse *p, const char *at, size_t len) {
    return (mt_http_span){(uint16_t)(at - p->base), (uint16_t)len};
}

static int on_url(http_parser *hp, const char *at, size_t len) {
    parse *p = hp->data;
    p->url = span_at(p, at, len);
    return 0;
}

static int on_field(http_parser *hp, const char *at, size_t len) {
    parse *p = hp->data;
    if (p->head->field_count == MT_HTTP_FIELDS_MAX) {
        p->too_many = true;
        return 1;
    }
    p->head->fields[p->head->field_count++] = (mt_http_field){span_at(p, at, len), {0, 0}};
    return 0;
}

static int on_value(http_parser *hp, const char *at, size_t len) {
    parse *p = hp->data;
    if (p->head->field_count > 0 && at != NULL)
        p->head->fields[p->head->field_count - 1].value = span_at(p, at, len);
    return 0;
}

/* The body is not http-parser's: stop behind the head. */
static int on_headers_complete(http_parser *hp) {
    return 2;
}

static mt_http_method method_of(unsigned method) {
    switch (method) {
    case HTTP_GET:
        return MT_HTTP_GET;
    case HTTP_HEAD:
        return MT_HTTP_HEAD;
    case HTTP_POST:
        return MT_HTTP_POST;
    case HTTP_PUT:
        return MT_HTTP_PUT;
    case HTTP_DELETE:
        return MT_HTTP_DELETE;
    default:
        return MT_HTTP_OTHER;
    }
}

/* Fills method, version, keep_alive, the fields and *url. */
static unsigned run_parser(mt_slice raw, mt_http_head *head, mt_http_span *url, unsigned *method) {
    static const http_parser_settings settings = {.on_url = on_url,
                                                  .on_header_field = on_field,
                                                  .on_header_value = on_value,
                                                  .on_headers_complete = on_headers_complete};
    parse p = {.base = raw.p, .len = raw.len, .head = head};
    http_parser hp;
    http_parser_init(&hp, HTTP_REQUEST);
    hp.data = &p;
    size_t used = http_parser_execute(&hp, &settings, raw.p, raw.len);
    enum http_errno err = HTTP_PARSER_ERRNO(&hp);
    if (p.too_many || err == HPE_HEADER_OVERFLOW)
        return 431;
    if (err == HPE_INVALID_METHOD)
        return 501;
    if (err == HPE_INVALID_VERSION)
        return 505;
    if (err != HPE_OK || used != raw.len)
        return 400;
    *method = hp.method;
    *url = p.url;
    head->method = method_of(hp.method);
    head->http_1_0 = hp.http_minor == 0;
    return 0;
}

/* A browser never sends this form to a server, but RFC 9112 section 3.2.2 has it understood. A Host that says otherwise
 * is refused, so that whoever checks Host has checked the target. */
static unsigned absolute_target(mt_slice raw, mt_http_span url, mt_slice host, mt_http_head *head) {
    struct http_parser_url u;
    http_parser_url_init(&u);
    mt_slice s = mt_http_span_of(raw.p, url);
    if (http_parser_parse_url(s.p, s.len, 0, &u) != 0 || (u.field_set & (1U << UF_HOST)) == 0)
        return 400;
    if (!mt_slice_starts_nocase(s, "http://") && !mt_slice_starts_nocase(s, "https://"))
        return 400;
    size_t authority = mt_slice_find(s, '/') + 2;
    mt_slice rest = {s.p + authority, s.len - authority};
    size_t end = 0;
    while (end < rest.len && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    if (!mt_slice_eq_nocase((mt_slice){rest.p, end}, host))
        return 400;
    /* An empty path is "/": that of "http://" will do. */
    head->path = (mt_http_span){(uint16_t)(url.at + authority - 1), 1};
    if ((u.field_set & (1U << UF_PATH)) != 0)
        head->path = (mt_http_span){(uint16_t)(url.at + u.field_data[UF_PATH].off), u.field_data[UF_PATH].len};
    if ((u.field_set & (1U << UF_QUERY)) != 0)
        head->query = (mt_http_span){(uint16_t)(url.at + u.field_data[UF_QUERY].off), u.field_data[UF_QUERY].len};
    return 0;
}

static unsigned set_target(mt_slice raw, mt_http_span url, unsigned method, mt_slice host, mt_http_head *head) {
    mt_slice s = mt_http_span_of(raw.p, url);
    head->query = (mt_http_span){url.at, 0};
    if (method == HTTP_CONNECT)
        return 501;
    if (mt_slice_is(s, "*")) {
        head->path = url;
        return method == HTTP_OPTIONS ? 0 : 400;
    }
    if (s.len == 0 || s.p[0] != '/')
        return absolute_target(raw, url, host, head);
    size_t mark = mt_slice_find(s, '?');
    head->path = (mt_http_span){url.at, (uint16_t)mark};
    if (mark < s.len)
        head->query = (mt_http_span){(uint16_t)(url.at + mark + 1), (uint16_t)(s.len - mark - 1)};
    return 0;
}

/* What the fields say about the connection and the body. */
typedef struct facts {
    mt_slice host, length, coding;
    unsigned hosts, lengths, codings;
    bool close, keep, upgrade, websocket, expects, expects_other;
} facts;

static void note_field(facts *f, mt_slice name, mt_slice value) {
    if (mt_slice_is_nocase(name, "Host")) {
        f->host = value;
        f->hosts++;
    } else if (mt_slice_is_nocase(name, "Content-Length")) {
        f->length = value;
        f->lengths++;
    } else if (mt_slice_is_nocase(name, "Transfer-Encoding")) {
        f->coding = value;
        f->codings++;
    } else if (mt_slice_is_nocase(name, "Connection")) {
        f->close = f->close || mt_http_list_has(value, MT_SLICE_LIT("close"));
        f->keep = f->keep || mt_http_list_has(value, MT_SLICE_LIT("keep-alive"));
        f->upgrade = f->upgrade || mt_http_list_has(value, MT_SLICE_LIT("upgrade"));
    } else if (mt_slice_is_nocase(name, "Upgrade")) {
        f->websocket = f->websocket || mt_http_list_has(value, MT_SLICE_LIT("websocket"));
    } else if (mt_slice_is_nocase(name, "Expect")) {
        bool is_continue = mt_slice_is_nocase(value, "100-continue");
        f->expects = f->expects || is_continue;
        f->expects_other = f->expects_other || !is_continue;
    }
}

/* RFC 9112 section 6: exactly one way to tell the length, or smuggling begins. */
static unsigned set_framing(const facts *f, mt_http_head *head) {
    if (f->lengths + f->codings > 1 || (f->codings == 1 && head->http_1_0))
        return 400;
    if (f->codings == 1) {
        head->chunked = true;
        return mt_slice_is_nocase(f->coding, "chunked") ? 0 : 501;
    }
    uint64_t length = 0;
    mt_err err = f->lengths == 1 ? mt_slice_to_u64(f->length, INT64_MAX, &length) : MT_OK;
    head->content_length = err == MT_ELIMIT ? UINT64_MAX : length; /* no limit lets that through */
    return err == MT_EBAD ? 400 : 0;
}

static unsigned set_facts(const facts *f, mt_http_head *head) {
    if (f->hosts > 1 || (f->hosts == 0 && !head->http_1_0))
        return 400;
    unsigned status = set_framing(f, head);
    if (status != 0)
        return status;
    head->keep_alive = !f->close && (!head->http_1_0 || f->keep);
    if (head->http_1_0)
        return 0; /* knows neither Expect nor Upgrade */
    if (f->expects_other)
        return 417;
    head->expect_continue = f->expects && (head->chunked || head->content_length > 0);
    head->upgrade_ws = f->upgrade && f->websocket && head->method == MT_HTTP_GET;
    return 0;
}

unsigned mt_http_head_parse(mt_slice raw, mt_http_head *out) {
    if (raw.len > MT_HTTP_HEAD_MAX)
        return 431;
    unsigned status = check_shape(raw);
    if (status != 0)
        return status;
    mt_http_head *head = out;
    /* Not the array of fields: it is large and field_count says what is in it. */
    memset(head, 0, offsetof(mt_http_head, fields));
    mt_http_span url = {0, 0};
    unsigned method = 0;
    status = run_parser(raw, head, &url, &method);
    if (status != 0)
        return status;
    facts f = {0};
    for (unsigned i = 0; i < head->field_count; i++) {
        mt_http_field *field = &head->fields[i];
        mt_slice value = mt_slice_trim(mt_http_span_of(raw.p, field->value));
        if (value.len != field->value.len)
            field->value = (mt_http_span){(uint16_t)(value.p - raw.p), (uint16_t)value.len};
        note_field(&f, mt_http_span_of(raw.p, field->name), value);
    }
    status = set_facts(&f, head);
    return status != 0 ? status : set_target(raw, url, method, f.host, head);
}
