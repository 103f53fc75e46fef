/* What one side sees of a call: our Via, our identifiers, aliases for names. Nothing of the other side's From, To,
 * Call-ID, Contact, Via or software passes; the whitelist below is all that does, besides the body. */
#include "sip/machine.h"

static const char *via_transport(mt_sip_transport t) {
    static const char *const names[] = {"UDP", "TCP", "TLS", "WS", "WSS"};
    return names[t];
}

static uint16_t own_port(const mt_sip_server *s, mt_sip_transport t) {
    if (t == MT_SIP_UDP)
        return s->cfg.port_udp;
    if (t == MT_SIP_TLS)
        return s->cfg.port_tls;
    return t == MT_SIP_TCP ? s->cfg.port_tcp : 0; /* WebSocket clients have no other way to us than their connection */
}

void mt_sip_rewrite_via(mt_sip_server *s, mt_sip_writer *w, const mt_sip_flow *flow, const char *branch) {
    mt_sip_via_out via = {.transport = via_transport(flow->transport),
                          .host = mt_slice_of(s->host),
                          .port = own_port(s, flow->transport),
                          .branch = mt_slice_n(branch, MT_SIP_BRANCH_CHARS),
                          .rport = true};
    mt_sip_write_via(w, &via);
}

/* name: <sip:token@us;transport=…end */
static void own_uri(mt_sip_server *s, mt_sip_writer *w, const char *name, const mt_sip_side *side,
                    const mt_sip_flow *flow, mt_slice end) {
    static const char *const transports[] = {"udp", "tcp", "tls", "ws", "ws"};
    uint16_t port = own_port(s, flow->transport);
    char digits[MT_TEXT_DECIMAL];
    const mt_slice pieces[] = {MT_SLICE_LIT("<sip:"),
                               mt_slice_n(side->token, sizeof(side->token)),
                               MT_SLICE_LIT("@"),
                               mt_slice_of(s->host),
                               mt_slice_n(":", port > 0 ? 1 : 0),
                               mt_slice_of(port > 0 ? mt_text_decimal(port, digits) : ""),
                               MT_SLICE_LIT(";transport="),
                               mt_slice_of(transports[flow->transport]),
                               end};
    mt_sip_write_pieces(w, name, pieces, sizeof(pieces) / sizeof(pieces[0]));
}

void mt_sip_rewrite_contact(mt_sip_server *s, mt_sip_writer *w, const mt_sip_side *side, const mt_sip_flow *flow) {
    own_uri(s, w, "Contact", side, flow, MT_SLICE_LIT(">"));
}

void mt_sip_rewrite_record_route(mt_sip_server *s, mt_sip_writer *w, const mt_sip_side *side, const mt_sip_flow *flow) {
    own_uri(s, w, "Record-Route", side, flow, MT_SLICE_LIT(";lr>"));
}

/* name: <uri>;tag=tag */
static void party(mt_sip_writer *w, const char *name, const mt_sip_str *uri, mt_slice tag) {
    const mt_slice pieces[] = {MT_SLICE_LIT("<"), mt_sip_str_slice(uri), MT_SLICE_LIT(">"), MT_SLICE_LIT(";tag="), tag};
    mt_sip_write_pieces(w, name, pieces, tag.len > 0 ? 5 : 3);
}

/* A registered URI may have headers; a Request-URI has none (RFC 3261 19.1.1). */
mt_slice mt_sip_rewrite_target(mt_slice uri) {
    mt_sip_uri u;
    if (mt_slice_find(uri, '?') < uri.len && mt_sip_uri_parse(uri, &u) == MT_OK && u.headers.len > 0)
        uri.len -= u.headers.len + 1;
    return uri;
}

void mt_sip_rewrite_request(mt_sip_server *s, mt_sip_writer *w, const mt_sip_leg_request *r) {
    const mt_sip_side *to = r->to;
    mt_slice method = mt_slice_of(mt_sip_method_str(r->method));
    mt_sip_write_request(w, method, mt_sip_rewrite_target(r->uri));
    mt_sip_rewrite_via(s, w, r->flow, r->branch);
    mt_sip_write_u64(w, "Max-Forwards", r->max_forwards);
    party(w, "From", &to->our_uri, mt_sip_side_tag(to));
    party(w, "To", &to->their_uri, r->tag);
    mt_sip_write_header(w, "Call-ID", mt_sip_str_slice(&to->call_id));
    mt_sip_write_cseq(w, r->cseq, method);
    if (r->reason != NULL)
        mt_sip_write_header(w, "Reason", mt_slice_of(r->reason));
}

static bool may_pass(mt_sip_header_id id) {
    switch (id) {
    case MT_SIP_H_REQUIRE:
    case MT_SIP_H_SUPPORTED:
    case MT_SIP_H_UNSUPPORTED:
    case MT_SIP_H_ALLOW:
    case MT_SIP_H_ACCEPT:
    case MT_SIP_H_RSEQ:
    case MT_SIP_H_RACK:
    case MT_SIP_H_SESSION_EXPIRES:
    case MT_SIP_H_MIN_SE:
    case MT_SIP_H_CONTENT_DISPOSITION:
    case MT_SIP_H_CONTENT_ENCODING:
        return true;
    default:
        return false;
    }
}

void mt_sip_rewrite_copy(mt_sip_writer *w, const mt_sip_msg *m) {
    for (size_t i = 0; i < m->header_count; i++) {
        const mt_sip_header *h = &m->headers[i];
        if (may_pass(h->id))
            mt_sip_write_header(w, mt_sip_header_name(h->id), h->value);
    }
}

/* In place of what a malformed request has broken or left out; its sender knows the answer by branch and method. */
static const mt_sip_addr nobody = {.raw = {"<sip:invalid@invalid.invalid>", 29}};

static const mt_sip_addr *readable(const mt_sip_addr *a) {
    return a->raw.len > 0 ? a : &nobody;
}

void mt_sip_rewrite_head(mt_sip_writer *w, const mt_sip_msg *m, const mt_sip_flow *flow, mt_slice tag) {
    char ip[MT_ADDR_STRLEN];
    mt_addr_format_ip(&flow->addr, ip);
    mt_sip_write_vias(w, m, 0, mt_slice_of(ip), mt_addr_port(&flow->addr));
    mt_sip_write_addr_tag(w, "From", readable(&m->from), (mt_slice){NULL, 0});
    mt_sip_write_header(w, "Call-ID", m->call_id.len > 0 ? m->call_id : MT_SLICE_LIT("invalid"));
    mt_sip_write_cseq(w, m->cseq, m->cseq_method.len > 0 ? m->cseq_method : m->method_name);
    mt_sip_write_addr_tag(w, "To", readable(&m->to), tag);
}

mt_err mt_sip_leg_send(mt_sip_server *s, const mt_sip_leg_request *r, const mt_sip_flow *flow, mt_slice *bytes) {
    mt_sip_writer w;
    mt_sip_out_begin(s, &w);
    mt_sip_rewrite_request(s, &w, r);
    return mt_sip_out_end(s, &w, flow, NULL, bytes);
}
