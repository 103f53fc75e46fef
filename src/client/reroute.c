#include "client/reroute.h"

#include <string.h>

#include "base/slice.h"

enum { BODY_MAX = 65536 };

void mt_reroute_init(mt_reroute *r, const char *hop) {
    memset(r, 0, sizeof *r);
    mt_buf_init(&r->head, MT_REROUTE_HEAD_MAX);
    size_t len = strlen(hop);
    memcpy(r->hop, hop, len < sizeof r->hop ? len : 0);
}

void mt_reroute_deinit(mt_reroute *r) {
    mt_buf_deinit(&r->head);
}

/* user@host:port;transport=tls;lr -> user@HOP;transport=tcp;lr */
static void add_uri(const mt_reroute *r, mt_slice uri, mt_buf *out) {
    size_t at = mt_slice_find(uri, '@');
    if (at < uri.len) {
        mt_buf_add(out, uri.p, at + 1);
        uri = mt_slice_n(uri.p + at + 1, uri.len - at - 1);
    }
    mt_buf_add_str(out, r->hop);
    size_t params = mt_slice_find(uri, ';');
    mt_slice rest = mt_slice_n(uri.p + params, uri.len - params);
    while (rest.len > 0) {
        rest = mt_slice_n(rest.p + 1, rest.len - 1);
        size_t end = mt_slice_find(rest, ';');
        mt_slice param = mt_slice_n(rest.p, end);
        rest = mt_slice_n(rest.p + end, rest.len - end);
        mt_buf_add_char(out, ';');
        if (mt_slice_starts_nocase(param, "transport="))
            mt_buf_add_str(out, "transport=tcp");
        else
            mt_buf_add_slice(out, param);
    }
}

/* Everything outside <sip:…> as it is. */
static void add_routes(const mt_reroute *r, mt_slice line, mt_buf *out) {
    while (line.len > 0) {
        size_t open = mt_slice_find(line, '<');
        if (open == line.len) {
            mt_buf_add_slice(out, line);
            return;
        }
        mt_buf_add(out, line.p, open + 1);
        line = mt_slice_n(line.p + open + 1, line.len - open - 1);
        size_t close = mt_slice_find(line, '>');
        mt_slice uri = mt_slice_n(line.p, close);
        if (mt_slice_starts_nocase(uri, "sip:")) {
            mt_buf_add(out, uri.p, 4);
            add_uri(r, mt_slice_n(uri.p + 4, uri.len - 4), out);
        } else {
            mt_buf_add_slice(out, uri);
        }
        line = mt_slice_n(line.p + close, line.len - close);
    }
}

/* The server's Via names the transport it has seen; the user agent lets in only the one it has itself. */
static void add_via(mt_slice line, mt_buf *out) {
    static const char tls[] = "/TLS ";
    for (size_t i = 0; i + sizeof tls - 1 <= line.len; i++) {
        if (!mt_slice_starts_nocase(mt_slice_n(line.p + i, line.len - i), tls))
            continue;
        mt_buf_add(out, line.p, i);
        mt_buf_add_str(out, "/TCP ");
        mt_buf_add(out, line.p + i + sizeof tls - 1, line.len - i - sizeof tls + 1);
        return;
    }
    mt_buf_add_slice(out, line);
}

static bool is_header(mt_slice line, const char *name, mt_slice *value) {
    size_t colon = mt_slice_find(line, ':');
    if (colon == line.len || !mt_slice_is_nocase(mt_slice_trim(mt_slice_n(line.p, colon)), name))
        return false;
    *value = mt_slice_trim(mt_slice_n(line.p + colon + 1, line.len - colon - 1));
    return true;
}

/* A whole head, its blank line included. */
static mt_err pass_head(mt_reroute *r, mt_buf *out) {
    mt_slice rest = mt_buf_slice(&r->head);
    bool sized = false;
    while (rest.len > 0) {
        size_t end = mt_slice_find(rest, '\n');
        mt_slice line = mt_slice_n(rest.p, end), value;
        rest = mt_slice_n(rest.p + end + 1, rest.len - end - 1);
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        uint64_t bytes = 0;
        if (is_header(line, "Content-Length", &value) || is_header(line, "l", &value)) {
            if (sized || mt_slice_to_u64(value, BODY_MAX, &bytes) != MT_OK)
                return MT_EBAD;
            sized = true;
            r->body_bytes = (size_t)bytes;
        }
        if (is_header(line, "Record-Route", &value))
            add_routes(r, line, out);
        else if (is_header(line, "Via", &value) || is_header(line, "v", &value))
            add_via(line, out);
        else
            mt_buf_add_slice(out, line);
        mt_buf_add_str(out, "\r\n");
    }
    mt_buf_reset(&r->head);
    return sized ? mt_buf_err(out) : MT_EBAD;
}

static bool head_is_whole(mt_slice head) {
    return (head.len >= 4 && memcmp(head.p + head.len - 4, "\r\n\r\n", 4) == 0) ||
           (head.len >= 2 && memcmp(head.p + head.len - 2, "\n\n", 2) == 0);
}

mt_err mt_reroute_feed(mt_reroute *r, mt_slice in, mt_buf *out) {
    for (size_t i = 0; i < in.len; i++) {
        if (r->body_bytes > 0) {
            size_t n = in.len - i < r->body_bytes ? in.len - i : r->body_bytes;
            mt_buf_add(out, in.p + i, n);
            r->body_bytes -= n;
            i += n - 1;
            continue;
        }
        char c = in.p[i];
        if (r->head.len == 0 && (c == '\r' || c == '\n')) { /* a keep-alive */
            mt_buf_add_char(out, c);
            continue;
        }
        mt_buf_add_char(&r->head, c);
        if (mt_buf_err(&r->head) != MT_OK)
            return mt_buf_err(&r->head);
        mt_err err = c == '\n' && head_is_whole(mt_buf_slice(&r->head)) ? pass_head(r, out) : MT_OK;
        if (err != MT_OK)
            return err;
    }
    return mt_buf_err(out);
}
