#include "client/api.h"

#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "client/api_parse.h"

enum { ANSWER_MS = 10000, WATCH_S = 25, LINK_WAIT_S = 25 }; /* the first besides what the request asks to be held */

typedef enum request_kind {
    REQ_LOGIN,
    REQ_TURN,
    REQ_LEAVE,
    REQ_WATCH,
    REQ_LOGOUT,
    REQ_LINK_PUT,
    REQ_LINK_GET,
    REQ_STATS
} request_kind;

typedef struct request {
    mt_list node;
    mt_api *api; /* NULL: given up, nobody wants to hear */
    request_kind kind;
    uint32_t seq;
    SoupMessage *msg;
    GCancellable *cancel;
    GSource *limit;
    bool late;
    GInputStream *stream;
    GByteArray *body;
} request;

struct mt_api {
    mt_api_events ev;
    const mt_api_link_events *link_ev;
    void *ctx;
    SoupSession *session;
    GUri *base;
    GMainContext *main;
    char *bearer; /* "Bearer …", NULL: not logged in */
    mt_list requests;
    bool phone;
    unsigned policies;
    char etag[32]; /* of the last answer to WATCH */
};

mt_err mt_api_create(const char *url, const mt_api_events *events, void *ctx, mt_api **out) {
    GUri *base = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    if (base == NULL)
        return MT_EBAD;
    const char *scheme = g_uri_get_scheme(base), *host = g_uri_get_host(base), *path = g_uri_get_path(base);
    bool web = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
    bool plain = g_uri_get_userinfo(base) == NULL && g_uri_get_query(base) == NULL &&
                 g_uri_get_fragment(base) == NULL && (path[0] == '\0' || strcmp(path, "/") == 0);
    if (!web || host == NULL || host[0] == '\0' || !plain) {
        g_uri_unref(base);
        return MT_EBAD;
    }
    mt_api *api = g_new0(mt_api, 1);
    api->ev = *events;
    api->ctx = ctx;
    api->base = base;
    api->main = g_main_context_ref_thread_default();
    api->policies = MYTURN_GCM;
    mt_list_init(&api->requests);
    api->session =
        soup_session_new_with_options("max-conns", 16, "max-conns-per-host", 8, "timeout", 120U, "idle-timeout", 50U,
                                      "proxy-resolver", NULL, "user-agent", "myturn", NULL);
    soup_session_remove_feature_by_type(api->session, SOUP_TYPE_AUTH_MANAGER);
    soup_session_remove_feature_by_type(api->session, SOUP_TYPE_CONTENT_DECODER);
    *out = api;
    return MT_OK;
}

static void drop_token(mt_api *api) {
    if (api->bearer != NULL)
        mt_wipe(api->bearer, strlen(api->bearer));
    g_clear_pointer(&api->bearer, g_free);
}

static void free_request(request *r) {
    mt_list_remove(&r->node);
    if (r->limit != NULL) {
        g_source_destroy(r->limit);
        g_source_unref(r->limit);
    }
    g_object_unref(r->msg);
    g_object_unref(r->cancel);
    g_clear_object(&r->stream);
    if (r->body != NULL)
        g_byte_array_unref(r->body);
    g_free(r);
}

/* libsoup closes the connection of what is cancelled under way, and hands the request back to be freed. */
static void give_up(request *r) {
    r->api = NULL;
    mt_list_remove(&r->node);
    g_cancellable_cancel(r->cancel);
}

/* Answers */

static void tell_fault(mt_api *api, request_kind kind, uint32_t seq, const mt_fault *f) {
    static const char *const words[] = {"login", "turn", "leave", "watch", "logout", "link", "link", "stats"};
    mt_log(f->kind == MT_FAULT_UNREACHABLE ? MT_LOG_WARN : MT_LOG_INFO, "api", "%s: %u %s %s", words[kind], f->status,
           f->code, f->text);
    switch (kind) {
    case REQ_LOGIN:
        api->ev.login_failed(api->ctx, seq, f);
        break;
    case REQ_TURN:
        api->ev.turn_failed(api->ctx, seq, f);
        break;
    case REQ_LEAVE:
        api->ev.left(api->ctx, seq, f);
        break;
    case REQ_WATCH:
        api->ev.watch_failed(api->ctx, seq, f);
        break;
    case REQ_LOGOUT:
        api->ev.logged_out(api->ctx, seq);
        break;
    case REQ_LINK_PUT:
    case REQ_LINK_GET:
        api->link_ev->failed(api->ctx, kind == REQ_LINK_PUT, f);
        break;
    case REQ_STATS:
        break;
    }
}

static void tell_malformed(mt_api *api, request_kind kind, uint32_t seq, unsigned status) {
    mt_fault f = {.kind = MT_FAULT_MALFORMED, .status = status, .text = "malformed answer; is this a myTurn server?"};
    tell_fault(api, kind, seq, &f);
}

static void login_answered(mt_api *api, uint32_t seq, unsigned status, JsonObject *o) {
    mt_api_login_info info;
    const char *token = NULL;
    if (!mt_api_parse_login(o, &info, &token)) {
        tell_malformed(api, REQ_LOGIN, seq, status);
        return;
    }
    drop_token(api);
    api->bearer = g_strdup_printf("Bearer %s", token);
    api->etag[0] = '\0';
    char *settings = mt_api_parse_settings(o);
    info.settings = settings;
    api->ev.login_done(api->ctx, seq, &info);
    if (settings != NULL)
        mt_wipe(settings, strlen(settings));
    g_free(settings);
}

static void watch_answered(mt_api *api, uint32_t seq, unsigned status, JsonObject *o) {
    mt_turn_me me;
    if (mt_api_parse_me(o, &me))
        api->ev.watched(api->ctx, seq, &me);
    else
        tell_malformed(api, REQ_WATCH, seq, status);
}

static void turn_answered(mt_api *api, uint32_t seq, unsigned status, JsonObject *o) {
    mt_turn_draw draw;
    bool waiting = false;
    unsigned ready = 0, online = 0;
    bool ok = mt_api_parse_turn(o, &waiting, &draw, &ready, &online);
    if (!ok || (!waiting && (api->policies & 1U << draw.policy) == 0))
        tell_malformed(api, REQ_TURN, seq, status);
    else if (waiting)
        api->ev.waiting(api->ctx, seq, ready, online);
    else
        api->ev.drawn(api->ctx, seq, &draw);
}

static void link_answered(mt_api *api, unsigned status, JsonObject *o) {
    const char *text = NULL;
    if (mt_api_parse_link(o, &text))
        api->link_ev->got(api->ctx, text);
    else
        tell_malformed(api, REQ_LINK_GET, 0, status);
}

static void stats_answered(mt_api *api, unsigned status, JsonObject *o) {
    unsigned ready, online;
    if (mt_api_parse_stats(o, &ready, &online))
        api->ev.counted(api->ctx, ready, online);
    else
        tell_malformed(api, REQ_STATS, 0, status);
}

static void answered(mt_api *api, request_kind kind, uint32_t seq, unsigned status, JsonObject *o) {
    if (kind == REQ_LOGOUT)
        api->ev.logged_out(api->ctx, seq);
    else if (kind == REQ_LEAVE)
        api->ev.left(api->ctx, seq, NULL);
    else if (kind == REQ_LINK_PUT)
        api->link_ev->put(api->ctx);
    else if (o == NULL)
        tell_malformed(api, kind, seq, status);
    else if (kind == REQ_LOGIN)
        login_answered(api, seq, status, o);
    else if (kind == REQ_WATCH)
        watch_answered(api, seq, status, o);
    else if (kind == REQ_STATS)
        stats_answered(api, status, o);
    else if (kind == REQ_LINK_GET)
        link_answered(api, status, o);
    else
        turn_answered(api, seq, status, o);
}

static void keep_etag(mt_api *api, SoupMessage *msg) {
    const char *tag = soup_message_headers_get_one(soup_message_get_response_headers(msg), "ETag");
    (void)g_strlcpy(api->etag, tag != NULL && strlen(tag) < sizeof api->etag ? tag : "", sizeof api->etag);
}

/* The request is freed before its event: the owner may destroy everything from within. */
static void finish(request *r) {
    mt_api *api = r->api;
    request_kind kind = r->kind;
    uint32_t seq = r->seq;
    unsigned status = soup_message_get_status(r->msg);
    char *retry_after =
        g_strdup(soup_message_headers_get_one(soup_message_get_response_headers(r->msg), "Retry-After"));
    GByteArray *body = g_byte_array_ref(r->body);
    if (kind == REQ_WATCH)
        keep_etag(api, r->msg);
    free_request(r);
    JsonParser *parser = json_parser_new();
    JsonObject *o = mt_api_parse_object(parser, mt_slice_n(body->data, body->len));
    if (status >= 200 && status < 300) {
        answered(api, kind, seq, status, o);
    } else {
        mt_fault f = mt_api_parse_fault(status, o, retry_after);
        tell_fault(api, kind, seq, &f);
    }
    g_object_unref(parser);
    mt_wipe(body->data, body->len); /* a login's answer holds secrets */
    g_byte_array_unref(body);
    g_free(retry_after);
}

static void fail(request *r, const char *why) {
    mt_api *api = r->api;
    request_kind kind = r->kind;
    uint32_t seq = r->seq;
    mt_fault f = {.kind = MT_FAULT_UNREACHABLE};
    (void)g_strlcpy(f.text, why, sizeof f.text);
    free_request(r);
    tell_fault(api, kind, seq, &f);
}

static void read_more(request *r);

static void on_read(GObject *source, GAsyncResult *result, gpointer data) {
    request *r = data;
    GError *err = NULL;
    GBytes *bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &err);
    gsize len = bytes != NULL ? g_bytes_get_size(bytes) : 0;
    if (len > 0)
        g_byte_array_append(r->body, g_bytes_get_data(bytes, NULL), (guint)len);
    bool failed = bytes == NULL;
    if (bytes != NULL)
        g_bytes_unref(bytes);
    if (r->api == NULL)
        free_request(r);
    else if (failed)
        fail(r, r->late ? "no answer in time" : err->message);
    else if (r->body->len > MT_API_BODY_MAX)
        fail(r, "the answer is too long");
    else if (len == 0)
        finish(r);
    else
        read_more(r);
    g_clear_error(&err);
}

static void read_more(request *r) {
    g_input_stream_read_bytes_async(r->stream, 4096, G_PRIORITY_DEFAULT, r->cancel, on_read, r);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer data) {
    request *r = data;
    GError *err = NULL;
    r->stream = soup_session_send_finish(SOUP_SESSION(source), result, &err);
    if (r->api == NULL) {
        free_request(r);
    } else if (r->stream == NULL) {
        fail(r, r->late ? "no answer in time" : err->message);
    } else {
        r->body = g_byte_array_new();
        read_more(r);
    }
    g_clear_error(&err);
}

static gboolean on_late(gpointer data) {
    request *r = data;
    r->late = true;
    g_cancellable_cancel(r->cancel);
    return G_SOURCE_REMOVE;
}

/* Requests */

static request *begin(mt_api *api, request_kind kind, uint32_t seq, const char *method, const char *path) {
    request *r = g_new0(request, 1);
    char *at = g_uri_to_string(api->base);
    size_t len = strlen(at);
    char *url = g_strconcat(at, len > 0 && at[len - 1] == '/' ? path + 1 : path, NULL);
    r->api = api;
    r->kind = kind;
    r->seq = seq;
    r->msg = soup_message_new(method, url);
    r->cancel = g_cancellable_new();
    soup_message_add_flags(r->msg, SOUP_MESSAGE_NO_REDIRECT);
    if (api->bearer != NULL)
        soup_message_headers_replace(soup_message_get_request_headers(r->msg), "Authorization", api->bearer);
    mt_list_append(&api->requests, &r->node);
    g_free(at);
    g_free(url);
    return r;
}

static void set_body(request *r, const char *json) {
    GBytes *bytes = g_bytes_new(json, strlen(json));
    soup_message_set_request_body_from_bytes(r->msg, "application/json", bytes);
    g_bytes_unref(bytes);
}

static void dispatch(request *r, unsigned limit_ms) {
    r->limit = g_timeout_source_new(limit_ms);
    g_source_set_callback(r->limit, on_late, r, NULL);
    (void)g_source_attach(r->limit, r->api->main);
    soup_session_send_async(r->api->session, r->msg, G_PRIORITY_DEFAULT, r->cancel, on_sent, r);
}

void mt_api_set_phone(mt_api *api) {
    api->phone = true;
    api->policies = MYTURN_RTP;
}

void mt_api_set_policies(mt_api *api, unsigned policies) {
    if (!api->phone)
        api->policies = policies;
}

void mt_api_login(mt_api *api, uint32_t seq, const char *name) {
    drop_token(api);
    request *r = begin(api, REQ_LOGIN, seq, "POST", "/v1/users");
    JsonBuilder *b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "name");
    json_builder_add_string_value(b, name);
    if (api->phone) {
        json_builder_set_member_name(b, "device");
        json_builder_add_string_value(b, "phone");
    }
    json_builder_end_object(b);
    JsonNode *root = json_builder_get_root(b);
    char *json = json_to_string(root, FALSE);
    set_body(r, json);
    g_free(json);
    json_node_unref(root);
    g_object_unref(b);
    dispatch(r, ANSWER_MS);
}

void mt_api_turn(mt_api *api, uint32_t seq, unsigned wait_s, const uint8_t *leave) {
    request *r = begin(api, REQ_TURN, seq, "POST", "/v1/turn");
    char hex[2 * MT_TURN_PAIR_BYTES + 1] = "", json[128], prefer[32], links[32];
    if (leave != NULL)
        mt_text_hex(leave, MT_TURN_PAIR_BYTES, hex);
    mt_api_write_policies(api->policies, links);
    (void)snprintf(json, sizeof json, leave != NULL ? "{\"leave\":\"%s\",\"link\":[%s]}" : "{%s\"link\":[%s]}", hex,
                   links);
    set_body(r, json);
    (void)snprintf(prefer, sizeof prefer, "wait=%u", wait_s);
    soup_message_headers_replace(soup_message_get_request_headers(r->msg), "Prefer", prefer);
    dispatch(r, wait_s * 1000 + 20000); /* a caller's answer may be held 15 s beyond, until the callee is ready */
}

static void give_up_all(mt_api *api, request_kind kind) {
    MT_LIST_FOREACH_SAFE(it, &api->requests) {
        request *r = MT_CONTAINER(it, request, node);
        if (r->kind == kind)
            give_up(r);
    }
}

void mt_api_break(mt_api *api) {
    give_up_all(api, REQ_TURN);
}

void mt_api_stats(mt_api *api) {
    give_up_all(api, REQ_STATS);
    dispatch(begin(api, REQ_STATS, 0, "GET", "/v1/stats"), ANSWER_MS);
}

void mt_api_watch(mt_api *api, uint32_t seq) {
    give_up_all(api, REQ_WATCH);
    request *r = begin(api, REQ_WATCH, seq, "GET", "/v1/me");
    SoupMessageHeaders *headers = soup_message_get_request_headers(r->msg);
    char prefer[32];
    (void)snprintf(prefer, sizeof prefer, "wait=%d", WATCH_S);
    soup_message_headers_replace(headers, "Prefer", prefer);
    soup_message_headers_replace(headers, "If-None-Match", api->etag[0] != '\0' ? api->etag : "\"\"");
    dispatch(r, WATCH_S * 1000 + ANSWER_MS);
}

void mt_api_leave(mt_api *api, uint32_t seq, const uint8_t *pair) {
    char path[16 + 2 * MT_TURN_PAIR_BYTES + 1] = "/v1/turn";
    if (pair != NULL) {
        char hex[2 * MT_TURN_PAIR_BYTES + 1];
        mt_text_hex(pair, MT_TURN_PAIR_BYTES, hex);
        (void)snprintf(path, sizeof path, "/v1/turn?pair=%s", hex);
    }
    dispatch(begin(api, REQ_LEAVE, seq, "DELETE", path), ANSWER_MS);
}

void mt_api_logout(mt_api *api, uint32_t seq) {
    dispatch(begin(api, REQ_LOGOUT, seq, "DELETE", "/v1/me"), ANSWER_MS);
}

void mt_api_on_link(mt_api *api, const mt_api_link_events *events) {
    api->link_ev = events;
}

void mt_api_link_put(mt_api *api, const uint8_t *pair, const char *text) {
    request *r = begin(api, REQ_LINK_PUT, 0, "PUT", "/v1/turn/link");
    char hex[2 * MT_TURN_PAIR_BYTES + 1];
    mt_text_hex(pair, MT_TURN_PAIR_BYTES, hex);
    JsonBuilder *b = json_builder_new();
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "pair");
    json_builder_add_string_value(b, hex);
    json_builder_set_member_name(b, "link");
    json_builder_add_string_value(b, text);
    json_builder_end_object(b);
    JsonNode *root = json_builder_get_root(b);
    char *json = json_to_string(root, FALSE);
    set_body(r, json);
    g_free(json);
    json_node_unref(root);
    g_object_unref(b);
    dispatch(r, ANSWER_MS);
}

void mt_api_link_get(mt_api *api, const uint8_t *pair) {
    char hex[2 * MT_TURN_PAIR_BYTES + 1], path[32 + sizeof hex], prefer[32];
    mt_text_hex(pair, MT_TURN_PAIR_BYTES, hex);
    (void)snprintf(path, sizeof path, "/v1/turn/link?pair=%s", hex);
    request *r = begin(api, REQ_LINK_GET, 0, "GET", path);
    (void)snprintf(prefer, sizeof prefer, "wait=%d", LINK_WAIT_S);
    soup_message_headers_replace(soup_message_get_request_headers(r->msg), "Prefer", prefer);
    dispatch(r, LINK_WAIT_S * 1000 + ANSWER_MS);
}

void mt_api_link_break(mt_api *api) {
    MT_LIST_FOREACH_SAFE(it, &api->requests) {
        request *r = MT_CONTAINER(it, request, node);
        if (r->kind == REQ_LINK_PUT || r->kind == REQ_LINK_GET)
            give_up(r);
    }
}

void mt_api_forget(mt_api *api) {
    MT_LIST_FOREACH_SAFE(it, &api->requests) {
        give_up(MT_CONTAINER(it, request, node));
    }
    drop_token(api);
}

/* The session outlives the object as long as its last request is under way. */
void mt_api_destroy(mt_api *api) {
    if (api == NULL)
        return;
    request *last = api->bearer != NULL ? begin(api, REQ_LOGOUT, 0, "DELETE", "/v1/me") : NULL;
    if (last != NULL) {
        dispatch(last, ANSWER_MS);
        mt_list_remove(&last->node);
        last->api = NULL;
    }
    mt_api_forget(api);
    g_object_unref(api->session);
    g_uri_unref(api->base);
    g_main_context_unref(api->main);
    g_free(api);
}
