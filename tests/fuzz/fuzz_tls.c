/* A connection inside TLS, with a true client whose bytes are cut, spoilt, mixed with others and broken off. The first
 * byte chooses: bit 0 SIP or HTTP inside, bit 1 TLS 1.2 or 1.3. Then steps of two bytes, what and how much, some with
 * bytes behind them. The loop must have forgotten everything at the end. */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

enum { SOME, ALL, SPOILT, RAW, SAY, REKEY, FAREWELL, ANSWER, STEPS };

static mt_net *net;
static mt_tls *tls;
static SSL_CTX *client_ctx;
static mt_http_req *held;
static unsigned accepted, gone, begun, ended;

static void answer(mt_http_req *req) {
    mt_http_reply(req, &(mt_http_answer){.status = 200, .content_type = "text/plain", .body = mt_http_req_path(req)});
}

static void on_request(void *ctx, mt_http_req *req) {
    CHECK(held == NULL && mt_http_req_secure(req));
    if (mt_slice_starts_nocase(mt_http_req_path(req), "/h"))
        held = req;
    else
        answer(req);
}

static void on_abandoned(void *ctx, mt_http_req *req) {
    CHECK(held == req);
    held = NULL;
}

static void on_sip(void *ctx, mt_conn *conn, mt_slice message) {
    CHECK(mt_conn_secure(conn));
    if (message.p[0] == 'c')
        mt_conn_close(conn, 1000);
    (void)!mt_conn_send(conn, message);
}

static void on_closed(void *ctx, mt_conn *conn) {
    ended++;
}
static void on_gone(void *ctx, const mt_addr *remote) {
    gone++;
}

static mt_err cut(mt_slice stream, size_t max_bytes, size_t *len, bool *message, mt_slice *reply) {
    *len = mt_slice_find(stream, '\n') + 1;
    *message = *len > 1;
    return *len > stream.len ? MT_EMORE : MT_OK;
}

static void start(void) {
    static const mt_net_handlers handlers = {.request = on_request,
                                             .abandoned = on_abandoned,
                                             .sip = on_sip,
                                             .closed = on_closed,
                                             .gone = on_gone,
                                             .sip_cut = cut};
    mt_net_limits l;
    mt_tls_names names = {.domain = "myturn.invalid"};
    mt_net_limits_default(&l);
    mt_log_setup(-1, MT_LOG_ERROR, false);
    CHECK(mt_net_create(&l, &handlers, NULL, &net) == MT_OK);
    CHECK(mt_conn_tls_setup(net) == MT_OK);
    CHECK(mt_tls_create_self_signed(&names, &tls) == MT_OK);
    client_ctx = SSL_CTX_new(TLS_client_method());
    CHECK(client_ctx != NULL);
}

static void turn(void) {
    (void)uv_run(&net->loop, UV_RUN_NOWAIT);
}

static SSL *client(bool old) {
    SSL *ssl = SSL_new(client_ctx);
    CHECK(ssl != NULL);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    (void)SSL_set_max_proto_version(ssl, old ? TLS1_2_VERSION : 0);
    SSL_set_connect_state(ssl);
    return ssl;
}

/* Takes in what the server sent. */
static void listen_to(SSL *ssl, int fd) {
    static char bytes[65536];
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0)
        CHECK(BIO_write(SSL_get_rbio(ssl), bytes, (int)got) == got);
    if (SSL_do_handshake(ssl) == 1)
        (void)SSL_read(ssl, bytes, sizeof bytes);
}

static void send_out(SSL *ssl, int fd, size_t most, size_t spoil) {
    static char bytes[65536];
    int len = BIO_read(SSL_get_wbio(ssl), bytes, (int)(most < sizeof bytes ? most : sizeof bytes));
    if (len <= 0)
        return;
    if (spoil > 0)
        bytes[spoil % (size_t)len] ^= 0x41;
    (void)!write(fd, bytes, (size_t)len);
}

/* Returns how many of the bytes behind it the step took. */
static size_t step(SSL *ssl, int fd, unsigned what, size_t much, mt_slice behind) {
    size_t take = much < behind.len ? much : behind.len;
    switch (what % STEPS) {
    case SOME:
        send_out(ssl, fd, much + 1, 0);
        return 0;
    case ALL:
        send_out(ssl, fd, SIZE_MAX, 0);
        return 0;
    case SPOILT:
        send_out(ssl, fd, SIZE_MAX, much + 1);
        return 0;
    case RAW:
        (void)!write(fd, behind.p, take);
        return take;
    case SAY:
        if (SSL_is_init_finished(ssl) && take > 0)
            (void)SSL_write(ssl, behind.p, (int)take);
        return take;
    case REKEY:
        if (SSL_is_init_finished(ssl))
            (void)(SSL_version(ssl) == TLS1_3_VERSION ? SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED)
                                                      : SSL_renegotiate(ssl));
        return 0;
    case FAREWELL:
        if (SSL_is_init_finished(ssl))
            (void)SSL_shutdown(ssl);
        return 0;
    default:
        if (held != NULL) {
            mt_http_req *req = held;
            held = NULL;
            answer(req);
        }
        return 0;
    }
}

static void run(SSL *ssl, int fd, mt_slice s) {
    (void)SSL_do_handshake(ssl);
    for (unsigned steps = 0; s.len >= 2 && gone < accepted && steps < 64; steps++) {
        unsigned what = (uint8_t)s.p[0];
        size_t much = (uint8_t)s.p[1];
        s = mt_slice_n(s.p + 2, s.len - 2);
        size_t took = step(ssl, fd, what, much, s);
        s = mt_slice_n(s.p + took, s.len - took);
        turn();
        listen_to(ssl, fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len); /* libFuzzer's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    int pair[2];
    mt_addr remote = {.in = {.sin_family = AF_INET}};
    if (len < 3 || len > 8192)
        return 0;
    if (net == NULL)
        start();
    bool sip = (data[0] & 1) != 0;
    uint64_t opened = mt_net_count(net).tls_opened;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    CHECK(mt_conn_adopt_tls(net, pair[0], &remote, sip ? MT_CONN_SIP : MT_CONN_HTTP, tls) == MT_OK);
    accepted++;
    SSL *ssl = client((data[0] & 2) != 0);
    run(ssl, pair[1], mt_slice_n(data + 1, len - 1));
    SSL_free(ssl);
    close(pair[1]);
    for (int i = 0; i < 10 && gone < accepted; i++)
        turn();
    turn();
    begun += sip ? (unsigned)(mt_net_count(net).tls_opened - opened) : 0;
    CHECK(gone == accepted && held == NULL && mt_net_count(net).open == 0);
    CHECK(ended == begun); /* a flow for each handshake that was finished, and no other */
    return 0;
}
