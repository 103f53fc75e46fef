/* The user agent against a SIP server with a script, over TCP and UDP on loopback: registration, and every class of
 * answer to it. */
#include "ua_bench.h"

/* Registration */

static char *md5(const char *text) {
    return g_compute_checksum_for_string(G_CHECKSUM_MD5, text, -1);
}

static char *param(const char *auth, const char *name) {
    char *key = g_strdup_printf("%s=", name);
    const char *at = strstr(auth, key);
    assert_non_null(at);
    at += strlen(key);
    g_free(key);
    return *at == '"' ? g_strndup(at + 1, strcspn(at + 1, "\"")) : g_strndup(at, strcspn(at, ", "));
}

static void test_register_answers_the_challenge(void **state) {
    bench *b = *state;
    begin(b);
    assert_int_equal(b->registers, 1);
    char *uri = param(b->last_auth, "uri"), *nc = param(b->last_auth, "nc"), *cnonce = param(b->last_auth, "cnonce");
    char *got = param(b->last_auth, "response"), *a1 = md5("jeden:myturn.invalid:secret");
    char *a2_text = g_strdup_printf("REGISTER:%s", uri), *a2 = md5(a2_text);
    char *all = g_strdup_printf("%s:abc:%s:%s:auth:%s", a1, nc, cnonce, a2), *want = md5(all);
    assert_string_equal(got, want);
    g_free(uri), g_free(nc), g_free(cnonce), g_free(got), g_free(a1), g_free(a2_text), g_free(a2), g_free(all),
        g_free(want);
}

static void test_says_little_about_itself(void **state) {
    bench *b = *state;
    begin(b);
    char *agent = sip_header(b->register_msg, "User-Agent");
    assert_true(agent == NULL || strcmp(agent, "myturn") == 0);
    assert_null(strstr(b->register_msg, "sofia"));
    char *via = sip_header(b->register_msg, "Via"), *contact = sip_header(b->register_msg, "Contact");
    assert_non_null(strstr(via, "127.0.0.1"));
    assert_non_null(strstr(contact, "127.0.0.1"));
    assert_true(g_str_has_prefix(b->register_msg, "REGISTER sip:myturn.invalid SIP/2.0"));
    g_free(agent), g_free(via), g_free(contact);
}

/* nua gave up where a second challenge with an algorithm it does not know stood beside the first. */
static void test_two_challenges(void **state) {
    bench *b = *state;
    b->challenge = CHALLENGE "WWW-Authenticate: Digest realm=\"myturn.invalid\", nonce=\"abd\", algorithm=SHA-256, "
                             "qop=\"auth\"\r\n";
    begin(b);
    assert_non_null(strstr(b->last_auth, "abc"));
    b->challenge = CHALLENGE "Proxy-Authenticate: Digest realm=\"myturn.invalid\", nonce=\"abd\", algorithm=SHA-256, "
                             "qop=\"auth\"\r\n";
    b->invite_code = 200;
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(HAS("up"));
}

static void test_wrong_password_is_told_once(void **state) {
    bench *b = *state;
    b->reg_code = 403;
    assert_int_equal(login(b), MT_OK);
    UNTIL(HAS("refused"));
    run_ms(1500);
    assert_string_equal(b->events, "refused(403)");
    assert_int_equal(b->registers, 1);
}

static void always_401(sip_peer *p, const char *message, void *ctx) {
    bench *b = ctx;
    b->registers++;
    sip_peer_answer(p, message, 401, "WWW-Authenticate: " CHALLENGE, NULL);
}

static void test_endless_challenges_end(void **state) {
    bench *b = *state;
    b->peer->script = always_401;
    assert_int_equal(login(b), MT_OK);
    UNTIL(HAS("refused"));
    run_ms(1000);
    assert_string_equal(b->events, "refused(401)");
    assert_true(b->registers <= 6);
}

/* The second nonce is refused as stale once, for REGISTER and for INVITE: it is answered afresh and told to nobody. */
static void stale_once(sip_peer *p, const char *message, void *ctx) {
    bench *b = ctx;
    bool invite = sip_is(message, "INVITE");
    char *auth = sip_header(message, invite ? "Proxy-Authorization" : "Authorization");
    unsigned *count = invite ? &b->cancels : &b->byes;
    if (auth != NULL && (*count)++ == 0) {
        if (invite)
            b->challenge_acks++;
        const char *more = invite ? "Proxy-Authenticate: Digest realm=\"myturn.invalid\", nonce=\"n2\", stale=true\r\n"
                                  : "WWW-Authenticate: Digest realm=\"myturn.invalid\", nonce=\"n2\", stale=true\r\n";
        sip_peer_answer(p, message, invite ? 407 : 401, more, NULL);
    } else {
        script(p, message, ctx);
    }
    g_free(auth);
}

static void test_stale_nonce(void **state) {
    bench *b = *state;
    b->peer->script = stale_once;
    b->invite_code = 200;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->acks == 1);
    assert_string_equal(b->events, "up");
}

static void test_foreign_realm_gets_no_digest(void **state) {
    bench *b = *state;
    b->challenge = "Digest realm=\"elsewhere\", nonce=\"abc\", algorithm=MD5\r\n";
    assert_int_equal(login(b), MT_OK);
    UNTIL(HAS("refused"));
    assert_string_equal(b->events, "refused(401)");
    assert_null(b->last_auth);
}

static void test_register_is_retried_after_5xx(void **state) {
    bench *b = *state;
    b->reg_code = 503;
    assert_int_equal(login(b), MT_OK);
    UNTIL(HAS("refused(503)"));
    b->reg_code = 200;
    UNTIL(HAS("registered"));
}

static void test_register_codes(void **state) {
    static const int codes[] = {302, 404, 423, 480, 500, 600};
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        bench *b = *state;
        b->reg_code = codes[i];
        assert_int_equal(login(b), MT_OK);
        char want[32];
        (void)snprintf(want, sizeof want, "refused(%d)", codes[i]);
        UNTIL(HAS(want));
        (void)teardown(state);
        (void)setup_tcp(state);
    }
}

static void test_server_away_and_back(void **state) {
    bench *b = *state;
    uint16_t port = b->peer->port;
    begin(b);
    sip_peer_free(b->peer);
    b->peer = sip_peer_new(false, 0, script, b); /* something to log to */
    UNTIL(HAS("refused"));                       /* the flow was lost and nothing answered */
    sip_peer_free(b->peer);
    b->peer = sip_peer_new(false, port, script, b);
    UNTIL(HAS("registered"));
}

static void test_flow_lost_is_registered_anew_at_once(void **state) {
    bench *b = *state;
    begin(b);
    gint64 from_us = g_get_monotonic_time();
    sip_peer_close_conn(b->peer);
    UNTIL(HAS("registered"));
    assert_true(g_get_monotonic_time() - from_us < 2500 * 1000);
    assert_int_equal(b->peer->connections, 2);
    assert_string_equal(b->events, "registered");
}

/* sofia-sip took two pongs for a ping and answered with a lone CRLF, for which a server waited in vain to become a
 * message and closed the flow. */
static void test_keepalive(void **state) {
    bench *b = *state;
    b->keepalive_ms = 100;
    begin(b);
    UNTIL(b->peer->pings >= 6);
    assert_int_equal(b->peer->lone_crlfs, 0);
    assert_int_equal(b->peer->connections, 1);
    assert_string_equal(b->events, "");
}

static void test_unregister(void **state) {
    bench *b = *state;
    begin(b);
    mt_ua_unregister(b->ua);
    UNTIL(HAS("unregistered"));
    assert_int_equal(b->unregisters, 1);
    unsigned before = b->peer->messages;
    mt_ua_destroy(b->ua);
    b->ua = NULL;
    run_ms(200);
    assert_int_equal(b->peer->messages, before); /* nothing is left to say */
}

static void test_malformed_account(void **state) {
    bench *b = *state;
    mt_ua_account a = {.uri = "jeden", .username = "jeden", .realm = "r", .password = "p", .server = "127.0.0.1:5060"};
    assert_int_equal(mt_ua_create(&a, &handlers, b, &b->ua), MT_EINVAL);
    a.uri = "sip:jeden@myturn.invalid";
    a.server = "nowhere";
    assert_int_equal(mt_ua_create(&a, &handlers, b, &b->ua), MT_EINVAL);
    assert_null(b->ua);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TCP(test_register_answers_the_challenge),
        UDP(test_register_answers_the_challenge),
        TCP(test_says_little_about_itself),
        UDP(test_says_little_about_itself),
        TCP(test_two_challenges),
        UDP(test_two_challenges),
        TCP(test_wrong_password_is_told_once),
        TCP(test_endless_challenges_end),
        TCP(test_stale_nonce),
        UDP(test_stale_nonce),
        TCP(test_foreign_realm_gets_no_digest),
        TCP(test_register_is_retried_after_5xx),
        TCP(test_register_codes),
        TCP(test_server_away_and_back),
        TCP(test_flow_lost_is_registered_anew_at_once),
        TCP(test_keepalive),
        TCP(test_unregister),
        UDP(test_unregister),
        TCP(test_malformed_account),
    };
    if (g_getenv("MT_TEST_LOG") != NULL)
        mt_log_setup(2, MT_LOG_DEBUG, true);
    cmocka_set_test_filter(g_getenv("MT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
