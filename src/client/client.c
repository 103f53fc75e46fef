#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/secret.h"
#include "client/client_priv.h"

/* What the login answered */

static void forget_sip(myturn_client *c) {
    if (c->sip.password != NULL)
        mt_wipe(c->sip.password, strlen(c->sip.password));
    g_free(c->sip.uri);
    g_free(c->sip.username);
    g_free(c->sip.realm);
    g_free(c->sip.password);
    g_free(c->sip.udp);
    g_free(c->sip.tcp);
    g_free(c->sip.tls);
    memset(&c->sip, 0, sizeof c->sip);
    if (c->settings != NULL)
        mt_wipe(c->settings, strlen(c->settings));
    g_clear_pointer(&c->settings, g_free);
}

/* The API's events */

static void on_login_done(void *ctx, uint32_t seq, const mt_api_login_info *info) {
    myturn_client *c = ctx;
    forget_sip(c);
    c->sip = (mt_client_sip){.uri = g_strdup(info->sip_uri),
                             .username = g_strdup(info->sip_username),
                             .realm = g_strdup(info->sip_realm),
                             .password = g_strdup(info->sip_password),
                             .udp = g_strdup(info->sip_udp),
                             .tcp = g_strdup(info->sip_tcp),
                             .tls = g_strdup(info->sip_tls),
                             .relay_only = info->relay_only,
                             .asterisk = info->asterisk};
    c->settings = g_strdup(info->settings);
    mt_client_offer_policies(c);
    mt_turn_login_done(c->turn, seq, info->name, info->exten, mt_clock_ms());
    mt_client_act(c);
}

static void on_login_failed(void *ctx, uint32_t seq, const mt_fault *fault) {
    myturn_client *c = ctx;
    mt_turn_login_failed(c->turn, seq, fault, mt_clock_ms());
    mt_client_act(c);
}

static void on_drawn(void *ctx, uint32_t seq, const mt_turn_draw *draw) {
    myturn_client *c = ctx;
    mt_turn_drawn(c->turn, seq, draw, mt_clock_ms());
    mt_client_act(c);
}

static void on_waiting(void *ctx, uint32_t seq, unsigned ready, unsigned online) {
    myturn_client *c = ctx;
    mt_turn_waiting(c->turn, seq, ready, online, mt_clock_ms());
    mt_client_act(c);
}

static void on_counted(void *ctx, unsigned ready, unsigned online) {
    myturn_client *c = ctx;
    mt_turn_counted(c->turn, ready, online, mt_clock_ms());
    mt_client_act(c);
}

static void on_turn_failed(void *ctx, uint32_t seq, const mt_fault *fault) {
    myturn_client *c = ctx;
    mt_turn_turn_failed(c->turn, seq, fault, mt_clock_ms());
    mt_client_act(c);
}

static void on_left(void *ctx, uint32_t seq, const mt_fault *fault) {
    myturn_client *c = ctx;
    mt_turn_left(c->turn, seq, fault, mt_clock_ms());
    mt_client_act(c);
}

static void on_logged_out(void *ctx, uint32_t seq) {
    myturn_client *c = ctx;
    mt_turn_logged_out(c->turn, seq, mt_clock_ms());
    mt_client_act(c);
}

static void on_conducted(void *ctx, uint32_t seq, const mt_fault *fault) {
    myturn_client *c = ctx;
    mt_turn_conducted(c->turn, seq, fault, mt_clock_ms());
    mt_client_act(c);
}

static void on_watched(void *ctx, uint32_t seq, const mt_turn_me *me) {
    myturn_client *c = ctx;
    mt_turn_watched(c->turn, seq, me, mt_clock_ms());
    mt_client_act(c);
}

static void on_watch_failed(void *ctx, uint32_t seq, const mt_fault *fault) {
    myturn_client *c = ctx;
    mt_turn_watch_failed(c->turn, seq, fault, mt_clock_ms());
    mt_client_act(c);
}

static void on_informed(void *ctx, const char *contact, bool relay_only) {
    myturn_client *c = ctx;
    g_free(c->contact);
    c->contact = g_strdup(contact);
    c->info_due = false;
    if (!c->ua_due)
        return;
    mt_client_start_ua(c);
    mt_client_act(c);
}

static const mt_api_events api_events = {.login_done = on_login_done,
                                         .login_failed = on_login_failed,
                                         .drawn = on_drawn,
                                         .waiting = on_waiting,
                                         .turn_failed = on_turn_failed,
                                         .left = on_left,
                                         .conducted = on_conducted,
                                         .watched = on_watched,
                                         .watch_failed = on_watch_failed,
                                         .logged_out = on_logged_out,
                                         .counted = on_counted,
                                         .informed = on_informed};

/* Actions */

static void act_conduct(myturn_client *c, const mt_turn_action *a) {
    const mt_turn_conduct *what = mt_turn_conduct_of(c->turn, a->seq);
    if (what != NULL && what->reason != NULL)
        mt_api_report(c->api, a->seq, a->pair, what->reason, what->note);
    else
        mt_api_block(c->api, a->seq, a->pair);
}

static void act_api(myturn_client *c, const mt_turn_action *a) {
    const uint8_t *pair = a->leave ? a->pair : NULL;
    switch (a->kind) {
    case MT_TURN_API_LOGIN:
        c->info_due = true;
        mt_api_info(c->api);
        mt_api_login(c->api, a->seq, a->name);
        break;
    case MT_TURN_API_TURN:
        mt_api_turn(c->api, a->seq, a->wait_s, pair);
        break;
    case MT_TURN_API_BREAK:
        mt_api_break(c->api);
        break;
    case MT_TURN_API_LEAVE:
        mt_api_leave(c->api, a->seq, pair);
        break;
    case MT_TURN_API_BLOCK:
    case MT_TURN_API_REPORT:
        act_conduct(c, a);
        break;
    case MT_TURN_API_WATCH:
        mt_api_watch(c->api, a->seq);
        break;
    case MT_TURN_API_RENEW:
        mt_api_renew(c->api);
        break;
    case MT_TURN_API_LOGOUT:
        mt_api_logout(c->api, a->seq);
        break;
    default:
        mt_api_forget(c->api);
        forget_sip(c);
        break;
    }
}

static void act_talk(myturn_client *c, const mt_turn_action *a) {
    switch (a->kind) {
    case MT_TURN_LINK_CREATE:
        mt_client_link_create(c, a);
        break;
    case MT_TURN_LINK_REMOTE:
        mt_client_link_remote(c, a->call);
        break;
    case MT_TURN_LINK_BYE:
        mt_client_link_bye(c);
        break;
    case MT_TURN_LINK_DESTROY:
        mt_client_link_destroy(c);
        break;
    case MT_TURN_AUDIO_START:
        mt_client_audio_start(c);
        break;
    case MT_TURN_AUDIO_STOP:
        mt_client_audio_stop(c);
        break;
    default:
        mt_client_act_restart(c, a);
        break;
    }
}

static void act(myturn_client *c, const mt_turn_action *a) {
    if (a->kind == MT_TURN_REPORT)
        mt_client_tell_report(c, &a->report);
    else if (a->kind <= MT_TURN_API_FORGET)
        act_api(c, a);
    else if (a->kind <= MT_TURN_SIP_HANGUP)
        mt_client_act_sip(c, a);
    else
        act_talk(c, a);
}

void mt_client_act(myturn_client *c) {
    if (c->acting) /* an action that failed at once: its consequences are done by the loop below */
        return;
    c->acting = true;
    mt_turn_action a;
    while (mt_turn_action_next(c->turn, &a) == MT_OK)
        act(c, &a);
    c->acting = false;
    int64_t next_ms = mt_turn_next_ms(c->turn);
    g_source_set_ready_time(c->timer, next_ms == INT64_MAX ? -1 : next_ms * 1000);
}

/* Time: GLib's monotonic clock is the one of base/clock.h. */

static gboolean on_time(GSource *s, GSourceFunc fn, gpointer data) {
    (void)fn;
    myturn_client *c = data;
    g_source_set_ready_time(s, -1);
    mt_turn_tick(c->turn, mt_clock_ms());
    mt_client_act(c);
    return G_SOURCE_CONTINUE;
}

static void start_timer(myturn_client *c) {
    static GSourceFuncs funcs = {.dispatch = on_time};
    c->timer = g_source_new(&funcs, sizeof(GSource));
    g_source_set_callback(c->timer, NULL, c, NULL);
    (void)g_source_attach(c->timer, c->main);
}

/* The public API */

void myturn_options_default(myturn_options *o) {
    memset(o, 0, sizeof *o);
    o->server = "http://127.0.0.1:8080";
    o->codec = MYTURN_OPUS;
    o->transport = MYTURN_TCP;
    o->ptime_ms = 20;
}

bool mt_client_init_libraries(void) {
    static int done; /* 0: not tried, 1: works, -1: does not */
    if (done == 0)
        done = mt_link_init() == MT_OK && mt_audio_init() == MT_OK ? 1 : -1;
    return done > 0;
}

bool mt_client_spec_is_good(const char *spec, bool mic) {
    return spec == NULL || mt_audio_spec_check(spec, mic) == MT_OK;
}

static void free_parts(myturn_client *c) {
    mt_client_stop_ua(c);
    mt_api_destroy(c->api);
    mt_trust_unref(c->trust);
    g_free(c->https_host);
    if (c->timer != NULL) {
        g_source_destroy(c->timer);
        g_source_unref(c->timer);
    }
    mt_turn_destroy(c->turn);
    mt_client_drop_events(c);
    forget_sip(c);
    g_free(c->contact);
    g_main_context_unref(c->main);
    g_free(c->mic);
    g_free(c->speaker);
    g_free(c->ca_file);
}

/* NULL: not https. */
static char *https_host(const char *url) {
    GUri *uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    char *host = strcmp(g_uri_get_scheme(uri), "https") == 0 ? g_strdup(g_uri_get_host(uri)) : NULL;
    g_uri_unref(uri);
    return host;
}

myturn_err myturn_create(const myturn_options *o, myturn_event_fn *fn, void *ctx, myturn_client **out) {
    if (o->server == NULL || fn == NULL || !mt_client_spec_is_good(o->mic, true) ||
        !mt_client_spec_is_good(o->speaker, false))
        return MYTURN_ERR_ARGUMENT;
    if ((o->policies & ~(unsigned)(MYTURN_GCM | MYTURN_CBC)) != 0)
        return MYTURN_ERR_ARGUMENT;
    if (o->ptime_ms != 0 && o->ptime_ms != 10 && o->ptime_ms != 20)
        return MYTURN_ERR_ARGUMENT;
    if (!mt_client_init_libraries())
        return MYTURN_ERR_SYSTEM;
    myturn_client *c = g_new0(myturn_client, 1);
    c->mic = g_strdup(o->mic);
    c->speaker = g_strdup(o->speaker);
    c->ca_file = g_strdup(o->ca_file);
    c->codec = o->codec;
    c->transport = o->transport;
    c->ptime_ms = o->ptime_ms == 10 ? 10 : 20;
    c->open_mic = o->open_mic;
    c->policies = o->policies != 0 ? o->policies : MYTURN_GCM;
    c->relay_only = o->relay_only;
    c->raw_voice = o->raw_voice;
    c->fn = fn;
    c->fn_ctx = ctx;
    c->main = g_main_context_ref_thread_default();
    g_queue_init(&c->events);
    mt_err err = mt_trust_create(o->ca_file, &c->trust);
    if (err == MT_OK)
        err = mt_api_create(o->server, &api_events, c, &c->api);
    if (err == MT_OK) {
        mt_api_set_trust(c->api, c->trust);
        c->https_host = https_host(o->server);
        mt_client_offer_policies(c);
        mt_api_on_link(c->api, &mt_client_relay_events);
        err = mt_turn_create(mt_random_kernel(), &c->turn);
    }
    if (err != MT_OK) {
        free_parts(c);
        g_free(c);
        return err == MT_EBAD ? MYTURN_ERR_ARGUMENT : MYTURN_ERR_MEMORY;
    }
    c->phone = o->phone;
    if (c->phone) {
        mt_api_set_phone(c->api);
        mt_turn_set_phone(c->turn);
    }
    start_timer(c);
    *out = c;
    return MYTURN_OK;
}

void myturn_destroy(myturn_client *c) {
    if (c == NULL)
        return;
    mt_client_abandon(c);
    free_parts(c);
    c->destroyed = true;
    mt_client_unref(c);
}
