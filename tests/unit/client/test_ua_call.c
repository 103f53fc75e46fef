/* The user agent's calls, in both directions, and every class of answer to them. */
#include "ua_bench.h"

/* Calling */

static void test_call_and_hang_up(void **state) {
    bench *b = *state;
    b->ring = true;
    b->invite_code = 200;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->acks == 1);
    assert_string_equal(b->events, "ringing up");
    assert_string_equal(mt_ua_remote_sdp(b->ua, 1), SDP2);
    assert_string_equal(sip_body(b->invite_msg), SDP);
    assert_true(g_str_has_prefix(b->invite_msg, "INVITE sip:111001@myturn.invalid SIP/2.0"));
    assert_null(strstr(b->invite_msg, "Session-Expires"));
    mt_ua_hangup(b->ua, 1);
    UNTIL(b->byes == 1);
    run_ms(100);
    assert_string_equal(b->events, "ringing up");
    assert_int_equal(mt_ua_dial(b->ua, 2, 111001, SDP), MT_OK); /* and again */
    UNTIL(b->acks == 2);
}

static void test_each_class_of_answer(void **state) {
    static const int codes[] = {300, 302, 400, 403, 404, 408, 422, 480, 481,
                                486, 487, 488, 500, 503, 580, 600, 603, 606};
    bench *b = *state;
    begin(b);
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        b->invite_code = codes[i];
        b->more = codes[i] == 503   ? "Retry-After: 1\r\n"
                  : codes[i] == 302 ? "Contact: <sip:other@127.0.0.1:9>\r\n"
                                    : "";
        b->events[0] = '\0';
        assert_int_equal(mt_ua_dial(b->ua, (uint32_t)i + 1, 111001, SDP), MT_OK);
        char want[32];
        (void)snprintf(want, sizeof want, "failed(%d)", codes[i]);
        UNTIL(HAS("failed"));
        UNTIL(b->acks == i + 1);
        assert_string_equal(b->events, want);
    }
    run_ms(1200);
    assert_int_equal(b->invites, G_N_ELEMENTS(codes)); /* none was repeated or followed elsewhere */
    b->invite_code = 200;
    b->more = NULL;
    b->events[0] = '\0';
    assert_int_equal(mt_ua_dial(b->ua, 100, 111001, SDP), MT_OK);
    UNTIL(HAS("up")); /* sane afterwards */
}

/* That is no answer of the server's, whatever sofia-sip makes of it. */
static void test_connection_breaks_while_calling(void **state) {
    bench *b = *state;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->invites == 1);
    sip_peer_close_conn(b->peer);
    UNTIL(HAS("failed"));
    assert_string_equal(b->events, "failed(408)");
}

static void test_cancel(void **state) {
    bench *b = *state;
    b->ring = true;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(HAS("ringing"));
    mt_ua_hangup(b->ua, 1);
    UNTIL(b->cancels == 1 && b->acks == 1);
    run_ms(100);
    assert_string_equal(b->events, "ringing");
}

static void test_200_crosses_the_cancel(void **state) {
    bench *b = *state;
    b->ring = true;
    b->answer_after_cancel = true;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(HAS("ringing"));
    mt_ua_hangup(b->ua, 1);
    UNTIL(b->acks == 1 && b->byes == 1);
    assert_string_equal(b->events, "ringing");
}

static void test_hang_up_before_any_answer(void **state) {
    bench *b = *state;
    b->ring = true;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    mt_ua_hangup(b->ua, 1); /* the INVITE has not left yet, or is about to be challenged */
    run_ms(500);
    assert_string_equal(b->events, "");
    assert_true(b->invites == 0 || b->cancels == 1);
}

/* lines: of the BYE, each with CRLF */
static void bye_comes(bench *b, const char *lines, const char *told) {
    b->invite_code = 200;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->acks == 1);
    char *from = sip_header(b->invite_msg, "From"), *id = sip_header(b->invite_msg, "Call-ID");
    char *bye = g_strdup_printf("BYE %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n"
                                "From: <sip:111001@myturn.invalid>;tag=peer\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 5 BYE\r\n"
                                "%sContent-Length: 0\r\n\r\n",
                                b->peer->contact, b->udp ? "UDP" : "TCP", b->peer->server, from, id, lines);
    sip_peer_send(b->peer, bye);
    UNTIL(b->last_code == 200);
    assert_string_equal(b->events, told);
    mt_ua_hangup(b->ua, 1); /* harmless */
    run_ms(100);
    assert_int_equal(b->byes, 0);
    g_free(from), g_free(id), g_free(bye);
}

static void test_partner_says_bye(void **state) {
    bye_comes(*state, "", "up ended");
}

static void test_bye_with_a_reason_of_no_server(void **state) {
    bye_comes(*state, "Reason: Q.850;cause=503\r\nReason: SIP;cause=486\r\n", "up ended");
}

static void test_server_says_bye(void **state) {
    bye_comes(*state, "Reason: SIP;cause=503;text=\"The server is going down\"\r\n", "up stopped");
}

/* Being called */

static void test_called_and_partner_hangs_up(void **state) {
    bench *b = *state;
    begin(b);
    sip_peer_request(b->peer, "INVITE", "c1", "", SDP2);
    UNTIL(b->last_code == 180);
    UNTIL(HAS("incoming(111001)"));
    assert_string_equal(mt_ua_remote_sdp(b->ua, MT_TURN_CALL_IN | 1), SDP2);
    assert_int_equal(mt_ua_answer(b->ua, MT_TURN_CALL_IN | 1, SDP), MT_OK);
    UNTIL(b->last_code == 200);
    assert_string_equal(sip_body(b->ok_msg), SDP);
    char *to = tagged_to(b);
    sip_peer_request(b->peer, "ACK", "c1", to, NULL);
    UNTIL(HAS("up"));
    b->last_code = 0;
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP2); /* as Asterisk does after the answer */
    UNTIL(b->last_code == 200);
    assert_string_equal(sip_body(b->ok_msg), SDP);
    sip_peer_request(b->peer, "ACK", "c1", to, NULL);
    run_ms(50);
    b->last_code = 0;
    sip_peer_request(b->peer, "BYE", "c1", to, NULL);
    UNTIL(b->last_code == 200);
    assert_string_equal(b->events, "incoming(111001) up ended");
    g_free(to);
}

static void test_called_and_we_hang_up(void **state) {
    bench *b = *state;
    begin(b);
    sip_peer_request(b->peer, "INVITE", "c2", "", SDP2);
    UNTIL(HAS("incoming"));
    assert_int_equal(mt_ua_answer(b->ua, MT_TURN_CALL_IN | 1, SDP), MT_OK);
    UNTIL(b->last_code == 200);
    char *to = tagged_to(b);
    sip_peer_request(b->peer, "ACK", "c2", to, NULL);
    UNTIL(HAS("up"));
    mt_ua_hangup(b->ua, MT_TURN_CALL_IN | 1);
    UNTIL(b->byes == 1);
    assert_string_equal(b->events, "incoming(111001) up");
    g_free(to);
}

static void test_refuse(void **state) {
    bench *b = *state;
    static const unsigned codes[] = {403, 480, 488, 603};
    begin(b);
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        char call[8];
        (void)snprintf(call, sizeof call, "r%u", i);
        b->events[0] = '\0';
        sip_peer_request(b->peer, "INVITE", call, "", SDP2);
        UNTIL(HAS("incoming"));
        mt_ua_refuse(b->ua, MT_TURN_CALL_IN | (i + 1), codes[i]);
        UNTIL(b->last_code == (int)codes[i]);
        char *to = tagged_to(b);
        sip_peer_request(b->peer, "ACK", call, to, NULL);
        g_free(to);
    }
    run_ms(50);
    assert_string_equal(b->events, "incoming(111001)");
}

static void test_caller_cancels(void **state) {
    bench *b = *state;
    begin(b);
    sip_peer_request(b->peer, "INVITE", "c3", "", SDP2);
    UNTIL(b->last_code == 180);
    sip_peer_request(b->peer, "CANCEL", "c3", "", NULL);
    UNTIL(b->last_code == 487);
    assert_string_equal(b->events, "incoming(111001) ended");
    assert_int_equal(mt_ua_answer(b->ua, MT_TURN_CALL_IN | 1, SDP), MT_ENOENT);
}

static void test_call_without_sdp(void **state) {
    bench *b = *state;
    begin(b);
    sip_peer_request(b->peer, "INVITE", "c4", "", NULL);
    UNTIL(b->last_code == 488);
    assert_string_equal(b->events, "");
}

static void test_options_and_foreign_methods(void **state) {
    bench *b = *state;
    begin(b);
    sip_peer_request(b->peer, "OPTIONS", "o1", "", NULL);
    UNTIL(b->last_code == 200);
    sip_peer_request(b->peer, "MESSAGE", "o2", "", "hello");
    UNTIL(b->last_code >= 400);
    sip_peer_request(b->peer, "REFER", "o3", "Refer-To: <sip:x@127.0.0.1>\r\n", NULL);
    b->last_code = 0;
    UNTIL(b->last_code >= 400);
    assert_string_equal(b->events, "");
}

static void test_garbage_does_no_harm(void **state) {
    bench *b = *state;
    begin(b);
    sip_peer_send(b->peer, "INVITE sip:x SIP/2.0\r\nVia: \x01\x02\r\nContent-Length: 0\r\n\r\n");
    sip_peer_send(b->peer, "SIP/2.0 200 OK\r\nCSeq: banana\r\n\r\n");
    run_ms(100);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    b->invite_code = 200;
    b->peer->script = script;
    UNTIL(HAS("up") || b->invites > 0 || HAS("failed"));
}

/* A WebRTC SDP is larger than what sofia-sip sends by UDP on its own account. */
static void test_large_sdp(void **state) {
    bench *b = *state;
    b->invite_code = 200;
    begin(b);
    GString *sdp = g_string_new(SDP);
    while (sdp->len < 6000)
        g_string_append(sdp, "a=candidate:1 1 UDP 2122252543 127.0.0.1 50000 typ host\r\n");
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, sdp->str), MT_OK);
    UNTIL(b->acks == 1);
    assert_string_equal(sip_body(b->invite_msg), sdp->str);
    g_string_free(sdp, TRUE);
}

static void test_destroy_in_a_call_says_bye(void **state) {
    bench *b = *state;
    b->invite_code = 200;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->acks == 1);
    mt_ua_destroy(b->ua);
    b->ua = NULL;
    UNTIL(b->byes == 1 && b->unregisters == 1);
    assert_string_equal(b->events, "up");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TCP(test_call_and_hang_up),
        UDP(test_call_and_hang_up),
        TCP(test_each_class_of_answer),
        UDP(test_each_class_of_answer),
        TCP(test_connection_breaks_while_calling),
        TCP(test_cancel),
        UDP(test_cancel),
        TCP(test_200_crosses_the_cancel),
        UDP(test_200_crosses_the_cancel),
        TCP(test_hang_up_before_any_answer),
        UDP(test_hang_up_before_any_answer),
        TCP(test_partner_says_bye),
        TCP(test_bye_with_a_reason_of_no_server),
        TCP(test_server_says_bye),
        UDP(test_partner_says_bye),
        TCP(test_called_and_partner_hangs_up),
        UDP(test_called_and_partner_hangs_up),
        TCP(test_called_and_we_hang_up),
        UDP(test_called_and_we_hang_up),
        TCP(test_refuse),
        UDP(test_refuse),
        TCP(test_caller_cancels),
        UDP(test_caller_cancels),
        TCP(test_call_without_sdp),
        TCP(test_options_and_foreign_methods),
        TCP(test_garbage_does_no_harm),
        UDP(test_garbage_does_no_harm),
        TCP(test_large_sdp),
        UDP(test_large_sdp),
        TCP(test_destroy_in_a_call_says_bye),
        UDP(test_destroy_in_a_call_says_bye),
    };
    if (g_getenv("MT_TEST_LOG") != NULL)
        mt_log_setup(2, MT_LOG_DEBUG, true);
    cmocka_set_test_filter(g_getenv("MT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
