#include "tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

mt_tls *tls_self_signed(void) {
    mt_tls_names names = {.domain = "myturn.invalid", .addr_count = 1};
    mt_tls *tls;
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:0"), &names.addrs[0]), MT_OK);
    assert_int_equal(mt_tls_create_self_signed(&names, &tls), MT_OK);
    return tls;
}

void tls_connect(tls_client *c, server *s, const mt_addr *to, int version, const char *alpn) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    assert_true(SSL_CTX_set_max_proto_version(ctx, version));
    SSL_CTX_set_security_level(ctx, 0); /* so that old versions are offered at all */
    c->s = s;
    c->piece = 0;
    c->ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    assert_non_null(c->ssl);
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(c->ssl);
    if (alpn != NULL)
        assert_int_equal(SSL_set_alpn_protos(c->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
    c->fd = client_connect(s, to);
}

size_t tls_outgoing(tls_client *c, char *out, size_t out_max) {
    int got = BIO_read(SSL_get_wbio(c->ssl), out, (int)out_max);
    return got > 0 ? (size_t)got : 0;
}

void tls_flush(tls_client *c) {
    static char bytes[65536];
    size_t len;
    while ((len = tls_outgoing(c, bytes, c->piece > 0 ? c->piece : sizeof bytes)) > 0) {
        client_send(c->s, c->fd, bytes, len);
        if (c->piece > 0)
            pump(c->s, 0);
    }
}

/* False: the stream has ended. */
static bool take_in(tls_client *c) {
    static char bytes[65536];
    ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
    if (got > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(c->ssl), bytes, (int)got), (int)got);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

bool tls_handshake(tls_client *c) {
    int64_t end_ms = mt_clock_ms() + 10000;
    bool alive = true;
    while (mt_clock_ms() < end_ms) {
        int r = SSL_do_handshake(c->ssl);
        int err = SSL_get_error(c->ssl, r);
        tls_flush(c);
        if (r == 1) {
            pump(c->s, 1);
            return true;
        }
        if (err != SSL_ERROR_WANT_READ || !alive)
            return false;
        pump(c->s, 1);
        alive = take_in(c);
    }
    return false;
}

void tls_send(tls_client *c, const void *p, size_t len) {
    assert_int_equal(SSL_write(c->ssl, p, (int)len), (int)len);
    tls_flush(c);
}

void tls_say(tls_client *c, const char *text) {
    tls_send(c, text, strlen(text));
}

size_t tls_read(tls_client *c, const char *want, char *out, size_t out_max, bool *ended) {
    size_t len = 0;
    int64_t quiet_ms = mt_clock_ms();
    bool alive = true;
    out[0] = '\0';
    while (len + 1 < out_max && mt_clock_ms() - quiet_ms < (want != NULL ? 3000 : 150)) {
        int got = SSL_read(c->ssl, out + len, (int)(out_max - 1 - len));
        if (got > 0) {
            len += (size_t)got;
            out[len] = '\0';
            quiet_ms = mt_clock_ms();
            if (want != NULL && memmem(out, len, want, strlen(want)) != NULL)
                break;
            continue;
        }
        if (!alive || SSL_get_error(c->ssl, got) != SSL_ERROR_WANT_READ)
            break;
        pump(c->s, 1);
        alive = take_in(c);
    }
    if (ended != NULL)
        *ended = (SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    return len;
}

void tls_free(tls_client *c) {
    SSL_free(c->ssl);
    close(c->fd);
}

void tls_open(tls_client *c, server *s, const mt_addr *to) {
    tls_connect(c, s, to, 0, NULL);
    assert_true(tls_handshake(c));
}

void tls_seen(const tls_client *c, char out[MT_TLS_FINGERPRINT_STRLEN]) {
    unsigned char digest[32];
    unsigned len = 0;
    X509 *cert = SSL_get1_peer_certificate(c->ssl);
    assert_true(X509_digest(cert, EVP_sha256(), digest, &len));
    X509_free(cert);
    assert_int_equal(len, 32);
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(out + (size_t)3 * i, i < 31 ? 4 : 3, i < 31 ? "%02X:" : "%02X", digest[i]);
}
