#include "sip/machine.h"

#define ARENA_KEEP_BYTES (1u << 20)

void mt_sip_actions_begin(mt_sip_server *s) {
    if (s->queue_head < s->queue_len)
        return;
    s->queue_head = s->queue_len = 0;
    if (s->arena.cap > ARENA_KEEP_BYTES)
        mt_buf_deinit(&s->arena);
    else
        mt_buf_reset(&s->arena);
}

bool mt_sip_actions_end_in(const mt_sip_server *s, const mt_sip_flow *flow, size_t len_bytes) {
    if (s->queue_head == s->queue_len)
        return false;
    const mt_sip_queued *q = &s->queue[s->queue_len - 1];
    return q->action.kind == MT_SIP_SEND && q->len == len_bytes && mt_sip_flow_eq(&q->action.flow, flow);
}

static mt_sip_queued *push(mt_sip_server *s) {
    if (s->queue_len == s->queue_cap) {
        size_t cap = s->queue_cap > 0 ? 2 * s->queue_cap : 16;
        mt_sip_queued *grown = mt_realloc(s->queue, cap * sizeof(*grown));
        if (grown == NULL) {
            s->oom = true;
            return NULL;
        }
        s->queue = grown;
        s->queue_cap = cap;
    }
    mt_sip_queued *q = &s->queue[s->queue_len++];
    *q = (mt_sip_queued){.offset = 0};
    return q;
}

void mt_sip_event(mt_sip_server *s, const mt_sip_action *event) {
    mt_sip_queued *q = push(s);
    if (q == NULL)
        return;
    q->action = *event;
    q->action.kind = MT_SIP_EVENT;
}

void mt_sip_pair_event(mt_sip_server *s, mt_sip_event_kind kind, const mt_sip_call *call, unsigned code,
                       mt_sip_user user) {
    mt_sip_event(s, &(mt_sip_action){.event = kind, .pair = call->pair, .code = code, .user = user});
}

void mt_sip_out_begin(mt_sip_server *s, mt_sip_writer *w) {
    s->arena.err = MT_OK; /* an earlier message that did not fit must not take this one with it */
    mt_sip_write_begin(w, &s->arena);
}

mt_err mt_sip_out_end(mt_sip_server *s, mt_sip_writer *w, const mt_sip_flow *flow, const mt_sip_msg *body_of,
                      mt_slice *out) {
    size_t start = w->start;
    mt_slice none = {NULL, 0};
    mt_err err =
        mt_sip_write_end(w, body_of != NULL ? body_of->content_type : none, body_of != NULL ? body_of->body : none);
    if (err != MT_OK) {
        s->oom = s->oom || err == MT_ENOMEM;
        return err;
    }
    if (flow != NULL && mt_sip_flow_alive(s, flow)) {
        mt_sip_queued *q = push(s);
        if (q == NULL)
            return MT_ENOMEM;
        q->action = (mt_sip_action){.kind = MT_SIP_SEND, .flow = *flow};
        q->offset = start;
        q->len = s->arena.len - start;
    }
    if (out != NULL)
        *out = mt_slice_n(s->arena.p + start, s->arena.len - start);
    return MT_OK;
}

void mt_sip_out_bytes(mt_sip_server *s, const mt_sip_flow *flow, mt_slice bytes) {
    if (!mt_sip_flow_alive(s, flow) || bytes.len == 0)
        return;
    size_t start = s->arena.len;
    s->arena.err = MT_OK;
    mt_buf_add_slice(&s->arena, bytes);
    if (mt_buf_err(&s->arena) != MT_OK) {
        s->oom = s->oom || mt_buf_err(&s->arena) == MT_ENOMEM;
        return;
    }
    mt_sip_queued *q = push(s);
    if (q == NULL)
        return;
    q->action = (mt_sip_action){.kind = MT_SIP_SEND, .flow = *flow};
    q->offset = start;
    q->len = bytes.len;
}

mt_err mt_sip_server_action(mt_sip_server *s, mt_sip_action *out) {
    if (s->queue_head == s->queue_len)
        return MT_EMORE;
    const mt_sip_queued *q = &s->queue[s->queue_head++];
    *out = q->action;
    if (q->len > 0)
        out->bytes = mt_slice_n(s->arena.p + q->offset, q->len);
    return MT_OK;
}

mt_err mt_sip_str_set(mt_sip_server *s, mt_sip_str *str, mt_slice v) {
    char *copy = mt_malloc(v.len + 1);
    if (copy == NULL) {
        s->oom = true;
        return MT_ENOMEM;
    }
    if (v.len > 0)
        memcpy(copy, v.p, v.len);
    copy[v.len] = '\0';
    mt_free(str->p);
    str->p = copy;
    str->len = v.len;
    return MT_OK;
}

void mt_sip_str_free(mt_sip_str *str) {
    mt_free(str->p);
    *str = (mt_sip_str){NULL, 0};
}

mt_slice mt_sip_str_slice(const mt_sip_str *str) {
    return mt_slice_n(str->p, str->len);
}
