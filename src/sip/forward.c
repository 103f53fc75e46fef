#include "sip/hide.h"
#include "sip/machine.h"

#define ACKS_MAX 16

static void refuse(mt_sip_server *s, mt_sip_stxn *t, unsigned code) {
    if (!t->initial) {
        mt_sip_stxn_answer(s, t, code, mt_sip_side_tag(t->side));
        return;
    }
    mt_sip_pair_event(s, MT_SIP_REFUSED, t->call, code, 0);
    mt_sip_call_end(s, t->call, code, MT_SIP_BYE_NONE);
}

void mt_sip_forward_held_over(mt_sip_server *s, mt_sip_stxn *t) {
    mt_sip_str_free(&t->held);
    mt_list_remove(&t->waiting);
    refuse(s, t, t->initial ? 480 : 430);
}

static void hold(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_side *to, const mt_sip_msg *m) {
    if (to->account == NULL)
        mt_sip_forward_held_over(s, t);
    else
        mt_sip_stxn_hold(s, t, to->account, m->raw, t->initial ? s->cfg.park_ms : s->cfg.rebind_ms);
}

static bool refreshes_target(mt_sip_method m) {
    return m == MT_SIP_METHOD_INVITE || m == MT_SIP_METHOD_UPDATE;
}

static mt_err write_onward(mt_sip_server *s, const mt_sip_stxn *t, const mt_sip_msg *m, const mt_sip_leg_request *r,
                           mt_slice *bytes) {
    mt_sip_writer w;
    mt_sip_out_begin(s, &w);
    mt_sip_rewrite_request(s, &w, r);
    if (t->initial)
        mt_sip_rewrite_record_route(s, &w, r->to, r->flow);
    if (refreshes_target(r->method))
        mt_sip_rewrite_contact(s, &w, r->to, r->flow);
    mt_sip_rewrite_copy(&w, m);
    return mt_sip_out_end(s, &w, r->flow, m, bytes);
}

static unsigned hops(const mt_sip_msg *m) {
    return m->max_forwards > 0 && m->max_forwards < 70 ? (unsigned)m->max_forwards - 1 : 69;
}

/* Keeps what the callee's leg needs from the moment that the INVITE is on its way. */
static mt_err begin_callee(mt_sip_server *s, mt_sip_side *callee) {
    if (callee->account == NULL || !callee->account->bound)
        return MT_ESTATE;
    callee->was_bound = true;
    return mt_sip_str_set(s, &callee->target, mt_sip_str_slice(&callee->account->contact));
}

void mt_sip_forward_request(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_msg *m) {
    mt_sip_side *to = mt_sip_side_other(t->side);
    mt_sip_flow flow;
    if (!mt_sip_side_flow(s, to, &flow)) {
        hold(s, t, to, m);
        return;
    }
    if (t->initial && begin_callee(s, to) != MT_OK) {
        refuse(s, t, 503);
        return;
    }
    char branch[MT_SIP_BRANCH_CHARS];
    mt_sip_branch(s, branch);
    mt_sip_leg_request r = {.to = to,
                            .method = m->method,
                            .uri = mt_sip_str_slice(&to->target),
                            .tag = mt_sip_str_slice(&to->their_tag),
                            .branch = branch,
                            .flow = &flow,
                            .cseq = m->cseq,
                            .max_forwards = hops(m)};
    mt_slice bytes;
    mt_sip_ctxn *c = NULL;
    if (write_onward(s, t, m, &r, &bytes) == MT_OK)
        c = mt_sip_ctxn_make(s, &(mt_sip_ctxn_start){.kind = MT_SIP_CTXN_FORWARD,
                                                     .method = m->method,
                                                     .flow = &flow,
                                                     .branch = branch,
                                                     .cseq = m->cseq,
                                                     .request = bytes,
                                                     .side = to});
    if (c == NULL || mt_sip_str_set(s, &c->uri, r.uri) != MT_OK) {
        refuse(s, t, 503);
        return;
    }
    c->initial = t->initial;
    c->origin = t;
    t->onward = c;
    to->cseq = m->cseq > to->cseq ? m->cseq : to->cseq;
    if (t->initial) {
        t->call->state = MT_SIP_CALL_CALLING;
        mt_sip_pair_event(s, MT_SIP_INVITED, t->call, 0, 0);
    }
}

/* The INVITE to this side whose 2xx an ACK can mean. Each 2xx that comes again has its own ACK, but no more than there
 * can be of them in 64 * T1: else one side could send the other what it likes, without end. */
static mt_sip_ctxn *awaits_ack(const mt_sip_side *to, uint32_t cseq) {
    MT_LIST_FOREACH(it, &to->call->ctxns) {
        mt_sip_ctxn *t = MT_CONTAINER(it, mt_sip_ctxn, link);
        if (t->side == to && t->method == MT_SIP_METHOD_INVITE && t->state == MT_SIP_TXN_ACCEPTED && t->cseq == cseq &&
            t->ack.p == NULL && t->acks < ACKS_MAX)
            return t;
    }
    return NULL;
}

/* Over streams nothing is repeated once the ACK passed, so the INVITE's transactions need not linger. Where only the
 * side that answered is on UDP, its 2xx comes again if the ACK was lost: then it is ours to repeat. */
static void acknowledged(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_flow *flow, mt_slice ack) {
    mt_sip_stxn *origin = t->origin;
    bool end_to_end = origin != NULL && !mt_sip_flow_is_stream(&origin->flow);
    if (origin != NULL && !end_to_end && origin->state == MT_SIP_TXN_ACCEPTED)
        mt_sip_stxn_drop(s, origin);
    t->flow = *flow;
    t->acks++;
    if (mt_sip_flow_is_stream(flow))
        mt_sip_ctxn_drop(s, t);
    else if (!end_to_end && mt_sip_str_set(s, &t->ack, ack) != MT_OK)
        mt_sip_str_free(&t->ack);
}

void mt_sip_forward_ack(mt_sip_server *s, mt_sip_side *to, const mt_sip_msg *m) {
    mt_sip_flow flow;
    mt_sip_ctxn *invite = awaits_ack(to, m->cseq);
    if (invite == NULL || !mt_sip_side_flow(s, to, &flow))
        return; /* without a flow: its 2xx will be repeated, and so the ACK */
    char branch[MT_SIP_BRANCH_CHARS];
    mt_sip_branch(s, branch);
    mt_sip_leg_request r = {.to = to,
                            .method = MT_SIP_METHOD_ACK,
                            .uri = mt_sip_str_slice(&to->target),
                            .tag = mt_sip_str_slice(&to->their_tag),
                            .branch = branch,
                            .flow = &flow,
                            .cseq = m->cseq,
                            .max_forwards = hops(m)};
    mt_sip_writer w;
    mt_slice bytes;
    mt_sip_out_begin(s, &w);
    mt_sip_rewrite_request(s, &w, &r);
    mt_sip_rewrite_copy(&w, m);
    if (mt_sip_out_end(s, &w, &flow, m, &bytes) != MT_OK)
        return;
    if (to == &to->call->side[1] && m->cseq == to->call->invite_cseq)
        to->call->acked = true;
    acknowledged(s, invite, &flow, bytes);
}

/* A challenge cannot be met through us, and another server's overload is not ours (RFC 3261 16.7 step 6). */
static unsigned code_onward(unsigned status) {
    if (status == 401 || status == 407)
        return 480;
    return status == 503 ? 500 : status;
}

static void relay(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_msg *m) {
    if (t == NULL || (mt_sip_stxn_is_final(t) && (t->state != MT_SIP_TXN_ACCEPTED || m->status / 100 != 2)))
        return;
    unsigned code = code_onward(m->status);
    mt_sip_flow flow;
    if (!mt_sip_side_flow(s, t->side, &flow))
        flow = t->flow;
    mt_sip_writer w;
    mt_sip_stxn_begin(s, t, &w, code, mt_sip_side_tag(t->side));
    if (t->initial && code < 300)
        mt_sip_rewrite_record_route(s, &w, t->side, &flow);
    if (refreshes_target(t->method) && code < 300)
        mt_sip_rewrite_contact(s, &w, t->side, &flow);
    mt_sip_rewrite_copy(&w, m);
    bool bare = s->hiding && !mt_sip_hide_body_is_blank(m);
    mt_sip_stxn_end(s, t, &w, code, bare ? NULL : m);
}

/* What a 1xx or 2xx says about its sender. */
static void learn(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    mt_sip_side *side = t->side;
    bool tag = t->initial && m->to.tag.len > 0 && m->to.tag.len <= MT_SIP_TEXT_MAX &&
               (side->their_tag.len == 0 || m->status >= 200);
    if (tag && mt_sip_str_set(s, &side->their_tag, m->to.tag) != MT_OK)
        return; /* the old one stays */
    if (m->contact_count > 0 && m->contacts[0].uri.raw.len <= MT_SIP_TEXT_MAX &&
        mt_sip_str_set(s, &side->target, m->contacts[0].uri.raw) != MT_OK)
        return;
}

/* A final answer to a call that is over: the callee must not be left with it. */
static void crossed(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    if (m->status / 100 != 2 || t->method != MT_SIP_METHOD_INVITE)
        return;
    mt_sip_call_ack(s, t, mt_sip_str_slice(&t->side->their_tag), mt_sip_str_slice(&t->side->target));
    if (t->initial)
        mt_sip_call_bye(s, t->side);
}

static void initial_answer(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    mt_sip_call *call = t->call;
    if (m->status < 200) {
        bool rings = m->status >= 180 && m->status < 190 && !call->ringing;
        call->ringing = call->ringing || rings;
        if (rings)
            mt_sip_pair_event(s, MT_SIP_RINGING, call, m->status, 0);
        relay(s, t->origin, m);
    } else if (m->status < 300) {
        if (call->state != MT_SIP_CALL_UP)
            mt_sip_pair_event(s, MT_SIP_UP, call, m->status, 0);
        call->state = MT_SIP_CALL_UP;
        relay(s, t->origin, m);
    } else {
        relay(s, t->origin, m);
        mt_sip_pair_event(s, MT_SIP_REFUSED, call, m->status, 0);
        mt_sip_call_end(s, call, m->status, MT_SIP_BYE_NONE);
    }
}

/* An answer that tells where its sender is does not pass, and without it there is no call: both sides are rid of it.
 */
static void end_telltale(mt_sip_server *s, mt_sip_ctxn *t) {
    mt_sip_call *call = t->call;
    mt_sip_pair_event(s, MT_SIP_REFUSED, call, 488, 0);
    call->state = MT_SIP_CALL_UP; /* the callee believes so */
    mt_sip_call_end(s, call, 488, t->initial ? MT_SIP_BYE_CALLEE : MT_SIP_BYE_BOTH);
}

void mt_sip_forward_response(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    if (m->status < 300 && refreshes_target(t->method))
        learn(s, t, m);
    if (t->call->state == MT_SIP_CALL_ENDED)
        crossed(s, t, m);
    else if (m->status / 100 == 2 && s->hiding && !mt_sip_hide_body_is_blank(m))
        end_telltale(s, t);
    else if (t->initial)
        initial_answer(s, t, m);
    else
        relay(s, t->origin, m);
}

void mt_sip_forward_timeout(mt_sip_server *s, mt_sip_ctxn *t) {
    mt_sip_stxn *origin = t->origin;
    if (t->initial && t->call->state != MT_SIP_CALL_ENDED) {
        mt_sip_pair_event(s, MT_SIP_REFUSED, t->call, 408, 0);
        mt_sip_call_end(s, t->call, 408, MT_SIP_BYE_NONE);
        return;
    }
    if (t->method == MT_SIP_METHOD_INVITE) {
        if (origin != NULL)
            mt_sip_stxn_answer(s, origin, 408, mt_sip_side_tag(origin->side));
        mt_sip_ctxn_cancel(s, t);
    } else if (origin != NULL) {
        mt_sip_stxn_drop(s, origin); /* RFC 4320: no 408 to what is not INVITE; its sender's own timer says so */
    }
}
