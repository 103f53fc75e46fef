#include "sip/machine.h"

static void arm(mt_sip_server *s, mt_sip_ctxn *t) {
    mt_timer_set(&s->timerq, &t->timer, t->next_ms < t->deadline_ms ? t->next_ms : t->deadline_ms);
}

static void set_deadline(mt_sip_server *s, mt_sip_ctxn *t, int64_t ms) {
    t->next_ms = MT_NEVER;
    t->deadline_ms = s->now_ms + ms;
    arm(s, t);
}

static int64_t t1_64(const mt_sip_server *s) {
    return 64 * (int64_t)s->cfg.t1_ms;
}

/* Timers B, C, F, D, K, M. */
static void over(mt_sip_server *s, mt_sip_ctxn *t) {
    bool final = t->state >= MT_SIP_TXN_COMPLETED;
    if (!final && t->kind == MT_SIP_CTXN_QUALIFY)
        mt_sip_qualify_done(s, t, false);
    if (!final && t->kind == MT_SIP_CTXN_FORWARD && !t->cancelled) {
        mt_sip_forward_timeout(s, t);
        if (t->cancelled || t->state == MT_SIP_TXN_DEAD) /* timer C: now it waits for the answer to CANCEL */
            return;
    }
    mt_sip_ctxn_drop(s, t);
}

static void due(mt_timer *timer, void *ctx, int64_t now_ms) {
    mt_sip_server *s = ctx;
    mt_sip_ctxn *t = MT_CONTAINER(timer, mt_sip_ctxn, timer);
    s->now_ms = now_ms;
    if (now_ms >= t->deadline_ms) {
        over(s, t);
        return;
    }
    mt_sip_out_bytes(s, &t->flow, mt_sip_str_slice(&t->request)); /* timers A and E */
    t->interval_ms *= 2;
    if (t->method != MT_SIP_METHOD_INVITE && t->interval_ms > s->cfg.t2_ms)
        t->interval_ms = s->cfg.t2_ms;
    t->next_ms = now_ms + t->interval_ms;
    arm(s, t);
}

static void set_key(char key[MT_SIP_ID_CHARS + 1], const char *branch, mt_sip_method method) {
    memcpy(key, branch + strlen(MT_SIP_COOKIE), MT_SIP_ID_CHARS);
    key[MT_SIP_ID_CHARS] = method == MT_SIP_METHOD_CANCEL ? 'c' : 'x';
}

mt_sip_ctxn *mt_sip_ctxn_make(mt_sip_server *s, const mt_sip_ctxn_start *start) {
    mt_sip_ctxn *t = mt_calloc(1, sizeof(*t));
    if (t == NULL) {
        s->oom = true;
        return NULL;
    }
    bool udp = !mt_sip_flow_is_stream(start->flow);
    set_key(t->key, start->branch, start->method);
    t->kind = start->kind;
    t->method = start->method;
    t->flow = *start->flow;
    t->cseq = start->cseq;
    t->side = start->side;
    t->call = start->side != NULL ? start->side->call : NULL;
    mt_timer_init(&t->timer, due);
    mt_list_init(&t->link);
    bool keep = udp || t->method == MT_SIP_METHOD_INVITE;
    if ((keep && mt_sip_str_set(s, &t->request, start->request) != MT_OK) ||
        mt_map_put(&s->ctxns, mt_slice_n(t->key, sizeof(t->key)), &t->node) != MT_OK) {
        mt_sip_str_free(&t->request);
        mt_free(t);
        return NULL;
    }
    if (t->call != NULL)
        mt_list_append(&t->call->ctxns, &t->link);
    t->interval_ms = s->cfg.t1_ms;
    t->next_ms = udp ? s->now_ms + t->interval_ms : MT_NEVER;
    t->deadline_ms = s->now_ms + (start->limit_ms > 0 ? (int64_t)start->limit_ms : t1_64(s));
    arm(s, t);
    return t;
}

static mt_sip_ctxn *find(const mt_sip_server *s, const mt_sip_msg *m) {
    char key[MT_SIP_ID_CHARS + 1];
    mt_slice branch = m->vias[0].branch;
    if (m->via_count != 1 || branch.len != MT_SIP_BRANCH_CHARS || !mt_slice_starts_nocase(branch, MT_SIP_COOKIE))
        return NULL;
    set_key(key, branch.p, m->method);
    mt_map_node *n = mt_map_get(&s->ctxns, mt_slice_n(key, sizeof(key)));
    mt_sip_ctxn *t = n != NULL ? MT_CONTAINER(n, mt_sip_ctxn, node) : NULL;
    return t != NULL && t->method == m->method && t->cseq == m->cseq ? t : NULL;
}

static void send_cancel(mt_sip_server *s, mt_sip_ctxn *t) {
    t->cancelled = true;
    set_deadline(s, t, t1_64(s)); /* RFC 3261 9.1: no final answer by then, and it is over */
    mt_sip_flow flow;
    if (mt_sip_flow_alive(s, &t->flow))
        flow = t->flow;
    else if (!mt_sip_side_flow(s, t->side, &flow))
        return;
    char branch[MT_SIP_BRANCH_CHARS];
    mt_sip_branch_of(t->key, branch);
    mt_sip_leg_request r = {.to = t->side,
                            .method = MT_SIP_METHOD_CANCEL,
                            .uri = mt_sip_str_slice(&t->uri),
                            .tag = t->initial ? (mt_slice){NULL, 0} : mt_sip_str_slice(&t->side->their_tag),
                            .branch = branch,
                            .flow = &t->flow,
                            .cseq = t->cseq,
                            .max_forwards = 70};
    mt_slice bytes;
    if (mt_sip_leg_send(s, &r, &flow, &bytes) != MT_OK)
        return;
    (void)mt_sip_ctxn_make(s, &(mt_sip_ctxn_start){.kind = MT_SIP_CTXN_CANCEL,
                                                   .method = MT_SIP_METHOD_CANCEL,
                                                   .flow = &flow,
                                                   .branch = branch,
                                                   .cseq = t->cseq,
                                                   .request = bytes});
}

void mt_sip_ctxn_cancel(mt_sip_server *s, mt_sip_ctxn *t) {
    if (t->method != MT_SIP_METHOD_INVITE || t->cancelled)
        return;
    if (t->state == MT_SIP_TXN_PROCEEDING)
        send_cancel(s, t);
    else if (t->state == MT_SIP_TXN_TRYING)
        t->cancel_wanted = true;
}

/* RFC 3261 17.1.1.3: the ACK of a final answer other than 2xx belongs to the transaction. */
static void ack_refusal(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    char branch[MT_SIP_BRANCH_CHARS];
    mt_sip_branch_of(t->key, branch);
    mt_sip_leg_request r = {.to = t->side,
                            .method = MT_SIP_METHOD_ACK,
                            .uri = mt_sip_str_slice(&t->uri),
                            .tag = m->to.tag,
                            .branch = branch,
                            .flow = &t->flow,
                            .cseq = t->cseq,
                            .max_forwards = 70};
    mt_slice bytes;
    if (mt_sip_leg_send(s, &r, &t->flow, &bytes) == MT_OK && !mt_sip_flow_is_stream(&t->flow) &&
        mt_sip_str_set(s, &t->ack, bytes) != MT_OK)
        mt_sip_str_free(&t->ack);
}

/* Stays to absorb what comes again, but lets its call go. */
static void linger(mt_sip_server *s, mt_sip_ctxn *t, int64_t ms) {
    if (t->state == MT_SIP_TXN_DEAD)
        return;
    set_deadline(s, t, ms);
    mt_sip_call *call = t->call;
    mt_list_remove(&t->link);
    if (t->origin != NULL)
        t->origin->onward = NULL;
    t->origin = NULL;
    t->call = NULL;
    t->side = NULL;
    if (call != NULL)
        mt_sip_call_check(s, call);
}

static void invite_provisional(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    if (t->state >= MT_SIP_TXN_COMPLETED)
        return;
    bool first = t->state == MT_SIP_TXN_TRYING;
    t->state = MT_SIP_TXN_PROCEEDING;
    if (!t->cancelled && (first || m->status > 100)) /* 100 does not begin timer C anew, RFC 3261 16.7 */
        set_deadline(s, t, s->cfg.timer_c_ms);
    if (t->cancel_wanted && !t->cancelled)
        send_cancel(s, t);
    else if (m->status > 100)
        mt_sip_forward_response(s, t, m);
}

static void invite_accepted(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    if (t->state == MT_SIP_TXN_COMPLETED)
        return;
    if (t->ack.p != NULL) {
        mt_sip_out_bytes(s, &t->flow, mt_sip_str_slice(&t->ack));
        return;
    }
    if (t->state != MT_SIP_TXN_ACCEPTED) {
        t->state = MT_SIP_TXN_ACCEPTED;
        mt_sip_str_free(&t->request);
        set_deadline(s, t, t1_64(s)); /* timer M */
    }
    mt_sip_forward_response(s, t, m);
}

static void invite_refused(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    if (t->state == MT_SIP_TXN_COMPLETED)
        mt_sip_out_bytes(s, &t->flow, mt_sip_str_slice(&t->ack));
    if (t->state >= MT_SIP_TXN_COMPLETED)
        return;
    t->state = MT_SIP_TXN_COMPLETED;
    ack_refusal(s, t, m);
    mt_sip_forward_response(s, t, m);
    mt_sip_str_free(&t->request);
    if (t->state != MT_SIP_TXN_DEAD && mt_sip_flow_is_stream(&t->flow)) {
        mt_sip_ctxn_drop(s, t);
        return;
    }
    linger(s, t, t1_64(s) > 32000 ? t1_64(s) : 32000); /* timer D; the ACK is kept */
}

static void other(mt_sip_server *s, mt_sip_ctxn *t, const mt_sip_msg *m) {
    if (t->state >= MT_SIP_TXN_COMPLETED)
        return;
    if (m->status < 200) {
        t->state = MT_SIP_TXN_PROCEEDING;
        t->interval_ms = s->cfg.t2_ms;
        return;
    }
    t->state = MT_SIP_TXN_COMPLETED;
    if (t->kind == MT_SIP_CTXN_FORWARD)
        mt_sip_forward_response(s, t, m);
    if (t->kind == MT_SIP_CTXN_QUALIFY)
        mt_sip_qualify_done(s, t, true);
    if (t->state != MT_SIP_TXN_DEAD && mt_sip_flow_is_stream(&t->flow)) {
        mt_sip_ctxn_drop(s, t);
        return;
    }
    mt_sip_str_free(&t->request);
    linger(s, t, s->cfg.t4_ms); /* timer K */
}

void mt_sip_ctxn_response(mt_sip_server *s, const mt_sip_msg *m) {
    mt_sip_ctxn *t = find(s, m);
    if (t == NULL)
        return;
    if (t->method != MT_SIP_METHOD_INVITE)
        other(s, t, m);
    else if (m->status < 200)
        invite_provisional(s, t, m);
    else if (m->status < 300)
        invite_accepted(s, t, m);
    else
        invite_refused(s, t, m);
}

void mt_sip_ctxn_drop(mt_sip_server *s, mt_sip_ctxn *t) {
    if (t->state == MT_SIP_TXN_DEAD)
        return;
    t->state = MT_SIP_TXN_DEAD;
    mt_map_remove(&s->ctxns, &t->node);
    mt_timer_stop(&s->timerq, &t->timer);
    if (t->origin != NULL)
        t->origin->onward = NULL;
    t->origin = NULL;
    mt_list_remove(&t->link);
    mt_sip_call *call = t->call;
    t->call = NULL;
    mt_list_append(&s->dead_ctxns, &t->link);
    if (call != NULL)
        mt_sip_call_check(s, call);
}

void mt_sip_ctxn_free(mt_sip_ctxn *t) {
    mt_sip_str_free(&t->request);
    mt_sip_str_free(&t->uri);
    mt_sip_str_free(&t->ack);
    mt_free(t);
}
