#include "client/api.h"

#include <string.h>

#include "base/i18n.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "client/api_parse.h"
#include "client/api_priv.h"

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

void mt_api_drop_token(mt_api *api) {
    if (api->bearer != NULL)
        mt_wipe(api->bearer, strlen(api->bearer));
    g_clear_pointer(&api->bearer, g_free);
}

void mt_api_drop_attempt(mt_api *api) {
    mt_wipe(api->attempt, sizeof api->attempt);
    g_clear_pointer(&api->attempt_name, g_free);
}

static void free_request(mt_api_request *r) {
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
void mt_api_give_up(mt_api_request *r) {
    r->api = NULL;
    mt_list_remove(&r->node);
    g_cancellable_cancel(r->cancel);
}

/* Answers */

static void info_answered(mt_api *api, JsonObject *o) {
    char contact[256];
    bool relay_only;
    mt_api_parse_info(o, contact, &relay_only);
    api->ev.informed(api->ctx, contact[0] != '\0' ? contact : NULL, relay_only);
}

static void tell_fault(mt_api *api, mt_api_request_kind kind, uint32_t seq, const mt_fault *f) {
    static const char *const words[] = {"login",  "turn", "leave", "block", "report", "watch",
                                        "logout", "link", "link",  "stats", "info"};
    mt_log(f->kind == MT_FAULT_UNREACHABLE ? MT_LOG_WARN : MT_LOG_INFO, "api", "%s: %u %s %s", words[kind], f->status,
           f->code, f->text);
    switch (kind) {
    case REQ_LOGIN:
        if (f->kind != MT_FAULT_UNREACHABLE && f->kind != MT_FAULT_SLOW_DOWN)
            mt_api_drop_attempt(api);
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
    case REQ_BLOCK:
    case REQ_REPORT:
        api->ev.conducted(api->ctx, seq, f);
        break;
    case REQ_INFO:
        info_answered(api, NULL);
        break;
    case REQ_STATS:
        break;
    }
}

static void tell_malformed(mt_api *api, mt_api_request_kind kind, uint32_t seq, unsigned status) {
    mt_fault f = {.kind = MT_FAULT_MALFORMED, .status = status, .text = "malformed answer; is this a myTurn server?"};
    tell_fault(api, kind, seq, &f);
}

static void wipe_text(const char *text) {
    mt_wipe((void *)(uintptr_t)text, strlen(text));
}

static void login_answered(mt_api *api, uint32_t seq, unsigned status, JsonObject *o) {
    mt_api_login_info info;
    const char *token = NULL;
    if (!mt_api_parse_login(o, &info, &token)) {
        tell_malformed(api, REQ_LOGIN, seq, status);
        return;
    }
    mt_api_drop_attempt(api);
    mt_api_drop_token(api);
    api->bearer = g_strdup_printf("Bearer %s", token);
    api->etag[0] = '\0';
    char *settings = mt_api_parse_settings(o);
    const char *info_password = info.sip_password;
    info.settings = settings;
    api->ev.login_done(api->ctx, seq, &info);
    wipe_text(token); /* they lie in the parser's tree, which frees without wiping */
    wipe_text(info_password);
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

static void answered(mt_api *api, mt_api_request_kind kind, uint32_t seq, unsigned status, JsonObject *o) {
    if (kind == REQ_LOGOUT)
        api->ev.logged_out(api->ctx, seq);
    else if (kind == REQ_LEAVE)
        api->ev.left(api->ctx, seq, NULL);
    else if (kind == REQ_BLOCK || kind == REQ_REPORT)
        api->ev.conducted(api->ctx, seq, NULL);
    else if (kind == REQ_INFO)
        info_answered(api, o);
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
static void finish(mt_api_request *r) {
    mt_api *api = r->api;
    mt_api_request_kind kind = r->kind;
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

static const char REFUSED[] = "mt-refused"; /* of a message: why its certificate was */

/* libsoup's own errors of a certificate say nothing of whether we took it. */
static gboolean on_certificate(SoupMessage *msg, GTlsCertificate *peer, GTlsCertificateFlags errors, gpointer data) {
    const char *host = g_uri_get_host(soup_message_get_uri(msg));
    bool good = mt_trust_accepts(data, peer, host, errors);
    if (!good)
        g_object_set_data(G_OBJECT(msg), REFUSED, GUINT_TO_POINTER((guint)errors));
    return good;
}

static void unref_trust(gpointer data, GClosure *closure) {
    (void)closure;
    mt_trust_unref(data);
}

static void fail(mt_api_request *r, const char *why) {
    mt_api *api = r->api;
    mt_api_request_kind kind = r->kind;
    uint32_t seq = r->seq;
    mt_fault f = {.kind = MT_FAULT_UNREACHABLE};
    GTlsCertificateFlags errors = GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(r->msg), REFUSED));
    f.tls = errors != 0;
    (void)g_strlcpy(f.text, f.tls ? _(mt_trust_why(errors)) : why, sizeof f.text);
    free_request(r);
    tell_fault(api, kind, seq, &f);
}

static void read_more(mt_api_request *r);

static void on_read(GObject *source, GAsyncResult *result, gpointer data) {
    mt_api_request *r = data;
    GError *err = NULL;
    GBytes *bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &err);
    gsize len = bytes != NULL ? g_bytes_get_size(bytes) : 0;
    if (len > 0) {
        gconstpointer data_in = g_bytes_get_data(bytes, NULL);
        g_byte_array_append(r->body, data_in, (guint)len);
        mt_wipe((void *)(uintptr_t)data_in, len); /* nobody else holds it; of what libsoup holds nothing can be said */
    }
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

static void read_more(mt_api_request *r) {
    g_input_stream_read_bytes_async(r->stream, 4096, G_PRIORITY_DEFAULT, r->cancel, on_read, r);
}

static void on_sent(GObject *source, GAsyncResult *result, gpointer data) {
    mt_api_request *r = data;
    GError *err = NULL;
    r->stream = soup_session_send_finish(SOUP_SESSION(source), result, &err);
    if (r->api == NULL) {
        free_request(r);
    } else if (r->stream == NULL) {
        fail(r, r->late ? "no answer in time" : err->message);
    } else {
        r->body = g_byte_array_sized_new(8192); /* grown, it would leave copies behind */
        read_more(r);
    }
    g_clear_error(&err);
}

static gboolean on_late(gpointer data) {
    mt_api_request *r = data;
    r->late = true;
    g_cancellable_cancel(r->cancel);
    return G_SOURCE_REMOVE;
}

/* Requests */

mt_api_request *mt_api_begin(mt_api *api, mt_api_request_kind kind, uint32_t seq, const char *method,
                             const char *path) {
    mt_api_request *r = g_new0(mt_api_request, 1);
    char *at = g_uri_to_string(api->base);
    size_t len = strlen(at);
    char *url = g_strconcat(at, len > 0 && at[len - 1] == '/' ? path + 1 : path, NULL);
    r->api = api;
    r->kind = kind;
    r->seq = seq;
    r->msg = soup_message_new(method, url);
    r->cancel = g_cancellable_new();
    soup_message_add_flags(r->msg, SOUP_MESSAGE_NO_REDIRECT);
    if (api->trust != NULL)
        (void)g_signal_connect_data(r->msg, "accept-certificate", G_CALLBACK(on_certificate), mt_trust_ref(api->trust),
                                    unref_trust, 0);
    if (api->bearer != NULL)
        soup_message_headers_replace(soup_message_get_request_headers(r->msg), "Authorization", api->bearer);
    mt_list_append(&api->requests, &r->node);
    g_free(at);
    g_free(url);
    return r;
}

void mt_api_dispatch(mt_api_request *r, unsigned limit_ms) {
    r->limit = g_timeout_source_new(limit_ms);
    g_source_set_callback(r->limit, on_late, r, NULL);
    (void)g_source_attach(r->limit, r->api->main);
    soup_session_send_async(r->api->session, r->msg, G_PRIORITY_DEFAULT, r->cancel, on_sent, r);
}

/* The session outlives the object as long as its last request is under way. */
void mt_api_destroy(mt_api *api) {
    if (api == NULL)
        return;
    mt_api_request *last = api->bearer != NULL ? mt_api_begin(api, REQ_LOGOUT, 0, "DELETE", "/v1/me") : NULL;
    if (last != NULL) {
        mt_api_dispatch(last, MT_API_ANSWER_MS);
        mt_list_remove(&last->node);
        last->api = NULL;
    }
    mt_api_forget(api);
    mt_api_drop_attempt(api);
    g_object_unref(api->session);
    g_uri_unref(api->base);
    mt_trust_unref(api->trust);
    g_main_context_unref(api->main);
    g_free(api);
}
