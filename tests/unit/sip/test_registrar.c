/* REGISTER: challenge, digest, nonce, bindings, expiry, qualify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip/digest.h"
#include "sip_world.h"

static world w;

static void test_challenge_is_md5(void **state) {
    world_open(&w, MT_SIP_WS, MT_SIP_UDP);
    peer_say(
        &w.p[0],
        "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKa\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:jeden@myturn.invalid>;tag=1\r\nTo: <sip:jeden@myturn.invalid>\r\n"
        "Call-ID: c\r\nCSeq: 1 REGISTER\r\nContact: <sip:abc@x.invalid;transport=ws>\r\nContent-Length: 0\r\n\r\n");
    const char *text = peer_next(&w.p[0], "SIP/2.0 401");
    assert_non_null(strstr(text, "algorithm=MD5"));
    assert_null(strstr(text, "algorithm=SHA-256")); /* baresip 1.0 gives up and JsSIP 3.13 takes the last one */
    assert_non_null(strstr(text, "qop=\"auth\""));
    assert_null(strstr(text, "stale"));
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0); /* nothing is kept for a stranger */
    assert_int_equal(mt_sip_server_count(w.s).challenges, 1);
    world_no_event(&w);
    world_close(&w);
}

/* Where it is offered it stands behind MD5; its credentials are taken in either case. */
static void test_sha256(void **state) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    for (int i = 0; i < 2; i++) {
        cfg.offer_sha256 = i == 0;
        world_open_with(&w, MT_SIP_TCP, MT_SIP_UDP, &cfg);
        peer_register_as(&w.p[0], "jeden", "falsch", 600); /* for a nonce */
        const char *text = w.sent[0].bytes, *md5 = strstr(text, "algorithm=MD5"), *sha = strstr(text, "SHA-256");
        assert_int_equal(sha != NULL, cfg.offer_sha256);
        assert_true(md5 != NULL && (sha == NULL || md5 < sha));
        uint8_t h[MT_SIP_DIGEST_MAX_BYTES];
        char response[2 * MT_SIP_DIGEST_MAX_BYTES + 1];
        mt_sip_digest_ha1(MT_SIP_ALG_SHA256, MT_SLICE_LIT("jeden"), MT_SLICE_LIT("myturn.invalid"),
                          MT_SLICE_LIT("jeden"), h);
        mt_sip_digest d = {.username = MT_SLICE_LIT("jeden"),
                           .realm = MT_SLICE_LIT("myturn.invalid"),
                           .nonce = mt_slice_of(w.p[0].nonce),
                           .uri = MT_SLICE_LIT("sip:myturn.invalid"),
                           .cnonce = MT_SLICE_LIT("c"),
                           .nc_text = MT_SLICE_LIT("00000009"),
                           .nc = 9,
                           .alg = MT_SIP_ALG_SHA256,
                           .qop = MT_SIP_QOP_AUTH};
        mt_sip_digest_response(&d, h, MT_SLICE_LIT("REGISTER"), response);
        (void)peer_next(&w.p[0], "SIP/2.0 403");
        peer_say(
            &w.p[0],
            "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKs\r\nMax-Forwards: 70\r\n"
            "From: <sip:jeden@b>;tag=1\r\nTo: <sip:jeden@b>\r\nCall-ID: c\r\nCSeq: 9 REGISTER\r\nContact: <sip:a@b>\r\n"
            "Authorization: Digest username=\"jeden\", realm=\"myturn.invalid\", nonce=\"%s\", "
            "uri=\"sip:myturn.invalid\","
            "algorithm=SHA-256, cnonce=\"c\", nc=00000009, qop=auth, response=\"%s\"\r\nContent-Length: 0\r\n\r\n",
            w.p[0].nonce, response);
        (void)peer_next(&w.p[0], "SIP/2.0 200");
        world_close(&w);
    }
}

static void test_binding_is_the_flow(void **state) {
    for (int t = MT_SIP_UDP; t <= MT_SIP_WSS; t++) {
        mt_sip_flow flow;
        world_open(&w, (mt_sip_transport)t, MT_SIP_UDP);
        peer_register(&w.p[0]);
        world_event(&w, MT_SIP_REGISTERED, 1);
        assert_int_equal(mt_sip_server_binding(w.s, 1, &flow), MT_OK);
        assert_true(mt_addr_eq(&flow.addr, &w.p[0].flow.addr));
        assert_int_equal(flow.conn, w.p[0].flow.conn);
        assert_int_equal(mt_sip_server_binding(w.s, 2, &flow), MT_ENOENT);
        assert_int_equal(mt_sip_server_count(w.s).bindings, 1);
        peer_register(&w.p[0]); /* again: a refresh is no event */
        world_no_event(&w);
        assert_int_equal(mt_sip_server_count(w.s).bindings, 1);
        world_close(&w);
    }
}

static void test_200_echoes_contact_and_via(void **state) {
    char v[300];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register_as(&w.p[0], "jeden", "jeden", 900);
    const char *text = peer_next(&w.p[0], "SIP/2.0 200 OK\r\n");
    assert_string_equal(header_of(text, "Contact", v, sizeof(v)),
                        "<sip:contact-j@10.1.1.1:5999;transport=x>;expires=900");
    assert_string_equal(header_of(text, "Expires", v, sizeof(v)), "900");
    (void)header_of(text, "Via", v, sizeof(v));
    assert_non_null(strstr(v, "received=10.1.1.1"));
    assert_non_null(strstr(v, "rport=5010"));
    assert_non_null(strstr(header_of(text, "To", v, sizeof(v)), ";tag="));
    world_close(&w);
}

/* The answer goes to the packet's source although neither Via nor rport says so. */
static void test_answer_to_the_source_without_rport(void **state) {
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_say(&w.p[0], "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:9;branch=z9hG4bKo\r\nMax-Forwards: 70\r\n"
                      "From: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n");
    char v[200];
    const char *text = peer_next(&w.p[0], "SIP/2.0 200");
    assert_string_equal(header_of(text, "Via", v, sizeof(v)),
                        "SIP/2.0/UDP 192.0.2.9:9;branch=z9hG4bKo;received=10.1.1.1");
    assert_true(has_header(text, "Allow"));
    assert_true(has_header(text, "Accept"));
    world_close(&w);
}

static void test_wrong_password(void **state) {
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register_as(&w.p[0], "jeden", "falsch", 600);
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    world_event(&w, MT_SIP_AUTH_FAILED, 1);
    world_no_event(&w);
    assert_int_equal(mt_sip_server_count(w.s).bindings, 0);
    world_close(&w);
}

static void test_others_to_is_403(void **state) {
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register_as(&w.p[0], "dwa", "jeden", 600);
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    peer_register_as(&w.p[0], "nobody", "jeden", 600);
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    peer_register_as(&w.p[0], "111000", "jeden", 600); /* his own extension is himself */
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_register_as(&w.p[0], "%6Aeden", "jeden", 600);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_close(&w);
}

static void register_with(peer *p, const char *authorization, const char *lines) {
    peer_say(
        p,
        "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKw%u;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:%s@myturn.invalid>;tag=1\r\nTo: <sip:%s@myturn.invalid>\r\nCall-ID: c\r\nCSeq: %u REGISTER\r\n%s%s"
        "Content-Length: 0\r\n\r\n",
        p->via, p->host, ++p->branch, p->name, p->name, ++p->cseq, authorization, lines);
}

/* With a nonce that is known already; nc goes up. */
static void register_again(peer *p, const char *lines) {
    char authorization[600];
    peer_authorization(p, false, "REGISTER", "sip:myturn.invalid", p->password, authorization, sizeof(authorization));
    register_with(p, authorization, lines);
}

static void test_sha256_is_offered_behind_md5_on_demand(void **state) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.offer_sha256 = true;
    world_open_with(&w, MT_SIP_UDP, MT_SIP_UDP, &cfg);
    register_with(&w.p[0], "", "");
    const char *text = peer_next(&w.p[0], "SIP/2.0 401");
    const char *md5 = strstr(text, "algorithm=MD5"), *sha = strstr(text, "algorithm=SHA-256");
    assert_non_null(md5);
    assert_non_null(sha);
    assert_true(md5 < sha);
    world_close(&w);
}

static void test_replayed_nonce_is_stale(void **state) {
    char authorization[600];
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]); /* nc 1 */
    peer_authorization(&w.p[0], false, "REGISTER", "sip:myturn.invalid", "jeden", authorization, sizeof(authorization));
    register_with(&w.p[0], authorization, ""); /* nc 2: goes up, fine */
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    register_with(&w.p[0], authorization, ""); /* the same once more */
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 401"), "stale=true"));
    w.p[0].nc = 0;
    register_again(&w.p[0], ""); /* nc 1 again */
    const char *text = peer_next(&w.p[0], "SIP/2.0 401");
    assert_non_null(strstr(text, "stale=true"));
    peer_read_challenge(&w.p[0], text);
    register_again(&w.p[0], "");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_close(&w);
}

static void test_nonce_dies_and_belongs_to_its_flow(void **state) {
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    world_run(&w, w.cfg.nonce_life_ms);
    register_again(&w.p[0], "");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_run(&w, 1);
    register_again(&w.p[0], "");
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 401"), "stale=true"));
    peer_register(&w.p[0]);
    peer_reconnect(&w.p[0], 500, false);
    register_again(&w.p[0], ""); /* a nonce of another connection */
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 401"), "stale=true"));
    world_close(&w);
}

/* Over UDP the nonce belongs to the source address. */
static void test_nonce_from_another_address(void **state) {
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    mt_addr_set_port(&w.p[0].flow.addr, 7777);
    register_again(&w.p[0], "");
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 401"), "stale=true"));
    world_close(&w);
}

static void test_forged_nonce(void **state) {
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    w.p[0].nonce[5] = w.p[0].nonce[5] == 'A' ? 'B' : 'A';
    register_again(&w.p[0], "");
    assert_non_null(strstr(peer_next(&w.p[0], "SIP/2.0 401"), "stale=true")); /* right password, no nonce of ours */
    (void)snprintf(w.p[0].nonce, sizeof(w.p[0].nonce), "short");
    register_again(&w.p[0], "");
    (void)peer_next(&w.p[0], "SIP/2.0 401");
    world_close(&w);
}

static void test_query_without_contact(void **state) {
    char v[200];
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    world_run(&w, 100000);
    register_again(&w.p[0], "");
    const char *text = peer_next(&w.p[0], "SIP/2.0 200");
    assert_string_equal(header_of(text, "Contact", v, sizeof(v)),
                        "<sip:contact-j@10.1.1.1:5999;transport=x>;expires=500");
    register_again(&w.p[0], "Contact: <sip:contact-j@10.1.1.1:5999;transport=x>\r\nExpires: 0\r\n");
    assert_false(has_header(peer_next(&w.p[0], "SIP/2.0 200"), "Contact"));
    register_again(&w.p[0], "");
    assert_false(has_header(peer_next(&w.p[0], "SIP/2.0 200"), "Contact"));
    world_close(&w);
}

static void test_leaving(void **state) {
    static const char *const ways[] = {"Contact: *\r\nExpires: 0\r\n", "Contact: <sip:z@z>;expires=0\r\n",
                                       "Contact: <sip:z@z>\r\nExpires: 0\r\n"};
    for (size_t i = 0; i < 3; i++) {
        world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
        peer_register(&w.p[0]);
        world_event(&w, MT_SIP_REGISTERED, 1);
        register_again(&w.p[0], ways[i]);
        assert_false(has_header(peer_next(&w.p[0], "SIP/2.0 200"), "Contact"));
        world_event(&w, MT_SIP_UNREGISTERED, 1);
        assert_int_equal(world_last_event(&w).code, 0);
        assert_int_equal(mt_sip_server_count(w.s).bindings, 0);
        world_close(&w);
    }
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    register_again(&w.p[0], "Contact: *\r\nExpires: 60\r\n");
    (void)peer_next(&w.p[0], "SIP/2.0 400");
    world_close(&w);
}

/* The agent of yesterday's page must not take today's binding away. */
static void test_old_agent_leaves_new_binding_alone(void **state) {
    mt_sip_flow flow;
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    mt_sip_flow old = w.p[0].flow;
    peer_reconnect(&w.p[0], 500, false);
    (void)snprintf(w.p[0].host, sizeof(w.p[0].host), "10.1.1.1.new");
    peer_register(&w.p[0]);
    w.p[0].flow = old;
    peer_say(
        &w.p[0],
        "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKq\r\nMax-Forwards: 70\r\n"
        "From: <sip:jeden@myturn.invalid>;tag=1\r\nTo: <sip:jeden@myturn.invalid>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"
        "Content-Length: 0\r\n\r\n");
    peer_read_challenge(&w.p[0], peer_next(&w.p[0], "SIP/2.0 401"));
    register_again(&w.p[0], "Contact: <sip:contact-j@10.1.1.1:5999;transport=x>\r\nExpires: 0\r\n");
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    assert_int_equal(mt_sip_server_binding(w.s, 1, &flow), MT_OK);
    assert_int_equal(flow.conn, 500);
    mt_sip_server_flow_closed(w.s, &old, w.now_ms); /* nor does its connection */
    world_take(&w);
    assert_int_equal(mt_sip_server_binding(w.s, 1, &flow), MT_OK);
    world_close(&w);
}

static void test_expires(void **state) {
    char v[200];
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    peer_register_as(&w.p[0], "jeden", "jeden", 59);
    assert_string_equal(header_of(peer_next(&w.p[0], "SIP/2.0 423"), "Min-Expires", v, sizeof(v)), "60");
    peer_register_as(&w.p[0], "jeden", "jeden", 999999);
    assert_string_equal(header_of(peer_next(&w.p[0], "SIP/2.0 200"), "Expires", v, sizeof(v)), "3600");
    peer_register_as(&w.p[0], "jeden", "jeden", 60);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_event(&w, MT_SIP_REGISTERED, 1);
    world_run(&w, 59999);
    world_no_event(&w);
    world_run(&w, 1);
    world_event(&w, MT_SIP_UNREGISTERED, 1);
    assert_int_equal(world_last_event(&w).code, 1);
    world_close(&w);
}

static void test_connection_lost(void **state) {
    world_open(&w, MT_SIP_WS, MT_SIP_UDP);
    peer_register(&w.p[0]);
    world_event(&w, MT_SIP_REGISTERED, 1);
    peer_reconnect(&w.p[0], 500, true);
    world_event(&w, MT_SIP_UNREGISTERED, 1);
    assert_int_equal(world_last_event(&w).code, 2);
    peer_register(&w.p[0]);
    world_event(&w, MT_SIP_REGISTERED, 1);
    mt_sip_server_forget_user(w.s, 1, w.now_ms);
    assert_int_equal(mt_sip_server_count(w.s).bindings, 0);
    world_take(&w);
    world_no_event(&w);
    world_close(&w);
}

static void test_retransmitted_register_over_udp(void **state) {
    char authorization[600];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    peer_authorization(&w.p[0], false, "REGISTER", "sip:myturn.invalid", "jeden", authorization, sizeof(authorization));
    register_with(&w.p[0], authorization, "");
    char first[WORLD_TEXT];
    (void)snprintf(first, sizeof(first), "%s", peer_next(&w.p[0], "SIP/2.0 200"));
    w.p[0].branch--;
    w.p[0].cseq--;
    register_with(&w.p[0], authorization, ""); /* the same packet: not stale, the same answer */
    assert_string_equal(peer_next(&w.p[0], "SIP/2.0 200"), first);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 2);
    world_run(&w, 32000); /* timer J */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    world_close(&w);
}

static void test_qualify(void **state) {
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    world_event(&w, MT_SIP_REGISTERED, 1);
    world_run(&w, 19999);
    peer_silent(&w.p[0]);
    world_run(&w, 1);
    peer_answer(&w.p[0], peer_next(&w.p[0], "OPTIONS sip:contact-j@10.1.1.1:5999;transport=x SIP/2.0\r\n"), "200 OK",
                "t", NULL, NULL);
    world_run(&w, 20000);
    (void)peer_next(&w.p[0], "OPTIONS ");
    world_run(&w, 1999);
    assert_int_equal(peer_count(&w.p[0], "OPTIONS "), 4); /* at 0, 500 and 1,500 ms again */
    world_no_event(&w);
    world_run(&w, 1);
    world_event(&w, MT_SIP_UNREGISTERED, 1);
    assert_int_equal(world_last_event(&w).code, 2);
    world_run(&w, 100000);
    assert_int_equal(peer_count(&w.p[0], "OPTIONS "), 4);
    world_close(&w);
}

static void test_methods_that_are_not_taken(void **state) {
    static const struct {
        const char *method, *answer;
    } cases[] = {{"MESSAGE", "SIP/2.0 403"}, {"REFER", "SIP/2.0 403"},  {"SUBSCRIBE", "SIP/2.0 405"},
                 {"PUBLISH", "SIP/2.0 405"}, {"NOTIFY", "SIP/2.0 405"}, {"FOO", "SIP/2.0 405"},
                 {"BYE", "SIP/2.0 481"},     {"INFO", "SIP/2.0 481"},   {"UPDATE", "SIP/2.0 481"},
                 {"CANCEL", "SIP/2.0 481"},  {"PRACK", "SIP/2.0 481"}};
    world_open(&w, MT_SIP_TCP, MT_SIP_UDP);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        peer_say(
            &w.p[0],
            "%s sip:dwa@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK%zu\r\nMax-Forwards: 70\r\n"
            "From: <sip:jeden@b>;tag=1\r\nTo: <sip:dwa@b>\r\nCall-ID: c\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
            cases[i].method, i, cases[i].method);
        const char *text = peer_next(&w.p[0], cases[i].answer);
        assert_int_equal(has_header(text, "Allow"), strstr(cases[i].answer, "405") != NULL);
    }
    peer_say(&w.p[0],
             "ACK sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKa\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\n"
             "To: <sip:x>;tag=2\r\nCall-ID: c\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
    peer_silent(&w.p[0]);
    peer_say(
        &w.p[0],
        "OPTIONS tel:+48 SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKt\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
    (void)peer_next(&w.p[0], "SIP/2.0 416");
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    world_close(&w);
}

static void test_malformed(void **state) {
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer_say(&w.p[0], "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\r\nMax-Forwards: abc\r\n"
                      "From: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n");
    (void)peer_next(&w.p[0], "SIP/2.0 400");
    peer_say(&w.p[0], "nonsense\r\n\r\n");
    peer_say(&w.p[0], "\r\n\r\n");
    peer_silent(&w.p[0]);
    assert_int_equal(mt_sip_server_count(w.s).malformed, 2);
    world_close(&w);
    world_open(&w, MT_SIP_WS, MT_SIP_UDP);
    peer_say(&w.p[0], "\r\n\r\n");
    assert_string_equal(peer_next(&w.p[0], NULL), "\r\n");
    world_close(&w);
}

/* Registering needs no room; answers are only kept while there is plenty of it. */
static void test_many_registers(void **state) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.max_transactions = 10;
    world_open_with(&w, MT_SIP_UDP, MT_SIP_UDP, &cfg);
    for (int i = 0; i < 20; i++)
        peer_register(&w.p[0]);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 5);
    world_close(&w);
}

/* What broke: each answer over UDP was kept for 32 s whoever asked for it, so one user who registered again and again
 * filled the room of all and took tens of megabytes. */
static void test_kept_answers_of_one_user_are_limited(void **state) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.qualify_ms = 0;
    world_open_with(&w, MT_SIP_UDP, MT_SIP_UDP, &cfg);
    for (int i = 0; i < 80; i++)
        peer_register(&w.p[0]);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 64);
    peer_register(&w.p[1]); /* another one has his own */
    assert_int_equal(mt_sip_server_count(w.s).transactions, 65);
    world_run(&w, 64 * (int64_t)cfg.t1_ms);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    peer_register(&w.p[0]);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 1);
    mt_sip_server_forget_user(w.s, 1, w.now_ms); /* what is kept outlives him */
    world_run(&w, 64 * (int64_t)cfg.t1_ms);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    world_close(&w);
}

/* What broke: a REGISTER that was repeated because we were slow got a second challenge with another nonce, which sipp
 * takes for an answer to its next one. */
static void test_a_repeated_request_gets_the_same_challenge(void **state) {
    char first[300], second[300];
    world_open(&w, MT_SIP_UDP, MT_SIP_UDP);
    peer *p = &w.p[0];
    peer_register_plain(p, "jeden", "", 600);
    (void)header_of(peer_next(p, "SIP/2.0 401"), "WWW-Authenticate", first, sizeof(first));
    p->branch--; /* the same once more */
    p->cseq--;
    world_run(&w, 500);
    peer_register_plain(p, "jeden", "", 600);
    (void)header_of(peer_next(p, "SIP/2.0 401"), "WWW-Authenticate", second, sizeof(second));
    assert_string_equal(first, second);
    peer_register_plain(p, "jeden", "", 600); /* another one */
    (void)header_of(peer_next(p, "SIP/2.0 401"), "WWW-Authenticate", second, sizeof(second));
    assert_string_not_equal(first, second);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenge_is_md5),
        cmocka_unit_test(test_a_repeated_request_gets_the_same_challenge),
        cmocka_unit_test(test_sha256_is_offered_behind_md5_on_demand),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_binding_is_the_flow),
        cmocka_unit_test(test_200_echoes_contact_and_via),
        cmocka_unit_test(test_answer_to_the_source_without_rport),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_others_to_is_403),
        cmocka_unit_test(test_replayed_nonce_is_stale),
        cmocka_unit_test(test_nonce_dies_and_belongs_to_its_flow),
        cmocka_unit_test(test_nonce_from_another_address),
        cmocka_unit_test(test_forged_nonce),
        cmocka_unit_test(test_query_without_contact),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_old_agent_leaves_new_binding_alone),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_connection_lost),
        cmocka_unit_test(test_retransmitted_register_over_udp),
        cmocka_unit_test(test_qualify),
        cmocka_unit_test(test_methods_that_are_not_taken),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_many_registers),
        cmocka_unit_test(test_kept_answers_of_one_user_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
