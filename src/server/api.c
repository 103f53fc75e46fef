#include "server/api.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/asterisk.h"
#include "server/names.h"
#include "server/routes.h"
#include "server/web.h"

typedef enum who {
    ANYBODY,
    USER,    /* a living token */
    SELF,    /* named: oneself; the operator too, for him */
    PARTNER, /* named: oneself or one's partner; the operator too */
    OPERATOR,
    NEWCOMER, /* named: the name need not be anybody's */
} who;

typedef void handler(mt_call *c);

typedef struct route {
    const char *path; /* a named one ends in '/' */
    mt_http_method method;
    who who;
    handler *fn;
} route;

static const route routes[] = {
    {"/get-peer/", MT_HTTP_GET, SELF, mt_routes_spec_peer},
    {"/user-status/", MT_HTTP_GET, PARTNER, mt_routes_spec_status},
    {"/user-ip/", MT_HTTP_GET, PARTNER, mt_routes_spec_ip},
    {"/update-status-rdy/", MT_HTTP_PUT, SELF, mt_routes_spec_ready},
    {"/update-status-busy/", MT_HTTP_PUT, SELF, mt_routes_spec_busy},
    {"/update-status-rdy-to-talk/", MT_HTTP_PUT, SELF, mt_routes_spec_ready_to_talk},
    {"/add-user-to-sip-exten-conf/", MT_HTTP_POST, NEWCOMER, mt_routes_spec_login},
    {"/delete-user/", MT_HTTP_DELETE, SELF, mt_routes_spec_delete},
    {"/user-status", MT_HTTP_GET, OPERATOR, mt_routes_spec_statuses},
    {"/pair-status", MT_HTTP_GET, OPERATOR, mt_routes_spec_pairs},
    {"/sip-file-lookup", MT_HTTP_GET, OPERATOR, mt_routes_spec_sip_file},
    {"/v1/turn", MT_HTTP_POST, USER, mt_routes_v1_turn},
    {"/v1/turn", MT_HTTP_DELETE, USER, mt_routes_v1_leave},
    {"/v1/turn/block", MT_HTTP_POST, USER, mt_routes_conduct_block},
    {"/v1/turn/report", MT_HTTP_POST, USER, mt_routes_conduct_report},
    {"/v1/turn/link", MT_HTTP_PUT, USER, mt_asterisk_link_put},
    {"/v1/turn/link", MT_HTTP_GET, USER, mt_asterisk_link_get},
    {"/v1/me", MT_HTTP_GET, USER, mt_routes_v1_me},
    {"/v1/me", MT_HTTP_DELETE, USER, mt_routes_v1_logout},
    {"/v1/users", MT_HTTP_GET, OPERATOR, mt_routes_users},
    {"/v1/users", MT_HTTP_POST, ANYBODY, mt_routes_v1_login},
    {"/v1/info", MT_HTTP_GET, ANYBODY, mt_routes_info},
    {"/v1/stats", MT_HTTP_GET, ANYBODY, mt_routes_info_stats},
    {"/healthz", MT_HTTP_GET, ANYBODY, mt_routes_info_health},
    {"/metrics", MT_HTTP_GET, ANYBODY, mt_routes_info_metrics},
    {"/sip", MT_HTTP_GET, ANYBODY, mt_routes_info_sip},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static bool is_named(const route *r) {
    return r->who == SELF || r->who == PARTNER || r->who == NEWCOMER;
}

static bool matches(const route *r, mt_slice path) {
    size_t len = strlen(r->path);
    if (path.len < len || memcmp(path.p, r->path, len) != 0)
        return false;
    if (!is_named(r))
        return path.len == len;
    return path.len > len && memchr(path.p + len, '/', path.len - len) == NULL;
}

/* get-peer draws: one who asked for its head only would be in a pair and not know with whom. */
static bool has_head(const route *r) {
    return r->method == MT_HTTP_GET && r->fn != mt_routes_spec_peer;
}

/* The route, or NULL: then *allow lists the methods of the path, and is empty for an unknown one. */
static const route *find_route(mt_slice path, mt_http_method method, char allow[64]) {
    static const char *const names[] = {
        [MT_HTTP_GET] = "GET", [MT_HTTP_POST] = "POST", [MT_HTTP_PUT] = "PUT", [MT_HTTP_DELETE] = "DELETE"};
    size_t len = 0;
    allow[0] = '\0';
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(&routes[i], path))
            continue;
        bool head = has_head(&routes[i]);
        if (routes[i].method == method || (method == MT_HTTP_HEAD && head))
            return &routes[i];
        const char *name = names[routes[i].method];
        len += (size_t)snprintf(allow + len, 64 - len, "%s%s%s", len > 0 ? ", " : "", name, head ? ", HEAD" : "");
    }
    return NULL;
}

/* Whose token came with the request. */
static void identify(mt_call *c) {
    mt_slice header, token;
    c->operator_ = c->srv->opt.open_api;
    if (!mt_http_req_header(c->req, "Authorization", &header) || mt_token_bearer(header, &token) != MT_OK)
        return;
    c->self = mt_session_by_token(c->srv, token);
    if (c->self != NULL)
        mt_session_touch(c->self, mt_http_req_remote(c->req), c->now_ms);
    else if (mt_token_operator_is(&c->srv->op, token))
        c->operator_ = true;
}

/* False: refused, and answered. Another's resource looks like an unknown one. */
static bool may(mt_call *c, who need) {
    bool known = c->self != NULL || c->operator_;
    switch (need) {
    case ANYBODY:
    case NEWCOMER:
        return true;
    case USER:
        if (c->self == NULL)
            mt_web_problem(c->srv, c->req, MT_WEB_UNAUTHORIZED);
        return c->self != NULL;
    case OPERATOR:
        if (!c->operator_)
            mt_web_problem(c->srv, c->req, known ? MT_WEB_OPERATOR_ONLY : MT_WEB_UNAUTHORIZED);
        return c->operator_;
    case SELF:
    case PARTNER:
        break;
    }
    if (!known) {
        mt_web_problem(c->srv, c->req, MT_WEB_UNAUTHORIZED);
        return false;
    }
    bool own = c->target != NULL && c->target == c->self;
    bool partner =
        need == PARTNER && c->self != NULL && c->target != NULL && mt_user_partner(c->self->user) == c->target->user;
    if (c->target != NULL && (c->operator_ || own || partner))
        return true;
    mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
    return false;
}

static void run(mt_call *c, const route *r, mt_slice path) {
    mt_buf name;
    mt_buf_init(&name, 1024);
    mt_err err = MT_OK;
    if (is_named(r)) {
        size_t len = strlen(r->path);
        c->name = mt_slice_n(path.p + len, path.len - len);
        if (memchr(c->name.p, '%', c->name.len) != NULL) {
            err = mt_text_percent_decode(c->name, &name);
            c->name = mt_buf_slice(&name);
        }
        if (err == MT_OK && r->who != NEWCOMER)
            c->target = mt_session_by_name(c->srv, c->name);
    }
    if (err != MT_OK || mt_buf_err(&name) != MT_OK)
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
    else if (may(c, r->who))
        r->fn(c);
    mt_buf_deinit(&name);
}

void mt_api_request(void *ctx, mt_http_req *req) {
    mt_server *srv = ctx;
    if (!mt_web_admit(srv, req))
        return;
    if (srv->stopping) {
        mt_web_problem(srv, req, MT_WEB_SHUTTING_DOWN);
        return;
    }
    mt_call c = {.srv = srv, .req = req, .now_ms = mt_server_now_ms(srv)};
    mt_slice path = mt_http_req_path(req);
    mt_http_method method = mt_http_req_method(req);
    char allow[64];
    const route *r = find_route(path, method, allow);
    if (r != NULL) {
        identify(&c);
        run(&c, r, path);
    } else if (allow[0] != '\0') {
        mt_web_not_allowed(srv, req, allow);
    } else {
        mt_routes_info_page(&c);
    }
}
