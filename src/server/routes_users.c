/* What an operator sees of everybody: status and what each one's device is doing. */
#include "server/routes.h"
#include "server/web.h"

static void add_user(mt_server *srv, const mt_user *u) {
    mt_buf *out = &srv->out;
    mt_buf_add_str(out, "{\"name\":");
    mt_json_str(out, mt_user_name(u));
    mt_buf_printf(out, ",\"exten\":\"%u\",\"status\":%d,\"device\":\"%s\",\"device_state\":\"%s\"}",
                  (unsigned)mt_user_exten(u), (int)mt_user_status(u), mt_user_is_phone(u) ? "phone" : "client",
                  mt_sip_device_str(mt_sip_server_device(srv->sip, mt_user_exten(u))));
}

void mt_routes_users(mt_call *c) {
    mt_server *srv = c->srv;
    mt_web_begin(srv);
    mt_buf_add_char(&srv->out, '[');
    for (mt_user *first = mt_match_next(srv->match, NULL), *u = first; u != NULL; u = mt_match_next(srv->match, u)) {
        if (u != first)
            mt_buf_add_char(&srv->out, ',');
        add_user(srv, u);
    }
    mt_buf_add_char(&srv->out, ']');
    mt_web_send_json(srv, c->req, 200);
}
