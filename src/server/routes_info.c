/* Routes that belong to nobody: counts, health, metrics, the page. They name no one. */
#include "server/routes.h"
#include "server/web.h"

#define MIN_AGE 18

void mt_routes_info(mt_call *c) {
    const mt_options *opt = &c->srv->opt;
    mt_buf *out = &c->srv->out;
    bool relay_only = mt_relay_is_only(&opt->relay);
    mt_web_begin(c->srv);
    mt_buf_add_str(out, "{\"version\":\"" MT_VERSION "\",\"contact\":");
    if (opt->contact != NULL)
        mt_json_str(out, mt_slice_of(opt->contact));
    else
        mt_buf_add_str(out, "null");
    mt_buf_printf(out, ",\"sip_mode\":\"%s\",\"relay_only\":%s,\"links\":[\"gcm\",\"cbc\"%s],\"min_age\":%d}",
                  c->srv->asterisk != NULL ? "asterisk" : "embedded", relay_only ? "true" : "false",
                  relay_only ? "" : ",\"rtp\"", MIN_AGE);
    mt_web_send_json(c->srv, c->req, 200);
}

void mt_routes_info_stats(mt_call *c) {
    mt_match_counts n = mt_match_count(c->srv->match);
    mt_web_begin(c->srv);
    mt_buf_printf(&c->srv->out, "{\"online\":%zu,\"waiting\":%zu,\"talking\":%zu}", n.online, n.ready, n.talking);
    mt_web_send_json(c->srv, c->req, 200);
}

void mt_routes_info_health(mt_call *c) {
    mt_web_begin(c->srv);
    mt_buf_add_str(&c->srv->out, "{\"status\":\"ok\"}");
    mt_web_send_json(c->srv, c->req, 200);
}

/* What came through a proxy is not from this machine, though the proxy may be. */
static bool is_local(const mt_http_req *req) {
    return mt_addr_is_loopback(mt_http_req_remote(req)) && mt_http_req_header_count(req, "X-Forwarded-For") == 0 &&
           mt_http_req_header_count(req, "Forwarded") == 0;
}

void mt_routes_info_metrics(mt_call *c) {
    mt_options_metrics who = c->srv->opt.metrics;
    if (!c->operator_ && who != MT_METRICS_OPEN && !(who == MT_METRICS_LOOPBACK && is_local(c->req))) {
        mt_web_problem(c->srv, c->req, c->self != NULL ? MT_WEB_OPERATOR_ONLY : MT_WEB_UNAUTHORIZED);
        return;
    }
    mt_web_begin(c->srv);
    mt_metrics_write(c->srv, &c->srv->out);
    mt_web_send(c->srv, c->req,
                &(mt_web_answer){.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8"});
}

void mt_routes_info_sip(mt_call *c) {
    mt_web_problem_more(c->srv, c->req, MT_WEB_BAD_REQUEST, "Upgrade: websocket\r\n", NULL);
}

static const char plain_page[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>myTurn</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"></head>\n"
    "<body><h1>myTurn</h1>\n<p>The server is running. It has no web page to show: join with the terminal client,</p>\n"
    "<pre>myturn --server http://HOST:PORT</pre>\n"
    "<p>with this address in place of HOST:PORT. For the operator: <code>--web DIR</code> serves a page.</p>\n"
    "</body></html>\n";

static const char native_page[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>myTurn</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"></head>\n"
    "<body><h1>myTurn</h1>\n<p>This server cannot be used from a browser: join with the terminal client,</p>\n"
    "<pre>myturn --server http://HOST:PORT</pre>\n<p>with this address in place of HOST:PORT.</p>\n</body></html>\n";

void mt_routes_info_page(mt_call *c) {
    mt_slice path = mt_http_req_path(c->req);
    mt_http_method method = mt_http_req_method(c->req);
    bool native = c->srv->asterisk != NULL; /* it takes no SIP over WebSocket */
    bool root = mt_slice_is(path, "/") && (c->srv->files == NULL || native);
    bool there = root || (c->srv->files != NULL && mt_static_has(c->srv->files, path));
    if (!there) {
        mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
    } else if (method != MT_HTTP_GET && method != MT_HTTP_HEAD) {
        mt_web_not_allowed(c->srv, c->req, "GET, HEAD");
    } else if (root) {
        mt_http_reply(c->req, &(mt_http_answer){.status = 200,
                                                .content_type = "text/html; charset=utf-8",
                                                .headers = mt_static_page_headers,
                                                .body = mt_slice_of(native ? native_page : plain_page)});
    } else if (!mt_static_serve(c->srv->files, c->req)) {
        mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
    }
}
