/* The API client's logins, and what it asks beside turns: answers good, bad and hostile, and the end with requests
 * under way. */
#include "api_kit.h"

/* The attempt in what was sent last: 43 characters. */
static void sent_attempt(const bench *b, char out[44]) {
    static const char member[] = "\"attempt\":\"";
    const char *at = strstr(b->sent, member);
    assert_non_null(at);
    at += sizeof member - 1;
    assert_int_equal(strcspn(at, "\""), 43);
    (void)g_strlcpy(out, at, 44);
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
    char attempt[44], all[128];
    sent_attempt(b, attempt);
    (void)snprintf(all, sizeof all, "{\"name\":\"je\\\"d\\\\en\",\"attempt\":\"%s\"}", attempt);
    assert_string_equal(b->sent, all);
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

/* Logs in, and tells the attempt that was sent. */
static void try_login(bench *b, unsigned status, const char *body, const char *name, char attempt[44]) {
    unsigned before = b->requests;
    b->status = status;
    b->body = body;
    b->events[0] = '\0';
    mt_api_login(b->api, before + 1, name);
    UNTIL(b->events[0] != '\0');
    assert_int_equal(b->requests, before + 1);
    sent_attempt(b, attempt);
}

/* A login whose answer is lost is asked for again as the same attempt; one that was answered is over. */
static void test_an_attempt_lasts_until_it_is_answered(void **state) {
    bench *b = *state;
    char first[44], again[44];
    try_login(b, 502, "", "jeden", first);
    try_login(b, 429, "{\"code\":\"slow_down\"}", "jeden", again);
    assert_string_equal(again, first);
    mt_api_forget(b->api); /* as at the end of a first login that failed */
    try_login(b, 201, LOGIN, "jeden", again);
    assert_string_equal(again, first);
    try_login(b, 409, "{\"code\":\"name_taken\"}", "jeden", again);
    assert_string_not_equal(again, first);
    try_login(b, 502, "", "jeden", first);
    assert_string_not_equal(again, first);
    try_login(b, 502, "", "dwa", again);
    assert_string_not_equal(again, first);
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
        assert_int_equal(mt_api_create(bad[i], &api_kit_events, b, &api), MT_EBAD);
    assert_null(api);
    assert_int_equal(mt_api_create("https://localhost:1/", &api_kit_events, b, &api), MT_OK);
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
    assert_non_null(strstr(b->sent, ",\"device\":\"phone\"}"));
    assert_non_null(strstr(b->events, "[Server: x\nUser: "));
    assert_null(strchr(b->events, 27));
    b->status = 200;
    b->body = "{\"state\":\"waiting\",\"ready\":1,\"online\":2}";
    b->events[0] = '\0';
    mt_api_turn(b->api, 2, 25, NULL);
    UNTIL(b->events[0] != '\0');
    assert_string_equal(b->sent, "{\"link\":[\"rtp\"]}");
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_kit_setup, api_kit_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_a_phone),
        T(test_login),
        T(test_refused_login),
        T(test_an_attempt_lasts_until_it_is_answered),
        T(test_stats),
        T(test_info),
        T(test_suspended),
        T(test_slow_down),
        T(test_nobody_listens),
        T(test_bad_login_answers),
        T(test_deep_and_long_answers),
        T(test_redirect_is_not_followed),
        T(test_logout_and_forget),
        T(test_destroy_with_requests_under_way),
        T(test_destroy_logs_out),
        T(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
