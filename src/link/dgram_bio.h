/* An OpenSSL BIO on datagrams that others carry: one write is one datagram out, one fed datagram is one read. */
#ifndef MT_LINK_DGRAM_BIO_H
#define MT_LINK_DGRAM_BIO_H

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef void mt_dgram_write_fn(void *ctx, const uint8_t *p, size_t len_bytes);

typedef struct mt_dgram_bio {
    mt_dgram_write_fn *write;
    void *ctx;
    const uint8_t *in; /* borrowed; NULL: nothing to read */
    size_t in_len;
    long mtu_bytes;
} mt_dgram_bio;

/* Once per process, before the first BIO, and its counterpart. MT_ESYS. */
mt_err mt_dgram_bio_init(void) MT_MUST_CHECK;
void mt_dgram_bio_deinit(void);

/* The state is the caller's and must outlive the BIO. NULL: OpenSSL refused. */
BIO *mt_dgram_bio_new(mt_dgram_bio *state, mt_dgram_write_fn *write, void *ctx, size_t mtu_bytes);
/* Offers one datagram to the next read, or takes an unread one back (NULL). Borrowed until then. */
void mt_dgram_bio_feed(mt_dgram_bio *state, const uint8_t *p, size_t len_bytes);

#endif
