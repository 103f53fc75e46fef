/* Between the network and the SIP machine: flows in, actions out, its events on to the matchmaker. */
#ifndef MT_SERVER_SIP_FRONT_H
#define MT_SERVER_SIP_FRONT_H

#include "net/net.h"
#include "server/server.h"
#include "sip/sip_server.h"

extern const mt_sip_policy mt_sip_front_policy; /* its ctx is the mt_server */

/* Handlers of mt_net_handlers, ctx the mt_server. */
void mt_sip_front_message(void *ctx, mt_conn *conn, mt_slice message);
void mt_sip_front_closed(void *ctx, mt_conn *conn);
void mt_sip_front_datagram(void *ctx, mt_udp *udp, const mt_addr *from, mt_slice bytes);
mt_err mt_sip_front_cut(mt_slice stream, size_t max_bytes, size_t *len, bool *message, mt_slice *reply);
const char *mt_sip_front_upgrade(void *ctx, mt_http_req *req);

/* Takes all actions off the machine: sends, and tells the matchmaker. True if there was any. */
bool mt_sip_front_drain(mt_server *srv, int64_t now_ms);

/* Creates the machine for the addresses bound. */
mt_err mt_sip_front_create(mt_server *srv) MT_MUST_CHECK;

#endif
