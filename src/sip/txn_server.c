#include "sip/machine.h"

#define TRYING_MS 200 /* RFC 3261 17.2.1 */

static void arm(mt_sip_server *s, mt_sip_stxn *t) {
    int64_t due_ms = t->next_ms < t->deadline_ms ? t->next_ms : t->deadline_ms;
    if (due_ms == MT_NEVER)
        mt_timer_stop(&s->timerq, &t->timer);
    else
        mt_timer_set(&s->timerq, &t->timer, due_ms);
}

/* Nothing at all was sent for this INVITE yet. */
static bool is_unanswered(const mt_sip_stxn *t) {
    return t->method == MT_SIP_METHOD_INVITE && t->state == MT_SIP_TXN_TRYING;
}

static void answer_trying(mt_sip_server *s, mt_sip_stxn *t) {
    t->next_ms = MT_NEVER;
    mt_sip_stxn_answer(s, t, 100, (mt_slice){NULL, 0});
    arm(s, t);
}

/* The time of 100, timers G (again), H, I, J, L (over), and the end of waiting for a binding. */
static void due(mt_timer *timer, void *ctx, int64_t now_ms) {
    mt_sip_server *s = ctx;
    mt_sip_stxn *t = MT_CONTAINER(timer, mt_sip_stxn, timer);
    s->now_ms = now_ms;
    if (is_unanswered(t) && now_ms < t->deadline_ms) {
        answer_trying(s, t);
        return;
    }
    if (t->held.p != NULL) {
        mt_sip_forward_held_over(s, t);
        return;
    }
    if (now_ms >= t->deadline_ms) {
        mt_sip_stxn_drop(s, t);
        return;
    }
    mt_sip_out_bytes(s, &t->flow, mt_sip_str_slice(&t->response));
    t->interval_ms = 2 * t->interval_ms < s->cfg.t2_ms ? 2 * t->interval_ms : s->cfg.t2_ms;
    t->next_ms = now_ms + t->interval_ms;
    arm(s, t);
}

mt_sip_stxn *mt_sip_stxn_find(const mt_sip_server *s, const uint8_t key[MT_SIP_KEY_BYTES]) {
    mt_map_node *n = mt_map_get(&s->stxns, mt_slice_n(key, MT_SIP_KEY_BYTES));
    return n != NULL ? MT_CONTAINER(n, mt_sip_stxn, node) : NULL;
}

static mt_err make_head(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_rx *rx) {
    mt_sip_writer w;
    mt_buf_reset(&s->scratch);
    mt_sip_write_begin(&w, &s->scratch);
    mt_sip_rewrite_head(&w, rx->msg, rx->flow, (mt_slice){NULL, 0});
    s->oom = s->oom || mt_buf_err(&s->scratch) == MT_ENOMEM;
    if (w.bad || mt_buf_err(&s->scratch) != MT_OK)
        return MT_EINVAL;
    t->to_tagged = rx->msg->to.tag.len > 0;
    return mt_sip_str_set(s, &t->head, mt_slice_n(s->scratch.p, s->scratch.len - 2));
}

mt_sip_stxn *mt_sip_stxn_make(mt_sip_server *s, const mt_sip_rx *rx, bool with_head) {
    mt_sip_stxn *t = mt_calloc(1, sizeof(*t));
    if (t == NULL) {
        s->oom = true;
        return NULL;
    }
    memcpy(t->key, rx->key, sizeof(t->key));
    t->method = rx->msg->method;
    t->cseq = rx->msg->cseq;
    t->flow = *rx->flow;
    t->user = rx->user;
    t->next_ms = t->deadline_ms = MT_NEVER;
    mt_timer_init(&t->timer, due);
    mt_list_init(&t->waiting);
    mt_list_init(&t->link);
    if ((with_head && make_head(s, t, rx) != MT_OK) ||
        mt_map_put(&s->stxns, mt_slice_n(t->key, sizeof(t->key)), &t->node) != MT_OK) {
        mt_sip_str_free(&t->head);
        mt_free(t);
        return NULL;
    }
    return t;
}

void mt_sip_stxn_move(mt_sip_server *s, mt_sip_stxn *t, const mt_sip_rx *rx) {
    if (mt_sip_stxn_find(s, rx->key) != NULL)
        return;
    mt_map_remove(&s->stxns, &t->node);
    memcpy(t->key, rx->key, sizeof(t->key));
    t->flow = *rx->flow;
    (void)!mt_map_put(&s->stxns, mt_slice_n(t->key, sizeof(t->key)), &t->node); /* that is all it fails for */
}

void mt_sip_stxn_repeat(mt_sip_server *s, mt_sip_stxn *t, bool ack) {
    if (!ack && is_unanswered(t)) {
        answer_trying(s, t);
        return;
    }
    if (!ack) {
        mt_sip_out_bytes(s, &t->flow, mt_sip_str_slice(&t->response));
        return;
    }
    if (t->method != MT_SIP_METHOD_INVITE || t->state != MT_SIP_TXN_COMPLETED)
        return;
    if (mt_sip_flow_is_stream(&t->flow)) {
        mt_sip_stxn_drop(s, t);
        return;
    }
    t->state = MT_SIP_TXN_CONFIRMED;
    mt_sip_str_free(&t->response);
    t->next_ms = MT_NEVER;
    t->deadline_ms = s->now_ms + s->cfg.t4_ms; /* timer I */
    arm(s, t);
}

void mt_sip_stxn_begin_trying(mt_sip_server *s, mt_sip_stxn *t) {
    t->next_ms = s->now_ms + TRYING_MS;
    arm(s, t);
}

bool mt_sip_stxn_is_final(const mt_sip_stxn *t) {
    return t->state >= MT_SIP_TXN_COMPLETED;
}

void mt_sip_stxn_begin(mt_sip_server *s, mt_sip_stxn *t, mt_sip_writer *w, unsigned code, mt_slice tag) {
    mt_sip_out_begin(s, w);
    mt_sip_write_response(w, code, NULL);
    mt_buf_add_slice(w->buf, mt_sip_str_slice(&t->head));
    if (!t->to_tagged && tag.len > 0) {
        mt_buf_add_str(w->buf, ";tag=");
        mt_buf_add_slice(w->buf, tag);
    }
    mt_buf_add_str(w->buf, "\r\n");
}

/* The sender's flow, or where he is now. */
static const mt_sip_flow *answer_flow(const mt_sip_server *s, const mt_sip_stxn *t) {
    if (mt_sip_flow_alive(s, &t->flow) || t->user == 0)
        return &t->flow;
    const mt_sip_account *a = mt_sip_account_get(s, t->user);
    return a != NULL && a->bound ? &a->flow : &t->flow;
}

static void completed(mt_sip_server *s, mt_sip_stxn *t, unsigned code, mt_slice bytes) {
    bool udp = !mt_sip_flow_is_stream(&t->flow), invite = t->method == MT_SIP_METHOD_INVITE;
    mt_list_remove(&t->waiting);
    if (!invite && !udp) { /* timer J is 0 */
        mt_sip_stxn_drop(s, t);
        return;
    }
    t->next_ms = MT_NEVER;
    t->deadline_ms = s->now_ms + 64 * (int64_t)s->cfg.t1_ms; /* timers H, J, L */
    if (invite && code < 300) {
        t->state = MT_SIP_TXN_ACCEPTED;
        mt_sip_str_free(&t->response); /* the callee repeats its 2xx itself */
        arm(s, t);
        return;
    }
    t->state = MT_SIP_TXN_COMPLETED;
    if (udp && mt_sip_str_set(s, &t->response, bytes) == MT_OK && invite) {
        t->interval_ms = s->cfg.t1_ms;
        t->next_ms = s->now_ms + t->interval_ms; /* timer G */
    }
    arm(s, t);
}

void mt_sip_stxn_end(mt_sip_server *s, mt_sip_stxn *t, mt_sip_writer *w, unsigned code, const mt_sip_msg *body_of) {
    mt_slice bytes;
    mt_err err = mt_sip_out_end(s, w, answer_flow(s, t), body_of, &bytes);
    if (err != MT_OK) {
        if (code >= 200 && !mt_sip_stxn_is_final(t))
            mt_sip_stxn_drop(s, t);
        return;
    }
    if (mt_sip_stxn_is_final(t)) /* a 2xx again */
        return;
    if (code >= 200) {
        completed(s, t, code, bytes);
        return;
    }
    t->state = MT_SIP_TXN_PROCEEDING;
    t->next_ms = MT_NEVER;
    arm(s, t);
    if (!mt_sip_flow_is_stream(&t->flow) && mt_sip_str_set(s, &t->response, bytes) != MT_OK)
        mt_sip_str_free(&t->response);
}

void mt_sip_stxn_answer(mt_sip_server *s, mt_sip_stxn *t, unsigned code, mt_slice tag) {
    mt_sip_writer w;
    mt_sip_stxn_begin(s, t, &w, code, tag);
    mt_sip_stxn_end(s, t, &w, code, NULL);
}

void mt_sip_stxn_hold(mt_sip_server *s, mt_sip_stxn *t, mt_sip_account *a, mt_slice request, uint32_t limit_ms) {
    if (mt_sip_str_set(s, &t->held, request) != MT_OK) {
        mt_sip_forward_held_over(s, t);
        return;
    }
    mt_list_append(&a->waiting, &t->waiting);
    t->deadline_ms = s->now_ms + limit_ms;
    arm(s, t);
}

mt_sip_str mt_sip_stxn_release(mt_sip_server *s, mt_sip_stxn *t) {
    mt_sip_str held = t->held;
    t->held = (mt_sip_str){NULL, 0};
    mt_list_remove(&t->waiting);
    t->deadline_ms = MT_NEVER;
    arm(s, t);
    return held;
}

void mt_sip_stxn_drop(mt_sip_server *s, mt_sip_stxn *t) {
    if (t->state == MT_SIP_TXN_DEAD)
        return;
    t->state = MT_SIP_TXN_DEAD;
    mt_map_remove(&s->stxns, &t->node);
    mt_timer_stop(&s->timerq, &t->timer);
    mt_list_remove(&t->waiting);
    if (t->onward != NULL)
        t->onward->origin = NULL;
    t->onward = NULL;
    mt_list_remove(&t->link);
    mt_list_append(&s->dead_stxns, &t->link);
    mt_sip_account *a = t->counted ? mt_sip_account_get(s, t->user) : NULL;
    if (a != NULL)
        a->kept--;
}

void mt_sip_stxn_free(mt_sip_stxn *t) {
    mt_sip_str_free(&t->head);
    mt_sip_str_free(&t->response);
    mt_sip_str_free(&t->held);
    mt_free(t);
}

/* The same tag for each repetition of a request, RFC 3261 8.2.7. */
static void stateless_tag(const mt_sip_server *s, const mt_sip_msg *m, char out[MT_SIP_TAG_CHARS + 1]) {
    uint64_t h = mt_siphash(s->tag_key, m->call_id.p, m->call_id.len);
    mt_text_hex(&h, sizeof(h), out);
}

void mt_sip_reply_begin(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_writer *w, unsigned code) {
    char tag[MT_SIP_TAG_CHARS + 1];
    stateless_tag(s, rx->msg, tag);
    mt_sip_out_begin(s, w);
    mt_sip_write_response(w, code, NULL);
    mt_sip_rewrite_head(w, rx->msg, rx->flow, rx->tag.len > 0 ? rx->tag : mt_slice_of(tag));
    if (code == 503)
        mt_sip_write_str(w, "Retry-After", "2");
}

/* Keeps an answer for repetitions of its request, if its sender has not too many kept already: one who sends new
 * requests without end takes no more memory than that. */
static void keep_answer(mt_sip_server *s, const mt_sip_rx *rx, mt_slice bytes) {
    mt_sip_account *a = rx->user != 0 ? mt_sip_account_get(s, rx->user) : NULL;
    if (a != NULL && a->kept >= MT_SIP_KEPT_USER_MAX)
        return;
    mt_sip_stxn *t = mt_sip_stxn_make(s, rx, false);
    if (t == NULL)
        return;
    t->counted = a != NULL;
    if (t->counted)
        a->kept++;
    completed(s, t, 300, bytes);
}

void mt_sip_reply_end(mt_sip_server *s, const mt_sip_rx *rx, mt_sip_writer *w) {
    mt_slice bytes;
    if (mt_sip_out_end(s, w, rx->flow, NULL, &bytes) != MT_OK)
        return;
    if (rx->keep && !mt_sip_flow_is_stream(rx->flow) && mt_sip_txn_room(s, MT_SIP_ROOM_KEEP))
        keep_answer(s, rx, bytes);
}

void mt_sip_reply(mt_sip_server *s, const mt_sip_rx *rx, unsigned code) {
    mt_sip_writer w;
    mt_sip_reply_begin(s, rx, &w, code);
    mt_sip_reply_end(s, rx, &w);
}
