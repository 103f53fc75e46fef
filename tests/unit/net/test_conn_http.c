/* HTTP over real loopback connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static char in[1 << 20];

static unsigned status_of(const char *answer) {
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

static void test_get(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.http);
    client_say(&s, fd, GET("/a/b?c=d"));
    client_read(&s, fd, "GET /a/b?c=d ", in, sizeof in);
    assert_int_equal(status_of(in), 200);
    assert_non_null(strstr(in, "\r\nDate: "));
    assert_non_null(strstr(in, " GMT\r\n"));
    assert_non_null(strstr(in, "\r\nContent-Length: 13\r\n"));
    assert_non_null(strstr(in, "\r\nContent-Type: text/plain\r\n"));
    assert_null(strstr(in, "Connection:"));
    assert_true(pump_until(&s, &s.written_ok, 1));
    /* the same connection again */
    client_say(&s, fd, GET("/2"));
    client_read(&s, fd, "GET /2? ", in, sizeof in);
    assert_int_equal(s.accepted, 1);
    close(fd);
    assert_true(pump_until(&s, &s.gone, 1));
    assert_int_equal(mt_net_count(s.net).requests, 2);
    server_stop(&s);
}

static void test_held_is_answered_later(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.http);
    client_say(&s, fd, GET("/hold"));
    client_say(&s, fd, GET("/next"));
    assert_true(pump_until(&s, &s.held_count, 1));
    assert_int_equal(client_read(&s, fd, NULL, in, sizeof in), 0);
    assert_int_equal(s.requests, 1); /* the next one waits */
    answer_held(&s, "late");
    client_read(&s, fd, "GET /next", in, sizeof in);
    assert_non_null(strstr(in, "late"));
    assert_int_equal(s.requests, 2);
    assert_int_equal(s.written_ok, 2);
    close(fd);
    server_stop(&s);
}

static void test_held_client_leaves(void **state) {
    for (int reset = 0; reset < 2; reset++) {
        server s;
        server_start(&s, NULL);
        int fd = client_connect(&s, &s.http);
        client_say(&s, fd, GET("/hold"));
        assert_true(pump_until(&s, &s.held_count, 1));
        if (reset)
            client_reset(fd);
        else
            close(fd);
        int64_t left_ms = mt_clock_ms();
        assert_true(pump_until(&s, &s.abandoned, 1));
        assert_true(mt_clock_ms() - left_ms < 100);
        assert_true(pump_until(&s, &s.gone, 1));
        server_stop(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_held_is_answered_later),
        cmocka_unit_test(test_held_client_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
