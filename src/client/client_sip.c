/* The client's user agent: where it connects to, what it tells, what it is to do. */
#include "base/addr.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "client/client_priv.h"

enum { UA_AGAIN_MS = 1000 };

/* The user agent's events */

static void on_registered(void *ctx) {
    myturn_client *c = ctx;
    mt_turn_registered(c->turn, mt_clock_ms());
    mt_client_act(c);
}

static void on_register_failed(void *ctx, unsigned code) {
    myturn_client *c = ctx;
    mt_turn_register_failed(c->turn, code, mt_clock_ms());
    mt_client_act(c);
}

static void on_unregistered(void *ctx) {
    myturn_client *c = ctx;
    mt_turn_unregistered(c->turn, mt_clock_ms());
    mt_client_act(c);
}

static void on_incoming(void *ctx, uint32_t call, const char *from) {
    myturn_client *c = ctx;
    mt_turn_incoming(c->turn, call, from, mt_clock_ms());
    mt_client_act(c);
}

static void on_up(void *ctx, uint32_t call) {
    myturn_client *c = ctx;
    mt_turn_call_up(c->turn, call, mt_clock_ms());
    mt_client_act(c);
}

static void on_failed(void *ctx, uint32_t call, unsigned code) {
    myturn_client *c = ctx;
    mt_turn_call_failed(c->turn, call, code, mt_clock_ms());
    mt_client_act(c);
}

static void on_ended(void *ctx, uint32_t call, bool by_server) {
    myturn_client *c = ctx;
    if (by_server)
        mt_turn_call_stopped(c->turn, call, mt_clock_ms());
    else
        mt_turn_call_ended(c->turn, call, c->link != NULL ? mt_link_silent_ms(c->link->link) : 0, mt_clock_ms());
    mt_client_act(c);
}

/* Where the API carries the link's offer and answer, what is offered in the call is not the partner's. */
static void on_reoffered(void *ctx, uint32_t call) {
    myturn_client *c = ctx;
    if (c->sip.asterisk) {
        (void)!mt_ua_reanswer(c->ua, call, NULL);
        return;
    }
    mt_turn_reoffered(c->turn, call, mt_clock_ms());
    mt_client_act(c);
}

static void on_reanswered(void *ctx, uint32_t call, unsigned code) {
    myturn_client *c = ctx;
    mt_turn_reanswered(c->turn, call, code, mt_clock_ms());
    mt_client_act(c);
}

static const mt_ua_events ua_events = {.registered = on_registered,
                                       .register_failed = on_register_failed,
                                       .unregistered = on_unregistered,
                                       .incoming = on_incoming,
                                       .up = on_up,
                                       .failed = on_failed,
                                       .ended = on_ended,
                                       .reoffered = on_reoffered,
                                       .reanswered = on_reanswered};

/* Life */

void mt_client_stop_ua(myturn_client *c) {
    c->ua_due = false;
    if (c->ua_again != NULL)
        g_source_destroy(c->ua_again);
    g_clear_pointer(&c->ua_again, g_source_unref);
    mt_client_forget_network(c);
    mt_ua_destroy(c->ua);
    c->ua = NULL;
    mt_sip_tls_destroy(c->sip_tls);
    c->sip_tls = NULL;
}

static void tell_settings(myturn_client *c) {
    const char *text = c->settings != NULL ? c->settings : "";
    mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_SETTINGS, .state = mt_turn_state(c->turn), .text = text});
}

static void on_untrusted(void *ctx, const char *why) {
    myturn_client *c = ctx;
    mt_turn_sip_untrusted(c->turn, _(why), mt_clock_ms());
    mt_client_act(c);
}

/* Over TLS or not at all. NULL: not possible, and told. */
static const char *tls_server(myturn_client *c, const char *server) {
    mt_addr address;
    if (server == NULL || mt_addr_parse(mt_slice_of(server), &address) != MT_OK) {
        mt_turn_sip_untrusted(c->turn, _("the server offers no SIP over TLS"), mt_clock_ms());
        return NULL;
    }
    if (mt_sip_tls_create(&address, c->https_host, c->trust, on_untrusted, c, &c->sip_tls) == MT_OK)
        return mt_sip_tls_address(c->sip_tls);
    mt_log(MT_LOG_ERROR, "sip", "no loopback port for SIP over TLS");
    mt_turn_register_failed(c->turn, 403, mt_clock_ms());
    return NULL;
}

/* Where the user agent is to connect. */
static const char *sip_server(myturn_client *c, bool *udp) {
    *udp = c->https_host == NULL && (c->transport == MYTURN_UDP ? c->sip.udp != NULL : c->sip.tcp == NULL);
    const char *server = c->https_host != NULL ? c->sip.tls : *udp ? c->sip.udp : c->sip.tcp;
    mt_addr address;
    c->loopback =
        server != NULL && mt_addr_parse(mt_slice_of(server), &address) == MT_OK && mt_addr_is_loopback(&address);
    if (c->https_host != NULL)
        return tls_server(c, server);
    if (server == NULL)
        mt_turn_register_failed(c->turn, 403, mt_clock_ms());
    return server;
}

static gboolean on_ua_again(gpointer data) {
    myturn_client *c = data;
    mt_client_start_ua(c);
    mt_client_act(c);
    return G_SOURCE_REMOVE;
}

/* The network went between the answer to the login and now. Another login would find its name taken: by this one. */
static void start_again_later(myturn_client *c) {
    c->ua_again = g_timeout_source_new(UA_AGAIN_MS);
    g_source_set_callback(c->ua_again, on_ua_again, c, NULL);
    (void)g_source_attach(c->ua_again, c->main);
    mt_turn_register_failed(c->turn, 0, mt_clock_ms());
}

void mt_client_start_ua(myturn_client *c) {
    mt_client_stop_ua(c);
    if (c->phone) {
        tell_settings(c);
        return;
    }
    bool udp = false;
    const char *server = sip_server(c, &udp);
    if (server == NULL)
        return;
    mt_ua_account account = {.uri = c->sip.uri,
                             .username = c->sip.username,
                             .realm = c->sip.realm,
                             .password = c->sip.password,
                             .server = server,
                             .udp = udp};
    mt_err err = mt_ua_create(&account, &ua_events, c, &c->ua);
    if (err == MT_OK) {
        mt_client_watch_network(c, c->https_host != NULL ? c->sip.tls : server);
        return;
    }
    mt_log(err == MT_ESYS ? MT_LOG_WARN : MT_LOG_ERROR, "sip", "no user agent: %s", mt_err_str(err));
    if (err == MT_ESYS)
        start_again_later(c);
    else
        mt_turn_register_failed(c->turn, 403, mt_clock_ms());
}

/* LOGGED_IN tells the contact, so that is awaited before there can be one. */
static void start_when_informed(myturn_client *c) {
    c->ua_due = c->info_due;
    if (!c->ua_due)
        mt_client_start_ua(c);
}

/* What goes into the call; the link's own SDP goes the other way where that cannot carry it. */
static const char *call_sdp(myturn_client *c) {
    const char *sdp = mt_client_local_sdp(c);
    if (sdp == NULL || !c->sip.asterisk)
        return sdp;
    mt_client_relay_put(c);
    return mt_client_relay_sdp;
}

static void dial(myturn_client *c, const mt_turn_action *a) {
    const char *sdp = call_sdp(c);
    if (c->ua == NULL || sdp == NULL || mt_ua_dial(c->ua, a->call, a->exten, sdp) != MT_OK)
        mt_turn_call_failed(c->turn, a->call, 500, mt_clock_ms());
}

static void answer(myturn_client *c, const mt_turn_action *a) {
    const char *sdp = call_sdp(c);
    if (c->ua == NULL || sdp == NULL || mt_ua_answer(c->ua, a->call, sdp) != MT_OK)
        mt_turn_call_failed(c->turn, a->call, 487, mt_clock_ms());
}

void mt_client_act_sip(myturn_client *c, const mt_turn_action *a) {
    if (a->kind == MT_TURN_SIP_REGISTER)
        start_when_informed(c);
    else if (a->kind == MT_TURN_SIP_STOP)
        mt_client_stop_ua(c);
    else if (a->kind == MT_TURN_SIP_DIAL)
        dial(c, a);
    else if (a->kind == MT_TURN_SIP_ANSWER)
        answer(c, a);
    else if (c->ua == NULL)
        return;
    else if (a->kind == MT_TURN_SIP_UNREGISTER)
        mt_ua_unregister(c->ua);
    else if (a->kind == MT_TURN_SIP_REFUSE)
        mt_ua_refuse(c->ua, a->call, a->code);
    else if (a->kind == MT_TURN_SIP_HANGUP)
        mt_ua_hangup(c->ua, a->call);
    else
        mt_client_act_resip(c, a);
}
