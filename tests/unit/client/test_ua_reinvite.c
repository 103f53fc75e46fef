/* Offers within a call, and the way to the server when the network has changed. */
#include "ua_bench.h"

static void call_up(bench *b) {
    b->invite_code = 200;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->acks == 1);
    UNTIL(HAS("up"));
    b->events[0] = '\0';
}

static void expect_alive(bench *b, unsigned acks) {
    b->invite_code = 200;
    b->events[0] = '\0';
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    UNTIL(HAS("reanswered"));
    assert_string_equal(b->events, "reanswered(200)");
    UNTIL(b->acks == acks);
}

static void test_offer_is_answered(void **state) {
    bench *b = *state;
    call_up(b);
    char *id = sip_header(b->invite_msg, "Call-ID"), *cseq = sip_header(b->invite_msg, "CSeq");
    b->answer = SDP4;
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_ESTATE); /* one at a time */
    UNTIL(b->acks == 2);
    assert_string_equal(b->events, "reanswered(200)");
    assert_string_equal(sip_body(b->invite_msg), SDP3);
    assert_string_equal(mt_ua_remote_sdp(b->ua, 1), SDP4);
    char *id2 = sip_header(b->invite_msg, "Call-ID"), *cseq2 = sip_header(b->invite_msg, "CSeq");
    char *to = sip_header(b->invite_msg, "To");
    assert_string_equal(id, id2);
    assert_true(g_ascii_strtoull(cseq2, NULL, 10) > g_ascii_strtoull(cseq, NULL, 10));
    assert_non_null(strstr(to, "tag=peer"));
    expect_alive(b, 3);
    mt_ua_hangup(b->ua, 1);
    UNTIL(b->byes == 1);
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_ENOENT);
    g_free(id), g_free(id2), g_free(cseq), g_free(cseq2), g_free(to);
}

static void test_offer_without_a_call(void **state) {
    bench *b = *state;
    b->ring = true;
    begin(b);
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_ENOENT);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(HAS("ringing"));
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_ENOENT);
    mt_ua_recancel(b->ua, 1);
    run_ms(100);
    assert_int_equal(b->cancels, 0);
}

/* A refused offer leaves the call as it was. */
static void test_refused_offers(void **state) {
    static const int codes[] = {400, 403, 430, 487, 488, 491, 603};
    bench *b = *state;
    call_up(b);
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "reanswered(%d)", codes[i]);
        b->invite_code = codes[i];
        b->events[0] = '\0';
        assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
        UNTIL(HAS("reanswered"));
        UNTIL(b->acks == 2 + 2 * i);
        assert_string_equal(b->events, want);
        assert_string_equal(mt_ua_remote_sdp(b->ua, 1), SDP2);
        expect_alive(b, 3 + 2 * i);
    }
    assert_int_equal(b->byes, 0);
}

/* The other side does not know the call any more; or fails, which sofia-sip takes for the end. */
static void test_call_is_over(void **state) {
    static const int codes[] = {408, 480, 481, 500, 503};
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        bench *b = *state;
        char want[40];
        (void)snprintf(want, sizeof want, "reanswered(%d) failed(408)", codes[i]);
        call_up(b);
        b->invite_code = codes[i];
        assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
        UNTIL(HAS("failed"));
        assert_string_equal(b->events, want);
        assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_ENOENT);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_tcp(state), 0);
    }
}

static void test_offer_is_challenged(void **state) {
    bench *b = *state;
    call_up(b);
    b->challenge = "Digest realm=\"myturn.invalid\", nonce=\"other\", algorithm=MD5, qop=\"auth\"\r\n";
    expect_alive(b, 2 + b->challenge_acks);
}

static void test_offer_is_taken_back(void **state) {
    bench *b = *state;
    call_up(b);
    b->invite_code = 0;
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    UNTIL(b->invites == 2);
    mt_ua_recancel(b->ua, 1);
    UNTIL(b->cancels == 1);
    UNTIL(HAS("reanswered"));
    assert_string_equal(b->events, "reanswered(487)");
    UNTIL(b->acks == 2);
    expect_alive(b, 3);
}

/* For a moment nobody is there: the kernel says so at once, and the request is repeated. */
static void test_offer_meets_nobody(void **state) {
    bench *b = *state;
    call_up(b);
    uint16_t port = b->peer->port;
    sip_peer_free(b->peer);
    b->peer = sip_peer_new(true, 0, script, b);
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    run_ms(700);
    assert_string_equal(b->events, "");
    sip_peer_free(b->peer);
    b->peer = sip_peer_new(true, port, script, b);
    UNTIL(HAS("reanswered"));
    assert_string_equal(b->events, "reanswered(200)");
    UNTIL(b->acks == 2);
}

static void test_hang_up_while_offering(void **state) {
    bench *b = *state;
    call_up(b);
    b->invite_code = 0;
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    UNTIL(b->invites == 2);
    mt_ua_hangup(b->ua, 1);
    UNTIL(b->byes == 1);
    assert_string_equal(b->events, "");
}

/* A request of the partner's in the call that we made. */
static void partner_reinvites(bench *b) {
    char *from = sip_header(b->invite_msg, "From"), *id = sip_header(b->invite_msg, "Call-ID");
    char *invite = g_strdup_printf(
        "INVITE %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKglare\r\nMax-Forwards: 70\r\n"
        "From: <sip:111001@myturn.invalid>;tag=peer\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 5 INVITE\r\n"
        "Contact: <sip:peer@%s;transport=%s>\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        b->peer->contact, b->udp ? "UDP" : "TCP", b->peer->server, from, id, b->peer->server, b->udp ? "udp" : "tcp",
        strlen(SDP4), SDP4);
    sip_peer_send(b->peer, invite);
    g_free(from), g_free(id), g_free(invite);
}

static void test_offers_that_cross(void **state) {
    bench *b = *state;
    call_up(b);
    b->invite_code = 0;
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    UNTIL(b->invites == 2);
    b->last_code = 0;
    partner_reinvites(b);
    UNTIL(b->last_code >= 200);
    assert_int_equal(b->last_code, 491);
    assert_string_equal(b->events, "");
}

/* The partner's */

static char *called(bench *b) {
    begin(b);
    sip_peer_request(b->peer, "INVITE", "c1", "", SDP2);
    UNTIL(HAS("incoming"));
    assert_int_equal(mt_ua_answer(b->ua, MT_TURN_CALL_IN | 1, SDP), MT_OK);
    UNTIL(b->last_code == 200);
    char *to = tagged_to(b);
    sip_peer_request(b->peer, "ACK", "c1", to, NULL);
    UNTIL(HAS("up"));
    b->events[0] = '\0';
    b->last_code = 0;
    return to;
}

static void expect_answer(bench *b, const char *to, int code, const char *body) {
    UNTIL(b->last_code >= 200);
    assert_int_equal(b->last_code, code);
    if (body != NULL)
        assert_string_equal(sip_body(b->ok_msg), body);
    sip_peer_request(b->peer, "ACK", "c1", to, NULL);
    run_ms(50);
    b->last_code = 0;
}

static void test_partner_offers(void **state) {
    bench *b = *state;
    char *to = called(b);
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP4);
    UNTIL(HAS("reoffered"));
    assert_int_equal(b->reoffered, MT_TURN_CALL_IN | 1);
    assert_string_equal(mt_ua_offered_sdp(b->ua, b->reoffered), SDP4);
    assert_string_equal(mt_ua_remote_sdp(b->ua, b->reoffered), SDP2);
    run_ms(100);
    assert_true(b->last_code < 200); /* not before the owner says so */
    assert_int_equal(mt_ua_reanswer(b->ua, b->reoffered, SDP3), MT_OK);
    expect_answer(b, to, 200, SDP3);
    assert_string_equal(mt_ua_remote_sdp(b->ua, b->reoffered), SDP4);
    assert_int_equal(mt_ua_reanswer(b->ua, b->reoffered, SDP3), MT_ENOENT);
    b->events[0] = '\0';
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP4); /* no news */
    expect_answer(b, to, 200, SDP3);
    sip_peer_request(b->peer, "INVITE", "c1", to, NULL);
    expect_answer(b, to, 200, SDP3);
    assert_string_equal(b->events, "");
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP2);
    UNTIL(HAS("reoffered"));
    mt_ua_rerefuse(b->ua, b->reoffered, 488);
    expect_answer(b, to, 488, NULL);
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP2);
    UNTIL(HAS("reoffered reoffered"));
    assert_int_equal(mt_ua_reanswer(b->ua, b->reoffered, NULL), MT_OK); /* what is in force stays */
    expect_answer(b, to, 200, SDP3);
    assert_string_equal(mt_ua_remote_sdp(b->ua, b->reoffered), SDP4);
    sip_peer_request(b->peer, "BYE", "c1", to, NULL);
    UNTIL(HAS("ended"));
    g_free(to);
}

/* The CANCEL of an offer within the call was taken for the end of the call. */
static void test_partner_takes_his_offer_back(void **state) {
    bench *b = *state;
    char *to = called(b);
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP4);
    UNTIL(HAS("reoffered"));
    sip_peer_request(b->peer, "CANCEL", "c1", to, NULL);
    UNTIL(b->last_code == 487);
    sip_peer_request(b->peer, "ACK", "c1", to, NULL);
    assert_int_equal(mt_ua_reanswer(b->ua, b->reoffered, SDP3), MT_ENOENT);
    run_ms(100);
    assert_string_equal(b->events, "reoffered");
    b->last_code = 0;
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP4);
    UNTIL(HAS("reoffered reoffered"));
    assert_int_equal(mt_ua_reanswer(b->ua, b->reoffered, SDP3), MT_OK);
    expect_answer(b, to, 200, SDP3);
    g_free(to);
}

/* Both are in one segment, as after a while without network: sofia-sip has ended the request when we answer it. */
static void test_answer_crosses_the_taking_back(void **state) {
    bench *b = *state;
    char *to = called(b);
    b->reanswer = SDP3;
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP4);
    sip_peer_request(b->peer, "CANCEL", "c1", to, NULL);
    UNTIL(b->last_code == 487);
    sip_peer_request(b->peer, "ACK", "c1", to, NULL);
    run_ms(100);
    assert_string_equal(b->events, "reoffered");
    b->last_code = 0;
    sip_peer_request(b->peer, "INVITE", "c1", to, SDP2);
    expect_answer(b, to, 200, SDP3);
    assert_string_equal(b->events, "reoffered reoffered");
    sip_peer_request(b->peer, "BYE", "c1", to, NULL);
    UNTIL(HAS("ended"));
    g_free(to);
}

/* Another network */

static void test_new_flow(void **state) {
    bench *b = *state;
    call_up(b);
    unsigned registers = b->registers, acks = b->acks;
    GSocketAddress *before = b->udp ? g_object_ref(b->peer->from) : NULL;
    gint64 from_us = g_get_monotonic_time();
    mt_ua_renew(b->ua);
    UNTIL(HAS("registered"));
    print_message("registered by a new flow after %d ms\n", (int)((g_get_monotonic_time() - from_us) / 1000));
    assert_true(g_get_monotonic_time() - from_us < 300 * 1000);
    assert_false(HAS("refused"));
    run_ms(1500); /* sofia-sip's own repetition of the REGISTER is told as well */
    assert_string_equal(b->events + strlen(b->events) - strlen("registered"), "registered");
    assert_true(b->registers > registers && b->registers <= registers + 2);
    if (b->udp)
        assert_int_not_equal(g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(before)),
                             g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(b->peer->from)));
    else
        assert_int_equal(b->peer->connections, 2);
    g_clear_object(&before);
    expect_alive(b, acks + 1);
    mt_ua_hangup(b->ua, 1);
    UNTIL(b->byes == 1);
    assert_true(b->udp || b->peer->connections == 2);
}

static void test_new_flow_while_offering(void **state) {
    bench *b = *state;
    call_up(b);
    b->invite_code = 0;
    assert_int_equal(mt_ua_reinvite(b->ua, 1, SDP3), MT_OK);
    UNTIL(b->invites == 2);
    mt_ua_renew(b->ua);
    UNTIL(HAS("registered") && b->invites == 3); /* it may have got lost with the old one */
    sip_peer_answer(b->peer, b->invite, 487, "", NULL);
    UNTIL(HAS("reanswered(487)"));
    assert_false(HAS("failed"));
    expect_alive(b, 3);
}

/* The REGISTER of the first change goes unanswered: its address is gone. That of the second does not wait for it. */
static void test_new_flow_while_registering(void **state) {
    bench *b = *state;
    call_up(b);
    b->mute = true;
    unsigned messages = b->peer->messages;
    mt_ua_renew(b->ua);
    UNTIL(b->peer->messages > messages);
    run_ms(100);
    mt_ua_renew(b->ua);
    b->mute = false;
    gint64 from_us = g_get_monotonic_time();
    UNTIL(HAS("registered"));
    assert_true(g_get_monotonic_time() - from_us < 1500 * 1000); /* UDP: repeated after 0.5 s */
    assert_false(HAS("failed"));
    run_ms(1500); /* a repetition that crossed is told as well */
    expect_alive(b, 2);
}

static void test_new_flow_while_the_server_is_away(void **state) {
    bench *b = *state;
    uint16_t port = b->peer->port;
    begin(b);
    sip_peer_free(b->peer);
    b->peer = sip_peer_new(false, 0, script, b);
    UNTIL(HAS("refused"));
    sip_peer_free(b->peer);
    b->peer = sip_peer_new(false, port, script, b);
    gint64 from_us = g_get_monotonic_time();
    mt_ua_renew(b->ua); /* does not wait for the next try */
    UNTIL(HAS("registered"));
    assert_true(g_get_monotonic_time() - from_us < 300 * 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TCP(test_offer_is_answered),
        UDP(test_offer_is_answered),
        TCP(test_offer_without_a_call),
        TCP(test_refused_offers),
        UDP(test_refused_offers),
        TCP(test_call_is_over),
        TCP(test_offer_is_challenged),
        TCP(test_offer_is_taken_back),
        UDP(test_offer_is_taken_back),
        UDP(test_offer_meets_nobody),
        TCP(test_hang_up_while_offering),
        TCP(test_offers_that_cross),
        TCP(test_partner_offers),
        UDP(test_partner_offers),
        TCP(test_partner_takes_his_offer_back),
        UDP(test_partner_takes_his_offer_back),
        TCP(test_answer_crosses_the_taking_back),
        UDP(test_answer_crosses_the_taking_back),
        TCP(test_new_flow),
        UDP(test_new_flow),
        TCP(test_new_flow_while_offering),
        TCP(test_new_flow_while_registering),
        UDP(test_new_flow_while_registering),
        TCP(test_new_flow_while_the_server_is_away),
    };
    if (g_getenv("MT_TEST_LOG") != NULL)
        mt_log_setup(2, MT_LOG_DEBUG, true);
    cmocka_set_test_filter(g_getenv("MT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
