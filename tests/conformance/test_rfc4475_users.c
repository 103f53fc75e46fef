/* What torture messages of RFC 4475 lead to when they come from a user with the right password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;

/* A REGISTER of jeden's with these lines; the first one is challenged, the second has credentials. */
static const char *register_with(const char *branch, unsigned cseq, const char *lines, const char *answer) {
    char authorization[600] = "";
    peer *p = &w.p[0];
    for (int turn = 0; turn < 2; turn++) {
        peer_say(p,
                 "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\n"
                 "From: <sip:jeden@myturn.invalid>;tag=t\r\nTo: <sip:jeden@myturn.invalid>\r\nCall-ID: c\r\n"
                 "CSeq: %u REGISTER\r\n%s%sContent-Length: 0\r\n\r\n",
                 p->via, p->host, branch, cseq + (unsigned)turn, lines, authorization);
        if (turn == 1)
            break;
        peer_read_challenge(p, peer_next(p, "SIP/2.0 401"));
        peer_authorization(p, false, "REGISTER", "sip:myturn.invalid", p->password, authorization,
                           sizeof(authorization));
    }
    return peer_next(p, answer);
}

/* Section 3.2.1: without a word behind the cookie, two requests are still two, but the same one again is the same. */
static void test_bare_cookies_do_not_collide(void **state) {
    char value[80];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    const char *contact = "Contact: <sip:contact-j@10.1.1.1>;expires=600\r\n";
    const char *text = register_with("z9hG4bK", 1, contact, "SIP/2.0 200");
    assert_string_equal(header_of(text, "CSeq", value, sizeof(value)), "2 REGISTER");
    text = register_with("z9hG4bK", 7, contact, "SIP/2.0 200");
    assert_string_equal(header_of(text, "CSeq", value, sizeof(value)), "8 REGISTER");
    assert_int_equal(mt_sip_server_count(w.s).transactions, 2);
    world_close(&w);
}

static void expect_request_uri(const char *contact_uri, const char *uri) {
    char text[300], value[300];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    (void)snprintf(text, sizeof(text), "Contact: %s;expires=600\r\n", contact_uri);
    const char *answer = register_with("z9hG4bKr", 1, text, "SIP/2.0 200");
    (void)snprintf(text, sizeof(text), "%s;expires=600", contact_uri);
    assert_string_equal(header_of(answer, "Contact", value, sizeof(value)), text); /* as he wrote it */
    world_run(&w, 20000);
    (void)snprintf(text, sizeof(text), "OPTIONS %s SIP/2.0\r\n", uri);
    (void)peer_next(&w.p[0], text);
    world_close(&w);
}

/* Sections 3.3.12 to 3.3.14: what of a Contact is in the Request-URI of a request to it. */
static void test_request_to_a_tortuous_contact(void **state) {
    static const struct {
        const char *contact, *uri;
    } rows[] = {
        {"<sip:+19725552222@10.1.1.1>", "sip:+19725552222@10.1.1.1"},
        {"<sip:+19725552222@10.1.1.1;unknownparam>", "sip:+19725552222@10.1.1.1;unknownparam"},
        {"<sip:contact-j@10.1.1.1?Route=%3Csip:sip.example.com%3E>", "sip:contact-j@10.1.1.1"},
        {"<sip:contact-j@10.1.1.1;lr?Route=%3Csip:a%3E&Subject=x>", "sip:contact-j@10.1.1.1;lr"},
        {"<sip:crazy?,/;;*@10.1.1.1>", "sip:crazy?,/;;*@10.1.1.1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_request_uri(rows[i].contact, rows[i].uri);
}

/* The same of a callee's in INVITE, its ACK and CANCEL. */
static void test_call_to_a_tortuous_contact(void **state) {
    dialog d;
    char authorization[600];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    peer *p = &w.p[1];
    for (int turn = 0; turn < 2; turn++) {
        peer_say(p,
                 "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKd%d\r\nMax-Forwards: 70\r\n"
                 "From: <sip:dwa@myturn.invalid>;tag=t\r\nTo: <sip:dwa@myturn.invalid>\r\nCall-ID: cid-of-d\r\n"
                 "CSeq: %d REGISTER\r\nContact: <sip:contact-d@10.2.2.2?Route=%%3Csip:x%%3E>\r\n%s"
                 "Content-Length: 0\r\n\r\n",
                 p->host, turn, turn, turn == 1 ? authorization : "");
        if (turn == 1)
            break;
        peer_read_challenge(p, peer_next(p, "SIP/2.0 401"));
        peer_authorization(p, false, "REGISTER", "sip:myturn.invalid", p->password, authorization,
                           sizeof(authorization));
    }
    (void)peer_next(p, "SIP/2.0 200");
    peer_invite(&w.p[0], "111001", &d);
    const char *invite = peer_next(p, "INVITE sip:contact-d@10.2.2.2 SIP/2.0\r\n");
    peer_answer(p, invite, "180 Ringing", "t", NULL, NULL);
    peer_cancel(&w.p[0], "111001", &d);
    (void)peer_next(p, "CANCEL sip:contact-d@10.2.2.2 SIP/2.0\r\n");
    peer_answer(p, invite, "487 Request Terminated", "t", NULL, NULL);
    (void)peer_next(p, "ACK sip:contact-d@10.2.2.2 SIP/2.0\r\n");
    world_close(&w);
}

/* Section 3.3.4: a Contact that SIP cannot reach. */
static void test_contact_of_another_scheme(void **state) {
    static const char *const rows[] = {"Contact: <name:John_Smith>\r\n", "Contact: <tel:+48123>\r\n",
                                       "Contact: <http://www.example.com>\r\n"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
        (void)register_with("z9hG4bKs", 1, rows[i], "SIP/2.0 400");
        assert_int_equal(mt_sip_server_count(w.s).bindings, 0);
        world_close(&w);
    }
}

/* Section 3.3.11: what would have to go onward does not. */
static void test_no_hop_left(void **state) {
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_say(&w.p[0], "INVITE sip:111001@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKz\r\n"
                      "Max-Forwards: 0\r\nFrom: <sip:jeden@myturn.invalid>;tag=1\r\nTo: <sip:111001@myturn.invalid>\r\n"
                      "Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:c@10.1.1.1>\r\nContent-Length: 0\r\n\r\n");
    (void)peer_next(&w.p[0], "SIP/2.0 483");
    world_close(&w);
}

/* Sections 3.1.2.6, 3.1.2.14, 3.3.1: an answer repeats what could be read, and a placeholder for the rest. */
static void test_answers_to_broken_headers(void **state) {
    static const struct {
        const char *lines, *from, *call_id, *cseq, *to;
    } rows[] = {
        {"", "<sip:invalid@invalid.invalid>", "invalid", "0 OPTIONS", "<sip:invalid@invalid.invalid>;tag="},
        {"From: <sip:a@b>;tag=1\r\nTo: \"x <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 5 OPTIONS\r\n", "<sip:a@b>;tag=1", "1",
         "5 OPTIONS", "<sip:invalid@invalid.invalid>;tag="},
        {"From: < sip:a@b >\r\nTo: <sip:c@d>;tag=9\r\nCall-ID: 1\r\nCSeq: -5 OPTIONS\r\n",
         "<sip:invalid@invalid.invalid>", "1", "0 OPTIONS", "<sip:c@d>;tag=9"},
        {"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nTo: <sip:e@f>\r\nCall-ID: 1 2\r\nCSeq: 5 OPTIONS\r\n",
         "<sip:a@b>;tag=1", "invalid", "5 OPTIONS", "<sip:c@d>;tag="},
    };
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[300];
        peer_say(&w.p[0], "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%zu\r\n%s\r\n", i, rows[i].lines);
        const char *text = peer_next(&w.p[0], "SIP/2.0 400");
        assert_string_equal(header_of(text, "From", value, sizeof(value)), rows[i].from);
        assert_string_equal(header_of(text, "Call-ID", value, sizeof(value)), rows[i].call_id);
        assert_string_equal(header_of(text, "CSeq", value, sizeof(value)), rows[i].cseq);
        assert_memory_equal(header_of(text, "To", value, sizeof(value)), rows[i].to, strlen(rows[i].to));
        (void)header_of(text, "Via", value, sizeof(value));
        assert_non_null(strstr(value, "branch=z9hG4bK"));
    }
    peer_say(&w.p[0], "ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n\r\n"); /* never answered */
    peer_silent(&w.p[0]);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare_cookies_do_not_collide),
        cmocka_unit_test(test_request_to_a_tortuous_contact),
        cmocka_unit_test(test_call_to_a_tortuous_contact),
        cmocka_unit_test(test_contact_of_another_scheme),
        cmocka_unit_test(test_no_hop_left),
        cmocka_unit_test(test_answers_to_broken_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
