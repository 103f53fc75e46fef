/* The routes of the specification, thin faces over the matchmaker. Their codes and bodies are fixed by it. */
#include <string.h>

#include "base/secret.h"
#include "server/asterisk.h"
#include "server/login.h"
#include "server/routes.h"
#include "server/suspension.h"
#include "server/turn.h"
#include "server/web.h"

static void answer(mt_call *c, unsigned status, const char *body) {
    mt_web_begin(c->srv);
    mt_buf_add_str(&c->srv->out, body);
    mt_web_send_json(c->srv, c->req, status);
}

/* A request that acts for the named user counts as his, whoever's token it bears; in the open API it also comes from
 * him. */
static void touch_target(mt_call *c) {
    if (c->target != c->self)
        mt_session_touch(c->target, c->srv->opt.open_api ? mt_http_req_remote(c->req) : NULL, c->now_ms);
}

void mt_routes_spec_login(mt_call *c) {
    mt_session_secrets secrets;
    mt_session *s;
    uint32_t retry_s;
    mt_err err = mt_login(c, &(mt_login_wish){.name = c->name}, &secrets, &s, &retry_s);
    if (err == MT_OK) {
        mt_login_finish(c, s, &secrets, false);
    } else if (err == MT_EEXIST) {
        answer(c, 404, "{\"User exists\":\"Exten NOT Created\"}");
    } else if (err == MT_ELIMIT && retry_s > 0) {
        mt_web_slow_down(c->srv, c->req, MT_REFUSED_LOGINS, retry_s);
    } else {
        mt_web_problem(c->srv, c->req, err == MT_EBAD ? MT_WEB_INVALID_NAME : MT_WEB_FULL);
    }
}

/* "[Jeden]" would replace "[jeden]" in such a file, and a name may not leave its line: names have neither ']' nor ';'.
 */
static void own_file(mt_call *c) {
    static const char general[] = "[general]\ncontext=public\nallowoverlap=no\nudpbindaddr=0.0.0.0\ntcpenable=no\n"
                                  "tcpbindaddr=0.0.0.0\ntransport=udp\nsrvlookup=yes\nqualify=yes\ncallcounter=yes\n";
    mt_buf *out = &c->srv->out;
    mt_web_begin(c->srv);
    mt_buf_add_str(out, general);
    for (mt_user *u = mt_match_next(c->srv->match, NULL); u != NULL; u = mt_match_next(c->srv->match, u)) {
        mt_buf_add_str(out, "\n[");
        mt_buf_add_slice(out, mt_user_name(u));
        mt_buf_add_str(out, "]\ntype=friend\ncontext=phones\nallow=ulaw,alaw\nsecret=***\nhost=dynamic\n");
    }
    mt_web_send(c->srv, c->req, &(mt_web_answer){.status = 200, .content_type = "text/plain; charset=utf-8"});
}

void mt_routes_spec_sip_file(mt_call *c) {
    if (c->srv->asterisk == NULL)
        own_file(c);
    else if (mt_asterisk_show_file(c->srv) != MT_OK)
        mt_web_problem(c->srv, c->req, MT_WEB_SIP_AWAY);
    else
        mt_web_send(c->srv, c->req, &(mt_web_answer){.status = 200, .content_type = "text/plain; charset=utf-8"});
}

static void add_statuses(mt_server *srv) {
    mt_buf *out = &srv->out;
    mt_buf_add_char(out, '[');
    for (mt_user *first = mt_match_next(srv->match, NULL), *u = first; u != NULL; u = mt_match_next(srv->match, u)) {
        mt_buf_add_str(out, u != first ? ",{\"user_name\":" : "{\"user_name\":");
        mt_json_str(out, mt_user_name(u));
        mt_buf_printf(out, ",\"status\":%d}", (int)mt_user_status(u));
    }
    mt_buf_add_char(out, ']');
}

static void add_pairs(mt_server *srv) {
    mt_buf *out = &srv->out;
    bool any = false;
    mt_buf_add_char(out, '{');
    for (mt_user *u = mt_match_next(srv->match, NULL); u != NULL; u = mt_match_next(srv->match, u)) {
        const mt_pair *pair = mt_user_pair(u);
        if (pair == NULL || mt_pair_caller(pair) != u)
            continue;
        if (any)
            mt_buf_add_char(out, ',');
        any = true;
        mt_json_str(out, mt_user_name(u));
        mt_buf_add_char(out, ':');
        mt_json_str(out, mt_user_name(mt_pair_callee(pair)));
    }
    mt_buf_add_char(out, '}');
}

static void add_dial(mt_server *srv) {
    mt_buf *out = &srv->out;
    mt_buf_add_char(out, '{');
    for (mt_user *first = mt_match_next(srv->match, NULL), *u = first; u != NULL; u = mt_match_next(srv->match, u)) {
        if (u != first)
            mt_buf_add_char(out, ',');
        mt_json_str(out, mt_user_name(u));
        mt_buf_printf(out, ":\"%u\"", (unsigned)mt_user_exten(u));
    }
    mt_buf_add_char(out, '}');
}

void mt_routes_spec_statuses(mt_call *c) {
    mt_web_begin(c->srv);
    add_statuses(c->srv);
    mt_web_send_json(c->srv, c->req, 200);
}

void mt_routes_spec_pairs(mt_call *c) {
    mt_web_begin(c->srv);
    add_pairs(c->srv);
    mt_web_send_json(c->srv, c->req, 200);
}

void mt_routes_spec_status(mt_call *c) {
    mt_web_begin(c->srv);
    mt_buf_add_char(&c->srv->out, (char)('0' + (int)mt_user_status(c->target->user)));
    mt_web_send_json(c->srv, c->req, 200);
}

void mt_routes_ip(mt_buf *out, const mt_session *s) {
    mt_addr a = mt_session_addr(s);
    char ip[MT_ADDR_STRLEN];
    mt_addr_format_ip(&a, ip);
    mt_json_str(out, mt_slice_of(ip));
}

/* Where partners are to learn no address, one's partner's is not there. */
void mt_routes_spec_ip(mt_call *c) {
    if (mt_relay_is_only(&c->srv->opt.relay) && c->target != c->self && !c->operator_) {
        mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
        return;
    }
    if (c->srv->asterisk != NULL) {
        mt_asterisk_where(c);
        return;
    }
    mt_web_begin(c->srv);
    mt_routes_ip(&c->srv->out, c->target);
    mt_web_send_json(c->srv, c->req, 200);
}

void mt_routes_spec_ready(mt_call *c) {
    touch_target(c);
    mt_err err = mt_match_ready(c->srv->match, c->target->user, mt_session_links(c->target), c->now_ms);
    if (err == MT_OK)
        answer(c, 200, "{\"Status changed\":\"READY\"}");
    else if (err == MT_EDENIED)
        mt_suspension_answer(c->target, c->req, c->now_ms);
    else /* MT_EINVAL: a phone, since talks go through relays only */
        mt_web_problem(c->srv, c->req, err == MT_EINVAL ? MT_WEB_INVALID_LINK : MT_WEB_WRONG_STATE);
}

void mt_routes_spec_busy(mt_call *c) {
    touch_target(c);
    mt_match_busy(c->srv->match, c->target->user, MT_END_HANGUP, c->now_ms);
    mt_turn_left(c->target);
    answer(c, 200, "{\"Status changed\":\"BUSY\"}");
}

void mt_routes_spec_ready_to_talk(mt_call *c) {
    touch_target(c);
    if (mt_match_ready_to_talk(c->srv->match, c->target->user, c->now_ms) == MT_OK)
        answer(c, 200, "{\"Status changed\":\"READY TO TALK\"}");
    else
        mt_web_problem(c->srv, c->req, MT_WEB_WRONG_STATE);
}

static void answer_peer(mt_call *c, const mt_pair *pair) {
    mt_session *s = c->target;
    bool caller = mt_pair_caller(pair) == s->user;
    mt_session *partner = mt_session_of(mt_user_partner(s->user));
    mt_buf *out = &c->srv->out;
    mt_web_begin(c->srv);
    mt_buf_add_str(out, "{\"call\":");
    mt_json_str(out, mt_user_name(partner->user));
    if (caller)
        mt_buf_printf(out, ",\"exten\":\"%u\",\"ip_to_send_data\":", (unsigned)mt_user_exten(partner->user));
    else
        mt_buf_add_str(out, ",\"exten\":null,\"ip_to_send_data\":");
    if (mt_relay_is_only(&c->srv->opt.relay))
        mt_buf_add_str(out, "null");
    else
        mt_routes_ip(out, partner);
    mt_buf_add_char(out, '}');
    mt_web_answer a = {.status = caller ? 202 : 230};
    a.written_ctx = mt_turn_telling(s, false);
    a.written = a.written_ctx != NULL ? mt_turn_written : NULL;
    mt_web_send(c->srv, c->req, &a);
}

void mt_routes_spec_peer(mt_call *c) {
    touch_target(c);
    mt_pair *pair;
    mt_err err = mt_match_draw(c->srv->match, c->target->user, c->now_ms, &pair);
    if (err == MT_OK)
        answer_peer(c, pair);
    else if (err == MT_EMORE)
        answer(c, 208, "{\"Queue is empty\":\"\"}");
    else if (err == MT_EDENIED)
        mt_suspension_answer(c->target, c->req, c->now_ms);
    else if (err == MT_ESTATE)
        answer(c, 226, "{\"You are not rdy yet\":\"\"}");
    else
        mt_web_problem(c->srv, c->req, MT_WEB_FULL);
}

/* Who deletes himself learns of nobody else by it. */
void mt_routes_spec_delete(mt_call *c) {
    mt_buf deleted;
    mt_buf_init(&deleted, 1024);
    mt_json_str(&deleted, mt_user_name(c->target->user));
    mt_session_end(c->target, MT_END_LOGOUT, c->target == c->self ? NULL : "by the operator", c->now_ms);
    mt_buf *out = &c->srv->out;
    mt_web_begin(c->srv);
    mt_buf_add_str(out, "{\"Deleted\":");
    mt_buf_add_slice(out, mt_buf_slice(&deleted));
    mt_buf_deinit(&deleted);
    if (c->operator_) {
        mt_buf_add_str(out, ",\"PAIRS\":");
        add_pairs(c->srv);
        mt_buf_add_str(out, ",\"DIAL\":");
        add_dial(c->srv);
        mt_buf_add_str(out, ",\"USERS\":");
        add_statuses(c->srv);
        mt_buf_add_char(out, '}');
    } else {
        mt_buf_add_str(out, ",\"PAIRS\":{},\"DIAL\":{},\"USERS\":[]}");
    }
    mt_web_send_json(c->srv, c->req, 200);
}
