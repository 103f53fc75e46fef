#include "sip/machine.h"

typedef struct wish {
    const mt_sip_addr *contact; /* NULL: none of worth */
    uint32_t expires_s;
    bool remove;
} wish;

static void answer(mt_sip_server *s, const mt_sip_rx *rx, const mt_sip_account *a) {
    mt_sip_writer w;
    mt_sip_reply_begin(s, rx, &w, 200);
    if (a->bound) {
        int64_t left_ms = a->expires_at_ms - s->now_ms;
        uint64_t left_s = left_ms > 0 ? (uint64_t)left_ms / 1000 : 0;
        char digits[MT_TEXT_DECIMAL];
        const mt_slice contact[] = {MT_SLICE_LIT("<"), mt_sip_str_slice(&a->contact), MT_SLICE_LIT(">;expires="),
                                    mt_slice_of(mt_text_decimal(left_s, digits))};
        mt_sip_write_pieces(&w, "Contact", contact, 4);
        mt_sip_write_u64(&w, "Expires", left_s);
    }
    mt_sip_reply_end(s, rx, &w);
}

static void answer_too_brief(mt_sip_server *s, const mt_sip_rx *rx) {
    mt_sip_writer w;
    mt_sip_reply_begin(s, rx, &w, 423);
    mt_sip_write_u64(&w, "Min-Expires", s->cfg.min_expires_s);
    mt_sip_reply_end(s, rx, &w);
}

/* Of several contacts the first one that asks to stay is taken; if all ask to go, the first of them. */
static wish read_wish(const mt_sip_server *s, const mt_sip_msg *m) {
    int64_t fallback_s = m->expires_s >= 0 ? m->expires_s : s->cfg.default_expires_s;
    wish out = {.remove = true};
    for (size_t i = 0; i < m->contact_count && out.remove; i++) {
        const mt_sip_addr *c = &m->contacts[i];
        int64_t expires_s = mt_sip_contact_expires(c, fallback_s);
        if (out.contact != NULL && expires_s == 0)
            continue;
        out.contact = c;
        out.remove = expires_s == 0;
        out.expires_s = expires_s < s->cfg.max_expires_s ? (uint32_t)expires_s : s->cfg.max_expires_s;
    }
    return out;
}

/* An agent that goes takes only its own binding with it, not that of one which came after it. */
static bool is_own(const mt_sip_account *a, const mt_sip_rx *rx, const mt_sip_addr *contact) {
    return a->bound &&
           (mt_sip_flow_eq(&a->flow, rx->flow) || mt_slice_eq(contact->uri.raw, mt_sip_str_slice(&a->contact)));
}

static void update(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_account *a) {
    wish want = read_wish(s, rx->msg);
    if (want.contact == NULL) { /* a question, or all are removed */
        answer(s, rx, a);
        return;
    }
    mt_sip_scheme scheme = want.contact->uri.scheme;
    if ((scheme != MT_SIP_SCHEME_SIP && scheme != MT_SIP_SCHEME_SIPS) || want.contact->uri.raw.len > MT_SIP_TEXT_MAX) {
        mt_sip_reply(s, rx, 400);
        return;
    }
    if (want.remove) {
        if (is_own(a, rx, want.contact))
            mt_sip_location_unbind(s, a, 0);
        answer(s, rx, a);
        return;
    }
    if (want.expires_s < s->cfg.min_expires_s) {
        answer_too_brief(s, rx);
        return;
    }
    if (mt_sip_location_bind(s, a, rx->flow, want.contact->uri.raw, want.expires_s) != MT_OK) {
        mt_sip_reply(s, rx, 503);
        return;
    }
    answer(s, rx, a);
    mt_sip_call_user_back(s, a);
}

void mt_sip_registrar_request(mt_sip_server *s, mt_sip_rx *rx) {
    const mt_sip_msg *m = rx->msg;
    const mt_sip_header *required = mt_sip_msg_header(m, MT_SIP_H_REQUIRE, NULL);
    if (required != NULL && required->value.len > 0) {
        mt_sip_writer w;
        mt_sip_reply_begin(s, rx, &w, 420);
        mt_sip_write_header(&w, "Unsupported", required->value);
        mt_sip_reply_end(s, rx, &w);
        return;
    }
    if (m->to.uri.scheme != MT_SIP_SCHEME_SIP && m->to.uri.scheme != MT_SIP_SCHEME_SIPS) {
        mt_sip_reply(s, rx, 400);
        return;
    }
    mt_sip_account *a = mt_sip_auth_request(s, rx, false);
    if (a == NULL)
        return;
    if (mt_sip_auth_find(s, &m->to.uri) != a->user) {
        mt_sip_reply(s, rx, 403);
        return;
    }
    if (m->contact_star && m->expires_s != 0) {
        mt_sip_reply(s, rx, 400);
        return;
    }
    if (m->contact_star)
        mt_sip_location_unbind(s, a, 0);
    update(s, rx, a);
}
