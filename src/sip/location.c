#include "sip/machine.h"

bool mt_sip_flow_is_stream(const mt_sip_flow *f) {
    return f->transport != MT_SIP_UDP;
}

bool mt_sip_flow_eq(const mt_sip_flow *a, const mt_sip_flow *b) {
    if (a->transport != b->transport)
        return false;
    return mt_sip_flow_is_stream(a) ? a->conn == b->conn : mt_addr_eq(&a->addr, &b->addr);
}

size_t mt_sip_flow_key(const mt_sip_flow *f, uint8_t out[MT_SIP_FLOW_KEY_MAX]) {
    out[0] = (uint8_t)f->transport;
    if (mt_sip_flow_is_stream(f)) {
        memcpy(out + 1, &f->conn, sizeof(f->conn));
        return 1 + sizeof(f->conn);
    }
    uint16_t port = mt_addr_port(&f->addr);
    memcpy(out + 1, &port, sizeof(port));
    if (f->addr.sa.sa_family == AF_INET6) {
        memcpy(out + 3, &f->addr.in6.sin6_addr, 16);
        return 19;
    }
    memcpy(out + 3, &f->addr.in.sin_addr, 4);
    return 7;
}

static mt_slice key_of_u64(const uint64_t *v) {
    return mt_slice_n(v, sizeof(*v));
}

static mt_sip_conn *conn_get(const mt_sip_server *s, uint64_t id) {
    mt_map_node *n = mt_map_get(&s->conns, key_of_u64(&id));
    return n != NULL ? MT_CONTAINER(n, mt_sip_conn, node) : NULL;
}

bool mt_sip_flow_alive(const mt_sip_server *s, const mt_sip_flow *f) {
    return !mt_sip_flow_is_stream(f) || conn_get(s, f->conn) != NULL;
}

mt_err mt_sip_conn_seen(mt_sip_server *s, const mt_sip_flow *f) {
    if (mt_sip_flow_alive(s, f))
        return MT_OK;
    mt_sip_conn *c = mt_calloc(1, sizeof(*c));
    if (c == NULL)
        return MT_ENOMEM;
    c->id = f->conn;
    mt_list_init(&c->accounts);
    mt_err err = mt_map_put(&s->conns, key_of_u64(&c->id), &c->node);
    if (err != MT_OK)
        mt_free(c);
    return err;
}

void mt_sip_conn_free(mt_sip_server *s, mt_sip_conn *c) {
    mt_map_remove(&s->conns, &c->node);
    mt_free(c);
}

mt_sip_account *mt_sip_account_get(const mt_sip_server *s, mt_sip_user user) {
    mt_map_node *n = mt_map_get(&s->accounts, key_of_u64(&user));
    return n != NULL ? MT_CONTAINER(n, mt_sip_account, node) : NULL;
}

static void expired(mt_timer *t, void *ctx, int64_t now_ms) {
    (void)now_ms;
    mt_sip_location_unbind(ctx, MT_CONTAINER(t, mt_sip_account, expiry), 1);
}

mt_sip_account *mt_sip_account_make(mt_sip_server *s, mt_sip_user user) {
    mt_sip_account *a = mt_sip_account_get(s, user);
    if (a != NULL)
        return a;
    a = mt_calloc(1, sizeof(*a));
    if (a == NULL) {
        s->oom = true;
        return NULL;
    }
    a->user = user;
    mt_timer_init(&a->expiry, expired);
    mt_timer_init(&a->qualify, mt_sip_qualify_due);
    mt_list_init(&a->on_conn);
    mt_list_init(&a->sides);
    mt_list_init(&a->waiting);
    if (mt_map_put(&s->accounts, key_of_u64(&a->user), &a->node) != MT_OK) {
        mt_free(a);
        return NULL;
    }
    return a;
}

void mt_sip_account_free(mt_sip_server *s, mt_sip_account *a) {
    while (!mt_list_empty(&a->waiting)) {
        mt_sip_stxn *t = MT_CONTAINER(a->waiting.next, mt_sip_stxn, waiting);
        mt_list_remove(&t->waiting);
        mt_sip_forward_held_over(s, t);
    }
    while (!mt_list_empty(&a->sides)) {
        mt_sip_side *side = MT_CONTAINER(a->sides.next, mt_sip_side, on_account);
        mt_list_remove(&side->on_account);
        side->account = NULL;
    }
    s->binding_count -= a->bound ? 1 : 0;
    mt_timer_stop(&s->timerq, &a->expiry);
    mt_timer_stop(&s->timerq, &a->qualify);
    mt_list_remove(&a->on_conn);
    mt_map_remove(&s->accounts, &a->node);
    mt_sip_str_free(&a->contact);
    mt_free(a);
}

mt_err mt_sip_location_bind(mt_sip_server *s, mt_sip_account *a, const mt_sip_flow *flow, mt_slice contact,
                            uint32_t expires_s) {
    bool same = mt_slice_eq(contact, mt_sip_str_slice(&a->contact)); /* as nearly always */
    mt_err err = same ? MT_OK : mt_sip_str_set(s, &a->contact, contact);
    if (err != MT_OK)
        return err;
    bool moved = !a->bound || !mt_sip_flow_eq(&a->flow, flow);
    s->binding_count += a->bound ? 0 : 1;
    a->bound = true;
    a->flow = *flow;
    a->expires_at_ms = s->now_ms + (int64_t)expires_s * 1000;
    mt_timer_set(&s->timerq, &a->expiry, a->expires_at_ms);
    mt_list_remove(&a->on_conn);
    if (mt_sip_flow_is_stream(flow)) {
        mt_timer_stop(&s->timerq, &a->qualify);
        mt_list_append(&conn_get(s, flow->conn)->accounts, &a->on_conn);
    } else if (s->cfg.qualify_ms > 0) {
        mt_timer_set(&s->timerq, &a->qualify, s->now_ms + s->cfg.qualify_ms);
    }
    if (moved)
        mt_sip_event(s, &(mt_sip_action){.event = MT_SIP_REGISTERED, .user = a->user, .flow = *flow});
    return MT_OK;
}

void mt_sip_location_unbind(mt_sip_server *s, mt_sip_account *a, unsigned reason) {
    if (!a->bound)
        return;
    a->bound = false;
    s->binding_count--;
    mt_timer_stop(&s->timerq, &a->expiry);
    mt_timer_stop(&s->timerq, &a->qualify);
    mt_list_remove(&a->on_conn);
    mt_sip_event(s, &(mt_sip_action){.event = MT_SIP_UNREGISTERED, .user = a->user, .flow = a->flow, .code = reason});
    mt_sip_call_user_gone(s, a);
}

void mt_sip_server_flow_closed(mt_sip_server *s, const mt_sip_flow *flow, int64_t now_ms) {
    mt_sip_actions_begin(s);
    s->now_ms = now_ms;
    mt_sip_conn *c = mt_sip_flow_is_stream(flow) ? conn_get(s, flow->conn) : NULL;
    if (c == NULL)
        return;
    mt_list accounts;
    mt_list_init(&accounts);
    while (!mt_list_empty(&c->accounts)) {
        mt_list *n = c->accounts.next;
        mt_list_remove(n);
        mt_list_append(&accounts, n);
    }
    mt_sip_conn_free(s, c); /* first, so that nothing is sent to it any more */
    while (!mt_list_empty(&accounts))
        mt_sip_location_unbind(s, MT_CONTAINER(accounts.next, mt_sip_account, on_conn), 2);
    mt_sip_reap(s);
}

void mt_sip_server_forget_user(mt_sip_server *s, mt_sip_user user, int64_t now_ms) {
    mt_sip_actions_begin(s);
    s->now_ms = now_ms;
    mt_sip_account *a = mt_sip_account_get(s, user);
    if (a != NULL)
        mt_sip_account_free(s, a);
    mt_sip_reap(s);
}

mt_err mt_sip_server_binding(const mt_sip_server *s, mt_sip_user user, mt_sip_flow *out) {
    const mt_sip_account *a = mt_sip_account_get(s, user);
    if (a == NULL || !a->bound)
        return MT_ENOENT;
    *out = a->flow;
    return MT_OK;
}
