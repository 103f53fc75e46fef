/* The whole SIP server driven by bytes: three users whose clients speak well or badly, connections that come and go,
 * time, pairs that are ended, allocations that fail. After every step the invariants below must hold.
 *
 * Input: steps of three bytes (what, who, how); RAW takes a length byte and so many bytes more. */
#include <stdio.h>
#include <stdlib.h>

#include "sip/machine.h"

#define PEERS 3
#define REQUESTS 4
#define TEXT 3000
#define MAX_TXNS 40
#define MAX_CONNS 64

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "broken: %s, line %d\n", #what, __LINE__);                                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

typedef struct text {
    char p[TEXT];
    size_t len;
} text;

typedef struct peer {
    mt_sip_flow flow;
    char nonce[64], contact[64];
    unsigned nc, cseq, branch, invite_branch, invite_cseq;
    bool invited;
    text requests[REQUESTS]; /* received, not answered yet */
    unsigned next;
    text said; /* last message */
    char call_id[80], local[160], remote[160], target[160], route[160];
} peer;

typedef struct fuzz {
    mt_sip_server *s;
    uint64_t seed;
    int64_t now_ms;
    peer p[PEERS];
    struct conn {
        mt_sip_flow flow;
        peer *of;
        bool open;
    } conns[MAX_CONNS]; /* [n]: connection n + 1 */
    size_t conn_count;
    unsigned pair, ended_below;
    bool may_call, tainted;
    bool hiding; /* half of the bodies tell where their sender is: they reach nobody */
} fuzz;

static fuzz f;
static const char *const NAME[] = {"jeden", "dwa", "trzy"};
static const char *const MARK[] = {"mark-of-one", "mark-of-two", "mark-of-three"}; /* seen by nobody else */
static const char *const VIA[] = {"UDP", "TCP", "TLS", "WS", "WSS"};

static mt_sip_user find(void *ctx, mt_slice user) {
    static const char *const extens[] = {"111000", "111001", "111002"};
    for (size_t i = 0; i < PEERS; i++) {
        if (mt_slice_is(user, NAME[i]) || mt_slice_is(user, extens[i]))
            return i + 1;
    }
    return 0;
}

static bool ha1(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]) {
    memset(md5, (int)user, 16); /* no digest of a password, which would cost time and prove nothing */
    memset(sha256, (int)user, 32);
    return true;
}

static void pair_id(unsigned n, mt_sip_pair *out) {
    memset(out->id, 0, sizeof(out->id));
    memcpy(out->id, &n, sizeof(n));
}

static bool may_call(void *ctx, mt_sip_user caller, mt_sip_user callee, mt_sip_pair *out) {
    pair_id(f.pair, out);
    return f.may_call && caller != 3 && callee != 3;
}

static void alias(void *ctx, mt_sip_user user, char out[16]) {
    (void)snprintf(out, 16, "11100%u", (unsigned)user - 1);
}

/* Three flows: transport and connection, or source. */
static void open_flow(peer *p, size_t i, unsigned how) {
    char addr[40];
    p->flow.transport = (mt_sip_transport)(how % 5);
    (void)snprintf(addr, sizeof(addr), "10.0.0.%zu:%u", i + 1, 5000 + how % 7);
    CHECK(mt_addr_parse(mt_slice_of(addr), &p->flow.addr) == MT_OK);
    p->flow.conn = 0;
    if (p->flow.transport == MT_SIP_UDP)
        return;
    if (f.conn_count == MAX_CONNS) { /* enough */
        p->flow.transport = MT_SIP_UDP;
        return;
    }
    p->flow.conn = f.conn_count + 1;
    f.conns[f.conn_count++] = (struct conn){.flow = p->flow, .of = p, .open = true};
}

static bool is_open(const mt_sip_flow *flow) {
    return flow->transport == MT_SIP_UDP || f.conns[flow->conn - 1].open;
}

static void close_flow(const mt_sip_flow *flow) {
    if (flow->transport == MT_SIP_UDP || !is_open(flow))
        return;
    mt_sip_flow copy = *flow;
    f.conns[flow->conn - 1].open = false;
    mt_sip_server_flow_closed(f.s, &copy, f.now_ms);
}

static peer *owner(const mt_sip_flow *flow) {
    if (flow->transport != MT_SIP_UDP) {
        CHECK(flow->conn > 0 && flow->conn <= f.conn_count && is_open(flow)); /* never to one that is closed */
        return f.conns[flow->conn - 1].of;
    }
    for (size_t i = 0; i < PEERS; i++) {
        if (mt_addr_eq_ip(&flow->addr, &f.p[i].flow.addr))
            return &f.p[i];
    }
    CHECK(false); /* never to an address that nothing came from */
    return NULL;
}

static void quote(char *out, size_t size, mt_slice s) {
    (void)snprintf(out, size, "%.*s", (int)(s.len < size ? s.len : size - 1), s.p);
}

static void learn(peer *p, const mt_sip_msg *m, const mt_sip_action *a) {
    if (m->is_request) {
        text *t = &p->requests[p->next++ % REQUESTS];
        t->len = a->bytes.len < TEXT ? a->bytes.len : 0;
        memcpy(t->p, a->bytes.p, t->len);
    }
    const mt_sip_header *c = mt_sip_msg_header(m, m->is_request ? MT_SIP_H_OTHER : MT_SIP_H_WWW_AUTHENTICATE, NULL);
    if (!m->is_request && c == NULL)
        c = mt_sip_msg_header(m, MT_SIP_H_PROXY_AUTHENTICATE, NULL);
    const char *nonce = !m->is_request && c != NULL ? strstr(c->value.p, "nonce=\"") : NULL;
    if (nonce != NULL) {
        (void)snprintf(p->nonce, sizeof(p->nonce), "%.32s", nonce + 7);
        p->nc = 0;
    }
    if (m->method != MT_SIP_METHOD_INVITE || m->record_route_count == 0 || m->contact_count == 0)
        return;
    quote(p->call_id, sizeof(p->call_id), m->call_id);
    quote(p->remote, sizeof(p->remote), m->is_request ? m->from.raw : m->to.raw);
    quote(p->local, sizeof(p->local), m->is_request ? m->to.raw : m->from.raw);
    if (m->is_request)
        (void)snprintf(p->local + strlen(p->local), 20, ";tag=t%u", p->next);
    quote(p->target, sizeof(p->target), m->contacts[0].uri.raw);
    quote(p->route, sizeof(p->route), m->record_routes[0].raw);
}

static void take_message(const mt_sip_action *a) {
    static mt_sip_msg m;
    peer *p = owner(&a->flow);
    CHECK(a->bytes.len > 0);
    if (mt_slice_is(a->bytes, "\r\n"))
        return;
    CHECK(mt_sip_msg_parse(a->bytes, MT_SIP_STREAM, &m) == MT_OK);
    for (size_t i = 0; i < PEERS && !f.tainted; i++)
        CHECK(p == &f.p[i] || memmem(a->bytes.p, a->bytes.len, MARK[i], strlen(MARK[i])) == NULL);
    CHECK(p != &f.p[2] || !m.is_request || m.method == MT_SIP_METHOD_OPTIONS); /* nobody was drawn for him */
    learn(p, &m, a);
}

static void take_event(const mt_sip_action *a) {
    unsigned n;
    memcpy(&n, a->pair.id, sizeof(n));
    if (a->event != MT_SIP_REGISTERED && a->event != MT_SIP_UNREGISTERED && a->event != MT_SIP_AUTH_FAILED)
        CHECK(n >= f.ended_below); /* an ended pair is never heard of again */
}

static void check_calls(void) {
    size_t n = 0;
    MT_LIST_FOREACH(it, &f.s->calls) {
        mt_sip_call *c = MT_CONTAINER(it, mt_sip_call, link);
        n++;
        CHECK(c->in_map == (c->state != MT_SIP_CALL_ENDED));
        if (c->state == MT_SIP_CALL_ENDED)
            CHECK(!mt_list_empty(&c->ctxns) || c->side[0].bye_due || c->side[1].bye_due);
        if (c->state == MT_SIP_CALL_PARKED || c->state == MT_SIP_CALL_CALLING)
            CHECK(!mt_list_empty(&c->stxns));
        for (int i = 0; i < 2; i++)
            CHECK(!c->side[i].bye_due || c->side[i].gone.armed);
    }
    CHECK(n == mt_sip_server_count(f.s).dialogs && f.s->pairs.count <= n && f.s->tokens.count == 2 * n);
}

static void check_txns(void) {
    for (mt_map_node *n = NULL; (n = mt_map_next(&f.s->stxns, n)) != NULL;) {
        mt_sip_stxn *t = MT_CONTAINER(n, mt_sip_stxn, node);
        CHECK(t->state != MT_SIP_TXN_DEAD);
        CHECK(mt_sip_stxn_is_final(t) ? t->timer.armed : t->call != NULL);
        CHECK(mt_sip_stxn_is_final(t) || t->onward != NULL || (t->held.p != NULL && t->timer.armed));
        CHECK(t->onward == NULL || t->onward->origin == t);
    }
    for (mt_map_node *n = NULL; (n = mt_map_next(&f.s->ctxns, n)) != NULL;) {
        mt_sip_ctxn *t = MT_CONTAINER(n, mt_sip_ctxn, node);
        CHECK(t->state != MT_SIP_TXN_DEAD && t->timer.armed);
        CHECK((t->call == NULL) == (t->side == NULL) && (t->origin == NULL || t->origin->onward == t));
    }
    CHECK(mt_sip_server_count(f.s).transactions <= 2 * MAX_TXNS + 100);
}

static void after_step(void) {
    mt_sip_action a;
    while (mt_sip_server_action(f.s, &a) == MT_OK) {
        if (a.kind == MT_SIP_SEND)
            take_message(&a);
        else
            take_event(&a);
    }
    check_calls();
    check_txns();
    CHECK(mt_sip_server_count(f.s).bindings <= PEERS);
    CHECK(mt_list_empty(&f.s->dead_stxns) && mt_list_empty(&f.s->dead_ctxns) && mt_list_empty(&f.s->dead_calls));
}

static void input(const mt_sip_flow *flow, const char *bytes, size_t len) {
    char *exact = malloc(len + (len == 0));
    if (exact == NULL)
        return;
    memcpy(exact, bytes, len);
    if (mt_sip_server_input(f.s, flow, mt_slice_n(exact, len), f.now_ms) != MT_OK)
        CHECK(mt_alloc_failed());
    free(exact);
    after_step();
}

static void say(peer *p, const char *fmt, ...) MT_PRINTF(2, 3);
static void say(peer *p, const char *fmt, ...) {
    if (!is_open(&p->flow))
        return;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(p->said.p, TEXT, fmt, args);
    va_end(args);
    p->said.len = len > 0 && len < TEXT ? (size_t)len : 0;
    input(&p->flow, p->said.p, p->said.len);
}

static size_t index_of(const peer *p) {
    return (size_t)(p - f.p);
}

static void credentials(peer *p, const char *method, bool wrong, char *out, size_t size) {
    char nc[16], response[2 * MT_SIP_DIGEST_MAX_BYTES + 1];
    uint8_t h[MT_SIP_DIGEST_MAX_BYTES];
    memset(h, wrong ? 9 : (int)index_of(p) + 1, sizeof(h));
    (void)snprintf(nc, sizeof(nc), "%08x", ++p->nc);
    mt_sip_digest d = {.username = mt_slice_of(NAME[index_of(p)]),
                       .realm = MT_SLICE_LIT("d.invalid"),
                       .nonce = mt_slice_of(p->nonce),
                       .uri = MT_SLICE_LIT("sip:u"),
                       .cnonce = MT_SLICE_LIT("c"),
                       .nc_text = mt_slice_of(nc),
                       .nc = p->nc,
                       .qop = MT_SIP_QOP_AUTH};
    mt_sip_digest_response(&d, h, mt_slice_of(method), response);
    (void)snprintf(out, size,
                   "%s: Digest username=\"%s\",realm=\"d.invalid\",nonce=\"%s\",uri=\"sip:u\",response=\"%s\","
                   "cnonce=\"c\",qop=auth,nc=%s\r\n",
                   method[0] == 'R' ? "Authorization" : "Proxy-Authorization", NAME[index_of(p)], p->nonce, response,
                   nc);
}

static void say_register(peer *p, unsigned how) {
    static const unsigned expires[] = {600, 0, 60, 3600, 5, 600, 600, 600};
    char auth[500];
    size_t i = index_of(p);
    credentials(p, "REGISTER", how % 16 == 15, auth, sizeof(auth));
    say(p,
        "REGISTER sip:d.invalid SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKr%zu-%u;rport\r\nMax-Forwards: 70\r\n"
        "From: \"%s\" <sip:%s@d.invalid>;tag=1\r\nTo: <sip:%s@d.invalid>\r\nCall-ID: r%zu@%s\r\nCSeq: %u REGISTER\r\n"
        "Contact: <sip:c%u@%s>;expires=%u\r\n%sUser-Agent: %s\r\nContent-Length: 0\r\n\r\n",
        VIA[p->flow.transport], MARK[i], i, ++p->branch, MARK[i], NAME[i], NAME[how % 32 == 31 ? 0 : i], i, MARK[i],
        ++p->cseq, how / 8 % 2, MARK[i], expires[how % 8], auth, MARK[i]);
}

/* Headers of a body, and the body. */
static const char *body_of(const peer *p, unsigned which) {
    static const char *const telling[PEERS] = {
        "Content-Type: application/sdp\r\nContent-Length: 22\r\n\r\nc=IN IP4 mark-of-one\r\n",
        "Content-Type: application/sdp\r\nContent-Length: 22\r\n\r\nc=IN IP4 mark-of-two\r\n",
        "Content-Type: application/sdp\r\nContent-Length: 24\r\n\r\nc=IN IP4 mark-of-three\r\n"};
    static const char blank[] = "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0";
    return f.hiding && which % 2 == 0 ? telling[index_of(p)] : blank;
}

static void say_invite(peer *p, unsigned how) {
    char auth[500];
    size_t i = index_of(p), to = i == 0 ? 1 : 0;
    credentials(p, "INVITE", how % 32 == 31, auth, sizeof(auth));
    p->invite_branch = ++p->branch;
    p->invite_cseq = ++p->cseq;
    p->invited = true;
    say(p,
        "INVITE sip:11100%zu@d.invalid SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKi%zu-%u;rport\r\nMax-Forwards: "
        "70\r\n"
        "From: \"%s\" <sip:%s@d.invalid;x=%s>;tag=2\r\nTo: <sip:11100%zu@d.invalid>\r\nCall-ID: i%u@%s\r\nCSeq: %u "
        "INVITE\r\n"
        "Contact: <sip:c@%s>\r\n%sUser-Agent: %s\r\nX-Own: %s\r\n%s",
        to, VIA[p->flow.transport], MARK[i], i, p->invite_branch, MARK[i], NAME[i], MARK[i], to, p->invite_cseq,
        MARK[i], p->invite_cseq, MARK[i], auth, MARK[i], MARK[i], body_of(p, p->invite_cseq));
}

/* CANCEL or the ACK of a refusal: the INVITE's branch. */
static void say_of_invite(peer *p, const char *method) {
    size_t i = index_of(p), to = i == 0 ? 1 : 0;
    if (p->invited)
        say(p,
            "%s sip:11100%zu@d.invalid SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKi%zu-%u;rport\r\nMax-Forwards: "
            "70\r\n"
            "From: \"%s\" <sip:%s@d.invalid;x=%s>;tag=2\r\nTo: <sip:11100%zu@d.invalid>\r\nCall-ID: i%u@%s\r\nCSeq: %u "
            "%s\r\n"
            "Content-Length: 0\r\n\r\n",
            method, to, VIA[p->flow.transport], MARK[i], i, p->invite_branch, MARK[i], NAME[i], MARK[i], to,
            p->invite_cseq, MARK[i], p->invite_cseq, method);
}

static void say_answer(peer *p, unsigned how) {
    static const unsigned codes[] = {200, 100, 180, 183, 486, 302, 503, 603, 481, 407, 200, 488, 199, 200, 404, 500};
    static mt_sip_msg m;
    const text *t = &p->requests[(p->next + how / 16) % REQUESTS];
    if (t->len == 0 || mt_sip_msg_parse(mt_slice_n(t->p, t->len), MT_SIP_STREAM, &m) != MT_OK)
        return;
    char tag[24] = "";
    if (m.to.tag.len == 0 && codes[how % 16] > 100)
        (void)snprintf(tag, sizeof(tag), ";tag=t%u", p->next);
    size_t i = index_of(p);
    say(p,
        "SIP/2.0 %u %s\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\nContact: "
        "<sip:x@%s>\r\n"
        "Server: %s\r\nWarning: 399 %s \"x\"\r\n%s",
        codes[how % 16], MARK[i], (int)m.vias[0].raw.len, m.vias[0].raw.p, (int)m.from.raw.len, m.from.raw.p,
        (int)m.to.raw.len, m.to.raw.p, tag, (int)m.call_id.len, m.call_id.p, m.cseq, (int)m.cseq_method.len,
        m.cseq_method.p, MARK[i], MARK[i], MARK[i], body_of(p, p->next));
}

static void say_in_dialog(peer *p, unsigned how) {
    static const char *const methods[] = {"BYE", "ACK", "INFO", "INVITE", "UPDATE", "PRACK", "REFER", "OPTIONS"};
    const char *method = methods[how % 8];
    size_t i = index_of(p);
    if (p->route[0] == '\0')
        return;
    unsigned cseq = how % 8 == 1 ? p->invite_cseq : ++p->cseq;
    if (how % 8 == 3)
        p->invite_cseq = cseq;
    say(p,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKd%zu-%u\r\nMax-Forwards: %u\r\nRoute: %s\r\nFrom: %s\r\nTo: "
        "%s\r\n"
        "Call-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:y@%s>\r\nUser-Agent: %s\r\n%s",
        method, p->target, VIA[p->flow.transport], MARK[i], i, ++p->branch, how / 64, p->route, p->local, p->remote,
        p->call_id, cseq, method, MARK[i], MARK[i], body_of(p, cseq));
}

/* What he said last once more: as it was, with a byte changed, cut, or from another one's flow. */
static void say_again(peer *p, unsigned who, unsigned how) {
    text t = p->said;
    const peer *from = &f.p[(index_of(p) + (how == 255)) % PEERS];
    if (t.len == 0 || !is_open(&p->flow) || !is_open(&from->flow))
        return;
    f.tainted = f.tainted || from != p;
    size_t at = (size_t)(who / PEERS) * 8 + how % 8;
    if (how % 4 == 1)
        t.p[at % t.len] = (char)how;
    else if (how % 4 == 2)
        t.len = at % t.len;
    input(&from->flow, t.p, t.len);
}

static void tick(unsigned how) {
    static const int64_t steps_ms[] = {1, 100, 500, 1000, 3000, 5000, 20000, 32000, 60000, 180000, 301000, 3600000};
    int64_t end = f.now_ms + steps_ms[how % 12];
    for (int64_t next; (next = mt_sip_server_next_ms(f.s)) <= end;) {
        f.now_ms = next > f.now_ms ? next : f.now_ms;
        mt_sip_server_tick(f.s, f.now_ms);
        CHECK(mt_sip_server_next_ms(f.s) > f.now_ms);
        after_step();
    }
    f.now_ms = end;
}

static void end_pair(void) {
    mt_sip_pair id;
    pair_id(f.pair, &id);
    if (f.pair % 8 == 7)
        mt_sip_server_go_down(f.s);
    mt_sip_server_end_pair(f.s, &id, f.now_ms);
    f.pair++;
    f.ended_below = f.pair;
}

static size_t step(const uint8_t *data, size_t len) {
    unsigned who = data[1], how = data[2];
    peer *p = &f.p[who % PEERS];
    size_t raw = 0;
    switch (data[0] % 13) {
    case 0:
        say_register(p, how);
        break;
    case 1:
        say_invite(p, how);
        break;
    case 2:
    case 3:
        say_answer(p, how);
        break;
    case 4:
        say_in_dialog(p, how);
        break;
    case 5:
        say_of_invite(p, how % 2 == 0 ? "CANCEL" : "ACK");
        break;
    case 6:
        tick(how);
        break;
    case 7:
        end_pair();
        break;
    case 8:
        close_flow(&p->flow);
        break;
    case 9:
        open_flow(p, index_of(p), how); /* an open one before it stays open */
        break;
    case 10:
        say_again(p, who, how);
        break;
    case 11:
        if (how % 8 == 0)
            mt_sip_server_forget_user(f.s, index_of(p) + 1, f.now_ms);
        else if (how % 8 == 1)
            f.may_call = !f.may_call;
        else
            mt_alloc_fail_nth(how % 64);
        break;
    default:
        raw = how < len - 3 ? how : len - 3;
        f.tainted = true;
        if (is_open(&p->flow))
            input(&p->flow, (const char *)data + 3, raw);
    }
    after_step();
    return 3 + raw;
}

/* With nothing more said everything ends by itself. */
static void wind_up(void) {
    mt_alloc_fail_nth(0);
    end_pair();
    after_step();
    for (size_t i = 0; i < f.conn_count; i++)
        close_flow(&f.conns[i].flow);
    for (int i = 0; i < 3; i++)
        tick(11);
    CHECK(mt_sip_server_count(f.s).transactions == 0 && mt_sip_server_count(f.s).dialogs == 0);
    CHECK(mt_sip_server_count(f.s).bindings == 0 && f.s->conns.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const mt_sip_policy policy = {.find = find, .ha1 = ha1, .may_call = may_call, .alias = alias};
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    (void)snprintf(cfg.domain, sizeof(cfg.domain), "d.invalid");
    cfg.max_transactions = MAX_TXNS;
    memset(&f, 0, sizeof(f));
    f.seed = 1;
    f.now_ms = 1000;
    f.pair = 1;
    f.may_call = true;
    f.hiding = len > 0 && (data[0] & 0x40) != 0;
    mt_alloc_fail_nth(0);
    if (len < 3 || mt_sip_server_create(&cfg, mt_random_seeded(&f.seed), &policy, NULL, &f.s) != MT_OK)
        return 0;
    mt_sip_server_hide(f.s, f.hiding);
    for (size_t i = 0; i < PEERS; i++)
        open_flow(&f.p[i], i, data[0] >> (2 * i));
    for (size_t at = 0; at + 3 <= len && at < 3 * 400;)
        at += step(data + at, len - at);
    wind_up();
    mt_sip_server_destroy(f.s);
    return 0;
}
