/* HTTP on a connection: requests up, one at a time. */
#include "net/conn.h"

#include "net/http_reply.h"

void mt_conn_http_fail(mt_conn *c, unsigned status, bool head_only) {
    mt_http_reply_refuse(c, status, head_only);
    mt_conn_finish(c);
}

static void on_request(mt_conn *c, mt_http_req *req) {
    mt_net *n = c->net;
    req->conn = c;
    c->req = req;
    c->phase = MT_PHASE_IDLE; /* whatever comes next is measured from here */
    c->phase_ms = mt_net_now_ms(n);
    n->counts.requests++;
    n->ran = true;
    if (req->upgrade_ws)
        mt_conn_ws_upgrade(c, req);
    else
        n->h.request(n->ctx, req);
}

/* One step: the caller comes again while bytes are left. */
size_t mt_conn_http_input(mt_conn *c, char *bytes, size_t len) {
    size_t used = 0;
    mt_http_req *req = NULL;
    switch (mt_http_read_step(&c->u.http, &c->net->limits, (mt_slice){bytes, len}, &used, &req)) {
    case MT_HTTP_REQUEST:
        on_request(c, req);
        break;
    case MT_HTTP_CONTINUE:
        mt_conn_output(c, &MT_SLICE_LIT("HTTP/1.1 100 Continue\r\n\r\n"), 1, NULL);
        break;
    case MT_HTTP_FAIL: {
        bool head_only = c->u.http.req == NULL && len >= 5 && memcmp(bytes, "HEAD ", 5) == 0;
        mt_conn_http_fail(c, c->u.http.status, head_only);
        break;
    }
    default:
        break;
    }
    return used;
}

const mt_addr *mt_http_req_remote(const mt_http_req *req) {
    return &req->conn->remote;
}
const mt_addr *mt_http_req_peer(const mt_http_req *req) {
    return &req->conn->peer;
}
void mt_http_req_set_remote(mt_http_req *req, const mt_addr *remote) {
    req->conn->remote = *remote;
}
bool mt_http_req_secure(const mt_http_req *req) {
    return mt_conn_secure(req->conn);
}
