/* PUT and GET /v1/turn/link: what one of a pair lays down for the other, while Asterisk carries the call. Opaque text:
 * the offer and the answer of their link. Only within the pair they are in, gone with it. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/text.h"
#include "server/asterisk_int.h"
#include "sip/hide.h"

#define WAIT_MAX_S 60

static void answer_waiting(mt_asterisk_peer *p) {
    mt_server *srv = p->a->srv;
    mt_http_req *req;
    uint32_t waited_s = p->link_hold.wait_s;
    mt_asterisk_release(&p->link_hold, &req);
    mt_web_begin(srv);
    mt_buf_add_str(&srv->out, "{\"link\":null}");
    mt_web_send(srv, req, &(mt_web_answer){.status = 200, .waited = waited_s > 0, .wait_s = waited_s});
}

static void link_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_hold *h = MT_CONTAINER(t, mt_hold, timer);
    if (h->req == NULL)
        return;
    h->owner->last_ms = now_ms;
    answer_waiting(h->owner->peer);
}

void mt_asterisk_link_init(mt_asterisk_peer *p) {
    p->link_hold = (mt_hold){.kind = MT_HOLD_LINK, .owner = p->s};
    mt_timer_init(&p->link_hold.timer, link_due);
}

static void drop_text(mt_asterisk_peer *p) {
    if (p->text != NULL)
        mt_wipe(p->text, p->text_len);
    mt_free(p->text);
    p->text = NULL;
    p->text_len = 0;
}

void mt_asterisk_link_drop(mt_asterisk_peer *p, const uint8_t *pair) {
    mt_http_req *req;
    if (p->text != NULL && (pair == NULL || memcmp(p->text_pair, pair, MT_PAIR_ID_BYTES) == 0))
        drop_text(p);
    /* One who waits belongs to the pair he is in; being in none, he waits for nothing. */
    if (pair != NULL && mt_user_pair(p->s->user) != NULL)
        return;
    mt_asterisk_release(&p->link_hold, &req);
    if (req != NULL)
        mt_web_problem(p->a->srv, req, pair != NULL ? MT_WEB_NOT_FOUND : MT_WEB_UNAUTHORIZED);
}

/* The pair the caller of the API is in, if it is the one he names. */
static mt_pair *pair_of(const mt_call *c, mt_slice hex) {
    uint8_t id[MT_PAIR_ID_BYTES];
    mt_pair *pair = mt_user_pair(c->self->user);
    if (c->self->peer == NULL || pair == NULL || mt_text_hex_decode(hex, id, sizeof id) != MT_OK)
        return NULL;
    return memcmp(id, mt_pair_id(pair), sizeof id) == 0 ? pair : NULL;
}

/* Answers the one who waits, if there is something new for him. */
static bool give(mt_asterisk_peer *p, mt_http_req *req, uint32_t after, uint32_t waited_s) {
    mt_server *srv = p->a->srv;
    const mt_session *partner = mt_session_of(mt_user_partner(p->s->user));
    const mt_pair *pair = mt_user_pair(p->s->user);
    const mt_asterisk_peer *from = partner != NULL ? partner->peer : NULL;
    if (from == NULL || from->text == NULL || from->text_seq <= after ||
        memcmp(from->text_pair, mt_pair_id(pair), MT_PAIR_ID_BYTES) != 0)
        return false;
    mt_web_begin(srv);
    mt_buf_add_str(&srv->out, "{\"link\":");
    mt_json_str(&srv->out, mt_slice_n(from->text, from->text_len));
    mt_buf_printf(&srv->out, ",\"seq\":%u}", (unsigned)from->text_seq);
    mt_web_send(srv, req, &(mt_web_answer){.status = 200, .waited = waited_s > 0, .wait_s = waited_s});
    return true;
}

static void wake_partner(mt_session *s) {
    mt_session *partner = mt_session_of(mt_user_partner(s->user));
    mt_asterisk_peer *p = partner != NULL ? partner->peer : NULL;
    if (p == NULL || p->link_hold.req == NULL)
        return;
    mt_http_req *req;
    uint32_t waited_s = p->link_hold.wait_s;
    mt_asterisk_release(&p->link_hold, &req);
    if (!give(p, req, p->after, waited_s)) { /* nothing new after all: he asks again */
        mt_web_begin(s->srv);
        mt_buf_add_str(&s->srv->out, "{\"link\":null}");
        mt_web_send_json(s->srv, req, 200);
    }
}

/* While Asterisk tells nothing, what the two lay down shows how far their call is. */
static void follow(mt_call *c, const mt_pair *pair) {
    mt_asterisk *a = c->srv->asterisk;
    if (a->ami.ready && !a->ami.dead)
        return;
    mt_err err = mt_match_invited(c->srv->match, mt_pair_id(pair), c->now_ms);
    if (err == MT_OK && mt_pair_callee(pair) == c->self->user)
        err = mt_match_up(c->srv->match, mt_pair_id(pair), c->now_ms);
    (void)err; /* it ended meanwhile */
}

static void put(mt_call *c, const cJSON *body) {
    const cJSON *hex = cJSON_GetObjectItemCaseSensitive(body, "pair");
    const cJSON *link = cJSON_GetObjectItemCaseSensitive(body, "link");
    if (!cJSON_IsString(hex) || !cJSON_IsString(link) || link->valuestring[0] == '\0') {
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
        return;
    }
    const mt_pair *pair = pair_of(c, mt_slice_of(hex->valuestring));
    if (pair == NULL) {
        mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
        return;
    }
    if (mt_relay_is_only(&c->srv->opt.relay) && !mt_sip_hide_is_blank(mt_slice_of(link->valuestring))) {
        mt_web_problem(c->srv, c->req, MT_WEB_NOT_RELAYED);
        return;
    }
    mt_asterisk_peer *p = c->self->peer;
    char *text = mt_strdup(link->valuestring);
    if (text == NULL) {
        mt_web_problem(c->srv, c->req, MT_WEB_FULL);
        return;
    }
    drop_text(p);
    p->text = text;
    p->text_len = strlen(text);
    p->text_seq++;
    memcpy(p->text_pair, mt_pair_id(pair), sizeof p->text_pair);
    mt_web_no_content(c->srv, c->req);
    wake_partner(c->self);
    follow(c, pair);
}

void mt_asterisk_link_put(mt_call *c) {
    cJSON *body;
    if (!mt_web_body(c->srv, c->req, &body))
        return;
    if (body == NULL)
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
    else
        put(c, body);
    cJSON_Delete(body);
}

void mt_asterisk_link_get(mt_call *c) {
    mt_slice hex, after_text;
    uint64_t after = 0;
    if (!mt_web_query(c->req, "pair", &hex) ||
        (mt_web_query(c->req, "after", &after_text) && mt_slice_to_u64(after_text, UINT32_MAX, &after) != MT_OK)) {
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
        return;
    }
    if (pair_of(c, hex) == NULL) {
        mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
        return;
    }
    mt_asterisk_peer *p = c->self->peer;
    if (p->link_hold.req != NULL)
        answer_waiting(p);
    if (give(p, c->req, (uint32_t)after, 0))
        return;
    mt_hold *h = &p->link_hold;
    h->req = c->req;
    h->wait_s = 0;
    p->after = (uint32_t)after;
    (void)mt_web_wait(c->req, WAIT_MAX_S, &h->wait_s);
    mt_http_req_set_ctx(c->req, h);
    if (h->wait_s == 0)
        answer_waiting(p);
    else
        mt_timer_set(&c->srv->timers, &h->timer, c->now_ms + (int64_t)h->wait_s * 1000);
}
