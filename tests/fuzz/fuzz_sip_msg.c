/* The SIP message parser, the frame cutter, digests and the writer. The first byte chooses the framing, the rest is the
 * message. */
#include <stdlib.h>

#include "base/buf.h"
#include "sip/digest.h"
#include "sip/msg.h"
#include "sip/sip_server.h"
#include "sip/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

static void inside(mt_slice whole, mt_slice s) {
    if (s.len > 0)
        CHECK(s.p >= whole.p && s.len <= whole.len && (size_t)(s.p - whole.p) <= whole.len - s.len);
}

static void check_uri(mt_slice whole, const mt_sip_uri *u) {
    const mt_slice all[] = {u->raw, u->scheme_name, u->user, u->password, u->host, u->params, u->headers, u->transport};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        inside(whole, all[i]);
    char buf[64];
    mt_slice user = {"", 0};
    mt_err err = mt_sip_uri_user(u, buf, sizeof buf, &user);
    CHECK(err == MT_OK || err == MT_ELIMIT || err == MT_EBAD || err == MT_ENOENT);
    CHECK(user.len <= u->user.len);
    if (u->raw.len == 0)
        return;
    mt_sip_uri again;
    CHECK(mt_sip_uri_parse(u->raw, &again) == MT_OK && again.port == u->port && mt_slice_eq(again.host, u->host));
}

static void check_addr(mt_slice whole, const mt_sip_addr *a) {
    inside(whole, a->raw);
    inside(whole, a->display);
    inside(whole, a->params);
    inside(whole, a->tag);
    check_uri(whole, &a->uri);
    CHECK(mt_sip_contact_expires(a, -1) <= UINT32_MAX);
    CHECK(mt_sip_contact_q(a) <= 1000);
    char buf[32];
    mt_slice out;
    CHECK(mt_sip_unquote(a->display, buf, sizeof buf, &out) != MT_OK || out.len <= a->display.len);
}

static void check_addrs(mt_slice whole, const mt_sip_addr *a, size_t count, size_t max) {
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++)
        check_addr(whole, &a[i]);
}

static void check_slices(mt_slice whole, const mt_sip_msg *m) {
    const mt_slice all[] = {m->raw, m->method_name, m->reason, m->call_id, m->cseq_method, m->content_type, m->body};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        inside(whole, all[i]);
    check_uri(whole, &m->uri);
    check_addr(whole, &m->to);
    check_addr(whole, &m->from);
    CHECK(m->header_count <= MT_SIP_MAX_HEADERS && m->via_count <= MT_SIP_MAX_VIAS);
    check_addrs(whole, m->contacts, m->contact_count, MT_SIP_MAX_CONTACTS);
    check_addrs(whole, m->routes, m->route_count, MT_SIP_MAX_ROUTES);
    check_addrs(whole, m->record_routes, m->record_route_count, MT_SIP_MAX_ROUTES);
    for (size_t i = 0; i < m->header_count; i++) {
        inside(whole, m->headers[i].name);
        inside(whole, m->headers[i].value);
    }
    for (size_t i = 0; i < m->via_count; i++) {
        const mt_sip_via *v = &m->vias[i];
        const mt_slice parts[] = {v->raw, v->transport, v->sent_by, v->host, v->params, v->branch, v->received};
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
            inside(whole, parts[k]);
    }
}

static void check_digests(mt_slice whole, const mt_sip_msg *m) {
    for (size_t i = 0; i < m->header_count; i++) {
        mt_sip_digest d;
        if (mt_sip_digest_parse(m->headers[i].value, &d) != MT_OK)
            continue;
        inside(whole, d.nonce);
        inside(whole, d.response);
        char buf[64];
        mt_slice name;
        uint8_t ha1[MT_SIP_DIGEST_MAX_BYTES] = {0};
        CHECK(mt_sip_digest_username(&d, buf, sizeof buf, &name) != MT_OK || name.len > 0);
        CHECK(!mt_sip_digest_verify(&d, ha1, m->method_name));
    }
}

static void write_start(mt_sip_writer *w, const mt_sip_msg *m) {
    char reason[600];
    if (m->is_request) {
        mt_sip_write_request(w, m->method_name, m->uri.raw);
        return;
    }
    size_t len = m->reason.len < sizeof reason ? m->reason.len : sizeof reason - 1;
    memcpy(reason, m->reason.p, len);
    reason[len] = '\0';
    mt_sip_write_response(w, m->status, reason);
}

/* What was accepted can be written, and says the same when it is read again. */
static void check_rewrite(const mt_sip_msg *m) {
    static mt_sip_msg again;
    mt_buf buf;
    mt_buf_init(&buf, 1 << 17);
    mt_sip_writer w;
    mt_sip_write_begin(&w, &buf);
    write_start(&w, m);
    mt_sip_write_vias(&w, m, 0, (mt_slice){"", 0}, 0);
    mt_sip_write_addr_tag(&w, "To", &m->to, MT_SLICE_LIT("t1"));
    mt_sip_write_addr_tag(&w, "From", &m->from, (mt_slice){"", 0});
    mt_sip_write_cseq(&w, m->cseq, m->cseq_method);
    static const mt_sip_header_id copied[] = {MT_SIP_H_CALL_ID, MT_SIP_H_CONTACT, MT_SIP_H_ROUTE, MT_SIP_H_RECORD_ROUTE,
                                              MT_SIP_H_EXPIRES};
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++)
        mt_sip_write_copy(&w, m, copied[i]);
    CHECK(mt_sip_write_end(&w, m->content_type, m->body) == MT_OK);
    mt_err err = mt_sip_msg_parse(mt_buf_slice(&buf), MT_SIP_STREAM, &again);
    /* Written out in full, compact forms and joined values may pass the limit of the head. */
    if (err != MT_ELIMIT) {
        CHECK(err == MT_OK);
        CHECK(again.method == m->method && again.status == m->status && again.cseq == m->cseq);
        CHECK(again.via_count == m->via_count && again.contact_count == m->contact_count);
        CHECK(again.contact_star == m->contact_star && again.expires_s == m->expires_s);
        CHECK(again.route_count == m->route_count && again.record_route_count == m->record_route_count);
        CHECK(mt_slice_eq(again.vias[0].branch, m->vias[0].branch) && again.vias[0].port == m->vias[0].port);
        CHECK(mt_slice_eq(again.from.tag, m->from.tag) && mt_slice_eq(again.call_id, m->call_id));
        CHECK(again.to.tag.len > 0 && mt_slice_eq(again.from.uri.raw, m->from.uri.raw));
        CHECK(mt_slice_eq(again.body, m->body));
    }
    mt_buf_deinit(&buf);
}

/* What follows a message must not change where it ends. */
static void check_cut(mt_slice input) {
    mt_sip_frame frame, longer;
    mt_err err = mt_sip_frame_cut(input, MT_SIP_MAX_MESSAGE_BYTES, &frame);
    CHECK(err == MT_OK || err == MT_EMORE || err == MT_EBAD);
    if (err != MT_OK)
        return;
    CHECK(frame.len > 0 && frame.len <= input.len && frame.len <= MT_SIP_MAX_MESSAGE_BYTES);
    char *p = malloc(input.len + 4);
    CHECK(p != NULL);
    memcpy(p, input.p, input.len);
    memcpy(p + input.len, "\r\nX:", 4);
    CHECK(mt_sip_frame_cut((mt_slice){p, input.len + 4}, MT_SIP_MAX_MESSAGE_BYTES, &longer) == MT_OK);
    CHECK(longer.len == frame.len && longer.keepalive == frame.keepalive && longer.skip == frame.skip);
    static mt_sip_msg m;
    if (!frame.keepalive && !frame.skip) {
        CHECK(mt_sip_frame_cut((mt_slice){p, frame.len}, MT_SIP_MAX_MESSAGE_BYTES, &longer) == MT_OK);
        CHECK(frame.len == longer.len);
        if (mt_sip_msg_parse((mt_slice){p, frame.len}, MT_SIP_STREAM, &m) == MT_OK)
            CHECK(m.raw.len == frame.len);
        CHECK(m.bad != MT_SIP_BAD_CONTENT_LENGTH); /* the cutter and the parser agree */
    }
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static mt_sip_msg m;
    if (len == 0)
        return 0;
    mt_slice input = {(const char *)data + 1, len - 1};
    mt_err err = mt_sip_msg_parse(input, (mt_sip_framing)(data[0] % 3), &m);
    CHECK((err == MT_OK) == (m.bad == MT_SIP_BAD_NONE));
    CHECK(err == MT_OK || err == MT_EBAD || err == MT_ELIMIT);
    CHECK(!m.answerable || (m.via_count > 0 && m.cseq_method.len + m.method_name.len > 0));
    check_slices(input, &m);
    check_digests(input, &m);
    if (err == MT_OK)
        check_rewrite(&m);
    check_cut(input);
    return 0;
}
