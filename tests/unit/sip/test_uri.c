#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/msg.h"
#include "sip/uri.h"

#define is(slice, text)                                                                                                \
    do {                                                                                                               \
        mt_slice got_ = (slice);                                                                                       \
        assert_int_equal(got_.len, strlen(text));                                                                      \
        assert_memory_equal(got_.p, text, got_.len);                                                                   \
    } while (0)

static mt_err uri(const char *s, mt_sip_uri *out) {
    return mt_sip_uri_parse(mt_slice_of(s), out);
}

static void test_parts(void **state) {
    (void)state;
    mt_sip_uri u;
    assert_int_equal(
        uri("SIPS:%C5%81ucja;x:pw@[2001:db8::1]:5061;LR;Transport=ws;user=phone;maddr=x?Subject=a%20b&To=sip%3Ax", &u),
        MT_OK);
    assert_int_equal(u.scheme, MT_SIP_SCHEME_SIPS);
    is(u.user, "%C5%81ucja;x");
    is(u.password, "pw");
    is(u.host, "2001:db8::1");
    assert_true(u.host_is_ipv6);
    assert_int_equal(u.port, 5061);
    assert_true(u.lr);
    assert_true(u.user_phone);
    is(u.transport, "ws");
    is(u.headers, "Subject=a%20b&To=sip%3Ax");
    char buf[16];
    mt_slice user;
    assert_int_equal(mt_sip_uri_user(&u, buf, sizeof buf, &user), MT_OK);
    is(user, "Łucja;x");
    assert_int_equal(mt_sip_uri_user(&u, buf, 5, &user), MT_ELIMIT);
    assert_int_equal(uri("sip:h", &u), MT_OK);
    assert_false(u.has_user);
    assert_int_equal(u.port, 0);
    assert_int_equal(mt_sip_uri_user(&u, buf, sizeof buf, &user), MT_ENOENT);
    assert_int_equal(uri("sip:a%00b@h", &u), MT_OK);
    assert_int_equal(mt_sip_uri_user(&u, buf, sizeof buf, &user), MT_EBAD);
}

static void test_broken(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",          "sip",          "sip:",       ":a",         "1ip:h",          "sip:@h",          "sip:a@",
        "sip:a@@h",  "sip:a@b@h",    "sip:h:",     "sip:h:0",    "sip:h:65536",    "sip:h:5x",        "sip:h:-1",
        "sip:[::1",  "sip:[::g]",    "sip:[]",     "sip:[::1]x", "sip:::1",        "sip:a b@h",       "sip:%4@h",
        "sip:%zz@h", "sip:a@h;",     "sip:a@h;=x", "sip:a@h;b=", "sip:a@h?",       "sip:a@h;x=\"y\"", "sip:-h",
        "sip:h..i",  "sip:a@h ",     " sip:a@h",   "sip:a@h>",   "sip:a@h;lr@x",   "sip:a\"@h",       "sip:a#@h",
        "sip: h",    "sip:h : 5060", "tel:a b",    "ht tp:x",    "sip:\xc5\x81@h",
    };
    mt_sip_uri u = {.port = 4711};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (uri(rows[i], &u) != MT_EBAD)
            fail_msg("accepted: \"%s\"", rows[i]);
        assert_int_equal(u.port, 4711); /* untouched */
    }
}

static void test_addr(void **state) {
    (void)state;
    mt_sip_addr a;
    assert_int_equal(
        mt_sip_addr_parse(MT_SLICE_LIT(" \"A, <b> \\\" c\" <sip:x;p=1@h;lr>;tag=t;expires=90;q=1.000 "), &a), MT_OK);
    is(a.display, "\"A, <b> \\\" c\"");
    is(a.uri.user, "x;p=1");
    assert_true(a.uri.lr);
    is(a.tag, "t");
    assert_int_equal(mt_sip_contact_expires(&a, -1), 90);
    assert_int_equal(mt_sip_contact_q(&a), 1000);
    assert_int_equal(mt_sip_addr_parse(MT_SLICE_LIT("caller<sip:x@h>;TAG=t2"), &a), MT_OK);
    is(a.display, "caller");
    is(a.tag, "t2");
    assert_int_equal(mt_sip_addr_parse(MT_SLICE_LIT("sip:x@h;tag=t3;lr"), &a), MT_OK);
    is(a.uri.raw, "sip:x@h");
    assert_false(a.uri.lr); /* without <> it belongs to the header */
    is(a.tag, "t3");
    assert_int_equal(mt_sip_addr_parse(MT_SLICE_LIT("Łucja Żak <sip:x@h>"), &a), MT_OK);
}

static void test_params(void **state) {
    (void)state;
    mt_slice v, params = MT_SLICE_LIT(";a=b ; C ; d = \"e;f\" ;g=[::1]");
    assert_true(mt_sip_param(params, "A", &v));
    is(v, "b");
    assert_true(mt_sip_param(params, "c", &v));
    is(v, "");
    assert_true(mt_sip_param(params, "d", &v));
    is(v, "\"e;f\"");
    assert_true(mt_sip_param(params, "g", NULL));
    assert_false(mt_sip_param(params, "f", &v));
    assert_false(mt_sip_param((mt_slice){NULL, 0}, "f", &v));
}

static void test_contact_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t expires;
        int q;
    } rows[] = {
        {"<sip:h>", -7, 1000},
        {"<sip:h>;expires=0;q=0", 0, 0},
        {"<sip:h>;expires=280297596632815;q=0.001", UINT32_MAX, 1},
        {"<sip:h>;expires=x;q=1.001", -7, -1},
        {"<sip:h>;expires;q=0.0001", -7, -1},
        {"<sip:h>;q=2", -7, -1},
        {"<sip:h>;q=0.", -7, 0},
        {"<sip:h>;q", -7, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mt_sip_addr a;
        assert_int_equal(mt_sip_addr_parse(mt_slice_of(rows[i].text), &a), MT_OK);
        assert_int_equal(mt_sip_contact_expires(&a, -7), rows[i].expires);
        assert_int_equal(mt_sip_contact_q(&a), rows[i].q);
    }
}

static void test_unquote(void **state) {
    (void)state;
    char buf[8];
    mt_slice out = {"", 0};
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("\"a\\\"b\\\\\""), buf, sizeof buf, &out), MT_OK);
    is(out, "a\"b\\");
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("token"), buf, sizeof buf, &out), MT_OK);
    is(out, "token");
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("\"\""), buf, sizeof buf, &out), MT_OK);
    is(out, "");
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("\"a"), buf, sizeof buf, &out), MT_EBAD);
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("\"a\\\""), buf, sizeof buf, &out), MT_EBAD);
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("\"a\"b"), buf, sizeof buf, &out), MT_EBAD);
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT(""), buf, sizeof buf, &out), MT_EBAD);
    assert_int_equal(mt_sip_unquote(MT_SLICE_LIT("\"123456789\""), buf, sizeof buf, &out), MT_ELIMIT);
}

static void test_list(void **state) {
    (void)state;
    mt_slice rest = MT_SLICE_LIT(" a, \"b,\\\",c\" <d,e>,, <f,g> ;x , "), one;
    static const char *const want[] = {"a", "\"b,\\\",c\" <d,e>", "<f,g> ;x"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(mt_sip_list_next(&rest, &one));
        is(one, want[i]);
    }
    assert_false(mt_sip_list_next(&rest, &one));
    rest = MT_SLICE_LIT("\"open, all");
    assert_true(mt_sip_list_next(&rest, &one));
    is(one, "\"open, all");
    assert_false(mt_sip_list_next(&rest, &one));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),  cmocka_unit_test(test_broken),          cmocka_unit_test(test_addr),
        cmocka_unit_test(test_params), cmocka_unit_test(test_contact_numbers), cmocka_unit_test(test_unquote),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
