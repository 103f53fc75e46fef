/* A server on bare libuv that echoes and keeps nothing: what a connection costs at least, in the clear or inside TLS.
 * bare PORT [CERTIFICATE KEY] */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

typedef struct conn {
    uv_tcp_t tcp;
    SSL *ssl;
} conn;

static char space[65536];
static SSL_CTX *tls;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(space, sizeof space);
}

static void on_closed(uv_handle_t *handle) {
    conn *c = handle->data;
    SSL_free(c->ssl);
    free(c);
}

static void flush(conn *c) {
    char out[16384];
    int n;
    while ((n = BIO_read(SSL_get_wbio(c->ssl), out, sizeof out)) > 0) {
        uv_buf_t buf = uv_buf_init(out, (unsigned)n);
        (void)uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
    conn *c = stream->data;
    char plain[4096];
    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    if (c->ssl == NULL) {
        uv_buf_t out = uv_buf_init(buf->base, (unsigned)n);
        (void)uv_try_write(stream, &out, 1);
        return;
    }
    (void)BIO_write(SSL_get_rbio(c->ssl), buf->base, (int)n);
    for (int got; (got = SSL_read(c->ssl, plain, sizeof plain)) > 0;)
        (void)SSL_write(c->ssl, plain, got);
    flush(c);
}

static void on_connection(uv_stream_t *listener, int status) {
    conn *c = calloc(1, sizeof *c);
    if (c == NULL || status < 0 || uv_tcp_init(listener->loop, &c->tcp) != 0)
        exit(1);
    c->tcp.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0)
        exit(1);
    if (tls != NULL) {
        c->ssl = SSL_new(tls);
        SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(c->ssl);
    }
    (void)uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

int main(int argc, char **argv) {
    uv_tcp_t listener;
    struct sockaddr_in at;
    if (argc == 4) {
        tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
        if (SSL_CTX_use_certificate_file(tls, argv[2], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1)
            return 1;
    }
    if (argc < 2 || uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &at) != 0 ||
        uv_tcp_init(uv_default_loop(), &listener) != 0 ||
        uv_tcp_bind(&listener, (const struct sockaddr *)&at, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 1024, on_connection) != 0)
        return 1;
    (void)printf("ready\n");
    (void)fflush(stdout);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
