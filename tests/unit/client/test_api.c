/* The API client against a small HTTP server in the same loop: answers good, bad and hostile, held requests, breaking
 * and forgetting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libsoup/soup.h>

#include "client/api.h"

#define PAIR "00112233445566778899aabbccddeeff"
#define SIP                                                                                                            \
    "\"sip\":{\"uri\":\"sip:jeden@myturn.invalid\",\"username\":\"jeden\",\"realm\":\"myturn.invalid\",\"password\":"  \
    "\"geheim\","                                                                                                      \
    "\"udp\":\"127.0.0.1:5060\",\"tcp\":\"127.0.0.1:5061\",\"tls\":null,\"ws\":\"/sip\",\"mode\":\"embedded\"}"
#define LOGIN                                                                                                          \
    "{\"name\":\"jeden\",\"exten\":\"111000\",\"token\":\"tok\",\"lease_s\":30," SIP                                   \
    ",\"ice_servers\":[],\"relay_only\":false}"
#define PAIRED                                                                                                         \
    "{\"state\":\"paired\",\"pair\":\"" PAIR                                                                           \
    "\",\"role\":\"caller\",\"partner\":{\"name\":\"dwa\",\"exten\":\"111001\"},"                                      \
    "\"connect_s\":15,\"ice_servers\":[]}"

typedef struct bench {
    SoupServer *server;
    mt_api *api;
    char url[64];
    unsigned status; /* of the answer to come */
    const char *body, *retry_after, *location;
    bool hold; /* POST /v1/turn is not answered */
    SoupServerMessage *held;
    unsigned requests;
    char *method, *path, *query, *auth, *prefer, *match, *sent, *type;
    char events[1024];
    mt_turn_draw draw;
    mt_fault fault;
} bench;

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

static const mt_api_events handlers = {.login_done = on_login_done,
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

static gboolean over(gpointer data) {
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

#define UNTIL(cond)                                                                                                    \
    do {                                                                                                               \
        bool late_ = false;                                                                                            \
        guint id_ = g_timeout_add(4000, over, &late_);                                                                 \
        while (!(cond) && !late_)                                                                                      \
            (void)g_main_context_iteration(NULL, TRUE);                                                                \
        if (!late_)                                                                                                    \
            (void)g_source_remove(id_);                                                                                \
        if (!(cond))                                                                                                   \
            fail_msg("in vain: %s; events: %s", #cond, b->events);                                                     \
    } while (0)

static void run_ms(unsigned ms) {
    bool done = false;
    (void)g_timeout_add(ms, over, &done);
    while (!done)
        (void)g_main_context_iteration(NULL, TRUE);
}

static int setup(void **state) {
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
    return ok && mt_api_create(b->url, &handlers, b, &b->api) == MT_OK ? 0 : -1;
}

static int teardown(void **state) {
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

static void log_in(bench *b) {
    b->status = 201;
    b->body = LOGIN;
    mt_api_login(b->api, 1, "jeden");
    UNTIL(b->events[0] != '\0');
    b->events[0] = '\0';
}

static void test_login(void **state) {
    bench *b = *state;
    b->status = 201;
    b->body = LOGIN;
    mt_api_login(b->api, 7, "je\"d\\en");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "in7(jeden 111000 geheim 127.0.0.1:5061)");
    assert_string_equal(b->method, "POST");
    assert_string_equal(b->path, "/v1/users");
    assert_string_equal(b->type, "application/json");
    assert_string_equal(b->sent, "{\"name\":\"je\\\"d\\\\en\"}");
    assert_null(b->auth);
}

static void test_refused_login(void **state) {
    bench *b = *state;
    b->status = 409;
    b->body = "{\"type\":\"about:blank\",\"title\":\"taken\",\"status\":409,\"code\":\"name_taken\"}";
    mt_api_login(b->api, 1, "jeden");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-login1(3 name_taken)");
    assert_int_equal(b->fault.status, 409);
    assert_string_equal(b->fault.text, "taken");
}

static void test_stats(void **state) {
    bench *b = *state;
    b->status = 200;
    b->body = "{\"online\":7,\"waiting\":3,\"talking\":2}";
    mt_api_stats(b->api);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "counted(3/7)");
    assert_string_equal(b->path, "/v1/stats");
    b->body = "{\"online\":7}";
    mt_api_stats(b->api);
    UNTIL(b->requests == 2);
    run_ms(20);
    assert_string_equal(b->events, "counted(3/7)"); /* what is wrong with it is nobody's concern */
}

static void test_info(void **state) {
    bench *b = *state;
    b->status = 200;
    b->body = "{\"version\":\"0.1.0\",\"contact\":\"abuse@\\u202eexample.org\\u001b[2J\",\"relay_only\":true}";
    mt_api_info(b->api);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "info(abuse@example.org[2J relay)");
    assert_string_equal(b->path, "/v1/info");
    b->body = "{\"contact\":null,\"relay_only\":false}";
    mt_api_info(b->api);
    UNTIL(strstr(b->events, ") info(") != NULL);
    assert_non_null(strstr(b->events, " info(-)"));
    b->status = 404; /* an older server */
    b->events[0] = '\0';
    mt_api_info(b->api);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "info(-)");
}

static void test_block_and_report(void **state) {
    bench *b = *state;
    uint8_t pair[16] = {1, 2, 3};
    b->status = 204;
    b->body = "";
    mt_api_block(b->api, 4, pair);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "conduct4(-1 )");
    assert_string_equal(b->path, "/v1/turn/block");
    assert_string_equal(b->sent, "{\"pair\":\"01020300000000000000000000000000\"}");
    b->events[0] = '\0';
    mt_api_report(b->api, 5, pair, "threat", "\"ż\"\n");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->path, "/v1/turn/report");
    assert_string_equal(
        b->sent, "{\"pair\":\"01020300000000000000000000000000\",\"reason\":\"threat\",\"note\":\"\\\"ż\\\"\\n\"}");
    b->events[0] = '\0';
    b->status = 404;
    b->body = "{\"code\":\"not_found\"}";
    mt_api_report(b->api, 6, pair, "spam", "");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "conduct6(3 not_found)");
    assert_string_equal(b->sent, "{\"pair\":\"01020300000000000000000000000000\",\"reason\":\"spam\"}");
}

static void test_suspended(void **state) {
    bench *b = *state;
    b->status = 403;
    b->retry_after = "7200";
    b->body =
        "{\"code\":\"suspended\",\"retry_after_s\":7200,\"contact\":\"abuse@example.org\",\"detail\":\"reported\"}";
    mt_api_turn(b->api, 2, 1, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-turn2(3 suspended)");
    assert_int_equal(b->fault.retry_after_s, 7200);
}

static void test_slow_down(void **state) {
    bench *b = *state;
    b->status = 429;
    b->retry_after = "17";
    b->body = "{\"code\":\"slow_down\"}";
    mt_api_login(b->api, 1, "jeden");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-login1(2 slow_down)");
    assert_int_equal(b->fault.retry_after_s, 17);
}

static void test_nobody_listens(void **state) {
    bench *b = *state;
    soup_server_disconnect(b->server);
    mt_api_login(b->api, 1, "jeden");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-login1(0 )");
    assert_true(b->fault.text[0] != '\0');
}

static void test_bad_login_answers(void **state) {
    bench *b = *state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "null",
        "{\"name\":\"jeden\"}",
        "<html>hello</html>",
        "{\"token\":1,\"sip\":{}}",
        "{\"name\":\"jeden\",\"exten\":\"x\",\"token\":\"t\"," SIP "}",
        "{\"name\":\"jeden\",\"exten\":\"1\",\"token\":\"t\\r\\nX: y\"," SIP "}",
        "{\"name\":\"jeden\\nThe four words\",\"exten\":\"1\",\"token\":\"t\"," SIP "}",
        "{\"name\":\"jeden\",\"exten\":\"1\",\"token\":\"t\",\"sip\":{\"uri\":\"sip:a@b\\r\\nX: "
        "y\",\"username\":\"a\",\"realm\":\"r\","
        "\"password\":\"p\",\"tcp\":\"127.0.0.1:1\"}}",
        "{\"name\":\"jeden\",\"exten\":\"1\",\"token\":\"t\",\"sip\":{\"uri\":\"sip:a@b\",\"username\":\"a\",\"realm\":"
        "\"r\","
        "\"password\":\"p\",\"tcp\":\"somewhere\"}}",
        "{\"name\":\"jeden\",\"exten\":\"1\",\"token\":\"t\",\"sip\":{\"uri\":\"sip:a@b\",\"username\":\"a\",\"realm\":"
        "\"r\","
        "\"password\":\"p\",\"tcp\":null,\"udp\":null}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        b->status = 201;
        b->body = bodies[i];
        b->events[0] = '\0';
        mt_api_login(b->api, 1, "jeden");
        UNTIL(b->events[0] != '\0');
        assert_string_equal(b->events, "no-login1(4 )");
    }
}

static void test_deep_and_long_answers(void **state) {
    bench *b = *state;
    char *deep = g_strnfill(30000, '['), *long_one = g_strnfill(200000, ' ');
    b->status = 200;
    b->body = deep;
    mt_api_turn(b->api, 1, 1, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-turn1(4 )");
    b->events[0] = '\0';
    b->body = long_one;
    mt_api_turn(b->api, 2, 1, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-turn2(0 )");
    g_free(deep);
    g_free(long_one);
}

static void test_turn(void **state) {
    bench *b = *state;
    log_in(b);
    b->status = 200;
    b->body = "{\"state\":\"waiting\",\"ready\":3,\"online\":9}";
    mt_api_turn(b->api, 2, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "waiting2(3/9)");
    assert_string_equal(b->auth, "Bearer tok");
    assert_string_equal(b->prefer, "wait=25");
    assert_string_equal(b->sent, "{\"link\":[\"gcm\"]}");
    uint8_t pair[16] = {0xab, 1};
    b->body = PAIRED;
    b->events[0] = '\0';
    mt_api_turn(b->api, 3, 25, pair);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "drawn3(dwa 111001)");
    assert_string_equal(b->sent, "{\"leave\":\"ab010000000000000000000000000000\",\"link\":[\"gcm\"]}");
    assert_true(b->draw.caller);
    assert_int_equal(b->draw.pair[0], 0);
    assert_int_equal(b->draw.pair[15], 0xff);
    assert_int_equal(b->draw.connect_s, 15);
}

#define DRAWN_BY(link)                                                                                                 \
    "{\"state\":\"paired\",\"pair\":\"" PAIR "\",\"role\":\"callee\",\"partner\":{\"name\":\"dwa\"},"                  \
    "\"link\":\"" link "\",\"relay_only\":true,\"ice_servers\":[{\"urls\":[\"stun:s\"]},{\"urls\":\"turn:a\"},7,"      \
    "{\"urls\":[\"turn:b:1?transport=tcp\",\"turns:c\",\"nonsense\"],\"username\":\"1:u\",\"credential\":\"pw\"}]}"

/* turn:a has no credentials: it is passed over, as all that is malformed. */
static void test_policies_and_ice_servers(void **state) {
    bench *b = *state;
    b->status = 200;
    b->body = DRAWN_BY("cbc");
    mt_api_set_policies(b->api, MYTURN_GCM | MYTURN_CBC);
    mt_api_turn(b->api, 1, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "drawn1(dwa 0)");
    assert_string_equal(b->sent, "{\"link\":[\"gcm\",\"cbc\"]}");
    assert_int_equal(b->draw.policy, MT_POLICY_CBC);
    assert_true(b->draw.relay_only);
    assert_int_equal(b->draw.servers.count, 3);
    assert_string_equal(b->draw.servers.list[0].host, "s");
    assert_int_equal(b->draw.servers.list[1].kind, MT_ICE_TURN_TCP);
    assert_string_equal(b->draw.servers.list[2].password, "pw");
}

/* A server that answers with what was not asked for would take the choice away from the user. */
static void test_policy_that_was_not_asked_for(void **state) {
    static const char *const bodies[] = {DRAWN_BY("cbc"), DRAWN_BY("rtp"), DRAWN_BY("none")};
    bench *b = *state;
    b->status = 200;
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        b->body = bodies[i];
        b->events[0] = '\0';
        mt_api_turn(b->api, 1, 25, NULL);
        UNTIL(b->events[0] != '\0');
        assert_string_equal(b->events, "no-turn1(4 )");
    }
}

static void test_partners_name_is_cleaned(void **state) {
    bench *b = *state;
    b->status = 200;
    b->body = "{\"state\":\"paired\",\"pair\":\"" PAIR
              "\",\"role\":\"callee\",\"partner\":{\"name\":\"d\\u001b[31mw\\u202ea\"}}";
    mt_api_turn(b->api, 3, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_null(strchr(b->draw.name, 27));
    assert_null(strstr(b->draw.name, "\xe2\x80\xae"));
    assert_false(b->draw.caller);
    b->body = "{\"state\":\"paired\",\"pair\":\"" PAIR
              "\",\"role\":\"callee\",\"partner\":{\"name\":\"The four\\u00a0words: \xc4\x85.b-\xe4\xb9\x99_9\"}}";
    b->events[0] = '\0';
    mt_api_turn(b->api, 4, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->draw.name, "The_four_words__\xc4\x85.b-\xe4\xb9\x99_9");
    b->body = "{\"state\":\"paired\",\"pair\":\"" PAIR
              "\",\"role\":\"callee\",\"partner\":{\"name\":\"abcdefghijklmnopqrstuvwxyz0123456789\"}}";
    b->events[0] = '\0';
    mt_api_turn(b->api, 5, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->draw.name, "abcdefghijklmnopqrstuvwxyz012345");
}

static void test_bad_turn_answers(void **state) {
    bench *b = *state;
    static const char *const bodies[] = {
        "{}",
        "{\"state\":\"dancing\"}",
        "{\"state\":\"paired\"}",
        "{\"state\":\"paired\",\"pair\":\"12\",\"role\":\"caller\",\"partner\":{\"name\":\"dwa\",\"exten\":\"1\"}}",
        "{\"state\":\"paired\",\"pair\":\"" PAIR "\",\"role\":\"boss\",\"partner\":{\"name\":\"dwa\",\"exten\":\"1\"}}",
        "{\"state\":\"paired\",\"pair\":\"" PAIR "\",\"role\":\"caller\",\"partner\":{\"name\":\"dwa\"}}",
        "{\"state\":\"paired\",\"pair\":\"" PAIR "\",\"role\":\"caller\",\"partner\":{\"name\":\"\",\"exten\":\"1\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        b->status = 200;
        b->body = bodies[i];
        b->events[0] = '\0';
        mt_api_turn(b->api, 1, 1, NULL);
        UNTIL(b->events[0] != '\0');
        assert_string_equal(b->events, "no-turn1(4 )");
    }
}

static void test_held_request_blocks_nothing(void **state) {
    bench *b = *state;
    log_in(b);
    b->hold = true;
    mt_api_turn(b->api, 2, 25, NULL);
    UNTIL(b->held != NULL);
    b->status = 204;
    b->body = NULL;
    mt_api_leave(b->api, 3, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "left3(-1)");
    assert_string_equal(b->method, "DELETE");
    assert_null(b->query);
    mt_api_break(b->api);
    run_ms(50);
    assert_string_equal(b->events, "left3(-1)");
}

/* A server that accepts, reads and never answers. */
typedef struct deaf {
    GSocket *listener, *conn;
    GSource *source;
    bool request, closed;
    char url[64];
} deaf;

static gboolean on_deaf_conn(GSocket *s, GIOCondition what, gpointer data) {
    deaf *d = data;
    char buf[4096];
    gssize n = g_socket_receive(s, buf, sizeof buf, NULL, NULL);
    d->request = d->request || n > 0;
    d->closed = n <= 0;
    return !d->closed;
}

static gboolean on_deaf_listener(GSocket *s, GIOCondition what, gpointer data) {
    deaf *d = data;
    d->conn = g_socket_accept(s, NULL, NULL);
    GSource *src = g_socket_create_source(d->conn, G_IO_IN | G_IO_HUP, NULL);
    g_source_set_callback(src, G_SOURCE_FUNC(on_deaf_conn), d, NULL);
    (void)g_source_attach(src, NULL);
    g_source_unref(src);
    return G_SOURCE_REMOVE;
}

static void deaf_start(deaf *d) {
    memset(d, 0, sizeof *d);
    d->listener = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    GSocketAddress *at = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    assert_true(g_socket_bind(d->listener, at, TRUE, NULL) && g_socket_listen(d->listener, NULL));
    g_object_unref(at);
    at = g_socket_get_local_address(d->listener, NULL);
    (void)snprintf(d->url, sizeof d->url, "http://127.0.0.1:%u",
                   g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(at)));
    g_object_unref(at);
    d->source = g_socket_create_source(d->listener, G_IO_IN, NULL);
    g_source_set_callback(d->source, G_SOURCE_FUNC(on_deaf_listener), d, NULL);
    (void)g_source_attach(d->source, NULL);
}

static void deaf_stop(deaf *d) {
    g_source_destroy(d->source);
    g_source_unref(d->source);
    g_clear_object(&d->conn);
    g_object_unref(d->listener);
}

/* The server sees at once that the held request is given up: it must not draw him any more. */
static void test_breaking_closes_the_connection(void **state) {
    bench *b = *state;
    deaf d;
    mt_api *api = NULL;
    for (int destroying = 0; destroying < 2; destroying++) {
        deaf_start(&d);
        assert_int_equal(mt_api_create(d.url, &handlers, b, &api), MT_OK);
        mt_api_turn(api, 1, 25, NULL);
        UNTIL(d.request);
        run_ms(20);
        assert_false(d.closed);
        gint64 from_us = g_get_monotonic_time();
        if (!destroying)
            mt_api_break(api);
        else
            mt_api_destroy(api);
        UNTIL(d.closed);
        assert_true(g_get_monotonic_time() - from_us < 500 * 1000);
        if (!destroying)
            mt_api_destroy(api);
        deaf_stop(&d);
    }
    assert_string_equal(b->events, "");
}

static void test_leave_names_the_pair(void **state) {
    bench *b = *state;
    uint8_t pair[16] = {1, 2, 3};
    b->status = 409;
    b->body = "{\"code\":\"paired\",\"pair\":\"" PAIR "\"}";
    mt_api_leave(b->api, 3, pair);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->query, "01020300000000000000000000000000");
    assert_string_equal(b->events, "left3(3)");
    assert_true(b->fault.has_pair);
    assert_int_equal(b->fault.pair[1], 0x11);
}

static void test_401_and_5xx(void **state) {
    bench *b = *state;
    b->status = 401;
    b->body = "{\"code\":\"unauthorized\"}";
    mt_api_turn(b->api, 1, 1, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-turn1(1 unauthorized)");
    b->events[0] = '\0';
    b->status = 503;
    b->body = "{\"code\":\"full\"}";
    mt_api_turn(b->api, 2, 1, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-turn2(0 full)");
}

static void test_redirect_is_not_followed(void **state) {
    bench *b = *state;
    log_in(b);
    b->status = 307;
    b->location = "/elsewhere";
    b->body = NULL;
    unsigned before = b->requests;
    mt_api_turn(b->api, 1, 1, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "no-turn1(4 )");
    assert_int_equal(b->requests, before + 1);
}

static void test_logout_and_forget(void **state) {
    bench *b = *state;
    log_in(b);
    b->status = 204;
    b->body = NULL;
    mt_api_logout(b->api, 4);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "out4");
    assert_string_equal(b->path, "/v1/me");
    assert_string_equal(b->auth, "Bearer tok");
    mt_api_logout(b->api, 5);
    mt_api_forget(b->api);
    run_ms(50);
    assert_string_equal(b->events, "out4");
    mt_api_leave(b->api, 6, NULL);
    UNTIL(strstr(b->events, "left6") != NULL);
    assert_null(b->auth);
}

static void test_destroy_with_requests_under_way(void **state) {
    bench *b = *state;
    b->hold = true;
    mt_api_turn(b->api, 1, 25, NULL);
    UNTIL(b->held != NULL);
    mt_api_login(b->api, 2, "jeden");
    mt_api_destroy(b->api);
    b->api = NULL;
    run_ms(50);
    assert_string_equal(b->events, "");
}

static void test_destroy_logs_out(void **state) {
    bench *b = *state;
    log_in(b);
    b->status = 204;
    b->body = NULL;
    mt_api_destroy(b->api);
    b->api = NULL;
    UNTIL(b->requests == 2);
    assert_string_equal(b->method, "DELETE");
    assert_string_equal(b->path, "/v1/me");
    assert_string_equal(b->auth, "Bearer tok");
    run_ms(50);
    assert_string_equal(b->events, "");
}

static void test_urls(void **state) {
    bench *b = *state;
    static const char *const bad[] = {"",           "127.0.0.1:8080",        "ftp://127.0.0.1",
                                      "http://",    "http://u:p@127.0.0.1",  "http:x",
                                      "http://a/b", "http://127.0.0.1/?x=1", "http://127.0.0.1#f"};
    mt_api *api = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(mt_api_create(bad[i], &handlers, b, &api), MT_EBAD);
    assert_null(api);
    assert_int_equal(mt_api_create("https://localhost:1/", &handlers, b, &api), MT_OK);
    mt_api_destroy(api);
}

static void test_a_phone(void **state) {
    bench *b = *state;
    mt_api_set_phone(b->api);
    b->status = 201;
    b->body = "{\"name\":\"jeden\",\"exten\":\"111000\",\"token\":\"tok\"," SIP
              ",\"settings\":[\"Server: x\",7,\"User: \\u001b[2J1\"]}";
    mt_api_login(b->api, 1, "jeden");
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->sent, "{\"name\":\"jeden\",\"device\":\"phone\"}");
    assert_non_null(strstr(b->events, "[Server: x\nUser: "));
    assert_null(strchr(b->events, 27));
    b->status = 200;
    b->body = "{\"state\":\"waiting\",\"ready\":1,\"online\":2}";
    b->events[0] = '\0';
    mt_api_turn(b->api, 2, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->sent, "{\"link\":[\"rtp\"]}");
}

static void test_watching(void **state) {
    bench *b = *state;
    b->status = 200;
    b->body = "{\"name\":\"jeden\",\"registered\":true,\"talking\":false,\"pair\":null}";
    mt_api_watch(b->api, 1);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "me1(100 00)");
    assert_string_equal(b->prefer, "wait=25");
    assert_string_equal(b->match, "\"\""); /* answered at once */
    b->body = "{\"name\":\"jeden\",\"registered\":true,\"talking\":true,\"pair\":\"" PAIR "\"}";
    b->events[0] = '\0';
    mt_api_watch(b->api, 2);
    mt_api_watch(b->api, 3); /* in place of the other */
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->events, "me3(111 ff)");
    assert_string_equal(b->match, "\"7\"");
    static const char *const bad[] = {"{}", "{\"name\":\"jeden\",\"pair\":7}", "{\"name\":\"jeden\",\"pair\":\"12\"}",
                                      "x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        b->body = bad[i];
        b->events[0] = '\0';
        mt_api_watch(b->api, 4);
        UNTIL(b->events[0] != '\0');
        assert_string_equal(b->events, "no-me4(4 )");
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_a_phone),
        T(test_watching),
        T(test_login),
        T(test_refused_login),
        T(test_stats),
        T(test_info),
        T(test_block_and_report),
        T(test_suspended),
        T(test_slow_down),
        T(test_nobody_listens),
        T(test_bad_login_answers),
        T(test_deep_and_long_answers),
        T(test_turn),
        T(test_policies_and_ice_servers),
        T(test_policy_that_was_not_asked_for),
        T(test_partners_name_is_cleaned),
        T(test_bad_turn_answers),
        T(test_held_request_blocks_nothing),
        T(test_breaking_closes_the_connection),
        T(test_leave_names_the_pair),
        T(test_401_and_5xx),
        T(test_redirect_is_not_followed),
        T(test_logout_and_forget),
        T(test_destroy_with_requests_under_way),
        T(test_destroy_logs_out),
        T(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
