/* A client whose network has changed registers by another flow, while the old one still looks alive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;

/* The callee's network changed: his old connection says nothing, and does not close. The re-INVITE was stuck in it
 * until it timed out, and with it the caller's search for a new path. */
static void test_reinvite_follows_the_callee(void **state) {
    dialog a = {.cseq = 0}, b = {.cseq = 0};
    world_open(&w, MT_SIP_TCP, MT_SIP_TCP);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    world_call(&w, &a, &b);
    peer_in_dialog(&w.p[0], &a, "INVITE", "Contact: <sip:contact-j@10.1.1.1>\r\n", "v=0 anew");
    char first[WORLD_TEXT];
    (void)snprintf(first, sizeof(first), "%s", peer_next(&w.p[1], "INVITE "));
    world_run(&w, 3000);
    (void)peer_next(&w.p[0], "SIP/2.0 100");
    peer_register(&w.p[1]); /* a refresh over the same one: nothing is repeated */
    peer_silent(&w.p[1]);
    peer_reconnect(&w.p[1], 700, false);
    peer_register(&w.p[1]);
    assert_string_equal(peer_next(&w.p[1], "INVITE "), first);
    peer_answer(&w.p[1], first, "180 Ringing", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    peer_reconnect(&w.p[1], 701, false);
    peer_register(&w.p[1]);
    peer_silent(&w.p[1]); /* it has arrived */
    peer_answer(&w.p[1], first, "200 OK", NULL, NULL, "v=0 anew");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    a.invite_cseq = a.cseq;
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK ");
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

/* A phone that registers while another one of the same user rings is not called as well. */
static void test_ringing_does_not_follow(void **state) {
    dialog a = {.cseq = 0};
    world_open(&w, MT_SIP_TCP, MT_SIP_TCP);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &a);
    (void)peer_next(&w.p[1], "INVITE ");
    peer_reconnect(&w.p[1], 700, false);
    peer_register(&w.p[1]);
    peer_silent(&w.p[1]);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reinvite_follows_the_callee),
        cmocka_unit_test(test_ringing_does_not_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
