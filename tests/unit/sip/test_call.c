/* Calls through the proxy: what passes, what does not, who may call whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip_world.h"

static world w;
static dialog a, b;

static void open_call(mt_sip_transport first, mt_sip_transport second) {
    a = b = (dialog){.cseq = 0};
    world_open(&w, first, second);
}

static void whole_call(mt_sip_transport first, mt_sip_transport second, const char *via, const char *caller_transport,
                       const char *callee_transport) {
    char v[300], want[100];
    open_call(first, second);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    world_event(&w, MT_SIP_REGISTERED, 1);
    world_event(&w, MT_SIP_REGISTERED, 2);
    peer_invite(&w.p[0], "111001", &a);
    world_event(&w, MT_SIP_INVITED, 0);

    const char *invite = peer_next(&w.p[1], "INVITE sip:contact-d@10.2.2.2:5999;transport=x SIP/2.0\r\n");
    assert_true(strncmp(header_of(invite, "Via", v, sizeof(v)), via, strlen(via)) == 0);
    assert_string_equal(header_of(invite, "Max-Forwards", v, sizeof(v)), "69");
    assert_true(strncmp(header_of(invite, "From", v, sizeof(v)), "<sip:111000@myturn.invalid>;tag=", 32) == 0);
    assert_string_equal(header_of(invite, "To", v, sizeof(v)), "<sip:111001@myturn.invalid>");
    (void)snprintf(want, sizeof(want), ";transport=%s>", callee_transport);
    assert_non_null(strstr(header_of(invite, "Contact", v, sizeof(v)), want));
    (void)snprintf(want, sizeof(want), ";transport=%s;lr>", callee_transport);
    assert_non_null(strstr(header_of(invite, "Record-Route", v, sizeof(v)), want));
    assert_string_equal(header_of(invite, "Supported", v, sizeof(v)), "100rel");
    assert_non_null(strstr(invite, "\r\n\r\nv=0\r\ns="));
    assert_false(has_header(invite, "User-Agent") || has_header(invite, "Subject") || has_header(invite, "X-Own") ||
                 has_header(invite, "P-Asserted-Identity") || has_header(invite, "Proxy-Authorization"));
    dialog_of_invite(&b, invite, "d-local");

    peer_answer(&w.p[1], invite, "100 Trying", NULL, NULL, NULL);
    peer_silent(&w.p[0]); /* absorbed */
    peer_answer(&w.p[1], invite, "180 Ringing at 10.2.2.2", "d-local", NULL, NULL);
    const char *ringing = peer_next(&w.p[0], "SIP/2.0 180 Ringing\r\n");
    assert_non_null(strstr(header_of(ringing, "To", v, sizeof(v)), "<sip:111001@myturn.invalid>;tag="));
    world_event(&w, MT_SIP_RINGING, 0);
    peer_answer(&w.p[1], invite, "183 Session Progress", "d-local", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 183");
    world_no_event(&w); /* once */

    peer_answer(&w.p[1], invite, "200 OK", "d-local", "Allow: INVITE\r\n", "v=0 answer");
    const char *ok = peer_next(&w.p[0], "SIP/2.0 200 OK\r\n");
    assert_string_equal(header_of(ok, "Call-ID", v, sizeof(v)), "call@cid-of-j");
    assert_string_equal(header_of(ok, "From", v, sizeof(v)), a.local);
    (void)snprintf(want, sizeof(want), ";transport=%s;lr>", caller_transport);
    assert_non_null(strstr(header_of(ok, "Record-Route", v, sizeof(v)), want));
    assert_non_null(strstr(ok, "v=0 answer"));
    assert_false(has_header(ok, "Server") || has_header(ok, "User-Agent") || has_header(ok, "Warning"));
    world_event(&w, MT_SIP_UP, 0);
    dialog_of_answer(&a, ok);

    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    const char *ack = peer_next(&w.p[1], "ACK sip:contact-d@10.2.2.2:5999 SIP/2.0\r\n");
    assert_string_equal(header_of(ack, "Call-ID", v, sizeof(v)), b.call_id);
    assert_string_equal(header_of(ack, "From", v, sizeof(v)), b.remote);
    assert_string_equal(header_of(ack, "To", v, sizeof(v)), b.local);

    peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL);
    (void)peer_next(&w.p[1], "SIP/2.0 200 OK\r\n");
    world_event(&w, MT_SIP_BYE, 2);
    const char *bye = peer_next(&w.p[0], "BYE sip:contact-j@10.1.1.1:5999 SIP/2.0\r\n");
    assert_string_equal(header_of(bye, "Call-ID", v, sizeof(v)), "call@cid-of-j");
    assert_string_equal(header_of(bye, "To", v, sizeof(v)), "<sip:jeden@myturn.invalid>;tag=j-local");
    assert_string_equal(header_of(bye, "From", v, sizeof(v)), a.remote);
    peer_answer(&w.p[0], bye, "200 OK", NULL, NULL, NULL);
    peer_silent(&w.p[0]);
    peer_silent(&w.p[1]);
    world_no_event(&w);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    world_run(&w, 64 * 500);
    assert_int_equal(peer_count(&w.p[0], "BYE"), 1);
    world_close(&w);
}

static void test_call_udp_udp(void **state) {
    whole_call(MT_SIP_UDP, MT_SIP_UDP, "SIP/2.0/UDP 127.0.0.1:5060;", "udp", "udp");
}

static void test_call_tcp_udp(void **state) {
    whole_call(MT_SIP_TCP, MT_SIP_UDP, "SIP/2.0/UDP 127.0.0.1:5060;", "tcp", "udp");
}

static void test_call_ws_tcp(void **state) {
    whole_call(MT_SIP_WS, MT_SIP_TCP, "SIP/2.0/TCP 127.0.0.1:5060;", "ws", "tcp");
}

static void test_call_udp_ws(void **state) {
    whole_call(MT_SIP_UDP, MT_SIP_WS, "SIP/2.0/WS 127.0.0.1;", "udp", "ws");
}

static void test_call_tls_wss(void **state) {
    whole_call(MT_SIP_TLS, MT_SIP_WSS, "SIP/2.0/WSS 127.0.0.1;", "tls", "ws");
}

static void test_own_host_ipv6(void **state) {
    static const char *const hosts[] = {"::1", "[::1]"};
    char v[300];
    for (int i = 0; i < 2; i++) {
        mt_sip_server_config cfg;
        mt_sip_server_config_default(&cfg);
        (void)snprintf(cfg.via_host, sizeof(cfg.via_host), "%s", hosts[i]);
        a = b = (dialog){.cseq = 0};
        world_open_with(&w, MT_SIP_UDP, MT_SIP_TCP, &cfg);
        peer_register(&w.p[0]);
        peer_register(&w.p[1]);
        peer_invite(&w.p[0], "111001", &a);
        const char *invite = peer_next(&w.p[1], "INVITE ");
        assert_int_equal(strncmp(header_of(invite, "Via", v, sizeof(v)), "SIP/2.0/TCP [::1]:5060;branch=", 30), 0);
        assert_non_null(strstr(header_of(invite, "Contact", v, sizeof(v)), "@[::1]:5060;transport=tcp>"));
        world_close(&w);
    }
}

/* His router gave him another port: what he says in the dialog still counts, and what is for him goes to where he
 * registered last. */
static void test_udp_port_moves_within_a_call(void **state) {
    open_call(MT_SIP_UDP, MT_SIP_TCP);
    world_call(&w, &a, &b);
    mt_addr_set_port(&w.p[0].flow.addr, 7777);
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    peer_answer(&w.p[1], peer_next(&w.p[1], "INFO "), "200 OK", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_register(&w.p[0]);
    peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "BYE ");
    world_close(&w);
}

static void test_nothing_is_left_over_streams(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_WS);
    world_call(&w, &a, &b);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_event(&w, MT_SIP_BYE, 1);
    peer_answer(&w.p[1], peer_next(&w.p[1], "BYE "), "200 OK", NULL, NULL, NULL);
    assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    world_close(&w);
}

static void test_not_a_pair(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_register(&w.p[2]);
    char known[WORLD_TEXT];
    peer_invite(&w.p[0], "trzy", &a);
    (void)snprintf(known, sizeof(known), "%s", peer_next(&w.p[0], "SIP/2.0 403 Forbidden\r\n"));
    peer_invite(&w.p[0], "nobody", &a);
    const char *unknown = peer_next(&w.p[0], "SIP/2.0 403 Forbidden\r\n");
    assert_int_equal(strlen(unknown) - strlen("nobody"), strlen(known) - strlen("trzy"));
    peer_invite(&w.p[0], "jeden", &a); /* himself */
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    peer_invite(&w.p[1], "jeden", &b); /* the callee does not call */
    (void)peer_next(&w.p[1], "SIP/2.0 403");
    w.may_call = false;
    peer_invite(&w.p[0], "dwa", &a);
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    peer_silent(&w.p[2]);
    assert_int_equal(peer_count(&w.p[1], "INVITE"), 0);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    world_close(&w);
}

static void test_from_must_be_his_own(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    peer_register(&w.p[1]);
    w.forging = true;
    peer *p = &w.p[2]; /* trzy signs as himself, and says he is jeden */
    char authorization[600];
    peer_invite_plain(p, "dwa", &a, "");
    peer_read_challenge(p, peer_next(p, "SIP/2.0 407"));
    peer_authorization(p, true, "INVITE", "sip:dwa@myturn.invalid", "trzy", authorization, sizeof(authorization));
    peer_say(
        p,
        "INVITE sip:dwa@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKf\r\nMax-Forwards: 70\r\n"
        "From: <sip:jeden@myturn.invalid>;tag=1\r\nTo: <sip:dwa@myturn.invalid>\r\nCall-ID: c\r\nCSeq: 2 INVITE\r\n"
        "Contact: <sip:x@y>\r\n%sContent-Length: 0\r\n\r\n",
        authorization);
    assert_non_null(peer_next(p, "SIP/2.0 403"));
    assert_int_equal(peer_count(&w.p[1], "INVITE"), 0);
    world_close(&w);
}

static void test_second_call_of_a_pair(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    world_call(&w, &a, &b);
    dialog again = {.cseq = 0};
    peer_invite(&w.p[0], "111001", &again);
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void say_invite_with(const char *lines, const char *branch) {
    peer_say(&w.p[0],
             "INVITE sip:dwa@myturn.invalid SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK%s\r\nFrom: "
             "<sip:jeden@myturn.invalid>;tag=1\r\n"
             "To: <sip:dwa@myturn.invalid>\r\nCall-ID: c\r\nCSeq: 2 INVITE\r\n%sContent-Length: 0\r\n\r\n",
             branch, lines);
}

static void test_hops_and_demands(void **state) {
    char v[60];
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    say_invite_with("Max-Forwards: 0\r\nContact: <sip:x@y>\r\n", "1");
    (void)peer_next(&w.p[0], "SIP/2.0 483");
    say_invite_with("Max-Forwards: 70\r\nContact: <sip:x@y>\r\nProxy-Require: privacy\r\n", "2");
    assert_string_equal(header_of(peer_next(&w.p[0], "SIP/2.0 420"), "Unsupported", v, sizeof(v)), "privacy");
    say_invite_with("Max-Forwards: 70\r\n", "3"); /* no Contact */
    (void)peer_next(&w.p[0], "SIP/2.0 400");
    world_close(&w);
}

static void test_every_class_passes(void **state) {
    static const struct {
        const char *said, *heard;
        unsigned code;
    } cases[] = {{"302 Moved", "SIP/2.0 302", 302},     {"404 Not Found", "SIP/2.0 404", 404},
                 {"486 Busy Here", "SIP/2.0 486", 486}, {"488 Not Acceptable", "SIP/2.0 488", 488},
                 {"500 Oops", "SIP/2.0 500", 500},      {"503 Full", "SIP/2.0 500", 503},
                 {"603 Decline", "SIP/2.0 603", 603},   {"401 Who", "SIP/2.0 480", 401},
                 {"407 Who", "SIP/2.0 480", 407},       {"699 What", "SIP/2.0 699", 699}};
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        size_t k = i / 2;
        open_call(i % 2 == 0 ? MT_SIP_UDP : MT_SIP_WS, i % 2 == 0 ? MT_SIP_TCP : MT_SIP_UDP);
        peer_register(&w.p[0]);
        peer_register(&w.p[1]);
        peer_invite(&w.p[0], "dwa", &a);
        const char *invite = peer_next(&w.p[1], "INVITE ");
        peer_answer(&w.p[1], invite, cases[k].said, "d-local", NULL, NULL);
        const char *ack = peer_next(&w.p[1], "ACK ");
        char v[200], u[200];
        assert_string_equal(header_of(ack, "Via", v, sizeof(v)), header_of(invite, "Via", u, sizeof(u)));
        assert_non_null(strstr(header_of(ack, "To", v, sizeof(v)), ";tag=d-local"));
        const char *text = peer_next(&w.p[0], cases[k].heard);
        assert_false(has_header(text, "Contact"));
        w.event_read = w.event_count - 1;
        world_event(&w, MT_SIP_REFUSED, 0);
        assert_int_equal(world_last_event(&w).code, cases[k].code);
        assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
        world_run(&w, 64 * 500);
        assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
        world_close(&w);
    }
}

static void test_reinvite_update_info_pass(void **state) {
    static const char *const methods[] = {"INVITE", "UPDATE", "INFO", "PRACK"};
    char line[40], v[100];
    for (size_t i = 0; i < 8; i++) {
        open_call(MT_SIP_TCP, MT_SIP_UDP);
        world_call(&w, &a, &b);
        const char *method = methods[i / 2];
        peer *from = &w.p[i % 2], *to = &w.p[1 - i % 2];
        dialog *d = i % 2 == 0 ? &a : &b;
        (void)snprintf(v, sizeof(v), "Contact: <sip:contact-%s@%.20s:5998>\r\n", i % 2 == 0 ? "j" : "d", from->host);
        peer_in_dialog(from, d, method, v, "v=0 again");
        (void)snprintf(line, sizeof(line), "%s sip:contact-", method);
        const char *request = peer_next(to, line);
        assert_non_null(strstr(request, "v=0 again"));
        assert_int_equal(has_header(request, "Contact"), i < 4);
        peer_answer(to, request, "200 OK", NULL, NULL, "v=0 fine");
        const char *answer = peer_next(from, "SIP/2.0 200 OK\r\n");
        assert_non_null(strstr(answer, "v=0 fine"));
        assert_int_equal(has_header(answer, "Contact"), i < 4);
        d->invite_cseq = d->cseq;
        if (i < 2) {
            peer_in_dialog(from, d, "ACK", NULL, NULL);
            (void)peer_next(to, "ACK ");
        }
        if (i < 4) { /* the target moved */
            peer_in_dialog(to, i % 2 == 0 ? &b : &a, "INFO", NULL, NULL);
            assert_non_null(strstr(peer_next(from, "INFO "), ":5998 SIP/2.0\r\n"));
        }
        world_no_event(&w);
        world_close(&w);
    }
}

static void test_refused_reinvite_keeps_the_call(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    world_call(&w, &a, &b);
    peer_in_dialog(&w.p[1], &b, "INVITE", "Contact: <sip:contact-d@10.2.2.2:5999>\r\n", "v=0");
    const char *request = peer_next(&w.p[0], "INVITE ");
    peer_answer(&w.p[0], request, "488 No", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "ACK ");
    (void)peer_next(&w.p[1], "SIP/2.0 488");
    world_no_event(&w);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_close(&w);
}

static void test_forged_in_dialog_requests(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    world_call(&w, &a, &b);
    w.forging = true;
    for (int i = 0; i < 6; i++) {
        dialog f = a;
        if (i == 0)
            f.route[6] = f.route[6] == '0' ? '1' : '0', f.target[5] = f.target[5] == '0' ? '1' : '0'; /* token */
        else if (i == 1)
            f.call_id[0] = 'X';
        else if (i == 2)
            f.remote[strlen(f.remote) - 1] ^= 1; /* our tag */
        else if (i == 3)
            f.local[strlen(f.local) - 1] = 'x'; /* his tag */
        else if (i == 4)
            f = b, (void)snprintf(f.route, sizeof(f.route), "%s", a.route); /* the other side's tags with this token */
        else
            (void)snprintf(f.route, sizeof(f.route), "<sip:127.0.0.1;lr>"),
                (void)snprintf(f.target, 60, "sip:111001@myturn.invalid");
        peer_in_dialog(&w.p[2], &f, "BYE", NULL, NULL);
        (void)peer_next(&w.p[2], "SIP/2.0 481");
    }
    world_no_event(&w);
    peer_silent(&w.p[0]);
    peer_silent(&w.p[1]);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 1);
    world_close(&w);
}

static void test_message_and_refer_in_a_dialog(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_UDP);
    world_call(&w, &a, &b);
    peer_in_dialog(&w.p[0], &a, "MESSAGE", NULL, "clear text");
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    peer_in_dialog(&w.p[0], &a, "REFER", "Refer-To: <sip:trzy@myturn.invalid>\r\n", NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 403");
    peer_in_dialog(&w.p[0], &a, "OPTIONS", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    peer_silent(&w.p[1]);
    world_close(&w);
}

static void test_parked_until_registered(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_TCP);
    peer_register(&w.p[0]);
    peer_invite(&w.p[0], "111001", &a);
    world_event(&w, MT_SIP_REGISTERED, 1);
    world_no_event(&w); /* not INVITED yet */
    world_run(&w, 2999);
    (void)peer_next(&w.p[0], "SIP/2.0 100");
    peer_silent(&w.p[0]);
    peer_register(&w.p[1]);
    world_event(&w, MT_SIP_REGISTERED, 2);
    world_event(&w, MT_SIP_INVITED, 0);
    const char *invite = peer_next(&w.p[1], "INVITE ");
    assert_non_null(strstr(invite, "\r\n\r\nv=0\r\ns="));
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 200"));
    world_event(&w, MT_SIP_UP, 0);
    world_close(&w);
}

static void test_parked_in_vain(void **state) {
    open_call(MT_SIP_UDP, MT_SIP_TCP);
    peer_register(&w.p[0]);
    peer_invite(&w.p[0], "111001", &a);
    world_run(&w, 3000);
    (void)peer_next(&w.p[0], "SIP/2.0 100");
    (void)peer_next(&w.p[0], "SIP/2.0 480");
    w.event_read = 1;
    world_event(&w, MT_SIP_REFUSED, 0);
    assert_int_equal(world_last_event(&w).code, 480);
    assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
    peer_register(&w.p[1]);
    peer_silent(&w.p[1]);
    world_close(&w);
}

/* Tags of early dialogs: a PRACK before the answer, and a delayed offer in the ACK. */
static void test_early_dialog(void **state) {
    open_call(MT_SIP_WS, MT_SIP_UDP);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "111001", &a);
    const char *invite = peer_next(&w.p[1], "INVITE ");
    peer_answer(&w.p[1], invite, "183 Session Progress", "d-local", "Require: 100rel\r\nRSeq: 5\r\n", "v=0");
    const char *progress = peer_next(&w.p[0], "SIP/2.0 183");
    char v[60];
    assert_string_equal(header_of(progress, "RSeq", v, sizeof(v)), "5");
    assert_string_equal(header_of(progress, "Require", v, sizeof(v)), "100rel");
    dialog_of_answer(&a, progress);
    peer_in_dialog(&w.p[0], &a, "PRACK", "RAck: 5 2 INVITE\r\n", NULL);
    const char *prack = peer_next(&w.p[1], "PRACK ");
    assert_string_equal(header_of(prack, "RAck", v, sizeof(v)), "5 2 INVITE");
    peer_answer(&w.p[1], prack, "200 OK", NULL, NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_close(&w);
}

static void test_out_of_transactions(void **state) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.max_transactions = 2;
    a = b = (dialog){.cseq = 0};
    world_open_with(&w, MT_SIP_TCP, MT_SIP_TCP, &cfg);
    peer_register(&w.p[0]);
    peer_register(&w.p[1]);
    peer_invite(&w.p[0], "dwa", &a); /* one transaction on each leg: full */
    const char *invite = peer_next(&w.p[1], "INVITE ");
    peer_invite_plain(&w.p[0], "dwa", &b, "");
    assert_true(has_header(peer_next(&w.p[0], "SIP/2.0 503"), "Retry-After"));
    peer_answer(&w.p[1], invite, "183 Session Progress", "t", NULL, NULL);
    dialog_of_answer(&a, peer_next(&w.p[0], "SIP/2.0 183"));
    peer_in_dialog(&w.p[0], &a, "PRACK", NULL, NULL); /* what ends or furthers a call still passes */
    (void)peer_next(&w.p[1], "PRACK ");
    world_close(&w);
}

/* A dialog cannot fill the server with requests that are never answered. */
static void test_too_many_in_a_dialog(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_TCP);
    world_call(&w, &a, &b);
    for (int i = 0; i < 32; i++)
        peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    peer_silent(&w.p[0]);
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 503");
    peer_in_dialog(&w.p[0], &a, "BYE", NULL, NULL);
    (void)peer_next(&w.p[0], "SIP/2.0 200");
    world_close(&w);
}

static void test_own_proxy_in_front_of_the_route(void **state) {
    open_call(MT_SIP_TCP, MT_SIP_TCP);
    world_call(&w, &a, &b);
    char route[300];
    (void)snprintf(route, sizeof(route), "<sip:127.0.0.1;lr>, %.250s", a.route);
    (void)snprintf(a.route, sizeof(a.route), "%s", route);
    (void)snprintf(a.target, sizeof(a.target), "sip:111001@myturn.invalid");
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, NULL);
    (void)peer_next(&w.p[1], "INFO ");
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_udp_udp),
        cmocka_unit_test(test_call_tcp_udp),
        cmocka_unit_test(test_call_ws_tcp),
        cmocka_unit_test(test_call_udp_ws),
        cmocka_unit_test(test_call_tls_wss),
        cmocka_unit_test(test_own_host_ipv6),
        cmocka_unit_test(test_udp_port_moves_within_a_call),
        cmocka_unit_test(test_nothing_is_left_over_streams),
        cmocka_unit_test(test_not_a_pair),
        cmocka_unit_test(test_from_must_be_his_own),
        cmocka_unit_test(test_second_call_of_a_pair),
        cmocka_unit_test(test_hops_and_demands),
        cmocka_unit_test(test_every_class_passes),
        cmocka_unit_test(test_reinvite_update_info_pass),
        cmocka_unit_test(test_refused_reinvite_keeps_the_call),
        cmocka_unit_test(test_forged_in_dialog_requests),
        cmocka_unit_test(test_message_and_refer_in_a_dialog),
        cmocka_unit_test(test_parked_until_registered),
        cmocka_unit_test(test_parked_in_vain),
        cmocka_unit_test(test_early_dialog),
        cmocka_unit_test(test_out_of_transactions),
        cmocka_unit_test(test_too_many_in_a_dialog),
        cmocka_unit_test(test_own_proxy_in_front_of_the_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
