#include "server/web.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define OUT_KEPT 65536 /* a larger scratch buffer is given back */
#define NO_STORE                                                                                                       \
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n"

static const struct {
    unsigned status;
    const char *code, *title;
} troubles[] = {
    [MT_WEB_BAD_REQUEST] = {400, "bad_request", "The request is malformed"},
    [MT_WEB_INVALID_NAME] = {400, "invalid_name",
                             "This name cannot be used: 1 to 32 letters, digits, . _ - of one script"},
    [MT_WEB_INVALID_DEVICE] = {400, "invalid_device", "No such device"},
    [MT_WEB_INVALID_LINK] = {400, "invalid_link", "No known link policy"},
    [MT_WEB_INVALID_REASON] = {400, "invalid_reason", "No such reason"},
    [MT_WEB_INVALID_NOTE] = {400, "invalid_note", "The note must be text of at most 500 characters"},
    [MT_WEB_NOT_RELAYED] = {400, "not_relayed", "Here a description may name no address but relays"},
    [MT_WEB_UNAUTHORIZED] = {401, "unauthorized", "Log in first"},
    [MT_WEB_FOREIGN_ORIGIN] = {403, "foreign_origin", "Requests from other sites are refused"},
    [MT_WEB_OPERATOR_ONLY] = {403, "operator_only", "For the operator only"},
    [MT_WEB_SUSPENDED] = {403, "suspended", "You are suspended for a time"},
    [MT_WEB_NOT_FOUND] = {404, "not_found", "There is no such thing"},
    [MT_WEB_NAME_TAKEN] = {409, "name_taken", "This name is taken, choose another"},
    [MT_WEB_SUPERSEDED] = {409, "superseded", "A newer request took the place of this one"},
    [MT_WEB_LEFT] = {409, "left", "You left the pool"},
    [MT_WEB_NOT_REGISTERED] = {409, "not_registered", "The SIP server has lost your registration: register anew"},
    [MT_WEB_IN_TALK] = {409, "in_talk", "You are in a talk: name it in \"leave\" to end it"},
    [MT_WEB_PAIRED] = {409, "paired", "You are in a pair: name it to end it"},
    [MT_WEB_WRONG_STATE] = {409, "wrong_state", "Not possible at this status"},
    [MT_WEB_BLOCKS_FULL] = {409, "blocks_full",
                            "You have blocked as many as the server remembers: you may meet this one again"},
    [MT_WEB_MEDIA_TYPE] = {415, "unsupported_media_type", "The body must be application/json"},
    [MT_WEB_WRONG_HOST] = {421, "wrong_host", "This server does not go by that name"},
    [MT_WEB_FULL] = {503, "full", "The server is full, try again later"},
    [MT_WEB_SIP_AWAY] = {503, "sip_away", "The SIP server does not answer, try again later"},
    [MT_WEB_SHUTTING_DOWN] = {503, "shutting_down", "The server is going down"},
};

void mt_web_begin(mt_server *srv) {
    if (srv->out.cap > OUT_KEPT)
        mt_buf_deinit(&srv->out);
    mt_buf_reset(&srv->out);
}

void mt_web_send(mt_server *srv, mt_http_req *req, const mt_web_answer *a) {
    char headers[512];
    const char *lines = NO_STORE;
    if (a->headers != NULL || a->waited) {
        int n = snprintf(headers, sizeof headers, "%s%s", NO_STORE, a->headers != NULL ? a->headers : "");
        if (a->waited && n > 0 && (size_t)n < sizeof headers)
            (void)snprintf(headers + n, sizeof headers - (size_t)n, "Preference-Applied: wait=%u\r\n",
                           (unsigned)a->wait_s);
        lines = headers;
    }
    mt_http_answer answer = {.status = a->status,
                             .content_type = a->content_type != NULL ? a->content_type : "application/json",
                             .headers = lines,
                             .body = mt_buf_slice(&srv->out),
                             .written = a->written,
                             .written_ctx = a->written_ctx};
    if (mt_buf_err(&srv->out) != MT_OK) { /* half a body is worse than none */
        answer.status = 503;
        answer.body =
            MT_SLICE_LIT("{\"type\":\"about:blank\",\"title\":\"No memory\",\"status\":503,\"code\":\"full\"}");
        answer.content_type = "application/problem+json";
    }
    srv->answers++;
    mt_http_reply(req, &answer);
}

void mt_web_send_json(mt_server *srv, mt_http_req *req, unsigned status) {
    mt_web_send(srv, req, &(mt_web_answer){.status = status});
}

void mt_web_no_content(mt_server *srv, mt_http_req *req) {
    srv->answers++;
    mt_http_reply(req, &(mt_http_answer){.status = 204, .headers = NO_STORE});
}

static void problem(mt_server *srv, unsigned status, const char *code, const char *title, const char *member) {
    mt_web_begin(srv);
    mt_buf_add_str(&srv->out, "{\"type\":\"about:blank\",\"title\":");
    mt_json_str(&srv->out, mt_slice_of(title));
    mt_buf_printf(&srv->out, ",\"status\":%u,\"code\":\"%s\"", status, code);
    if (member != NULL) {
        mt_buf_add_char(&srv->out, ',');
        mt_buf_add_str(&srv->out, member);
    }
    mt_buf_add_char(&srv->out, '}');
}

const char *mt_web_code(mt_web_trouble t) {
    return troubles[t].code;
}

void mt_web_problem_more(mt_server *srv, mt_http_req *req, mt_web_trouble t, const char *header, const char *member) {
    srv->metrics.problems[t]++;
    problem(srv, troubles[t].status, troubles[t].code, troubles[t].title, member);
    if (troubles[t].status == 503 && header == NULL)
        header = "Retry-After: 5\r\n";
    if (t == MT_WEB_UNAUTHORIZED)
        header = "WWW-Authenticate: Bearer realm=\"myturn\"\r\n";
    mt_web_send(
        srv, req,
        &(mt_web_answer){.status = troubles[t].status, .content_type = "application/problem+json", .headers = header});
}

void mt_web_problem(mt_server *srv, mt_http_req *req, mt_web_trouble t) {
    mt_web_problem_more(srv, req, t, NULL, NULL);
}

void mt_web_not_allowed(mt_server *srv, mt_http_req *req, const char *allow) {
    char header[80];
    (void)snprintf(header, sizeof header, "Allow: %s\r\n", allow);
    srv->metrics.refused[MT_REFUSED_METHOD]++;
    problem(srv, 405, "method_not_allowed", "Not with this method", NULL);
    mt_web_send(srv, req,
                &(mt_web_answer){.status = 405, .content_type = "application/problem+json", .headers = header});
}

void mt_web_slow_down(mt_server *srv, mt_http_req *req, mt_metrics_refusal what, uint32_t retry_s) {
    char header[40];
    srv->metrics.refused[what]++;
    (void)snprintf(header, sizeof header, "Retry-After: %u\r\n", (unsigned)retry_s);
    mt_console_trouble(&srv->console, MT_CONSOLE_LIMIT, "an address is over its limit", mt_http_req_remote(req),
                       mt_server_now_ms(srv));
    problem(srv, 429, "slow_down", "Too many requests from this address, try again later", NULL);
    mt_web_send(srv, req,
                &(mt_web_answer){.status = 429, .content_type = "application/problem+json", .headers = header});
}

/* The host of "host:port", with the brackets of an IPv6 address. Empty: malformed. */
static mt_slice host_part(mt_slice authority) {
    mt_slice none = {authority.p, 0};
    size_t end = 0;
    if (authority.len > 0 && authority.p[0] == '[') {
        end = mt_slice_find(authority, ']') + 1;
        if (end > authority.len)
            return none;
    } else {
        end = mt_slice_find(authority, ':');
    }
    mt_slice host = mt_slice_n(authority.p, end);
    mt_slice port = mt_slice_n(authority.p + end, authority.len - end);
    uint64_t number;
    if (port.len == 0)
        return host;
    bool good = port.p[0] == ':' && mt_slice_to_u64(mt_slice_n(port.p + 1, port.len - 1), 65535, &number) == MT_OK;
    return good ? host : none;
}

static bool is_address(mt_slice host) {
    char text[64];
    mt_addr a;
    int n = snprintf(text, sizeof text, "%.*s:1", (int)(host.len < 60 ? host.len : 60), host.p);
    return n > 0 && (size_t)n < sizeof text && mt_addr_parse(mt_slice_of(text), &a) == MT_OK;
}

/* A page of another site whose name was made to resolve to us (DNS rebinding) comes with that name. */
static bool host_good(mt_server *srv, mt_slice authority) {
    if (authority.len > 0 && authority.len == srv->good_host_len &&
        memcmp(authority.p, srv->good_host, authority.len) == 0)
        return true;
    mt_slice host = host_part(authority);
    if (host.len == 0)
        return false;
    if (!mt_slice_is_nocase(host, "localhost") && !mt_slice_is_nocase(host, srv->domain) && !is_address(host))
        return false;
    if (authority.len <= sizeof srv->good_host) {
        memcpy(srv->good_host, authority.p, authority.len);
        srv->good_host_len = authority.len;
    }
    return true;
}

static bool origin_good(const mt_http_req *req, mt_slice origin, mt_slice authority) {
    mt_slice rest = origin;
    if (mt_slice_starts_nocase(rest, "https://")) /* also what stands behind a proxy that ends TLS */
        rest = mt_slice_n(rest.p + 8, rest.len - 8);
    else if (mt_slice_starts_nocase(rest, "http://") && !mt_http_req_secure(req))
        rest = mt_slice_n(rest.p + 7, rest.len - 7);
    else
        return false;
    return mt_slice_eq_nocase(rest, authority);
}

/* A proxy beside us that nobody told us of: all who come through it are taken for this machine, which has no limits. */
static void look_for_proxy(mt_server *srv, const mt_http_req *req) {
    if (srv->told_proxy || !mt_addr_is_loopback(mt_http_req_peer(req)))
        return;
    srv->told_proxy =
        mt_http_req_header_count(req, "X-Forwarded-For") > 0 || mt_http_req_header_count(req, "Forwarded") > 0;
    if (srv->told_proxy)
        mt_log(MT_LOG_WARN, "proxy", "a proxy on this machine asks for others and is not named in trusted_proxies: %s",
               srv->opt.limits.loopback_too ? "they count as one address" : "they have no limits");
}

/* Behind a proxy that is trusted, the client is whom it names. */
static void identify_client(mt_server *srv, mt_http_req *req) {
    const mt_proxies *proxies = &srv->opt.trusted_proxies;
    const mt_addr *peer = mt_http_req_peer(req);
    if (!mt_proxies_trusts(proxies, peer)) {
        look_for_proxy(srv, req);
        return;
    }
    static const char *const names[] = {"X-Forwarded-For", "Forwarded"};
    mt_proxies_trail trail = {.lost = false};
    mt_slice line;
    for (size_t i = 0; mt_http_req_header_at(req, names[srv->opt.proxy_header], i, &line); i++)
        mt_proxies_follow(proxies, &trail, srv->opt.proxy_header, line);
    mt_addr client = mt_proxies_end(&trail, peer);
    mt_http_req_set_remote(req, &client);
}

bool mt_web_admit(mt_server *srv, mt_http_req *req) {
    identify_client(srv, req);
    int64_t now_ms = mt_server_now_ms(srv);
    const mt_addr *remote = mt_http_req_remote(req);
    uint32_t retry_s = mt_limits_request(&srv->limits, remote, now_ms);
    if (retry_s > 0) {
        mt_web_slow_down(srv, req, MT_REFUSED_REQUESTS, retry_s);
        return false;
    }
    mt_slice host, origin;
    if (mt_http_req_header_count(req, "Host") != 1 || !mt_http_req_header(req, "Host", &host)) {
        mt_web_problem(srv, req, MT_WEB_BAD_REQUEST);
        return false;
    }
    host = mt_slice_trim(host);
    if (!host_good(srv, host)) {
        mt_console_trouble(&srv->console, MT_CONSOLE_ORIGIN,
                           "a request for a host that is no address, localhost or --domain", remote, now_ms);
        mt_web_problem(srv, req, MT_WEB_WRONG_HOST);
        return false;
    }
    if (mt_http_req_header(req, "Origin", &origin) &&
        (mt_http_req_header_count(req, "Origin") != 1 || !origin_good(req, mt_slice_trim(origin), host))) {
        mt_console_trouble(&srv->console, MT_CONSOLE_ORIGIN, "a request from another site", remote, now_ms);
        mt_web_problem(srv, req, MT_WEB_FOREIGN_ORIGIN);
        return false;
    }
    return true;
}

bool mt_web_wait(const mt_http_req *req, uint32_t max_s, uint32_t *out_s) {
    mt_slice rest;
    if (!mt_http_req_header(req, "Prefer", &rest))
        return false;
    while (rest.len > 0) {
        mt_slice item = mt_slice_trim(mt_slice_cut(&rest, ','));
        mt_slice pref = mt_slice_trim(mt_slice_cut(&item, ';'));
        mt_slice name = mt_slice_trim(mt_slice_cut(&pref, '='));
        uint64_t wait_s;
        mt_err err = mt_slice_is_nocase(name, "wait") ? mt_slice_to_u64(mt_slice_trim(pref), max_s, &wait_s) : MT_EBAD;
        if (err == MT_OK || err == MT_ELIMIT) {
            *out_s = err == MT_OK ? (uint32_t)wait_s : max_s;
            return true;
        }
    }
    return false;
}

bool mt_web_query(const mt_http_req *req, const char *name, mt_slice *out) {
    mt_slice rest = mt_http_req_query(req);
    while (rest.len > 0) {
        mt_slice value = mt_slice_cut(&rest, '&');
        mt_slice key = mt_slice_cut(&value, '=');
        if (mt_slice_is(key, name)) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool mt_web_body(mt_server *srv, mt_http_req *req, cJSON **out) {
    mt_slice body = mt_http_req_body(req), type;
    if (body.len == 0) {
        *out = NULL;
        return true;
    }
    if (!mt_http_req_header(req, "Content-Type", &type) || mt_http_req_header_count(req, "Content-Type") != 1 ||
        !mt_slice_is_nocase(mt_slice_trim(mt_slice_cut(&type, ';')), "application/json")) {
        mt_web_problem(srv, req, MT_WEB_MEDIA_TYPE);
        return false;
    }
    mt_err err = mt_json_parse(body, out);
    if (err != MT_OK)
        mt_web_problem(srv, req, MT_WEB_BAD_REQUEST);
    return err == MT_OK;
}
