#include "ua_bench.h"

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
static void on_ended(void *ctx, uint32_t call, bool by_server) {
    event(ctx, by_server ? "stopped" : "ended", 0, NULL);
}

static void on_reoffered(void *ctx, uint32_t call) {
    bench *b = ctx;
    event(b, "reoffered", 0, NULL);
    b->reoffered = call;
    if (b->reanswer != NULL)
        assert_int_equal(mt_ua_reanswer(b->ua, call, b->reanswer), MT_OK);
}
static void on_reanswered(void *ctx, uint32_t call, unsigned code) {
    event(ctx, "reanswered", code, NULL);
}

const mt_ua_events handlers = {.registered = on_registered,
                               .register_failed = on_register_failed,
                               .unregistered = on_unregistered,
                               .incoming = on_incoming,
                               .ringing = on_ringing,
                               .up = on_up,
                               .failed = on_failed,
                               .ended = on_ended,
                               .reoffered = on_reoffered,
                               .reanswered = on_reanswered};

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
    sip_peer_answer(b->peer, b->invite, code, b->more != NULL ? b->more : "",
                    code < 300 ? (b->answer != NULL ? b->answer : SDP2) : NULL);
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

void script(sip_peer *p, const char *message, void *ctx) {
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

mt_err login(bench *b) {
    mt_ua_account a = {.uri = "sip:jeden@myturn.invalid",
                       .username = "jeden",
                       .realm = "myturn.invalid",
                       .password = "secret",
                       .server = b->peer->server,
                       .udp = b->udp,
                       .keepalive_ms = b->keepalive_ms};
    return mt_ua_create(&a, &handlers, b, &b->ua);
}

void begin(bench *b) {
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

int setup_tcp(void **state) {
    return setup_with(state, false);
}
int setup_udp(void **state) {
    return setup_with(state, true);
}

int teardown(void **state) {
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

char *tagged_to(bench *b) {
    return g_strdup_printf("To: %s\r\n", b->to);
}
