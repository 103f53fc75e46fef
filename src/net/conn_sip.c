/* SIP over TCP on a connection, and what all flows have in common. */
#include "base/text.h"
#include "net/conn.h"

/* One unit: the caller comes again while bytes are left. */
size_t mt_conn_sip_input(mt_conn *c, char *bytes, size_t len) {
    mt_net *n = c->net;
    size_t used = 0;
    bool message = false;
    mt_slice reply = {NULL, 0};
    mt_slice stream = {bytes, len};
    mt_err err = n->h.sip_cut(stream, n->limits.sip_bytes, &used, &message, &reply);
    if (err == MT_EMORE && len <= n->limits.sip_bytes)
        return 0;
    if (err != MT_OK || used == 0 || used > len) {
        mt_conn_finish(c); /* where the next message begins cannot be known */
        return 0;
    }
    c->partial_ms = 0; /* the next unit has its own time */
    if (reply.len > 0)
        mt_conn_output(c, &reply, 1, NULL);
    if (message && !c->doomed) {
        n->ran = true;
        n->h.sip(n->ctx, c, (mt_slice){bytes, used});
    }
    return used;
}

mt_err mt_conn_send(mt_conn *c, mt_slice message) {
    if (c->doomed || (c->mode != MT_CONN_WS && c->mode != MT_CONN_SIP))
        return MT_ECLOSED;
    if (mt_conn_queued(c) + message.len > c->net->limits.queued_bytes) {
        mt_conn_doom(c);
        return MT_ELIMIT;
    }
    /* A body may hold anything, and a text frame that is no text would end a browser's connection. */
    if (c->mode == MT_CONN_WS)
        mt_conn_ws_send(c, mt_text_is_utf8(message) ? MT_WS_TEXT : MT_WS_BINARY, message);
    else
        mt_conn_output(c, &message, 1, NULL);
    return c->doomed ? MT_ECLOSED : MT_OK;
}

void mt_conn_close(mt_conn *c, unsigned ws_code) {
    if (c->mode == MT_CONN_WS)
        mt_conn_ws_close(c, ws_code);
    else if (c->mode == MT_CONN_SIP)
        mt_conn_finish(c);
}
