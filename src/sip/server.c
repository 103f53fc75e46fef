#include <stdio.h>

#include "sip/machine.h"

_Static_assert((int)MT_SIP_METHOD_PUBLISH + 1 == MT_SIP_METHODS, "a count for each");

#define ARENA_MAX_BYTES (256u << 20)
#define ALLOW "INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, INFO, PRACK, UPDATE"

void mt_sip_server_config_default(mt_sip_server_config *cfg) {
    *cfg = (mt_sip_server_config){.domain = "myturn.invalid",
                                  .via_host = "127.0.0.1",
                                  .port_udp = 5060,
                                  .port_tcp = 5060,
                                  .t1_ms = 500,
                                  .t2_ms = 4000,
                                  .t4_ms = 5000,
                                  .timer_c_ms = 180000,
                                  .park_ms = 3000,
                                  .rebind_ms = 5000,
                                  .gone_ms = 5000,
                                  .qualify_ms = 20000,
                                  .qualify_limit_ms = 2000,
                                  .min_expires_s = 60,
                                  .max_expires_s = 3600,
                                  .default_expires_s = 600,
                                  .nonce_life_ms = 300000,
                                  .max_transactions = 100000,
                                  .max_message_bytes = MT_SIP_MAX_MESSAGE_BYTES};
}

static mt_err init_maps(mt_sip_server *s) {
    mt_map *const maps[] = {&s->conns, &s->accounts, &s->stxns, &s->ctxns, &s->tokens, &s->pairs};
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        mt_err err = mt_map_init(maps[i], s->random);
        if (err != MT_OK)
            return err;
    }
    return MT_OK;
}

static bool text_is_whole(const char *s, size_t size) {
    return s[0] != '\0' && memchr(s, '\0', size) != NULL;
}

mt_err mt_sip_server_create(const mt_sip_server_config *cfg, mt_random random, const mt_sip_policy *policy,
                            void *policy_ctx, mt_sip_server **out) {
    if (!text_is_whole(cfg->domain, sizeof(cfg->domain)) || !text_is_whole(cfg->via_host, sizeof(cfg->via_host)) ||
        cfg->t1_ms == 0 || cfg->t2_ms == 0)
        return MT_EINVAL;
    mt_sip_server *s = mt_calloc(1, sizeof(*s));
    if (s == NULL)
        return MT_ENOMEM;
    s->cfg = *cfg;
    bool bare_ipv6 = strchr(cfg->via_host, ':') != NULL && cfg->via_host[0] != '[';
    (void)snprintf(s->host, sizeof(s->host), bare_ipv6 ? "[%s]" : "%s", cfg->via_host);
    s->random = random;
    s->policy = *policy;
    s->policy_ctx = policy_ctx;
    mt_timerq_init(&s->timerq, s);
    mt_buf_init(&s->arena, ARENA_MAX_BYTES);
    mt_buf_init(&s->scratch, (size_t)2 * MT_SIP_MAX_MESSAGE_BYTES);
    mt_list_init(&s->calls);
    mt_list_init(&s->dead_stxns);
    mt_list_init(&s->dead_ctxns);
    mt_list_init(&s->dead_calls);
    mt_random_bytes(random, s->nonce_key, sizeof(s->nonce_key));
    mt_random_bytes(random, s->txn_key, sizeof(s->txn_key));
    mt_random_bytes(random, s->tag_key, sizeof(s->tag_key));
    mt_err err = init_maps(s);
    if (err != MT_OK) {
        mt_sip_server_destroy(s);
        return err;
    }
    *out = s;
    return MT_OK;
}

/* Frees without a word: no events, no messages. */
static void free_all(mt_sip_server *s) {
    mt_map_node *n, *next;
    for (n = mt_map_next(&s->stxns, NULL); n != NULL; n = next) {
        next = mt_map_next(&s->stxns, n);
        mt_sip_stxn_free(MT_CONTAINER(n, mt_sip_stxn, node));
    }
    for (n = mt_map_next(&s->ctxns, NULL); n != NULL; n = next) {
        next = mt_map_next(&s->ctxns, n);
        mt_sip_ctxn_free(MT_CONTAINER(n, mt_sip_ctxn, node));
    }
    for (n = mt_map_next(&s->accounts, NULL); n != NULL; n = next) {
        next = mt_map_next(&s->accounts, n);
        mt_sip_account *a = MT_CONTAINER(n, mt_sip_account, node);
        mt_sip_str_free(&a->contact);
        mt_free(a);
    }
    for (n = mt_map_next(&s->conns, NULL); n != NULL; n = next) {
        next = mt_map_next(&s->conns, n);
        mt_free(MT_CONTAINER(n, mt_sip_conn, node));
    }
    MT_LIST_FOREACH_SAFE(it, &s->calls)
    mt_sip_call_free(MT_CONTAINER(it, mt_sip_call, link));
}

void mt_sip_server_destroy(mt_sip_server *s) {
    if (s == NULL)
        return;
    mt_map *const maps[] = {&s->conns, &s->accounts, &s->stxns, &s->ctxns, &s->tokens, &s->pairs};
    if (s->pairs.buckets != NULL) /* the last one made: all are there */
        free_all(s);
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        mt_map_deinit(maps[i]);
    mt_buf_deinit(&s->arena);
    mt_buf_deinit(&s->scratch);
    mt_free(s->queue);
    mt_wipe(s, sizeof(*s));
    mt_free(s);
}

/* Proxy and endpoint in one, it knows no extension in either part (8.2.2.3, 16.3). */
static void write_unsupported(mt_sip_writer *w, const mt_sip_msg *m) {
    static const mt_sip_header_id ids[] = {MT_SIP_H_REQUIRE, MT_SIP_H_PROXY_REQUIRE};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        for (const mt_sip_header *h = NULL; (h = mt_sip_msg_header(m, ids[i], h)) != NULL;)
            mt_sip_write_header(w, "Unsupported", h->value);
    }
}

static bool has_demands(const mt_sip_msg *m) {
    return mt_sip_msg_header(m, MT_SIP_H_REQUIRE, NULL) != NULL ||
           mt_sip_msg_header(m, MT_SIP_H_PROXY_REQUIRE, NULL) != NULL;
}

static void answer_options(mt_sip_server *s, const mt_sip_rx *rx) {
    mt_sip_writer w;
    if (has_demands(rx->msg)) {
        mt_sip_reply_begin(s, rx, &w, 420);
        write_unsupported(&w, rx->msg);
        mt_sip_reply_end(s, rx, &w);
        return;
    }
    mt_sip_reply_begin(s, rx, &w, 200);
    mt_sip_write_str(&w, "Allow", ALLOW);
    mt_sip_write_str(&w, "Accept", "application/sdp");
    mt_sip_reply_end(s, rx, &w);
}

static void refuse_method(mt_sip_server *s, const mt_sip_rx *rx) {
    mt_sip_writer w;
    mt_sip_reply_begin(s, rx, &w, 405);
    mt_sip_write_str(&w, "Allow", ALLOW);
    mt_sip_reply_end(s, rx, &w);
}

static void by_method(mt_sip_server *s, mt_sip_rx *rx) {
    switch (rx->msg->method) {
    case MT_SIP_METHOD_REGISTER:
        mt_sip_registrar_request(s, rx);
        break;
    case MT_SIP_METHOD_INVITE:
        if (rx->msg->to.tag.len == 0)
            mt_sip_proxy_invite(s, rx);
        else
            mt_sip_proxy_in_dialog(s, rx);
        break;
    case MT_SIP_METHOD_BYE:
    case MT_SIP_METHOD_INFO:
    case MT_SIP_METHOD_PRACK:
    case MT_SIP_METHOD_UPDATE:
        mt_sip_proxy_in_dialog(s, rx);
        break;
    case MT_SIP_METHOD_OPTIONS:
        answer_options(s, rx);
        break;
    case MT_SIP_METHOD_MESSAGE: /* clear text through the server */
    case MT_SIP_METHOD_REFER:   /* a call to somebody who was not drawn */
        mt_sip_reply(s, rx, 403);
        break;
    default:
        refuse_method(s, rx);
    }
}

static void request(mt_sip_server *s, mt_sip_rx *rx) {
    const mt_sip_msg *m = rx->msg;
    bool ack = m->method == MT_SIP_METHOD_ACK;
    if (mt_sip_txn_key(s, m, rx->flow, ack ? MT_SLICE_LIT("INVITE") : m->method_name, rx->key) != MT_OK) {
        if (!ack)
            mt_sip_reply(s, rx, 400);
        return;
    }
    if (ack) {
        mt_sip_proxy_ack(s, rx);
        return;
    }
    mt_sip_stxn *t = mt_sip_stxn_find(s, rx->key);
    if (t != NULL)
        mt_sip_stxn_repeat(s, t, false);
    else if (s->policy.admit != NULL && !s->policy.admit(s->policy_ctx, rx->flow))
        mt_sip_reply(s, rx, 503);
    else if (m->method == MT_SIP_METHOD_CANCEL)
        mt_sip_proxy_cancel(s, rx);
    else if (m->uri.scheme != MT_SIP_SCHEME_SIP && m->uri.scheme != MT_SIP_SCHEME_SIPS)
        mt_sip_reply(s, rx, 416);
    else
        by_method(s, rx);
}

static mt_sip_framing framing(mt_sip_transport t) {
    switch (t) {
    case MT_SIP_UDP:
        return MT_SIP_DATAGRAM;
    case MT_SIP_WS:
    case MT_SIP_WSS:
        return MT_SIP_WHOLE;
    default:
        return MT_SIP_STREAM;
    }
}

static void message(mt_sip_server *s, const mt_sip_flow *flow, mt_slice bytes) {
    mt_sip_rx rx = {.msg = &s->msg, .flow = flow};
    mt_err err = mt_sip_msg_parse(bytes, framing(flow->transport), &s->msg);
    if (err != MT_OK) {
        s->counts.malformed++;
        if (s->msg.answerable)
            mt_sip_reply(s, &rx, s->msg.bad_status);
        return;
    }
    if (s->msg.is_request) {
        s->counts.requests++;
        s->counts.by_method[s->msg.method]++;
        request(s, &rx);
    } else {
        s->counts.responses++;
        mt_sip_ctxn_response(s, &s->msg);
    }
}

/* RFC 5626 4.4.1, and RFC 7118 by custom. */
static bool keepalive(mt_sip_server *s, const mt_sip_flow *flow, mt_slice bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.p[i] != '\r' && bytes.p[i] != '\n' && bytes.p[i] != '\0')
            return false;
    }
    if (mt_sip_flow_is_stream(flow) && mt_slice_is(bytes, "\r\n\r\n") && !mt_sip_actions_end_in(s, flow, 2))
        mt_sip_out_bytes(s, flow, MT_SLICE_LIT("\r\n"));
    return true;
}

mt_err mt_sip_server_input(mt_sip_server *s, const mt_sip_flow *flow, mt_slice bytes, int64_t now_ms) {
    mt_sip_actions_begin(s);
    s->now_ms = now_ms;
    s->oom = false;
    mt_err err = mt_sip_conn_seen(s, flow);
    if (err != MT_OK)
        return err;
    if (bytes.len > s->cfg.max_message_bytes)
        s->counts.malformed++;
    else if (!keepalive(s, flow, bytes))
        message(s, flow, bytes);
    mt_sip_reap(s);
    return s->oom ? MT_ENOMEM : MT_OK;
}

void mt_sip_server_end_pair(mt_sip_server *s, const mt_sip_pair *pair, int64_t now_ms) {
    mt_sip_actions_begin(s);
    s->now_ms = now_ms;
    mt_sip_call *call = mt_sip_call_of_pair(s, pair);
    if (call != NULL)
        mt_sip_call_end(s, call, call->state == MT_SIP_CALL_PARKED ? 480 : 487, MT_SIP_BYE_BOTH);
    mt_sip_reap(s);
}

void mt_sip_server_hide(mt_sip_server *s, bool on) {
    s->hiding = on;
}

void mt_sip_server_go_down(mt_sip_server *s) {
    s->going_down = true;
}

int64_t mt_sip_server_next_ms(const mt_sip_server *s) {
    return mt_timerq_next_ms(&s->timerq);
}

void mt_sip_server_tick(mt_sip_server *s, int64_t now_ms) {
    mt_sip_actions_begin(s);
    s->now_ms = now_ms;
    mt_timerq_run(&s->timerq, now_ms);
    mt_sip_reap(s);
}

mt_sip_server_counts mt_sip_server_count(const mt_sip_server *s) {
    mt_sip_server_counts c = s->counts;
    c.bindings = s->binding_count;
    c.dialogs = s->call_count;
    c.transactions = s->stxns.count + s->ctxns.count;
    return c;
}
