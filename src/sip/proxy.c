#include "sip/hide.h"
#include "sip/machine.h"

/* What every request that is to go onward must fulfil, RFC 3261 16.3. False: it has been answered. */
static bool may_go(mt_sip_server *s, const mt_sip_rx *rx) {
    const mt_sip_msg *m = rx->msg;
    const mt_sip_header *required = mt_sip_msg_header(m, MT_SIP_H_PROXY_REQUIRE, NULL);
    if (m->max_forwards == 0) {
        mt_sip_reply(s, rx, 483);
        return false;
    }
    if (required != NULL && required->value.len > 0) {
        mt_sip_writer w;
        mt_sip_reply_begin(s, rx, &w, 420);
        mt_sip_write_header(&w, "Unsupported", required->value);
        mt_sip_reply_end(s, rx, &w);
        return false;
    }
    if (m->body.len > MT_SIP_BODY_MAX) {
        mt_sip_reply(s, rx, 413);
        return false;
    }
    return true;
}

static bool invite_is_whole(const mt_sip_msg *m) {
    return m->from.tag.len > 0 && m->from.tag.len <= MT_SIP_TEXT_MAX && m->call_id.len <= MT_SIP_TEXT_MAX &&
           m->from.uri.raw.len <= MT_SIP_TEXT_MAX && m->to.uri.raw.len <= MT_SIP_TEXT_MAX && m->contact_count > 0 &&
           m->contacts[0].uri.raw.len <= MT_SIP_TEXT_MAX;
}

static mt_sip_stxn *transaction(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_side *side) {
    mt_sip_stxn *t = mt_sip_stxn_make(s, rx, true);
    if (t == NULL)
        return NULL;
    t->call = side->call;
    t->side = side;
    t->request_bytes = rx->msg->raw.len;
    mt_list_append(&side->call->stxns, &t->link);
    if (t->method == MT_SIP_METHOD_INVITE)
        mt_sip_stxn_begin_trying(s, t);
    return t;
}

static void begin_call(mt_sip_server *s, mt_sip_rx *rx, mt_sip_user callee, const mt_sip_pair *pair) {
    mt_sip_call *call = mt_sip_call_make(s, rx, callee, pair);
    if (call == NULL) {
        mt_sip_reply(s, rx, 503);
        return;
    }
    mt_sip_stxn *t = transaction(s, rx, &call->side[0]);
    if (t == NULL) {
        mt_sip_call_end(s, call, 503, MT_SIP_BYE_NONE);
        mt_sip_reply(s, rx, 503);
        return;
    }
    t->initial = true;
    mt_sip_forward_request(s, t, rx->msg);
}

void mt_sip_proxy_invite(mt_sip_server *s, mt_sip_rx *rx) {
    const mt_sip_msg *m = rx->msg;
    if (!may_go(s, rx))
        return;
    if (!invite_is_whole(m)) {
        mt_sip_reply(s, rx, 400);
        return;
    }
    if (!mt_sip_txn_room(s, MT_SIP_ROOM_CALL)) {
        mt_sip_reply(s, rx, 503);
        return;
    }
    if (mt_sip_auth_request(s, rx, true) == NULL)
        return;
    mt_sip_pair pair;
    mt_sip_user caller = mt_sip_auth_find(s, &m->from.uri), callee = mt_sip_auth_find(s, &m->uri);
    if (caller != rx->user || callee == 0 || callee == caller ||
        !s->policy.may_call(s->policy_ctx, caller, callee, &pair) || mt_sip_call_of_pair(s, &pair) != NULL) {
        mt_sip_reply(s, rx, 403); /* one answer for all, so that it tells nothing about others */
        return;
    }
    if (s->hiding && !mt_sip_hide_body_is_blank(m)) {
        mt_sip_reply(s, rx, 488);
        return;
    }
    begin_call(s, rx, callee, &pair);
}

/* The sender's side: route or contact token, then Call-ID and both tags. */
static mt_sip_side *find_side(const mt_sip_server *s, const mt_sip_msg *m) {
    mt_sip_side *side = NULL;
    for (size_t i = 0; i < m->route_count && side == NULL; i++) /* some agents put their outbound proxy in front */
        side = mt_sip_side_of_token(s, m->routes[i].uri.user);
    if (side == NULL)
        side = mt_sip_side_of_token(s, m->uri.user);
    if (side == NULL || !mt_slice_eq(m->call_id, mt_sip_str_slice(&side->call_id)) ||
        !mt_slice_eq(m->from.tag, mt_sip_str_slice(&side->their_tag)) || !mt_slice_eq(m->to.tag, mt_sip_side_tag(side)))
        return NULL;
    return side;
}

static void bye(mt_sip_server *s, mt_sip_rx *rx, mt_sip_side *side) {
    mt_sip_call *call = side->call;
    rx->keep = true;
    rx->user = side->user;
    mt_sip_reply(s, rx, 200);
    if (call->state == MT_SIP_CALL_ENDED)
        return; /* both hung up at once */
    mt_sip_pair_event(s, MT_SIP_BYE, call, 0, side->user);
    mt_sip_call_end(s, call, 487, side == &call->side[0] ? MT_SIP_BYE_CALLEE : MT_SIP_BYE_CALLER);
}

/* One whose network changes sends what is under way once more by another flow: the same request, for a new one would
 * have a higher CSeq. The callee would refuse to see it twice (500, RFC 3261 14.2). */
static mt_sip_stxn *under_way(const mt_sip_side *side, const mt_sip_msg *m) {
    MT_LIST_FOREACH(it, &side->call->stxns) {
        mt_sip_stxn *t = MT_CONTAINER(it, mt_sip_stxn, link);
        bool open = !mt_sip_stxn_is_final(t) || t->state == MT_SIP_TXN_ACCEPTED;
        if (t->side == side && t->method == m->method && t->cseq == m->cseq && open)
            return t;
    }
    return NULL;
}

/* Whether one more of that length is more than a dialog may have under way. */
static bool too_many(const mt_sip_call *call, size_t len_bytes) {
    unsigned open = 0, all = 0;
    size_t bytes = len_bytes;
    MT_LIST_FOREACH(it, &call->stxns) {
        const mt_sip_stxn *t = MT_CONTAINER(it, mt_sip_stxn, link);
        all++;
        if (mt_sip_stxn_is_final(t))
            continue;
        open++;
        bytes += t->request_bytes;
    }
    return open >= MT_SIP_PENDING_MAX || all >= MT_SIP_KEPT_MAX || bytes > MT_SIP_PENDING_BYTES;
}

void mt_sip_proxy_in_dialog(mt_sip_server *s, mt_sip_rx *rx) {
    const mt_sip_msg *m = rx->msg;
    mt_sip_side *side = find_side(s, m);
    if (side == NULL) {
        mt_sip_reply(s, rx, 481);
        return;
    }
    if (m->method == MT_SIP_METHOD_BYE) {
        bye(s, rx, side);
        return;
    }
    if (side->call->state == MT_SIP_CALL_ENDED || mt_sip_side_other(side)->their_tag.p == NULL) {
        mt_sip_reply(s, rx, 481);
        return;
    }
    if (!may_go(s, rx))
        return;
    if (s->hiding && !mt_sip_hide_body_is_blank(m)) {
        mt_sip_reply(s, rx, 488);
        return;
    }
    bool refresh = m->method == MT_SIP_METHOD_INVITE || m->method == MT_SIP_METHOD_UPDATE;
    if (refresh && m->contact_count > 0 && m->contacts[0].uri.raw.len <= MT_SIP_TEXT_MAX &&
        mt_sip_str_set(s, &side->target, m->contacts[0].uri.raw) != MT_OK)
        return;
    rx->user = side->user;
    mt_sip_stxn *known = under_way(side, m);
    if (known != NULL) {
        mt_sip_stxn_move(s, known, rx);
        mt_sip_stxn_repeat(s, known, false);
        return;
    }
    mt_sip_stxn *t = too_many(side->call, m->raw.len) || !mt_sip_txn_room(s, MT_SIP_ROOM_IN_DIALOG)
                         ? NULL
                         : transaction(s, rx, side);
    if (t == NULL)
        mt_sip_reply(s, rx, 503);
    else
        mt_sip_forward_request(s, t, m);
}

void mt_sip_proxy_ack(mt_sip_server *s, const mt_sip_rx *rx) {
    mt_sip_stxn *t = mt_sip_stxn_find(s, rx->key);
    if (t != NULL && (t->state == MT_SIP_TXN_COMPLETED || t->state == MT_SIP_TXN_CONFIRMED)) {
        mt_sip_stxn_repeat(s, t, true);
        return;
    }
    mt_sip_side *side = find_side(s, rx->msg);
    if (side == NULL || side->call->state != MT_SIP_CALL_UP || rx->msg->body.len > MT_SIP_BODY_MAX)
        return;
    if (s->hiding && !mt_sip_hide_body_is_blank(rx->msg)) { /* nobody can refuse an ACK */
        mt_sip_pair_event(s, MT_SIP_REFUSED, side->call, 488, 0);
        mt_sip_call_end(s, side->call, 488, MT_SIP_BYE_BOTH);
        return;
    }
    mt_sip_forward_ack(s, mt_sip_side_other(side), rx->msg);
}

static void cancel_call(mt_sip_server *s, mt_sip_call *call) {
    mt_sip_pair_event(s, MT_SIP_REFUSED, call, 487, 0);
    mt_sip_call_end(s, call, 487, MT_SIP_BYE_NONE);
}

void mt_sip_proxy_cancel(mt_sip_server *s, mt_sip_rx *rx) {
    uint8_t key[MT_SIP_KEY_BYTES];
    mt_sip_stxn *t =
        mt_sip_txn_key(s, rx->msg, rx->flow, MT_SLICE_LIT("INVITE"), key) == MT_OK ? mt_sip_stxn_find(s, key) : NULL;
    if (t == NULL) {
        mt_sip_reply(s, rx, 481);
        return;
    }
    rx->keep = true;
    if (t->side != NULL)
        rx->tag = mt_sip_side_tag(t->side); /* the same as in the INVITE's answers, RFC 3261 9.2 */
    mt_sip_reply(s, rx, 200);
    if (mt_sip_stxn_is_final(t))
        return;
    if (t->initial) {
        cancel_call(s, t->call);
    } else if (t->held.p != NULL) {
        mt_sip_str_free(&t->held);
        mt_sip_stxn_answer(s, t, 487, mt_sip_side_tag(t->side));
    } else if (t->onward != NULL) {
        mt_sip_ctxn_cancel(s, t->onward); /* the callee's 487 passes back */
    }
}
