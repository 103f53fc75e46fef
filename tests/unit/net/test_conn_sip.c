/* SIP over TCP: the stream is cut by the function given, here at line feeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/clock.h"
#include "peer.h"

static char in[1 << 16];

static void test_messages_and_keep_alive(void **state) {
    server s;
    server_start(&s, NULL);
    s.echo = true;
    int fd = client_connect(&s, &s.sip);
    client_say(&s, fd, "one\ntwo\n\nthr");
    client_read(&s, fd, "pong\n", in, sizeof in);
    assert_string_equal(in, "one\ntwo\npong\n");
    client_say(&s, fd, "ee\n");
    client_read(&s, fd, "three\n", in, sizeof in);
    assert_int_equal(s.messages, 3);
    assert_false(mt_conn_is_ws(s.flow));
    assert_int_equal(mt_conn_id(s.flow), s.flow_id);
    assert_ptr_equal(mt_net_conn(s.net, s.flow_id), s.flow);
    assert_null(mt_net_conn(s.net, s.flow_id + 1));
    close(fd);
    assert_true(pump_until(&s, &s.closed, 1));
    assert_null(mt_net_conn(s.net, s.flow_id));
    server_stop(&s);
}

static void test_byte_by_byte(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.sip);
    for (const char *p = "ab\ncd\n"; *p != '\0'; p++)
        client_send(&s, fd, p, 1);
    assert_true(pump_until(&s, &s.messages, 2));
    assert_string_equal(s.last, "cd\n");
    close(fd);
    server_stop(&s);
}

static void test_malformed_closes(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.sip);
    client_say(&s, fd, "good\n!bad\nmore\n");
    assert_true(client_sees_end(&s, fd));
    assert_int_equal(s.messages, 1);
    assert_int_equal(s.closed, 1);
    close(fd);
    server_stop(&s);
}

static void test_too_long_closes(void **state) {
    static char flood[40000];
    memset(flood, 'A', sizeof flood);
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.sip);
    client_send(&s, fd, flood, 32768);
    pump(&s, 20);
    assert_int_equal(s.closed, 0);
    client_send(&s, fd, flood, 100);
    assert_true(pump_until(&s, &s.closed, 1));
    close(fd);
    server_stop(&s);
}

/* Closing sends what is queued before, hands nothing up after, and reports the flow's end once, later. */
static void test_closed_by_handler(void **state) {
    server s;
    server_start(&s, NULL);
    s.echo = s.close_on_message = true;
    int fd = client_connect(&s, &s.sip);
    client_say(&s, fd, "last\nnever\n");
    client_read(&s, fd, NULL, in, sizeof in);
    assert_string_equal(in, "last\n");
    assert_int_equal(s.messages, 1);
    assert_int_equal(s.closed, 1);
    assert_true(client_sees_end(&s, fd));
    close(fd);
    assert_true(pump_until(&s, &s.gone, 1));
    assert_int_equal(s.closed, 1);
    server_stop(&s);
}

static void test_silent_flow(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    server_start(&s, &l);
    int fd = client_connect(&s, &s.sip);
    int64_t start_ms = mt_clock_ms();
    for (int i = 0; i < 4; i++) {
        pump(&s, 200);
        client_say(&s, fd, "\n"); /* a keep-alive in time */
    }
    assert_int_equal(s.closed, 0);
    start_ms = mt_clock_ms();
    assert_true(pump_until(&s, &s.closed, 1));
    assert_in_range(mt_clock_ms() - start_ms, 500, 2500);
    close(fd);
    server_stop(&s);
}

/* A message that is begun has to be finished, however lively the flow is; whole ones in between begin the time anew. */
static void test_slow_message(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.body_ms = 500; /* for a message */
    server_start(&s, &l);
    int fd = client_connect(&s, &s.sip);
    for (int i = 0; i < 20; i++) {
        client_say(&s, fd, "old\nnew");
        pump(&s, 40);
    }
    assert_int_equal(s.closed, 0);
    int64_t start_ms = mt_clock_ms();
    while (s.closed == 0 && mt_clock_ms() - start_ms < 3000) {
        client_say(&s, fd, "x");
        pump(&s, 20);
    }
    assert_in_range(mt_clock_ms() - start_ms, 300, 2500);
    close(fd);
    server_stop(&s);
}

/* A lone CRLF is the answer to a keep-alive, or half of one: a flow was closed for it as if a message were late. */
static void test_line_ends_begin_no_message(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.body_ms = 200;
    server_start(&s, &l);
    int fd = client_connect(&s, &s.sip);
    int64_t start_ms = mt_clock_ms();
    while (mt_clock_ms() - start_ms < 900) {
        client_say(&s, fd, "\r");
        pump(&s, 60);
    }
    assert_int_equal(s.closed, 0);
    close(fd);
    server_stop(&s);
}

static void test_reset(void **state) {
    server s;
    server_start(&s, NULL);
    int fd = client_connect(&s, &s.sip);
    client_say(&s, fd, "hello\n");
    assert_true(pump_until(&s, &s.messages, 1));
    client_reset(fd);
    assert_true(pump_until(&s, &s.closed, 1));
    assert_true(pump_until(&s, &s.gone, 1));
    server_stop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_and_keep_alive),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_malformed_closes),
        cmocka_unit_test(test_too_long_closes),
        cmocka_unit_test(test_closed_by_handler),
        cmocka_unit_test(test_silent_flow),
        cmocka_unit_test(test_slow_message),
        cmocka_unit_test(test_line_ends_begin_no_message),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
