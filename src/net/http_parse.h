/* The head of an HTTP/1.x request, parsed and checked strictly. Pure: no I/O, no allocation. The only file that knows
 * http-parser, so that llhttp can take its place. RFC 9112, RFC 9110. */
#ifndef MT_NET_HTTP_PARSE_H
#define MT_NET_HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/net.h"

#define MT_HTTP_FIELDS_MAX 64
#define MT_HTTP_HEAD_MAX 65535

/* Offsets into the head, which may move. */
typedef struct mt_http_span {
    uint16_t at, len;
} mt_http_span;

typedef struct mt_http_field {
    mt_http_span name, value;
} mt_http_field;

typedef struct mt_http_head {
    mt_http_method method;
    bool http_1_0;
    bool keep_alive; /* RFC 9112 section 9.3 */
    bool chunked;
    bool expect_continue; /* 1.1 only */
    bool upgrade_ws;      /* GET, 1.1, Connection: upgrade, Upgrade: websocket */
    uint64_t content_length;
    mt_http_span path, query;
    unsigned field_count;
    mt_http_field fields[MT_HTTP_FIELDS_MAX];
} mt_http_head;

/* Finds the end of a head: the empty line. *scanned is how far earlier calls on the same, meanwhile grown bytes have
 * looked; 0 at first. MT_OK: *end is the length of the head with the empty line. MT_EMORE. MT_EBAD: a line that ends in
 * a bare LF. */
mt_err mt_http_head_end(mt_slice s, size_t *scanned, size_t *end) MT_MUST_CHECK;

/* head: as cut by mt_http_head_end, at most MT_HTTP_HEAD_MAX bytes. Returns 0, or the status with which to refuse: 400,
 * 417, 431, 501, 505. *out is undefined then. */
unsigned mt_http_head_parse(mt_slice head, mt_http_head *out) MT_MUST_CHECK;

/* Section 5: no folded line, no blank before the colon, no control characters. line: without its CRLF. */
bool mt_http_field_ok(mt_slice line);
mt_slice mt_http_span_of(const char *base, mt_http_span s);
/* Whether one of the comma-separated elements of list is token. */
bool mt_http_list_has(mt_slice list, mt_slice token);

#endif
