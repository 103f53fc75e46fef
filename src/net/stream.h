/* An outgoing TCP connection, for what the server itself asks of others (a manager interface). Plain bytes both ways.
 * On the loop's thread, as everything here; handlers are called from the loop only. */
#ifndef MT_NET_STREAM_H
#define MT_NET_STREAM_H

#include "net/net.h"

#define MT_STREAM_QUEUE_MAX 1048576

typedef struct mt_stream mt_stream;

typedef struct mt_stream_handlers {
    void (*up)(void *ctx); /* connected */
    void (*received)(void *ctx, mt_slice bytes);
    void (*down)(void *ctx,
                 const char *why); /* refused, ended or reset; the stream is gone. why: static, for the log */
} mt_stream_handlers;

/* Begins to connect. handlers must outlive the stream. MT_ENOMEM; MT_ESYS. */
mt_err mt_stream_open(mt_net *n, const mt_addr *to, const mt_stream_handlers *handlers, void *ctx,
                      mt_stream **out) MT_MUST_CHECK;
/* MT_ELIMIT: the other side does not read, MT_STREAM_QUEUE_MAX bytes wait. MT_ECLOSED: it is going down, `down` comes.
 * MT_ENOMEM. */
mt_err mt_stream_send(mt_stream *s, mt_slice bytes) MT_MUST_CHECK;
/* No handler is called any more. NULL is harmless. Before mt_net_destroy. */
void mt_stream_close(mt_stream *s);

#endif
