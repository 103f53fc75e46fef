/* HTTP, WebSocket and SIP inside TLS, over real loopback connections; and peers that never get so far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tls_peer.h"

#define GET "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"

static char in[8 << 20];
static mt_tls *tls;

static int make_tls(void **state) {
    tls = tls_self_signed();
    return 0;
}

static int free_tls(void **state) {
    mt_tls_destroy(tls);
    return 0;
}

static void test_http(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        tls_connect(&c, &s, &s.https, version, "\x02h2\x08http/1.1");
        assert_true(tls_handshake(&c));
        assert_int_equal(SSL_version(c.ssl), version);
        const unsigned char *proto;
        unsigned len;
        SSL_get0_alpn_selected(c.ssl, &proto, &len);
        assert_int_equal(len, 8);
        assert_memory_equal(proto, "http/1.1", 8);
        tls_say(&c, GET);
        tls_read(&c, "GET /a?b ", in, sizeof in, NULL);
        assert_memory_equal(in, "HTTP/1.1 200 OK\r\n", 17);
        assert_null(strstr(in, "Strict-Transport-Security")); /* a certificate of our own */
        tls_say(&c, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody" GET);
        tls_read(&c, "GET /a?b ", in, sizeof in, NULL);
        assert_non_null(strstr(in, "POST /p? body"));
        tls_free(&c);
    }
    assert_int_equal(s.secure, 6);
    assert_int_equal(mt_net_count(s.net).tls_opened, 2);
    assert_true(pump_until(&s, &s.gone, 2));
    server_stop(&s);
}

/* The ports in the clear are what they were. */
static void test_plain_beside(void **state) {
    server s;
    server_start_tls(&s, NULL, tls);
    int fd = client_connect(&s, &s.http);
    client_say(&s, fd, GET);
    client_read(&s, fd, "GET /a?b ", in, sizeof in);
    assert_memory_equal(in, "HTTP/1.1 200 OK\r\n", 17);
    assert_int_equal(s.secure, 0);
    close(fd);
    server_stop(&s);
}

static void test_sip(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    s.echo = true;
    tls_connect(&c, &s, &s.sips, 0, "\x05sip/2");
    assert_true(tls_handshake(&c));
    tls_say(&c, "one\ntwo\n\nthr");
    tls_read(&c, "pong\n", in, sizeof in, NULL);
    assert_string_equal(in, "one\ntwo\npong\n");
    tls_say(&c, "ee\n");
    tls_read(&c, "three\n", in, sizeof in, NULL);
    assert_int_equal(s.messages, 3);
    assert_int_equal(s.secure, 3);
    assert_false(mt_conn_is_ws(s.flow));
    assert_int_equal(s.closed, 0);
    tls_free(&c);
    assert_true(pump_until(&s, &s.closed, 1));
    server_stop(&s);
}

static void test_ws(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    s.echo = true;
    tls_open(&c, &s, &s.https);
    tls_say(&c, "GET /sip HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: sip\r\n\r\n");
    tls_read(&c, "\r\n\r\n", in, sizeof in, NULL);
    assert_memory_equal(in, "HTTP/1.1 101 ", 13);
    tls_send(&c, "\x81\x82\0\0\0\0hi", 8);
    tls_read(&c, "hi", in, sizeof in, NULL);
    assert_memory_equal(in, "\x81\x02hi", 4);
    assert_true(mt_conn_is_ws(s.flow) && mt_conn_secure(s.flow));
    bool ended;
    tls_send(&c, "\x88\x80\0\0\0\0", 6);
    tls_read(&c, NULL, in, sizeof in, &ended);
    assert_true(ended);
    assert_int_equal(s.closed, 1);
    tls_free(&c);
    server_stop(&s);
}

static void test_byte_by_byte(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    tls_connect(&c, &s, &s.https, 0, NULL);
    c.piece = 1;
    assert_true(tls_handshake(&c));
    tls_say(&c, GET);
    tls_read(&c, "GET /a?b ", in, sizeof in, NULL);
    tls_free(&c);
    tls_connect(&c, &s, &s.https, 0, NULL);
    assert_true(tls_handshake(&c));
    for (const char *p = GET; *p != '\0'; p++)
        tls_send(&c, p, 1); /* a record each */
    tls_read(&c, "GET /a?b ", in, sizeof in, NULL);
    assert_int_equal(s.requests, 2);
    tls_free(&c);
    server_stop(&s);
}

/* Very many small records that arrive together are worked on in turns, like very many small messages. */
static void test_many_records(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    tls_open(&c, &s, &s.sips);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(SSL_write(c.ssl, "m\n", 2), 2);
    tls_flush(&c);
    assert_true(pump_until(&s, &s.messages, 2000));
    tls_free(&c);
    server_stop(&s);
}

static void test_big_both_ways(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    s.body_bytes = 6 << 20; /* far more than the kernel takes at once */
    tls_open(&c, &s, &s.https);
    tls_say(&c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    size_t len = tls_read(&c, "no such text", in, sizeof in, NULL);
    assert_true(len > s.body_bytes);
    for (size_t i = len - s.body_bytes; i < len; i++)
        assert_int_equal(in[i], 'x');
    assert_int_equal(s.written_ok, 1);
    char *post = malloc(16384 + 200);
    int head = snprintf(post, 200, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 16384\r\n\r\n");
    memset(post + head, 'y', 16384);
    tls_send(&c, post, (size_t)head + 16384);
    tls_read(&c, "POST /p? yyyy", in, sizeof in, NULL);
    free(post);
    tls_free(&c);
    server_stop(&s);
}

/* Who never reads costs no more than without TLS. */
static void test_never_reads(void **state) {
    server s;
    tls_client c;
    mt_net_limits l;
    server_limits(&l);
    server_start_tls(&s, &l, tls);
    s.body_bytes = 6 << 20;
    tls_open(&c, &s, &s.https);
    tls_say(&c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(pump_until(&s, &s.gone, 1));
    assert_true(pump_until(&s, &s.written_closed, 1));
    tls_free(&c);
    server_stop(&s);
}

static void test_farewells(void **state) {
    server s;
    tls_client c;
    bool ended;
    server_start_tls(&s, NULL, tls);
    tls_open(&c, &s, &s.https); /* ours */
    tls_say(&c, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    tls_read(&c, NULL, in, sizeof in, &ended);
    assert_non_null(strstr(in, "GET /a"));
    assert_true(ended);
    tls_free(&c);
    tls_open(&c, &s, &s.https); /* the peer's, with a request before it in the same packet */
    assert_true(SSL_write(c.ssl, GET, sizeof GET - 1) > 0);
    (void)SSL_shutdown(c.ssl);
    tls_flush(&c);
    tls_read(&c, NULL, in, sizeof in, &ended);
    assert_memory_equal(in, "HTTP/1.1 200 OK\r\n", 17);
    assert_true(ended);
    tls_free(&c);
    assert_true(pump_until(&s, &s.gone, 2));
    server_stop(&s);
}

/* A held request is given up when its client leaves, with a farewell or without, and an answer in the same turn is not
 * thought to have been read. */
static void test_held(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    for (unsigned i = 0; i < 4; i++) {
        tls_open(&c, &s, &s.https);
        tls_say(&c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(s.held_count, 1);
        static char bytes[1024];
        if (i % 2 == 0)
            (void)SSL_shutdown(c.ssl);
        size_t len = tls_outgoing(&c, bytes, sizeof bytes);
        if (len > 0)
            assert_int_equal(send(c.fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
        tls_free(&c);
        if (i >= 2)
            answer_held(&s, "not for you");
        assert_true(pump_until(&s, &s.gone, i + 1));
        assert_int_equal(s.abandoned + s.written_closed, i + 1);
        assert_int_equal(s.written_ok, 0);
    }
    tls_open(&c, &s, &s.https);
    tls_say(&c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    answer_held(&s, "for you");
    tls_read(&c, "for you", in, sizeof in, NULL);
    assert_int_equal(s.written_ok, 1);
    tls_free(&c);
    server_stop(&s);
}

/* Handshakes that end early */

static void test_broken_off(void **state) {
    static const size_t cuts[] = {0, 1, 5, 6, 100, 100000};
    server s;
    tls_client c;
    char bytes[4096];
    unsigned count = 0;
    server_start_tls(&s, NULL, tls);
    for (size_t i = 0; i < 6 * sizeof cuts / sizeof cuts[0]; i++) {
        size_t cut = cuts[i / 6];
        const mt_addr *to = i % 2 == 0 ? &s.https : &s.sips;
        tls_connect(&c, &s, to, 0, NULL);
        (void)SSL_do_handshake(c.ssl);
        size_t len = tls_outgoing(&c, bytes, sizeof bytes);
        client_send(&s, c.fd, bytes, len < cut ? len : cut);
        if (i % 6 < 2)
            (void)shutdown(c.fd, SHUT_WR);
        else if (i % 6 < 4)
            client_reset(dup(c.fd));
        pump(&s, 1);
        tls_free(&c);
        count++;
    }
    assert_true(pump_until(&s, &s.gone, count));
    assert_int_equal(s.closed, 0); /* no flow there ever was */
    assert_int_equal(mt_net_count(s.net).tls_opened, 0);
    assert_int_equal(mt_net_count(s.net).open, 0);
    server_stop(&s);
}

static void test_spoilt(void **state) {
    server s;
    tls_client c;
    char bytes[4096];
    server_start_tls(&s, NULL, tls);
    tls_open(&c, &s, &s.https);
    assert_true(SSL_write(c.ssl, GET, sizeof GET - 1) > 0);
    size_t len = tls_outgoing(&c, bytes, sizeof bytes);
    bytes[len - 1] ^= 1;
    client_send(&s, c.fd, bytes, len);
    assert_true(client_sees_end(&s, c.fd));
    assert_int_equal(s.requests, 0);
    tls_free(&c);
    tls_connect(&c, &s, &s.https, 0, NULL);
    (void)SSL_do_handshake(c.ssl);
    len = tls_outgoing(&c, bytes, sizeof bytes);
    bytes[9] = 1; /* the version within the hello: SSL 1 */
    bytes[43] ^= 1;
    client_send(&s, c.fd, bytes, len);
    assert_true(client_sees_end(&s, c.fd));
    assert_int_equal(mt_net_count(s.net).tls_failed, 1);
    tls_free(&c);
    server_stop(&s);
}

static void test_plain_to_tls(void **state) {
    server s;
    server_start_tls(&s, NULL, tls);
    int fd = client_connect(&s, &s.https);
    client_say(&s, fd, GET);
    client_read(&s, fd, "https://", in, sizeof in);
    assert_memory_equal(in, "HTTP/1.1 400 Bad Request\r\n", 26);
    assert_true(client_sees_end(&s, fd));
    close(fd);
    fd = client_connect(&s, &s.sips);
    client_say(&s, fd, "OPTIONS sip:x SIP/2.0\r\n\r\n");
    assert_true(client_sees_end(&s, fd));
    close(fd);
    assert_int_equal(s.requests + s.messages + s.closed, 0);
    assert_true(pump_until(&s, &s.gone, 2));
    server_stop(&s);
}

static void refused(server *s, const mt_addr *to, int version, const char *alpn) {
    tls_client c;
    tls_connect(&c, s, to, version, alpn);
    assert_false(tls_handshake(&c));
    tls_free(&c);
}

static void test_refused(void **state) {
    server s;
    server_start_tls(&s, NULL, tls);
    refused(&s, &s.https, TLS1_1_VERSION, NULL);
    refused(&s, &s.https, 0, "\x02h2");
    refused(&s, &s.https, 0, "\x05sip/2");
    refused(&s, &s.sips, 0, "\x08http/1.1");
    assert_int_equal(mt_net_count(s.net).tls_failed, 4);
    assert_true(pump_until(&s, &s.gone, 4));
    server_stop(&s);
}

static void test_slow(void **state) {
    server s;
    tls_client c;
    char bytes[4096];
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.tls_handshake_ms = 300;
    server_start_tls(&s, &l, tls);
    int64_t start_ms = mt_clock_ms();
    int silent = client_connect(&s, &s.sips);
    tls_connect(&c, &s, &s.https, 0, NULL);
    (void)SSL_do_handshake(c.ssl);
    size_t len = tls_outgoing(&c, bytes, sizeof bytes);
    for (size_t i = 0; i < len && s.gone < 2; i++) { /* a byte each 10 ms is no handshake */
        client_send(&s, c.fd, bytes + i, 1);
        pump(&s, 10);
    }
    assert_int_equal(s.gone, 2);
    assert_in_range(mt_clock_ms() - start_ms, 300, 3000);
    close(silent);
    tls_free(&c);
    /* Once it is over the limit is over. */
    tls_open(&c, &s, &s.sips);
    pump(&s, 500);
    assert_int_equal(s.gone, 2);
    tls_free(&c);
    server_stop(&s);
}

static void test_renegotiation(void **state) {
    server s;
    tls_client c;
    server_start_tls(&s, NULL, tls);
    tls_connect(&c, &s, &s.https, TLS1_2_VERSION, NULL);
    assert_true(tls_handshake(&c));
    assert_int_equal(SSL_renegotiate(c.ssl), 1);
    assert_false(tls_handshake(&c)); /* a warning tells him no; OpenSSL's client gives up then */
    tls_free(&c);
    tls_open(&c, &s, &s.https); /* new keys are another thing */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        tls_say(&c, GET);
        tls_read(&c, "GET /a?b ", in, sizeof in, NULL);
    }
    assert_int_equal(s.requests, 3);
    tls_free(&c);
    server_stop(&s);
}

static void test_closed_by_handler(void **state) {
    server s;
    tls_client c;
    bool ended;
    server_start_tls(&s, NULL, tls);
    s.echo = s.close_on_message = true;
    tls_open(&c, &s, &s.sips);
    tls_say(&c, "last\nnever\n");
    tls_read(&c, NULL, in, sizeof in, &ended);
    assert_string_equal(in, "last\n");
    assert_true(ended);
    assert_int_equal(s.messages, 1);
    assert_int_equal(s.closed, 1);
    tls_free(&c);
    assert_true(pump_until(&s, &s.gone, 1));
    server_stop(&s);
}

/* The end of everything finds connections in all states. */
static void test_destroy(void **state) {
    server s;
    tls_client c[4];
    char bytes[64];
    bool ended;
    server_start_tls(&s, NULL, tls);
    tls_connect(&c[0], &s, &s.https, 0, NULL);
    tls_connect(&c[1], &s, &s.sips, 0, NULL);
    (void)SSL_do_handshake(c[1].ssl);
    client_send(&s, c[1].fd, bytes, tls_outgoing(&c[1], bytes, sizeof bytes));
    tls_open(&c[2], &s, &s.sips);
    tls_open(&c[3], &s, &s.https);
    tls_say(&c[3], "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    server_stop(&s);
    assert_int_equal(s.abandoned, 1);
    assert_int_equal(s.closed, 1);
    server_start(&s, NULL); /* to turn a loop while reading what is left */
    c[2].s = &s;
    tls_read(&c[2], NULL, in, sizeof in, &ended);
    assert_true(ended);
    server_stop(&s);
    for (size_t i = 0; i < 4; i++)
        tls_free(&c[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_plain_beside),
        cmocka_unit_test(test_sip),
        cmocka_unit_test(test_ws),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_many_records),
        cmocka_unit_test(test_big_both_ways),
        cmocka_unit_test(test_never_reads),
        cmocka_unit_test(test_farewells),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_broken_off),
        cmocka_unit_test(test_spoilt),
        cmocka_unit_test(test_plain_to_tls),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_renegotiation),
        cmocka_unit_test(test_closed_by_handler),
        cmocka_unit_test(test_destroy),
    };
    return cmocka_run_group_tests(tests, make_tls, free_tls);
}
