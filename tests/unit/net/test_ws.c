/* WebSocket framing, RFC 6455, on bytes alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "net/ws.h"

#define MAX 70000

/* A stream of frames under construction. */
typedef struct stream {
    uint8_t b[80000];
    size_t len;
} stream;

static stream out;

/* first: FIN, reserved bits and opcode. */
static void add_frame_n(uint8_t first, const void *payload, size_t len, bool masked) {
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t *p = out.b + out.len;
    size_t at = 0;
    p[at++] = first;
    uint8_t bit = masked ? 0x80 : 0;
    if (len < 126) {
        p[at++] = (uint8_t)(bit | len);
    } else {
        size_t extra = len < 65536 ? 2 : 8;
        p[at++] = (uint8_t)(bit | (extra == 2 ? 126 : 127));
        for (size_t i = extra; i-- > 0;)
            p[at++] = (uint8_t)((uint64_t)len >> (8 * i));
    }
    if (masked) {
        memcpy(p + at, mask, 4);
        at += 4;
    }
    for (size_t i = 0; i < len; i++)
        p[at++] = (uint8_t)(((const uint8_t *)payload)[i] ^ (masked ? mask[i % 4] : 0));
    out.len += at;
}

static void add_frame(uint8_t first, const char *text) {
    add_frame_n(first, text, strlen(text), true);
}

static void add_raw(const void *p, size_t len) {
    memcpy(out.b + out.len, p, len);
    out.len += len;
}

/* What the frames led to: "T:text ", "B:…", "ping:…", "pong:…", "close:code", "!code". */
static void run(size_t piece, char *trace, size_t trace_max) {
    mt_ws w;
    mt_ws_init(&w, MAX);
    size_t at = 0, fed = 0, len = 0;
    bool going = true;
    trace[0] = '\0';
    while (going) {
        /* exact size: a look behind the end is seen */
        char *exact = malloc(fed - at + 1);
        assert_non_null(exact);
        memcpy(exact, out.b + at, fed - at);
        size_t used = 0;
        mt_ws_event ev;
        mt_ws_step step = mt_ws_input(&w, exact, fed - at, &used, &ev);
        assert_true(used <= fed - at);
        at += used;
        int shown = ev.payload.len < 40 ? (int)ev.payload.len : 40;
        const char *text = shown > 0 ? ev.payload.p : "";
        char *t = trace + len;
        size_t room = trace_max - len;
        if (step == MT_WS_MESSAGE)
            len += (size_t)snprintf(t, room, "%c:%.*s ", ev.binary ? 'B' : 'T', shown, text);
        else if (step == MT_WS_PINGED || step == MT_WS_PONGED)
            len += (size_t)snprintf(t, room, "%s:%.*s ", step == MT_WS_PINGED ? "ping" : "pong", shown, text);
        else if (step == MT_WS_CLOSED || step == MT_WS_FAIL)
            len += (size_t)snprintf(t, room, "%s%u", step == MT_WS_CLOSED ? "close:" : "!", ev.code);
        free(exact);
        if (step == MT_WS_CLOSED || step == MT_WS_FAIL)
            break;
        if (step == MT_WS_MORE) {
            assert_int_equal(used, 0);
            going = fed < out.len;
            fed = out.len - fed < piece ? out.len : fed + piece;
        }
    }
    mt_ws_deinit(&w);
}

static void check(const char *want) {
    static char trace[4096];
    static const size_t pieces[] = {1, 2, 3, 7, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (pieces[i] < 7 && out.len > 4096)
            continue;
        run(pieces[i], trace, sizeof trace);
        if (strcmp(trace, want) != 0)
            fail_msg("in pieces of %zu: \"%s\" instead of \"%s\"", pieces[i], trace, want);
    }
    out.len = 0;
}

static void test_messages(void **state) {
    add_frame(0x81, "Hello");
    add_frame(0x82, "bin");
    add_frame(0x81, "");
    add_frame(0x81, "za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87");
    check("T:Hello B:bin T: T:za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87 ");
    /* section 5.7: "Hello" masked */
    static const uint8_t hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
    add_raw(hello, sizeof hello);
    check("T:Hello ");
}

static void test_fragments(void **state) {
    add_frame(0x01, "Hel");
    add_frame(0x80, "lo");
    add_frame(0x02, "a");
    add_frame(0x00, "");
    add_frame(0x00, "b");
    add_frame(0x80, "c");
    add_frame(0x81, "next");
    check("T:Hello B:abc T:next ");
    /* a code point may be cut anywhere */
    add_frame(0x01, "\xc5");
    add_frame(0x80, "\xbc");
    check("T:\xc5\xbc ");
}

static void test_control_between_fragments(void **state) {
    add_frame(0x01, "Hel");
    add_frame(0x89, "p");
    add_frame(0x00, "l");
    add_frame(0x8a, "");
    add_frame(0x80, "o");
    check("ping:p pong: T:Hello ");
    add_frame(0x01, "Hel");
    add_frame_n(0x88, "\x03\xe8", 2, true);
    add_frame(0x80, "lo");
    check("close:1000");
}

static void test_lengths(void **state) {
    static const size_t lens[] = {125, 126, 127, 65535, 65536, MAX};
    static char payload[MAX + 1];
    memset(payload, 'a', sizeof payload);
    char want[64];
    (void)snprintf(want, sizeof want, "B:%.40s ", payload);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        add_frame_n(0x82, payload, lens[i], true);
        check(want);
    }
    add_frame_n(0x82, payload, MAX + 1, true);
    check("!1009");
    /* refused by its header, before it is sent */
    add_raw("\x82\xff\x00\x00\x00\x00\x10\x00\x00\x00", 10);
    check("!1009");
    /* all fragments together */
    add_frame_n(0x02, payload, MAX - 1, true);
    add_frame_n(0x80, payload, 2, true);
    check("!1009");
}

static void test_protocol_errors(void **state) {
    static const uint8_t firsts[] = {0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f, 0x80, 0x00, 0x09, 0x08};
    for (size_t i = 0; i < sizeof firsts; i++) {
        add_frame(firsts[i], "x");
        check("!1002");
    }
    add_frame_n(0x81, "Hello", 5, false); /* not masked */
    check("!1002");
    add_frame(0x01, "a"); /* a new message inside one */
    add_frame(0x81, "b");
    check("!1002");
    add_frame(0x01, "a");
    add_frame(0x01, "b");
    check("!1002");
    char big[126];
    memset(big, 'p', sizeof big);
    add_frame_n(0x89, big, 125, true);
    check("ping:pppppppppppppppppppppppppppppppppppppppp ");
    add_frame_n(0x89, big, 126, true);
    check("!1002");
    /* lengths not written in the shortest way, or with the highest bit */
    add_raw("\x82\xfe\x00\x05", 4);
    check("!1002");
    add_raw("\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10);
    check("!1002");
    add_raw("\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00", 10);
    check("!1002");
}

static void test_utf8(void **state) {
    static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ab\xc5", "\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        add_frame(0x81, bad[i]);
        check("!1007");
    }
    add_frame(0x01, "\xce");
    add_frame(0x80, "\xff");
    check("!1007");
}

static void test_close(void **state) {
    static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999};
    static const unsigned bad[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535};
    char want[32];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint8_t payload[] = {(uint8_t)(good[i] >> 8), (uint8_t)good[i], 'b', 'y', 'e'};
        add_frame_n(0x88, payload, sizeof payload, true);
        (void)snprintf(want, sizeof want, "close:%u", good[i]);
        check(want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t payload[] = {(uint8_t)(bad[i] >> 8), (uint8_t)bad[i]};
        add_frame_n(0x88, payload, sizeof payload, true);
        check("!1002");
    }
    add_frame(0x88, "");
    check("close:1005");
    add_frame(0x88, "x");
    check("!1002");
    add_frame_n(0x88, "\x03\xe8\xff", 3, true);
    check("!1007");
}

static void test_out(void **state) {
    char h[MT_WS_HEADER_MAX];
    assert_int_equal(mt_ws_header(MT_WS_TEXT, 5, h), 2);
    assert_memory_equal(h, "\x81\x05", 2);
    assert_int_equal(mt_ws_header(MT_WS_PONG, 125, h), 2);
    assert_memory_equal(h, "\x8a\x7d", 2);
    assert_int_equal(mt_ws_header(MT_WS_BINARY, 256, h), 4);
    assert_memory_equal(h, "\x82\x7e\x01\x00", 4);
    assert_int_equal(mt_ws_header(MT_WS_TEXT, 65536, h), 10);
    assert_memory_equal(h, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    char code[2];
    assert_int_equal(mt_ws_close_payload(1002, code), 2);
    assert_memory_equal(code, "\x03\xea", 2);
    assert_int_equal(mt_ws_close_payload(1005, code), 0);
}

static void test_accept(void **state) {
    char accept[MT_WS_ACCEPT_LEN + 1];
    assert_int_equal(mt_ws_accept(MT_SLICE_LIT("dGhlIHNhbXBsZSBub25jZQ=="), accept), MT_OK);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* section 1.3 */
    assert_int_equal(mt_ws_accept(MT_SLICE_LIT("dGhlIHNhbXBsZSBub25jZQ="), accept), MT_EBAD);
    assert_int_equal(mt_ws_accept(MT_SLICE_LIT("dGhlIHNhbXBsZSBub25jZQ==="), accept), MT_EBAD);
    assert_int_equal(mt_ws_accept(MT_SLICE_LIT("dGhlIHNhbXBsZSBub25jZQab"), accept), MT_EBAD);
    assert_int_equal(mt_ws_accept(MT_SLICE_LIT("dGhlIHNhbXBsZS\r\nb25jZQ=="), accept), MT_EBAD);
    assert_int_equal(mt_ws_accept(MT_SLICE_LIT(""), accept), MT_EBAD);
}

static void test_no_memory(void **state) {
    mt_ws w;
    mt_ws_init(&w, MAX);
    out.len = 0;
    add_frame(0x01, "a");
    size_t used;
    mt_ws_event ev;
    mt_alloc_fail_nth(1);
    assert_int_equal(mt_ws_input(&w, (char *)out.b, out.len, &used, &ev), MT_WS_FAIL);
    mt_alloc_fail_nth(0);
    assert_int_equal(ev.code, 1011);
    mt_ws_deinit(&w);
    out.len = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_control_between_fragments),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_protocol_errors),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_out),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
