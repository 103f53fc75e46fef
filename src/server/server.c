#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "server/api.h"
#include "server/asterisk.h"
#include "server/json.h"
#include "server/reload.h"
#include "server/secure.h"
#include "server/server_int.h"
#include "server/sip_front.h"
#include "server/suspension.h"
#include "server/turn.h"

#define BIND_TRIES 32     /* with port 0: until UDP and TCP have the same one */
#define STOP_LEAST_MS 150 /* BYEs go out and come back */
#define STOP_MOST_MS 1200
#define STOP_LOOK_MS 25
#define OUT_MAX ((size_t)32 << 20) /* /user-status of a full server */

static mt_err listen_sip(mt_server *s) {
    mt_addr at = s->opt.sip, tcp, udp;
    if (s->opt.asterisk.sip_server == MT_SIP_ASTERISK) {
        s->sip_addr = s->opt.asterisk.host;
        return MT_OK;
    }
    mt_err err = mt_net_listen_sip_tcp(s->net, &at, &tcp);
    if (err != MT_OK)
        return err;
    mt_addr_set_port(&at, mt_addr_port(&tcp));
    err = mt_net_listen_udp(s->net, &at, &s->udp, &udp);
    if (err == MT_OK)
        s->sip_addr = tcp;
    return err;
}

static bool accept_conn(void *ctx, const mt_addr *remote) {
    mt_server *s = ctx;
    /* Through a proxy come many: their requests and WebSockets are counted instead. */
    bool good = mt_proxies_trusts(&s->opt.trusted_proxies, remote) ||
                mt_limits_conn_open(&s->limits, remote, mt_server_now_ms(s));
    s->metrics.refused[MT_REFUSED_CONNECTIONS] += !good;
    if (!good)
        mt_console_trouble(&s->console, MT_CONSOLE_LIMIT, "an address has too many connections, or begins too many",
                           remote, mt_server_now_ms(s));
    return good;
}

static void conn_gone(void *ctx, const mt_addr *remote) {
    mt_server *s = ctx;
    if (!mt_proxies_trusts(&s->opt.trusted_proxies, remote))
        mt_limits_conn_closed(&s->limits, remote);
}

static void abandoned(void *ctx, mt_http_req *req) {
    mt_hold *h = mt_http_req_ctx(req);
    if (h == NULL)
        return;
    if (h->kind >= MT_HOLD_LOGIN)
        mt_asterisk_abandoned(h, mt_server_now_ms(ctx));
    else
        mt_turn_abandoned(h, mt_server_now_ms(ctx));
}

static const mt_net_handlers handlers = {
    .request = mt_api_request,
    .abandoned = abandoned,
    .upgrade = mt_sip_front_upgrade,
    .sip = mt_sip_front_message,
    .closed = mt_sip_front_closed,
    .accept = accept_conn,
    .gone = conn_gone,
    .datagram = mt_sip_front_datagram,
    .sip_cut = mt_sip_front_cut,
};

static mt_err listen_tls(mt_server *s) {
    const mt_options *o = &s->opt;
    mt_err err = MT_OK;
    if (mt_options_has(&o->https))
        err = mt_net_listen_https(s->net, &o->https, s->tls, &s->https_addr);
    if (err == MT_OK && mt_options_has(&o->sips))
        err = mt_net_listen_sip_tls(s->net, &o->sips, s->tls, &s->sips_addr);
    return err;
}

/* One try to open all ports. The network is made anew for each, so that a failed try leaves nothing bound. */
static mt_err open_ports(mt_server *s) {
    mt_net *net;
    mt_err err = mt_net_create(&s->opt.net, &handlers, s, &net);
    if (err != MT_OK)
        return err;
    s->net = net;
    err = listen_sip(s);
    if (err == MT_OK)
        err = mt_net_listen_http(s->net, &s->opt.http, &s->http_addr);
    if (err == MT_OK)
        err = listen_tls(s);
    if (err != MT_OK) {
        mt_net_destroy(s->net);
        s->net = NULL;
    }
    return err;
}

static mt_err open_network(mt_server *s) {
    int tries = mt_addr_port(&s->opt.sip) == 0 ? BIND_TRIES : 1;
    mt_err err = MT_ESYS;
    for (int i = 0; i < tries && err != MT_OK; i++)
        err = open_ports(s);
    return err;
}

static void on_status(void *ctx, mt_user *user, mt_status was) {
    mt_session *s = mt_session_of(user);
    if (s == NULL)
        return;
    mt_console_status(s, was);
    mt_session_changed(s);
}

static void on_drawn(void *ctx, mt_pair *pair) {
    mt_session *both[] = {mt_session_of(mt_pair_caller(pair)), mt_session_of(mt_pair_callee(pair))};
    int64_t now_ms = mt_server_now_ms(ctx);
    mt_console_drawn(pair);
    for (size_t i = 0; i < 2; i++) {
        both[i]->turn.drawn = true; /* it may be over before anybody looks */
        both[i]->drawn_ms = now_ms;
        mt_metrics_time(&((mt_server *)ctx)->metrics.draw_wait, now_ms - mt_user_wait_since_ms(both[i]->user));
        mt_session_changed(both[i]);
    }
}

static void on_callee_ready(void *ctx, mt_pair *pair) {
    mt_session_changed(mt_session_of(mt_pair_caller(pair)));
}

static void on_ended(void *ctx, mt_pair *pair, mt_pair_end why) {
    mt_server *srv = ctx;
    mt_session *both[] = {mt_session_of(mt_pair_caller(pair)), mt_session_of(mt_pair_callee(pair))};
    mt_event ev = {
        .kind = MT_EVENT_ENDED, .a = mt_user_exten(mt_pair_caller(pair)), .b = mt_user_exten(mt_pair_callee(pair))};
    memcpy(ev.pair, mt_pair_id(pair), sizeof ev.pair);
    mt_console_ended(pair, why);
    if (srv->net != NULL) /* else all of it ends */
        mt_suspension_pair_ended(pair, mt_server_now_ms(srv));
    mt_events_push(&srv->events, &ev);
    for (size_t i = 0; i < 2; i++) {
        if (both[i] != NULL)
            mt_session_changed(both[i]);
    }
}

static const mt_match_events match_events = {
    .status = on_status, .drawn = on_drawn, .callee_ready = on_callee_ready, .ended = on_ended};

static void act(mt_server *s, const mt_event *ev, int64_t now_ms) {
    mt_session *user;
    mt_sip_pair pair;
    switch (ev->kind) {
    case MT_EVENT_CHANGED:
        user = mt_session_by_exten(s, ev->a);
        if (user != NULL)
            mt_turn_review(user, now_ms);
        break;
    case MT_EVENT_ENDED:
        memcpy(pair.id, ev->pair, sizeof pair.id);
        mt_sip_server_end_pair(s->sip, &pair, now_ms);
        mt_asterisk_pair_ended(s, ev);
        break;
    case MT_EVENT_TOLD:
        mt_turn_told(s, ev, now_ms);
        break;
    case MT_EVENT_FLOW_CLOSED:
        mt_sip_server_flow_closed(s->sip, &ev->flow, now_ms);
        break;
    case MT_EVENT_FORGET:
        mt_sip_server_forget_user(s->sip, ev->a, now_ms);
        break;
    }
}

static void arm(mt_server *s) {
    int64_t due_ms = mt_match_next_ms(s->match);
    int64_t sip_ms = mt_sip_server_next_ms(s->sip);
    int64_t own_ms = mt_timerq_next_ms(&s->timers);
    int64_t conduct_ms = mt_conduct_next_ms(s->conduct);
    if (conduct_ms < due_ms)
        due_ms = conduct_ms;
    if (sip_ms < due_ms)
        due_ms = sip_ms;
    if (own_ms < due_ms)
        due_ms = own_ms;
    int64_t look_ms = mt_server_now_ms(s) + STOP_LOOK_MS;
    if (s->stopping && look_ms < due_ms)
        due_ms = look_ms;
    s->wake_ms = due_ms;
    mt_net_wake_at(s->net, due_ms);
}

/* Acts upon all that happened, until nothing more follows from it. */
static void settle(mt_server *s) {
    int64_t now_ms = mt_server_now_ms(s);
    mt_event ev;
    bool more = true;
    while (more) {
        more = mt_sip_front_drain(s, now_ms);
        while (mt_events_pop(&s->events, &ev) == MT_OK) {
            more = true;
            act(s, &ev, now_ms);
        }
    }
}

static void everybody_out(mt_server *s, int64_t now_ms) {
    for (mt_user *u; (u = mt_match_next(s->match, NULL)) != NULL;)
        mt_session_end(mt_session_of(u), MT_END_SHUTDOWN, "server goes down", now_ms);
}

static void stop_if_done(mt_server *s) {
    int64_t now_ms = mt_server_now_ms(s);
    int64_t since_ms = now_ms - (s->stop_by_ms - STOP_MOST_MS);
    bool calm = mt_sip_server_count(s->sip).dialogs == 0 && mt_asterisk_is_calm(s);
    if (now_ms < s->stop_by_ms && !(calm && since_ms >= STOP_LEAST_MS))
        return;
    everybody_out(s, now_ms);
    settle(s);
    mt_net_stop(s->net);
}

static void on_turn(void *ctx) {
    mt_server *s = ctx;
    settle(s);
    if (s->stopping)
        stop_if_done(s);
    mt_asterisk_turn(s);
    arm(s);
}

static void on_wake(void *ctx, int64_t now_ms) {
    mt_server *s = ctx;
    if (s->wake_ms != MT_NEVER)
        mt_metrics_time(&s->metrics.lag, now_ms - s->wake_ms);
    s->wake_ms = MT_NEVER;
    mt_match_tick(s->match, now_ms);
    mt_conduct_tick(s->conduct, now_ms);
    mt_timerq_run(&s->timers, now_ms);
    mt_sip_server_tick(s->sip, now_ms);
}

/* Calls are ended at once; the users go a little later, when their phones have heard of it. */
static void begin_stop(mt_server *s) {
    int64_t now_ms = mt_server_now_ms(s);
    mt_log(MT_LOG_INFO, "server", "going down, %zu users online", mt_match_count(s->match).online);
    s->stopping = true;
    s->stop_by_ms = now_ms + STOP_MOST_MS;
    mt_net_stop_listening(s->net);
    mt_sip_server_go_down(s->sip);
    for (mt_user *u = mt_match_next(s->match, NULL); u != NULL; u = mt_match_next(s->match, u)) {
        mt_turn_shutdown(mt_session_of(u));
        mt_match_busy(s->match, u, MT_END_SHUTDOWN, now_ms);
    }
    mt_asterisk_stop(s);
}

static void on_signal(void *ctx, int signum) {
    mt_server *s = ctx;
    if (signum == SIGHUP)
        mt_reload_all(s);
    else if (s->stopping)
        mt_net_stop(s->net);
    else
        begin_stop(s);
}

static void warn(const mt_server *s) {
    if (s->opt.open_api)
        mt_log(MT_LOG_WARN, "open-api",
               "EVERYBODY IS OPERATOR: anyone may list, impersonate and remove users. "
               "For laboratories only");
    if (!mt_addr_is_loopback(&s->http_addr))
        mt_log(MT_LOG_WARN, "http",
               "plain HTTP is reachable from other machines: names, tokens and SIP passwords pass in "
               "the clear, and browsers refuse the microphone. Serve --https and keep --http on loopback");
    if (s->opt.limits.off)
        mt_log(MT_LOG_WARN, "limits", "switched off");
}

static mt_err start_reports(mt_server *s) {
    const mt_options *o = &s->opt;
    mt_reports_config cfg = {
        .dir = o->reports_dir, .keep_days = o->reports_keep_days, .sandbox = o->sandbox, .user = o->user};
    return o->reports_dir != NULL ? mt_reports_start(&cfg, &s->reports) : MT_OK;
}

static mt_err build(mt_server *s) {
    mt_err err = start_reports(s); /* before there is anything that its process should not have */
    if (err == MT_OK)
        err = mt_limits_init(&s->limits, &s->opt.limits, s->random);
    if (err == MT_OK)
        err = mt_map_init(&s->by_token, s->random);
    if (err == MT_OK)
        err = mt_match_create(&s->opt.match, s->random, &match_events, s, &s->match);
    if (err == MT_OK)
        err = mt_conduct_create(&s->opt.conduct, s->random, &s->conduct);
    if (err == MT_OK)
        err = mt_reload_operator(s);
    if (err == MT_OK)
        err = mt_reload_web(s);
    if (err == MT_OK)
        err = mt_relay_load(&s->opt.relay, &s->relay);
    if (err == MT_OK)
        err = mt_secure_create(s);
    if (err == MT_OK)
        err = open_network(s);
    if (err == MT_OK)
        err = mt_sip_front_create(s);
    if (err == MT_OK && s->opt.asterisk.sip_server == MT_SIP_ASTERISK)
        err = mt_asterisk_create(s);
    return err;
}

mt_err mt_server_create(const mt_options *opt, mt_random random, mt_server **out) {
    mt_server *s = mt_calloc(1, sizeof *s);
    if (s == NULL)
        return MT_ENOMEM;
    mt_json_setup();
    s->opt = *opt;
    s->opt.texts = NULL; /* those stay the caller's */
    s->random = random;
    (void)snprintf(s->domain, sizeof s->domain, "%s", opt->domain != NULL ? opt->domain : MT_OPTIONS_DOMAIN);
    mt_buf_init(&s->out, OUT_MAX);
    mt_events_init(&s->events);
    mt_timerq_init(&s->timers, s);
    mt_list_init(&s->limits.recent);
    mt_err err = build(s);
    if (err != MT_OK) {
        mt_server_destroy(s);
        return err;
    }
    mt_net_on_turn(s->net, on_turn);
    mt_net_on_wake(s->net, on_wake);
    mt_net_on_signal(s->net, on_signal);
    warn(s);
    arm(s);
    *out = s;
    return MT_OK;
}

mt_addr mt_server_http_addr(const mt_server *s) {
    return s->http_addr;
}

mt_addr mt_server_sip_addr(const mt_server *s) {
    return s->sip_addr;
}

mt_addr mt_server_https_addr(const mt_server *s) {
    return s->https_addr;
}

mt_addr mt_server_sips_addr(const mt_server *s) {
    return s->sips_addr;
}

mt_err mt_server_run(mt_server *s) {
    return mt_net_run(s->net);
}

void mt_server_destroy(mt_server *s) {
    if (s == NULL)
        return;
    int64_t now_ms = s->net != NULL ? mt_server_now_ms(s) : 0;
    if (s->asterisk != NULL) /* while it can still be written and said that they are gone */
        everybody_out(s, now_ms);
    mt_asterisk_destroy(s);
    /* First the network, which reports what was still open; nothing is sent any more. */
    mt_net_destroy(s->net);
    s->net = NULL;
    if (s->match != NULL) {
        everybody_out(s, now_ms);
        mt_match_destroy(s->match);
    }
    mt_conduct_destroy(s->conduct);
    mt_reports_stop(s->reports);
    if (s->sip != NULL)
        mt_sip_server_destroy(s->sip);
    mt_tls_destroy(s->tls);
    mt_static_free(s->files);
    mt_map_deinit(&s->by_token);
    mt_limits_deinit(&s->limits);
    mt_events_deinit(&s->events);
    mt_buf_wipe(&s->out);
    mt_relay_wipe(&s->relay);
    mt_options_deinit(&s->opt);
    mt_free(s);
}
