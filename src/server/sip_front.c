#include "server/sip_front.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "server/server_int.h"
#include "server/web.h"

static mt_sip_user find(void *ctx, mt_slice user) {
    const mt_session *s = mt_session_by_sip(ctx, user);
    return s != NULL ? mt_user_exten(s->user) : 0;
}

static bool ha1(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]) {
    const mt_session *s = mt_session_by_exten(ctx, (uint32_t)user);
    return s != NULL && mt_session_ha1(s, username, md5, sha256);
}

static bool may_call(void *ctx, mt_sip_user caller, mt_sip_user callee, mt_sip_pair *out) {
    const mt_session *a = mt_session_by_exten(ctx, (uint32_t)caller);
    const mt_session *b = mt_session_by_exten(ctx, (uint32_t)callee);
    const mt_pair *pair = a != NULL && b != NULL ? mt_user_pair(a->user) : NULL;
    if (pair == NULL || mt_pair_caller(pair) != a->user || mt_pair_callee(pair) != b->user || mt_pair_is_up(pair))
        return false;
    memcpy(out->id, mt_pair_id(pair), sizeof out->id);
    return true;
}

static void alias(void *ctx, mt_sip_user user, char out[16]) {
    char digits[MT_TEXT_DECIMAL];
    mt_slice text = mt_slice_of(mt_text_decimal(user, digits));
    (void)mt_text_join(&text, 1, out, 16);
}

static bool admit(void *ctx, const mt_sip_flow *flow) {
    mt_server *srv = ctx;
    int64_t now_ms = mt_server_now_ms(srv);
    if (mt_limits_sip(&srv->limits, &flow->addr, flow->transport == MT_SIP_UDP, now_ms) == 0)
        return true;
    srv->metrics.refused[MT_REFUSED_SIP]++;
    mt_console_trouble(&srv->console, MT_CONSOLE_LIMIT, "an address sends too many SIP requests", &flow->addr, now_ms);
    return false;
}

const mt_sip_policy mt_sip_front_policy = {
    .admit = admit, .find = find, .ha1 = ha1, .may_call = may_call, .alias = alias};

static mt_sip_flow flow_of(const mt_conn *conn) {
    static const mt_sip_transport transports[2][2] = {{MT_SIP_TCP, MT_SIP_TLS}, {MT_SIP_WS, MT_SIP_WSS}};
    return (mt_sip_flow){.transport = transports[mt_conn_is_ws(conn)][mt_conn_secure(conn)],
                         .conn = mt_conn_id(conn),
                         .addr = *mt_conn_remote(conn)};
}

static void input(mt_server *srv, const mt_sip_flow *flow, mt_slice message) {
    int64_t now_ms = mt_server_now_ms(srv);
    mt_err err = mt_sip_server_input(srv->sip, flow, message, now_ms);
    if (err != MT_OK)
        mt_console_trouble(&srv->console, MT_CONSOLE_SIP, "no memory for a SIP message", NULL, now_ms);
}

void mt_sip_front_message(void *ctx, mt_conn *conn, mt_slice message) {
    mt_sip_flow flow = flow_of(conn);
    input(ctx, &flow, message);
}

void mt_sip_front_datagram(void *ctx, mt_udp *udp, const mt_addr *from, mt_slice bytes) {
    mt_sip_flow flow = {.transport = MT_SIP_UDP, .conn = 0, .addr = *from};
    input(ctx, &flow, bytes);
}

/* Queued, for a flow can die while the machine's actions are being sent. */
void mt_sip_front_closed(void *ctx, mt_conn *conn) {
    mt_server *srv = ctx;
    if (mt_conn_is_ws(conn) && mt_proxies_trusts(&srv->opt.trusted_proxies, mt_conn_peer(conn)))
        mt_limits_conn_closed(&srv->limits, mt_conn_remote(conn));
    mt_events_push(&srv->events, &(mt_event){.kind = MT_EVENT_FLOW_CLOSED, .flow = flow_of(conn)});
}

mt_err mt_sip_front_cut(mt_slice stream, size_t max_bytes, size_t *len, bool *message, mt_slice *reply) {
    mt_sip_frame frame;
    mt_err err = mt_sip_frame_cut(stream, max_bytes, &frame);
    if (err != MT_OK)
        return err;
    *len = frame.len;
    /* A run of them is answered once: thousands fit into one read, and each answer would be a system call. */
    while (frame.keepalive && stream.len - *len >= frame.len && memcmp(stream.p + *len, stream.p, frame.len) == 0)
        *len += frame.len;
    *message = !frame.keepalive && !frame.skip;
    *reply = frame.keepalive ? MT_SLICE_LIT("\r\n") : (mt_slice){NULL, 0};
    return MT_OK;
}

/* A proxy's own connections are not counted (server.c); a WebSocket through it is its client's. */
static bool count_behind_proxy(mt_server *srv, const mt_http_req *req) {
    return !mt_proxies_trusts(&srv->opt.trusted_proxies, mt_http_req_peer(req)) ||
           mt_limits_conn_open(&srv->limits, mt_http_req_remote(req), mt_server_now_ms(srv));
}

const char *mt_sip_front_upgrade(void *ctx, mt_http_req *req) {
    mt_server *srv = ctx;
    if (!mt_web_admit(srv, req))
        return NULL;
    if (!mt_slice_is(mt_http_req_path(req), "/sip") || srv->asterisk != NULL)
        mt_web_problem(srv, req, MT_WEB_NOT_FOUND);
    else if (srv->stopping)
        mt_web_problem(srv, req, MT_WEB_SHUTTING_DOWN);
    else if (!mt_http_req_header_has(req, "Sec-WebSocket-Protocol", "sip"))
        mt_web_problem(srv, req, MT_WEB_BAD_REQUEST);
    else if (!count_behind_proxy(srv, req))
        mt_web_slow_down(srv, req, MT_REFUSED_CONNECTIONS, 10);
    else
        return "sip";
    return NULL;
}

static void send_action(mt_server *srv, const mt_sip_action *a) {
    mt_metrics_sip_sent(&srv->metrics, a->bytes);
    if (a->flow.transport == MT_SIP_UDP) {
        mt_udp_send(srv->udp, &a->flow.addr, a->bytes);
        return;
    }
    mt_conn *conn = mt_net_conn(srv->net, a->flow.conn);
    mt_err err = conn != NULL ? mt_conn_send(conn, a->bytes) : MT_ECLOSED;
    if (err != MT_OK) /* `closed` comes, or has come */
        mt_log(MT_LOG_DEBUG, "sip", "not sent: %s", mt_err_str(err));
}

static void ignore(mt_err err) {
    if (err != MT_OK && err != MT_ENOENT && err != MT_ESTATE)
        mt_log(MT_LOG_WARN, "matchmaker", "%s", mt_err_str(err));
}

static void end(mt_server *srv, const mt_sip_action *a, mt_pair_end why, int64_t now_ms) {
    ignore(mt_match_end(srv->match, a->pair.id, why, now_ms));
}

static void up(mt_server *srv, const mt_sip_action *a, int64_t now_ms) {
    mt_err err = mt_match_up(srv->match, a->pair.id, now_ms);
    const mt_pair *pair = mt_match_pair_by_id(srv->match, a->pair.id);
    if (err == MT_OK && pair != NULL) {
        mt_console_call_up(pair);
        srv->metrics.calls++;
        mt_metrics_time(&srv->metrics.setup, now_ms - mt_session_of(mt_pair_caller(pair))->drawn_ms);
        mt_session_changed(mt_session_of(mt_pair_caller(pair)));
        mt_session_changed(mt_session_of(mt_pair_callee(pair)));
    } else if (err == MT_ENOENT) { /* the 200 crossed the pair's end */
        mt_event ev = {.kind = MT_EVENT_ENDED};
        memcpy(ev.pair, a->pair.id, sizeof ev.pair);
        mt_events_push(&srv->events, &ev);
    }
}

static void binding(mt_server *srv, const mt_sip_action *a, bool registered, int64_t now_ms) {
    static const char *const why[] = {"by himself", "expired", "flow lost"};
    mt_session *s = mt_session_by_exten(srv, (uint32_t)a->user);
    if (s == NULL)
        return;
    static const char *const over[] = {"over udp", "over tcp", "over tls", "over ws", "over wss"};
    if (registered && !s->registered)
        mt_console_user(s, "registered", over[a->flow.transport]);
    else if (!registered)
        mt_console_user(s, "unregistered", a->code < 3 ? why[a->code] : NULL);
    mt_session_set_registered(s, registered, now_ms);
}

static mt_pair_end refusal(unsigned code) {
    if (code == 487) /* the caller cancelled */
        return MT_END_HANGUP;
    return code == 480 || code == 408 ? MT_END_CALLEE_SILENT : MT_END_REFUSED;
}

static void event(mt_server *srv, const mt_sip_action *a, int64_t now_ms) {
    switch (a->event) {
    case MT_SIP_REGISTERED:
        binding(srv, a, true, now_ms);
        break;
    case MT_SIP_UNREGISTERED:
        binding(srv, a, false, now_ms);
        break;
    case MT_SIP_INVITED:
        ignore(mt_match_invited(srv->match, a->pair.id, now_ms));
        break;
    case MT_SIP_RINGING:
        ignore(mt_match_ringing(srv->match, a->pair.id, now_ms));
        break;
    case MT_SIP_UP:
        up(srv, a, now_ms);
        break;
    case MT_SIP_REFUSED:
        end(srv, a, refusal(a->code), now_ms);
        break;
    case MT_SIP_BYE:
        end(srv, a, MT_END_HANGUP, now_ms);
        break;
    case MT_SIP_CALL_GONE:
        end(srv, a, MT_END_FLOW_LOST, now_ms);
        break;
    case MT_SIP_AUTH_FAILED:
        srv->metrics.refused[MT_REFUSED_SIP_AUTH]++;
        mt_console_trouble(&srv->console, MT_CONSOLE_AUTH, "SIP credentials refused", &a->flow.addr, now_ms);
        break;
    }
}

bool mt_sip_front_drain(mt_server *srv, int64_t now_ms) {
    mt_sip_action a;
    bool any = false;
    while (mt_sip_server_action(srv->sip, &a) == MT_OK) {
        any = true;
        if (a.kind == MT_SIP_SEND) {
            send_action(srv, &a);
        } else if (a.kind == MT_SIP_EVENT) {
            event(srv, &a, now_ms);
        } else {
            mt_conn *conn = mt_net_conn(srv->net, a.flow.conn);
            if (conn != NULL)
                mt_conn_close(conn, 1000);
        }
    }
    return any;
}

/* The first address beyond loopback that this machine has, for a server bound to all of them. */
static void own_address(char out[MT_ADDR_STRLEN]) {
    struct ifaddrs *list;
    (void)snprintf(out, MT_ADDR_STRLEN, "127.0.0.1");
    if (getifaddrs(&list) != 0)
        return;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        mt_addr a;
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK) != 0 ||
            mt_addr_from_sockaddr(i->ifa_addr, &a) != MT_OK)
            continue;
        mt_addr_format_ip(&a, out);
        break;
    }
    freeifaddrs(list);
}

/* The host that clients are told to come back to within a dialog. */
static void via_host(const mt_server *srv, char *out, size_t out_bytes) {
    char ip[MT_ADDR_STRLEN];
    /* Where only TLS is open to others, that is where they come back to. */
    bool tls_alone =
        mt_addr_is_loopback(&srv->sip_addr) && mt_options_has(&srv->sips_addr) && !mt_addr_is_loopback(&srv->sips_addr);
    const mt_addr *at = tls_alone ? &srv->sips_addr : &srv->sip_addr;
    mt_addr_format_ip(at, ip);
    if (mt_server_is_any(at)) {
        if (srv->opt.domain != NULL) {
            (void)snprintf(out, out_bytes, "%.*s", (int)(out_bytes - 1), srv->domain);
            return;
        }
        own_address(ip);
        mt_log(MT_LOG_WARN, "sip", "bound to all addresses without --domain: clients are told a single one");
    }
    (void)snprintf(out, out_bytes, strchr(ip, ':') != NULL ? "[%s]" : "%s", ip);
}

mt_err mt_sip_front_create(mt_server *srv) {
    mt_sip_server_config cfg = srv->opt.sip_rules;
    (void)snprintf(cfg.domain, sizeof cfg.domain, "%s", srv->domain);
    via_host(srv, cfg.via_host, sizeof cfg.via_host);
    cfg.port_udp = cfg.port_tcp = mt_addr_port(&srv->sip_addr);
    cfg.port_tls = mt_options_has(&srv->sips_addr) ? mt_addr_port(&srv->sips_addr) : 0;
    mt_err err = mt_sip_server_create(&cfg, srv->random, &mt_sip_front_policy, srv, &srv->sip);
    if (err == MT_OK)
        mt_sip_server_hide(srv->sip, mt_relay_is_only(&srv->opt.relay));
    return err;
}
