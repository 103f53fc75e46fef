#include "sip/machine.h"

#define KEY_TEXT_MAX 768

typedef struct key_text {
    uint8_t p[KEY_TEXT_MAX];
    size_t len;
} key_text;

static bool add(key_text *k, const void *p, size_t len) {
    uint16_t l = (uint16_t)len;
    if (len + sizeof(l) > sizeof(k->p) - k->len)
        return false;
    memcpy(k->p + k->len, &l, sizeof(l)); /* so that no two sequences of pieces read alike */
    if (len > 0)
        memcpy(k->p + k->len + sizeof(l), p, len);
    k->len += sizeof(l) + len;
    return true;
}

/* RFC 3261 17.2.3: branch, sent-by and method of the top Via; a stranger can send both, so the flow belongs to it. */
mt_err mt_sip_txn_key(const mt_sip_server *s, const mt_sip_msg *m, const mt_sip_flow *flow, mt_slice method,
                      uint8_t out[MT_SIP_KEY_BYTES]) {
    key_text k = {.len = 0};
    uint8_t from[MT_SIP_FLOW_KEY_MAX];
    const mt_sip_via *via = &m->vias[0];
    bool ok = add(&k, from, mt_sip_flow_key(flow, from)) && add(&k, method.p, method.len) &&
              add(&k, via->branch.p, via->branch.len) && add(&k, via->sent_by.p, via->sent_by.len);
    bool named = via->branch.len > strlen(MT_SIP_COOKIE) && mt_slice_starts_nocase(via->branch, MT_SIP_COOKIE);
    if (!named) /* RFC 2543, or RFC 4475 3.2.1: no branch worth the name */
        ok = ok && add(&k, m->call_id.p, m->call_id.len) && add(&k, m->from.tag.p, m->from.tag.len) &&
             add(&k, &m->cseq, sizeof(m->cseq));
    if (!ok)
        return MT_ELIMIT;
    mt_siphash_128(s->txn_key, k.p, k.len, out);
    return MT_OK;
}

/* Half of the room is not for kept answers, so that nobody can fill it by registering again and again; requests in a
 * dialog have a reserve, so that calls can be ended when no new one is taken any more. */
bool mt_sip_txn_room(const mt_sip_server *s, mt_sip_room worth) {
    size_t max = s->cfg.max_transactions;
    const size_t limits[] = {max / 2, max, max + max / 4 + 1};
    return s->stxns.count + s->ctxns.count < limits[worth];
}

void mt_sip_hex_id(mt_sip_server *s, char *out, size_t chars) {
    uint8_t raw[MT_SIP_ID_CHARS / 2];
    char hex[MT_SIP_ID_CHARS + 1];
    mt_random_bytes(s->random, raw, chars / 2);
    mt_text_hex(raw, chars / 2, hex);
    memcpy(out, hex, chars);
}

void mt_sip_branch(mt_sip_server *s, char out[MT_SIP_BRANCH_CHARS]) {
    char id[MT_SIP_ID_CHARS];
    mt_sip_hex_id(s, id, sizeof(id));
    mt_sip_branch_of(id, out);
}

void mt_sip_branch_of(const char id[MT_SIP_ID_CHARS], char out[MT_SIP_BRANCH_CHARS]) {
    static const char cookie[] = {'z', '9', 'h', 'G', '4', 'b', 'K'};
    memcpy(out, cookie, sizeof(cookie));
    memcpy(out + sizeof(cookie), id, MT_SIP_ID_CHARS);
}

void mt_sip_reap(mt_sip_server *s) {
    while (!mt_list_empty(&s->dead_stxns)) {
        mt_sip_stxn *t = MT_CONTAINER(s->dead_stxns.next, mt_sip_stxn, link);
        mt_list_remove(&t->link);
        mt_sip_stxn_free(t);
    }
    while (!mt_list_empty(&s->dead_ctxns)) {
        mt_sip_ctxn *t = MT_CONTAINER(s->dead_ctxns.next, mt_sip_ctxn, link);
        mt_list_remove(&t->link);
        mt_sip_ctxn_free(t);
    }
    while (!mt_list_empty(&s->dead_calls)) {
        mt_sip_call *c = MT_CONTAINER(s->dead_calls.next, mt_sip_call, link);
        mt_list_remove(&c->link);
        mt_sip_call_free(c);
    }
}
