/* Limits per address, on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "server/limits.h"

static uint64_t seed = 3;

static mt_addr at(const char *text) {
    mt_addr a;
    assert_int_equal(mt_addr_parse(mt_slice_of(text), &a), MT_OK);
    return a;
}

static mt_limits_config small(void) {
    mt_limits_config cfg;
    mt_limits_config_default(&cfg);
    cfg.conns = 2;
    cfg.logins_min = 3;
    cfg.requests_min = 60;
    cfg.idle_logins = 2;
    cfg.users = 5;
    return cfg;
}

static void make(mt_limits *l, const mt_limits_config *cfg) {
    assert_int_equal(mt_limits_init(l, cfg, mt_random_seeded(&seed)), MT_OK);
}

static void counts_connections(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1000"), b = at("192.0.2.2:1000");
    assert_true(mt_limits_conn_open(&l, &a, 0));
    assert_true(mt_limits_conn_open(&l, &a, 0));
    assert_false(mt_limits_conn_open(&l, &a, 0));
    assert_true(mt_limits_conn_open(&l, &b, 0));
    mt_limits_conn_closed(&l, &a);
    assert_true(mt_limits_conn_open(&l, &a, 0));
    mt_limits_deinit(&l);
}

/* What broke: to connect, to have a handshake of TLS made, and to go again, was limited by nothing. */
static void counts_connections_begun(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1000"), b = at("192.0.2.2:1000");
    for (uint32_t i = 0; i < 2 * cfg.requests_min; i++) {
        assert_true(mt_limits_conn_open(&l, &a, 0));
        mt_limits_conn_closed(&l, &a);
    }
    assert_false(mt_limits_conn_open(&l, &a, 0));
    assert_true(mt_limits_conn_open(&l, &b, 0));
    assert_int_equal(mt_limits_request(&l, &a, 0), 0); /* those that are open go on */
    assert_true(mt_limits_conn_open(&l, &a, 500));     /* two a second */
    assert_false(mt_limits_conn_open(&l, &a, 500));
    mt_limits_conn_closed(&l, &a);
    mt_limits_deinit(&l);
}

static void requests_refill_by_the_minute(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1000");
    for (int i = 0; i < 60; i++)
        assert_int_equal(mt_limits_request(&l, &a, 1000), 0);
    assert_int_equal(mt_limits_request(&l, &a, 1000), 1);
    assert_int_equal(mt_limits_request(&l, &a, 1999), 1);
    assert_int_equal(mt_limits_request(&l, &a, 2000), 0); /* one a second */
    assert_int_equal(mt_limits_request(&l, &a, 2000), 1);
    for (int i = 0; i < 60; i++)
        assert_int_equal(mt_limits_request(&l, &a, 200000), 0); /* never more than a minute's worth */
    assert_int_not_equal(mt_limits_request(&l, &a, 200000), 0);
    mt_limits_deinit(&l);
}

static void logins_and_idle_ones(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1000");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mt_limits_login(&l, &a, 0), 0);
        mt_limits_idle_add(&l, &a, 0);
    }
    assert_int_not_equal(mt_limits_login(&l, &a, 0), 0); /* two idle */
    mt_limits_idle_sub(&l, &a);
    assert_int_equal(mt_limits_login(&l, &a, 0), 0);
    mt_limits_idle_sub(&l, &a);
    assert_int_equal(mt_limits_login(&l, &a, 0), 20); /* three a minute: the next in 20 s */
    assert_int_equal(mt_limits_login(&l, &a, 20000), 0);
    mt_limits_deinit(&l);
}

/* What broke: registered logins were not limited, so one address could take all places of the server, and keep them by
 * a single connection. */
static void users_logged_in(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    cfg.logins_min = 1000;
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1000");
    for (uint32_t i = 0; i < cfg.users; i++) {
        assert_int_equal(mt_limits_login(&l, &a, 0), 0);
        mt_limits_user_add(&l, &a, 0); /* and registers */
    }
    assert_int_not_equal(mt_limits_login(&l, &a, 0), 0);
    mt_limits_user_sub(&l, &a);
    assert_int_equal(mt_limits_login(&l, &a, 0), 0);
    mt_limits_deinit(&l);
}

static void counts_a_whole_ipv6_network(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    mt_addr a = at("[2001:db8:1:1::1]:1"), b = at("[2001:db8:1:1:ffff::2]:1"), c = at("[2001:db8:1:2::1]:1");
    assert_true(mt_limits_conn_open(&l, &a, 0));
    assert_true(mt_limits_conn_open(&l, &b, 0));
    assert_false(mt_limits_conn_open(&l, &a, 0));
    assert_true(mt_limits_conn_open(&l, &c, 0));
    mt_limits_deinit(&l);
}

static void exempts(void **state) {
    static const char *const loopback[] = {"127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"};
    for (size_t i = 0; i < 4; i++) {
        mt_addr a = at(loopback[i]);
        mt_limits_config cfg = small();
        mt_limits l;
        make(&l, &cfg);
        for (int n = 0; n < 100; n++)
            assert_int_equal(mt_limits_request(&l, &a, 0) + mt_limits_login(&l, &a, 0), 0);
        assert_int_equal(l.by_addr.count, 0);
        mt_limits_deinit(&l);
        cfg.loopback_too = true;
        make(&l, &cfg);
        for (int n = 0; n < 3; n++)
            assert_int_equal(mt_limits_login(&l, &a, 0), 0);
        assert_int_not_equal(mt_limits_login(&l, &a, 0), 0);
        mt_limits_deinit(&l);
    }
    mt_limits_config cfg = small();
    cfg.off = true;
    mt_limits l;
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1");
    for (int n = 0; n < 100; n++)
        assert_true(mt_limits_conn_open(&l, &a, 0));
    mt_limits_deinit(&l);
}

static void forgets_idle_addresses(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    for (unsigned i = 0; i < 1000; i++) {
        mt_addr a = at("192.0.2.1:1");
        a.in.sin_addr.s_addr = htonl(0xc6336400U + i);
        assert_int_equal(mt_limits_request(&l, &a, (int64_t)i * 1000), 0);
        if (i == 10)
            assert_true(mt_limits_conn_open(&l, &a, (int64_t)i * 1000));
    }
    assert_in_range(l.by_addr.count, 60, 70); /* a minute's, and the one with a connection */
    mt_addr held = at("192.0.2.1:1");
    held.in.sin_addr.s_addr = htonl(0xc6336400U + 10);
    assert_true(mt_limits_conn_open(&l, &held, 1000000));
    assert_false(mt_limits_conn_open(&l, &held, 1000000)); /* its connection was remembered */
    mt_limits_deinit(&l);
}

static void keeps_within_its_table(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    cfg.max_addresses = 10;
    make(&l, &cfg);
    for (unsigned i = 0; i < 100; i++) {
        mt_addr a = at("192.0.2.1:1");
        a.in.sin_addr.s_addr = htonl(0xc6336400U + i);
        if (i < 10)
            assert_true(mt_limits_conn_open(&l, &a, 0));
        else
            assert_false(mt_limits_conn_open(&l, &a, 0)); /* full of addresses in use */
    }
    assert_int_equal(l.by_addr.count, 10);
    mt_limits_deinit(&l);
}

static void short_of_memory_refuses(void **state) {
    mt_limits l;
    mt_limits_config cfg = small();
    make(&l, &cfg);
    mt_addr a = at("192.0.2.1:1");
    mt_alloc_fail_nth(1);
    assert_false(mt_limits_conn_open(&l, &a, 0));
    mt_alloc_fail_nth(0);
    assert_true(mt_limits_conn_open(&l, &a, 0));
    mt_limits_deinit(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_connections),          cmocka_unit_test(requests_refill_by_the_minute),
        cmocka_unit_test(counts_connections_begun),    cmocka_unit_test(requests_refill_by_the_minute),
        cmocka_unit_test(logins_and_idle_ones),        cmocka_unit_test(users_logged_in),
        cmocka_unit_test(counts_a_whole_ipv6_network), cmocka_unit_test(exempts),
        cmocka_unit_test(forgets_idle_addresses),      cmocka_unit_test(keeps_within_its_table),
        cmocka_unit_test(short_of_memory_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
