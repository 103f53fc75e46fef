#include "link/dgram_bio.h"

#include <string.h>

static BIO_METHOD *g_method;

enum { IP_UDP_OVERHEAD_BYTES = 28 };

static int on_write(BIO *bio, const char *p, int len) {
    mt_dgram_bio *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return 0;
    s->write(s->ctx, (const uint8_t *)p, (size_t)len);
    return len; /* a lost datagram is the handshake timer's or SCTP's affair */
}

static int on_read(BIO *bio, char *out, int room) {
    mt_dgram_bio *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (s->in == NULL || room <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t len = s->in_len < (size_t)room ? s->in_len : (size_t)room;
    memcpy(out, s->in, len);
    s->in = NULL;
    return (int)len;
}

static long on_ctrl(BIO *bio, int cmd, long num, void *ptr) {
    const mt_dgram_bio *s = BIO_get_data(bio);
    switch (cmd) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return s->mtu_bytes;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return IP_UDP_OVERHEAD_BYTES;
    case BIO_CTRL_PENDING:
        return s->in != NULL ? (long)s->in_len : 0;
    default:
        return 0;
    }
}

mt_err mt_dgram_bio_init(void) {
    if (g_method != NULL)
        return MT_OK;
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (m == NULL || !BIO_meth_set_write(m, on_write) || !BIO_meth_set_read(m, on_read) ||
        !BIO_meth_set_ctrl(m, on_ctrl)) {
        BIO_meth_free(m);
        return MT_ESYS;
    }
    g_method = m;
    return MT_OK;
}

void mt_dgram_bio_deinit(void) {
    BIO_meth_free(g_method);
    g_method = NULL;
}

BIO *mt_dgram_bio_new(mt_dgram_bio *state, mt_dgram_write_fn *write, void *ctx, size_t mtu_bytes) {
    BIO *bio = g_method != NULL ? BIO_new(g_method) : NULL;
    if (bio == NULL)
        return NULL;
    *state = (mt_dgram_bio){.write = write, .ctx = ctx, .mtu_bytes = (long)mtu_bytes};
    BIO_set_data(bio, state);
    BIO_set_init(bio, 1);
    return bio;
}

void mt_dgram_bio_feed(mt_dgram_bio *state, const uint8_t *p, size_t len_bytes) {
    state->in = p;
    state->in_len = len_bytes;
}
