/* One HTTP request in memory: its head, copied, with the fields found in it, and its body. Owned by the reader until it
 * is whole, then by the connection until answered. */
#ifndef MT_NET_HTTP_REQ_H
#define MT_NET_HTTP_REQ_H

#include "base/buf.h"
#include "base/list.h"
#include "net/http_parse.h"

struct mt_http_req {
    mt_list link; /* in the loop's list of answers to report, once it has its result */
    mt_conn *conn;
    void *ctx;
    mt_http_written *written;
    void *written_ctx;
    mt_buf body;
    mt_http_span path, query;
    uint16_t field_count;
    uint8_t method;
    uint8_t result; /* mt_err, for written */
    bool http_1_0, keep_alive, expect_continue, upgrade_ws;
    const char *raw;        /* behind fields, in the same allocation */
    mt_http_field fields[]; /* field_count of them */
};

/* NULL: no memory. */
mt_http_req *mt_http_req_create(const mt_http_head *head, mt_slice raw, size_t body_max);
void mt_http_req_free(mt_http_req *req);

#endif
