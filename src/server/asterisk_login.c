/* Logins that are answered once Asterisk knows them, and where a device is. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/secret.h"
#include "server/asterisk_int.h"
#include "server/login.h"
#include "server/routes.h"

mt_asterisk_peer *mt_asterisk_by_exten(const mt_asterisk *a, uint32_t exten) {
    mt_session *s = mt_session_by_exten(a->srv, exten);
    return s != NULL ? s->peer : NULL;
}

void mt_asterisk_release(mt_hold *h, mt_http_req **out) {
    *out = h->req;
    h->req = NULL;
    if (h->owner != NULL)
        mt_timer_stop(&h->owner->srv->timers, &h->timer);
    if (*out != NULL)
        mt_http_req_set_ctx(*out, NULL);
}

static void login_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_hold *h = MT_CONTAINER(t, mt_hold, timer);
    mt_asterisk_refuse(h->owner->peer, MT_WEB_SIP_AWAY, now_ms);
}

void mt_asterisk_login(mt_call *c, mt_session *s, const mt_session_secrets *secrets, bool v1) {
    mt_asterisk *a = c->srv->asterisk;
    mt_asterisk_peer *p = mt_calloc(1, sizeof *p);
    if (p == NULL) {
        mt_session_end(s, MT_END_LOGOUT, "no memory", c->now_ms);
        mt_web_problem(c->srv, c->req, MT_WEB_FULL);
        return;
    }
    mt_slice name = mt_user_name(s->user);
    p->a = a;
    p->s = s;
    p->v1 = v1;
    p->secrets = *secrets;
    (void)snprintf(p->name, sizeof p->name, "%.*s", (int)name.len, name.p);
    p->login = (mt_hold){.kind = MT_HOLD_LOGIN, .owner = s, .req = c->req};
    mt_timer_init(&p->login.timer, login_due);
    mt_asterisk_link_init(p);
    mt_http_req_set_ctx(c->req, &p->login);
    s->peer = p;
    mt_list_append(&a->fresh, &p->link);
    mt_timer_set(&c->srv->timers, &p->login.timer, c->now_ms + MT_ASTERISK_LOGIN_MS);
    mt_asterisk_dirty(a);
}

void mt_asterisk_known(mt_asterisk_peer *p) {
    mt_http_req *req;
    mt_asterisk_release(&p->login, &req);
    if (req != NULL)
        mt_login_answer(p->a->srv, req, p->s, &p->secrets, p->v1);
    mt_wipe(p->secrets.token, sizeof p->secrets.token);
}

void mt_asterisk_refuse(mt_asterisk_peer *p, mt_web_trouble trouble, int64_t now_ms) {
    mt_server *srv = p->a->srv;
    mt_http_req *req;
    mt_asterisk_release(&p->login, &req);
    mt_session_end(p->s, MT_END_LOGOUT, "not taken by Asterisk", now_ms);
    if (req != NULL)
        mt_web_problem(srv, req, trouble);
}

void mt_asterisk_logout(mt_session *s, int64_t now_ms) {
    mt_asterisk_peer *p = s->peer;
    mt_http_req *req;
    if (p == NULL)
        return;
    mt_asterisk *a = p->a;
    mt_asterisk_hang_up(p);
    mt_asterisk_link_drop(p, NULL);
    mt_asterisk_release(&p->login, &req);
    if (req != NULL)
        mt_web_problem(a->srv, req, MT_WEB_UNAUTHORIZED);
    if (p->stage != MT_ASTERISK_NEW)
        mt_asterisk_gone_add(a, p->name, now_ms);
    bool written = p->written;
    s->peer = NULL;
    mt_list_remove(&p->link);
    mt_wipe(p, sizeof *p);
    mt_free(p);
    if (written && !a->stopping)
        mt_asterisk_dirty(a);
}

void mt_asterisk_abandoned(mt_hold *h, int64_t now_ms) {
    mt_session *s = h->owner;
    mt_http_req *req;
    mt_asterisk_release(h, &req);
    if (h->kind == MT_HOLD_LOGIN)
        mt_session_end(s, MT_END_LOGOUT, "left before he was in", now_ms);
}

/* Where is a device? */

bool mt_asterisk_addr(const mt_session *s, mt_addr *out) {
    if (s->peer == NULL || !s->peer->has_addr)
        return false;
    *out = s->peer->addr;
    return true;
}

static void tell_where(mt_server *srv, mt_http_req *req, uint32_t exten) {
    const mt_session *s = mt_session_by_exten(srv, exten);
    if (s == NULL) {
        mt_web_problem(srv, req, MT_WEB_NOT_FOUND);
        return;
    }
    mt_web_begin(srv);
    mt_routes_ip(&srv->out, s);
    mt_web_send_json(srv, req, 200);
}

void mt_asterisk_where(mt_call *c) {
    mt_asterisk *a = c->srv->asterisk;
    uint32_t exten = mt_user_exten(c->target->user);
    mt_asterisk_query *q = mt_calloc(1, sizeof *q);
    if (q != NULL) {
        q->hold = (mt_hold){.kind = MT_HOLD_QUERY, .req = c->req};
        mt_asterisk_ask ask = {.kind = MT_ASTERISK_WHERE, .exten = exten, .query = q};
        mt_http_req_set_ctx(c->req, &q->hold);
        if (c->target->peer != NULL && mt_asterisk_run(a, &ask, "sip show peer %s", c->target->peer->name) == MT_OK)
            return;
        mt_http_req_set_ctx(c->req, NULL);
        mt_free(q);
    }
    tell_where(c->srv, c->req, exten);
}

void mt_asterisk_where_answered(mt_asterisk *a, const mt_asterisk_cmd *cmd, mt_slice text) {
    mt_http_req *req;
    mt_asterisk_peer *p = mt_asterisk_by_exten(a, cmd->exten);
    if (p != NULL && text.len > 0)
        mt_asterisk_device(p, cmd, text);
    mt_asterisk_release(&cmd->query->hold, &req);
    mt_free(cmd->query);
    if (req != NULL)
        tell_where(a->srv, req, cmd->exten);
}

mt_err mt_asterisk_show_file(mt_server *srv) {
    mt_buf text;
    mt_buf_init(&text, (size_t)32 << 20);
    mt_err err = mt_asterisk_store_read(srv->asterisk->sip_path, &text);
    mt_web_begin(srv);
    if (err == MT_OK)
        mt_asterisk_conf_mask(&srv->out, mt_buf_slice(&text));
    mt_buf_wipe(&text);
    return err;
}
