/* The handlers of the API. */
#ifndef MT_SERVER_ROUTES_H
#define MT_SERVER_ROUTES_H

#include "base/buf.h"
#include "server/api.h"
#include "server/session.h"

/* routes_spec.c: the routes of the specification */
void mt_routes_spec_login(mt_call *c);
void mt_routes_spec_sip_file(mt_call *c);
void mt_routes_spec_statuses(mt_call *c);
void mt_routes_spec_status(mt_call *c);
void mt_routes_spec_ip(mt_call *c);
void mt_routes_spec_pairs(mt_call *c);
void mt_routes_spec_ready(mt_call *c);
void mt_routes_spec_busy(mt_call *c);
void mt_routes_spec_ready_to_talk(mt_call *c);
void mt_routes_spec_peer(mt_call *c);
void mt_routes_spec_delete(mt_call *c);
/* Appends where s is, as JSON. */
void mt_routes_ip(mt_buf *out, const mt_session *s);

/* routes_v1.c */
void mt_routes_v1_login(mt_call *c);
void mt_routes_v1_me(mt_call *c);
void mt_routes_v1_logout(mt_call *c);
void mt_routes_v1_turn(mt_call *c);
void mt_routes_v1_leave(mt_call *c);
/* Answers GET /v1/me; waited_s 0: it was not held. */
void mt_routes_me_answer(mt_session *s, mt_http_req *req, uint32_t waited_s);
/* Appends "pair":…,"role":…,"partner":{…} of the pair s is in. */
void mt_routes_pair_members(mt_buf *out, const mt_session *s);

/* routes_conduct.c */
void mt_routes_conduct_block(mt_call *c);
void mt_routes_conduct_report(mt_call *c);

/* routes_users.c */
void mt_routes_users(mt_call *c); /* GET /v1/users */

/* routes_info.c */
void mt_routes_info(mt_call *c); /* GET /v1/info */
void mt_routes_info_stats(mt_call *c);
void mt_routes_info_health(mt_call *c);
void mt_routes_info_metrics(mt_call *c);
void mt_routes_info_sip(mt_call *c); /* the WebSocket path without a handshake */
/* GET and HEAD of whatever is no route: the web page. */
void mt_routes_info_page(mt_call *c);

#endif
