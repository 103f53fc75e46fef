#include "server/login.h"

#include "base/secret.h"
#include "base/text.h"
#include "server/asterisk.h"
#include "server/server_int.h"
#include "server/web.h"

mt_err mt_login(mt_call *c, const mt_login_wish *wish, mt_session_secrets *secrets, mt_session **out,
                uint32_t *retry_s) {
    const mt_addr *remote = mt_http_req_remote(c->req);
    *retry_s = mt_limits_login(&c->srv->limits, remote, c->now_ms);
    if (*retry_s > 0)
        return MT_ELIMIT;
    mt_session *before = mt_session_by_name(c->srv, wish->name);
    if (before != NULL && mt_session_is_attempt(before, wish->attempt_hash))
        mt_session_end(before, MT_END_LOGOUT, "asked again", c->now_ms);
    mt_session_login login = {
        .name = wish->name, .remote = remote, .attempt_hash = wish->attempt_hash, .phone = wish->phone};
    mt_err err = mt_session_create(c->srv, &login, c->now_ms, secrets, out);
    if (err == MT_ELIMIT)
        mt_console_trouble(&c->srv->console, MT_CONSOLE_LIMIT, "the server is full (max_users)", NULL, c->now_ms);
    return err;
}

/* Where SIP reaches us: the bound address, or where it is the wildcard the host that the client knows us by. */
static void add_address(mt_call *c, const mt_addr *bound, mt_buf *out) {
    mt_slice host;
    if (mt_server_is_any(bound) && mt_http_req_header(c->req, "Host", &host)) { /* found good by mt_web_admit */
        host = mt_slice_trim(host);
        size_t end = host.len > 0 && host.p[0] == '[' ? mt_slice_find(host, ']') + 1 : mt_slice_find(host, ':');
        mt_buf_add(out, host.p, end < host.len ? end : host.len);
        mt_buf_printf(out, ":%u", (unsigned)mt_addr_port(bound));
    } else {
        char text[MT_ADDR_STRLEN];
        mt_addr_format(bound, text);
        mt_buf_add_str(out, text);
    }
}

/* The same as a JSON string; null where none is bound. */
static void sip_address(mt_call *c, const mt_addr *bound, mt_buf *out) {
    if (!mt_options_has(bound)) {
        mt_buf_add_str(out, "null");
        return;
    }
    mt_buf_add_char(out, '"');
    add_address(c, bound, out);
    mt_buf_add_char(out, '"');
}

/* What is to be typed into a phone, as lines ready to show. The extension is the user: a phone may have no letters. */
static void add_settings(mt_call *c, const mt_session *s, const mt_session_secrets *secrets, mt_buf *out) {
    mt_buf_add_str(out, ",\"settings\":[\"Server (outbound proxy): ");
    add_address(c, &c->srv->sip_addr, out);
    mt_buf_printf(out, "\",\"User (also for authentication): %u\",\"Password: %s\",\"Domain: %s\"",
                  (unsigned)mt_user_exten(s->user), secrets->password, c->srv->domain);
    mt_buf_add_str(out, ",\"Transport: UDP or TCP");
    if (mt_options_has(&c->srv->sips_addr)) {
        mt_buf_add_str(out, ", or TLS at ");
        add_address(c, &c->srv->sips_addr, out);
    }
    mt_buf_add_str(out, "\",\"Encryption of the voice (SRTP): off\"]");
}

void mt_login_members(mt_call *c, const mt_session *s, const mt_session_secrets *secrets, mt_buf *out) {
    const char *domain = c->srv->domain;
    bool asterisk = c->srv->asterisk != NULL;
    mt_slice name = mt_user_name(s->user);
    mt_buf_add_str(out, "\"name\":");
    mt_json_str(out, name);
    mt_buf_printf(out, ",\"exten\":\"%u\",\"token\":\"%s\",\"lease_s\":%u,\"sip\":{\"uri\":\"sip:",
                  (unsigned)mt_user_exten(s->user), secrets->token, (unsigned)c->srv->opt.lease_s);
    mt_text_percent_encode(out, name);
    mt_buf_printf(out, "@%s\",\"username\":\"", domain);
    if (asterisk) /* it compares the digest's user with the name of the device as written */
        mt_buf_add_slice(out, name);
    else
        mt_text_percent_encode(out, name);
    mt_buf_printf(out,
                  "\",\"realm\":\"%s\",\"password\":\"%s\",\"udp\":", asterisk ? mt_asterisk_realm(c->srv) : domain,
                  secrets->password);
    sip_address(c, &c->srv->sip_addr, out);
    mt_buf_add_str(out, ",\"tcp\":");
    sip_address(c, asterisk ? &(mt_addr){0} : &c->srv->sip_addr, out);
    mt_buf_add_str(out, ",\"tls\":");
    sip_address(c, &c->srv->sips_addr, out);
    mt_buf_printf(out, ",\"ws\":%s,\"mode\":\"%s\"},", asterisk ? "null" : "\"/sip\"",
                  asterisk ? "asterisk" : "embedded");
    mt_server_ice(c->srv, out);
    if (mt_user_is_phone(s->user))
        add_settings(c, s, secrets, out);
}

void mt_login_answer(mt_server *srv, mt_http_req *req, const mt_session *s, const mt_session_secrets *secrets,
                     bool v1) {
    mt_call c = {.srv = srv, .req = req};
    mt_web_begin(srv);
    mt_buf_add_str(&srv->out, v1 ? "{" : "{\"User added\":\"Exten Created\",");
    mt_login_members(&c, s, secrets, &srv->out);
    mt_buf_add_char(&srv->out, '}');
    if (v1)
        mt_web_send(srv, req, &(mt_web_answer){.status = 201, .headers = "Location: /v1/me\r\n"});
    else
        mt_web_send_json(srv, req, 200);
    mt_wipe(srv->out.p, srv->out.len);
}

void mt_login_finish(mt_call *c, mt_session *s, mt_session_secrets *secrets, bool v1) {
    if (c->srv->asterisk != NULL)
        mt_asterisk_login(c, s, secrets, v1);
    else
        mt_login_answer(c->srv, c->req, s, secrets, v1);
    mt_session_secrets_wipe(secrets);
}
