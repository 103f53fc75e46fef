/* WebSocket and SIP together, from bytes: the HTTP upgrade, the frames and what is in them go through the real
 * connection and the real SIP server, as they do in the daemon. Two clients on socket pairs send whatever the input
 * says.
 *
 * Checked at each step: what comes back is a well-formed HTTP answer and then whole, unmasked frames; each message is a
 * line end or reads as SIP; nothing of one client's own reaches the other but in bodies. At the end, when both have
 * gone, no connection, flow or binding is left.
 *
 * Input: steps of two bytes, what and how, some of which take more. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "net/conn.h"
#include "sip/msg.h"
#include "sip/sip_server.h"

#define CLIENTS 2
#define TEXT 4096
#define IN_MAX 70000

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "broken: %s, line %d\n", #what, __LINE__);                                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

typedef struct client {
    int fd; /* -1: gone */
    bool upgraded, closing;
    char in[IN_MAX];
    size_t len;
    unsigned cseq, branch;
    char nonce[80], request[TEXT]; /* the last one to him */
    size_t request_len;
} client;

static const char *const MARK[CLIENTS] = {"mark-of-one", "mark-of-two"}; /* seen by nobody else */
static const char *const NAME[CLIENTS] = {"jeden", "dwa"};

static mt_net *net;
static mt_sip_server *sip;
static client clients[CLIENTS];
static unsigned gone, adopted, flows_up, flows_gone;
static int64_t now_ms;
static uint64_t seed;

/* The server's side */

static mt_sip_user find(void *ctx, mt_slice user) {
    for (unsigned i = 0; i < CLIENTS; i++) {
        char exten[8];
        (void)snprintf(exten, sizeof exten, "11100%u", i);
        if (mt_slice_is(user, NAME[i]) || mt_slice_is(user, exten))
            return 111000 + i;
    }
    return 0;
}

static void digest(const char *text, char hex[2 * MT_MD5_BYTES + 1]) {
    uint8_t md5[MT_MD5_BYTES];
    mt_slice piece = mt_slice_of(text);
    mt_md5(&piece, 1, md5);
    mt_text_hex(md5, sizeof md5, hex);
}

static bool ha1(void *ctx, mt_sip_user user, mt_slice username, uint8_t md5[16], uint8_t sha256[32]) {
    char text[64];
    (void)snprintf(text, sizeof text, "%s:d.invalid:pw", NAME[user - 111000]);
    mt_slice piece = mt_slice_of(text);
    mt_md5(&piece, 1, md5);
    mt_sha256(&piece, 1, sha256);
    return true;
}

static bool may_call(void *ctx, mt_sip_user caller, mt_sip_user callee, mt_sip_pair *out) {
    *out = (mt_sip_pair){.id = {7}};
    return caller != callee;
}

static void alias(void *ctx, mt_sip_user user, char out[16]) {
    (void)snprintf(out, 16, "%u", (unsigned)user);
}

static void on_request(void *ctx, mt_http_req *req) {
    mt_http_reply(req, &(mt_http_answer){.status = 404});
}

static const char *on_upgrade(void *ctx, mt_http_req *req) {
    return mt_http_req_header_has(req, "Sec-WebSocket-Protocol", "sip") ? "sip" : NULL;
}

static mt_sip_flow flow_of(const mt_conn *c) {
    return (mt_sip_flow){.transport = MT_SIP_WS, .conn = mt_conn_id(c), .addr = *mt_conn_remote(c)};
}

static void on_sip(void *ctx, mt_conn *conn, mt_slice message) {
    mt_sip_flow flow = flow_of(conn);
    CHECK(mt_sip_server_input(sip, &flow, message, now_ms) == MT_OK);
}

static void on_closed(void *ctx, mt_conn *conn) {
    mt_sip_flow flow = flow_of(conn);
    flows_gone++;
    mt_sip_server_flow_closed(sip, &flow, now_ms);
}

static void on_gone(void *ctx, const mt_addr *remote) {
    gone++;
}

static void drain(void) {
    mt_sip_action a;
    while (mt_sip_server_action(sip, &a) == MT_OK) {
        mt_conn *conn = a.kind == MT_SIP_EVENT ? NULL : mt_net_conn(net, a.flow.conn);
        if (conn != NULL && a.kind == MT_SIP_SEND)
            (void)!mt_conn_send(conn, a.bytes);
        else if (conn != NULL)
            mt_conn_close(conn, 1000);
    }
}

/* The clients' side */

static void check_message(client *c, const char *bytes, size_t len) {
    static mt_sip_msg m;
    const char *other = MARK[c == &clients[0]];
    if (len == 2 && memcmp(bytes, "\r\n", 2) == 0)
        return;
    CHECK(mt_sip_msg_parse(mt_slice_n(bytes, len), MT_SIP_WHOLE, &m) == MT_OK);
    CHECK(memmem(bytes, len - m.body.len, other, strlen(other)) == NULL);
    const char *nonce = memmem(bytes, len, "nonce=\"", 7);
    if (!m.is_request && nonce != NULL)
        (void)snprintf(c->nonce, sizeof c->nonce, "%.*s", (int)strcspn(nonce + 7, "\""), nonce + 7);
    if (m.is_request && len < TEXT) {
        memcpy(c->request, bytes, len);
        c->request_len = len;
    }
}

/* One frame from the server: whole, unmasked, of a known kind. False: not all of it is there. */
static bool take_frame(client *c) {
    const uint8_t *p = (const uint8_t *)c->in;
    if (c->len < 2)
        return false;
    size_t len = p[1], head = 2;
    CHECK((p[0] & 0x70) == 0 && (p[0] & 0x80) != 0 && len < 128);
    if (len == 126) {
        if (c->len < 4)
            return false;
        len = (size_t)p[2] << 8 | p[3];
        head = 4;
    }
    CHECK(len < 65536);
    if (c->len < head + len)
        return false;
    unsigned opcode = p[0] & 15;
    CHECK(opcode == MT_WS_TEXT || opcode == MT_WS_BINARY || opcode == MT_WS_CLOSE || opcode == MT_WS_PING ||
          opcode == MT_WS_PONG);
    CHECK(!c->closing); /* a close frame is the last one */
    CHECK(opcode != MT_WS_TEXT || mt_text_is_utf8(mt_slice_n(c->in + head, len)));
    c->closing = opcode == MT_WS_CLOSE;
    if (opcode == MT_WS_TEXT || opcode == MT_WS_BINARY)
        check_message(c, c->in + head, len);
    c->len -= head + len;
    memmove(c->in, c->in + head + len, c->len);
    return true;
}

static void take_answer(client *c) {
    const char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
    if (end == NULL)
        return;
    CHECK(memcmp(c->in, "HTTP/1.1 ", 9) == 0);
    c->upgraded = memcmp(c->in + 9, "101 ", 4) == 0;
    flows_up += c->upgraded;
    c->len = c->upgraded ? c->len - (size_t)(end + 4 - c->in) : 0;
    memmove(c->in, end + 4, c->len);
}

static void listen_to(client *c) {
    ssize_t n;
    while (c->fd >= 0 && (n = read(c->fd, c->in + c->len, sizeof c->in - c->len)) > 0) {
        c->len += (size_t)n;
        if (!c->upgraded)
            take_answer(c);
        while (c->upgraded && take_frame(c)) {
        }
        CHECK(c->len < sizeof c->in);
    }
}

static void turn(void) {
    for (int i = 0; i < 2; i++) {
        (void)uv_run(&net->loop, UV_RUN_NOWAIT);
        drain();
    }
    for (int i = 0; i < CLIENTS; i++)
        listen_to(&clients[i]);
}

static void send_bytes(client *c, const void *p, size_t len) {
    if (c->fd >= 0 && write(c->fd, p, len) != (ssize_t)len)
        return; /* it is closed, or does not take more: as in life */
}

static void connect_client(client *c) {
    int pair[2];
    mt_addr remote = {.in = {.sin_family = AF_INET, .sin_port = 5}};
    if (c->fd >= 0)
        close(c->fd);
    memset(c, 0, sizeof *c);
    c->fd = -1;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    CHECK(mt_conn_adopt(net, pair[0], &remote, MT_CONN_HTTP) == MT_OK);
    adopted++;
    c->fd = pair[1];
}

static void upgrade(client *c) {
    static const char text[] = "GET /sip HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                               "Sec-WebSocket-Protocol: sip\r\n\r\n";
    send_bytes(c, text, sizeof text - 1);
}

/* how: bit 7 cuts it into two fragments with a ping between them, the low bits are the mask. */
static void send_frame(client *c, unsigned opcode, unsigned how, const char *p, size_t len) {
    static char frame[2 * TEXT];
    static const char ping[] = {(char)0x89, (char)0x80, 1, 2, 3, 4};
    const char mask[4] = {(char)(how & 15), 9, (char)how, 0};
    bool cut = (how & 0x80) != 0 && opcode < 8 && len > 1;
    size_t first = cut ? len / 2 : len;
    for (size_t at = 0; at < len || at == 0;) {
        size_t n = at == 0 ? first : len - at;
        bool last = at + n == len;
        size_t head = n < 126 ? 2 : 4;
        frame[0] = (char)((last ? 0x80 : 0) | (at == 0 ? opcode : 0));
        frame[1] = (char)(0x80 | (n < 126 ? n : 126));
        frame[2] = (char)(n >> 8);
        frame[3] = (char)(n & 255);
        memcpy(frame + head, mask, 4);
        for (size_t i = 0; i < n; i++)
            frame[head + 4 + i] = (char)(p[at + i] ^ mask[i % 4]);
        send_bytes(c, frame, head + 4 + n);
        if (!last)
            send_bytes(c, ping, sizeof ping);
        at += n;
        if (n == 0)
            break;
    }
}

static void say(client *c, unsigned how, const char *text) {
    send_frame(c, MT_WS_TEXT, how, text, strlen(text));
}

static void credentials(const client *c, const char *method, const char *uri, char out[400]) {
    size_t i = (size_t)(c - clients);
    char text[300], a1[33], a2[33], response[33];
    (void)snprintf(text, sizeof text, "%s:d.invalid:pw", NAME[i]);
    digest(text, a1);
    (void)snprintf(text, sizeof text, "%s:%s", method, uri);
    digest(text, a2);
    (void)snprintf(text, sizeof text, "%s:%s:00000001:c:auth:%s", a1, c->nonce, a2);
    digest(text, response);
    (void)snprintf(out, 400,
                   "%s: Digest username=\"%s\", realm=\"d.invalid\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
                   "algorithm=MD5, cnonce=\"c\", qop=auth, nc=00000001\r\n",
                   strcmp(method, "REGISTER") == 0 ? "Authorization" : "Proxy-Authorization", NAME[i], c->nonce, uri,
                   response);
}

/* REGISTER or INVITE, with credentials if he has been challenged. */
static void ask(client *c, const char *method, unsigned how) {
    size_t i = (size_t)(c - clients);
    char text[TEXT], auth[400] = "", uri[32] = "sip:d.invalid", to[48];
    bool invite = strcmp(method, "INVITE") == 0;
    if (invite)
        (void)snprintf(uri, sizeof uri, "sip:11100%zu@d.invalid", 1 - i);
    (void)snprintf(to, sizeof to, invite ? "%s" : "sip:%s@d.invalid", invite ? uri : NAME[i]);
    if (c->nonce[0] != '\0')
        credentials(c, method, uri, auth);
    (void)snprintf(text, sizeof text,
                   "%s %s SIP/2.0\r\nVia: SIP/2.0/WS %s.invalid;branch=z9hG4bK%zu-%u\r\nMax-Forwards: 70\r\nFrom: "
                   "<sip:%s@d.invalid>;tag=%s\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: "
                   "<sip:x@%s.invalid;transport=ws>\r\n%sUser-Agent: %s\r\nContent-Length: 0\r\n\r\n",
                   method, uri, MARK[i], i, ++c->branch, NAME[i], MARK[i], to, MARK[i], ++c->cseq, method, MARK[i],
                   auth, MARK[i]);
    say(c, how, text);
}

static void answer(client *c, unsigned how) {
    static const unsigned codes[] = {200, 180, 486, 100, 302, 200, 481, 603};
    static mt_sip_msg m;
    size_t i = (size_t)(c - clients);
    char text[TEXT];
    if (c->request_len == 0 || mt_sip_msg_parse(mt_slice_n(c->request, c->request_len), MT_SIP_WHOLE, &m) != MT_OK)
        return;
    (void)snprintf(text, sizeof text,
                   "SIP/2.0 %u x\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s;tag=t\r\nCall-ID: %.*s\r\nCSeq: %u "
                   "%.*s\r\nContact: <sip:y@%s.invalid;transport=ws>\r\nServer: %s\r\nContent-Length: 0\r\n\r\n",
                   codes[how % 8], (int)m.vias[0].raw.len, m.vias[0].raw.p, (int)m.from.raw.len, m.from.raw.p,
                   (int)m.to.raw.len, m.to.raw.p, (int)m.call_id.len, m.call_id.p, m.cseq, (int)m.cseq_method.len,
                   m.cseq_method.p, MARK[i], MARK[i]);
    say(c, how & 0xf0, text);
}

/* Bytes of the input as they are, or in a frame. */
static size_t say_input(client *c, unsigned what, const uint8_t *p, size_t left) {
    size_t len = left > 0 ? p[0] : 0;
    if (len > left - (left > 0))
        len = left - (left > 0);
    if (what == 6)
        send_bytes(c, p + 1, len);
    else if (left > 0)
        send_frame(c, what == 7 ? MT_WS_TEXT : p[0] % 16, p[0] & 0x80, (const char *)p + 1, len);
    return left > 0 ? len + 1 : 0;
}

static void flood(client *c, unsigned how) {
    static const char line_ends[] = "\r\n\r\n";
    for (unsigned i = 0; i < how % 64; i++)
        send_frame(c, how & 0x40 ? MT_WS_PING : MT_WS_TEXT, i, line_ends, 4);
}

static size_t step(const uint8_t *p, size_t len) {
    client *c = &clients[p[0] >> 7];
    unsigned what = p[0] % 12, how = p[1];
    size_t used = 2;
    if (what == 0)
        connect_client(c);
    else if (what == 1)
        upgrade(c);
    else if (what == 2)
        ask(c, "REGISTER", how);
    else if (what == 3)
        ask(c, "INVITE", how);
    else if (what == 4)
        answer(c, how);
    else if (what == 5)
        flood(c, how);
    else if (what < 9)
        used += say_input(c, what, p + 2, len - 2);
    else if (what == 9)
        mt_sip_server_end_pair(sip, &(mt_sip_pair){.id = {7}}, now_ms);
    else if (what == 10) {
        now_ms += (int64_t)how * 100;
        mt_sip_server_tick(sip, now_ms);
    } else if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    turn();
    return used;
}

static void start(void) {
    static const mt_net_handlers handlers = {
        .request = on_request, .upgrade = on_upgrade, .sip = on_sip, .closed = on_closed, .gone = on_gone};
    mt_net_limits l;
    mt_net_limits_default(&l);
    l.ws_message_bytes = 4096;
    mt_log_setup(-1, MT_LOG_ERROR, false);
    CHECK(mt_net_create(&l, &handlers, NULL, &net) == MT_OK);
}

/* Both leave: nothing of them is left. */
static void finish(void) {
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0)
            close(clients[i].fd);
        clients[i].fd = -1;
    }
    for (int i = 0; i < 20 && gone < adopted; i++)
        turn();
    CHECK(gone == adopted && mt_net_count(net).open == 0);
    CHECK(flows_gone == mt_net_count(net).ws_opened);
    CHECK(mt_sip_server_count(sip).bindings == 0);
    for (int i = 0; i < 1000 && mt_sip_server_next_ms(sip) != MT_NEVER; i++) {
        now_ms = mt_sip_server_next_ms(sip) > now_ms ? mt_sip_server_next_ms(sip) : now_ms;
        mt_sip_server_tick(sip, now_ms);
        drain();
    }
    CHECK(mt_sip_server_count(sip).dialogs == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len); /* libFuzzer's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const mt_sip_policy policy = {.find = find, .ha1 = ha1, .may_call = may_call, .alias = alias};
    mt_sip_server_config cfg;
    mt_sip_server_config_default(&cfg);
    (void)snprintf(cfg.domain, sizeof cfg.domain, "d.invalid");
    if (net == NULL)
        start();
    seed = 1;
    now_ms = 1000;
    if (mt_sip_server_create(&cfg, mt_random_seeded(&seed), &policy, NULL, &sip) != MT_OK)
        return 0;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].fd = -1;
        connect_client(&clients[i]);
    }
    for (size_t at = 0, steps = 0; at + 2 <= len && steps < 100; steps++)
        at += step(data + at, len - at);
    finish();
    mt_sip_server_destroy(sip);
    return 0;
}
