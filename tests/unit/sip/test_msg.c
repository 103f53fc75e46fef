/* Messages, valid and broken, after the ideas of RFC 4475. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/msg.h"

static mt_sip_msg m;

/* Parses a copy of exactly that size, so that a read behind the end is seen by the sanitizer; freed in teardown. */
static char *kept;

static mt_err parse_n(const char *p, size_t len, mt_sip_framing framing) {
    free(kept);
    kept = malloc(len + (len == 0));
    assert_non_null(kept);
    memcpy(kept, p, len);
    return mt_sip_msg_parse((mt_slice){kept, len}, framing, &m);
}

static mt_err parse(const char *text) {
    return parse_n(text, strlen(text), MT_SIP_DATAGRAM);
}

static int teardown(void **state) {
    (void)state;
    free(kept);
    kept = NULL;
    return 0;
}

#define is(slice, text)                                                                                                \
    do {                                                                                                               \
        mt_slice got_ = (slice);                                                                                       \
        assert_int_equal(got_.len, strlen(text));                                                                      \
        assert_memory_equal(got_.p, text, got_.len);                                                                   \
    } while (0)

#define REQ "OPTIONS sip:b@h SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP a:5062;branch=z9hG4bK1;rport\r\n"
#define TO "To: <sip:b@h>\r\n"
#define FROM "From: <sip:a@h>;tag=f1\r\n"
#define CID "Call-ID: c1@x\r\n"
#define CSEQ "CSeq: 7 OPTIONS\r\n"
#define FIVE VIA TO FROM CID CSEQ
#define END "\r\n"

static void test_simple_request(void **state) {
    (void)state;
    assert_int_equal(parse(REQ FIVE "Max-Forwards: 70\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n" END "abc"),
                     MT_OK);
    assert_true(m.is_request);
    assert_int_equal(m.method, MT_SIP_METHOD_OPTIONS);
    is(m.uri.user, "b");
    is(m.uri.host, "h");
    assert_int_equal(m.via_count, 1);
    is(m.vias[0].transport, "UDP");
    is(m.vias[0].host, "a");
    assert_int_equal(m.vias[0].port, 5062);
    is(m.vias[0].branch, "z9hG4bK1");
    assert_true(m.vias[0].has_rport);
    assert_int_equal(m.vias[0].rport, 0);
    is(m.from.tag, "f1");
    is(m.to.tag, "");
    is(m.call_id, "c1@x");
    assert_int_equal(m.cseq, 7);
    assert_int_equal(m.max_forwards, 70);
    assert_int_equal(m.expires_s, -1);
    is(m.body, "abc");
    assert_int_equal(m.header_count, 8);
}

static void test_response(void **state) {
    (void)state;
    assert_int_equal(parse("SIP/2.0 180 Klingelt, bitte warten\r\n" FIVE END), MT_OK);
    assert_false(m.is_request);
    assert_int_equal(m.status, 180);
    is(m.reason, "Klingelt, bitte warten");
    assert_int_equal(m.method, MT_SIP_METHOD_OPTIONS);
    assert_int_equal(parse("sip/2.0 699 \r\n" FIVE END), MT_OK);
    assert_int_equal(m.status, 699);
    is(m.reason, "");
}

/* Everything odd that is legal: folds, white space, compact forms, escapes, empty values, joined lists. */
static void test_tortuous(void **state) {
    (void)state;
    static const char text[] =
        "INVITE sip:vivekg@chair.example.com;unknownparam SIP/2.0\r\n"
        "TO :\r\n sip:vivekg@chair.example.com ;   tag    = 1918181833n\r\n"
        "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n"
        "MaX-fOrWaRdS: 0068\r\n"
        "i: wsinv.ndaksdj@192.0.2.1\r\n"
        "Content-Length   : 5\r\n"
        "cseq: 0009\r\n  INVITE\r\n"
        "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
        "s :\r\n"
        "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
        "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
        "c: application/sdp\r\n"
        "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
        "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
        " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
        "m:\"Quoted, string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n"
        "      newvalue ;\r\n  secondparam ; q = 0.33, <sip:b@[2001:db8::1]:5061>\r\n"
        "\r\n"
        "v=0\r\n";
    assert_int_equal(parse(text), MT_OK);
    is(m.to.uri.user, "vivekg");
    is(m.to.tag, "1918181833n");
    is(m.from.display, "\"J Rosenberg \\\\\\\"\"");
    is(m.from.tag, "98asjd8");
    assert_int_equal(m.max_forwards, 68);
    assert_int_equal(m.cseq, 9);
    is(m.cseq_method, "INVITE");
    assert_int_equal(m.via_count, 3);
    is(m.vias[0].host, "192.0.2.2");
    is(m.vias[1].host, "spindle.example.com");
    is(m.vias[1].branch, "z9hG4bK9ikj8");
    is(m.vias[2].branch, "z9hG4bK30239");
    assert_int_equal(m.route_count, 1);
    assert_true(m.routes[0].uri.lr);
    assert_int_equal(m.contact_count, 2);
    assert_int_equal(mt_sip_contact_q(&m.contacts[0]), 330);
    is(m.contacts[1].uri.host, "2001:db8::1");
    assert_int_equal(m.contacts[1].uri.port, 5061);
    assert_true(mt_sip_msg_is_type(&m, "application/sdp"));
    assert_false(mt_sip_msg_is_type(&m, "application/sd"));
    assert_false(mt_sip_msg_is_type(&m, "application/sdpx"));
    is(m.body, "v=0\r\n");
}

static void test_method_chars_and_unusual_uri(void **state) {
    (void)state;
    assert_int_equal(
        parse("!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:"
              "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\r\n" VIA TO FROM CID
              "CSeq: 1 !interesting-Method0123456789_*+`.%indeed'~\r\n" END),
        MT_OK);
    assert_int_equal(m.method, MT_SIP_METHOD_OTHER);
    is(m.uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    is(m.uri.host, "example.com");
    assert_int_equal(parse("invite sip:b SIP/2.0\r\n" VIA TO FROM CID "CSeq: 1 invite\r\n" END), MT_OK);
    assert_int_equal(m.method, MT_SIP_METHOD_OTHER); /* methods are case-sensitive */
}

static void test_foreign_schemes_are_reported(void **state) {
    (void)state;
    assert_int_equal(parse("OPTIONS tel:+48123;phone-context=a SIP/2.0\r\n" FIVE END), MT_OK);
    assert_int_equal(m.uri.scheme, MT_SIP_SCHEME_TEL);
    assert_int_equal(parse("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n" FIVE END), MT_OK);
    assert_int_equal(m.uri.scheme, MT_SIP_SCHEME_OTHER);
    is(m.uri.host, "");
}

static void test_lists(void **state) {
    (void)state;
    assert_int_equal(parse(REQ FIVE "Require: 100rel,  Foo\r\nRequire:bar\r\nProxy-Require: x\r\nk: path , outbound\r\n"
                                    "X-One: 1\r\nx-one: 2\r\nExpires: 99999999999999999999999\r\nContact: *\r\n" END),
                     MT_OK);
    assert_true(mt_sip_msg_has_token(&m, MT_SIP_H_REQUIRE, "foo"));
    assert_true(mt_sip_msg_has_token(&m, MT_SIP_H_REQUIRE, "bar"));
    assert_false(mt_sip_msg_has_token(&m, MT_SIP_H_REQUIRE, "x"));
    assert_true(mt_sip_msg_has_token(&m, MT_SIP_H_SUPPORTED, "outbound"));
    const mt_sip_header *h = mt_sip_msg_header_named(&m, "X-ONE", NULL);
    assert_non_null(h);
    is(h->value, "1");
    h = mt_sip_msg_header_named(&m, "X-One", h);
    assert_non_null(h);
    is(h->value, "2");
    assert_null(mt_sip_msg_header_named(&m, "X-One", h));
    assert_non_null(mt_sip_msg_header_named(&m, "supported", NULL));
    assert_int_equal(m.expires_s, UINT32_MAX);
    assert_true(m.contact_star);
    assert_int_equal(m.contact_count, 0);
}

static void test_content_length(void **state) {
    (void)state;
    static const char longer[] = REQ FIVE "Content-Type: a/b\r\nContent-Length: 2\r\n" END "abc";
    static const char absent[] = REQ FIVE "Content-Type: a/b\r\n" END "abc";
    static const char shorter[] = REQ FIVE "Content-Type: a/b\r\nContent-Length: 4\r\n" END "abc";
    assert_int_equal(parse(longer), MT_OK); /* 18.3: the rest of a datagram is discarded */
    is(m.body, "ab");
    assert_int_equal(m.raw.len, sizeof longer - 2);
    assert_int_equal(parse_n(longer, sizeof longer - 1, MT_SIP_WHOLE), MT_EBAD);
    assert_int_equal(parse_n(longer, sizeof longer - 1, MT_SIP_STREAM), MT_EBAD);
    assert_int_equal(parse(absent), MT_OK);
    is(m.body, "abc");
    assert_int_equal(parse_n(absent, sizeof absent - 1, MT_SIP_WHOLE), MT_OK);
    assert_int_equal(parse_n(absent, sizeof absent - 1, MT_SIP_STREAM), MT_EBAD);
    assert_int_equal(m.bad, MT_SIP_BAD_CONTENT_LENGTH);
    assert_int_equal(parse(shorter), MT_EBAD);
    assert_int_equal(m.bad, MT_SIP_BAD_CONTENT_LENGTH);
    assert_true(m.answerable);
    /* NUL has its place in a body */
    static const char zero[] = REQ FIVE "Content-Type: a/b\r\nContent-Length: 3\r\n" END "a\0b";
    assert_int_equal(parse_n(zero, sizeof zero - 1, MT_SIP_STREAM), MT_OK);
    assert_int_equal(m.body.len, 3);
}

typedef struct broken {
    const char *text;
    mt_sip_bad bad;
    bool answerable;
} broken;

static const broken table[] = {
    {"", MT_SIP_BAD_FRAME, false},
    {"\r\n\r\n", MT_SIP_BAD_FRAME, false},
    {"hello", MT_SIP_BAD_START_LINE, false},
    {REQ FIVE, MT_SIP_BAD_FRAME, false},
    {REQ FIVE "X: 1\n" END, MT_SIP_BAD_FRAME, false},
    {REQ FIVE "X: a\rb\r\n" END, MT_SIP_BAD_FRAME, false},
    {REQ FIVE "X: a\x01z\r\n" END, MT_SIP_BAD_FRAME, false},
    /* start lines */
    {"OPTIONS  sip:b@h SIP/2.0\r\n" FIVE END, MT_SIP_BAD_URI, true},
    {"OPTIONS sip:b@h  SIP/2.0\r\n" FIVE END, MT_SIP_BAD_URI, true},
    {"OPTIONS sip:b@h SIP/2.0 \r\n" FIVE END, MT_SIP_BAD_START_LINE, true},
    {"OPTIONS sip:b@h\r\n" FIVE END, MT_SIP_BAD_START_LINE, true},
    {"OPTIONS <sip:b@h> SIP/2.0\r\n" FIVE END, MT_SIP_BAD_URI, true},
    {"OPTIONS sip:b@h; lr SIP/2.0\r\n" FIVE END, MT_SIP_BAD_URI, true},
    {"OPTIONS sip:b@h?Route=%3Csip:x%3E SIP/2.0\r\n" FIVE END, MT_SIP_BAD_URI, true},
    {"OPTIONS sip:b@h SIP/7.0\r\n" FIVE END, MT_SIP_BAD_VERSION, true},
    {"OPTIONS sip:b@h SIP/2\r\n" FIVE END, MT_SIP_BAD_START_LINE, true},
    {"OPTIONS sip:b@h HTTP/1.1\r\n" FIVE END, MT_SIP_BAD_START_LINE, true},
    {"OPT(ONS sip:b@h SIP/2.0\r\n" FIVE END, MT_SIP_BAD_START_LINE, true},
    {"SIP/2.0 099 x\r\n" FIVE END, MT_SIP_BAD_START_LINE, false},
    {"SIP/2.0 700 x\r\n" FIVE END, MT_SIP_BAD_START_LINE, false},
    {"SIP/2.0 4294967301 x\r\n" FIVE END, MT_SIP_BAD_START_LINE, false},
    {"SIP/2.0 200\r\n" FIVE END, MT_SIP_BAD_START_LINE, false},
    {"SIP/3.0 200 OK\r\n" FIVE END, MT_SIP_BAD_VERSION, false},
    /* header lines */
    {REQ FIVE "no colon\r\n" END, MT_SIP_BAD_HEADER, true},
    {REQ FIVE ": no name\r\n" END, MT_SIP_BAD_HEADER, true},
    {REQ " folded: first\r\n" FIVE END, MT_SIP_BAD_START_LINE, true},
    {REQ VIA TO FROM CID END, MT_SIP_BAD_MISSING, true},
    {REQ VIA TO FROM CSEQ END, MT_SIP_BAD_MISSING, true},
    {REQ VIA TO CID CSEQ END, MT_SIP_BAD_MISSING, true},
    {REQ VIA FROM CID CSEQ END, MT_SIP_BAD_MISSING, true},
    {REQ TO FROM CID CSEQ END, MT_SIP_BAD_MISSING, false},
    {REQ FIVE TO END, MT_SIP_BAD_TWICE, true},
    {REQ FIVE "f: <sip:x>\r\n" END, MT_SIP_BAD_TWICE, true},
    {REQ FIVE CID END, MT_SIP_BAD_TWICE, true},
    {REQ FIVE CSEQ END, MT_SIP_BAD_TWICE, true},
    {REQ FIVE "Max-Forwards: 70\r\nMax-Forwards: 5\r\n" END, MT_SIP_BAD_TWICE, true},
    {REQ FIVE "Content-Length: 0\r\nl: 0\r\n" END, MT_SIP_BAD_TWICE, true},
    /* Via */
    {REQ "Via: SIP/2.0/UDP\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: \r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: XMPP/2.0/UDP a\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP a:0\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP a:65536\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP a;branch=\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP a;branch=\"q\"\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP a;branch=1;branch=2\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP a;;,;,,\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP [2001:db8::9:5060\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    {REQ "Via: SIP/2.0/UDP 2001:db8::9\r\n" TO FROM CID CSEQ END, MT_SIP_BAD_VIA, false},
    /* To and From */
    {REQ VIA "To: \"unclosed <sip:b@h>\r\n" FROM CID CSEQ END, MT_SIP_BAD_TO, true},
    {REQ VIA "To: <sip:b@h\r\n" FROM CID CSEQ END, MT_SIP_BAD_TO, true},
    {REQ VIA "To: Bell, Alexander <sip:b@h>\r\n" FROM CID CSEQ END, MT_SIP_BAD_TO, true},
    {REQ VIA "To: sip:b@h?x=y\r\n" FROM CID CSEQ END, MT_SIP_BAD_TO, true},
    {REQ VIA "To: <sip:b@h> x\r\n" FROM CID CSEQ END, MT_SIP_BAD_TO, true},
    {REQ VIA TO "From: \r\n" CID CSEQ END, MT_SIP_BAD_FROM, true},
    {REQ VIA TO "From: <sip:a@h>;tag=\r\n" CID CSEQ END, MT_SIP_BAD_FROM, true},
    {REQ VIA TO "From: <sip:a@h>;tag=\"x\"\r\n" CID CSEQ END, MT_SIP_BAD_FROM, true},
    {REQ VIA TO "From: < sip:a@h>\r\n" CID CSEQ END, MT_SIP_BAD_FROM, true},
    /* Call-ID, CSeq */
    {REQ VIA TO FROM "Call-ID: \r\n" CSEQ END, MT_SIP_BAD_CALL_ID, true},
    {REQ VIA TO FROM "Call-ID: a b\r\n" CSEQ END, MT_SIP_BAD_CALL_ID, true},
    {REQ VIA TO FROM "Call-ID: a@b@c\r\n" CSEQ END, MT_SIP_BAD_CALL_ID, true},
    {REQ VIA TO FROM CID "CSeq: 8 INVITE\r\n" END, MT_SIP_BAD_CSEQ, true},
    {REQ VIA TO FROM CID "CSeq: 2147483648 OPTIONS\r\n" END, MT_SIP_BAD_CSEQ, true},
    {REQ VIA TO FROM CID "CSeq: 36893488147419103232 OPTIONS\r\n" END, MT_SIP_BAD_CSEQ, true},
    {REQ VIA TO FROM CID "CSeq: -1 OPTIONS\r\n" END, MT_SIP_BAD_CSEQ, true},
    {REQ VIA TO FROM CID "CSeq: 1OPTIONS\r\n" END, MT_SIP_BAD_CSEQ, true},
    {REQ VIA TO FROM CID "CSeq: 1\r\n" END, MT_SIP_BAD_CSEQ, true},
    /* the rest */
    {REQ FIVE "Max-Forwards: 256\r\n" END, MT_SIP_BAD_MAX_FORWARDS, true},
    {REQ FIVE "Max-Forwards: x\r\n" END, MT_SIP_BAD_MAX_FORWARDS, true},
    {REQ FIVE "Content-Length: -1\r\n" END, MT_SIP_BAD_CONTENT_LENGTH, true},
    {REQ FIVE "Content-Length: 0x1\r\n" END, MT_SIP_BAD_CONTENT_LENGTH, true},
    {REQ FIVE "Content-Length: 0, 0\r\n" END, MT_SIP_BAD_CONTENT_LENGTH, true},
    {REQ FIVE "Content-Length: 18446744073709551617\r\n" END "x", MT_SIP_BAD_CONTENT_LENGTH, true},
    {REQ FIVE END "body without a type", MT_SIP_BAD_CONTENT_TYPE, true},
    {REQ FIVE "Content-Type: sdp\r\n" END, MT_SIP_BAD_CONTENT_TYPE, true},
    {REQ FIVE "Contact: *, <sip:x>\r\n" END, MT_SIP_BAD_CONTACT, true},
    {REQ FIVE "Contact: <sip:x>\r\nContact: *\r\n" END, MT_SIP_BAD_CONTACT, true},
    {REQ FIVE "Contact: *\r\nContact: <sip:x>\r\n" END, MT_SIP_BAD_CONTACT, true},
    {REQ FIVE "Contact: sip:u@example.org?Route=%3Csip:s%3E\r\n" END, MT_SIP_BAD_CONTACT, true},
    {REQ FIVE "Contact: \r\n" END, MT_SIP_BAD_CONTACT, true},
    {REQ FIVE "Expires: 0>=\r\n" END, MT_SIP_BAD_EXPIRES, true},
    {REQ FIVE "Route: sip:x;lr\r\n" END, MT_SIP_BAD_ROUTE, true},
    {REQ FIVE "Record-Route: <sip:x;lr>, nonsense\r\n" END, MT_SIP_BAD_ROUTE, true},
    {"ACK sip:b@h SIP/2.0\r\n" VIA TO FROM CID "CSeq: 1 ACK\r\nExpires: x\r\n" END, MT_SIP_BAD_EXPIRES, false},
};

static void test_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        mt_err err = parse(table[i].text);
        if (err != MT_EBAD || m.bad != table[i].bad || m.answerable != table[i].answerable)
            fail_msg("row %zu: err %d, bad %s, answerable %d:\n%s", i, (int)err, mt_sip_bad_str(m.bad), m.answerable,
                     table[i].text);
        assert_int_equal(m.bad_status, m.bad == MT_SIP_BAD_VERSION ? 505 : 400);
        assert_true(mt_sip_bad_str(m.bad)[0] != '\0');
    }
}

static void test_nul(void **state) {
    (void)state;
    static const char in_header[] = REQ FIVE "X: a\0b\r\n" END;
    static const char in_start[] = "OPTIONS sip:\0b SIP/2.0\r\n" FIVE END;
    assert_int_equal(parse_n(in_header, sizeof in_header - 1, MT_SIP_DATAGRAM), MT_EBAD);
    assert_int_equal(m.bad, MT_SIP_BAD_NUL);
    assert_false(m.answerable);
    assert_int_equal(parse_n(in_start, sizeof in_start - 1, MT_SIP_DATAGRAM), MT_EBAD);
    assert_int_equal(m.bad, MT_SIP_BAD_NUL);
}

/* Every prefix of a good datagram without its end is bad, and none is read beyond. */
static void test_prefixes(void **state) {
    (void)state;
    static const char text[] = REQ FIVE "Contact: \"x\" <sip:a@b;lr>;q=0.1\r\nContent-Length: 0\r\n" END;
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(parse_n(text, n, MT_SIP_DATAGRAM), MT_EBAD);
    assert_int_equal(parse_n(text, sizeof text - 1, MT_SIP_DATAGRAM), MT_OK);
}

static char big[MT_SIP_MAX_MESSAGE_BYTES + 4096];

static mt_err with_many(const char *line, size_t count) {
    int at = snprintf(big, sizeof big, "%s", REQ FIVE);
    for (size_t i = 0; i < count; i++)
        at += snprintf(big + at, sizeof big - (size_t)at, "%s", line);
    at += snprintf(big + at, sizeof big - (size_t)at, "\r\n");
    return parse_n(big, (size_t)at, MT_SIP_DATAGRAM);
}

static void test_limits(void **state) {
    (void)state;
    static const struct {
        const char *line;
        size_t most;
        bool answerable;
    } rows[] = {
        {"X: y\r\n", MT_SIP_MAX_HEADERS - 5, false},
        {"Via: SIP/2.0/TCP a, SIP/2.0/TCP b, SIP/2.0/TCP c\r\n", (MT_SIP_MAX_VIAS - 1) / 3, false},
        {"Contact: <sip:x>, sip:y\r\n", MT_SIP_MAX_CONTACTS / 2, true},
        {"Route: <sip:x;lr>\r\n", MT_SIP_MAX_ROUTES, true},
        {"Record-Route: <sip:x;lr>, <sip:y;lr>\r\n", MT_SIP_MAX_ROUTES / 2, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(with_many(rows[i].line, rows[i].most), MT_OK);
        assert_int_equal(with_many(rows[i].line, rows[i].most + 1), MT_ELIMIT);
        assert_int_equal(m.bad, MT_SIP_BAD_LIMIT);
        assert_int_equal(m.bad_status, 513);
        assert_int_equal(m.answerable, rows[i].answerable);
    }
}

static void test_sizes(void **state) {
    (void)state;
    int head = snprintf(big, sizeof big, "%sX: ", REQ FIVE);
    size_t fill = MT_SIP_MAX_HEAD_BYTES - 4 - (size_t)head;
    memset(big + head, 'x', fill + 1);
    memcpy(big + head + fill, "\r\n\r\n", 4);
    assert_int_equal(parse_n(big, MT_SIP_MAX_HEAD_BYTES, MT_SIP_DATAGRAM), MT_OK);
    memcpy(big + head + fill, "x\r\n\r\n", 5);
    assert_int_equal(parse_n(big, MT_SIP_MAX_HEAD_BYTES + 1, MT_SIP_DATAGRAM), MT_ELIMIT);
    head = snprintf(big, sizeof big, "%sContent-Type: a/b\r\n\r\n", REQ FIVE);
    memset(big + head, 'x', sizeof big - (size_t)head);
    assert_int_equal(parse_n(big, MT_SIP_MAX_MESSAGE_BYTES, MT_SIP_DATAGRAM), MT_OK);
    assert_int_equal(parse_n(big, MT_SIP_MAX_MESSAGE_BYTES + 1, MT_SIP_DATAGRAM), MT_ELIMIT);
    assert_true(m.answerable);
}

/* Lines are looked through eight bytes at a time: every byte at every place of such a word, and behind the last one. */
static void test_control_characters(void **state) {
    (void)state;
    static const char before[] = REQ FIVE "X: ", behind[] = "\r\nContent-Length: 0\r\n\r\n";
    char text[512];
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < 19; at++) {
            size_t head = strlen(before), tail = strlen(behind);
            memcpy(text, before, head);
            memset(text + head, 'v', 20);
            text[head + at] = (char)c;
            memcpy(text + head + 20, behind, tail);
            bool control = (c < ' ' && c != '\t') || c == 127;
            assert_int_equal(parse_n(text, head + 20 + tail, MT_SIP_DATAGRAM), control ? MT_EBAD : MT_OK);
        }
    }
}

/* After the first fault the rest is still read: a 400 can echo all. */
static void test_answerable_keeps_all(void **state) {
    (void)state;
    assert_int_equal(
        parse(
            "OPTIONS sip:b@h SIP/9.9\r\nVia: SIP/2.0/WSS x.invalid;branch=b1, SIP/2.0/UDP y\r\n" TO FROM CID CSEQ END),
        MT_EBAD);
    assert_true(m.answerable);
    assert_int_equal(m.via_count, 2);
    is(m.call_id, "c1@x");
    assert_int_equal(m.cseq, 7);
    is(m.from.tag, "f1");
}

static void test_tables(void **state) {
    (void)state;
    for (int i = 1; i <= MT_SIP_METHOD_PUBLISH; i++)
        assert_int_equal(mt_sip_method_of(mt_slice_of(mt_sip_method_str((mt_sip_method)i))), i);
    for (int i = 1; i <= MT_SIP_H_ALLOW_EVENTS; i++)
        assert_int_equal(mt_sip_header_id_of(mt_slice_of(mt_sip_header_name((mt_sip_header_id)i))), i);
    static const char compact[] = "vtfilcemkxsrbou";
    for (size_t i = 0; compact[i] != '\0'; i++)
        assert_int_not_equal(mt_sip_header_id_of((mt_slice){&compact[i], 1}), MT_SIP_H_OTHER);
    assert_int_equal(mt_sip_header_id_of(MT_SLICE_LIT("z")), MT_SIP_H_OTHER);
    assert_int_equal(mt_sip_header_id_of(MT_SLICE_LIT("L")), MT_SIP_H_CONTENT_LENGTH);
    assert_int_equal(mt_sip_header_id_of(MT_SLICE_LIT("")), MT_SIP_H_OTHER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_request),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_tortuous),
        cmocka_unit_test(test_method_chars_and_unusual_uri),
        cmocka_unit_test(test_foreign_schemes_are_reported),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_content_length),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_answerable_keeps_all),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
