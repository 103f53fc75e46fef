/* TLS on a connection: between the socket and what it speaks. OpenSSL reads from and writes to two places in the loop
 * that are in use only while one call into it lasts, so a waiting connection owns nothing but OpenSSL's own state. */
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/conn.h"

#define CIPHERTEXT_KEPT 65536 /* a larger buffer is given back */

/* The two places, as OpenSSL sees them */

static int take_in(BIO *bio, char *out, int len) {
    mt_net *n = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (n->tls_in.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t take = n->tls_in.len < (size_t)len ? n->tls_in.len : (size_t)len;
    memcpy(out, n->tls_in.p, take);
    n->tls_in = mt_slice_n(n->tls_in.p + take, n->tls_in.len - take);
    return (int)take;
}

static int give_out(BIO *bio, const char *bytes, int len) {
    mt_net *n = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    mt_buf_add(&n->tls_out, bytes, (size_t)len);
    return mt_buf_err(&n->tls_out) == MT_OK ? len : -1;
}

static long control(BIO *bio, int cmd, long num, void *ptr) {
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

mt_err mt_conn_tls_setup(mt_net *n) {
    if (n->tls_bio != NULL)
        return MT_OK;
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "myturn loop");
    if (m == NULL || !BIO_meth_set_read(m, take_in) || !BIO_meth_set_write(m, give_out) ||
        !BIO_meth_set_ctrl(m, control)) {
        BIO_meth_free(m);
        return MT_ENOMEM;
    }
    mt_buf_init(&n->tls_out, SIZE_MAX / 2);
    n->tls_bio = m;
    return MT_OK;
}

void mt_conn_tls_teardown(mt_net *n) {
    BIO_meth_free(n->tls_bio);
    mt_buf_deinit(&n->tls_out);
}

/* What OpenSSL wrote goes out, as the answer of req if that is given. */
static void flush(mt_conn *c, mt_http_req *req) {
    mt_buf *out = &c->net->tls_out;
    mt_slice whole = mt_buf_slice(out);
    if (mt_buf_err(out) != MT_OK)
        mt_conn_doom(c);
    if (whole.len > 0 || req != NULL)
        mt_conn_output_raw(c, &whole, 1, req);
    if (out->cap > CIPHERTEXT_KEPT)
        mt_buf_deinit(out);
    mt_buf_reset(out);
}

/* The handshake */

/* Only when the first byte is there: who connects and says nothing costs no more than in the clear. */
static mt_err begin(mt_conn *c) {
    SSL *ssl = mt_tls_session(c->tls, c->inner == MT_CONN_SIP ? MT_TLS_SIP : MT_TLS_HTTP);
    BIO *bio = ssl != NULL ? BIO_new(c->net->tls_bio) : NULL;
    if (bio == NULL) {
        SSL_free(ssl);
        return MT_ENOMEM;
    }
    BIO_set_data(bio, c->net);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    c->ssl = ssl;
    return MT_OK;
}

static void established(mt_conn *c) {
    c->tls_up = true;
    c->net->counts.tls_opened++;
    c->phase_ms = mt_net_now_ms(c->net);
    c->mode = c->inner;
    if (c->mode == MT_CONN_SIP)
        mt_conn_flow_begin(c, MT_CONN_SIP);
    mt_conn_set_timeout(c);
}

/* The alert should arrive, so the connection is closed gently. Who spoke plain HTTP is told so. */
static void failed(mt_conn *c) {
    const mt_slice plain = MT_SLICE_LIT("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                                        "Content-Length: 39\r\n\r\nThis port speaks TLS: come by https://.\n");
    bool http = c->inner == MT_CONN_HTTP && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    c->net->counts.tls_failed++;
    flush(c, NULL);
    if (http)
        mt_conn_output_raw(c, &plain, 1, NULL);
    mt_conn_finish(c);
}

static bool handshake(mt_conn *c) {
    ERR_clear_error();
    int r = SSL_do_handshake(c->ssl);
    if (r == 1) {
        flush(c, NULL);
        established(c);
        return !c->doomed;
    }
    if (SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ)
        flush(c, NULL);
    else
        failed(c);
    ERR_clear_error();
    return false;
}

/* Input */

/* Fills the loop's buffer of plain text. Returns how far, and in *state why it stopped. */
static size_t decrypt(mt_conn *c, int *state) {
    mt_net *n = c->net;
    size_t got = 0, one = 0;
    int r;
    ERR_clear_error();
    do {
        r = SSL_read_ex(c->ssl, n->plain_bytes + got, sizeof n->plain_bytes - got, &one);
        got += r == 1 ? one : 0;
    } while (r == 1 && got < sizeof n->plain_bytes);
    *state = SSL_get_error(c->ssl, r);
    if (*state == SSL_ERROR_SSL || *state == SSL_ERROR_SYSCALL)
        c->tls_up = false; /* the state is lost: nothing more can be sent, no farewell either */
    flush(c, NULL);        /* answers to key updates, alerts */
    return got;
}

void mt_conn_tls_received(mt_conn *c, char *bytes, size_t len) {
    if (c->mode == MT_CONN_LINGER) {
        mt_conn_received(c, bytes, len);
        return;
    }
    if (c->ssl == NULL && begin(c) != MT_OK) {
        mt_conn_doom(c);
        return;
    }
    mt_net *n = c->net;
    n->tls_in = mt_slice_n(bytes, len);
    int state = SSL_ERROR_NONE;
    bool on = c->mode != MT_CONN_HANDSHAKE || handshake(c);
    while (on && state == SSL_ERROR_NONE && !c->doomed && c->mode != MT_CONN_LINGER) {
        size_t got = decrypt(c, &state);
        if (got > 0)
            mt_conn_received(c, n->plain_bytes, got);
    }
    n->tls_in = mt_slice_n(NULL, 0);
    if (state == SSL_ERROR_ZERO_RETURN)
        mt_conn_peer_ended(c);
    else if (state != SSL_ERROR_NONE && state != SSL_ERROR_WANT_READ)
        mt_conn_doom(c);
}

/* Output */

static bool encrypt(mt_conn *c, mt_slice part) {
    size_t written;
    return part.len == 0 || SSL_write_ex(c->ssl, part.p, part.len, &written) == 1;
}

/* Small parts share a record. */
static bool encrypt_all(mt_conn *c, const mt_slice *parts, unsigned count) {
    mt_net *n = c->net;
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += parts[i].len;
    bool good = true;
    if (count == 1 || total > sizeof n->record_bytes) {
        for (unsigned i = 0; i < count && good; i++)
            good = encrypt(c, parts[i]);
        return good;
    }
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(n->record_bytes + at, parts[i].p, parts[i].len);
        at += parts[i].len;
    }
    return encrypt(c, mt_slice_n(n->record_bytes, at));
}

void mt_conn_tls_output(mt_conn *c, const mt_slice *parts, unsigned count, mt_http_req *req) {
    ERR_clear_error();
    if (!c->doomed && (!c->tls_up || !encrypt_all(c, parts, count))) {
        c->tls_up = false;
        mt_conn_doom(c);
    }
    flush(c, req);
}

void mt_conn_tls_end(mt_conn *c) {
    if (!c->tls_up)
        return;
    c->tls_up = false;
    ERR_clear_error();
    (void)SSL_shutdown(c->ssl);
    flush(c, NULL);
}

void mt_conn_tls_close(mt_conn *c) {
    if (c->tls_up && mt_conn_queued(c) == 0) {
        mt_buf *out = &c->net->tls_out;
        ERR_clear_error();
        (void)SSL_shutdown(c->ssl);
        uv_buf_t buf = uv_buf_init(out->p, (unsigned)out->len);
        if (out->len > 0)
            (void)uv_try_write((uv_stream_t *)&c->tcp, &buf, 1); /* nothing depends on it any more */
        mt_buf_reset(out);
    }
    SSL_free(c->ssl);
    c->ssl = NULL;
}

/* The peer's farewell may be there unread, and behind it the end of his stream. */
bool mt_conn_tls_peer_left(uv_os_fd_t fd) {
    struct tcp_info info;
    socklen_t len = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state != TCP_ESTABLISHED &&
           info.tcpi_state != TCP_FIN_WAIT1 && info.tcpi_state != TCP_FIN_WAIT2;
}
