/* The gate for phones' session descriptions. */
#include "link/plain_sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
#define C "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0 8\r\n"

static mt_plain_sdp parsed(const char *text) {
    mt_plain_sdp s;
    const char *why = "";
    if (mt_plain_sdp_parse(mt_slice_of(text), false, &s, &why) != MT_OK)
        fail_msg("refused (%s): %s", why, text);
    return s;
}

static void refused(const char *text, const char *expected) {
    mt_plain_sdp s = {.payload_type = 99};
    const char *why = "";
    assert_int_equal(mt_plain_sdp_parse(mt_slice_of(text), false, &s, &why), MT_EBAD);
    if (strstr(why, expected) == NULL)
        fail_msg("\"%s\" for %s", why, text);
    assert_int_equal(s.payload_type, 99);
}

static void test_phones(void **state) {
    mt_plain_sdp s = parsed(HEAD C AUDIO "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n");
    char text[MT_ADDR_STRLEN];
    mt_addr_format(&s.addr, text);
    assert_string_equal(text, "192.0.2.1:4000");
    assert_int_equal(s.codec, MT_PLAIN_PCMU);
    s = parsed(HEAD "t=0 0\nm=audio 4000 RTP/AVP 101 8 0\nc=IN IP4 198.51.100.7\na=rtpmap:101 telephone-event/8000\n");
    assert_int_equal(s.codec, MT_PLAIN_PCMA);
    assert_int_equal(s.payload_type, 8);
    mt_addr_format(&s.addr, text);
    assert_string_equal(text, "198.51.100.7:4000");
    s = parsed(HEAD C "m=audio 65534 RTP/AVP 97 0\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:97 OPUS/48000/2\r\n");
    assert_int_equal(s.codec, MT_PLAIN_OPUS);
    assert_int_equal(s.payload_type, 97);
    mt_addr_format(&s.addr, text);
    assert_string_equal(text, "[2001:db8::1]:65534");
}

static void test_what_is_not_let_in(void **state) {
    refused("", "short");
    refused("o=- 1 1 IN IP4 192.0.2.1\r\n" C AUDIO, "v=0");
    refused(HEAD C, "no audio");
    refused(HEAD AUDIO, "no address");
    refused(HEAD C AUDIO AUDIO, "more than one media");
    refused(HEAD C AUDIO "m=video 4002 RTP/AVP 96\r\n", "more than one media");
    refused(HEAD C "m=audio 4000 RTP/SAVP 0\r\n", "RTP/AVP");
    refused(HEAD C "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", "RTP/AVP");
    refused(HEAD C "m=image 4000 RTP/AVP 0\r\n", "RTP/AVP");
    refused(HEAD C "m=audio 0 RTP/AVP 0\r\n", "port");
    refused(HEAD C "m=audio 53 RTP/AVP 0\r\n", "port");
    refused(HEAD C "m=audio 4000/2 RTP/AVP 0\r\n", "port");
    refused(HEAD C "m=audio 65536 RTP/AVP 0\r\n", "port");
    refused(HEAD C "m=audio 4000 RTP/AVP\r\n", "no formats");
    refused(HEAD C "m=audio 4000 RTP/AVP 128\r\n", "formats");
    refused(HEAD C "m=audio 4000 RTP/AVP 3 18\r\na=rtpmap:3 GSM/8000\r\n", "codec");
    refused(HEAD C "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000\r\n", "codec");
    refused(HEAD C AUDIO "a=rtpmap:0 PCMA/8000\r\n", "another meaning");
    refused(HEAD C AUDIO "a=rtpmap:0 PCMU/8000\r\na=rtpmap:0 PCMU/8000\r\n", "two meanings");
    refused(HEAD C "xyz\r\n" AUDIO, "line");
}

/* A partner must not have our sound sent to whom he likes, nor to ourselves. */
static void test_addresses(void **state) {
    static const char *const bad[] = {"0.0.0.0",     "127.0.0.1", "224.0.0.1",         "255.255.255.255",
                                      "169.254.1.1", "240.0.0.1", "phone.example.org", "192.0.2.1/127",
                                      "192.0.2",     "",          " 192.0.2.1"};
    char text[512];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(text, sizeof text, HEAD "c=IN IP4 %s\r\n" AUDIO, bad[i]);
        refused(text, "address");
    }
    static const char *const bad6[] = {"::", "::1", "ff02::1", "fe80::1", "::ffff:192.0.2.1", "fe80::1%eth0"};
    for (size_t i = 0; i < sizeof bad6 / sizeof bad6[0]; i++) {
        (void)snprintf(text, sizeof text, HEAD "c=IN IP6 %s\r\n" AUDIO, bad6[i]);
        refused(text, "address");
    }
    refused(HEAD "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n" AUDIO, "more than one address");
    mt_plain_sdp s;
    assert_int_equal(mt_plain_sdp_parse(mt_slice_of(HEAD "c=IN IP4 127.0.0.1\r\n" AUDIO), true, &s, NULL), MT_OK);
}

static void test_what_we_write_is_let_in(void **state) {
    mt_addr local;
    mt_buf b;
    mt_buf_init(&b, 2048);
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("192.0.2.9:5000"), &local), MT_OK);
    mt_plain_sdp_write(&local, NULL, 7, &b);
    mt_plain_sdp offer = parsed(b.p);
    assert_int_equal(offer.codec, MT_PLAIN_OPUS);
    for (int i = 0; i < 3; i++) {
        const mt_plain_sdp answer = {.codec = (mt_plain_codec)i, .payload_type = (uint8_t[]){0, 8, 111}[i]};
        mt_buf_reset(&b);
        mt_plain_sdp_write(&local, &answer, 7, &b);
        mt_plain_sdp read = parsed(b.p);
        assert_int_equal(read.codec, answer.codec);
        assert_int_equal(read.payload_type, answer.payload_type);
        assert_true(mt_addr_eq(&read.addr, &local));
    }
    mt_buf_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phones),
        cmocka_unit_test(test_what_is_not_let_in),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_what_we_write_is_let_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
