/* URLs of STUN and TURN servers, as the server's answers hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "link/ice_server.h"

static void test_good(void **state) {
    static const struct {
        const char *url, *host;
        mt_ice_server_kind kind;
        uint16_t port;
    } good[] = {
        {"stun:stun.example.org", "stun.example.org", MT_ICE_STUN, 3478},
        {"STUN:192.0.2.1:19302", "192.0.2.1", MT_ICE_STUN, 19302},
        {"stun:[2001:db8::1]:1", "2001:db8::1", MT_ICE_STUN, 1},
        {"turn:h", "h", MT_ICE_TURN_UDP, 3478},
        {"turn:h:5000?transport=udp", "h", MT_ICE_TURN_UDP, 5000},
        {"turn:[::1]?transport=TCP", "::1", MT_ICE_TURN_TCP, 3478},
        {"turns:h", "h", MT_ICE_TURN_TLS, 5349},
        {"turns:h:443?transport=tcp", "h", MT_ICE_TURN_TLS, 443},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        mt_ice_server s;
        assert_int_equal(mt_ice_server_parse(mt_slice_of(good[i].url), &s), MT_OK);
        assert_string_equal(s.host, good[i].host);
        assert_int_equal(s.kind, good[i].kind);
        assert_int_equal(s.port, good[i].port);
        assert_string_equal(s.user, "");
    }
}

static void test_bad(void **state) {
    static const char *const bad[] = {"",
                                      "stun",
                                      "stun:",
                                      "stun::3478",
                                      "stun:h:0",
                                      "stun:h:70000",
                                      "stun:[::1",
                                      "stun:[]",
                                      "stun:[::1]x",
                                      "stun:h:",
                                      "stun:h:12a",
                                      "stun:a b",
                                      "stun:a/b",
                                      "stun:u@h",
                                      "http:h",
                                      "turn:h?",
                                      "turn:h?transport=sctp",
                                      "stun:h?transport=udp",
                                      "turn:h?x=y",
                                      "stun://h",
                                      "stun:h\n",
                                      "stun:\x01",
                                      "turn:a:b:c"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mt_ice_server s = {.port = 7};
        assert_int_equal(mt_ice_server_parse(mt_slice_of(bad[i]), &s), MT_EBAD);
        assert_int_equal(s.port, 7);
    }
    char lengthy[300] = "stun:";
    memset(lengthy + 5, 'a', 254);
    mt_ice_server s;
    assert_int_equal(mt_ice_server_parse(mt_slice_of(lengthy), &s), MT_EBAD);
}

static void test_what_is_not_served(void **state) {
    mt_ice_server s;
    assert_int_equal(mt_ice_server_parse(MT_SLICE_LIT("stuns:h"), &s), MT_ENOENT);
    assert_int_equal(mt_ice_server_parse(MT_SLICE_LIT("turns:h?transport=udp"), &s), MT_ENOENT);
}

static void test_credentials(void **state) {
    mt_ice_server s;
    char lengthy[MT_ICE_SECRET_MAX_BYTES + 2];
    memset(lengthy, 'a', sizeof lengthy);
    assert_int_equal(mt_ice_server_parse(MT_SLICE_LIT("turn:h"), &s), MT_OK);
    assert_int_equal(mt_ice_server_credentials(&s, MT_SLICE_LIT(""), MT_SLICE_LIT("x")), MT_EBAD);
    assert_int_equal(mt_ice_server_credentials(&s, MT_SLICE_LIT("x"), MT_SLICE_LIT("a\rb")), MT_EBAD);
    assert_int_equal(mt_ice_server_credentials(&s, mt_slice_n(lengthy, sizeof lengthy - 1), MT_SLICE_LIT("x")),
                     MT_EBAD);
    assert_string_equal(s.user, "");
    assert_int_equal(mt_ice_server_credentials(&s, MT_SLICE_LIT("17:ab"), mt_slice_n(lengthy, 255)), MT_OK);
    assert_string_equal(s.user, "17:ab");
    assert_int_equal(strlen(s.password), 255);
}

static void test_list(void **state) {
    mt_ice_servers list = {0};
    mt_ice_server s;
    assert_int_equal(mt_ice_server_parse(MT_SLICE_LIT("turn:h"), &s), MT_OK);
    assert_int_equal(mt_ice_servers_add(&list, &s), MT_EINVAL);
    assert_int_equal(mt_ice_server_credentials(&s, MT_SLICE_LIT("u"), MT_SLICE_LIT("p")), MT_OK);
    assert_int_equal(mt_ice_servers_add(&list, &s), MT_OK);
    assert_int_equal(mt_ice_server_parse(MT_SLICE_LIT("stun:h"), &s), MT_OK);
    for (size_t i = 1; i < MT_ICE_SERVERS_MAX; i++)
        assert_int_equal(mt_ice_servers_add(&list, &s), MT_OK);
    assert_int_equal(mt_ice_servers_add(&list, &s), MT_ELIMIT);
    assert_int_equal(mt_ice_servers_turn(&list), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_bad),  cmocka_unit_test(test_what_is_not_served),
        cmocka_unit_test(test_credentials), cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
