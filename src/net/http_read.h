/* Reads HTTP requests from a stream of bytes: heads, bodies by length, chunked bodies, within limits. Pure: no I/O, no
 * clock. The bytes it did not use must be handed in again, in front of what came after them. RFC 9112. */
#ifndef MT_NET_HTTP_READ_H
#define MT_NET_HTTP_READ_H

#include "net/http_req.h"

typedef struct mt_http_read {
    mt_http_req *req; /* the one whose body is being read; owned */
    uint64_t left;    /* bytes of the body or chunk still to come */
    uint32_t scanned; /* of the head */
    uint32_t trailer; /* bytes of trailer fields seen */
    uint16_t status;  /* after MT_HTTP_FAIL */
    uint8_t state;    /* of http_read.c */
    uint8_t blank;    /* empty lines before the request line */
} mt_http_read;

typedef enum mt_http_step {
    MT_HTTP_MORE,     /* needs more bytes */
    MT_HTTP_CONTINUE, /* the head of a request is whole and its client waits for "100 Continue": send it, go on */
    MT_HTTP_REQUEST,  /* *req is whole and the caller's now */
    MT_HTTP_FAIL,     /* refuse with r->status and close; read no further */
} mt_http_step;

void mt_http_read_init(mt_http_read *r); /* allocates nothing */
void mt_http_read_deinit(mt_http_read *r);
/* One step. *used bytes of s are done with, *req is set for MT_HTTP_REQUEST only. */
mt_http_step mt_http_read_step(mt_http_read *r, const mt_net_limits *limits, mt_slice s, size_t *used,
                               mt_http_req **req);
/* In the midst of a head that has begun (with the bytes left over from the last step), or of a body. */
bool mt_http_read_in_body(const mt_http_read *r);

#endif
