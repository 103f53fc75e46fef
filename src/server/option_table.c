#include <assert.h>
#include <string.h>

#include "server/option.h"

#define AT(member) .offset = offsetof(mt_options, member)
#define FLAG(where, name, m, ...)                                                                                      \
    { .section = where, .key = name, .kind = MT_OPTION_FLAG, AT(m), __VA_ARGS__ }
#define ADDRESS(where, name, m, ...)                                                                                   \
    { .section = where, .key = name, .kind = MT_OPTION_ADDRESS, AT(m), __VA_ARGS__ }
#define TEXT(where, name, m, ...)                                                                                      \
    { .section = where, .key = name, .kind = MT_OPTION_TEXT, AT(m), __VA_ARGS__ }
#define PATH(where, name, m, ...)                                                                                      \
    { .section = where, .key = name, .kind = MT_OPTION_PATH, AT(m), __VA_ARGS__ }
#define HOST(where, name, m, ...)                                                                                      \
    { .section = where, .key = name, .kind = MT_OPTION_HOST, AT(m), __VA_ARGS__ }
#define WORD(where, name, m, list, ...)                                                                                \
    { .section = where, .key = name, .kind = MT_OPTION_WORD, AT(m), .words = list, __VA_ARGS__ }
#define U32(where, name, m, low, high, ...)                                                                            \
    { .section = where, .key = name, .kind = MT_OPTION_U32, AT(m), .min = low, .max = high, __VA_ARGS__ }
#define SIZE(where, name, m, low, high, ...)                                                                           \
    { .section = where, .key = name, .kind = MT_OPTION_SIZE, AT(m), .min = low, .max = high, __VA_ARGS__ }
#define NETWORKS(where, name, m, ...)                                                                                  \
    { .section = where, .key = name, .kind = MT_OPTION_NETWORKS, AT(m), __VA_ARGS__ }
#define STUN_URLS(where, name, m, ...)                                                                                 \
    { .section = where, .key = name, .kind = MT_OPTION_STUN_URLS, AT(m), __VA_ARGS__ }
#define TURN_URLS(where, name, m, ...)                                                                                 \
    { .section = where, .key = name, .kind = MT_OPTION_TURN_URLS, AT(m), __VA_ARGS__ }
#define HELP(text) .help = text
#define LIVE .live = true

#define HOUR_MS 3600000
#define DAY_S 86400
#define MANY 1000000

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const who[] = {"operator", "loopback", "open", NULL};
static const char *const headers[] = {"x-forwarded-for", "forwarded", NULL};
static const char *const sip_servers[] = {"embedded", "asterisk", NULL};
static const char *const relaying[] = {"auto", "yes", "no", NULL};
static const char *const modes[] = {"try", "require", "off", NULL};

const mt_option mt_option_table[] = {
    PATH(NULL, "config", config, HELP("read options from this file; the command line is over it")),
    FLAG(NULL, "check_config", check_config, HELP("say what is wrong with the options, and exit: 0 if nothing is")),
    FLAG(NULL, "print_config", print_config, HELP("show all options in force as a configuration file, and exit")),
    FLAG(NULL, "help", help, HELP("show this help")),
    FLAG(NULL, "version", version, HELP("show the version")),

    ADDRESS("listen", "http", http, HELP("API, web page and SIP over WebSocket; port 0: any free one")),
    ADDRESS("listen", "sip", sip, HELP("SIP over UDP and TCP; port 0: any free one")),
    ADDRESS("listen", "https", https, HELP("the same as http, inside TLS")),
    ADDRESS("listen", "sips", sips, HELP("SIP inside TLS, usually port 5061")),
    HOST("listen", "domain", domain, HELP("SIP domain and realm, and a host name clients may use")),
    NETWORKS("listen", "trusted_proxies", trusted_proxies,
             HELP("proxies in front of http, believed about whom they ask for")),
    WORD("listen", "proxy_header", proxy_header, headers, HELP("the header that they write")),

    PATH("tls", "tls_cert", tls_cert, HELP("certificate for TLS, with its chain, in PEM")),
    PATH("tls", "tls_key", tls_key, HELP("its key, in PEM without passphrase")),
    FLAG("tls", "self_signed", self_signed, HELP("make a certificate, kept in memory; its fingerprint is logged")),

    PATH("api", "web", web, LIVE, HELP("serve the web page from this folder"), .value = "DIR"),
    PATH("api", "operator_token_file", operator_token_file, LIVE, HELP("a file with the operator's token, one line")),
    FLAG("api", "open_api", open_api, HELP("everybody is operator: laboratories only")),
    FLAG("api", "open_api_anywhere", open_api_anywhere, HELP("allow open_api beyond loopback")),
    WORD("api", "metrics", metrics, who, LIVE,
         HELP("/metrics is for the operator's token, also for loopback, or open")),

    WORD("asterisk", "sip_server", asterisk.sip_server, sip_servers,
         HELP("who is the SIP server; the rest of this section is for asterisk"), .value = "WHICH"),
    TEXT("asterisk", "asterisk_dir", asterisk.dir, HELP("where its sip.conf and extensions.conf are"), .value = "DIR"),
    ADDRESS("asterisk", "asterisk_host", asterisk.host, HELP("where clients reach it, over UDP")),
    HOST("asterisk", "asterisk_realm", asterisk.realm, HELP("its SIP realm")),
    TEXT("asterisk", "asterisk_command", asterisk.command,
         HELP("its program, by which it is asked while the AMI is away"), .value = "FILE"),
    ADDRESS("asterisk", "ami", asterisk.ami, HELP("its manager interface")),
    TEXT("asterisk", "ami_user", asterisk.ami_user, HELP("who to be there"), .value = "NAME"),
    PATH("asterisk", "ami_secret_file", asterisk.ami_secret_file, HELP("a file with the secret for it, one line")),

    STUN_URLS("ice", "stun", relay.stun, LIVE, HELP("STUN servers that clients are told")),
    TURN_URLS("ice", "turn", relay.turn, LIVE, HELP("TURN servers that clients are told, with credentials")),
    PATH("ice", "turn_secret_file", relay.secret_file, LIVE,
         HELP("a file with the secret shared with the TURN server, one line")),
    U32("ice", "turn_ttl_s", relay.ttl_s, 60, 7 * DAY_S, LIVE, HELP("how long the credentials are good")),
    WORD("ice", "relay_only", relay.only, relaying, LIVE,
         HELP("partners reach each other by relay only, and learn no address; auto: where turn is set"),
         .value = "WHEN"),

    TEXT("conduct", "contact", contact, LIVE, HELP("how users reach the operator, shown to them")),
    U32("conduct", "report_threshold", conduct.threshold, 0, MT_CONDUCT_THRESHOLD_MAX, LIVE,
        HELP("reporters who suspend a login; 0: none is suspended")),
    U32("conduct", "report_threshold_address", conduct.address_threshold, 0, MT_CONDUCT_THRESHOLD_MAX, LIVE,
        HELP("reporters who suspend all at an address; 0: none is suspended")),
    U32("conduct", "report_window_s", conduct.window_s, 1, DAY_S, LIVE, HELP("a report counts so long")),
    U32("conduct", "suspend_s", conduct.suspend_s, 1, DAY_S, LIVE, HELP("who is suspended is not drawn so long")),
    U32("conduct", "blocks_per_user", match.max_blocks, 1, 10000, HELP("others online whom one may block")),
    TEXT("conduct", "reports_dir", reports_dir, HELP("write reports as files into this folder"), .value = "DIR"),
    U32("conduct", "reports_keep_days", reports_keep_days, 1, 3650, HELP("and delete them after so many days")),

    WORD("log", "log_level", log_level, levels, LIVE, HELP("how much is logged; addresses at debug only")),
    FLAG("log", "log_names", log_names, LIVE, HELP("nicknames and pairs in the log even if it is no terminal")),

    TEXT("sandbox", "user", user, HELP("started as root: become this user once the ports are open"), .value = "NAME"),
    WORD("sandbox", "sandbox", sandbox, modes, HELP("give up what serving does not need; try says what cannot be had")),

    FLAG("limits", "no_limits", limits.off, HELP("no limits per client address")),
    FLAG("limits", "limit_loopback", limits.loopback_too, HELP("count loopback addresses like any other")),
    U32("limits", "connections_per_address", limits.conns, 1, MANY, LIVE, HELP("TCP connections open")),
    U32("limits", "logins_per_minute", limits.logins_min, 1, MANY, LIVE, HELP("logins from one address")),
    U32("limits", "requests_per_minute", limits.requests_min, 1, 10 * MANY, LIVE,
        HELP("HTTP requests from one address")),
    U32("limits", "sip_requests_per_minute", limits.sip_min, 1, 10 * MANY, LIVE,
        HELP("SIP requests from one address; streams and UDP apart")),
    U32("limits", "reports_per_minute", limits.reports_min, 1, MANY, LIVE,
        HELP("reports about others from one address")),
    U32("limits", "idle_logins_per_address", limits.idle_logins, 1, MANY, LIVE, HELP("logins without a SIP binding")),
    U32("limits", "addresses_remembered", limits.max_addresses, 16, 10 * MANY, LIVE,
        HELP("addresses counted at a time; more are refused")),
    U32("limits", "users_per_address", limits.users, 1, MANY, LIVE, HELP("logins in all from one address")),
    SIZE("limits", "max_users", match.max_users, 2, 10 * MANY, HELP("users logged in")),
    U32("limits", "max_connections", net.max_conns, 8, MANY, HELP("TCP connections open in all")),
    SIZE("limits", "header_bytes", net.header_bytes, 1024, 65535, HELP("an HTTP request's header")),
    SIZE("limits", "body_bytes", net.body_bytes, 1024, 1048576, HELP("an HTTP request's body")),
    SIZE("limits", "pipelined_bytes", net.pipelined_bytes, 1024, 1048576, HELP("sent ahead behind a held request")),
    SIZE("limits", "sip_message_bytes", net.sip_bytes, 4096, 32768, HELP("a SIP message on a stream")),
    SIZE("limits", "ws_message_bytes", net.ws_message_bytes, 4096, 32768, HELP("a WebSocket message")),
    SIZE("limits", "queued_bytes", net.queued_bytes, 131072, 16777216,
         HELP("output that a connection's peer does not take; above it is closed")),
    U32("limits", "first_byte_ms", net.first_byte_ms, 100, HOUR_MS, HELP("from connecting to the first byte")),
    U32("limits", "tls_handshake_ms", net.tls_handshake_ms, 100, HOUR_MS, HELP("from connecting to the end of it")),
    U32("limits", "header_ms", net.header_ms, 100, HOUR_MS, HELP("for an HTTP request's whole header")),
    U32("limits", "body_ms", net.body_ms, 100, HOUR_MS, HELP("for a body to gather pace, and for a SIP message")),
    U32("limits", "body_rate", net.body_rate, 0, 1048576,
        HELP("bytes a second that a body must keep, and who is slow to take output; 0: any")),
    U32("limits", "idle_ms", net.idle_ms, 100, HOUR_MS,
        HELP("between HTTP requests, and for a peer that takes none of its output")),
    U32("limits", "flow_idle_ms", net.flow_idle_ms, 100, HOUR_MS, HELP("silence on a SIP or WebSocket connection")),
    U32("limits", "ws_ping_ms", net.ws_ping_ms, 100, HOUR_MS, HELP("silence until a WebSocket is pinged")),

    U32("login", "lease_s", lease_s, 1, DAY_S, LIVE, HELP("a login's life after the last request or SIP binding")),
    U32("login", "first_lease_s", first_lease_s, 1, DAY_S, LIVE, HELP("the same where SIP was never registered")),
    U32("login", "first_exten", match.first_exten, 100000, 899999999, HELP("the first extension that is given")),

    U32("draw", "max_wait_s", max_wait_s, 1, 3600, LIVE, HELP("a request is held at most so long")),
    U32("draw", "repeat_after_ms", match.repeat_after_ms, 0, HOUR_MS,
        HELP("last partners, alone, meet again after waiting this long")),
    U32("draw", "draw_window_ms", match.draw_window_ms, 0, 60000,
        HELP("who becomes ready draws only after so long, so that others gather")),
    U32("draw", "callee_ready_ms", match.callee_ready_ms, 100, HOUR_MS,
        HELP("the callee must be ready to talk by then")),
    U32("draw", "invite_ms", match.invite_ms, 1000, HOUR_MS, HELP("the caller must dial by then")),
    U32("draw", "invite_phone_ms", match.invite_phone_ms, 1000, HOUR_MS, HELP("the same for one who dials by hand")),
    U32("draw", "silent_ms", match.silent_ms, 100, HOUR_MS, HELP("from dialling to the first sign of the callee")),
    U32("draw", "answer_ms", match.answer_ms, 100, HOUR_MS, HELP("from ringing to the answer")),
    U32("draw", "answer_phone_ms", match.answer_phone_ms, 100, HOUR_MS, HELP("the same for a soft phone")),
    U32("draw", "ready_lapse_ms", match.ready_lapse_ms, 100, HOUR_MS,
        HELP("ready by update-status-rdy lapses after the last request")),
    U32("draw", "poll_fresh_ms", match.poll_fresh_ms, 100, HOUR_MS,
        HELP("and is drawn by others only so long after it")),
    U32("draw", "keep_wait_ms", match.keep_wait_ms, 0, HOUR_MS, HELP("waiting time is kept between two held requests")),

    U32("sip", "t1_ms", sip_rules.t1_ms, 10, 10000, HELP("T1 of RFC 3261: the round trip's estimate")),
    U32("sip", "t2_ms", sip_rules.t2_ms, 10, 60000, HELP("T2: longest interval of repetitions")),
    U32("sip", "t4_ms", sip_rules.t4_ms, 10, 60000, HELP("T4: how long a message stays in the network")),
    U32("sip", "timer_c_ms", sip_rules.timer_c_ms, 1000, HOUR_MS, HELP("timer C: an INVITE without final answer")),
    U32("sip", "park_ms", sip_rules.park_ms, 0, 60000, HELP("a call waits for a callee who is not registered yet")),
    U32("sip", "rebind_ms", sip_rules.rebind_ms, 0, 60000, HELP("a request within a call waits for a lost flow")),
    U32("sip", "gone_ms", sip_rules.gone_ms, 0, 600000, HELP("a call whose side lost its flow is given up")),
    U32("sip", "qualify_ms", sip_rules.qualify_ms, 1000, HOUR_MS, HELP("interval of our OPTIONS to UDP bindings")),
    U32("sip", "qualify_limit_ms", sip_rules.qualify_limit_ms, 100, 60000, HELP("an answer to it is due by then")),
    U32("sip", "min_expires_s", sip_rules.min_expires_s, 1, DAY_S, HELP("shortest registration; less is 423")),
    U32("sip", "max_expires_s", sip_rules.max_expires_s, 1, DAY_S, HELP("longest registration")),
    U32("sip", "default_expires_s", sip_rules.default_expires_s, 1, DAY_S, HELP("where the client names none")),
    U32("sip", "nonce_life_ms", sip_rules.nonce_life_ms, 1000, HOUR_MS, HELP("a challenge is stale after")),
    U32("sip", "max_transactions", sip_rules.max_transactions, 16, 10 * MANY,
        HELP("transactions in all; more are 503")),
    U32("sip", "max_message_bytes", sip_rules.max_message_bytes, 4096, 32768, HELP("a SIP message, by whatever way")),
    FLAG("sip", "offer_sha256", sip_rules.offer_sha256,
         HELP("a second challenge, with SHA-256; some clients stumble over it")),
};
const size_t mt_option_count = sizeof(mt_option_table) / sizeof(mt_option_table[0]);
static_assert(sizeof(mt_option_table) / sizeof(mt_option_table[0]) <= MT_OPTION_MAX, "too many rows");
static_assert(sizeof((mt_options *)0)->from / sizeof(uint16_t) == MT_OPTION_MAX, "a place for each row");

size_t mt_option_index(const mt_option *opt) {
    return (size_t)(opt - mt_option_table);
}

/* '-' and '_' are the same. */
static bool is_name(mt_slice given, const char *key) {
    for (size_t i = 0; i < given.len; i++) {
        char c = given.p[i] == '-' ? '_' : given.p[i];
        if (key[i] == '\0' || key[i] != c)
            return false;
    }
    return key[given.len] == '\0';
}

const mt_option *mt_option_find(mt_slice name) {
    for (size_t i = 0; i < mt_option_count; i++) {
        if (is_name(name, mt_option_table[i].key))
            return &mt_option_table[i];
    }
    return NULL;
}

bool mt_option_is_section(mt_slice name) {
    for (size_t i = 0; i < mt_option_count; i++) {
        if (mt_option_table[i].section != NULL && mt_slice_is(name, mt_option_table[i].section))
            return true;
    }
    return false;
}
