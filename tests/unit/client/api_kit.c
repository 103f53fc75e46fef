#include "api_kit.h"

static void note(bench *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(bench *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *word = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    size_t len = strlen(b->events);
    (void)snprintf(b->events + len, sizeof b->events - len, "%s%s", len > 0 ? " " : "", word);
    g_free(word);
}

static void on_login_done(void *ctx, uint32_t seq, const mt_api_login_info *i) {
    note(ctx, "in%u(%s %u %s %s)", seq, i->name, i->exten, i->sip_password, i->sip_tcp);
    if (i->settings != NULL)
        note(ctx, "[%s]", i->settings);
}

static void on_login_failed(void *ctx, uint32_t seq, const mt_fault *f) {
    ((bench *)ctx)->fault = *f;
    note(ctx, "no-login%u(%d %s)", seq, (int)f->kind, f->code);
}

static void on_drawn(void *ctx, uint32_t seq, const mt_turn_draw *d) {
    ((bench *)ctx)->draw = *d;
    note(ctx, "drawn%u(%s %u)", seq, d->name, d->exten);
}

static void on_waiting(void *ctx, uint32_t seq, unsigned ready, unsigned online) {
    note(ctx, "waiting%u(%u/%u)", seq, ready, online);
}

static void on_turn_failed(void *ctx, uint32_t seq, const mt_fault *f) {
    ((bench *)ctx)->fault = *f;
    note(ctx, "no-turn%u(%d %s)", seq, (int)f->kind, f->code);
}

static void on_left(void *ctx, uint32_t seq, const mt_fault *f) {
    if (f != NULL)
        ((bench *)ctx)->fault = *f;
    note(ctx, "left%u(%d)", seq, f != NULL ? (int)f->kind : -1);
}

static void on_logged_out(void *ctx, uint32_t seq) {
    note(ctx, "out%u", seq);
}

static void on_watched(void *ctx, uint32_t seq, const mt_turn_me *me) {
    note(ctx, "me%u(%d%d%d %02x)", seq, me->registered, me->talking, me->paired, me->pair[15]);
}

static void on_watch_failed(void *ctx, uint32_t seq, const mt_fault *f) {
    ((bench *)ctx)->fault = *f;
    note(ctx, "no-me%u(%d %s)", seq, (int)f->kind, f->code);
}

static void on_conducted(void *ctx, uint32_t seq, const mt_fault *f) {
    note(ctx, "conduct%u(%d %s)", seq, f != NULL ? (int)f->kind : -1, f != NULL ? f->code : "");
}

static void on_informed(void *ctx, const char *contact, bool relay_only) {
    note(ctx, "info(%s%s)", contact != NULL ? contact : "-", relay_only ? " relay" : "");
}

static void on_counted(void *ctx, unsigned ready, unsigned online) {
    note(ctx, "counted(%u/%u)", ready, online);
}

const mt_api_events api_kit_events = {.login_done = on_login_done,
                                      .login_failed = on_login_failed,
                                      .drawn = on_drawn,
                                      .waiting = on_waiting,
                                      .turn_failed = on_turn_failed,
                                      .left = on_left,
                                      .conducted = on_conducted,
                                      .watched = on_watched,
                                      .watch_failed = on_watch_failed,
                                      .logged_out = on_logged_out,
                                      .counted = on_counted,
                                      .informed = on_informed};

static void keep(char **to, const char *text) {
    g_free(*to);
    *to = g_strdup(text);
}

static void on_request(SoupServer *s, SoupServerMessage *m, const char *path, GHashTable *query, gpointer data) {
    bench *b = data;
    SoupMessageHeaders *h = soup_server_message_get_request_headers(m),
                       *out = soup_server_message_get_response_headers(m);
    SoupMessageBody *body = soup_server_message_get_request_body(m);
    b->requests++;
    keep(&b->method, soup_server_message_get_method(m));
    keep(&b->path, path);
    keep(&b->query, query != NULL ? g_hash_table_lookup(query, "pair") : NULL);
    keep(&b->auth, soup_message_headers_get_one(h, "Authorization"));
    keep(&b->prefer, soup_message_headers_get_one(h, "Prefer"));
    keep(&b->match, soup_message_headers_get_one(h, "If-None-Match"));
    keep(&b->type, soup_message_headers_get_one(h, "Content-Type"));
    g_free(b->sent);
    b->sent = g_strndup(body->data != NULL ? body->data : "", (gsize)body->length);
    if (b->hold && strcmp(b->method, "POST") == 0 && strcmp(path, "/v1/turn") == 0) {
        b->held = m;
        soup_server_message_pause(m);
        return;
    }
    soup_server_message_set_status(m, b->status, NULL);
    if (b->retry_after != NULL)
        soup_message_headers_replace(out, "Retry-After", b->retry_after);
    soup_message_headers_replace(out, "ETag", "\"7\"");
    if (b->location != NULL)
        soup_message_headers_replace(out, "Location", b->location);
    if (b->body != NULL)
        soup_server_message_set_response(m, "application/json", SOUP_MEMORY_COPY, b->body, strlen(b->body));
}

int api_kit_setup(void **state) {
    static bench b_;
    bench *b = &b_;
    memset(b, 0, sizeof *b);
    b->server = soup_server_new(NULL, NULL);
    soup_server_add_handler(b->server, NULL, on_request, b, NULL);
    GInetAddress *lo = g_inet_address_new_from_string("127.0.0.1");
    GSocketAddress *at = g_inet_socket_address_new(lo, 0);
    gboolean ok = soup_server_listen(b->server, at, 0, NULL);
    g_object_unref(at);
    g_object_unref(lo);
    GSList *uris = soup_server_get_uris(b->server);
    (void)snprintf(b->url, sizeof b->url, "http://127.0.0.1:%d", g_uri_get_port(uris->data));
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    *state = b;
    return ok && mt_api_create(b->url, &api_kit_events, b, &b->api) == MT_OK ? 0 : -1;
}

int api_kit_teardown(void **state) {
    bench *b = *state;
    mt_api_destroy(b->api);
    run_ms(20); /* what was given up is freed by the loop */
    soup_server_disconnect(b->server);
    g_object_unref(b->server);
    g_free(b->method), g_free(b->path), g_free(b->query), g_free(b->auth), g_free(b->prefer), g_free(b->match),
        g_free(b->sent), g_free(b->type);
    run_ms(20);
    return 0;
}

void log_in(bench *b) {
    b->status = 201;
    b->body = LOGIN;
    mt_api_login(b->api, 1, "jeden");
    UNTIL(b->events[0] != '\0');
    b->events[0] = '\0';
}
