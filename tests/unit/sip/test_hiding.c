/* A server whose users talk through relays only: no message that reaches one side says where the other is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

#define BLANK                                                                                                          \
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"         \
    "a=candidate:2 1 UDP 503316991 198.51.100.3 61000 typ relay raddr 0.0.0.0 rport 0\r\n"
#define TELLING BLANK "a=candidate:1 1 UDP 2015363327 192.0.2.77 50000 typ host\r\n"

static world w;
static dialog a, b;

static void begin(mt_sip_transport first, mt_sip_transport second) {
    a = b = (dialog){.cseq = 0};
    world_open(&w, first, second);
    mt_sip_server_hide(w.s, true);
    w.offer = BLANK;
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
}

static void end(void) {
    for (size_t i = 0; i < w.sent_count; i++)
        assert_null(strstr(w.sent[i].bytes, "192.0.2.77"));
    world_close(&w);
}

/* The callee's INVITE. */
static const char *dial(void) {
    peer_invite(&w.p[0], "111001", &a);
    const char *invite = peer_next(&w.p[1], "INVITE ");
    dialog_of_invite(&b, invite, "d-local");
    return invite;
}

static void test_what_is_blank_passes(void **state) {
    begin(MT_SIP_TCP, MT_SIP_WS);
    const char *invite = dial();
    assert_non_null(strstr(invite, "typ relay raddr 0.0.0.0"));
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, BLANK);
    const char *answer = peer_next(&w.p[0], "SIP/2.0 200 OK\r\n");
    assert_non_null(strstr(answer, "typ relay raddr 0.0.0.0"));
    dialog_of_answer(&a, answer);
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    end();
}

static void test_an_offer_that_tells(void **state) {
    begin(MT_SIP_TCP, MT_SIP_UDP);
    w.offer = TELLING;
    peer_invite(&w.p[0], "111001", &a);
    (void)peer_next(&w.p[0], "SIP/2.0 488 Not Acceptable Here\r\n");
    peer_silent(&w.p[1]);
    w.offer = BLANK; /* he may mend it: the pair is still theirs */
    w.event_read = w.event_count;
    (void)dial();
    world_event(&w, MT_SIP_INVITED, 0);
    end();
}

/* The callee believes that he is in a call: it is acknowledged and hung up. */
static void answer_that_tells(mt_sip_transport first, mt_sip_transport second) {
    begin(first, second);
    const char *invite = dial();
    w.event_read = w.event_count;
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, TELLING);
    (void)peer_next(&w.p[0], "SIP/2.0 488 Not Acceptable Here\r\n");
    (void)peer_next(&w.p[1], "ACK ");
    peer_answer(&w.p[1], peer_next(&w.p[1], "BYE "), "200 OK", NULL, NULL, NULL);
    world_event(&w, MT_SIP_REFUSED, 0);
    assert_int_equal(world_last_event(&w).code, 488);
    world_no_event(&w);
    world_run(&w, 40000);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    end();
}

static void test_an_answer_that_tells(void **state) {
    answer_that_tells(MT_SIP_TCP, MT_SIP_TCP);
    answer_that_tells(MT_SIP_UDP, MT_SIP_UDP);
    answer_that_tells(MT_SIP_WS, MT_SIP_UDP);
}

/* What cannot be refused passes without its body. */
static void test_ringing_and_refusals(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP);
    const char *invite = dial();
    peer_answer(&w.p[1], invite, "183 Session Progress", "d-local", NULL, TELLING);
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 183"), "Content-Length: 0\r\n"));
    peer_answer(&w.p[1], invite, "486 Busy Here", "d-local", NULL, TELLING);
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 486"), "Content-Length: 0\r\n"));
    end();
}

static void call_up(void) {
    const char *invite = dial();
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, BLANK);
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200 OK\r\n"));
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    w.event_read = w.event_count;
}

static void test_within_a_call(void **state) {
    static const char *const methods[] = {"INVITE", "UPDATE", "INFO", "PRACK"};
    begin(MT_SIP_TCP, MT_SIP_TCP);
    call_up();
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        peer_in_dialog(&w.p[1], &b, methods[i], NULL, TELLING);
        (void)peer_next(&w.p[1], "SIP/2.0 488 Not Acceptable Here\r\n");
        if (i == 0)
            peer_in_dialog(&w.p[1], &b, "ACK", NULL, NULL);
        peer_silent(&w.p[0]);
    }
    peer_in_dialog(&w.p[1], &b, "UPDATE", NULL, BLANK);
    assert_non_null(strstr(peer_next(&w.p[0], "UPDATE "), "typ relay"));
    world_no_event(&w);
    end();
}

/* Of a re-INVITE, by the one who is asked. */
static void test_an_answer_within_a_call(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP);
    call_up();
    peer_in_dialog(&w.p[0], &a, "INVITE", NULL, BLANK);
    peer_answer(&w.p[1], peer_next(&w.p[1], "INVITE "), "200 OK", NULL, NULL, TELLING);
    world_event(&w, MT_SIP_REFUSED, 0);
    (void)peer_next(&w.p[0], "SIP/2.0 48");
    (void)peer_next(&w.p[0], "BYE ");
    end();
}

/* The offer was in the 200, and the answer is in the ACK, which nobody can refuse. */
static void test_an_ack_that_tells(void **state) {
    begin(MT_SIP_TCP, MT_SIP_TCP);
    w.offer = "";
    const char *invite = dial();
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, BLANK);
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200 OK\r\n"));
    w.event_read = w.event_count;
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, TELLING);
    world_event(&w, MT_SIP_REFUSED, 0);
    (void)peer_next(&w.p[0], "BYE ");
    (void)peer_next(&w.p[1], "ACK "); /* the server's own */
    (void)peer_next(&w.p[1], "BYE ");
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_blank_passes), cmocka_unit_test(test_an_offer_that_tells),
        cmocka_unit_test(test_an_answer_that_tells), cmocka_unit_test(test_ringing_and_refusals),
        cmocka_unit_test(test_within_a_call),        cmocka_unit_test(test_an_answer_within_a_call),
        cmocka_unit_test(test_an_ack_that_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
