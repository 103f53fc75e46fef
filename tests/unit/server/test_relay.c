/* Relays: the lists of URLs, the secret, credentials that coturn takes, what users are told; and pages that are left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "fake_net.h"
#include "server/relay.h"

#define SECRET "0123456789abcdef"

static void lists_of_urls(void **state) {
    mt_ice_urls u = {.count = 0};
    mt_slice good =
        MT_SLICE_LIT("turn:t.example.org:3478?transport=udp,\tturns:192.0.2.1 turn:[2001:db8::1]:5349?transport=tcp");
    assert_int_equal(mt_ice_urls_add(&u, good, true), MT_OK);
    assert_int_equal(u.count, 3);
    assert_string_equal(u.at[2], "turn:[2001:db8::1]:5349?transport=tcp");
    assert_int_equal(mt_ice_urls_add(&u, MT_SLICE_LIT("turn:a"), true), MT_OK);
    mt_buf text;
    mt_buf_init(&text, 1000);
    mt_ice_urls_format(&u, &text);
    assert_string_equal(text.p, "turn:t.example.org:3478?transport=udp, turns:192.0.2.1, "
                                "turn:[2001:db8::1]:5349?transport=tcp, turn:a");
    mt_buf_deinit(&text);
    for (size_t i = u.count; i < MT_ICE_URLS_MAX; i++)
        assert_int_equal(mt_ice_urls_add(&u, MT_SLICE_LIT("turn:a"), true), MT_OK);
    assert_int_equal(mt_ice_urls_add(&u, MT_SLICE_LIT("turn:a"), true), MT_ELIMIT);
}

static void other_forms_are_refused(void **state) {
    static const char *const wrong[] = {"",
                                        ",",
                                        "turn.example.org",
                                        "turn:",
                                        "http://a",
                                        "stun:a",
                                        "turn:a:",
                                        "turn:a:0",
                                        "turn:a:65536",
                                        "turn:a:1:2",
                                        "turn:a?transport=sctp",
                                        "turn:a?",
                                        "turn:a\"b",
                                        "turn:-a",
                                        "turn:[::1",
                                        "turn:[a]",
                                        "turn:[]",
                                        "turn:[::1]x",
                                        "turn:a stun:b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mt_ice_urls u = {.count = 0};
        if (mt_ice_urls_add(&u, mt_slice_of(wrong[i]), true) != MT_EBAD || u.count != 0)
            fail_msg("taken: %s", wrong[i]);
    }
    mt_ice_urls u = {.count = 0};
    assert_int_equal(mt_ice_urls_add(&u, MT_SLICE_LIT("stuns:a:1"), false), MT_OK);
    assert_int_equal(mt_ice_urls_add(&u, MT_SLICE_LIT("stun:a?transport=udp"), false), MT_EBAD);
}

/* A file that is removed by the caller. */
static void write_file(char path[], const char *text) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void the_secret_is_a_line(void **state) {
    static const struct {
        const char *text;
        mt_err err;
    } cases[] = {
        {SECRET "\n", MT_OK}, {SECRET, MT_OK}, {"short\n", MT_EBAD}, {SECRET "\nmore\n", MT_EBAD}, {"", MT_EBAD}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[] = "/tmp/mt-relay-XXXXXX";
        write_file(path, cases[i].text);
        mt_relay_secret secret = {.len = 0};
        assert_int_equal(mt_relay_load(&(mt_relay_options){.secret_file = path}, &secret), cases[i].err);
        assert_int_equal(secret.len, cases[i].err == MT_OK ? strlen(SECRET) : 0);
        unlink(path);
    }
    mt_relay_secret kept = {.text = SECRET, .len = 16};
    assert_int_equal(mt_relay_load(&(mt_relay_options){.secret_file = "/nowhere"}, &kept), MT_ESYS);
    assert_int_equal(kept.len, 16);
    assert_int_equal(mt_relay_load(&(mt_relay_options){.secret_file = NULL}, &kept), MT_OK);
    assert_int_equal(kept.len, 0);
}

static void options(mt_options *o, char *secret_path) {
    mt_options_default(o);
    write_file(secret_path, SECRET "\n");
    assert_int_equal(mt_ice_urls_add(&o->relay.stun, MT_SLICE_LIT("stun:turn.example:3478"), false), MT_OK);
    assert_int_equal(mt_ice_urls_add(&o->relay.turn, MT_SLICE_LIT("turn:turn.example turns:turn.example"), true),
                     MT_OK);
    o->relay.secret_file = secret_path;
    o->contact = "abuse@\"example";
}

static void login(const char *name, char token[256]) {
    char body[64];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body});
    assert_int_equal(fake_status(c), 201);
    fake_member(c, "token", token);
}

/* Of the ICE servers: SIP has a username, too. */
static void ice_member(const fake_call *c, const char *name, char out[256]) {
    char key[32];
    (void)snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *ice = strstr(fake_body(c), "\"ice_servers\"");
    const char *at = ice != NULL ? strstr(ice, key) : NULL;
    assert_non_null(at);
    at += strlen(key);
    (void)snprintf(out, 256, "%.*s", (int)strcspn(at, "\""), at);
}

/* What coturn computes from the user, and the time in it. */
static void check_credentials(const fake_call *c, char user[256]) {
    char credential[256];
    uint8_t mac[MT_SHA1_BYTES];
    mt_buf want;
    ice_member(c, "username", user);
    ice_member(c, "credential", credential);
    mt_buf_init(&want, 64);
    mt_slice piece = mt_slice_of(user);
    mt_hmac_sha1(SECRET, strlen(SECRET), &piece, 1, mac);
    mt_text_base64(&want, mac, sizeof mac);
    assert_string_equal(want.p, credential);
    mt_buf_deinit(&want);
    int64_t left_s = strtoll(user, NULL, 10) - mt_clock_wall_s();
    assert_true(left_s > 14000 && left_s <= 14400);
    assert_true(strlen(strchr(user, ':')) == 17);
}

static void a_draw_has_fresh_credentials(void **state) {
    char path[] = "/tmp/mt-relay-XXXXXX", token[2][256], user[3][256];
    mt_options o;
    options(&o, path);
    mt_server *s = fake_start(&o);
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\"}"});
    check_credentials(c, user[0]);
    assert_non_null(strstr(fake_body(c),
                           "\"ice_servers\":[{\"urls\":[\"stun:turn.example:3478\"]},{\"urls\":[\"turn:turn."
                           "example\",\"turns:turn.example\"],\"username\":\""));
    assert_non_null(strstr(fake_body(c), "\"}],\"relay_only\":true}"));
    assert_null(strstr(fake_body(c), SECRET));
    fake_member(c, "token", token[0]);
    login("dwa", token[1]);
    fake_call *first =
        fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn", .token = token[0], .headers = "Prefer: wait=5\n"});
    fake_call *second =
        fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn", .token = token[1], .headers = "Prefer: wait=5\n"});
    check_credentials(first, user[1]);
    check_credentials(second, user[2]);
    assert_string_not_equal(user[0], user[1]);
    assert_string_not_equal(user[1], user[2]);
    fake_stop(s);
    unlink(path);
}

static void info(void **state) {
    char path[] = "/tmp/mt-relay-XXXXXX";
    mt_options o;
    mt_server *s = fake_start(NULL);
    assert_string_equal(fake_body(fake_send(&(fake_wish){.path = "/v1/info"})),
                        "{\"version\":\"" MT_VERSION
                        "\",\"contact\":null,\"sip_mode\":\"embedded\",\"relay_only\":false,"
                        "\"links\":[\"gcm\",\"cbc\",\"rtp\"],\"min_age\":18}");
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\"}"});
    assert_non_null(strstr(fake_body(c), "\"ice_servers\":[],\"relay_only\":false}"));
    fake_stop(s);
    options(&o, path);
    s = fake_start(&o);
    assert_string_equal(fake_body(fake_send(&(fake_wish){.path = "/v1/info"})),
                        "{\"version\":\"" MT_VERSION "\",\"contact\":\"abuse@\\\"example\",\"sip_mode\":\"embedded\","
                        "\"relay_only\":true,\"links\":[\"gcm\",\"cbc\"],\"min_age\":18}");
    fake_stop(s);
    unlink(path);
}

/* What goes from address to address has no place where partners are to learn none. */
static void relays_take_no_phones(void **state) {
    char path[] = "/tmp/mt-relay-XXXXXX", token[256];
    mt_options o;
    options(&o, path);
    mt_server *s = fake_start(&o);
    fake_call *c = fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\",\"device\":\"phone\"}"});
    assert_int_equal(fake_status(c), 400);
    login("jeden", token);
    c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn", .token = token, .body = "{\"link\":[\"rtp\"]}"});
    assert_int_equal(fake_status(c), 400);
    o.relay.only = MT_RELAY_NO;
    fake_stop(s);
    s = fake_start(&o);
    c = fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\",\"device\":\"phone\"}"});
    assert_int_equal(fake_status(c), 201);
    assert_non_null(strstr(fake_body(c), "\"relay_only\":false"));
    fake_stop(s);
    unlink(path);
}

static fake_call *get(const char *path, const char *name, const char *token) {
    char full[64];
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    return fake_send(&(fake_wish){.path = full, .token = token});
}

/* By the specification's routes two partners learn where the other is; by relay they do not. */
static void partners_learn_no_address(void **state) {
    for (int relay = 0; relay < 2; relay++) {
        char path[] = "/tmp/mt-relay-XXXXXX", token[2][256];
        mt_options o;
        options(&o, path);
        o.relay.only = relay ? MT_RELAY_AUTO : MT_RELAY_NO;
        mt_server *s = fake_start(&o);
        login("jeden", token[0]);
        login("dwa", token[1]);
        fake_send(&(fake_wish){.method = "PUT", .path = "/update-status-rdy/jeden", .token = token[0]});
        fake_send(&(fake_wish){.method = "PUT", .path = "/update-status-rdy/dwa", .token = token[1]});
        fake_call *drawn = get("/get-peer", "jeden", token[0]);
        assert_int_equal(fake_status(drawn), 202);
        const char *want = relay ? "\"ip_to_send_data\":null}" : "\"ip_to_send_data\":\"127.0.0.1\"}";
        assert_non_null(strstr(fake_body(drawn), want));
        assert_non_null(strstr(fake_body(get("/get-peer", "dwa", token[1])), want));
        assert_int_equal(fake_status(get("/user-ip", "dwa", token[0])), relay ? 404 : 200);
        assert_int_equal(fake_status(get("/user-ip", "jeden", token[0])), 200); /* his own */
        assert_int_equal(fake_status(get("/user-status", "dwa", token[0])), 200);
        fake_stop(s);
        unlink(path);
    }
}

static unsigned me(const char *token) {
    return fake_status(fake_send(&(fake_wish){.path = "/v1/me", .token = token}));
}

static void leave(const char *token, const char *after, unsigned want) {
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/me?after=%s", after);
    fake_call *c = fake_send(&(fake_wish){.method = "DELETE", .path = path, .token = token});
    assert_int_equal(fake_status(c), want);
}

static void a_page_that_is_left_logs_out(void **state) {
    char token[256];
    mt_server *s = fake_start(NULL);
    login("jeden", token);
    leave(token, "5", 204);
    fake_sleep(4900);
    assert_string_equal(fake_body(fake_send(&(fake_wish){.path = "/v1/stats"})),
                        "{\"online\":1,\"waiting\":0,\"talking\":0}");
    fake_sleep(200);
    assert_string_equal(fake_body(fake_send(&(fake_wish){.path = "/v1/stats"})),
                        "{\"online\":0,\"waiting\":0,\"talking\":0}");
    assert_int_equal(me(token), 401);
    fake_stop(s);
}

static void a_page_that_is_loaded_anew_stays(void **state) {
    char token[256];
    mt_server *s = fake_start(NULL);
    login("jeden", token);
    leave(token, "5", 204);
    fake_sleep(4000);
    assert_int_equal(me(token), 200);
    fake_sleep(20000);
    assert_int_equal(me(token), 200);
    leave(token, "61", 400);
    leave(token, "x", 400);
    leave(token, "", 400);
    fake_sleep(10000);
    assert_int_equal(me(token), 200);
    leave(token, "0", 204);
    assert_int_equal(me(token), 401);
    fake_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_urls),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(the_secret_is_a_line),
        cmocka_unit_test(a_draw_has_fresh_credentials),
        cmocka_unit_test(info),
        cmocka_unit_test(relays_take_no_phones),
        cmocka_unit_test(partners_learn_no_address),
        cmocka_unit_test(a_page_that_is_left_logs_out),
        cmocka_unit_test(a_page_that_is_loaded_anew_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
