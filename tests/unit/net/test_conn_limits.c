/* Slow, silent, stuck and too many peers, with shrunken limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define SLACK_MS 1500 /* ticks of the wheel and a busy machine */

static char in[1 << 16];

static void start(server *s) {
    mt_net_limits l;
    server_limits(&l);
    server_start(s, &l);
}

/* Says text, then a byte of drip each 20 ms; returns after how many ms the server ended it. */
static int64_t lives_for(server *s, const char *text, char drip) {
    int fd = client_connect(s, &s->http);
    int64_t start_ms = mt_clock_ms();
    client_say(s, fd, text);
    in[0] = '\0';
    size_t len = 0;
    while (mt_clock_ms() - start_ms < 3000) {
        ssize_t got = recv(fd, in + len, sizeof in - 1 - len, 0);
        if (got == 0)
            break;
        if (got > 0)
            in[len += (size_t)got] = '\0';
        if (drip != '\0')
            client_send(s, fd, &drip, 1);
        pump(s, 20);
    }
    int64_t lived_ms = mt_clock_ms() - start_ms;
    close(fd);
    return lived_ms;
}

static void check_lived(int64_t lived_ms, int64_t limit_ms, const char *answer) {
    if (lived_ms < limit_ms - 20 || lived_ms > limit_ms + SLACK_MS)
        fail_msg("%lld ms instead of %lld", (long long)lived_ms, (long long)limit_ms);
    if (answer == NULL)
        assert_string_equal(in, "");
    else
        assert_non_null(strstr(in, answer));
}

static void test_says_nothing(void **state) {
    server s;
    start(&s);
    check_lived(lives_for(&s, "", '\0'), 200, NULL);
    server_stop(&s);
}

static void test_slow_head(void **state) {
    server s;
    start(&s);
    check_lived(lives_for(&s, "GET / HTTP/1.1\r\nX: ", 'a'), 200, "HTTP/1.1 408 ");
    check_lived(lives_for(&s, "GET / HTTP/1.1\r\nX: ", '\0'), 200, "HTTP/1.1 408 ");
    assert_non_null(strstr(in, "Connection: close\r\n"));
    assert_non_null(strstr(in, "\"code\":\"too_slow\"}"));
    server_stop(&s);
}

static void test_slow_body(void **state) {
    server s;
    start(&s);
    check_lived(lives_for(&s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n", 'a'), 200, "HTTP/1.1 408 ");
    check_lived(lives_for(&s, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", '\0'), 200,
                "HTTP/1.1 408 ");
    assert_int_equal(s.requests, 0);
    server_stop(&s);
}

/* A body that comes at the least rate may take longer than body_ms. */
static void test_steady_body(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.body_rate = 5; /* a byte each 200 ms; the client sends one each 20 */
    server_start(&s, &l);
    int64_t lived_ms = lives_for(&s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n", 'a');
    assert_non_null(strstr(in, "HTTP/1.1 200 "));
    assert_true(lived_ms > 500);
    server_stop(&s);
}

static void test_idle_between_requests(void **state) {
    server s;
    start(&s);
    check_lived(lives_for(&s, GET("/a"), '\0'), 200, "HTTP/1.1 200 ");
    assert_null(strstr(in, "408"));
    server_stop(&s);
}

/* The time of a request begins with it, not with the connection. */
static void test_each_request_has_its_time(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.header_ms = l.idle_ms = l.first_byte_ms = 500;
    server_start(&s, &l);
    int fd = client_connect(&s, &s.http);
    for (int i = 0; i < 6; i++) {
        client_say(&s, fd, "GET /a HTT");
        pump(&s, 150);
        client_say(&s, fd, "P/1.1\r\nHost: x\r\n\r\n");
        client_read(&s, fd, "GET /a? ", in, sizeof in);
        assert_non_null(strstr(in, "HTTP/1.1 200 "));
    }
    close(fd);
    server_stop(&s);
}

static void test_held_has_no_limit_here(void **state) {
    server s;
    start(&s);
    int fd = client_connect(&s, &s.http);
    client_say(&s, fd, GET("/hold"));
    pump(&s, 700);
    assert_int_equal(s.abandoned, 0);
    answer_held(&s, "at last");
    client_read(&s, fd, "at last", in, sizeof in);
    assert_non_null(strstr(in, "at last"));
    close(fd);
    server_stop(&s);
}

/* A peer that sends requests and never reads: its answers fill the queue, reading stops, and it is given up. */
static void test_never_reads(void **state) {
    server s;
    start(&s);
    s.body_bytes = 60000;
    int fd = client_connect(&s, &s.http);
    int64_t start_ms = mt_clock_ms();
    size_t sent = 0;
    while (s.gone == 0 && mt_clock_ms() - start_ms < 5000) {
        static const char ask[] = GET("/big");
        ssize_t n = send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL);
        sent += n > 0 ? 1 : 0;
        pump(&s, n > 0 ? 0 : 5);
    }
    assert_int_equal(s.gone, 1);
    pump(&s, 20);
    assert_true(sent > s.requests); /* it was not read for ever */
    assert_int_equal(s.written_ok + s.written_closed, s.requests);
    assert_true(s.written_closed > 0);
    close(fd);
    server_stop(&s);
}

/* One that reads slowly, but does read, is not given up, and gets all. */
static void test_reads_slowly(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.idle_ms = 800;
    server_start(&s, &l);
    s.body_bytes = 12 << 20;
    int fd = client_connect(&s, &s.http);
    client_say(&s, fd, GET("/big"));
    size_t total = 0;
    int64_t start_ms = mt_clock_ms();
    while (total < s.body_bytes && mt_clock_ms() - start_ms < 15000) {
        ssize_t got = recv(fd, in, sizeof in, 0);
        if (got == 0)
            break;
        total += got > 0 ? (size_t)got : 0;
        pump(&s, 10);
    }
    assert_true(total >= s.body_bytes);
    assert_true(mt_clock_ms() - start_ms > 900); /* longer than the limit of one that is stuck */
    close(fd);
    server_stop(&s);
}

/* One that takes just enough to be no standstill kept its queue, and so memory of ours, for as long as it liked. */
static void test_reads_too_slowly(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.idle_ms = 500;
    l.body_rate = 1 << 20; /* reads a fifth of that */
    server_start(&s, &l);
    s.body_bytes = 12 << 20;
    int fd = client_connect(&s, &s.http);
    int small = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    client_say(&s, fd, GET("/big"));
    int64_t start_ms = mt_clock_ms();
    size_t total = 0;
    while (s.gone == 0 && mt_clock_ms() - start_ms < 8000) {
        ssize_t got = recv(fd, in, 4096, 0);
        total += got > 0 ? (size_t)got : 0;
        pump(&s, 20);
    }
    assert_int_equal(s.gone, 1);
    assert_true(total > 0 && total < s.body_bytes); /* it did read all the while */
    pump(&s, 20);
    assert_int_equal(s.written_closed, 1);
    close(fd);
    server_stop(&s);
}

static size_t heap_bytes(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks;
}

static void open_and_close(server *s, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        int fd = client_connect(s, i % 3 == 2 ? &s->sip : &s->http);
        if (i % 3 == 1)
            client_say(s, fd, GET("/a"));
        if (i % 2 == 0)
            client_reset(fd);
        else
            close(fd);
    }
    assert_true(pump_until(s, &s->gone, s->accepted));
}

static void test_3000_connections_leave_nothing(void **state) {
    server s;
    server_start(&s, NULL);
    open_and_close(&s, 300);
    size_t before = heap_bytes();
    open_and_close(&s, 3000);
    size_t after = heap_bytes();
    assert_int_equal(s.accepted, 3300);
    assert_int_equal(mt_net_count(s.net).open, 0);
    assert_true(after <= before + 4096);
    server_stop(&s);
}

static void test_max_conns(void **state) {
    server s;
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.max_conns = 2;
    server_start(&s, &l);
    int a = client_connect(&s, &s.http), b = client_connect(&s, &s.http), c = client_connect(&s, &s.http);
    assert_true(client_sees_end(&s, c));
    assert_int_equal(mt_net_count(s.net).refused, 1);
    close(a);
    assert_true(pump_until(&s, &s.gone, 1));
    int d = client_connect(&s, &s.http);
    client_say(&s, d, GET("/a"));
    client_read(&s, d, "GET /a? ", in, sizeof in);
    assert_int_equal(s.requests, 1);
    close(b);
    close(c);
    close(d);
    server_stop(&s);
}

static void test_refused_by_handler(void **state) {
    server s;
    server_start(&s, NULL);
    s.refuse = true;
    int fd = client_connect(&s, &s.http);
    assert_true(client_sees_end(&s, fd));
    assert_int_equal(mt_net_count(s.net).refused, 1);
    assert_int_equal(mt_net_count(s.net).open, 0);
    close(fd);
    server_stop(&s);
    assert_int_equal(s.gone, 0);
}

static int64_t cpu_us(void) {
    struct rusage r;
    assert_int_equal(getrusage(RUSAGE_SELF, &r), 0);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

/* Out of descriptors with a connection waiting to be accepted: no spinning, and it is served once there are some again.
 */
static void test_out_of_descriptors(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    small = old;
    small.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    assert_int_equal(connect(fd, &s.http.sa, mt_addr_len(&s.http)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    int64_t before_us = cpu_us();
    pump(&s, 500);
    int64_t spent_us = cpu_us() - before_us;
    assert_int_equal(s.accepted, 0);
    assert_true(spent_us < 100000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    client_say(&s, fd, GET("/a"));
    client_read(&s, fd, "GET /a? ", in, sizeof in);
    assert_int_equal(s.requests, 1);
    close(fd);
    server_stop(&s);
}

/* What broke: with the usual soft limit of 1,024 descriptors two addresses, each within its limit of connections, left
 * none for anybody else, and the console got ten lines a second. */
static void test_descriptors_are_claimed(void **state) {
    struct rlimit old, small, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    small = old;
    small.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    server s;
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.max_conns = 500;
    server_start(&s, &l);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur > 500 && now.rlim_cur < 600 && now.rlim_max == old.rlim_max);
    server_stop(&s);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_nothing),
        cmocka_unit_test(test_slow_head),
        cmocka_unit_test(test_slow_body),
        cmocka_unit_test(test_steady_body),
        cmocka_unit_test(test_idle_between_requests),
        cmocka_unit_test(test_each_request_has_its_time),
        cmocka_unit_test(test_held_has_no_limit_here),
        cmocka_unit_test(test_never_reads),
        cmocka_unit_test(test_reads_slowly),
        cmocka_unit_test(test_reads_too_slowly),
        cmocka_unit_test(test_3000_connections_leave_nothing),
        cmocka_unit_test(test_max_conns),
        cmocka_unit_test(test_refused_by_handler),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_descriptors_are_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
