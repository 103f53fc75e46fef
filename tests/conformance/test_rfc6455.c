/* RFC 6455 on a real connection: the handshake (section 4.2), framing (5), closing (7) and UTF-8 (8.1), each case in
 * one piece and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: sip\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define HOST "Host: x\r\n"
#define SHAKE "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n"
#define MESSAGE_MAX 1000

/* Frames: sent ones begin with the first octet in hexadecimal, a colon and the payload, "u…" is not masked, "#1000:why"
 * is a close frame; received ones are written alike. Behind the last one a ping "~" is sent:
 * its pong, which is not shown, tells that the connection is still up; else "end" is the end of the stream. */
typedef struct row {
    const char *what, *frames, *answer;
} row;

#define FIFTY "pppppppppppppppppppppppppppppppppppppppppppppppppp"
#define P125 FIFTY FIFTY "ppppppppppppppppppppppppp"

static const row good[] = {
    {"text", "81:Hello", "81:Hello"},
    {"empty text", "81:", "81:"},
    {"several at once", "81:a 81:b 81:c", "81:a 81:b 81:c"},
    {"two fragments", "01:Hel 80:lo", "81:Hello"},
    {"empty fragments", "01: 00: 00:x 00: 80:", "81:x"},
    {"all empty", "01: 80:", "81:"},
    {"binary", "82:bin", "81:bin"}, /* the echo is text where it can be */
    {"binary that is no text", "82:\xff\xfe", "82:\xff\xfe"},
    {"binary in fragments", "02:\xc5 80:\xc5", "82:\xc5\xc5"},
    {"ping", "89:Hello", "8a:Hello"},
    {"empty ping", "89:", "8a:"},
    {"largest ping", "89:" P125, "8a:" P125},
    {"pings in order", "89:1 89:2 89:3", "8a:1 8a:2 8a:3"},
    {"pong unasked", "8a:what", ""},
    {"ping between fragments", "01:Hel 89:p 80:lo", "8a:p 81:Hello"},
    {"ping and pong between fragments", "01:a 89:1 00:b 8a:2 89:3 80:c", "8a:1 8a:3 81:abc"},
    {"ping holds any octets", "89:\xff\xfe\x01", "8a:\xff\xfe\x01"},
    /* UTF-8, the first and last of each length, and the ends of gaps */
    {"U+0080", "81:\xc2\x80", "81:\xc2\x80"},
    {"U+07FF", "81:\xdf\xbf", "81:\xdf\xbf"},
    {"U+0800", "81:\xe0\xa0\x80", "81:\xe0\xa0\x80"},
    {"U+D7FF", "81:\xed\x9f\xbf", "81:\xed\x9f\xbf"},
    {"U+E000", "81:\xee\x80\x80", "81:\xee\x80\x80"},
    {"U+FFFE", "81:\xef\xbf\xbe", "81:\xef\xbf\xbe"},
    {"U+10000", "81:\xf0\x90\x80\x80", "81:\xf0\x90\x80\x80"},
    {"U+10FFFF", "81:\xf4\x8f\xbf\xbf", "81:\xf4\x8f\xbf\xbf"},
    {"a code point over three fragments", "01:\xf0 00:\x9f\x98 80:\x80", "81:\xf0\x9f\x98\x80"},
    {"with a ping in the middle of it", "01:\xf0\x9f 89:p 80:\x98\x80", "8a:p 81:\xf0\x9f\x98\x80"},
};

static const row bad[] = {
    /* 5.2: reserved bits */
    {"RSV1", "c1:x", "#1002 end"},
    {"RSV2", "a1:x", "#1002 end"},
    {"RSV3", "91:x", "#1002 end"},
    {"all of them", "f1:x", "#1002 end"},
    {"RSV1 on a ping", "c9:x", "#1002 end"},
    {"RSV1 on a close", "c8:", "#1002 end"},
    {"RSV1 on a continuation", "01:a #0:b", "#1002 end"},
    /* 5.2: opcodes */
    {"opcode 3", "83:", "#1002 end"},
    {"opcode 4", "84:x", "#1002 end"},
    {"opcode 5", "85:x", "#1002 end"},
    {"opcode 6", "86:x", "#1002 end"},
    {"opcode 7", "87:x", "#1002 end"},
    {"opcode 11", "8b:", "#1002 end"},
    {"opcode 12", "8c:x", "#1002 end"},
    {"opcode 13", "8d:x", "#1002 end"},
    {"opcode 14", "8e:x", "#1002 end"},
    {"opcode 15", "8f:x", "#1002 end"},
    {"opcode 3, not final", "03:x", "#1002 end"},
    {"opcode 3 between fragments", "01:a 83:b", "#1002 end"},
    {"what went before is delivered", "81:a 83:x 81:b", "81:a #1002 end"},
    /* 5.5: control frames */
    {"fragmented ping", "09:a 80:b", "#1002 end"},
    {"fragmented pong", "0a:a", "#1002 end"},
    {"fragmented close", "08:", "#1002 end"},
    {"ping of 126", "89:p" P125, "#1002 end"},
    {"pong of 126", "8a:p" P125, "#1002 end"},
    {"close of 126", "88:p" P125, "#1002 end"},
    /* 5.1: masking */
    {"text without a mask", "u81:Hello", "#1002 end"},
    {"nothing without a mask", "u81:", "#1002 end"},
    {"ping without a mask", "u89:x", "#1002 end"},
    {"close without a mask", "u88:", "#1002 end"},
    {"continuation without a mask", "01:a u80:b", "#1002 end"},
    /* 5.4: fragments */
    {"continuation of nothing", "80:x", "#1002 end"},
    {"continuation of nothing, not final", "00:x", "#1002 end"},
    {"continuation of what is over", "01:a 80:b 80:c", "81:ab #1002 end"},
    {"text within text", "01:a 81:b", "#1002 end"},
    {"binary within text", "01:a 02:b", "#1002 end"},
    {"text within an empty begin", "01: 81:", "#1002 end"},
    /* 8.1: UTF-8 */
    {"0xff", "81:\xff", "#1007 end"},
    {"continuation alone", "81:\x80", "#1007 end"},
    {"second octet missing", "81:\xc3(", "#1007 end"},
    {"cut off, 2", "81:ab\xc3", "#1007 end"},
    {"cut off, 3", "81:\xe2\x82", "#1007 end"},
    {"cut off, 4", "81:\xf0\x9f\x98", "#1007 end"},
    {"overlong /, 2", "81:\xc0\xaf", "#1007 end"},
    {"overlong /, 3", "81:\xe0\x80\xaf", "#1007 end"},
    {"overlong /, 4", "81:\xf0\x80\x80\xaf", "#1007 end"},
    {"U+D800", "81:\xed\xa0\x80", "#1007 end"},
    {"U+DFFF", "81:\xed\xbf\xbf", "#1007 end"},
    {"U+110000", "81:\xf4\x90\x80\x80", "#1007 end"},
    {"five octets", "81:\xf8\x88\x80\x80\x80", "#1007 end"},
    {"bad across fragments", "01:\xce 80:\xff", "#1007 end"},
    {"surrogate across fragments", "01:a 00:\xed 80:\xa0\x80", "#1007 end"},
    {"cut off in the last fragment", "01:\xf0\x9f 00:\x98 80:", "#1007 end"},
    {"cut off, then begun anew", "01:\xf0\x9f 80:\xf0\x9f\x98\x80", "#1007 end"},
    /* 7: closing */
    {"close without a code", "88:", "# end"},
    {"1000", "#1000", "#1000 end"},
    {"1000 with a reason", "#1000:bye", "#1000 end"},
    {"reason in UTF-8", "#1000:\xc5\xbc", "#1000 end"},
    {"1001", "#1001", "#1001 end"},
    {"1002", "#1002", "#1002 end"},
    {"1003", "#1003", "#1003 end"},
    {"1007", "#1007", "#1007 end"},
    {"1008", "#1008", "#1008 end"},
    {"1009", "#1009", "#1009 end"},
    {"1010", "#1010", "#1010 end"},
    {"1011", "#1011", "#1011 end"},
    {"1012, registered later", "#1012", "#1012 end"},
    {"1014, registered later", "#1014", "#1014 end"},
    {"3000", "#3000", "#3000 end"},
    {"3999", "#3999", "#3999 end"},
    {"4000", "#4000", "#4000 end"},
    {"4999", "#4999", "#4999 end"},
    {"half a code", "88:x", "#1002 end"},
    {"0", "#0", "#1002 end"},
    {"999", "#999", "#1002 end"},
    {"1004, reserved", "#1004", "#1002 end"},
    {"1005, never sent", "#1005", "#1002 end"},
    {"1006, never sent", "#1006", "#1002 end"},
    {"1015, never sent", "#1015", "#1002 end"},
    {"1016", "#1016", "#1002 end"},
    {"1100", "#1100", "#1002 end"},
    {"2000", "#2000", "#1002 end"},
    {"2999", "#2999", "#1002 end"},
    {"5000", "#5000", "#1002 end"},
    {"65535", "#65535", "#1002 end"},
    {"reason not UTF-8", "#1000:\xff", "#1007 end"},
    {"reason cut off", "#1000:\xc5", "#1007 end"},
    {"close between fragments", "01:a #1001 80:b", "#1001 end"},
    {"nothing is heard behind close", "#1000 81:late 89:late #1001", "#1000 end"},
    {"what went before close is", "81:a 89:b #1000", "81:a 8a:b #1000 end"},
};

/* --- */

static uint8_t out[4096];
static size_t out_len;
static char in[1 << 16];

static void add_frame(unsigned first, const char *payload, size_t len, bool masked) {
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    assert_true(len < 65536 && out_len + len + 8 < sizeof(out));
    out[out_len++] = (uint8_t)first;
    out[out_len++] = (uint8_t)((masked ? 0x80 : 0) | (len < 126 ? len : 126));
    if (len >= 126) {
        out[out_len++] = (uint8_t)(len >> 8);
        out[out_len++] = (uint8_t)len;
    }
    if (masked) {
        memcpy(out + out_len, mask, 4);
        out_len += 4;
    }
    for (size_t i = 0; i < len; i++)
        out[out_len++] = (uint8_t)((uint8_t)payload[i] ^ (masked ? mask[i % 4] : 0));
}

static void add_close(const char *token) {
    char payload[128], *why;
    unsigned long code = strtoul(token + 1, &why, 10);
    why += *why == ':';
    int len = snprintf(payload, sizeof(payload), "%c%c%s", 'x', 'x', why);
    payload[0] = (char)(uint8_t)(code >> 8);
    payload[1] = (char)(uint8_t)code;
    add_frame(0x88, payload, (size_t)len, true);
}

static void add_token(const char *token) {
    if (*token == '#') {
        add_close(token);
        return;
    }
    bool masked = *token != 'u';
    char *colon;
    unsigned long first = strtoul(masked ? token : token + 1, &colon, 16);
    if (*colon != ':')
        fail_msg("bad frame %s", token);
    add_frame((unsigned)first, colon + 1, strlen(colon + 1), masked);
}

static void add_frames(const char *frames) {
    char text[1024], *rest = NULL;
    (void)snprintf(text, sizeof(text), "%s", frames);
    for (char *t = strtok_r(text, " ", &rest); t != NULL; t = strtok_r(NULL, " ", &rest))
        add_token(t);
}

/* What came, as tokens; the pong of "~" ends it. */
static void describe(const char *p, size_t len, bool ended, char *text, size_t bytes) {
    size_t at = 0, n = 0;
    text[0] = '\0';
    while (len - at >= 2) {
        size_t size = (uint8_t)p[at + 1];
        assert_true(size < 126 && at + 2 + size <= len); /* never masked, and nothing here is longer */
        const char *payload = p + at + 2;
        unsigned first = (uint8_t)p[at];
        at += 2 + size;
        if (first == 0x8a && size == 1 && *payload == '~')
            break;
        const char *space = n > 0 ? " " : "";
        if (first == 0x88 && size >= 2)
            n += (size_t)snprintf(text + n, bytes - n, "%s#%u", space, (uint8_t)payload[0] << 8 | (uint8_t)payload[1]);
        else if (first == 0x88)
            n += (size_t)snprintf(text + n, bytes - n, "%s#", space);
        else
            n += (size_t)snprintf(text + n, bytes - n, "%s%02x:%.*s", space, first, (int)size, payload);
    }
    assert_int_equal(at, len);
    if (ended)
        (void)snprintf(text + n, bytes - n, "%send", n > 0 ? " " : "");
}

static int open_ws(server *s) {
    int fd = client_connect(s, &s->http);
    client_say(s, fd, SHAKE);
    client_read(s, fd, "\r\n\r\n", in, sizeof(in));
    assert_memory_equal(in, "HTTP/1.1 101 ", 13);
    return fd;
}

static void start(server *s) {
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.ws_message_bytes = MESSAGE_MAX;
    server_start(s, &l);
    s->echo = true;
}

static void send_out(server *s, int fd, size_t piece) {
    for (size_t at = 0; at < out_len; at += piece) {
        size_t len = out_len - at < piece ? out_len - at : piece;
        if (send(fd, out + at, len, MSG_NOSIGNAL) < 0)
            break; /* closed already */
        pump(s, 0);
    }
}

/* Sends what was added and describes all that came back. */
static void exchange(server *s, bool expect_end, size_t piece, char *text, size_t bytes) {
    int fd = open_ws(s);
    unsigned gone = s->gone;
    send_out(s, fd, piece);
    size_t len = client_read(s, fd, "\x8a\x01~", in, sizeof(in));
    bool ended = expect_end && client_sees_end(s, fd);
    describe(in, len, ended, text, bytes);
    close(fd);
    assert_true(pump_until(s, &s->gone, gone + 1));
}

static void run_row(server *s, const row *r, size_t piece) {
    char got[2048];
    size_t end = strlen(r->answer);
    out_len = 0;
    add_frames(r->frames);
    add_frame(0x89, "~", 1, true);
    exchange(s, end >= 3 && strcmp(r->answer + end - 3, "end") == 0, piece, got, sizeof(got));
    if (strcmp(got, r->answer) != 0)
        fail_msg("%s, in pieces of %zu: \"%s\" instead of \"%s\"", r->what, piece, got, r->answer);
}

static void run_rows(const row *rows, size_t count) {
    server s;
    start(&s);
    for (size_t i = 0; i < count; i++) {
        run_row(&s, &rows[i], sizeof(out));
        run_row(&s, &rows[i], 1);
    }
    assert_int_equal(s.closed, s.gone); /* each flow's end was told once */
    server_stop(&s);
}

static void test_good(void **state) {
    run_rows(good, sizeof(good) / sizeof(good[0]));
}
static void test_bad(void **state) {
    run_rows(bad, sizeof(bad) / sizeof(bad[0]));
}

/* Lengths, section 5.2: the shortest form is the only one; too much is refused by its header alone. */
static void test_lengths(void **state) {
    static const struct {
        const char *what, *header;
        size_t len;
        const char *answer;
    } rows[] = {
        {"5 in 16 bits", "\x81\xfe\x00\x05", 4, "#1002 end"},
        {"125 in 16 bits", "\x81\xfe\x00\x7d", 4, "#1002 end"},
        {"5 in 64 bits", "\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05", 10, "#1002 end"},
        {"65535 in 64 bits", "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10, "#1002 end"},
        {"highest bit", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x05", 10, "#1002 end"},
        {"all bits", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, "#1002 end"},
        {"one over the limit", "\x81\xfe\x03\xe9", 4, "#1009 end"},
        {"2^16", "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", 10, "#1009 end"},
        {"2^63 - 1", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10, "#1009 end"},
        {"ping of 16 bits", "\x89\xfe\x00\x7e", 4, "#1002 end"},
        {"ping of 64 bits", "\x89\xff\x00\x00\x00\x00\x00\x00\x00\x01", 10, "#1002 end"},
    };
    server s;
    start(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[128];
        memcpy(out, rows[i].header, rows[i].len);
        out_len = rows[i].len;
        exchange(&s, true, i % 2 == 0 ? 1 : sizeof(out), got, sizeof(got));
        if (strcmp(got, rows[i].answer) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].what, got, rows[i].answer);
    }
    assert_int_equal(s.messages, 0);
    server_stop(&s);
}

/* The limit is that of the message, whatever the number of its fragments. */
static void test_sum_of_fragments(void **state) {
    static char half[MESSAGE_MAX / 2 + 1];
    memset(half, 'x', sizeof(half));
    for (size_t over = 0; over < 2; over++) {
        char got[128];
        server s;
        start(&s);
        s.echo = false;
        out_len = 0;
        add_frame(0x01, half, MESSAGE_MAX / 2, true);
        add_frame(0x80, half, MESSAGE_MAX / 2 + over, true);
        add_frame(0x89, "~", 1, true);
        exchange(&s, over == 1, sizeof(out), got, sizeof(got));
        assert_string_equal(got, over == 1 ? "#1009 end" : "");
        assert_int_equal(s.messages, 1 - over);
        server_stop(&s);
    }
}

/* --- section 4.2 --- */

static void test_handshakes(void **state) {
    static const struct {
        const char *what, *text;
        const char *answer; /* 200: an ordinary request, answered as such */
    } rows[] = {
        {"names and values in any case",
         "GET /sip HTTP/1.1\r\nhost: x\r\nUPGRADE: WebSocket\r\nconnection: UPGRADE\r\nsec-websocket-key: "
         "dGhlIHNhbXBsZSBub25jZQ==\r\nSEC-WEBSOCKET-VERSION: 13\r\nsec-websocket-protocol: sip\r\n\r\n",
         "101"},
        {"lists",
         "GET /sip HTTP/1.1\r\n" HOST "Upgrade: h2c, websocket\r\nConnection: keep-alive , upgrade\r\n" KEY VERSION
         "Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Protocol: msrp , sip\r\n\r\n",
         "101"},
        {"an extension is not agreed",
         "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL
         "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
         "101"},
        {"any path is the handler's", "GET /other?x HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n", "101"},
        {"POST", "POST /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n", "200"},
        {"HEAD", "HEAD /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n", "200"},
        {"HTTP/1.0", "GET /sip HTTP/1.0\r\n" HOST UPGRADE KEY VERSION PROTOCOL "\r\n", "200"},
        {"no Upgrade", "GET /sip HTTP/1.1\r\n" HOST "Connection: Upgrade\r\n" KEY VERSION PROTOCOL "\r\n", "200"},
        {"no Connection", "GET /sip HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n" KEY VERSION PROTOCOL "\r\n", "200"},
        {"Upgrade to something else",
         "GET /sip HTTP/1.1\r\n" HOST "Upgrade: websockets\r\nConnection: Upgrade\r\n" KEY VERSION PROTOCOL "\r\n",
         "200"},
        {"no Host", "GET /sip HTTP/1.1\r\n" UPGRADE KEY VERSION PROTOCOL "\r\n", "400"},
        {"two Hosts", "GET /sip HTTP/1.1\r\n" HOST HOST UPGRADE KEY VERSION PROTOCOL "\r\n", "400"},
        {"a body", "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "Content-Length: 5\r\n\r\n\x81\x80xxx",
         "400"},
        {"a chunked body",
         "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION PROTOCOL "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "400"},
        {"no key", "GET /sip HTTP/1.1\r\n" HOST UPGRADE VERSION PROTOCOL "\r\n", "400"},
        {"empty key", "GET /sip HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Key:\r\n" VERSION PROTOCOL "\r\n", "400"},
        {"key of 15 octets",
         "GET /sip HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n" VERSION PROTOCOL "\r\n",
         "400"},
        {"key of 17 octets",
         "GET /sip HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n" VERSION PROTOCOL "\r\n",
         "400"},
        {"key that is not base64",
         "GET /sip HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub2_-ZQ==\r\n" VERSION PROTOCOL "\r\n",
         "400"},
        {"version 14", "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY "Sec-WebSocket-Version: 14\r\n" PROTOCOL "\r\n", "426"},
        {"version 013", "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY "Sec-WebSocket-Version: 013\r\n" PROTOCOL "\r\n",
         "426"},
        {"a list of versions",
         "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY "Sec-WebSocket-Version: 13, 8\r\n" PROTOCOL "\r\n", "426"},
        {"another subprotocol", "GET /sip HTTP/1.1\r\n" HOST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: sipp\r\n\r\n",
         "400"},
    };
    server s;
    server_start(&s, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int fd = client_connect(&s, &s.http);
        client_say(&s, fd, rows[i].text);
        client_read(&s, fd, "\r\n\r\n", in, sizeof(in));
        if (strncmp(in, "HTTP/1.1 ", 9) != 0 || strncmp(in + 9, rows[i].answer, 3) != 0)
            fail_msg("%s: %s", rows[i].what, in);
        assert_null(strstr(in, "Sec-WebSocket-Extensions"));
        if (rows[i].answer[0] == '4')
            assert_true(client_sees_end(&s, fd)); /* what follows might be frames, or a request */
        close(fd);
    }
    assert_int_equal(s.messages, 0);
    server_stop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),       cmocka_unit_test(test_bad),
        cmocka_unit_test(test_lengths),    cmocka_unit_test(test_sum_of_fragments),
        cmocka_unit_test(test_handshakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
