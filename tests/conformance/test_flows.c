/* Where answers go and how flows are kept alive: RFC 3581 (rport) with RFC 3261 18.2, RFC 5626 section 4.4 (keep-alive)
 * and RFC 7118 (SIP over WebSocket). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;

static void from_addr(peer *p, const char *addr) {
    assert_int_equal(mt_addr_parse(mt_slice_of(addr), &p->flow.addr), MT_OK);
}

#define REST "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
#define ASK "OPTIONS sip:x SIP/2.0\r\n"

/* --- RFC 3581 --- */

typedef struct via_row {
    mt_sip_transport transport;
    const char *source, *via, *answer;
} via_row;

static const via_row vias[] = {
    /* asked for: value and received, also where the address is the same (section 4) */
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff",
     "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKkjshdyff;received=192.0.2.1;rport=9988"},
    {MT_SIP_UDP, "192.0.2.1:4540", "SIP/2.0/UDP 192.0.2.1:4540;rport;branch=z9hG4bKs",
     "SIP/2.0/UDP 192.0.2.1:4540;branch=z9hG4bKs;received=192.0.2.1;rport=4540"},
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP client.invalid;branch=z9hG4bKs;RPORT",
     "SIP/2.0/UDP client.invalid;branch=z9hG4bKs;received=192.0.2.1;rport=9988"},
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP / 2.0 / UDP h ; branch = z9hG4bKs ; rport",
     "SIP/2.0/UDP h;branch=z9hG4bKs;received=192.0.2.1;rport=9988"},
    /* not asked for */
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKs",
     "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKs;received=192.0.2.1"},
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP 10.1.1.1", "SIP/2.0/UDP 10.1.1.1;received=192.0.2.1"},
    /* what the client claims itself is not repeated */
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP h;rport=1;received=203.0.113.9;branch=z9hG4bKs",
     "SIP/2.0/UDP h;branch=z9hG4bKs;received=192.0.2.1;rport=9988"},
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP h;received=203.0.113.9;branch=z9hG4bKs",
     "SIP/2.0/UDP h;branch=z9hG4bKs;received=192.0.2.1"},
    /* other parameters stay; nothing is sent to maddr */
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/UDP h;maddr=203.0.113.9;ttl=1;x=\"y z\";rport;branch=z9hG4bKs;alias",
     "SIP/2.0/UDP h;maddr=203.0.113.9;ttl=1;x=\"y z\";branch=z9hG4bKs;alias;received=192.0.2.1;rport=9988"},
    /* IPv6: no brackets in received (RFC 5118 4.5) */
    {MT_SIP_UDP, "[2001:db8::1]:9988", "SIP/2.0/UDP [2001:db8::9]:5060;rport;branch=z9hG4bKs",
     "SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKs;received=2001:db8::1;rport=9988"},
    /* an IPv4 client on an IPv6 socket is an IPv4 client */
    {MT_SIP_UDP, "[::ffff:192.0.2.1]:9988", "SIP/2.0/UDP h;rport;branch=z9hG4bKs",
     "SIP/2.0/UDP h;branch=z9hG4bKs;received=192.0.2.1;rport=9988"},
    /* over streams as well */
    {MT_SIP_TCP, "192.0.2.1:9988", "SIP/2.0/TCP 10.1.1.1:4540;rport;branch=z9hG4bKs",
     "SIP/2.0/TCP 10.1.1.1:4540;branch=z9hG4bKs;received=192.0.2.1;rport=9988"},
    {MT_SIP_TLS, "192.0.2.1:9988", "SIP/2.0/TLS 10.1.1.1;branch=z9hG4bKs",
     "SIP/2.0/TLS 10.1.1.1;branch=z9hG4bKs;received=192.0.2.1"},
    {MT_SIP_WS, "192.0.2.1:9988", "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKs",
     "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKs;received=192.0.2.1"},
    /* what transport a Via names is not believed: the answer goes back by the flow */
    {MT_SIP_UDP, "192.0.2.1:9988", "SIP/2.0/TCP 203.0.113.9:5060;rport;branch=z9hG4bKs",
     "SIP/2.0/TCP 203.0.113.9:5060;branch=z9hG4bKs;received=192.0.2.1;rport=9988"},
};

static void test_received_and_rport(void **state) {
    for (size_t i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
        char got[400];
        world_open(&w, vias[i].transport, MT_SIP_UDP);
        from_addr(&w.p[0], vias[i].source);
        peer_say(&w.p[0], ASK "Via: %s\r\nVia: SIP/2.0/UDP second;branch=2;rport\r\n" REST "Content-Length: 0\r\n\r\n",
                 vias[i].via);
        const char *text = peer_next(&w.p[0], "SIP/2.0 200"); /* to the source, or the connection: see world's check */
        assert_string_equal(header_of(text, "Via", got, sizeof(got)), vias[i].answer);
        assert_non_null(strstr(text, "\r\nVia: SIP/2.0/UDP second;branch=2;rport\r\n")); /* only the first is ours */
        world_close(&w);
    }
}

static void test_bad_rport(void **state) {
    static const char *const rows[] = {"rport=x", "rport=-1", "rport=65536", "rport=\"1\"",
                                       "rport=99999999999999999999"};
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        peer_say(&w.p[0], ASK "Via: SIP/2.0/UDP h;branch=z9hG4bKs;%s\r\n" REST "\r\n", rows[i]);
    peer_silent(&w.p[0]);
    assert_int_equal(mt_sip_server_count(w.s).malformed, sizeof(rows) / sizeof(rows[0]));
    world_close(&w);
}

/* Section 4: an answer that is sent again takes the same way, though the client's NAT has moved on meanwhile. */
static void test_repeated_answers_stay_with_their_flow(void **state) {
    dialog d;
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.qualify_ms = 0;
    world_open_with(&w, MT_SIP_UDP, MT_SIP_TCP, &cfg);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &d);
    peer_answer(&w.p[1], peer_next(&w.p[1], "INVITE "), "486 Busy Here", "t", NULL, NULL);
    world_run(&w, 2000);
    assert_int_equal(peer_count(&w.p[0], "SIP/2.0 486"), 3);
    char via[300];
    for (size_t i = 0; i < w.sent_count; i++) {
        if (strncmp(w.sent[i].bytes, "SIP/2.0 486", 11) == 0)
            assert_non_null(
                strstr(header_of(w.sent[i].bytes, "Via", via, sizeof(via)), "received=10.1.1.1;rport=5010"));
    }
    world_close(&w);
}

/* The server asks for rport itself (section 3), and an answer finds it from whatever address. */
static void test_own_requests_ask_for_rport(void **state) {
    char via[300];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    world_run(&w, 20000);
    const char *options = peer_next(&w.p[0], "OPTIONS ");
    const char *rport = strstr(header_of(options, "Via", via, sizeof(via)), ";rport");
    assert_non_null(rport);
    assert_int_equal(rport[6], '\0');
    peer_answer(&w.p[0], options, "200 OK", "t", NULL, NULL);
    world_run(&w, 10000);
    assert_int_equal(mt_sip_server_count(w.s).bindings, 1);
    world_close(&w);
}

/* --- RFC 5626 4.4, RFC 7118 section 6 --- */

typedef struct alive_row {
    mt_sip_transport transport;
    const char *bytes;
    size_t len;
    bool pong;
} alive_row;

#define BYTES(text) text, sizeof(text) - 1

static const alive_row alive[] = {
    {MT_SIP_TCP, BYTES("\r\n\r\n"), true},
    {MT_SIP_TLS, BYTES("\r\n\r\n"), true},
    {MT_SIP_WS, BYTES("\r\n\r\n"), true},
    {MT_SIP_WSS, BYTES("\r\n\r\n"), true},
    {MT_SIP_TCP, BYTES("\r\n"), false}, /* a pong */
    {MT_SIP_WS, BYTES("\r\n"), false},
    {MT_SIP_WS, BYTES(""), false},
    /* over datagrams CRLFs are no ping: an answer would only help who forges sources */
    {MT_SIP_UDP, BYTES("\r\n\r\n"), false},
    {MT_SIP_UDP, BYTES("\r\n"), false},
    {MT_SIP_UDP, BYTES(""), false},
    {MT_SIP_UDP, BYTES("\0\0\0\0"), false},
    /* STUN to the SIP port: this server offers none (section 4.4.2 is for those that say so) */
    {MT_SIP_UDP,
     BYTES("\0\1\0\0\x21\x12\xa4\x42"
           "abcdefghijkl"),
     false},
};

static void test_keep_alives(void **state) {
    for (size_t i = 0; i < sizeof(alive) / sizeof(alive[0]); i++) {
        const alive_row *r = &alive[i];
        world_open(&w, r->transport, MT_SIP_UDP);
        assert_int_equal(mt_sip_server_input(w.s, &w.p[0].flow, mt_slice_n(r->bytes, r->len), w.now_ms), MT_OK);
        world_take(&w);
        if (r->pong)
            assert_string_equal(peer_next(&w.p[0], NULL), "\r\n");
        peer_silent(&w.p[0]);
        assert_int_equal(mt_sip_server_count(w.s).requests, 0);
        assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
        world_close(&w);
    }
}

/* A stream as the shell cuts it: '.' a message, 'p' a ping, 's' a CRLF passed over, '!' the end. */
static void cut_all(const char *stream, char *trace) {
    mt_slice rest = mt_slice_of(stream);
    mt_sip_frame f;
    mt_err err = MT_OK;
    while (rest.len > 0 && (err = mt_sip_frame_cut(rest, 32768, &f)) == MT_OK) {
        *trace++ = f.keepalive ? 'p' : f.skip ? 's' : '.';
        rest = (mt_slice){rest.p + f.len, rest.len - f.len};
    }
    if (err == MT_EBAD)
        *trace++ = '!';
    *trace = '\0';
}

static void test_keep_alives_between_messages(void **state) {
#define MESSAGE ASK "Content-Length: 4\r\n\r\n\r\n\r\n"
    static const struct {
        const char *stream, *trace;
    } rows[] = {
        {"\r\n\r\n" MESSAGE "\r\n\r\n" MESSAGE, "p.p."},
        {MESSAGE MESSAGE "\r\n\r\n\r\n\r\n", "..pp"},
        {MESSAGE "\r\n" MESSAGE, ".s."},
        {"\r\n\r\n\r\n" MESSAGE, "ps."},
        {"\r\n\r\n\r\n\r\n\r\n" MESSAGE, "pps."},
        {MESSAGE "\r\r\n", ".!"},
        {MESSAGE "\n\n" MESSAGE, ".."}, /* bare LFs belong to the message, which is refused with them */
        {"\r\n \r\n" MESSAGE, "s."},    /* a blank start line, likewise */
        {"\r\n\r\n" MESSAGE "\r\n\r", "p."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char trace[32];
        cut_all(rows[i].stream, trace);
        if (strcmp(trace, rows[i].trace) != 0)
            fail_msg("%s instead of %s for:\n%s", trace, rows[i].trace, rows[i].stream);
    }
}

/* --- RFC 7118 --- */

typedef struct ws_row {
    const char *message;
    unsigned answer; /* 0: none */
} ws_row;

#define WSVIA "Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\r\n"

/* Section 5: one whole message a WebSocket message; Content-Length may be missing, but not be wrong. */
static const ws_row ws[] = {
    {ASK WSVIA REST "\r\n", 200},
    {ASK WSVIA REST "Content-Length: 0\r\n\r\n", 200},
    {ASK WSVIA REST "Content-Type: text/plain\r\n\r\nbody", 200},
    {ASK WSVIA REST "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody", 200},
    {ASK WSVIA REST "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nbody", 400},
    {ASK WSVIA REST "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nbody", 400},
    {ASK WSVIA REST "Content-Length: 0\r\n\r\n" ASK WSVIA REST "Content-Length: 0\r\n\r\n", 400}, /* two in one */
    {ASK WSVIA REST, 0},                                                                          /* half of one */
    {ASK "Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK1\r\n" REST "\r\n", 200},
    {ASK "Via: SIP/2.0/ws df7jal23ls0d.invalid;branch=z9hG4bK1\r\n" REST "\r\n", 200},
    {"\r\n" ASK WSVIA REST "\r\n", 200},
    {"hello", 0},
    {"{\"not\":\"sip\"}", 0},
};

static void test_messages_over_websocket(void **state) {
    for (size_t i = 0; i < sizeof(ws) / sizeof(ws[0]); i++) {
        world_open(&w, MT_SIP_WS, MT_SIP_UDP);
        peer_say(&w.p[0], "%s", ws[i].message);
        char want[16];
        (void)snprintf(want, sizeof(want), "SIP/2.0 %u ", ws[i].answer);
        if (ws[i].answer != 0)
            (void)peer_next(&w.p[0], want);
        peer_silent(&w.p[0]);
        world_close(&w);
    }
}

/* Sections 5.2.2 and 7: the Contact's and Via's hosts are nobody's; the binding is the connection, and ends with it. */
static void test_binding_is_the_connection(void **state) {
    mt_sip_flow flow;
    world_open(&w, MT_SIP_WS, MT_SIP_UDP);
    peer_register(&w.p[0]);
    assert_int_equal(mt_sip_server_binding(w.s, 1, &flow), MT_OK);
    assert_int_equal(flow.conn, w.p[0].flow.conn);
    world_run(&w, 100000);
    assert_int_equal(peer_count(&w.p[0], "OPTIONS "), 0); /* a connection is not asked whether it is there */
    peer_reconnect(&w.p[0], 500, true);
    assert_int_equal(mt_sip_server_binding(w.s, 1, &flow), MT_ENOENT);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_received_and_rport),
        cmocka_unit_test(test_bad_rport),
        cmocka_unit_test(test_repeated_answers_stay_with_their_flow),
        cmocka_unit_test(test_own_requests_ask_for_rport),
        cmocka_unit_test(test_keep_alives),
        cmocka_unit_test(test_keep_alives_between_messages),
        cmocka_unit_test(test_messages_over_websocket),
        cmocka_unit_test(test_binding_is_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
