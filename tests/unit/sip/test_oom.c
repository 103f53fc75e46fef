/* Each allocation of a whole call fails once: nothing leaks or breaks, it is told, and the next call works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sip_world.h"

static world w;
static dialog a, b;

/* The next message, if it is the one that a call without trouble has here. */
static const char *expect(peer *p, const char *starts) {
    const char *text = peer_try_next(p);
    return text != NULL && strncmp(text, starts, strlen(starts)) == 0 ? text : NULL;
}

static bool try_register(peer *p) {
    char authorization[600];
    peer_register_plain(p, p->name, "", 600);
    const char *text = expect(p, "SIP/2.0 401");
    if (text == NULL)
        return false;
    peer_read_challenge(p, text);
    peer_authorization(p, false, "REGISTER", "sip:myturn.invalid", p->password, authorization, sizeof(authorization));
    peer_register_plain(p, p->name, authorization, 600);
    return expect(p, "SIP/2.0 200") != NULL;
}

static bool try_invite(void) {
    char authorization[600];
    peer_invite_plain(&w.p[0], "111001", &a, "");
    const char *text = expect(&w.p[0], "SIP/2.0 407");
    if (text == NULL)
        return false;
    peer_read_challenge(&w.p[0], text);
    peer_authorization(&w.p[0], true, "INVITE", "sip:111001@myturn.invalid", "jeden", authorization,
                       sizeof(authorization));
    peer_invite_plain(&w.p[0], "111001", &a, authorization);
    return true;
}

static bool try_trying(void) {
    world_run(&w, 200);
    return expect(&w.p[0], "SIP/2.0 100") != NULL;
}

/* parked: the callee registers after the INVITE. */
static bool try_call(bool parked) {
    if (!try_register(&w.p[0]) || (!parked && !try_register(&w.p[1])) || !try_invite() ||
        (parked && (!try_trying() || !try_register(&w.p[1]))))
        return false;
    const char *invite = expect(&w.p[1], "INVITE");
    if (invite == NULL)
        return false;
    dialog_of_invite(&b, invite, "d-local");
    peer_answer(&w.p[1], invite, "180 Ringing", "d-local", NULL, NULL);
    if (expect(&w.p[0], "SIP/2.0 180") == NULL)
        return false;
    peer_answer(&w.p[1], invite, "200 OK", "d-local", NULL, "v=0");
    const char *ok = expect(&w.p[0], "SIP/2.0 200");
    if (ok == NULL)
        return false;
    dialog_of_answer(&a, ok);
    peer_in_dialog(&w.p[0], &a, "ACK", NULL, NULL);
    if (expect(&w.p[1], "ACK") == NULL)
        return false;
    peer_in_dialog(&w.p[0], &a, "INFO", NULL, "v=0");
    const char *info = expect(&w.p[1], "INFO");
    if (info == NULL)
        return false;
    peer_answer(&w.p[1], info, "200 OK", NULL, NULL, NULL);
    if (expect(&w.p[0], "SIP/2.0 200") == NULL)
        return false;
    peer_in_dialog(&w.p[1], &b, "BYE", NULL, NULL);
    const char *bye = expect(&w.p[0], "BYE");
    if (bye == NULL)
        return false;
    peer_answer(&w.p[0], bye, "200 OK", NULL, NULL, NULL);
    return expect(&w.p[1], "SIP/2.0 200") != NULL;
}

static void drain(void) {
    for (int i = 0; i < 2; i++) {
        while (peer_try_next(&w.p[i]) != NULL)
            ;
    }
}

static void every_allocation(mt_sip_transport first, mt_sip_transport second, bool parked) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    cfg.qualify_ms = 0;
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        assert_true(n < 2000);
        a = b = (dialog){.cseq = 0};
        world_open_with(&w, first, second, &cfg);
        w.expect_enomem = true;
        mt_alloc_fail_nth(n);
        bool done = try_call(parked);
        failed = mt_alloc_failed();
        mt_alloc_fail_nth(0);
        assert_true(done || failed);
        assert_true(failed || !w.got_enomem);
        /* Not every failure is told (a table that does not grow), but no call breaks without a word. */
        assert_true(done || w.got_enomem);
        w.expect_enomem = false;
        world_end_pair(&w);
        world_run(&w, 100000);
        assert_int_equal(mt_sip_server_count(w.s).dialogs, 0);
        assert_int_equal(mt_sip_server_count(w.s).transactions, 0);
        drain();
        memset(w.pair.id, 0xcd, sizeof(w.pair.id));
        assert_true(try_call(false));
        world_close(&w);
    }
}

static void test_streams(void **state) {
    every_allocation(MT_SIP_TCP, MT_SIP_WS, false);
}

static void test_udp(void **state) {
    every_allocation(MT_SIP_UDP, MT_SIP_UDP, false);
}

static void test_parked(void **state) {
    every_allocation(MT_SIP_UDP, MT_SIP_TCP, true);
}

static bool no(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]) {
    return false;
}

static void test_create(void **state) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    uint64_t seed = 1;
    mt_sip_policy policy = {.ha1 = no};
    mt_sip_server *s = NULL;
    mt_err err = MT_ENOMEM;
    for (unsigned long n = 1; err != MT_OK; n++) {
        mt_alloc_fail_nth(n);
        err = mt_sip_server_create(&cfg, mt_random_seeded(&seed), &policy, NULL, &s);
        assert_true(err == MT_OK || (err == MT_ENOMEM && s == NULL));
    }
    mt_alloc_fail_nth(0);
    mt_sip_server_destroy(s);
    cfg.domain[0] = '\0';
    s = NULL;
    assert_int_equal(mt_sip_server_create(&cfg, mt_random_seeded(&seed), &policy, NULL, &s), MT_EINVAL);
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_create), cmocka_unit_test(test_streams),
                                       cmocka_unit_test(test_udp), cmocka_unit_test(test_parked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
