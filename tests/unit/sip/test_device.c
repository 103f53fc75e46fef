/* Device state per user, as the operator sees it (A8): unavailable, idle, ringing, in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;
static dialog a, b;

static void expect(mt_sip_device caller, mt_sip_device callee) {
    assert_string_equal(mt_sip_device_str(mt_sip_server_device(w.s, 1)), mt_sip_device_str(caller));
    assert_string_equal(mt_sip_device_str(mt_sip_server_device(w.s, 2)), mt_sip_device_str(callee));
}

static void open_two(mt_sip_transport first, mt_sip_transport second) {
    a = b = (dialog){.cseq = 0};
    world_open(&w, first, second);
    expect(MT_SIP_DEVICE_UNAVAILABLE, MT_SIP_DEVICE_UNAVAILABLE);
    peer_register(&w.p[0]);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_UNAVAILABLE);
    peer_register(&w.p[1]);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
}

static void test_through_a_call(void **state) {
    open_two(MT_SIP_UDP, MT_SIP_TCP);
    peer_invite(&w.p[0], "111001", &a);
    expect(MT_SIP_DEVICE_IN_USE, MT_SIP_DEVICE_RINGING);
    const char *invite = peer_next(&w.p[1], "INVITE");
    dialog_of_invite(&b, invite, "d");
    peer_answer(&w.p[1], invite, "180 Ringing", "d", NULL, NULL);
    expect(MT_SIP_DEVICE_IN_USE, MT_SIP_DEVICE_RINGING);
    (void)peer_next(&w.p[0], "SIP/2.0 180");
    peer_answer(&w.p[1], invite, "200 OK", "d", NULL, "v=0");
    expect(MT_SIP_DEVICE_IN_USE, MT_SIP_DEVICE_IN_USE);
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200"));
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    (void)peer_next(&w.p[1], "ACK");
    expect(MT_SIP_DEVICE_IN_USE, MT_SIP_DEVICE_IN_USE);
    peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    peer_answer(&w.p[0], peer_next(&w.p[0], "BYE"), "200 OK", NULL, NULL, NULL);
    (void)peer_next(&w.p[1], "SIP/2.0 200");
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    world_close(&w);
}

static void test_busy_and_cancelled(void **state) {
    open_two(MT_SIP_UDP, MT_SIP_UDP);
    peer_invite(&w.p[0], "111001", &a);
    peer_answer(&w.p[1], peer_next(&w.p[1], "INVITE"), "486 Busy Here", "d", NULL, NULL);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    world_close(&w);

    open_two(MT_SIP_UDP, MT_SIP_UDP);
    peer_invite(&w.p[0], "111001", &a);
    peer_answer(&w.p[1], peer_next(&w.p[1], "INVITE"), "180 Ringing", "d", NULL, NULL);
    peer_cancel(&w.p[0], "111001", &a);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    world_close(&w);
}

/* One who stops answering the server's OPTIONS is gone. */
static void test_unavailable_without_an_answer(void **state) {
    open_two(MT_SIP_UDP, MT_SIP_TCP);
    world_run(&w, w.cfg.qualify_ms + 1);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    world_run(&w, w.cfg.qualify_limit_ms);
    expect(MT_SIP_DEVICE_UNAVAILABLE, MT_SIP_DEVICE_IDLE);
    while (peer_try_next(&w.p[0]) != NULL) /* OPTIONS, repeated */
        ;
    peer_register(&w.p[0]);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    peer_reconnect(&w.p[1], 77, true);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_UNAVAILABLE);
    world_close(&w);
}

/* A call that waits for its callee to register does not ring yet. */
static void test_parked(void **state) {
    a = b = (dialog){.cseq = 0};
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    peer_invite(&w.p[0], "111001", &a);
    expect(MT_SIP_DEVICE_IN_USE, MT_SIP_DEVICE_UNAVAILABLE);
    peer_register(&w.p[1]);
    expect(MT_SIP_DEVICE_IN_USE, MT_SIP_DEVICE_RINGING);
    world_end_pair(&w);
    expect(MT_SIP_DEVICE_IDLE, MT_SIP_DEVICE_IDLE);
    mt_sip_server_forget_user(w.s, 1, w.now_ms);
    world_take(&w);
    expect(MT_SIP_DEVICE_UNAVAILABLE, MT_SIP_DEVICE_IDLE);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_through_a_call),
        cmocka_unit_test(test_busy_and_cancelled),
        cmocka_unit_test(test_unavailable_without_an_answer),
        cmocka_unit_test(test_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
