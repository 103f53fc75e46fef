#include "server/metrics.h"

#include <assert.h>

#include "server/server_int.h"
#include "server/suspension.h"
#include "server/web.h"
#include "sip/msg.h"

static_assert((int)MT_WEB_TROUBLES <= MT_METRICS_PROBLEMS, "room for each trouble");
static_assert((int)MT_REPORT_REASONS <= MT_METRICS_REASONS, "room for each reason");

const uint32_t mt_metrics_bounds_ms[MT_METRICS_BOUNDS] = {1,   2,    5,    10,   20,    50,    100,  200,
                                                          500, 1000, 2000, 5000, 10000, 30000, 60000};

void mt_metrics_time(mt_metrics_times *t, int64_t ms) {
    size_t i = 0;
    if (ms < 0)
        ms = 0;
    while (i < MT_METRICS_BOUNDS && ms > mt_metrics_bounds_ms[i])
        i++;
    t->buckets[i]++;
    t->sum_ms += (uint64_t)ms;
}

void mt_metrics_sip_sent(mt_metrics *m, mt_slice message) {
    static const char start[] = "SIP/2.0 ";
    if (message.len < sizeof start || memcmp(message.p, start, sizeof start - 1) != 0)
        return; /* a request */
    char digit = message.p[sizeof start - 1];
    m->sip_responses[digit >= '1' && digit <= '6' ? digit - '0' : 0]++;
}

static void head(mt_buf *out, const char *name, const char *type, const char *help) {
    mt_buf_printf(out, "# HELP myturn_%s %s\n# TYPE myturn_%s %s\n", name, help, name, type);
}

static void one(mt_buf *out, const char *name, const char *type, const char *help, uint64_t value) {
    head(out, name, type, help);
    mt_buf_printf(out, "myturn_%s %llu\n", name, (unsigned long long)value);
}

static void labelled(mt_buf *out, const char *name, const char *label, const char *value, uint64_t count) {
    mt_buf_printf(out, "myturn_%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)count);
}

static void times(mt_buf *out, const char *name, const char *help, const mt_metrics_times *t) {
    uint64_t sum = 0;
    head(out, name, "histogram", help);
    for (size_t i = 0; i < MT_METRICS_BOUNDS; i++) {
        sum += t->buckets[i];
        mt_buf_printf(out, "myturn_%s_bucket{le=\"%g\"} %llu\n", name, mt_metrics_bounds_ms[i] / 1000.0,
                      (unsigned long long)sum);
    }
    sum += t->buckets[MT_METRICS_BOUNDS];
    mt_buf_printf(out, "myturn_%s_bucket{le=\"+Inf\"} %llu\nmyturn_%s_sum %llu.%03u\nmyturn_%s_count %llu\n", name,
                  (unsigned long long)sum, name, (unsigned long long)(t->sum_ms / 1000), (unsigned)(t->sum_ms % 1000),
                  name, (unsigned long long)sum);
}

static void write_users(const mt_server *srv, mt_buf *out) {
    static const char *const statuses[] = {"busy", "ready", "paired", "ready_to_talk"};
    uint64_t by_status[4] = {0}, up = 0, registered = 0;
    for (mt_user *u = NULL; (u = mt_match_next(srv->match, u)) != NULL;) {
        const mt_pair *pair = mt_user_pair(u);
        const mt_session *s = mt_session_of(u);
        by_status[mt_user_status(u)]++;
        up += pair != NULL && mt_pair_caller(pair) == u && mt_pair_is_up(pair);
        registered += s != NULL && s->registered;
    }
    head(out, "users", "gauge", "Users logged in, by status.");
    for (size_t i = 0; i < 4; i++)
        labelled(out, "users", "status", statuses[i], by_status[i]);
    one(out, "users_registered", "gauge", "Users with a SIP binding.", registered);
    one(out, "calls_up", "gauge", "Calls that are up.", up);
}

static void write_draws(const mt_server *srv, mt_buf *out) {
    const mt_metrics *m = &srv->metrics;
    one(out, "draws_total", "counter", "Pairs drawn.", mt_match_count(srv->match).draws);
    one(out, "calls_total", "counter", "Calls that came up.", m->calls);
    times(out, "draw_wait_seconds", "From ready to drawn, for each user.", &m->draw_wait);
    times(out, "setup_seconds", "From the draw to the call being up.", &m->setup);
}

static void write_conduct(const mt_server *srv, mt_buf *out) {
    static const char *const whom[] = {"login", "address"};
    const mt_metrics *m = &srv->metrics;
    int64_t now_ms = mt_server_now_ms(srv);
    uint64_t suspended = 0;
    for (mt_user *u = NULL; (u = mt_match_next(srv->match, u)) != NULL;)
        suspended += mt_match_is_barred(u, now_ms);
    one(out, "blocks_total", "counter", "Partners blocked.", m->blocks);
    head(out, "reports_total", "counter", "Reports about partners, by reason.");
    for (size_t i = 0; i < MT_REPORT_REASONS; i++)
        labelled(out, "reports_total", "reason", mt_suspension_reasons[i], m->reports[i]);
    one(out, "reports_lost_total", "counter", "Reports that could not be written.",
        m->reports_lost + mt_reports_lost(srv->reports));
    head(out, "suspensions_total", "counter", "Suspensions by reports, of what.");
    for (size_t i = 0; i < 2; i++)
        labelled(out, "suspensions_total", "of", whom[i], m->suspended[i]);
    one(out, "users_suspended", "gauge", "Users logged in who take part in no draw.", suspended);
}

static void write_refusals(const mt_server *srv, mt_buf *out) {
    static const char *const kinds[] = {"requests_per_address",     "logins_per_address",  "connections_per_address",
                                        "sip_requests_per_address", "reports_per_address", "method_not_allowed",
                                        "sip_credentials"};
    const mt_metrics *m = &srv->metrics;
    uint64_t of_address = m->refused[MT_REFUSED_CONNECTIONS], all = mt_net_count(srv->net).refused;
    head(out, "refusals_total", "counter", "What was refused, by reason.");
    for (size_t i = 0; i < MT_REFUSED_KINDS; i++)
        labelled(out, "refusals_total", "reason", kinds[i], m->refused[i]);
    labelled(out, "refusals_total", "reason", "connections", all > of_address ? all - of_address : 0);
    for (int i = 0; i < MT_WEB_TROUBLES; i++)
        labelled(out, "refusals_total", "reason", mt_web_code((mt_web_trouble)i), m->problems[i]);
}

static void write_sip(const mt_server *srv, mt_buf *out) {
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx"};
    mt_sip_server_counts n = mt_sip_server_count(srv->sip);
    head(out, "sip_requests_total", "counter", "SIP requests received, by method.");
    for (size_t i = 0; i < MT_SIP_METHODS; i++)
        labelled(out, "sip_requests_total", "method", i == 0 ? "other" : mt_sip_method_str((mt_sip_method)i),
                 n.by_method[i]);
    head(out, "sip_responses_total", "counter", "SIP responses sent, by class.");
    for (size_t i = 0; i < 7; i++)
        labelled(out, "sip_responses_total", "class", classes[i], srv->metrics.sip_responses[i]);
    one(out, "sip_malformed_total", "counter", "SIP messages dropped as malformed.", n.malformed);
    one(out, "sip_challenges_total", "counter", "SIP requests challenged.", n.challenges);
    one(out, "sip_bindings", "gauge", "Users registered by SIP.", n.bindings);
    one(out, "sip_dialogs", "gauge", "Calls known to the SIP server.", n.dialogs);
    one(out, "sip_transactions", "gauge", "SIP transactions kept.", n.transactions);
}

static void write_net(const mt_server *srv, mt_buf *out) {
    mt_net_counts n = mt_net_count(srv->net);
    one(out, "http_requests_total", "counter", "HTTP requests read.", n.requests);
    one(out, "connections_open", "gauge", "TCP connections open.", n.open);
    one(out, "connections_total", "counter", "TCP connections accepted.", n.accepted);
    one(out, "websockets_total", "counter", "WebSocket handshakes done.", n.ws_opened);
    one(out, "tls_handshakes_total", "counter", "TLS handshakes done.", n.tls_opened);
    one(out, "tls_failures_total", "counter", "TLS handshakes failed.", n.tls_failed);
    one(out, "datagrams_received_total", "counter", "UDP datagrams received.", n.datagrams_in);
    one(out, "datagrams_sent_total", "counter", "UDP datagrams sent.", n.datagrams_out);
    times(out, "loop_lag_seconds", "How late the loop comes to what is due.", &srv->metrics.lag);
}

void mt_metrics_write(const mt_server *srv, mt_buf *out) {
    write_users(srv, out);
    write_draws(srv, out);
    write_conduct(srv, out);
    write_refusals(srv, out);
    write_sip(srv, out);
    write_net(srv, out);
}
