/* What is asked of the server's API. */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/secret.h"
#include "base/text.h"
#include "client/api_parse.h"
#include "client/api_priv.h"

enum { WATCH_S = 25, LINK_WAIT_S = 25, INFO_MS = 3000 };

static void set_body(mt_api_request *r, const char *json) {
    GBytes *bytes = g_bytes_new(json, strlen(json));
    soup_message_set_request_body_from_bytes(r->msg, "application/json", bytes);
    g_bytes_unref(bytes);
}

static void add_member(JsonBuilder *b, const char *name, const char *value) {
    json_builder_set_member_name(b, name);
    json_builder_add_string_value(b, value);
}

/* Ends the builder. */
static void set_object(mt_api_request *r, JsonBuilder *b) {
    json_builder_end_object(b);
    JsonNode *root = json_builder_get_root(b);
    char *json = json_to_string(root, FALSE);
    set_body(r, json);
    g_free(json);
    json_node_unref(root);
    g_object_unref(b);
}

static JsonBuilder *new_object(void) {
    return json_builder_begin_object(json_builder_new());
}

static void add_pair(JsonBuilder *b, const uint8_t *pair) {
    char hex[2 * MT_TURN_PAIR_BYTES + 1];
    mt_text_hex(pair, MT_TURN_PAIR_BYTES, hex);
    add_member(b, "pair", hex);
}

void mt_api_set_trust(mt_api *api, mt_trust *trust) {
    api->trust = mt_trust_ref(trust);
}

void mt_api_set_phone(mt_api *api) {
    api->phone = true;
    api->policies = MYTURN_RTP;
}

void mt_api_set_policies(mt_api *api, unsigned policies) {
    if (!api->phone)
        api->policies = policies;
}

/* A login whose answer the network lost would hold the name against its own user: he asks again with the same words. */
static void keep_attempt(mt_api *api, const char *name) {
    if (api->attempt[0] != '\0' && strcmp(api->attempt_name, name) == 0)
        return;
    mt_api_drop_attempt(api);
    uint8_t raw[MT_API_ATTEMPT * 6 / 8];
    mt_buf text;
    mt_buf_init(&text, MT_API_ATTEMPT);
    mt_random_bytes(mt_random_kernel(), raw, sizeof raw);
    mt_text_base64url(&text, raw, sizeof raw);
    if (mt_buf_err(&text) == MT_OK) {
        memcpy(api->attempt, text.p, MT_API_ATTEMPT);
        api->attempt_name = g_strdup(name);
    }
    mt_buf_wipe(&text);
    mt_wipe(raw, sizeof raw);
}

void mt_api_login(mt_api *api, uint32_t seq, const char *name) {
    mt_api_drop_token(api);
    keep_attempt(api, name);
    mt_api_request *r = mt_api_begin(api, REQ_LOGIN, seq, "POST", "/v1/users");
    JsonBuilder *b = new_object();
    add_member(b, "name", name);
    if (api->attempt[0] != '\0')
        add_member(b, "attempt", api->attempt);
    if (api->phone)
        add_member(b, "device", "phone");
    set_object(r, b);
    mt_api_dispatch(r, MT_API_ANSWER_MS);
}

void mt_api_turn(mt_api *api, uint32_t seq, unsigned wait_s, const uint8_t *leave) {
    mt_api_request *r = mt_api_begin(api, REQ_TURN, seq, "POST", "/v1/turn");
    char hex[2 * MT_TURN_PAIR_BYTES + 1] = "", json[128], prefer[32], links[32];
    if (leave != NULL)
        mt_text_hex(leave, MT_TURN_PAIR_BYTES, hex);
    mt_api_write_policies(api->policies, links);
    (void)snprintf(json, sizeof json, leave != NULL ? "{\"leave\":\"%s\",\"link\":[%s]}" : "{%s\"link\":[%s]}", hex,
                   links);
    set_body(r, json);
    (void)snprintf(prefer, sizeof prefer, "wait=%u", wait_s);
    soup_message_headers_replace(soup_message_get_request_headers(r->msg), "Prefer", prefer);
    mt_api_dispatch(r,
                    wait_s * 1000 + 20000); /* a caller's answer may be held 15 s beyond, until the callee is ready */
}

static void give_up_all(mt_api *api, mt_api_request_kind kind) {
    MT_LIST_FOREACH_SAFE(it, &api->requests) {
        mt_api_request *r = MT_CONTAINER(it, mt_api_request, node);
        if (r->kind == kind)
            mt_api_give_up(r);
    }
}

void mt_api_break(mt_api *api) {
    give_up_all(api, REQ_TURN);
}

void mt_api_renew(mt_api *api) {
    soup_session_abort(api->session);
}

void mt_api_stats(mt_api *api) {
    give_up_all(api, REQ_STATS);
    mt_api_dispatch(mt_api_begin(api, REQ_STATS, 0, "GET", "/v1/stats"), MT_API_ANSWER_MS);
}

void mt_api_info(mt_api *api) {
    give_up_all(api, REQ_INFO);
    mt_api_dispatch(mt_api_begin(api, REQ_INFO, 0, "GET", "/v1/info"), INFO_MS);
}

void mt_api_block(mt_api *api, uint32_t seq, const uint8_t *pair) {
    mt_api_request *r = mt_api_begin(api, REQ_BLOCK, seq, "POST", "/v1/turn/block");
    JsonBuilder *b = new_object();
    add_pair(b, pair);
    set_object(r, b);
    mt_api_dispatch(r, MT_API_ANSWER_MS);
}

void mt_api_report(mt_api *api, uint32_t seq, const uint8_t *pair, const char *reason, const char *note) {
    mt_api_request *r = mt_api_begin(api, REQ_REPORT, seq, "POST", "/v1/turn/report");
    JsonBuilder *b = new_object();
    add_pair(b, pair);
    add_member(b, "reason", reason);
    if (note[0] != '\0')
        add_member(b, "note", note);
    set_object(r, b);
    mt_api_dispatch(r, MT_API_ANSWER_MS);
}

void mt_api_watch(mt_api *api, uint32_t seq) {
    give_up_all(api, REQ_WATCH);
    mt_api_request *r = mt_api_begin(api, REQ_WATCH, seq, "GET", "/v1/me");
    SoupMessageHeaders *headers = soup_message_get_request_headers(r->msg);
    char prefer[32];
    (void)snprintf(prefer, sizeof prefer, "wait=%d", WATCH_S);
    soup_message_headers_replace(headers, "Prefer", prefer);
    soup_message_headers_replace(headers, "If-None-Match", api->etag[0] != '\0' ? api->etag : "\"\"");
    mt_api_dispatch(r, WATCH_S * 1000 + MT_API_ANSWER_MS);
}

void mt_api_leave(mt_api *api, uint32_t seq, const uint8_t *pair) {
    char path[16 + 2 * MT_TURN_PAIR_BYTES + 1] = "/v1/turn";
    if (pair != NULL) {
        char hex[2 * MT_TURN_PAIR_BYTES + 1];
        mt_text_hex(pair, MT_TURN_PAIR_BYTES, hex);
        (void)snprintf(path, sizeof path, "/v1/turn?pair=%s", hex);
    }
    mt_api_dispatch(mt_api_begin(api, REQ_LEAVE, seq, "DELETE", path), MT_API_ANSWER_MS);
}

void mt_api_logout(mt_api *api, uint32_t seq) {
    mt_api_dispatch(mt_api_begin(api, REQ_LOGOUT, seq, "DELETE", "/v1/me"), MT_API_ANSWER_MS);
}

void mt_api_on_link(mt_api *api, const mt_api_link_events *events) {
    api->link_ev = events;
}

void mt_api_link_put(mt_api *api, const uint8_t *pair, const char *text) {
    mt_api_request *r = mt_api_begin(api, REQ_LINK_PUT, 0, "PUT", "/v1/turn/link");
    JsonBuilder *b = new_object();
    add_pair(b, pair);
    add_member(b, "link", text);
    set_object(r, b);
    mt_api_dispatch(r, MT_API_ANSWER_MS);
}

void mt_api_link_get(mt_api *api, const uint8_t *pair) {
    char hex[2 * MT_TURN_PAIR_BYTES + 1], path[32 + sizeof hex], prefer[32];
    mt_text_hex(pair, MT_TURN_PAIR_BYTES, hex);
    (void)snprintf(path, sizeof path, "/v1/turn/link?pair=%s", hex);
    mt_api_request *r = mt_api_begin(api, REQ_LINK_GET, 0, "GET", path);
    (void)snprintf(prefer, sizeof prefer, "wait=%d", LINK_WAIT_S);
    soup_message_headers_replace(soup_message_get_request_headers(r->msg), "Prefer", prefer);
    mt_api_dispatch(r, LINK_WAIT_S * 1000 + MT_API_ANSWER_MS);
}

void mt_api_link_break(mt_api *api) {
    MT_LIST_FOREACH_SAFE(it, &api->requests) {
        mt_api_request *r = MT_CONTAINER(it, mt_api_request, node);
        if (r->kind == REQ_LINK_PUT || r->kind == REQ_LINK_GET)
            mt_api_give_up(r);
    }
}

void mt_api_forget(mt_api *api) {
    MT_LIST_FOREACH_SAFE(it, &api->requests) {
        mt_api_give_up(MT_CONTAINER(it, mt_api_request, node));
    }
    mt_api_drop_token(api);
}
