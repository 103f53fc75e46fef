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

/* The caller's network changed: sofia-sip sends what is under way once more by the new connection, with the same
 * branch. It went to the callee as a second request, who refused it (500), and the talk was over. */
static void test_reinvite_comes_again_by_another_connection(void **state) {
    static const char *const ends[] = {"200 OK", "488 No", NULL};
    for (size_t i = 0; i < 3; i++) {
        dialog a = {.cseq = 0}, b = {.cseq = 0};
        world_open(&w, MT_SIP_TCP, MT_SIP_TCP);
        world_call(&w, &a, &b);
        dialog before = a;
        peer_in_dialog(&w.p[0], &a, "INVITE", NULL, "v=0 anew");
        char first[WORLD_TEXT];
        (void)snprintf(first, sizeof(first), "%s", peer_next(&w.p[1], "INVITE "));
        peer_reconnect(&w.p[0], 700, false);
        a = before;
        w.p[0].branch--;
        peer_in_dialog(&w.p[0], &a, "INVITE", NULL, "v=0 anew");
        (void)peer_next(&w.p[0], "SIP/2.0 100");
        peer_silent(&w.p[1]);
        if (ends[i] != NULL) {
            peer_answer(&w.p[1], first, ends[i], NULL, NULL, i == 0 ? "v=0 anew" : NULL);
        } else {
            w.p[0].branch--;
            a.cseq--;
            peer_in_dialog(&w.p[0], &a, "CANCEL", NULL, NULL);
            (void)peer_next(&w.p[0], "SIP/2.0 200");
            world_run(&w, 10);
            peer_answer(&w.p[1], first, "180 Ringing", NULL, NULL, NULL); /* a CANCEL waits for that */
            (void)peer_next(&w.p[1], "CANCEL ");
            peer_answer(&w.p[1], first, "487 Terminated", NULL, NULL, NULL);
        }
        (void)peer_next(&w.p[0], ends[i] == NULL ? "SIP/2.0 487" : i == 0 ? "SIP/2.0 200" : "SIP/2.0 488");
        if (i == 0) { /* once more, too late: the callee repeats his 200 himself */
            a = before;
            w.p[0].branch--;
            peer_reconnect(&w.p[0], 701, false);
            peer_in_dialog(&w.p[0], &a, "INVITE", NULL, "v=0 anew");
            peer_silent(&w.p[1]);
        }
        assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
        world_close(&w);
    }
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
        cmocka_unit_test(test_reinvite_comes_again_by_another_connection),
        cmocka_unit_test(test_ringing_does_not_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
