#include "sip/machine.h"

#define GOING_DOWN "SIP;cause=503;text=\"The server is going down\"" /* RFC 3326 */

static void gone(mt_timer *timer, void *ctx, int64_t now_ms) {
    mt_sip_server *s = ctx;
    mt_sip_side *side = MT_CONTAINER(timer, mt_sip_side, gone);
    mt_sip_call *call = side->call;
    mt_sip_flow flow;
    s->now_ms = now_ms;
    if (call->state == MT_SIP_CALL_ENDED) {
        side->bye_due = false;
        mt_sip_call_check(s, call);
        return;
    }
    if (mt_sip_side_flow(s, side, &flow))
        return;
    mt_sip_pair_event(s, MT_SIP_CALL_GONE, call, 0, side->user);
    mt_sip_call_end(s, call, 480, side == &call->side[0] ? MT_SIP_BYE_CALLEE : MT_SIP_BYE_CALLER);
}

static mt_slice pair_key(const mt_sip_pair *pair) {
    return mt_slice_n(pair->id, sizeof(pair->id));
}

static mt_err alias_uri(mt_sip_server *s, mt_sip_user user, mt_sip_str *out) {
    char alias[16] = "", uri[300];
    s->policy.alias(s->policy_ctx, user, alias);
    alias[sizeof(alias) - 1] = '\0';
    const mt_slice pieces[] = {MT_SLICE_LIT("sip:"), mt_slice_of(alias), MT_SLICE_LIT("@"), mt_slice_of(s->cfg.domain)};
    return mt_sip_str_set(s, out, mt_slice_of(mt_text_join(pieces, 4, uri, sizeof(uri))));
}

static mt_err fill_caller(mt_sip_server *s, mt_sip_side *side, const mt_sip_rx *rx) {
    const mt_sip_msg *m = rx->msg;
    side->user = rx->user;
    side->flow = *rx->flow;
    mt_err err = mt_sip_str_set(s, &side->call_id, m->call_id);
    if (err == MT_OK)
        err = mt_sip_str_set(s, &side->their_uri, m->from.uri.raw);
    if (err == MT_OK)
        err = mt_sip_str_set(s, &side->our_uri, m->to.uri.raw);
    if (err == MT_OK)
        err = mt_sip_str_set(s, &side->their_tag, m->from.tag);
    if (err == MT_OK)
        err = mt_sip_str_set(s, &side->target, m->contacts[0].uri.raw);
    return err;
}

static mt_err fill_callee(mt_sip_server *s, mt_sip_side *side, mt_sip_user caller, mt_sip_user callee) {
    char id[MT_SIP_ID_CHARS];
    side->user = callee;
    side->flow.transport = MT_SIP_TCP; /* connection 0: nowhere, until he is bound */
    mt_sip_hex_id(s, id, sizeof(id));
    mt_err err = mt_sip_str_set(s, &side->call_id, mt_slice_n(id, sizeof(id)));
    if (err == MT_OK)
        err = alias_uri(s, callee, &side->their_uri);
    if (err == MT_OK)
        err = alias_uri(s, caller, &side->our_uri);
    return err;
}

/* Everything of a side that does not depend on who he is. */
static mt_err enlist(mt_sip_server *s, mt_sip_side *side) {
    mt_sip_hex_id(s, side->token, sizeof(side->token));
    mt_sip_hex_id(s, side->our_tag, sizeof(side->our_tag));
    side->account = mt_sip_account_make(s, side->user);
    if (side->account == NULL)
        return MT_ENOMEM;
    side->was_bound = side->account->bound;
    mt_list_append(&side->account->sides, &side->on_account);
    return mt_map_put(&s->tokens, mt_slice_n(side->token, sizeof(side->token)), &side->node);
}

static void side_out(mt_sip_server *s, mt_sip_side *side) {
    mt_timer_stop(&s->timerq, &side->gone);
    mt_list_remove(&side->on_account);
    side->account = NULL;
    side->bye_due = false;
    if (side->node.key.p != NULL)
        mt_map_remove(&s->tokens, &side->node);
    side->node.key = (mt_slice){NULL, 0};
}

mt_sip_call *mt_sip_call_make(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_user callee, const mt_sip_pair *pair) {
    mt_sip_call *c = mt_calloc(1, sizeof(*c));
    if (c == NULL) {
        s->oom = true;
        return NULL;
    }
    c->pair = *pair;
    c->state = MT_SIP_CALL_PARKED;
    c->invite_cseq = rx->msg->cseq;
    mt_list_init(&c->stxns);
    mt_list_init(&c->ctxns);
    for (int i = 0; i < 2; i++) {
        c->side[i].call = c;
        mt_list_init(&c->side[i].on_account);
        mt_timer_init(&c->side[i].gone, gone);
    }
    if (fill_caller(s, &c->side[0], rx) != MT_OK || fill_callee(s, &c->side[1], rx->user, callee) != MT_OK ||
        enlist(s, &c->side[0]) != MT_OK || enlist(s, &c->side[1]) != MT_OK ||
        mt_map_put(&s->pairs, pair_key(&c->pair), &c->node) != MT_OK) {
        side_out(s, &c->side[0]);
        side_out(s, &c->side[1]);
        mt_sip_call_free(c);
        return NULL;
    }
    c->in_map = true;
    mt_list_append(&s->calls, &c->link);
    s->call_count++;
    return c;
}

void mt_sip_call_free(mt_sip_call *call) {
    for (int i = 0; i < 2; i++) {
        mt_sip_side *side = &call->side[i];
        mt_sip_str_free(&side->call_id);
        mt_sip_str_free(&side->our_uri);
        mt_sip_str_free(&side->their_uri);
        mt_sip_str_free(&side->their_tag);
        mt_sip_str_free(&side->target);
    }
    mt_free(call);
}

mt_sip_call *mt_sip_call_of_pair(const mt_sip_server *s, const mt_sip_pair *pair) {
    mt_map_node *n = mt_map_get(&s->pairs, pair_key(pair));
    return n != NULL ? MT_CONTAINER(n, mt_sip_call, node) : NULL;
}

mt_sip_side *mt_sip_side_of_token(const mt_sip_server *s, mt_slice token) {
    mt_map_node *n = token.len == MT_SIP_ID_CHARS ? mt_map_get(&s->tokens, token) : NULL;
    return n != NULL ? MT_CONTAINER(n, mt_sip_side, node) : NULL;
}

mt_sip_side *mt_sip_side_other(const mt_sip_side *side) {
    return side == &side->call->side[0] ? &side->call->side[1] : &side->call->side[0];
}

bool mt_sip_side_flow(const mt_sip_server *s, const mt_sip_side *side, mt_sip_flow *out) {
    if (side->account != NULL && side->account->bound) {
        *out = side->account->flow;
        return true;
    }
    if (side->was_bound || !mt_sip_flow_alive(s, &side->flow))
        return false;
    *out = side->flow;
    return true;
}

mt_slice mt_sip_side_tag(const mt_sip_side *side) {
    return mt_slice_n(side->our_tag, sizeof(side->our_tag));
}

static void answer_all(mt_sip_server *s, mt_sip_call *call, unsigned code) {
    MT_LIST_FOREACH_SAFE(it, &call->stxns) {
        mt_sip_stxn *t = MT_CONTAINER(it, mt_sip_stxn, link);
        if (t->state == MT_SIP_TXN_ACCEPTED && mt_sip_flow_is_stream(&t->flow)) {
            mt_sip_stxn_drop(s, t);
            continue;
        }
        if (mt_sip_stxn_is_final(t))
            continue;
        unsigned in_dialog = t->held.p != NULL ? 430 : t->method == MT_SIP_METHOD_INVITE ? 487 : 481;
        mt_sip_str_free(&t->held);
        mt_sip_stxn_answer(s, t, t->initial ? code : in_dialog, mt_sip_side_tag(t->side));
    }
}

static void end_ctxns(mt_sip_server *s, mt_sip_call *call) {
    MT_LIST_FOREACH_SAFE(it, &call->ctxns) {
        mt_sip_ctxn *t = MT_CONTAINER(it, mt_sip_ctxn, link);
        if (t->origin != NULL)
            t->origin->onward = NULL;
        t->origin = NULL;
        if (t->state == MT_SIP_TXN_ACCEPTED) {
            if (t->initial && !call->acked)
                mt_sip_call_ack(s, t, mt_sip_str_slice(&t->side->their_tag), mt_sip_str_slice(&t->side->target));
            mt_sip_ctxn_drop(s, t);
        } else if (t->state < MT_SIP_TXN_COMPLETED) {
            mt_sip_ctxn_cancel(s, t);
        }
    }
}

void mt_sip_call_end(mt_sip_server *s, mt_sip_call *call, unsigned code, unsigned byes) {
    if (call->state == MT_SIP_CALL_ENDED)
        return;
    bool was_up = call->state == MT_SIP_CALL_UP;
    if (call->in_map)
        mt_map_remove(&s->pairs, &call->node);
    call->in_map = false;
    call->state = MT_SIP_CALL_ENDED;
    call->reaping = true; /* not before all is sent */
    for (int i = 0; i < 2; i++)
        mt_timer_stop(&s->timerq, &call->side[i].gone);
    answer_all(s, call, code);
    end_ctxns(s, call);
    if (was_up && (byes & MT_SIP_BYE_CALLER) != 0)
        mt_sip_call_bye(s, &call->side[0]);
    if (was_up && (byes & MT_SIP_BYE_CALLEE) != 0)
        mt_sip_call_bye(s, &call->side[1]);
    call->reaping = false;
    mt_sip_call_check(s, call);
}

void mt_sip_call_bye(mt_sip_server *s, mt_sip_side *to) {
    mt_sip_flow flow;
    if (!mt_sip_side_flow(s, to, &flow)) {
        to->bye_due = to->account != NULL;
        if (to->bye_due)
            mt_timer_set(&s->timerq, &to->gone, s->now_ms + s->cfg.rebind_ms);
        return;
    }
    char branch[MT_SIP_BRANCH_CHARS];
    mt_sip_branch(s, branch);
    to->cseq += to->cseq < MT_SIP_MAX_CSEQ ? 1 : 0;
    mt_sip_leg_request r = {.to = to,
                            .method = MT_SIP_METHOD_BYE,
                            .uri = mt_sip_str_slice(&to->target),
                            .tag = mt_sip_str_slice(&to->their_tag),
                            .branch = branch,
                            .flow = &flow,
                            .cseq = to->cseq,
                            .max_forwards = 70,
                            .reason = s->going_down ? GOING_DOWN : NULL};
    mt_slice bytes;
    if (mt_sip_leg_send(s, &r, &flow, &bytes) != MT_OK)
        return;
    (void)mt_sip_ctxn_make(s, &(mt_sip_ctxn_start){.kind = MT_SIP_CTXN_BYE,
                                                   .method = MT_SIP_METHOD_BYE,
                                                   .flow = &flow,
                                                   .branch = branch,
                                                   .cseq = to->cseq,
                                                   .request = bytes,
                                                   .side = to});
}

/* The ACK of a 2xx that the caller does not acknowledge himself any more. */
void mt_sip_call_ack(mt_sip_server *s, mt_sip_ctxn *t, mt_slice tag, mt_slice uri) {
    mt_sip_flow flow;
    if (!mt_sip_side_flow(s, t->side, &flow))
        return;
    char branch[MT_SIP_BRANCH_CHARS];
    mt_sip_branch(s, branch);
    mt_sip_leg_request r = {.to = t->side,
                            .method = MT_SIP_METHOD_ACK,
                            .uri = uri,
                            .tag = tag,
                            .branch = branch,
                            .flow = &flow,
                            .cseq = t->cseq,
                            .max_forwards = 70};
    mt_slice bytes;
    if (mt_sip_leg_send(s, &r, &flow, &bytes) == MT_OK && mt_sip_str_set(s, &t->ack, bytes) != MT_OK)
        mt_sip_str_free(&t->ack);
}

void mt_sip_call_check(mt_sip_server *s, mt_sip_call *call) {
    if (call->state != MT_SIP_CALL_ENDED || call->reaping || !mt_list_empty(&call->ctxns) || call->side[0].bye_due ||
        call->side[1].bye_due)
        return;
    call->reaping = true;
    MT_LIST_FOREACH_SAFE(it, &call->stxns) {
        mt_sip_stxn *t = MT_CONTAINER(it, mt_sip_stxn, link);
        mt_list_remove(it);
        t->call = NULL;
        t->side = NULL;
    }
    side_out(s, &call->side[0]);
    side_out(s, &call->side[1]);
    s->call_count--;
    mt_list_remove(&call->link);
    mt_list_append(&s->dead_calls, &call->link);
}

void mt_sip_call_user_gone(mt_sip_server *s, mt_sip_account *a) {
    MT_LIST_FOREACH(it, &a->sides) {
        mt_sip_side *side = MT_CONTAINER(it, mt_sip_side, on_account);
        if (side->call->state != MT_SIP_CALL_ENDED)
            mt_timer_set(&s->timerq, &side->gone, s->now_ms + s->cfg.gone_ms);
    }
}

/* Did it go to where its receiver is not any more? One who has changed his network leaves a connection behind that
 * looks alive for minutes; but what rings somewhere already is not to ring elsewhere, too. */
static bool went_astray(const mt_sip_server *s, const mt_sip_ctxn *t, const mt_sip_flow *now) {
    return !mt_sip_flow_alive(s, &t->flow) ||
           (!t->initial && t->state == MT_SIP_TXN_TRYING && !mt_sip_flow_eq(&t->flow, now));
}

/* An INVITE that got lost goes out again over the new connection: the same agent takes it for a repetition. */
static void invite_again(mt_sip_server *s, mt_sip_side *side, const mt_sip_account *a) {
    MT_LIST_FOREACH(it, &side->call->ctxns) {
        mt_sip_ctxn *t = MT_CONTAINER(it, mt_sip_ctxn, link);
        if (t->side != side || t->method != MT_SIP_METHOD_INVITE || t->state >= MT_SIP_TXN_COMPLETED ||
            !went_astray(s, t, &a->flow) || t->flow.transport != a->flow.transport)
            continue;
        t->flow = a->flow;
        mt_sip_out_bytes(s, &t->flow, mt_sip_str_slice(&t->request));
    }
}

void mt_sip_call_user_back(mt_sip_server *s, mt_sip_account *a) {
    MT_LIST_FOREACH_SAFE(it, &a->sides) {
        mt_sip_side *side = MT_CONTAINER(it, mt_sip_side, on_account);
        side->was_bound = true;
        mt_timer_stop(&s->timerq, &side->gone);
        if (side->bye_due) {
            side->bye_due = false;
            mt_sip_call_bye(s, side);
            mt_sip_call_check(s, side->call);
        } else {
            invite_again(s, side, a);
        }
    }
    while (!mt_list_empty(&a->waiting)) {
        mt_sip_stxn *t = MT_CONTAINER(a->waiting.next, mt_sip_stxn, waiting);
        mt_sip_str held = mt_sip_stxn_release(s, t);
        /* It was parsed once already; a datagram's framing fits whatever it came by. */
        if (mt_sip_msg_parse(mt_sip_str_slice(&held), MT_SIP_DATAGRAM, &s->held) == MT_OK)
            mt_sip_forward_request(s, t, &s->held);
        mt_sip_str_free(&held);
    }
}
