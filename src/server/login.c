#include "server/login.h"

#include "base/text.h"
#include "server/json.h"
#include "server/server_int.h"

mt_err mt_login(mt_call *c, const mt_login_wish *wish, mt_session_secrets *secrets, mt_session **out,
                uint32_t *retry_s) {
    const mt_addr *remote = mt_http_req_remote(c->req);
    *retry_s = mt_limits_login(&c->srv->limits, remote, c->now_ms);
    if (*retry_s > 0)
        return MT_ELIMIT;
    mt_session_login login = {.name = wish->name, .remote = remote, .phone = wish->phone};
    return mt_session_create(c->srv, &login, c->now_ms, secrets, out);
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
    mt_slice name = mt_user_name(s->user);
    mt_buf_add_str(out, "\"name\":");
    mt_json_str(out, name);
    mt_buf_printf(out, ",\"exten\":\"%u\",\"token\":\"%s\",\"lease_s\":%u,\"sip\":{\"uri\":\"sip:",
                  (unsigned)mt_user_exten(s->user), secrets->token, (unsigned)c->srv->opt.lease_s);
    mt_text_percent_encode(out, name);
    mt_buf_printf(out, "@%s\",\"username\":\"", domain);
    mt_text_percent_encode(out, name);
    mt_buf_printf(out, "\",\"realm\":\"%s\",\"password\":\"%s\",\"udp\":", domain, secrets->password);
    sip_address(c, &c->srv->sip_addr, out);
    mt_buf_add_str(out, ",\"tcp\":");
    sip_address(c, &c->srv->sip_addr, out);
    mt_buf_add_str(out, ",\"tls\":");
    sip_address(c, &c->srv->sips_addr, out);
    mt_buf_add_str(out, ",\"ws\":\"/sip\",\"mode\":\"embedded\"},\"ice_servers\":[],\"relay_only\":false");
    if (mt_user_is_phone(s->user))
        add_settings(c, s, secrets, out);
}
