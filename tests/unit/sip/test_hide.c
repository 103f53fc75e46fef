/* What a body may say where nobody is to learn where its sender is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sip/hide.h"

#define HEAD "v=0\r\no=- 6104873341266103 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define FINGERPRINT                                                                                                    \
    "a=fingerprint:sha-256 00:08:10:18:20:28:30:38:40:48:50:58:60:68:70:78:80:88:90:98:A0:A8:B0:B8:C0:C8:D0:D8:E0:E8:" \
    "F0:F8\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:uFr4\r\n" FINGERPRINT
#define RELAY "a=candidate:2 1 UDP 503316991 198.51.100.3 61000 typ relay raddr 0.0.0.0 rport 0\r\n"
#define HOST "a=candidate:1 1 UDP 2015363327 192.0.2.7 50000 typ host\r\n"

static bool blank(const char *text) {
    return mt_sip_hide_is_blank(mt_slice_of(text));
}

static void what_passes(void **state) {
    static const char *const rows[] = {
        "",
        HEAD AUDIO RELAY "a=end-of-candidates\r\n",
        "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\n" /* as browsers write it */,
        "o=- 1 2 IN IP6 ::1\r\n",
        "o=x 1 2 IN IP4 host.invalid\r\n",
        HEAD "c=IN IP6 ::\r\n",
        /* the default candidate of a browser is its relay */
        HEAD
        "m=audio 61000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 198.51.100.3\r\na=rtcp:61000 IN IP4 198.51.100.3\r\n" RELAY,
        HEAD AUDIO
        "a=candidate:3 1 UDP 5 2001:db8::3 61000 typ relay raddr :: rport 0 generation 0 network-cost 999\r\n"
        "c=IN IP6 2001:DB8::3\r\n",
        HEAD AUDIO "a=rtcp:9 IN IP4 0.0.0.0\r\na=rtcp:9\r\n",
        HEAD AUDIO "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=extmap:3 "
                   "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=mid:0\r\n"
                   "a=ssrc:3735928559 cname:4TOk42mSjXCkVIa6\r\na=msid:- 7f4b3e1c-0f2d-4a52-9a8c-1f4b7c0d2e11\r\n",
        "Signal=1\r\nDuration=160\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!blank(rows[i]))
            fail_msg("refused: %s", rows[i]);
    }
}

static void what_does_not(void **state) {
    static const char *const rows[] = {
        HEAD AUDIO RELAY HOST,
        HEAD AUDIO HOST RELAY,
        HEAD AUDIO "A=CANDIDATE:1 1 UDP 1 192.0.2.7 50000 typ host\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ srflx raddr 0.0.0.0 rport 0\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ prflx\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ relay raddr 192.0.2.7 rport 0\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ relay generation 0 raddr 192.0.2.7 rport 0\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ relay raddr 0.0.0.0 rport 0 RADDR 192.0.2.7\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ relay raddr 127.0.0.1 rport 0\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000 typ relay raddr\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 0c1d.local 50000 typ host\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 relay.example.org 50000 typ relay\r\n",
        HEAD AUDIO "a=candidate:1 1 UDP 1 198.51.100.3 50000\r\n",
        HEAD AUDIO "a=candidate:\r\n",
        "o=- 1 2 IN IP4 192.0.2.7\r\n",
        "o=- 1 2 IN IP4 anna.example.org\r\n",
        "o=- 1 2 IN IP4\r\n",
        HEAD "c=IN IP4 192.0.2.7\r\n",
        HEAD "c=IN IP4 127.0.0.1\r\n",
        HEAD "c=IN IP4 192.0.2.7/127\r\n",
        HEAD "c=IN IP4 anna.example.org\r\n",
        HEAD "c=IN IP6 fe80::1\r\n",
        HEAD "c=IN\r\n",
        HEAD AUDIO "a=rtcp:9 IN IP4 192.0.2.7\r\n",
        HEAD AUDIO "a=rtcp:9 IN IP4 anna.example.org\r\n",
        HEAD AUDIO "a=ssrc:1 cname:anna@192.0.2.7\r\n",
        HEAD AUDIO "a=remote-candidates:1 192.0.2.7 50000\r\n",
        HEAD AUDIO "a=source-filter: incl IN IP6 * 2001:db8::7\r\n",
        HEAD AUDIO "a=x:2001:db8::7\r\n",
        HEAD AUDIO "a=x:192.0.2.7\r\n",
        HEAD "i=call me at 192.0.2.7\r\n",
        "m=audio 49170 RTP/AVP 0\nc=IN IP4 192.0.2.7\n",
        "{\"ip\":\"192.0.2.7\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (blank(rows[i]))
            fail_msg("passed: %s", rows[i]);
    }
}

/* Each line of what passes, with one of its parts made to tell: at the edges of words and lines. */
static void many_relays(void **state) {
    char text[16384] = HEAD AUDIO;
    size_t len = strlen(text);
    for (int i = 0; i < 65; i++) {
        assert_true(blank(text));
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "a=candidate:%d 1 UDP 1 198.51.100.%d 5 typ relay raddr 0.0.0.0 rport 0\r\n", i, i);
    }
    assert_false(blank(text)); /* more than anybody needs are not all looked at */
}

static bool body_blank(const char *text) {
    static mt_sip_msg m;
    assert_int_equal(mt_sip_msg_parse(mt_slice_of(text), MT_SIP_DATAGRAM, &m), MT_OK);
    return mt_sip_hide_body_is_blank(&m);
}

#define MESSAGE                                                                                                        \
    "INFO sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@y>\r\n"         \
    "Call-ID: c\r\nCSeq: 1 INFO\r\nContent-Type: application/sdp\r\n"

static void coded_bodies_cannot_be_read(void **state) {
    assert_true(body_blank(MESSAGE "Content-Encoding: gzip\r\n\r\n"));
    assert_true(body_blank(MESSAGE "\r\nv=0\r\n"));
    assert_true(body_blank(MESSAGE "Content-Encoding: identity\r\n\r\nv=0\r\n"));
    assert_false(body_blank(MESSAGE "Content-Encoding: gzip\r\n\r\nv=0\r\n"));
    assert_false(body_blank(MESSAGE "e: gzip\r\n\r\nv=0\r\n"));
    assert_false(body_blank(MESSAGE "\r\nc=IN IP4 192.0.2.7\r\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes),
        cmocka_unit_test(what_does_not),
        cmocka_unit_test(many_relays),
        cmocka_unit_test(coded_bodies_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
