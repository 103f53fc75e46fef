/* WebSocket over real loopback connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "peer.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "GET /sip HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: foo, sip\r\n"
#define SHAKE UPGRADE KEY VERSION PROTOCOL "\r\n"

static char in[1 << 18];
static size_t in_len;

static void start(server *s) {
    mt_net_limits l;
    server_limits(&l);
    l.flow_idle_ms = l.ws_ping_ms = 60000;
    server_start(s, &l);
}

static int open_ws(server *s) {
    int fd = client_connect(s, &s->http);
    client_say(s, fd, SHAKE);
    client_read(s, fd, "\r\n\r\n", in, sizeof in);
    assert_memory_equal(in, "HTTP/1.1 101 ", 13);
    return fd;
}

static void send_frame(server *s, int fd, uint8_t first, const void *payload, size_t len) {
    static uint8_t b[100000];
    static const uint8_t mask[4] = {1, 2, 3, 4};
    size_t at = 0;
    b[at++] = first;
    if (len < 126) {
        b[at++] = (uint8_t)(0x80 | len);
    } else {
        b[at++] = 0xfe;
        b[at++] = (uint8_t)(len >> 8);
        b[at++] = (uint8_t)len;
    }
    memcpy(b + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++)
        b[at++] = (uint8_t)(((const uint8_t *)payload)[i] ^ mask[i % 4]);
    client_send(s, fd, b, at);
}

static void read_bytes(server *s, int fd, size_t want) {
    in_len = 0;
    int64_t end_ms = mt_clock_ms() + 3000;
    while (in_len < want && mt_clock_ms() < end_ms) {
        ssize_t got = recv(fd, in + in_len, want - in_len, 0);
        in_len += got > 0 ? (size_t)got : 0;
        pump(s, 1);
    }
    assert_int_equal(in_len, want);
}

static void expect_bytes(server *s, int fd, const void *bytes, size_t len) {
    read_bytes(s, fd, len);
    assert_memory_equal(in, bytes, len);
}

static void test_handshake(void **state) {
    server s;
    start(&s);
    int fd = open_ws(&s);
    assert_non_null(strstr(in, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strstr(in, "\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(in, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(in, "\r\nSec-WebSocket-Protocol: sip\r\n"));
    assert_int_equal(mt_net_count(s.net).ws_opened, 1);
    close(fd);
    assert_true(pump_until(&s, &s.closed, 1));
    assert_true(pump_until(&s, &s.gone, 1));
    server_stop(&s);
}

static void test_handshake_refused(void **state) {
    static const struct {
        const char *text;
        const char *answer;
    } table[] = {
        {UPGRADE KEY PROTOCOL "\r\n", "HTTP/1.1 426 "},
        {UPGRADE KEY PROTOCOL "Sec-WebSocket-Version: 8\r\n\r\n", "HTTP/1.1 426 "},
        {UPGRADE KEY PROTOCOL VERSION VERSION "\r\n", "HTTP/1.1 426 "},
        {UPGRADE VERSION PROTOCOL "\r\n", "HTTP/1.1 400 "},
        {UPGRADE KEY KEY VERSION PROTOCOL "\r\n", "HTTP/1.1 400 "},
        {UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n" VERSION PROTOCOL "\r\n", "HTTP/1.1 400 "},
        {UPGRADE KEY VERSION "\r\n", "HTTP/1.1 400 "},
        {UPGRADE KEY VERSION "Sec-WebSocket-Protocol: xmpp\r\n\r\n", "HTTP/1.1 400 "},
    };
    server s;
    start(&s);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int fd = client_connect(&s, &s.http);
        client_say(&s, fd, table[i].text);
        client_read(&s, fd, "\r\n\r\n", in, sizeof in);
        if (strncmp(in, table[i].answer, 13) != 0)
            fail_msg("%s for: %s", in, table[i].text);
        if (strstr(in, " 426 ") != NULL)
            assert_non_null(strstr(in, "\r\nSec-WebSocket-Version: 13\r\n"));
        assert_true(client_sees_end(&s, fd));
        close(fd);
    }
    assert_int_equal(mt_net_count(s.net).ws_opened, 0);
    assert_int_equal(s.closed, 0);
    server_stop(&s);
}

static void test_without_subprotocol(void **state) {
    server s;
    start(&s);
    s.protocol = "";
    int fd = client_connect(&s, &s.http);
    client_say(&s, fd, UPGRADE KEY VERSION "\r\n");
    client_read(&s, fd, "\r\n\r\n", in, sizeof in);
    assert_memory_equal(in, "HTTP/1.1 101 ", 13);
    assert_null(strstr(in, "Sec-WebSocket-Protocol"));
    close(fd);
    server_stop(&s);
}

static void test_echo(void **state) {
    server s;
    start(&s);
    s.echo = true;
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x81, "Hello", 5);
    expect_bytes(&s, fd, "\x81\x05Hello", 7);
    assert_true(mt_conn_is_ws(s.flow));
    assert_false(mt_conn_secure(s.flow));
    send_frame(&s, fd, 0x01, "frag", 4);
    send_frame(&s, fd, 0x89, "?", 1);
    send_frame(&s, fd, 0x80, "ment", 4);
    expect_bytes(&s, fd,
                 "\x8a\x01?\x81\x08"
                 "fragment",
                 13);
    static char big[30000];
    memset(big, 'b', sizeof big);
    send_frame(&s, fd, 0x82, big, sizeof big);
    read_bytes(&s, fd, sizeof big + 4);
    assert_memory_equal(in,
                        "\x81\x7e\x75\x30"
                        "bbbb",
                        8);
    close(fd);
    server_stop(&s);
}

/* The first frame may come in the same segment as the handshake. */
static void test_frame_with_handshake(void **state) {
    server s;
    start(&s);
    int fd = client_connect(&s, &s.http);
    client_send(&s, fd, SHAKE "\x81\x82\0\0\0\0hi\x81\x83\0\0\0\0", sizeof SHAKE - 1 + 8 + 6);
    assert_true(pump_until(&s, &s.messages, 1));
    assert_string_equal(s.last, "hi");
    client_say(&s, fd, "you");
    assert_true(pump_until(&s, &s.messages, 2));
    assert_string_equal(s.last, "you");
    close(fd);
    server_stop(&s);
}

static void test_client_closes(void **state) {
    server s;
    start(&s);
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x88,
               "\x0f\xa0"
               "bye",
               5);
    expect_bytes(&s, fd, "\x88\x02\x0f\xa0", 4);
    assert_true(pump_until(&s, &s.closed, 1));
    assert_true(client_sees_end(&s, fd)); /* the server closes first */
    send_frame(&s, fd, 0x81, "late", 4);
    pump(&s, 20);
    assert_int_equal(s.messages, 0);
    close(fd);
    assert_true(pump_until(&s, &s.gone, 1));
    assert_int_equal(s.closed, 1);
    server_stop(&s);
}

static void test_client_closes_without_code(void **state) {
    server s;
    start(&s);
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x88, "", 0);
    expect_bytes(&s, fd, "\x88\x00", 2);
    assert_true(client_sees_end(&s, fd));
    close(fd);
    server_stop(&s);
}

static void test_server_closes(void **state) {
    server s;
    start(&s);
    s.close_on_message = true;
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x81, "x", 1);
    expect_bytes(&s, fd, "\x88\x02\x03\xe9", 4);
    assert_int_equal(s.closed, 1);
    assert_null(mt_net_conn(s.net, s.flow_id));
    send_frame(&s, fd, 0x81, "ignored", 7);
    send_frame(&s, fd, 0x89, "ignored", 7);
    pump(&s, 20);
    assert_int_equal(s.messages, 1);
    assert_int_equal(s.gone, 0); /* waits for the answer */
    send_frame(&s, fd, 0x88, "\x03\xe9", 2);
    assert_int_equal(client_read(&s, fd, "!", in, sizeof in), 0); /* its end, and nothing before it */
    assert_true(client_sees_end(&s, fd));
    close(fd);
    assert_true(pump_until(&s, &s.gone, 1));
    assert_int_equal(s.closed, 1);
    server_stop(&s);
}

/* A peer that never answers the close frame is not waited for long. */
static void test_close_is_not_answered(void **state) {
    server s;
    start(&s);
    s.close_on_message = true;
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x81, "x", 1);
    int64_t start_ms = mt_clock_ms();
    assert_true(pump_until(&s, &s.gone, 1));
    assert_in_range(mt_clock_ms() - start_ms, 1900, 4000);
    close(fd);
    server_stop(&s);
}

static void test_protocol_errors_close(void **state) {
    static const struct {
        uint8_t first;
        const char *payload;
        const char *code;
    } table[] = {
        {0xc1, "x", "\x88\x02\x03\xea"},    {0x83, "x", "\x88\x02\x03\xea"}, {0x80, "x", "\x88\x02\x03\xea"},
        {0x81, "\xff", "\x88\x02\x03\xef"}, {0x88, "x", "\x88\x02\x03\xea"},
    };
    server s;
    start(&s);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int fd = open_ws(&s);
        send_frame(&s, fd, table[i].first, table[i].payload, 1);
        expect_bytes(&s, fd, table[i].code, 4);
        assert_true(client_sees_end(&s, fd));
        close(fd);
        assert_true(pump_until(&s, &s.gone, (unsigned)i + 1));
    }
    int fd = open_ws(&s);
    client_send(&s, fd, "\x82\xff\0\0\0\0\0\1\0\0", 10);
    expect_bytes(&s, fd, "\x88\x02\x03\xf1", 4);
    close(fd);
    assert_true(pump_until(&s, &s.gone, 6));
    assert_int_equal(s.closed, 6);
    assert_int_equal(s.messages, 0);
    server_stop(&s);
}

static void test_ping_keeps_it_up(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l);
    l.flow_idle_ms = 1000;
    server_start(&s, &l); /* ping after 200 ms of silence, end after 1,000 */
    int fd = open_ws(&s);
    int64_t start_ms = mt_clock_ms();
    unsigned pings = 0;
    while (mt_clock_ms() - start_ms < 1600) {
        if (recv(fd, in, 2, 0) == 2) {
            assert_memory_equal(in, "\x89\x00", 2);
            send_frame(&s, fd, 0x8a, "", 0);
            pings++;
        }
        pump(&s, 5);
    }
    assert_in_range(pings, 3, 8);
    assert_int_equal(s.closed, 0);
    start_ms = mt_clock_ms(); /* silent from now on */
    assert_true(pump_until(&s, &s.closed, 1));
    assert_in_range(mt_clock_ms() - start_ms, 700, 3000);
    close(fd);
    server_stop(&s);
}

/* What a peer does not read piles up to a limit, then it is cut off. */
static void test_never_reads(void **state) {
    static char big[30000];
    memset(big, 'b', sizeof big);
    server s;
    start(&s);
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x81, "x", 1);
    assert_true(pump_until(&s, &s.messages, 1));
    mt_err err = MT_OK;
    for (int i = 0; i < 2000 && err == MT_OK; i++)
        err = mt_conn_send(s.flow, mt_slice_n(big, sizeof big));
    assert_int_equal(err, MT_ELIMIT);
    assert_int_equal(mt_conn_send(s.flow, MT_SLICE_LIT("y")), MT_ECLOSED);
    assert_int_equal(s.closed, 0); /* never from within mt_conn_send */
    assert_true(pump_until(&s, &s.closed, 1));
    close(fd);
    server_stop(&s);
}

/* A thousand pings in one piece cost few pongs, and the last is answered with what it says. What broke: each was a
 * system call of the server's, thousands for one read. */
static void test_pings_in_a_row(void **state) {
    enum { PINGS = 1000 };
    static uint8_t flood[7 * PINGS];
    server s;
    start(&s);
    int fd = open_ws(&s);
    for (size_t i = 0; i < PINGS; i++)
        memcpy(flood + 7 * i, "\x89\x81\0\0\0\0a", 7);
    flood[sizeof flood - 1] = 'z';
    assert_int_equal(send(fd, flood, sizeof flood, MSG_NOSIGNAL), sizeof flood);
    size_t pongs = 0;
    for (char last = 0; last != 'z'; pongs++) {
        read_bytes(&s, fd, 3);
        assert_memory_equal(in, "\x8a\x01", 2);
        last = in[2];
    }
    assert_in_range(pongs, 1, PINGS / 10);
    close(fd);
    server_stop(&s);
}

/* Fragments that never end, with pings in between, do not hold memory for ever. */
static void test_endless_fragments(void **state) {
    server s;
    mt_net_limits l;
    server_limits(&l); /* 200 ms for a message */
    server_start(&s, &l);
    int fd = open_ws(&s);
    send_frame(&s, fd, 0x01, "begun", 5);
    int64_t start_ms = mt_clock_ms();
    while (s.closed == 0 && mt_clock_ms() - start_ms < 3000) {
        send_frame(&s, fd, 0x00, "x", 1);
        send_frame(&s, fd, 0x89, "", 0);
        pump(&s, 20);
    }
    assert_in_range(mt_clock_ms() - start_ms, 100, 2500);
    close(fd);
    server_stop(&s);
}

static void test_destroy_says_going_away(void **state) {
    server s;
    start(&s);
    int fd = open_ws(&s);
    server_stop(&s);
    assert_int_equal(s.closed, 1);
    assert_int_equal(recv(fd, in, sizeof in, 0), 4);
    assert_memory_equal(in, "\x88\x02\x03\xe9", 4);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_handshake_refused),
        cmocka_unit_test(test_without_subprotocol),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_frame_with_handshake),
        cmocka_unit_test(test_client_closes),
        cmocka_unit_test(test_client_closes_without_code),
        cmocka_unit_test(test_server_closes),
        cmocka_unit_test(test_close_is_not_answered),
        cmocka_unit_test(test_protocol_errors_close),
        cmocka_unit_test(test_ping_keeps_it_up),
        cmocka_unit_test(test_pings_in_a_row),
        cmocka_unit_test(test_never_reads),
        cmocka_unit_test(test_endless_fragments),
        cmocka_unit_test(test_destroy_says_going_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
