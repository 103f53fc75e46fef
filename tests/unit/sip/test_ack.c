/* The ACK of a 2xx on its way through the server. What broke: with the caller on a stream and the callee on UDP, an ACK
 * lost behind the server was never sent again, so the callee repeated its 200 for 32 s and hung up; and a caller could
 * send his partner as many ACKs, each with 16 KiB of body, as he liked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;
static dialog a, b;
static char invite[WORLD_TEXT];

static void open_call(mt_sip_transport first, mt_sip_transport second) {
    a = b = (dialog){.cseq = 0};
    world_open(&w, first, second);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &a);
    (void)snprintf(invite, sizeof(invite), "%s", peer_next(&w.p[1], "INVITE "));
    dialog_of_invite(&b, invite, "d-local");
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0 answer");
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200 OK\r\n"));
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
}

static void lost_behind_the_server(mt_sip_transport first) {
    open_call(first, MT_SIP_UDP);
    world_run(&w, 500);
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0 answer"); /* the ACK did not come */
    if (first == MT_SIP_UDP && peer_try_next(&w.p[0]) != NULL)
        peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    world_close(&w);
}

static void test_lost_ack_from_a_stream(void **state) {
    lost_behind_the_server(MT_SIP_TCP);
    lost_behind_the_server(MT_SIP_WS);
}

static void test_lost_ack_from_udp(void **state) {
    lost_behind_the_server(MT_SIP_UDP);
}

/* The ACK was lost on its way to the server: the 200 that comes again is passed on, and so is the ACK that follows. */
static void test_ack_lost_before_the_server(void **state) {
    a = b = (dialog){.cseq = 0};
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &a);
    (void)snprintf(invite, sizeof(invite), "%s", peer_next(&w.p[1], "INVITE "));
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0 answer");
    (void)peer_next(&w.p[0], "SIP/2.0 200 OK\r\n");
    world_run(&w, 500);
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0 answer");
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200 OK\r\n"));
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    world_close(&w);
}

static void flood(mt_sip_transport first, mt_sip_transport second, size_t pass) {
    open_call(first, second);
    for (int i = 0; i < 50; i++)
        peer_in_dialog(&w.p[0], &a, "ACK", NULL, "v=0 again");
    assert_int_equal(peer_count(&w.p[1], "ACK "), pass);
    while (peer_try_next(&w.p[1]) != NULL) {
    }
    peer_in_dialog(&w.p[1], &b, "ACK", NULL, NULL); /* he has nothing to acknowledge */
    peer_silent(&w.p[0]);
    world_close(&w);
}

static void test_acks_without_an_answer_do_not_pass(void **state) {
    flood(MT_SIP_TCP, MT_SIP_TCP, 1);
    flood(MT_SIP_TCP, MT_SIP_UDP, 1);
    flood(MT_SIP_UDP, MT_SIP_UDP, 16);
    flood(MT_SIP_UDP, MT_SIP_WS, 1);
}

/* One side may not make the other's connection queue without end: it would be closed, and the talk with it. What broke:
 * 32 requests of 16 KiB each could be under way. */
static void test_requests_under_way_are_bounded(void **state) {
    static char body[5001];
    memset(body, 'x', sizeof(body) - 1);
    open_call(MT_SIP_TCP, MT_SIP_TCP);
    for (int i = 0; i < 20; i++)
        peer_in_dialog(&w.p[0], &a, "INFO", NULL, body);
    size_t passed = peer_count(&w.p[1], "INFO "), refused = peer_count(&w.p[0], "SIP/2.0 503");
    assert_in_range(passed, 10, 13);
    assert_int_equal(passed + refused, 20);
    peer_answer(&w.p[1], peer_next(&w.p[1], "INFO "), "200 OK", NULL, NULL, NULL); /* makes room */
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, body);
    assert_int_equal(peer_count(&w.p[1], "INFO "), passed + 1);
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL); /* and hanging up is always possible */
    assert_int_equal(peer_count(&w.p[1], "BYE "), 1);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_ack_from_a_stream),
        cmocka_unit_test(test_lost_ack_from_udp),
        cmocka_unit_test(test_ack_lost_before_the_server),
        cmocka_unit_test(test_requests_under_way_are_bounded),
        cmocka_unit_test(test_acks_without_an_answer_do_not_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
