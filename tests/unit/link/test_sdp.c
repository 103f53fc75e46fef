/* The gate and the writer of session descriptions. The browser vectors have the form that Chromium writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "link/sdp.h"

#define FP "7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08"
#define FP2 "7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:09"

#define CHROMIUM_HEAD                                                                                                  \
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"                      \
    "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
#define CHROMIUM_AUDIO                                                                                                 \
    "m=audio 53471 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 192.0.2.77\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"    \
    "a=candidate:2515644712 1 udp 2122260223 192.0.2.77 53471 typ host generation 0 network-id 1 network-cost 10\r\n"  \
    "a=candidate:2515644713 1 udp 2122194687 2001:db8::77 53472 typ host generation 0 network-id 2\r\n"                \
    "a=candidate:842163049 1 udp 1686052607 203.0.113.9 53471 typ srflx raddr 192.0.2.77 rport 53471 generation 0 "    \
    "network-id 1 network-cost 10\r\n"                                                                                 \
    "a=candidate:33 1 udp 41885439 198.51.100.3 61000 typ relay raddr 203.0.113.9 rport 53471 generation 0\r\n"        \
    "a=candidate:3891654320 1 tcp 1518280447 192.0.2.77 9 typ host tcptype active generation 0 network-id 1\r\n"       \
    "a=candidate:77 1 udp 2122260223 3bd0d1b1-6a2f-4b3e-9d3a-6c0c6b5b2c11.local 53473 typ host generation 0\r\n"       \
    "a=ice-ufrag:Yx+/\r\na=ice-pwd:asd88fgpdd777uzjYhagZgA1\r\na=ice-options:trickle\r\n"                              \
    "a=fingerprint:sha-256 " FP "\r\na=setup:actpass\r\na=mid:0\r\n"                                                   \
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"     \
    "a=sendrecv\r\na=msid:- 5f4b0c0e-1d8b-4c39-8f6a-1b8f5d1b2c3d\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"                    \
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"             \
    "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n"                 \
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n"                            \
    "a=rtpmap:126 telephone-event/8000\r\na=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r\n"
#define CHROMIUM_APP                                                                                                   \
    "m=application 53474 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.77\r\n"                                  \
    "a=candidate:2515644712 1 udp 2122260223 192.0.2.77 53474 typ host generation 0 network-id 1 network-cost 10\r\n"  \
    "a=ice-ufrag:Yx+/\r\na=ice-pwd:asd88fgpdd777uzjYhagZgA1\r\na=ice-options:trickle\r\n"                              \
    "a=fingerprint:sha-256 " FP "\r\na=setup:actpass\r\na=mid:1\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
#define CHROMIUM_OFFER CHROMIUM_HEAD CHROMIUM_AUDIO CHROMIUM_APP

#define CHROMIUM_ANSWER                                                                                                \
    "v=0\r\no=- 7614219274584779017 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: "     \
    "WMS\r\n"                                                                                                          \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"                               \
    "a=candidate:1 1 udp 2122260223 192.0.2.5 40000 typ host generation 0 network-id 1\r\n"                            \
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefABCDEF+/\r\na=ice-options:trickle\r\n"                              \
    "a=fingerprint:sha-256 " FP "\r\na=setup:active\r\na=mid:0\r\na=sendrecv\r\na=msid:- x\r\na=rtcp-mux\r\n"          \
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:1 cname:x\r\n"                       \
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"                                         \
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefABCDEF+/\r\na=ice-options:trickle\r\n"                              \
    "a=fingerprint:sha-256 " FP "\r\na=setup:active\r\na=mid:1\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"

static mt_sdp sdp;
static const char *why;

static mt_err gate_n(const char *p, size_t len, const mt_sdp_gate *rule) {
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, p, len);
    why = "";
    mt_err err = mt_sdp_parse((mt_slice){copy, len}, rule, &sdp, &why);
    free(copy);
    return err;
}

static mt_err gate(const char *text) {
    static const mt_sdp_gate offer = {0};
    return gate_n(text, strlen(text), &offer);
}

static void test_chromium_offer(void **state) {
    (void)state;
    assert_int_equal(gate(CHROMIUM_OFFER), MT_OK);
    assert_string_equal(sdp.ufrag, "Yx+/");
    assert_string_equal(sdp.pwd, "asd88fgpdd777uzjYhagZgA1");
    assert_int_equal(sdp.fingerprint[0], 0x7B);
    assert_int_equal(sdp.fingerprint[31], 0x08);
    assert_int_equal(sdp.setup, MT_SDP_ACTPASS);
    assert_string_equal(sdp.mid_audio, "0");
    assert_string_equal(sdp.mid_app, "1");
    assert_false(sdp.app_first);
    assert_int_equal(sdp.opus_pt, 111);
    assert_int_equal(sdp.l16_pt, 0);
    assert_int_equal(sdp.ptime_ms, 0);
    assert_int_equal(sdp.direction, MT_SDP_SENDRECV);
    assert_int_equal(sdp.sctp_port, 5000);
    assert_int_equal(sdp.max_message_bytes, 262144);
    /* TCP and mDNS are skipped, the second section's are not looked at */
    assert_int_equal(sdp.candidate_count, 4);
    assert_string_equal(sdp.candidates[0].line, "a=candidate:2515644712 1 UDP 2122260223 192.0.2.77 53471 typ host");
    assert_string_equal(sdp.candidates[1].line, "a=candidate:2515644713 1 UDP 2122194687 2001:db8::77 53472 typ host");
    assert_string_equal(sdp.candidates[2].line,
                        "a=candidate:842163049 1 UDP 1686052607 203.0.113.9 53471 typ srflx raddr 0.0.0.0 rport 0");
    assert_int_equal(sdp.candidates[3].type, MT_SDP_RELAY);
    assert_int_equal(mt_addr_port(&sdp.candidates[3].addr), 61000);
}

static void fill(mt_sdp *s) {
    memcpy(s->ufrag, "uFr4", 5);
    memcpy(s->pwd, "0123456789012345678901", 23);
    for (size_t i = 0; i < 32; i++)
        s->fingerprint[i] = (uint8_t)(i * 8);
    s->ptime_ms = 10;
    s->end_of_candidates = true;
    assert_int_equal(mt_sdp_add_candidate(s, MT_SLICE_LIT("a=candidate:1 1 UDP 2015363327 127.0.0.1 50000 typ host")),
                     MT_OK);
    assert_int_equal(
        mt_sdp_add_candidate(s, MT_SLICE_LIT("candidate:2 1 UDP 2015 192.0.2.1 5 typ relay raddr 10.0.0.1 rport 7")),
        MT_OK);
}

static void write_text(const mt_sdp *s, bool relay_only, mt_buf *out) {
    mt_buf_init(out, MT_SDP_MAX_BYTES);
    const mt_sdp_write_options opt = {.session_id = 77, .relay_only = relay_only};
    assert_int_equal(mt_sdp_write(s, &opt, out), MT_OK);
}

static void test_answer_to_chromium(void **state) {
    (void)state;
    assert_int_equal(gate(CHROMIUM_OFFER), MT_OK);
    mt_sdp offer = sdp, answer;
    mt_sdp_init_answer(&offer, &answer);
    fill(&answer);
    mt_buf b;
    write_text(&answer, false, &b);
    assert_string_equal(
        b.p, "v=0\r\no=- 77 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
             "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:uFr4\r\n"
             "a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:08:10:18:20:28:30:38:40:48:50:58:60:68:"
             "70:78:80:88:90:98:A0:A8:B0:B8:C0:C8:D0:D8:E0:E8:F0:F8\r\na=setup:active\r\na=sendrecv\r\n"
             "a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ptime:10\r\n"
             "a=candidate:1 1 UDP 2015363327 127.0.0.1 50000 typ host\r\n"
             "a=candidate:2 1 UDP 2015 192.0.2.1 5 typ relay raddr 0.0.0.0 rport 0\r\na=end-of-candidates\r\n"
             "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=ice-ufrag:uFr4\r\n"
             "a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:08:10:18:20:28:30:38:40:48:50:58:60:68:"
             "70:78:80:88:90:98:A0:A8:B0:B8:C0:C8:D0:D8:E0:E8:F0:F8\r\na=setup:active\r\na=sctp-port:5000\r\n"
             "a=max-message-size:65536\r\n");
    mt_buf_deinit(&b);
}

static void test_chromium_answer(void **state) {
    (void)state;
    mt_sdp offer;
    mt_sdp_init_offer(&offer);
    const mt_sdp_gate rule = {.offer = &offer};
    assert_int_equal(gate_n(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER - 1, &rule), MT_OK);
    assert_int_equal(sdp.setup, MT_SDP_ACTIVE);
    assert_int_equal(sdp.opus_pt, 111);
    assert_int_equal(sdp.candidate_count, 1);
    assert_int_equal(gate_n(CHROMIUM_OFFER, sizeof CHROMIUM_OFFER - 1, &rule), MT_EBAD); /* actpass is no answer */
    assert_int_equal(gate(CHROMIUM_ANSWER), MT_EBAD);                                    /* nor active an offer */
    offer.mid_app[0] = '2';
    assert_int_equal(gate_n(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER - 1, &rule), MT_EBAD);
    offer.mid_app[0] = '1';
    offer.app_first = true;
    assert_int_equal(gate_n(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER - 1, &rule), MT_EBAD);
    offer.app_first = false;
    offer.opus_pt = 0;
    assert_int_equal(gate_n(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER - 1, &rule), MT_EBAD);
    offer.opus_pt = 111;
    offer.direction = MT_SDP_SENDONLY;
    assert_int_equal(gate_n(CHROMIUM_ANSWER, sizeof CHROMIUM_ANSWER - 1, &rule), MT_EBAD);
}

/* Both of ours, in both orders and preferences, through the gate and back. */
static void test_round_trip(void **state) {
    (void)state;
    for (int i = 0; i < 16; i++) {
        mt_sdp offer, answer, got_offer;
        mt_sdp_init_offer(&offer);
        fill(&offer);
        offer.app_first = (i & 1) != 0;
        offer.l16_first = (i & 2) != 0;
        offer.direction = (i & 4) != 0 ? MT_SDP_SENDONLY : MT_SDP_SENDRECV;
        offer.max_message_bytes = (i & 8) != 0 ? UINT32_MAX : 65536;
        mt_buf b;
        write_text(&offer, false, &b);
        assert_int_equal(gate(b.p), MT_OK);
        mt_buf_deinit(&b);
        got_offer = sdp;
        assert_int_equal(got_offer.app_first, offer.app_first);
        assert_int_equal(got_offer.l16_first, offer.l16_first);
        assert_int_equal(got_offer.direction, offer.direction);
        assert_int_equal(got_offer.max_message_bytes, offer.max_message_bytes);
        assert_int_equal(got_offer.ptime_ms, 10);
        assert_int_equal(got_offer.candidate_count, 2);
        assert_true(got_offer.end_of_candidates);
        assert_int_equal(got_offer.l16_pt, 97);
        mt_sdp_init_answer(&got_offer, &answer);
        fill(&answer);
        write_text(&answer, false, &b);
        const mt_sdp_gate rule = {.offer = &offer};
        assert_int_equal(gate_n(b.p, b.len, &rule), MT_OK);
        mt_buf_deinit(&b);
        assert_int_equal(sdp.setup, MT_SDP_ACTIVE);
        assert_int_equal(sdp.l16_first, offer.l16_first);
        assert_int_equal(sdp.direction, (i & 4) != 0 ? MT_SDP_RECVONLY : MT_SDP_SENDRECV);
    }
}

static void test_relay_only(void **state) {
    (void)state;
    const mt_sdp_gate rule = {.relay_only = true};
    mt_sdp offer;
    mt_sdp_init_offer(&offer);
    fill(&offer);
    mt_buf b;
    write_text(&offer, false, &b);
    assert_int_equal(gate_n(b.p, b.len, &rule), MT_EBAD);
    assert_string_equal(why, "a candidate that is not a relay");
    mt_buf_deinit(&b);
    write_text(&offer, true, &b);
    assert_null(strstr(b.p, "127.0.0.1"));
    assert_null(strstr(b.p, "10.0.0.1"));
    assert_int_equal(gate_n(b.p, b.len, &rule), MT_OK);
    assert_int_equal(sdp.candidate_count, 1);
    mt_buf_deinit(&b);
    assert_int_equal(gate_n(CHROMIUM_OFFER, sizeof CHROMIUM_OFFER - 1, &rule), MT_EBAD);
}

/* Each row replaces one piece of a good offer. */
typedef struct change {
    const char *from, *to, *why; /* why NULL: still accepted */
} change;

static const change changes[] = {
    {"v=0\r\n", "v=1\r\n", "version is not 0"},
    {"v=0\r\n", "o=x\r\n", "does not begin with v="},
    {"s=-\r\n", "", "v=, o=, s= or t= is missing"},
    {"t=0 0\r\n", "", "v=, o=, s= or t= is missing"},
    {"s=-\r\n", "s=-\r\ns=-\r\n", "v=, o= or s= twice or out of order"},
    {"s=-\r\n", "s=-\r\nb=AS:5\r\ni=?\r\nu=x\r\n", NULL},
    {"s=-\r\n", "s=-\n", NULL},
    {"s=-\r\n", "s=-\r\n\r\n", "bad line"},
    {"s=-\r\n", "s=-\r\nS=x\r\n", "bad line"},
    {"s=-\r\n", "s=-\rx\r\n", "CR or NUL in a line"},
    {"a=group:BUNDLE 0 1\r\n", "", "no BUNDLE group or no mids"},
    {"BUNDLE 0 1", "BUNDLE 0", "the BUNDLE group is not exactly the two sections"},
    {"BUNDLE 0 1", "BUNDLE 0 2", "the BUNDLE group is not exactly the two sections"},
    {"BUNDLE 0 1", "BUNDLE 0 1 2", "the BUNDLE group is not exactly the two sections"},
    {"BUNDLE 0 1", "BUNDLE 0 1\r\na=group:BUNDLE 0", "a second BUNDLE group, or in a section"},
    {"BUNDLE 0 1", "BUNDLE 0 1\r\na=group:LS 0", NULL},
    {"a=mid:1\r\n", "a=mid:0\r\n", "no BUNDLE group or no mids"},
    {"a=mid:0\r\n", "", "no BUNDLE group or no mids"},
    {"a=mid:0\r\n", "a=mid:a b\r\n", "bad mid"},
    {"a=mid:0\r\n", "a=mid:0\r\na=mid:0\r\n", "bad mid"},
    {"m=audio 53471", "m=audio 0", "bad port, or a rejected section"},
    {"m=audio 53471", "m=audio 9/2", "bad port, or a rejected section"},
    {"m=audio 53471", "m=audio 65536", "bad port, or a rejected section"},
    {"m=audio 53471", "m=audio 9", NULL},
    {"m=audio", "m=video", "a section that is neither audio nor application"},
    {"m=application 53474 UDP/DTLS/SCTP webrtc-datachannel", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
     "bad port, or a rejected section"},
    {"UDP/TLS/RTP/SAVPF", "RTP/AVP", "audio is not UDP/TLS/RTP/SAVPF"},
    {"UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF x", "bad audio formats"},
    {"UDP/TLS/RTP/SAVPF 111", "UDP/TLS/RTP/SAVPF 128", "bad audio formats"},
    {"UDP/TLS/RTP/SAVPF 111 ", "UDP/TLS/RTP/SAVPF 112 ", "no known codec"},
    {"UDP/DTLS/SCTP webrtc", "DTLS/SCTP webrtc", "application is not UDP/DTLS/SCTP webrtc-datachannel"},
    {"m=application 53474 UDP/DTLS/SCTP webrtc-datachannel", "m=application 53474 UDP/DTLS/SCTP 5000",
     "application is not UDP/DTLS/SCTP webrtc-datachannel"},
    {"a=max-message-size:262144\r\n", "a=max-message-size:262144\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
     "more than two sections"},
    {"opus/48000/2", "opus/48000", "no known codec"},
    {"opus/48000/2", "OPUS/48000/2", NULL},
    {"a=rtpmap:111 opus/48000/2\r\n", "a=rtpmap:111 opus/48000/2\r\na=rtpmap:111 opus/48000/2\r\n", "bad rtpmap"},
    {"a=rtpmap:111 opus/48000/2\r\n", "a=rtpmap:128 opus/48000/2\r\n", "bad rtpmap"},
    {"a=rtpmap:0 PCMU/8000\r\n", "a=rtpmap:0\r\n", "bad rtpmap"},
    {"a=rtcp-mux\r\n", "", "no rtcp-mux"},
    {"a=sendrecv\r\n", "", NULL},
    {"a=sendrecv\r\n", "a=sendrecv\r\na=inactive\r\n", "two directions"},
    {"a=sctp-port:5000\r\n", "", "no sctp-port"},
    {"a=sctp-port:5000\r\n", "a=sctp-port:0\r\n", "bad sctp-port"},
    {"a=sctp-port:5000\r\n", "a=sctp-port:5000\r\na=sctp-port:5000\r\n", "bad sctp-port"},
    {"a=max-message-size:262144", "a=max-message-size:99999999999", NULL},
    {"a=max-message-size:262144", "a=max-message-size:-1", "bad max-message-size"},
    {"a=max-message-size:262144\r\n", "", NULL},
    {"a=rtcp-mux\r\n", "a=rtcp-mux\r\na=ptime:256\r\n", "bad ptime"},
    {"a=rtcp-mux\r\n", "a=rtcp-mux\r\na=ptime:20\r\na=unknown\r\na=unknown:\r\n", NULL},
    /* transport: the second section may be silent, the first may not */
    {"a=ice-ufrag:Yx+/\r\n", "", "no ice-ufrag or ice-pwd"},
    {"a=ice-ufrag:Yx+/\r\n", "a=ice-ufrag:Yx+\r\n", "bad ice-ufrag"},
    {"a=ice-ufrag:Yx+/\r\n", "a=ice-ufrag:Yx-/\r\n", "bad ice-ufrag"},
    {"a=ice-pwd:asd88fgpdd777uzjYhagZgA1\r\n", "a=ice-pwd:asd88fgpdd777uzjYhagZ\r\n", "bad ice-pwd"},
    {"a=ice-pwd:asd88fgpdd777uzjYhagZgA1\r\n", "", "no ice-ufrag or ice-pwd"},
    {"a=fingerprint:sha-256 " FP "\r\na=setup:actpass\r\na=mid:0", "a=setup:actpass\r\na=mid:0",
     "no sha-256 fingerprint"},
    {"a=fingerprint:sha-256 " FP "\r\na=setup:actpass\r\na=mid:1", "a=mid:1", NULL},
    {"a=fingerprint:sha-256 " FP "\r\na=setup:actpass\r\na=mid:1",
     "a=fingerprint:sha-256 " FP2 "\r\na=setup:actpass\r\na=mid:1", "two fingerprints"},
    {"a=fingerprint:sha-256 " FP, "a=fingerprint:sha-256 " FP "\r\na=fingerprint:sha-256 " FP2, "two fingerprints"},
    {"a=fingerprint:sha-256 " FP, "a=fingerprint:sha-256 " FP "\r\na=fingerprint:sha-1 00:11", NULL},
    {"a=group", "a=fingerprint:sha-256 " FP2 "\r\na=group", "two fingerprints"},
    {"a=group", "a=fingerprint:SHA-256 " FP "\r\na=group", NULL},
    {"sha-256 7B:", "sha-256 7B", "bad fingerprint"},
    {"sha-256 7B:", "sha-256 7G:", "bad fingerprint"},
    {"sha-256 7B:", "sha-256 7B-", "bad fingerprint"},
    {"sha-256 7B:8B:", "sha-256 8B:", "bad fingerprint"},
    {"sha-256", "sha-1", "no sha-256 fingerprint"},
    {"a=setup:actpass", "a=setup:active", "two setups"},
    {"a=setup:actpass", "a=setup:holdconn", "bad setup"},
    {"a=setup:actpass", "a=setup:actpass\r\na=setup:actpass", "bad setup"},
    {"a=setup:actpass", "a=x", "setup does not fit an offer or answer"},
    /* candidates */
    {"a=rtcp-mux\r\n", "a=rtcp-mux\r\na=candidate:\r\n", "bad candidate"},
    {"192.0.2.77 53471 typ host", "example.com 53471 typ host", "bad candidate"},
    {"a=group", "a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\na=group",
     "too many candidates, or one outside a section"},
};

static void test_changes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const change *c = &changes[i];
        static const char good[] = CHROMIUM_OFFER;
        const char *at = strstr(good, c->from);
        char text[8192];
        assert_non_null(at);
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, c->to, at + strlen(c->from));
        memset(&sdp, 0x5a, sizeof sdp);
        mt_err err = gate(text);
        if (err != (c->why == NULL ? MT_OK : MT_EBAD) || (c->why != NULL && strcmp(why, c->why) != 0))
            fail_msg("row %zu (%s -> %s): %d, \"%s\"", i, c->from, c->to, (int)err, why);
        assert_int_equal(sdp.ufrag[0], c->why == NULL ? 'Y' : 0x5a); /* untouched on failure */
    }
}

static void test_candidates(void **state) {
    (void)state;
    static const struct {
        const char *line;
        mt_err err;
    } rows[] = {
        {"candidate:1 1 udp 1 192.0.2.1 5 typ host", MT_OK},
        {"a=candidate:a+/Z 1 UDP 2147483647 ::1 65535 typ prflx raddr :: rport 0 x y", MT_OK},
        {"candidate:1 1 tcp 1 192.0.2.1 5 typ host tcptype passive", MT_ENOENT},
        {"candidate:1 2 udp 1 192.0.2.1 5 typ host", MT_ENOENT},
        {"candidate:1 1 udp 1 abc-1.local 5 typ host", MT_ENOENT},
        {"candidate:1 1 udp 1 192.0.2.1 0 typ host", MT_ENOENT},
        {"candidate:1 1 udp 1 0.0.0.0 9 typ host", MT_ENOENT},
        {"candidate:1 1 udp 1 :: 9 typ host", MT_ENOENT},
        {"candidate:1 1 udp 1 1.2.3.4 9 typ srflx raddr abc.local rport 0", MT_OK},
        {"", MT_EBAD},
        {"candidate:", MT_EBAD},
        {"candidat:1 1 udp 1 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1-2 1 udp 1 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 0 udp 1 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 257 udp 1 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 x udp 1 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 0 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 2147483648 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 00000000001 192.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1  5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 host", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ home", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ host generation", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ host ", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr home rport 0", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr 0.0.0.0 rport 65536", MT_EBAD},
        {"candidate:1 1 udp 1 256.0.2.1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 [::1] 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 fe80::1%eth0 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 224.0.0.1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 255.255.255.255 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 ff02::1 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 myturn.invalid 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 .local 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 a_b.local 5 typ host", MT_EBAD},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ host\tx y", MT_EBAD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mt_sdp_candidate c;
        if (mt_sdp_candidate_parse(mt_slice_of(rows[i].line), &c) != rows[i].err)
            fail_msg("%s", rows[i].line);
    }
}

static void test_limits(void **state) {
    (void)state;
    static char text[MT_SDP_MAX_BYTES + 64];
    static const char line[] = "a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n";
    size_t head = strlen(CHROMIUM_HEAD CHROMIUM_AUDIO);
    for (size_t extra = 58; extra <= 59; extra++) { /* six are there */
        memcpy(text, CHROMIUM_HEAD CHROMIUM_AUDIO, head);
        size_t at = head;
        for (size_t i = 0; i < extra; i++, at += sizeof line - 1)
            memcpy(text + at, line, sizeof line - 1);
        memcpy(text + at, CHROMIUM_APP, sizeof CHROMIUM_APP);
        assert_int_equal(gate(text), extra == 58 ? MT_OK : MT_EBAD);
    }
    mt_sdp full = sdp;
    full.candidate_count = MT_SDP_MAX_CANDIDATES;
    assert_int_equal(mt_sdp_add_candidate(&full, MT_SLICE_LIT("candidate:1 1 udp 1 192.0.2.1 5 typ host")), MT_ELIMIT);
    size_t at = (size_t)snprintf(text, sizeof text, "%sa=x:", CHROMIUM_OFFER);
    memset(text + at, 'x', MT_SDP_MAX_LINE_BYTES);
    text[at - 4 + MT_SDP_MAX_LINE_BYTES] = '\0';
    assert_int_equal(gate(text), MT_OK);
    text[at - 4 + MT_SDP_MAX_LINE_BYTES] = 'x';
    text[at - 3 + MT_SDP_MAX_LINE_BYTES] = '\0';
    assert_int_equal(gate(text), MT_EBAD);
    memset(text, '\n', sizeof text);
    memcpy(text, CHROMIUM_OFFER, sizeof CHROMIUM_OFFER - 1);
    for (at = sizeof CHROMIUM_OFFER - 1; at + 4 < sizeof text; at += 4)
        memcpy(text + at, "a=x\n", 4);
    static const mt_sdp_gate rule = {0};
    assert_int_equal(gate_n(text, MT_SDP_MAX_BYTES, &rule), MT_OK);
    assert_int_equal(gate_n(text, MT_SDP_MAX_BYTES + 1, &rule), MT_EBAD);
    assert_string_equal(why, "too long");
}

static void test_prefixes(void **state) {
    (void)state;
    static const mt_sdp_gate rule = {0};
    /* sctp-port stands last but one: every earlier end is refused */
    static const char good[] = CHROMIUM_OFFER;
    size_t end = (size_t)(strstr(good, "a=sctp-port:5000") - good) + 12;
    for (size_t n = 0; n <= end; n++)
        assert_int_equal(gate_n(good, n, &rule), MT_EBAD);
    static const char nul[] = CHROMIUM_HEAD "a=\0\r\n" CHROMIUM_AUDIO CHROMIUM_APP;
    assert_int_equal(gate_n(nul, sizeof nul - 1, &rule), MT_EBAD);
}

static void test_unwritable(void **state) {
    (void)state;
    mt_sdp good, s;
    mt_buf b;
    mt_sdp_init_offer(&good);
    fill(&good);
    for (int i = 0; i < 9; i++) {
        mt_sdp_write_options opt = {.session_id = i == 8 ? UINT64_MAX : 1};
        s = good;
        if (i == 0)
            s.ufrag[0] = '\n';
        else if (i == 1)
            s.pwd[21] = '\0';
        else if (i == 2)
            s.mid_audio[0] = ' ';
        else if (i == 3)
            s.mid_app[0] = s.mid_audio[0];
        else if (i == 4)
            s.opus_pt = s.l16_pt = 0;
        else if (i == 5)
            s.opus_pt = 72; /* RTCP when multiplexed */
        else if (i == 6)
            s.sctp_port = 0;
        else if (i == 7)
            s.candidate_count = MT_SDP_MAX_CANDIDATES + 1;
        mt_buf_init(&b, MT_SDP_MAX_BYTES);
        assert_int_equal(mt_sdp_write(&s, &opt, &b), MT_EINVAL);
        assert_int_equal(b.len, 0);
        mt_buf_deinit(&b);
    }
    const mt_sdp_write_options opt = {0};
    mt_buf_init(&b, 100);
    assert_int_equal(mt_sdp_write(&good, &opt, &b), MT_ELIMIT);
    mt_buf_deinit(&b);
    mt_buf_init(&b, MT_SDP_MAX_BYTES);
    mt_alloc_fail_nth(2);
    assert_int_equal(mt_sdp_write(&good, &opt, &b), MT_ENOMEM);
    mt_alloc_fail_nth(0);
    mt_buf_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chromium_offer),  cmocka_unit_test(test_answer_to_chromium),
        cmocka_unit_test(test_chromium_answer), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_relay_only),      cmocka_unit_test(test_changes),
        cmocka_unit_test(test_candidates),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_prefixes),        cmocka_unit_test(test_unwritable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
