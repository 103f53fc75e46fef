/* The API client's turns: draws good, bad and hostile, held requests, breaking, watching and forgetting. */
#include "api_kit.h"

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
        assert_int_equal(mt_api_create(d.url, &api_kit_events, b, &api), MT_OK);
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

#define T(f) cmocka_unit_test_setup_teardown(f, api_kit_setup, api_kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_watching),
        T(test_block_and_report),
        T(test_turn),
        T(test_policies_and_ice_servers),
        T(test_policy_that_was_not_asked_for),
        T(test_partners_name_is_cleaned),
        T(test_bad_turn_answers),
        T(test_held_request_blocks_nothing),
        T(test_breaking_closes_the_connection),
        T(test_leave_names_the_pair),
        T(test_401_and_5xx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
