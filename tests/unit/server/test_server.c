/* The server as a whole: SIP bindings and leases, calls and statuses, and every allocation failing once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "fake_net.h"

typedef struct phone {
    char name[16], token[256], exten[256], password[256], at[32];
    mt_conn *conn; /* NULL: UDP */
    unsigned cseq;
    char nonce[256];
} phone;

static void login(phone *p, const char *name, const char *at) {
    char body[64];
    memset(p, 0, sizeof *p);
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    (void)snprintf(p->at, sizeof p->at, "%s", at);
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body, .from = at});
    assert_int_equal(fake_status(c), 201);
    fake_member(c, "token", p->token);
    fake_member(c, "exten", p->exten);
    fake_member(c, "password", p->password);
}

static void say(phone *p, const char *text) {
    if (p->conn != NULL)
        fake_conn_text(p->conn, text);
    else
        fake_datagram(p->at, text);
}

static void md5_hex(const char *text, char out[33]) {
    uint8_t digest[MT_MD5_BYTES];
    mt_slice piece = mt_slice_of(text);
    mt_md5(&piece, 1, digest);
    mt_text_hex(digest, sizeof digest, out);
}

static void answer_challenge(phone *p, char *line, size_t size) {
    char text[600], ha1[33], ha2[33], response[33];
    const char *nonce = strstr(fake_last_sent(), "nonce=\"");
    assert_non_null(nonce);
    nonce += 7;
    (void)snprintf(p->nonce, sizeof p->nonce, "%.*s", (int)strcspn(nonce, "\""), nonce);
    (void)snprintf(text, sizeof text, "%s:myturn.invalid:%s", p->name, p->password);
    md5_hex(text, ha1);
    md5_hex("REGISTER:sip:myturn.invalid", ha2);
    (void)snprintf(text, sizeof text, "%s:%s:00000001:c0ffee:auth:%s", ha1, p->nonce, ha2);
    md5_hex(text, response);
    (void)snprintf(
        line, size,
        "Authorization: Digest username=\"%s\", realm=\"myturn.invalid\", nonce=\"%s\", "
        "uri=\"sip:myturn.invalid\", response=\"%s\", algorithm=MD5, cnonce=\"c0ffee\", qop=auth, nc=00000001\r\n",
        p->name, p->nonce, response);
}

static void send_register(phone *p, unsigned expires_s, const char *authorization) {
    char text[2048];
    const char *transport = p->conn != NULL ? "TCP" : "UDP";
    p->cseq++;
    (void)snprintf(
        text, sizeof text,
        "REGISTER sip:myturn.invalid SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s%u;rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:%s@myturn.invalid>;tag=a\r\nTo: <sip:%s@myturn.invalid>\r\nCall-ID: r%s\r\n"
        "CSeq: %u REGISTER\r\nContact: <sip:%s@%s>\r\nExpires: %u\r\n%sContent-Length: 0\r\n\r\n",
        transport, p->at, p->name, p->cseq, p->name, p->name, p->name, p->cseq, p->name, p->at, expires_s,
        authorization);
    say(p, text);
}

static void register_phone(phone *p, unsigned expires_s) {
    char line[1024];
    send_register(p, expires_s, "");
    assert_non_null(strstr(fake_last_sent(), "SIP/2.0 401"));
    answer_challenge(p, line, sizeof line);
    send_register(p, expires_s, line);
    if (strstr(fake_last_sent(), "SIP/2.0 200") == NULL)
        fail_msg("not registered: %s", fake_last_sent());
}

static void expect_me(const phone *p, unsigned status, const char *part) {
    fake_call *c = fake_send(&(fake_wish){.path = "/v1/me", .token = p->token, .from = p->at});
    assert_int_equal(fake_status(c), status);
    if (strstr(fake_body(c), part) == NULL)
        fail_msg("no %s in %s", part, fake_body(c));
}

static void expect_online(const char *part) {
    fake_call *c = fake_send(&(fake_wish){.path = "/v1/stats"});
    if (strstr(fake_body(c), part) == NULL)
        fail_msg("no %s in %s", part, fake_body(c));
}

static void a_binding_keeps_the_login(void **state) {
    mt_server *s = fake_start(NULL);
    phone p;
    login(&p, "jeden", "127.0.0.1:7001");
    p.conn = fake_connect(p.at);
    register_phone(&p, 3600);
    expect_me(&p, 200, "\"registered\":true");
    fake_sleep(600000);
    expect_online("\"online\":1");
    fake_conn_close(p.conn);
    expect_me(&p, 200, "\"registered\":false");
    fake_sleep(29900);
    expect_online("\"online\":1");
    fake_sleep(200);
    expect_online("\"online\":0");
    expect_me(&p, 401, "unauthorized");
    fake_stop(s);
}

static void a_binding_that_expires_starts_the_lease(void **state) {
    mt_server *s = fake_start(NULL);
    phone p;
    login(&p, "jeden", "127.0.0.1:7001");
    p.conn = fake_connect(p.at);
    register_phone(&p, 60);
    fake_sleep(80000);
    expect_online("\"online\":1");
    fake_sleep(20000);
    expect_online("\"online\":0");
    fake_stop(s);
}

/* A UDP phone that does not answer OPTIONS is taken for gone. */
static void a_silent_udp_phone_goes(void **state) {
    mt_server *s = fake_start(NULL);
    phone p;
    login(&p, "jeden", "127.0.0.1:7001");
    register_phone(&p, 3600);
    expect_me(&p, 200, "\"registered\":true");
    fake_sleep(20500);
    assert_non_null(strstr(fake_last_sent(), "OPTIONS"));
    fake_sleep(90000);
    expect_online("\"online\":0");
    fake_stop(s);
}

/* An address may have 50 logins that are not registered: registering makes room. */
static void registered_logins_are_not_idle(void **state) {
    mt_server *s = fake_start(NULL);
    phone p[60];
    char name[16], at[32];
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "user%u", i);
        (void)snprintf(at, sizeof at, "192.0.2.1:%u", 2000 + i);
        login(&p[i], name, at);
        p[i].conn = fake_connect(at);
        register_phone(&p[i], 3600);
    }
    expect_online("\"online\":60");
    fake_stop(s);
}

static void another_binding_is_where_one_is(void **state) {
    mt_server *s = fake_start(NULL);
    phone p;
    login(&p, "jeden", "127.0.0.5:7001");
    (void)snprintf(p.at, sizeof p.at, "127.0.0.6:7001");
    register_phone(&p, 3600);
    fake_call *c = fake_send(&(fake_wish){.path = "/user-ip/jeden", .token = p.token, .from = "127.0.0.7:1"});
    assert_string_equal(fake_body(c), "\"127.0.0.6\""); /* the phone's, not that of the request */
    fake_stop(s);
}

static void wrong_password_does_not_register(void **state) {
    mt_server *s = fake_start(NULL);
    phone p;
    char line[1024];
    login(&p, "jeden", "127.0.0.1:7001");
    p.password[0] ^= 1;
    send_register(&p, 3600, "");
    answer_challenge(&p, line, sizeof line);
    send_register(&p, 3600, line);
    assert_null(strstr(fake_last_sent(), "SIP/2.0 200"));
    expect_me(&p, 200, "\"registered\":false");
    fake_stop(s);
}

/* ---- every allocation fails once */

static void starting(void **state) {
    for (unsigned long n = 1;; n++) {
        mt_server *s = NULL;
        mt_alloc_fail_nth(n);
        mt_err err = fake_try_start(NULL, &s);
        bool failed = mt_alloc_failed();
        mt_alloc_fail_nth(0);
        if (err == MT_OK)
            fake_stop(s);
        else
            assert_null(s);
        if (!failed) {
            assert_int_equal(err, MT_OK);
            assert_true(n > 3);
            return;
        }
    }
}

/* A login, a draw and a logout: each answered with success or a clear refusal, and afterwards all goes on as usual. */
static bool live(unsigned long n) {
    mt_server *s = fake_start(NULL);
    phone a, b;
    login(&b, "dwa", "127.0.0.1:7002");
    mt_alloc_fail_nth(n);
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\"}"});
    fake_call *held =
        fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn", .token = b.token, .headers = "Prefer: wait=5\n"});
    if (fake_status(c) == 201) {
        fake_member(c, "token", a.token);
        fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn", .token = a.token, .headers = "Prefer: wait=5\n"});
    } else {
        assert_true(fake_status(c) == 503 || fake_status(c) == 400); /* cJSON cannot tell why it failed */
    }
    bool failed = mt_alloc_failed();
    mt_alloc_fail_nth(0);
    fake_sleep(20000);
    assert_true(fake_status(held) == 200 || fake_status(held) == 503);
    expect_me(&b, 200, "dwa");
    fake_sleep(70000);
    expect_online("{\"online\":0,\"waiting\":0,\"talking\":0}");
    fake_stop(s);
    return failed;
}

static void living(void **state) {
    unsigned long n = 1;
    while (live(n))
        n++;
    assert_true(n > 8);
}

#define ATTEMPT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OTHER_ATTEMPT "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static fake_call *try_login(const char *attempt, const char *at) {
    char body[128];
    (void)snprintf(body, sizeof body, "{\"name\":\"jeden\",\"attempt\":\"%s\"}", attempt);
    return fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body, .from = at});
}

/* The answer to a login was lost: asked again, it does not find its name taken by itself. */
static void an_attempt_replaces_itself(void **state) {
    mt_server *s = fake_start(NULL);
    phone p = {.at = "127.0.0.2:7001"}, lost = {.at = "127.0.0.1:7001"};
    fake_member(try_login(ATTEMPT, lost.at), "token", lost.token);
    assert_int_equal(fake_status(try_login(OTHER_ATTEMPT, lost.at)), 409);
    fake_call *none = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\"}"});
    assert_int_equal(fake_status(none), 409);
    fake_call *c = try_login(ATTEMPT, p.at); /* by another network */
    assert_int_equal(fake_status(c), 201);
    fake_member(c, "token", p.token);
    expect_online("\"online\":1");
    expect_me(&lost, 401, "unauthorized");
    expect_me(&p, 200, "\"jeden\"");
    assert_int_equal(fake_status(try_login(ATTEMPT, p.at)), 409); /* the answer has come: it is over */
    fake_stop(s);
}

/* Who has registered has had the answer, too. */
static void an_attempt_ends_with_the_binding(void **state) {
    mt_server *s = fake_start(NULL);
    phone p = {.name = "jeden", .at = "127.0.0.1:7001"};
    fake_member(try_login(ATTEMPT, p.at), "password", p.password);
    p.conn = fake_connect(p.at);
    register_phone(&p, 3600);
    assert_int_equal(fake_status(try_login(ATTEMPT, p.at)), 409);
    fake_stop(s);
}

static void attempts_have_the_form_of_tokens(void **state) {
    mt_server *s = fake_start(NULL);
    static const char *const bad[] = {"", "A", ATTEMPT "A", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fake_status(try_login(bad[i], "127.0.0.1:7001")), 400);
    fake_call *c =
        fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"jeden\",\"attempt\":7}"});
    assert_int_equal(fake_status(c), 400);
    expect_online("\"online\":0");
    fake_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_binding_keeps_the_login),
        cmocka_unit_test(a_binding_that_expires_starts_the_lease),
        cmocka_unit_test(a_silent_udp_phone_goes),
        cmocka_unit_test(registered_logins_are_not_idle),
        cmocka_unit_test(another_binding_is_where_one_is),
        cmocka_unit_test(wrong_password_does_not_register),
        cmocka_unit_test(an_attempt_replaces_itself),
        cmocka_unit_test(an_attempt_ends_with_the_binding),
        cmocka_unit_test(attempts_have_the_form_of_tokens),
        cmocka_unit_test(starting),
        cmocka_unit_test(living),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
