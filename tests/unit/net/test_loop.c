/* Datagrams, listeners, timers and signals of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timerq.h"
#include "peer.h"

static char in[1 << 16];

static int udp_client(const mt_addr *to) {
    int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &to->sa, mt_addr_len(to)), 0);
    return fd;
}

static void test_datagrams_in_batches(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = udp_client(&s.udp_addr);
    char text[32];
    for (int i = 0; i < 200; i++) {
        int len = snprintf(text, sizeof text, "datagram %d", i);
        assert_int_equal(send(fd, text, (size_t)len, 0), len);
    }
    assert_true(pump_until(&s, &s.datagrams, 200));
    assert_true(s.turns < 20); /* many in a turn */
    pump(&s, 5);
    for (int i = 0; i < 200; i++) {
        ssize_t got = recv(fd, in, sizeof in, 0);
        int len = snprintf(text, sizeof text, "datagram %d", i);
        assert_int_equal(got, len);
        assert_memory_equal(in, text, (size_t)len);
    }
    assert_int_equal(mt_net_count(s.net).datagrams_in, 200);
    assert_int_equal(mt_net_count(s.net).datagrams_out, 200);
    close(fd);
    server_stop(&s);
}

static void test_large_and_empty_datagrams(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = udp_client(&s.udp_addr);
    static char big[65507];
    memset(big, 'u', sizeof big);
    assert_int_equal(send(fd, big, sizeof big, 0), sizeof big);
    assert_int_equal(send(fd, "", 0, 0), 0);
    assert_true(pump_until(&s, &s.datagrams, 2));
    pump(&s, 5);
    assert_int_equal(recv(fd, in, sizeof in, 0), sizeof big);
    assert_int_equal(recv(fd, in, sizeof in, 0), 0);
    close(fd);
    server_stop(&s);
}

/* One that the kernel refuses does not take the others with it. */
static void test_bad_destination(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = udp_client(&s.udp_addr);
    mt_addr good, bad;
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&ss, &good), MT_OK);
    bad = good;
    mt_addr_set_port(&bad, 0);
    for (int i = 0; i < 200; i++) {
        mt_udp_send(s.udp, &bad, MT_SLICE_LIT("nowhere"));
        mt_udp_send(s.udp, &good, MT_SLICE_LIT("here"));
    }
    pump(&s, 5);
    int count = 0;
    while (recv(fd, in, sizeof in, 0) == 4)
        count++;
    assert_int_equal(count, 200);
    close(fd);
    server_stop(&s);
}

static mt_addr parse(const char *text) {
    mt_addr a;
    assert_int_equal(mt_addr_parse(mt_slice_of(text), &a), MT_OK);
    return a;
}

static void test_ipv6_and_mapped_ipv4(void **state) {
    server s;
    server_start(&s, NULL);
    mt_addr at = parse("[::]:0"), tcp, udp_at;
    mt_udp *udp;
    assert_int_equal(mt_net_listen_http(s.net, &at, &tcp), MT_OK);
    assert_int_equal(mt_net_listen_udp(s.net, &at, &udp, &udp_at), MT_OK);
    static const char *const hosts[] = {"[::1]:0", "127.0.0.1:0"};
    for (unsigned i = 0; i < 2; i++) {
        mt_addr to = parse(hosts[i]);
        mt_addr_set_port(&to, mt_addr_port(&tcp));
        int fd = client_connect(&s, &to); /* the handlers see loopback, see on_accept */
        client_say(&s, fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        client_read(&s, fd, "GET /a? ", in, sizeof in);
        assert_int_equal(s.requests, i + 1);
        close(fd);
        mt_addr_set_port(&to, mt_addr_port(&udp_at));
        fd = udp_client(&to);
        assert_int_equal(send(fd, "x", 1, 0), 1);
        assert_true(pump_until(&s, &s.datagrams, i + 1));
        pump(&s, 5);
        assert_int_equal(recv(fd, in, sizeof in, 0), 1);
        close(fd);
    }
    server_stop(&s);
}

static void test_address_in_use(void **state) {
    server s;
    server_start(&s, NULL);
    mt_addr bound = parse("127.0.0.1:9");
    mt_udp *udp = NULL;
    assert_int_equal(mt_net_listen_http(s.net, &s.http, &bound), MT_ESYS);
    assert_int_equal(mt_net_listen_udp(s.net, &s.udp_addr, &udp, &bound), MT_ESYS);
    mt_addr foreign = parse("192.0.2.1:0");
    assert_int_equal(mt_net_listen_sip_tcp(s.net, &foreign, &bound), MT_ESYS);
    assert_int_equal(mt_addr_port(&bound), 9); /* untouched */
    assert_null(udp);
    server_stop(&s);
}

static void test_stop_listening(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.http);
    assert_true(pump_until(&s, &s.accepted, 1));
    mt_net_stop_listening(s.net);
    pump(&s, 5);
    int second = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(second, &s.http.sa, mt_addr_len(&s.http)), -1);
    client_say(&s, fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"); /* who is in is served */
    client_read(&s, fd, "GET /a? ", in, sizeof in);
    assert_int_equal(s.requests, 1);
    close(fd);
    close(second);
    server_stop(&s);
}

typedef struct timed {
    server *s;
    unsigned fired;
    int64_t at_ms;
    mt_net_timer *other;
} timed;

static void on_timer(void *ctx) {
    timed *t = ctx;
    t->fired++;
    t->at_ms = mt_net_now_ms(t->s->net);
    mt_net_timer_free(t->other);
    t->other = NULL;
}

static void test_timers(void **state) {
    server s;
    server_start(&s, NULL);
    timed a = {.s = &s}, b = {.s = &s}, never = {.s = &s};
    int64_t now_ms = mt_clock_ms();
    mt_net_timer *ta = mt_net_timer_new(s.net, on_timer, &a), *tb = mt_net_timer_new(s.net, on_timer, &b);
    a.other = mt_net_timer_new(s.net, on_timer, &never); /* freed by another before it is due */
    mt_net_timer_set(a.other, now_ms + 60);
    mt_net_timer_set(ta, now_ms + 50);
    mt_net_timer_set(tb, now_ms + 20);
    mt_net_timer_set(tb, MT_NEVER);
    mt_net_wake_at(s.net, now_ms + 30);
    pump(&s, 150);
    assert_int_equal(a.fired, 1);
    assert_in_range(a.at_ms - now_ms, 49, 1000);
    assert_int_equal(b.fired, 0);
    assert_int_equal(never.fired, 0);
    assert_int_equal(s.wakes, 1);
    mt_net_wake_at(s.net, mt_clock_ms() + 10);
    mt_net_wake_at(s.net, MT_NEVER);
    pump(&s, 40);
    assert_int_equal(s.wakes, 1);
    mt_net_wake_at(s.net, 0); /* the past: at once, once */
    pump(&s, 10);
    assert_int_equal(s.wakes, 2);
    mt_net_timer_free(ta);
    mt_net_timer_free(tb);
    mt_net_timer_free(NULL);
    server_stop(&s);
}

static int seen_signal;

static void on_signal(void *ctx, int signum) {
    seen_signal = signum;
}

static void test_signals(void **state) {
    static const int signums[] = {SIGTERM, SIGINT, SIGHUP};
    server s;
    server_start(&s, NULL);
    mt_net_on_signal(s.net, on_signal);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(kill(getpid(), signums[i]), 0);
        pump(&s, 20);
        assert_int_equal(seen_signal, signums[i]);
    }
    assert_int_equal(kill(getpid(), SIGPIPE), 0); /* survived */
    server_stop(&s);
}

/* Nothing to do: the loop sleeps. */
static void test_idle_loop_sleeps(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.http);
    assert_true(pump_until(&s, &s.accepted, 1));
    pump(&s, 5);
    unsigned before = s.turns;
    struct timespec a, b;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a), 0);
    pump(&s, 500);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b), 0);
    assert_true(s.turns - before <= 2);
    assert_true((b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec < 20000000);
    close(fd);
    server_stop(&s);
}

static void test_limits_are_checked(void **state) {
    mt_net_limits l;
    mt_net_handlers h = {0};
    mt_net *n = NULL;
    mt_net_limits_default(&l);
    l.header_bytes = 65536;
    assert_int_equal(mt_net_create(&l, &h, NULL, &n), MT_EINVAL);
    assert_null(n);
    mt_net_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_in_batches),
        cmocka_unit_test(test_large_and_empty_datagrams),
        cmocka_unit_test(test_bad_destination),
        cmocka_unit_test(test_ipv6_and_mapped_ipv4),
        cmocka_unit_test(test_address_in_use),
        cmocka_unit_test(test_stop_listening),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_idle_loop_sleeps),
        cmocka_unit_test(test_limits_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
