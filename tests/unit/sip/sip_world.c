#include "sip_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "sip/digest.h"

static const char *const DOMAIN = "myturn.invalid";
static const char *const VIA[] = {"UDP", "TCP", "TLS", "WS", "WSS"};

/* What may be seen by its owner only, per peer. The Contact's user, User-Agent and Call-ID are made of these as well.
 */
static const char *const MARKS[WORLD_PEERS][5] = {
    {"10.1.1.1", "jeden", "AgentJeden", "cid-of-j", "contact-j"},
    {"10.2.2.2", "dwa", "AgentDwa", "cid-of-d", "contact-d"},
    {"10.3.3.3", "trzy", "AgentTrzy", "cid-of-t", "contact-t"},
};
static const char *const LETTER[WORLD_PEERS] = {"j", "d", "t"};
static const char *const AGENT[WORLD_PEERS] = {"AgentJeden", "AgentDwa", "AgentTrzy"};

static size_t index_of(const peer *p) {
    return (size_t)(p - p->w->p);
}

static mt_sip_user find(void *ctx, mt_slice user) {
    const world *w = ctx;
    for (size_t i = 0; i < WORLD_PEERS; i++) {
        if (mt_slice_is(user, w->p[i].name) || mt_slice_is(user, w->p[i].exten))
            return w->p[i].user;
    }
    return 0;
}

static bool ha1(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]) {
    const world *w = ctx;
    mt_slice password = mt_slice_of(w->p[user - 1].password), realm = mt_slice_of(DOMAIN);
    mt_sip_digest_ha1(MT_SIP_ALG_MD5, username, realm, password, md5);
    mt_sip_digest_ha1(MT_SIP_ALG_SHA256, username, realm, password, sha256);
    return true;
}

static bool may_call(void *ctx, mt_sip_user caller, mt_sip_user callee, mt_sip_pair *out) {
    const world *w = ctx;
    *out = w->pair;
    return w->may_call && caller == 1 && callee == 2;
}

static void alias(void *ctx, mt_sip_user user, char out[16]) {
    const world *w = ctx;
    (void)snprintf(out, 16, "%s", w->p[user - 1].exten);
}

static void set_peer(world *w, size_t i, mt_sip_transport t) {
    static const char *const names[] = {"jeden", "dwa", "trzy"};
    static const char *const extens[] = {"111000", "111001", "111002"};
    peer *p = &w->p[i];
    *p = (peer){.w = w, .user = i + 1, .name = names[i], .exten = extens[i], .password = names[i], .via = VIA[t]};
    char addr[40];
    (void)snprintf(p->host, sizeof(p->host), "10.%zu.%zu.%zu", i + 1, i + 1, i + 1);
    (void)snprintf(addr, sizeof(addr), "%s:50%zu0", p->host, i + 1);
    p->flow.transport = t;
    p->flow.conn = t == MT_SIP_UDP ? 0 : 100 + i;
    assert_int_equal(mt_addr_parse(mt_slice_of(addr), &p->flow.addr), MT_OK);
}

void world_open(world *w, mt_sip_transport first, mt_sip_transport second) {
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    world_open_with(w, first, second, &cfg);
}

void world_open_with(world *w, mt_sip_transport first, mt_sip_transport second, const mt_sip_server_config *cfg) {
    *w = (world){.now_ms = 1000000, .seed = 7, .may_call = true, .cfg = *cfg};
    memset(w->pair.id, 0xab, sizeof(w->pair.id));
    w->sent = calloc(WORLD_SENT, sizeof(*w->sent));
    assert_non_null(w->sent);
    set_peer(w, 0, first);
    set_peer(w, 1, second);
    set_peer(w, 2, MT_SIP_UDP);
    static const mt_sip_policy policy = {.find = find, .ha1 = ha1, .may_call = may_call, .alias = alias};
    assert_int_equal(mt_sip_server_create(cfg, mt_random_seeded(&w->seed), &policy, w, &w->s), MT_OK);
}

void world_close(world *w) {
    mt_sip_server_destroy(w->s);
    free(w->sent);
}

/* A peer whose flow this is; the server never sends to any other. */
static peer *owner(world *w, const mt_sip_flow *f) {
    for (size_t i = 0; i < WORLD_PEERS; i++) {
        peer *p = &w->p[i];
        bool same = f->transport == MT_SIP_UDP ? mt_addr_eq(&f->addr, &p->flow.addr) : f->conn == p->flow.conn;
        if (f->transport == p->flow.transport && same)
            return p;
    }
    return NULL;
}

static void check(world *w, const sent *m) {
    static mt_sip_msg parsed;
    if (strcmp(m->bytes, "\r\n") == 0)
        return;
    mt_sip_framing framing = m->flow.transport == MT_SIP_UDP ? MT_SIP_DATAGRAM : MT_SIP_STREAM;
    if (mt_sip_msg_parse(mt_slice_n(m->bytes, m->len), framing, &parsed) != MT_OK)
        fail_msg("the server wrote: %s", m->bytes);
    peer *to = owner(w, &m->flow);
    assert_non_null(to);
    assert_false(to->closed);
    if (w->forging)
        return;
    char seen[WORLD_TEXT];
    memcpy(seen, m->bytes, m->len + 1);
    char *own_to = strncmp(seen, "SIP/2.0", 7) == 0 ? strstr(seen, "\r\nTo: ") : NULL;
    if (own_to != NULL) /* an answer repeats what he dialled himself */
        memset(own_to + 2, '-', strcspn(own_to + 2, "\r"));
    for (size_t i = 0; i < WORLD_PEERS; i++) {
        for (size_t k = 0; k < 5 && i != index_of(to); k++) {
            if (strstr(seen, MARKS[i][k]) != NULL)
                fail_msg("%s of %s leaks to %s:\n%s", MARKS[i][k], w->p[i].name, to->name, m->bytes);
        }
    }
}

void world_take(world *w) {
    mt_sip_action a;
    while (mt_sip_server_action(w->s, &a) == MT_OK) {
        if (a.kind == MT_SIP_EVENT) {
            assert_true(w->event_count < WORLD_EVENTS);
            w->events[w->event_count++] = a;
            continue;
        }
        assert_int_equal(a.kind, MT_SIP_SEND);
        assert_true(w->sent_count < WORLD_SENT && a.bytes.len < WORLD_TEXT);
        sent *m = &w->sent[w->sent_count++];
        *m = (sent){.at_ms = w->now_ms, .flow = a.flow, .len = a.bytes.len};
        memcpy(m->bytes, a.bytes.p, a.bytes.len);
        check(w, m);
    }
}

void world_run(world *w, int64_t for_ms) {
    int64_t end = w->now_ms + for_ms;
    for (int64_t next; (next = mt_sip_server_next_ms(w->s)) <= end;) {
        w->now_ms = next > w->now_ms ? next : w->now_ms;
        mt_sip_server_tick(w->s, w->now_ms);
        world_take(w);
    }
    w->now_ms = end;
}

void world_end_pair(world *w) {
    mt_sip_server_end_pair(w->s, &w->pair, w->now_ms);
    world_take(w);
}

void peer_say(peer *p, const char *fmt, ...) {
    char text[WORLD_TEXT];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    char *exact = malloc((size_t)len); /* so that the sanitizer sees a read behind the end */
    assert_non_null(exact);
    memcpy(exact, text, (size_t)len);
    mt_err err = mt_sip_server_input(p->w->s, &p->flow, mt_slice_n(exact, (size_t)len), p->w->now_ms);
    free(exact);
    p->w->got_enomem = p->w->got_enomem || err == MT_ENOMEM;
    if (!p->w->expect_enomem)
        assert_int_equal(err, MT_OK);
    world_take(p->w);
}

static bool is_to(const peer *p, const sent *m) {
    return owner(p->w, &m->flow) == p;
}

const char *peer_next(peer *p, const char *starts) {
    for (; p->read < p->w->sent_count; p->read++) {
        const sent *m = &p->w->sent[p->read];
        if (!is_to(p, m))
            continue;
        if (starts != NULL && strncmp(m->bytes, starts, strlen(starts)) != 0)
            fail_msg("%s expected '%s', got:\n%s", p->name, starts, m->bytes);
        p->read++;
        return m->bytes;
    }
    fail_msg("%s expected '%s', got nothing", p->name, starts != NULL ? starts : "anything");
    return NULL;
}

const char *peer_try_next(peer *p) {
    for (; p->read < p->w->sent_count; p->read++) {
        if (is_to(p, &p->w->sent[p->read]))
            return p->w->sent[p->read++].bytes;
    }
    return NULL;
}

void peer_silent(peer *p) {
    for (; p->read < p->w->sent_count; p->read++) {
        if (is_to(p, &p->w->sent[p->read]))
            fail_msg("%s expected nothing, got:\n%s", p->name, p->w->sent[p->read].bytes);
    }
}

size_t peer_count(const peer *p, const char *starts) {
    size_t n = 0;
    for (size_t i = 0; i < p->w->sent_count; i++)
        n += is_to(p, &p->w->sent[i]) && strncmp(p->w->sent[i].bytes, starts, strlen(starts)) == 0;
    return n;
}

int64_t peer_time(const peer *p, const char *starts, size_t nth) {
    for (size_t i = 0; i < p->w->sent_count; i++) {
        if (is_to(p, &p->w->sent[i]) && strncmp(p->w->sent[i].bytes, starts, strlen(starts)) == 0 && nth-- == 0)
            return p->w->sent[i].at_ms;
    }
    fail_msg("no such message");
    return 0;
}

void peer_reconnect(peer *p, uint64_t conn, bool close_old) {
    mt_sip_flow old = p->flow;
    p->closed = close_old;
    if (close_old)
        mt_sip_server_flow_closed(p->w->s, &old, p->w->now_ms);
    world_take(p->w);
    p->closed = false;
    p->flow.conn = conn;
}

const char *header_of(const char *text, const char *name, char *out, size_t out_bytes) {
    size_t len = strlen(name);
    for (const char *line = strstr(text, "\r\n"); line != NULL && strncmp(line, "\r\n\r\n", 4) != 0;
         line = strstr(line + 2, "\r\n")) {
        if (strncmp(line + 2, name, len) != 0 || line[2 + len] != ':')
            continue;
        const char *from = line + 2 + len + 2, *to = strstr(from, "\r\n");
        assert_true((size_t)(to - from) < out_bytes);
        (void)snprintf(out, out_bytes, "%.*s", (int)(to - from), from);
        return out;
    }
    fail_msg("no %s in:\n%s", name, text);
    return NULL;
}

bool has_header(const char *text, const char *name) {
    char line[64];
    (void)snprintf(line, sizeof(line), "\r\n%s:", name);
    return strstr(text, line) != NULL;
}

void peer_read_challenge(peer *p, const char *text) {
    const char *nonce = strstr(text, "nonce=\"");
    assert_non_null(nonce);
    (void)snprintf(p->nonce, sizeof(p->nonce), "%.*s", (int)strcspn(nonce + 7, "\""), nonce + 7);
    p->nc = 0;
}

void peer_authorization(peer *p, bool proxy, const char *method, const char *uri, const char *password, char *out,
                        size_t out_bytes) {
    char nc[16], response[2 * MT_SIP_DIGEST_MAX_BYTES + 1];
    uint8_t h[MT_SIP_DIGEST_MAX_BYTES];
    (void)snprintf(nc, sizeof(nc), "%08x", ++p->nc);
    mt_sip_digest_ha1(MT_SIP_ALG_MD5, mt_slice_of(p->name), mt_slice_of(DOMAIN), mt_slice_of(password), h);
    mt_sip_digest d = {.username = mt_slice_of(p->name),
                       .realm = mt_slice_of(DOMAIN),
                       .nonce = mt_slice_of(p->nonce),
                       .uri = mt_slice_of(uri),
                       .cnonce = MT_SLICE_LIT("abcdef"),
                       .nc_text = mt_slice_of(nc),
                       .nc = p->nc,
                       .qop = MT_SIP_QOP_AUTH};
    mt_sip_digest_response(&d, h, mt_slice_of(method), response);
    (void)snprintf(out, out_bytes,
                   "%s: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
                   "algorithm=MD5, cnonce=\"abcdef\", qop=auth, nc=%s\r\n",
                   proxy ? "Proxy-Authorization" : "Authorization", p->name, DOMAIN, p->nonce, uri, response, nc);
}

static const char *letter(const peer *p) {
    return LETTER[index_of(p)];
}

void peer_register_plain(peer *p, const char *to_user, const char *authorization, unsigned expires_s) {
    peer_say(
        p,
        "REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s%u;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:%s@%s>;tag=r%s\r\nTo: <sip:%s@%s>\r\nCall-ID: reg@cid-of-%s\r\nCSeq: %u REGISTER\r\n"
        "Contact: <sip:contact-%s@%s:5999;transport=x>;expires=%u\r\nUser-Agent: %s\r\n%sContent-Length: 0\r\n\r\n",
        DOMAIN, p->via, p->host, letter(p), ++p->branch, p->name, DOMAIN, letter(p), to_user, DOMAIN, letter(p),
        ++p->cseq, letter(p), p->host, expires_s, AGENT[index_of(p)], authorization);
}

void peer_register_as(peer *p, const char *to_user, const char *password, unsigned expires_s) {
    char authorization[600], uri[60];
    peer_register_plain(p, to_user, "", expires_s);
    peer_read_challenge(p, peer_next(p, "SIP/2.0 401"));
    (void)snprintf(uri, sizeof(uri), "sip:%s", DOMAIN);
    peer_authorization(p, false, "REGISTER", uri, password, authorization, sizeof(authorization));
    peer_register_plain(p, to_user, authorization, expires_s);
}

void peer_register(peer *p) {
    peer_register_as(p, p->name, p->password, 600);
    (void)peer_next(p, "SIP/2.0 200");
}

void peer_invite_plain(peer *p, const char *callee, dialog *d, const char *authorization) {
    const char *l = letter(p), *body = p->w->offer != NULL ? p->w->offer : "v=0\r\ns=";
    d->invite_cseq = d->cseq = ++p->cseq;
    (void)snprintf(d->branch, sizeof(d->branch), "z9hG4bK%s%u", l, ++p->branch);
    (void)snprintf(d->call_id, sizeof(d->call_id), "call@cid-of-%s", l);
    (void)snprintf(d->local, sizeof(d->local), "\"%s\" <sip:%s@%s>;tag=%s-local", p->name, p->name, DOMAIN, l);
    (void)snprintf(d->remote, sizeof(d->remote), "<sip:%s@%s>", callee, DOMAIN);
    peer_say(p,
             "INVITE sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\n"
             "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\nContact: <sip:contact-%s@%s:5999>\r\n"
             "User-Agent: %s\r\nSubject: from jeden\r\nX-Own: 10.1.1.1\r\nP-Asserted-Identity: <sip:jeden@10.1.1.1>\r\n"
             "Allow: INVITE, ACK, BYE\r\nSupported: 100rel\r\n%sContent-Type: application/sdp\r\nContent-Length: "
             "%zu\r\n\r\n%s",
             callee, DOMAIN, p->via, p->host, d->branch, d->local, d->remote, d->call_id, d->cseq, l, p->host,
             AGENT[index_of(p)], authorization, strlen(body), body);
}

static void ack_refusal(peer *p, const char *callee, const dialog *d, const char *answer) {
    char to[300];
    peer_say(p,
             "ACK sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"
             "Call-ID: %s\r\nCSeq: %u ACK\r\nContent-Length: 0\r\n\r\n",
             callee, DOMAIN, p->via, p->host, d->branch, d->local, header_of(answer, "To", to, sizeof(to)), d->call_id,
             d->invite_cseq);
}

void peer_invite(peer *p, const char *callee, dialog *d) {
    char authorization[600], uri[60];
    peer_invite_plain(p, callee, d, "");
    const char *challenge = peer_next(p, "SIP/2.0 407");
    peer_read_challenge(p, challenge);
    ack_refusal(p, callee, d, challenge);
    (void)snprintf(uri, sizeof(uri), "sip:%s@%s", callee, DOMAIN);
    peer_authorization(p, true, "INVITE", uri, p->password, authorization, sizeof(authorization));
    peer_invite_plain(p, callee, d, authorization);
}

void peer_cancel(peer *p, const char *callee, const dialog *d) {
    peer_say(p,
             "CANCEL sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: "
             "<sip:%s@%s>\r\n"
             "Call-ID: %s\r\nCSeq: %u CANCEL\r\nContent-Length: 0\r\n\r\n",
             callee, DOMAIN, p->via, p->host, d->branch, d->local, callee, DOMAIN, d->call_id, d->invite_cseq);
}

void peer_answer(peer *p, const char *request, const char *status, const char *tag, const char *lines,
                 const char *body) {
    char via[300], from[300], to[300], call_id[160], cseq[60];
    size_t body_len = body != NULL ? strlen(body) : 0;
    (void)header_of(request, "To", to, sizeof(to));
    bool tagged = tag == NULL || strstr(to, ";tag=") != NULL;
    peer_say(p,
             "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
             "Contact: <sip:contact-%s@%s:5999>\r\nServer: %s\r\nUser-Agent: %s\r\nWarning: 399 %s "
             "\"no\"\r\n%s%sContent-Length: %zu\r\n\r\n%s",
             status, header_of(request, "Via", via, sizeof(via)), header_of(request, "From", from, sizeof(from)), to,
             tagged ? "" : ";tag=", tagged ? "" : tag, header_of(request, "Call-ID", call_id, sizeof(call_id)),
             header_of(request, "CSeq", cseq, sizeof(cseq)), letter(p), p->host, AGENT[index_of(p)], AGENT[index_of(p)],
             p->host, lines != NULL ? lines : "", body_len > 0 ? "Content-Type: application/sdp\r\n" : "", body_len,
             body_len > 0 ? body : "");
}

static void uri_in(const char *name_addr, char *out, size_t out_bytes) {
    const char *from = strchr(name_addr, '<');
    assert_non_null(from);
    (void)snprintf(out, out_bytes, "%.*s", (int)strcspn(from + 1, ">"), from + 1);
}

void dialog_of_answer(dialog *d, const char *answer) {
    char contact[300];
    (void)header_of(answer, "To", d->remote, sizeof(d->remote));
    (void)header_of(answer, "Record-Route", d->route, sizeof(d->route));
    uri_in(header_of(answer, "Contact", contact, sizeof(contact)), d->target, sizeof(d->target));
}

void dialog_of_invite(dialog *d, const char *invite, const char *tag) {
    char contact[300], to[250];
    (void)header_of(invite, "Call-ID", d->call_id, sizeof(d->call_id));
    (void)header_of(invite, "From", d->remote, sizeof(d->remote));
    (void)snprintf(d->local, sizeof(d->local), "%s;tag=%s", header_of(invite, "To", to, sizeof(to)), tag);
    (void)header_of(invite, "Record-Route", d->route, sizeof(d->route));
    uri_in(header_of(invite, "Contact", contact, sizeof(contact)), d->target, sizeof(d->target));
}

void peer_in_dialog(peer *p, dialog *d, const char *method, const char *lines, const char *body) {
    bool ack = strcmp(method, "ACK") == 0;
    size_t body_len = body != NULL ? strlen(body) : 0;
    d->cseq += ack ? 0 : 1;
    peer_say(
        p,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s%u;rport\r\nMax-Forwards: 70\r\nRoute: %s\r\nFrom: %s\r\n"
        "To: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nUser-Agent: %s\r\nReason: SIP;text=\"%s\"\r\n%s%sContent-Length: "
        "%zu\r\n\r\n%s",
        method, d->target, p->via, p->host, letter(p), ++p->branch, d->route, d->local, d->remote, d->call_id,
        ack ? d->invite_cseq : d->cseq, method, AGENT[index_of(p)], p->host, lines != NULL ? lines : "",
        body_len > 0 ? "Content-Type: application/sdp\r\n" : "", body_len, body_len > 0 ? body : "");
}

void world_call(world *w, dialog *a, dialog *b) {
    peer_register(&w->p[0]);
    peer_register(&w->p[1]);
    peer_invite(&w->p[0], "111001", a);
    const char *invite = peer_next(&w->p[1], "INVITE ");
    dialog_of_invite(b, invite, "d-local");
    peer_answer(&w->p[1], invite, "180 Ringing of AgentDwa", "d-local", NULL, NULL);
    (void)peer_next(&w->p[0], "SIP/2.0 180 Ringing\r\n");
    peer_answer(&w->p[1], invite, "200 OK", "d-local", "Allow: INVITE\r\n", "v=0 answer");
    dialog_of_answer(a, peer_next(&w->p[0], "SIP/2.0 200 OK\r\n"));
    peer_in_dialog(&w->p[0], a, "ACK", NULL, NULL);
    (void)peer_next(&w->p[1], "ACK ");
    w->event_read = w->event_count;
}

void world_event(world *w, mt_sip_event_kind kind, mt_sip_user user) {
    if (w->event_read == w->event_count)
        fail_msg("expected event %d, got none", (int)kind);
    const mt_sip_action *e = &w->events[w->event_read++];
    assert_int_equal(e->event, kind);
    if (user != 0)
        assert_int_equal(e->user, user);
}

void world_no_event(world *w) {
    if (w->event_read != w->event_count)
        fail_msg("unexpected event %d", (int)w->events[w->event_read].event);
}

mt_sip_action world_last_event(const world *w) {
    assert_true(w->event_read > 0);
    return w->events[w->event_read - 1];
}
