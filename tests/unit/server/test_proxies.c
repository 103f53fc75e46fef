/* Whom a request behind proxies comes from: the rightmost address that is not trusted, and never an invention of the
 * client's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/proxies.h"

static mt_addr addr(const char *text) {
    mt_addr a;
    assert_int_equal(mt_addr_parse(mt_slice_of(text), &a), MT_OK);
    return a;
}

static void reads_networks(void **state) {
    mt_proxies p = {.count = 0};
    assert_int_equal(mt_proxies_add(&p, MT_SLICE_LIT(" 10.0.0.0/8, 192.0.2.7 2001:db8::/33,,::1 ")), MT_OK);
    assert_int_equal(p.count, 4);
    mt_buf text;
    mt_buf_init(&text, 1000);
    mt_proxies_format(&p, &text);
    assert_string_equal(text.p, "10.0.0.0/8, 192.0.2.7/32, 2001:db8::/33, ::1/128");
    mt_buf_deinit(&text);
    static const struct {
        const char *a;
        bool trusted;
    } cases[] = {
        {"10.255.0.1:5", true},         {"11.0.0.0:5", false},           {"192.0.2.7:1", true}, {"192.0.2.6:1", false},
        {"[2001:db8:7fff::1]:5", true}, {"[2001:db8:8000::1]:5", false}, {"[::1]:5", true},     {"[::2]:5", false},
        {"[::ffff:10.1.2.3]:5", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mt_addr a = addr(cases[i].a);
        if (mt_proxies_trusts(&p, &a) != cases[i].trusted)
            fail_msg("%s", cases[i].a);
    }
    mt_proxies all = {.count = 0};
    assert_int_equal(mt_proxies_add(&all, MT_SLICE_LIT("0.0.0.0/0")), MT_OK);
    mt_addr any = addr("203.0.113.9:1"), six = addr("[::1]:1");
    assert_true(mt_proxies_trusts(&all, &any));
    assert_false(mt_proxies_trusts(&all, &six));
}

static void refuses_other_lists(void **state) {
    static const char *const wrong[] = {"10.0.0.1/8", "10.0.0.0/33",  "10.0.0.0/",    "10.0.0",      "x",
                                        "::/129",     "[::1]",        "10.0.0.0/8/8", "10.0.0.0/+8", "127.0.0.1:80",
                                        "/8",         "10.0.0.0/8;x", "localhost"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mt_proxies p = {.count = 0};
        if (mt_proxies_add(&p, mt_slice_of(wrong[i])) != MT_EBAD || p.count != 0)
            fail_msg("%s", wrong[i]);
    }
    mt_proxies p = {.count = 0};
    for (int i = 0; i < MT_PROXIES_MAX; i++)
        assert_int_equal(mt_proxies_add(&p, MT_SLICE_LIT("10.0.0.0/8")), MT_OK);
    assert_int_equal(mt_proxies_add(&p, MT_SLICE_LIT("10.0.0.0/8")), MT_ELIMIT);
}

static void check(mt_proxies_header kind, const char *line, const char *expected) {
    mt_proxies p = {.count = 0};
    assert_int_equal(mt_proxies_add(&p, MT_SLICE_LIT("127.0.0.1 10.0.0.0/8 fd00::/8")), MT_OK);
    mt_proxies_trail t = {.lost = false};
    mt_slice rest = mt_slice_of(line); /* '|' stands between two lines of the header */
    while (rest.len > 0)
        mt_proxies_follow(&p, &t, kind, mt_slice_cut(&rest, '|'));
    mt_addr peer = addr("127.0.0.1:999"), got = mt_proxies_end(&t, &peer);
    char text[MT_ADDR_STRLEN];
    mt_addr_format_ip(&got, text);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: %s", line, text);
}

static void follows_x_forwarded_for(void **state) {
    static const char *const cases[][2] = {
        {"", "127.0.0.1"},
        {"192.0.2.1", "192.0.2.1"},
        {" 192.0.2.1 , 10.0.0.5", "192.0.2.1"},
        {"1.1.1.1, 192.0.2.1, 10.0.0.5", "192.0.2.1"}, /* 1.1.1.1 is the client's invention */
        {"1.1.1.1|192.0.2.1|10.0.0.5", "192.0.2.1"},
        {"10.0.0.6, 10.0.0.5", "10.0.0.6"}, /* a client within */
        {"2001:db8::7", "2001:db8::7"},
        {"[2001:db8::7]:443", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"192.0.2.1:4711", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"fd00::5", "fd00::5"},
        {"192.0.2.9, fd00::5", "192.0.2.9"},
        {"rubbish", "127.0.0.1"},
        {"192.0.2.1, rubbish", "127.0.0.1"},          /* what is left of it is not to be believed */
        {"192.0.2.1, unknown, 10.0.0.5", "10.0.0.5"}, /* who reported it */
        {"rubbish, 192.0.2.1", "192.0.2.1"},
        {",,, ,192.0.2.1,", "192.0.2.1"},
        {"[2001:db8::7", "127.0.0.1"},
        {"[2001:db8::7]x", "127.0.0.1"},
        {"192.0.2.1.5", "127.0.0.1"},
        {"192.0.2.256", "127.0.0.1"},
        {"0x7f.1", "127.0.0.1"},
        {"\"192.0.2.1\"", "127.0.0.1"},
        {"for=192.0.2.1", "127.0.0.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(MT_PROXIES_X_FORWARDED_FOR, cases[i][0], cases[i][1]);
}

static void follows_forwarded(void **state) {
    static const char *const cases[][2] = {
        {"for=192.0.2.1", "192.0.2.1"},
        {"For=\"192.0.2.1:80\";proto=https;by=10.0.0.1", "192.0.2.1"},
        {"proto=https; for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
        {"for=1.1.1.1, for=192.0.2.1, for=10.0.0.5", "192.0.2.1"},
        {"for=1.1.1.1|for=192.0.2.1;host=\"a,b;for=2.2.2.2\"|for=10.0.0.5", "192.0.2.1"},
        {"for=_hidden", "127.0.0.1"},
        {"for=unknown, for=10.0.0.5", "10.0.0.5"},
        {"proto=https", "127.0.0.1"},
        {"for=", "127.0.0.1"},
        {"for", "127.0.0.1"},
        {"192.0.2.1", "127.0.0.1"},
        {"for=192.0.2.1;host=\"unclosed, for=10.0.0.9", "192.0.2.1"},
        {"for=\"\\", "127.0.0.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(MT_PROXIES_FORWARDED, cases[i][0], cases[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_networks),
        cmocka_unit_test(refuses_other_lists),
        cmocka_unit_test(follows_x_forwarded_for),
        cmocka_unit_test(follows_forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
