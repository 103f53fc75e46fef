/* The data channel of a talk, over one SCTP association: opened by the caller with DCEP (RFC 8831, 8832), reliable and
 * ordered. Under the policy with voice inside DTLS the caller opens `myturn-voice` as well, unordered and without
 * retransmission. Any other channel is reset.
 *
 * Thread and life as in link/sctp.h. */
#ifndef MT_LINK_DATA_H
#define MT_LINK_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "link/sctp.h"

typedef struct mt_data mt_data;

typedef enum mt_data_end {
    MT_DATA_CLOSED,   /* the partner ended the association or closed the channel */
    MT_DATA_VIOLATED, /* malformed DCEP, a binary (of voice: a text) or oversized message, or a flood of foreign
                         channels */
} mt_data_end;

typedef struct mt_data_events {
    void (*send)(void *ctx, const void *p, size_t len_bytes); /* one SCTP packet */
    void (*open)(void *ctx);                                  /* messages may be sent */
    void (*message)(void *ctx, mt_slice text);
    void (*voice)(void *ctx, mt_slice frame); /* one binary message of the voice channel */
    void (*end)(void *ctx, mt_data_end why);  /* once; nothing follows. Not for mt_data_close */
} mt_data_events;

typedef struct mt_data_config {
    bool opener;      /* we open the channels */
    bool dtls_client; /* decides the parity of their streams */
    bool voice;       /* there is a voice channel, too */
    uint16_t peer_port;
} mt_data_config;

/* MT_ESYS. */
mt_err mt_data_create(const mt_data_config *cfg, const mt_data_events *events, void *ctx, mt_data **out) MT_MUST_CHECK;
void mt_data_destroy(mt_data *d); /* as mt_sctp_destroy */
void mt_data_close(mt_data *d);   /* as mt_sctp_close */
void mt_data_input(mt_data *d, const void *p, size_t len_bytes);
/* MT_EMORE: SCTP's buffer is full. MT_ESTATE: not open. MT_ESYS. */
mt_err mt_data_send(mt_data *d, mt_slice text) MT_MUST_CHECK;
void mt_data_beat(mt_data *d); /* a sign of life, below the messages */
/* One frame of voice, at once or never. MT_ESTATE: that channel is not open. MT_ELIMIT: so much is under way that it
 * would come too late: it is dropped. MT_ESYS. */
mt_err mt_data_voice(mt_data *d, const void *frame, size_t len_bytes) MT_MUST_CHECK;

#endif
