/* The user agent against a SIP server with a script, over TCP and UDP on loopback: registration, every class of answer,
 * both directions of a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "client/turn.h"
#include "client/ua.h"
#include "sip_peer.h"

#define SDP "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define SDP2 "v=0\r\no=- 2 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define CHALLENGE "Digest realm=\"myturn.invalid\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"\r\n"

/* What the script does to a REGISTER and to an INVITE, and what came. */
typedef struct bench {
    sip_peer *peer;
    mt_ua *ua;
    unsigned keepalive_ms;
    bool udp, mute;            /* mute: the server answers nothing */
    const char *challenge;     /* header lines for 401/407; NULL: none */
    int reg_code, invite_code; /* final answers; 0: none */
    const char *more;          /* header lines of the INVITE's final answer */
    bool ring;
    bool answer_after_cancel;
    char *invite; /* the INVITE being held */
    char *last_auth, *register_msg, *invite_msg, *ok_msg, *to;
    unsigned registers, unregisters, invites, acks, byes, cancels;
    unsigned challenge_acks; /* due for our 407s */
    int last_code;           /* of a response from the client */
    char events[1024];
} bench;

static void event(bench *b, const char *fmt, unsigned n, const char *text) {
    char word[100];
    if (text != NULL)
        (void)snprintf(word, sizeof word, "%s(%s)", fmt, text);
    else if (n != 0)
        (void)snprintf(word, sizeof word, "%s(%u)", fmt, n);
    else
        (void)snprintf(word, sizeof word, "%s", fmt);
    size_t len = strlen(b->events);
    (void)snprintf(b->events + len, sizeof b->events - len, "%s%s", len > 0 ? " " : "", word);
}

static void on_registered(void *ctx) {
    event(ctx, "registered", 0, NULL);
}
static void on_register_failed(void *ctx, unsigned code) {
    event(ctx, "refused", code, NULL);
}
static void on_unregistered(void *ctx) {
    event(ctx, "unregistered", 0, NULL);
}
static void on_incoming(void *ctx, uint32_t call, const char *from) {
    event(ctx, "incoming", 0, from);
}
static void on_ringing(void *ctx, uint32_t call) {
    event(ctx, "ringing", 0, NULL);
}
static void on_up(void *ctx, uint32_t call) {
    event(ctx, "up", 0, NULL);
}
static void on_failed(void *ctx, uint32_t call, unsigned code) {
    event(ctx, "failed", code, NULL);
}
static void on_ended(void *ctx, uint32_t call) {
    event(ctx, "ended", 0, NULL);
}

static const mt_ua_events handlers = {on_registered, on_register_failed, on_unregistered, on_incoming, on_ringing,
                                      on_up,         on_failed,          on_ended};

static bool challenged(bench *b, const char *message, int code, const char *credentials, const char *header) {
    g_free(b->last_auth);
    b->last_auth = sip_header(message, credentials);
    if (b->challenge == NULL || b->last_auth != NULL)
        return false;
    char *more = g_strdup_printf("%s: %s", header, b->challenge);
    sip_peer_answer(b->peer, message, code, more, NULL);
    g_free(more);
    return true;
}

static void script_register(bench *b, const char *message) {
    char *expires = sip_header(message, "Expires");
    bool bye = expires != NULL && strcmp(expires, "0") == 0;
    g_free(expires);
    g_free(b->register_msg);
    b->register_msg = g_strdup(message);
    if (challenged(b, message, 401, "Authorization", "WWW-Authenticate"))
        return;
    *(bye ? &b->unregisters : &b->registers) += 1;
    if (b->reg_code != 0)
        sip_peer_answer(b->peer, message, b->reg_code, "", NULL);
}

static void final_answer(bench *b, int code) {
    sip_peer_answer(b->peer, b->invite, code, b->more != NULL ? b->more : "", code < 300 ? SDP2 : NULL);
}

static void script_invite(bench *b, const char *message) {
    if (challenged(b, message, 407, "Proxy-Authorization", "Proxy-Authenticate")) {
        b->challenge_acks++;
        return;
    }
    b->invites++;
    g_free(b->invite);
    b->invite = g_strdup(message);
    g_free(b->invite_msg);
    b->invite_msg = g_strdup(message);
    sip_peer_answer(b->peer, message, 100, "", NULL);
    if (b->ring)
        sip_peer_answer(b->peer, message, 180, "", NULL);
    if (b->invite_code != 0)
        final_answer(b, b->invite_code);
}

static void script_response(bench *b, const char *message) {
    b->last_code = sip_code(message);
    g_free(b->to);
    b->to = sip_header(message, "To");
    if (b->last_code != 200)
        return;
    g_free(b->ok_msg);
    b->ok_msg = g_strdup(message);
}

static void script(sip_peer *p, const char *message, void *ctx) {
    bench *b = ctx;
    b->peer = p;
    if (b->mute)
        return;
    if (sip_code(message) != 0) {
        script_response(b, message);
    } else if (sip_is(message, "REGISTER")) {
        script_register(b, message);
    } else if (sip_is(message, "INVITE")) {
        script_invite(b, message);
    } else if (sip_is(message, "ACK")) {
        *(b->challenge_acks > 0 ? &b->challenge_acks : &b->acks) += b->challenge_acks > 0 ? -1U : 1U;
    } else if (sip_is(message, "CANCEL")) {
        b->cancels++;
        sip_peer_answer(p, message, 200, "", NULL);
        final_answer(b, b->answer_after_cancel ? 200 : 487);
    } else if (sip_is(message, "BYE")) {
        b->byes++;
        sip_peer_answer(p, message, 200, "", NULL);
    }
}

static gboolean over(gpointer data) {
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* Runs the loop until the condition holds or 4 s are over. */
#define UNTIL(cond)                                                                                                    \
    do {                                                                                                               \
        bool late_ = false;                                                                                            \
        guint id_ = g_timeout_add(4000, over, &late_);                                                                 \
        while (!(cond) && !late_)                                                                                      \
            (void)g_main_context_iteration(NULL, TRUE);                                                                \
        if (!late_)                                                                                                    \
            (void)g_source_remove(id_);                                                                                \
        if (!(cond))                                                                                                   \
            fail_msg("in vain: %s; events: %s; log:\n%s", #cond, b->events, b->peer->log->str);                        \
    } while (0)

static void run_ms(unsigned ms) {
    bool done = false;
    (void)g_timeout_add(ms, over, &done);
    while (!done)
        (void)g_main_context_iteration(NULL, TRUE);
}

#define HAS(word) (strstr(b->events, word) != NULL)

static mt_err login(bench *b) {
    mt_ua_account a = {.uri = "sip:jeden@myturn.invalid",
                       .username = "jeden",
                       .realm = "myturn.invalid",
                       .password = "secret",
                       .server = b->peer->server,
                       .udp = b->udp,
                       .keepalive_ms = b->keepalive_ms};
    return mt_ua_create(&a, &handlers, b, &b->ua);
}

static void begin(bench *b) {
    assert_int_equal(login(b), MT_OK);
    UNTIL(HAS("registered"));
    b->events[0] = '\0';
}

static bench the_bench;

static int setup_with(void **state, bool udp) {
    memset(&the_bench, 0, sizeof the_bench);
    bench *b = &the_bench;
    b->udp = udp;
    b->reg_code = 200;
    b->challenge = CHALLENGE;
    b->peer = sip_peer_new(udp, 0, script, b);
    *state = b;
    return 0;
}

static int setup_tcp(void **state) {
    return setup_with(state, false);
}
static int setup_udp(void **state) {
    return setup_with(state, true);
}

static int teardown(void **state) {
    bench *b = *state;
    mt_ua_destroy(b->ua);
    bool late = false;
    guint id = g_timeout_add(5000, over, &late);
    while (mt_ua_lingering() > 0 && !late)
        (void)g_main_context_iteration(NULL, TRUE);
    if (!late)
        (void)g_source_remove(id);
    sip_peer_free(b->peer);
    g_free(b->invite), g_free(b->last_auth), g_free(b->register_msg), g_free(b->invite_msg), g_free(b->ok_msg);
    g_free(b->to);
    return late ? -1 : 0;
}

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

static char *tagged_to(bench *b) {
    return g_strdup_printf("To: %s\r\n", b->to);
}

static void test_partner_says_bye(void **state) {
    bench *b = *state;
    b->invite_code = 200;
    begin(b);
    assert_int_equal(mt_ua_dial(b->ua, 1, 111001, SDP), MT_OK);
    UNTIL(b->acks == 1);
    char *from = sip_header(b->invite_msg, "From"), *id = sip_header(b->invite_msg, "Call-ID");
    char *bye = g_strdup_printf("BYE %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n"
                                "From: <sip:111001@myturn.invalid>;tag=peer\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 5 BYE\r\n"
                                "Content-Length: 0\r\n\r\n",
                                b->peer->contact, b->udp ? "UDP" : "TCP", b->peer->server, from, id);
    sip_peer_send(b->peer, bye);
    UNTIL(b->last_code == 200);
    assert_string_equal(b->events, "up ended");
    mt_ua_hangup(b->ua, 1); /* harmless */
    run_ms(100);
    assert_int_equal(b->byes, 0);
    g_free(from), g_free(id), g_free(bye);
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

#define TCP(f)                                                                                                         \
    { #f " tcp", f, setup_tcp, teardown, NULL }
#define UDP(f)                                                                                                         \
    { #f " udp", f, setup_udp, teardown, NULL }

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
        TCP(test_call_and_hang_up),
        UDP(test_call_and_hang_up),
        TCP(test_each_class_of_answer),
        UDP(test_each_class_of_answer),
        TCP(test_cancel),
        UDP(test_cancel),
        TCP(test_200_crosses_the_cancel),
        UDP(test_200_crosses_the_cancel),
        TCP(test_hang_up_before_any_answer),
        UDP(test_hang_up_before_any_answer),
        TCP(test_partner_says_bye),
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
