#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sip/write.h"

static mt_sip_msg m;

static const char invite[] =
    "INVITE sip:x SIP/2.0\r\n"
    "v: SIP/2.0/UDP a:5062;received=6.6.6.6;branch=z9hG4bK1 ;rport , SIP/2.0/WS x.invalid;branch=b2\r\n"
    "t: <sip:b@h>\r\n"
    "f: \"A\r\n  B\" <sip:a@h>;tag=f1\r\n"
    "i: c1\r\n"
    "CSeq: 5 INVITE\r\n"
    "Record-Route: <sip:p1;lr>\r\n"
    "Record-Route: <sip:p2;lr>,\r\n\t<sip:p3;lr>\r\n"
    "\r\n";

static void parse_invite(void) {
    assert_int_equal(mt_sip_msg_parse(mt_slice_of(invite), MT_SIP_DATAGRAM, &m), MT_OK);
}

static void test_response(void **state) {
    (void)state;
    parse_invite();
    mt_buf b;
    mt_buf_init(&b, 4096);
    mt_buf_add_str(&b, "before");
    mt_sip_writer w;
    mt_sip_write_begin(&w, &b);
    mt_sip_write_response(&w, 180, NULL);
    mt_sip_write_vias(&w, &m, 0, MT_SLICE_LIT("127.0.0.1"), 7777);
    mt_sip_write_addr_tag(&w, "From", &m.from, MT_SLICE_LIT("unused"));
    mt_sip_write_addr_tag(&w, "To", &m.to, MT_SLICE_LIT("t1"));
    mt_sip_write_copy(&w, &m, MT_SIP_H_CALL_ID);
    mt_sip_write_cseq(&w, m.cseq, m.cseq_method);
    mt_sip_write_copy(&w, &m, MT_SIP_H_RECORD_ROUTE);
    mt_sip_write_pieces(&w, "X-Number", (const mt_slice[]){MT_SLICE_LIT("5"), {"", 0}, MT_SLICE_LIT("/y")}, 3);
    assert_int_equal(mt_sip_write_end(&w, (mt_slice){"", 0}, (mt_slice){"", 0}), MT_OK);
    assert_string_equal(b.p, "beforeSIP/2.0 180 Ringing\r\n"
                             "Via: SIP/2.0/UDP a:5062;branch=z9hG4bK1;received=127.0.0.1;rport=7777\r\n"
                             "Via: SIP/2.0/WS x.invalid;branch=b2\r\n"
                             "From: \"A B\" <sip:a@h>;tag=f1\r\n"
                             "To: <sip:b@h>;tag=t1\r\n"
                             "Call-ID: c1\r\n"
                             "CSeq: 5 INVITE\r\n"
                             "Record-Route: <sip:p1;lr>\r\n"
                             "Record-Route: <sip:p2;lr>, <sip:p3;lr>\r\n"
                             "X-Number: 5/y\r\n"
                             "Content-Length: 0\r\n\r\n");
    mt_buf_deinit(&b);
}

static void test_request(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 4096);
    mt_sip_writer w;
    mt_sip_write_begin(&w, &b);
    mt_sip_write_request(&w, MT_SLICE_LIT("INVITE"), MT_SLICE_LIT("sip:111000@h"));
    mt_sip_write_via(&w, &(mt_sip_via_out){"TCP", MT_SLICE_LIT("::1"), 5060, MT_SLICE_LIT("z9hG4bKx"), true});
    mt_sip_write_str(&w, "From", "<sip:a@h>;tag=1");
    mt_sip_write_str(&w, "To", "<sip:b@h>");
    mt_sip_write_str(&w, "Call-ID", "c");
    mt_sip_write_cseq(&w, 1, MT_SLICE_LIT("INVITE"));
    mt_sip_write_u64(&w, "Max-Forwards", 70);
    assert_int_equal(mt_sip_write_end(&w, MT_SLICE_LIT("application/sdp"), MT_SLICE_LIT("v=0\r\n")), MT_OK);
    assert_int_equal(mt_sip_msg_parse(mt_buf_slice(&b), MT_SIP_STREAM, &m), MT_OK);
    assert_int_equal(m.max_forwards, 70);
    assert_true(m.vias[0].host_is_ipv6 && m.vias[0].has_rport);
    assert_int_equal(m.vias[0].port, 5060);
    assert_true(mt_slice_is(m.body, "v=0\r\n"));
    assert_true(mt_sip_msg_is_type(&m, "Application/SDP"));
    mt_buf_deinit(&b);
}

static void test_challenge(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 4096);
    mt_sip_writer w;
    mt_sip_write_begin(&w, &b);
    mt_sip_write_response(&w, 401, NULL);
    mt_sip_write_challenge(
        &w, &(mt_sip_challenge){
                .realm = MT_SLICE_LIT("a\"b\\"), .nonce = MT_SLICE_LIT("n"), .alg = MT_SIP_ALG_MD5, .qop_auth = true});
    mt_sip_write_challenge(&w, &(mt_sip_challenge){.proxy = true,
                                                   .realm = MT_SLICE_LIT("r"),
                                                   .nonce = MT_SLICE_LIT("n"),
                                                   .opaque = MT_SLICE_LIT("o"),
                                                   .alg = MT_SIP_ALG_SHA256,
                                                   .stale = true});
    assert_int_equal(mt_sip_write_end(&w, (mt_slice){"", 0}, (mt_slice){"", 0}), MT_OK);
    assert_string_equal(
        b.p, "SIP/2.0 401 Unauthorized\r\n"
             "WWW-Authenticate: Digest realm=\"a\\\"b\\\\\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n"
             "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", opaque=\"o\", algorithm=SHA-256, stale=true\r\n"
             "Content-Length: 0\r\n\r\n");
    mt_buf_deinit(&b);
}

/* One attempt each to smuggle a line in. */
static void inject(mt_sip_writer *w, int way, mt_slice evil) {
    mt_sip_addr addr = {.raw = evil};
    static char text[64];
    memcpy(text, evil.p, evil.len);
    text[evil.len] = '\0';
    switch (way) {
    case 0:
        mt_sip_write_request(w, MT_SLICE_LIT("OPTIONS"), evil);
        break;
    case 1:
        mt_sip_write_request(w, evil, MT_SLICE_LIT("sip:a"));
        break;
    case 2:
        mt_sip_write_response(w, 200, text);
        break;
    case 3:
        mt_sip_write_header(w, "X", evil);
        break;
    case 4:
        mt_sip_write_pieces(w, "X", (const mt_slice[]){MT_SLICE_LIT("a"), evil, MT_SLICE_LIT("b")}, 3);
        break;
    case 5:
        mt_sip_write_via(w, &(mt_sip_via_out){"UDP", evil, 0, MT_SLICE_LIT("b"), false});
        break;
    case 6:
        mt_sip_write_via(w, &(mt_sip_via_out){"UDP", MT_SLICE_LIT("h"), 0, evil, false});
        break;
    case 7:
        mt_sip_write_addr_tag(w, "To", &addr, (mt_slice){"", 0});
        break;
    case 8:
        mt_sip_write_addr_tag(w, "To", &m.to, evil);
        break;
    case 9:
        mt_sip_write_cseq(w, 1, evil);
        break;
    case 10:
        mt_sip_write_vias(w, &m, 0, evil, 0);
        break;
    case 11:
        mt_sip_write_challenge(w, &(mt_sip_challenge){.realm = evil, .nonce = MT_SLICE_LIT("n")});
        break;
    default:
        mt_sip_write_challenge(w, &(mt_sip_challenge){.realm = MT_SLICE_LIT("r"), .nonce = evil});
        break;
    }
}

static void test_nothing_can_be_injected(void **state) {
    (void)state;
    static const char *const evils[] = {"a\r\nX: y", "a\nX", "a\rX", "a\x01", "a\r\n", "\r\n\r\n", "a\x7f"};
    parse_invite();
    for (int way = 0; way <= 12; way++) {
        for (size_t i = 0; i < sizeof evils / sizeof evils[0]; i++) {
            mt_buf b;
            mt_buf_init(&b, 4096);
            mt_buf_add_str(&b, "kept");
            mt_sip_writer w;
            mt_sip_write_begin(&w, &b);
            inject(&w, way, mt_slice_of(evils[i]));
            if (mt_sip_write_end(&w, (mt_slice){"", 0}, (mt_slice){"", 0}) != MT_EINVAL)
                fail_msg("way %d, text %zu went through: %s", way, i, b.p);
            assert_string_equal(b.p, "kept");
            mt_buf_deinit(&b);
        }
    }
}

static void test_bad_ends(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 60);
    mt_sip_writer w;
    mt_sip_write_begin(&w, &b);
    mt_sip_write_response(&w, 200, NULL);
    assert_int_equal(mt_sip_write_end(&w, (mt_slice){"", 0}, MT_SLICE_LIT("body")), MT_EINVAL); /* without its type */
    assert_int_equal(b.len, 0);
    mt_sip_write_begin(&w, &b);
    mt_sip_write_response(&w, 99, NULL);
    assert_int_equal(mt_sip_write_end(&w, (mt_slice){"", 0}, (mt_slice){"", 0}), MT_EINVAL);
    mt_sip_write_begin(&w, &b);
    mt_sip_write_response(&w, 200, NULL);
    mt_sip_write_str(&w, "X", "a text that has no room in sixty bytes");
    assert_int_equal(mt_sip_write_end(&w, (mt_slice){"", 0}, (mt_slice){"", 0}), MT_ELIMIT);
    assert_int_equal(b.len, 0);
    mt_buf_deinit(&b);
    for (unsigned long n = 1;; n++) {
        mt_buf_init(&b, 4096);
        mt_alloc_fail_nth(n);
        mt_sip_write_begin(&w, &b);
        mt_sip_write_response(&w, 200, NULL);
        mt_err err = mt_sip_write_end(&w, (mt_slice){"", 0}, (mt_slice){"", 0});
        int failed = mt_alloc_failed();
        mt_alloc_fail_nth(0);
        mt_buf_deinit(&b);
        assert_int_equal(err, failed ? MT_ENOMEM : MT_OK);
        if (!failed)
            break;
    }
}

static void test_reasons(void **state) {
    (void)state;
    assert_string_equal(mt_sip_reason(430), "Flow Failed");
    assert_string_equal(mt_sip_reason(199), "Progress");
    assert_string_equal(mt_sip_reason(699), "Global Failure");
    assert_string_equal(mt_sip_reason(700), "Unknown");
    assert_string_equal(mt_sip_reason(0), "Unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response),  cmocka_unit_test(test_request),
        cmocka_unit_test(test_challenge), cmocka_unit_test(test_nothing_can_be_injected),
        cmocka_unit_test(test_bad_ends),  cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
