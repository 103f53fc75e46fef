/* The routes of /v1 that belong to a user. */
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "server/login.h"
#include "server/routes.h"
#include "server/token.h"
#include "server/turn.h"
#include "server/web.h"

#define AFTER_MAX_S 60

/* A member that is text. False: there, but something else. *out is empty (p NULL) where there is none. */
static bool text_member(const cJSON *body, const char *name, mt_slice *out) {
    const cJSON *item = body != NULL ? cJSON_GetObjectItemCaseSensitive(body, name) : NULL;
    *out = (mt_slice){NULL, 0};
    if (item == NULL || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsString(item))
        return false;
    *out = mt_slice_of(item->valuestring);
    return true;
}

/* Asterisk takes none, and a phone cannot talk through a relay: it would tell its partner where it is. */
static bool takes_phones(const mt_server *srv) {
    return srv->asterisk == NULL && !mt_relay_is_only(&srv->opt.relay);
}

static void login(mt_call *c, const mt_login_wish *wish) {
    mt_session_secrets secrets;
    mt_session *s;
    uint32_t retry_s;
    mt_err err = mt_login(c, wish, &secrets, &s, &retry_s);
    if (err == MT_OK) {
        mt_login_finish(c, s, &secrets, true);
    } else if (err == MT_ELIMIT && retry_s > 0) {
        mt_web_slow_down(c->srv, c->req, MT_REFUSED_LOGINS, retry_s);
    } else if (err == MT_EBAD) {
        mt_web_problem(c->srv, c->req, MT_WEB_INVALID_NAME);
    } else {
        mt_web_problem(c->srv, c->req, err == MT_EEXIST ? MT_WEB_NAME_TAKEN : MT_WEB_FULL);
    }
}

void mt_routes_v1_login(mt_call *c) {
    cJSON *body;
    mt_slice name, device, attempt;
    uint8_t hash[MT_SHA256_BYTES];
    if (!mt_web_body(c->srv, c->req, &body))
        return;
    if (body == NULL || !text_member(body, "name", &name) || name.p == NULL || !text_member(body, "device", &device) ||
        !text_member(body, "attempt", &attempt) ||
        (attempt.p != NULL && mt_token_hash(attempt, hash) != MT_OK)) /* it has the form of a token */
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
    else if (device.p != NULL && !mt_slice_is(device, "client") &&
             !(mt_slice_is(device, "phone") && takes_phones(c->srv)))
        mt_web_problem(c->srv, c->req, MT_WEB_INVALID_DEVICE);
    else
        login(c, &(mt_login_wish){.name = name,
                                  .attempt_hash = attempt.p != NULL ? hash : NULL,
                                  .phone = device.p != NULL && mt_slice_is(device, "phone")});
    cJSON_Delete(body);
}

/* With `after` it is only announced: the next request takes it back. So a page that is left says good-bye, and one that
 * is merely loaded again stays logged in. */
void mt_routes_v1_logout(mt_call *c) {
    mt_server *srv = c->srv;
    mt_slice after;
    uint64_t after_s = 0;
    if (mt_web_query(c->req, "after", &after) && mt_slice_to_u64(after, AFTER_MAX_S, &after_s) != MT_OK) {
        mt_web_problem(srv, c->req, MT_WEB_BAD_REQUEST);
        return;
    }
    if (after_s > 0)
        mt_session_end_later(c->self, c->now_ms + (int64_t)after_s * 1000);
    else
        mt_session_end(c->self, MT_END_LOGOUT, NULL, c->now_ms);
    mt_web_no_content(srv, c->req);
}

/* The best of the common policies is the one to be used. */
static void link_members(mt_buf *out, unsigned links) {
    bool encrypted = (links & (MT_LINK_GCM | MT_LINK_CBC)) != 0;
    mt_buf_printf(out, ",\"link\":\"%s\",\"encrypted\":%s",
                  (links & MT_LINK_GCM) != 0 ? "gcm"
                  : encrypted                ? "cbc"
                                             : "rtp",
                  encrypted ? "true" : "false");
}

void mt_routes_pair_members(mt_buf *out, const mt_session *s) {
    const mt_pair *pair = mt_user_pair(s->user);
    const mt_user *partner = mt_user_partner(s->user);
    mt_buf_printf(out, "\"pair\":\"%s\",\"role\":\"%s\",\"partner\":{\"name\":", mt_pair_id_hex(pair),
                  mt_pair_caller(pair) == s->user ? "caller" : "callee");
    mt_json_str(out, mt_user_name(partner));
    mt_buf_printf(out, ",\"exten\":\"%u\"}", (unsigned)mt_user_exten(partner));
    link_members(out, mt_pair_links(pair));
}

void mt_routes_me_answer(mt_session *s, mt_http_req *req, uint32_t waited_s) {
    mt_server *srv = s->srv;
    const mt_pair *pair = mt_user_pair(s->user);
    /* A caller who is not to dial yet does not see his pair here either. */
    bool shown = pair != NULL && s->turn.req == NULL;
    mt_buf *out = &srv->out;
    mt_web_begin(srv);
    mt_buf_add_str(out, "{\"name\":");
    mt_json_str(out, mt_user_name(s->user));
    mt_buf_printf(out, ",\"exten\":\"%u\",\"status\":%d,\"registered\":%s,\"talking\":%s,",
                  (unsigned)mt_user_exten(s->user), (int)mt_user_status(s->user), s->registered ? "true" : "false",
                  pair != NULL && mt_pair_is_up(pair) ? "true" : "false");
    if (shown)
        mt_routes_pair_members(out, s);
    else
        mt_buf_add_str(out, "\"pair\":null,\"role\":null,\"partner\":null,\"link\":null,\"encrypted\":null");
    mt_buf_add_char(out, '}');
    char etag[40];
    (void)snprintf(etag, sizeof etag, "ETag: \"%u\"\r\n", (unsigned)s->version);
    mt_web_send(srv, req, &(mt_web_answer){.status = 200, .headers = etag, .waited = waited_s > 0, .wait_s = waited_s});
}

/* Whether the client names the state it knows, and that is out of date. */
static bool knows_older(const mt_call *c) {
    mt_slice tag;
    char current[24];
    if (!mt_http_req_header(c->req, "If-None-Match", &tag))
        return false;
    (void)snprintf(current, sizeof current, "\"%u\"", (unsigned)c->self->version);
    return !mt_slice_is(mt_slice_trim(tag), current);
}

void mt_routes_v1_me(mt_call *c) {
    mt_turn_wish wish = {.req = c->req};
    wish.preferred = mt_web_wait(c->req, c->srv->opt.max_wait_s, &wish.wait_s);
    if (!wish.preferred || wish.wait_s == 0 || knows_older(c))
        mt_routes_me_answer(c->self, c->req, 0);
    else
        mt_turn_hold_me(c->self, &wish, c->now_ms);
}

/* The policies a client accepts; all it names that we do not know are passed over, and so is what it may not have. 0:
 * none is left. */
static unsigned links_of(const cJSON *list, const mt_session *s) {
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"gcm", MT_LINK_GCM}, {"cbc", MT_LINK_CBC}, {"rtp", MT_LINK_RTP}};
    unsigned links = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (cJSON_IsString(item) && strcmp(item->valuestring, known[i].name) == 0)
                links |= known[i].bit;
        }
    }
    return mt_session_may_link(s, links);
}

static mt_err end_named(mt_call *c, mt_slice hex) {
    uint8_t id[MT_PAIR_ID_BYTES];
    if (mt_text_hex_decode(hex, id, sizeof id) != MT_OK)
        return MT_EBAD;
    const mt_pair *pair = mt_user_pair(c->self->user);
    if (pair == NULL || memcmp(mt_pair_id(pair), id, sizeof id) != 0)
        return MT_ENOENT; /* over already, or never his */
    return mt_match_end(c->srv->match, id, MT_END_HANGUP, c->now_ms);
}

static void turn(mt_call *c, const cJSON *body) {
    mt_slice leave;
    const cJSON *link = body != NULL ? cJSON_GetObjectItemCaseSensitive(body, "link") : NULL;
    mt_turn_wish wish = {.req = c->req, .links = mt_session_links(c->self)};
    if (!text_member(body, "leave", &leave) || (link != NULL && !cJSON_IsArray(link))) {
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
        return;
    }
    if (link != NULL)
        wish.links = links_of(link, c->self);
    if (wish.links == 0) {
        mt_web_problem(c->srv, c->req, MT_WEB_INVALID_LINK);
        return;
    }
    if (leave.p != NULL && end_named(c, leave) == MT_EBAD) {
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
        return;
    }
    wish.preferred = mt_web_wait(c->req, c->srv->opt.max_wait_s, &wish.wait_s);
    mt_turn_begin(c->self, &wish, c->now_ms);
}

void mt_routes_v1_turn(mt_call *c) {
    cJSON *body;
    if (!mt_web_body(c->srv, c->req, &body))
        return;
    turn(c, body);
    cJSON_Delete(body);
}

static void leave_pool(mt_call *c) {
    mt_session *s = c->self;
    if (mt_user_pair(s->user) == NULL) {
        mt_match_leave(c->srv->match, s->user, c->now_ms);
        mt_turn_left(s);
    } else if (mt_turn_knows(s)) {
        char member[64];
        (void)snprintf(member, sizeof member, "\"pair\":\"%s\"", mt_pair_id_hex(mt_user_pair(s->user)));
        mt_web_problem_more(c->srv, c->req, MT_WEB_PAIRED, NULL, member);
        return;
    } else {
        mt_turn_cancel(s, c->now_ms);
    }
    mt_web_no_content(c->srv, c->req);
}

void mt_routes_v1_leave(mt_call *c) {
    mt_slice pair;
    if (!mt_web_query(c->req, "pair", &pair)) {
        leave_pool(c);
        return;
    }
    mt_err err = end_named(c, pair);
    if (err == MT_EBAD) {
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
        return;
    }
    if (err == MT_OK)
        mt_turn_left(c->self);
    mt_web_no_content(c->srv, c->req);
}
