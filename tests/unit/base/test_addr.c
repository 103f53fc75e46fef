#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"
#include "unit.h"

static mt_addr parsed(const char *s) {
    mt_addr a;
    assert_int_equal(mt_addr_parse(mt_slice_of(s), &a), MT_OK);
    return a;
}

static void expect_format(const char *in, const char *full, const char *ip) {
    char out[MT_ADDR_STRLEN];
    mt_addr a = parsed(in);
    mt_addr_format(&a, out);
    assert_string_equal(out, full);
    mt_addr_format_ip(&a, out);
    assert_string_equal(out, ip);
}

static void test_parses_and_formats(void **state) {
    (void)state;
    expect_format("127.0.0.1:5060", "127.0.0.1:5060", "127.0.0.1");
    expect_format("0.0.0.0:0", "0.0.0.0:0", "0.0.0.0");
    expect_format("[::1]:65535", "[::1]:65535", "::1");
    expect_format("[2001:DB8:0:0::5]:80", "[2001:db8::5]:80", "2001:db8::5");
    expect_format("[::ffff:192.0.2.1]:7", "192.0.2.1:7", "192.0.2.1");
    expect_format("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:1x",
        "127.0.0:1",
        "127.0.0.1.:1",
        "0127.0.0.1:1",
        "localhost:80",
        "::1:80",
        "[::1]",
        "[::1]:",
        "[::1]80",
        "[::1",
        "[]:80",
        "[127.0.0.1]:1",
        "[::1%lo]:1",
        "[fe80::1::2]:1",
        " 127.0.0.1:1",
        "127.0.0.1:1 ",
        ":80",
        "127.0.0.1:000080",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
    };
    mt_addr a = parsed("1.2.3.4:5");
    mt_addr before = a;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(mt_addr_parse(mt_slice_of(bad[i]), &a), MT_EBAD);
        assert_memory_equal(&a, &before, sizeof(a));
    }
    assert_int_equal(mt_addr_parse(mt_slice_n("127.0.0.1\0:80", 13), &a), MT_EBAD);
}

static void test_mapped_is_v4(void **state) {
    (void)state;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(99)};
    mt_addr a, b = parsed("127.0.0.1:99");
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr), 1);
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&in6, &a), MT_OK);
    assert_int_equal(a.sa.sa_family, AF_INET);
    assert_int_equal(mt_addr_len(&a), sizeof(struct sockaddr_in));
    assert_true(mt_addr_eq(&a, &b));
    assert_true(mt_addr_is_loopback(&a));
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(99)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&in, &a), MT_OK);
    assert_true(mt_addr_eq(&a, &b));
    struct sockaddr un = {.sa_family = AF_UNIX};
    assert_int_equal(mt_addr_from_sockaddr(&un, &a), MT_EINVAL);
    assert_true(mt_addr_eq(&a, &b));
}

static void test_compares(void **state) {
    (void)state;
    mt_addr a = parsed("10.0.0.1:1"), b = parsed("10.0.0.1:2"), c = parsed("10.0.0.2:1"), d = parsed("[2001:db8::1]:1");
    assert_false(mt_addr_eq(&a, &b));
    assert_true(mt_addr_eq_ip(&a, &b));
    assert_false(mt_addr_eq_ip(&a, &c));
    assert_false(mt_addr_eq_ip(&a, &d));
    mt_addr_set_port(&b, 1);
    assert_true(mt_addr_eq(&a, &b));
    mt_addr_set_port(&d, 77);
    assert_int_equal(mt_addr_port(&d), 77);
    assert_int_equal(mt_addr_len(&d), sizeof(struct sockaddr_in6));
    assert_false(mt_addr_is_loopback(&a));
    assert_false(mt_addr_is_loopback(&d));
    struct sockaddr_in6 local = {.sin6_family = AF_INET6, .sin6_port = htons(77), .sin6_scope_id = 1};
    local.sin6_addr = d.in6.sin6_addr;
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&local, &c), MT_OK);
    assert_true(mt_addr_eq(&d, &d));
    assert_false(mt_addr_eq(&c, &d)); /* the same address on another interface */
    a = parsed("127.255.0.9:1");
    assert_true(mt_addr_is_loopback(&a));
    a = parsed("[::1]:1");
    assert_true(mt_addr_is_loopback(&a));
}

static void test_limit_keys(void **state) {
    (void)state;
    uint8_t k[8], l[8];
    mt_addr a = parsed("192.0.2.7:1"), b = parsed("[::ffff:192.0.2.7]:2");
    assert_int_equal(mt_addr_limit_key(&a, k), 4);
    assert_int_equal(mt_addr_limit_key(&b, l), 4);
    assert_memory_equal(k, l, 4);
    a = parsed("[2001:db8:1:2:aaaa::1]:1");
    b = parsed("[2001:db8:1:2:bbbb::2]:2");
    assert_int_equal(mt_addr_limit_key(&a, k), 8);
    assert_int_equal(mt_addr_limit_key(&b, l), 8);
    assert_memory_equal(k, l, 8);
    b = parsed("[2001:db8:1:3::1]:1");
    assert_int_equal(mt_addr_limit_key(&b, l), 8);
    assert_memory_not_equal(k, l, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses_and_formats), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_mapped_is_v4),       cmocka_unit_test(test_compares),
        cmocka_unit_test(test_limit_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
