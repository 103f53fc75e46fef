/* Messages of the data channel "myturn": encoded, decoded, and kept within their rate. JSON, RFC 8259.
 * docs/protocol/channel.md. Pure, on virtual time; one thread. The decoder is a strict scanner of its own: depth,
 * duplicate keys and sizes are refused while reading. */
#ifndef MT_LINK_CHAN_H
#define MT_LINK_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define MT_CHAN_LABEL "myturn"
#define MT_CHAN_VOICE_LABEL "myturn-voice"
#define MT_CHAN_MAX_BYTES 16384
#define MT_CHAN_MAX_DEPTH 4
#define MT_CHAN_MAX_KEYS 32 /* members of one object */
#define MT_CHAN_MAX_TEXT_POINTS 4000
#define MT_CHAN_MAX_ID ((UINT64_C(1) << 53) - 1) /* exact in JavaScript */
#define MT_CHAN_RATE 20                          /* messages a second a receiver bears, … */
#define MT_CHAN_BURST 40                         /* … and at once */

typedef enum mt_chan_type {
    MT_CHAN_UNKNOWN,    /* well-formed, of a later version: ignore it */
    MT_CHAN_TEXT,       /* id, body */
    MT_CHAN_TYPING,     /* on */
    MT_CHAN_MIC,        /* on */
    MT_CHAN_CAM,        /* on */
    MT_CHAN_PING,       /* id */
    MT_CHAN_PONG,       /* id: of the ping answered */
    MT_CHAN_SAS_COMMIT, /* value */
    MT_CHAN_SAS_NONCE,  /* value */
    MT_CHAN_SAS_REVEAL, /* value */
    MT_CHAN_BYE,
} mt_chan_type;

typedef struct mt_chan_msg {
    mt_chan_type type;
    uint64_t id;
    mt_slice body; /* UTF-8, 1 … 4,000 code points */
    bool on;
    uint8_t value[32];
} mt_chan_msg;

/* Appends one JSON message. MT_EBAD: body is not UTF-8 or empty. MT_ELIMIT: body or message too long, or the buffer
 * full. MT_EINVAL: UNKNOWN, or id 0 or > MAX_ID. MT_ENOMEM. On failure the buffer is as before. */
mt_err mt_chan_encode(const mt_chan_msg *msg, mt_buf *out) MT_MUST_CHECK;

/* Decodes one message. A text's body is unescaped into *text (reset first, at least MT_CHAN_MAX_BYTES large) and
 * out->body points there. MT_EBAD: malformed: not JSON, duplicate keys, too deep, too long, a field of a known type
 * missing or out of range: end the call. MT_ENOMEM. */
mt_err mt_chan_decode(mt_slice json, mt_buf *text, mt_chan_msg *out) MT_MUST_CHECK;

/* The receiving side: rate, and text ids that must rise. */
typedef struct mt_chan_rx {
    uint64_t last_text_id;
    int64_t credit; /* 1/1000 messages */
    int64_t at_ms;
} mt_chan_rx;
void mt_chan_rx_init(mt_chan_rx *rx, int64_t now_ms);
/* mt_chan_decode with both rules. MT_ELIMIT: too many messages: end the call. Every message counts, unknown ones too.
 */
mt_err mt_chan_receive(mt_chan_rx *rx, mt_slice json, int64_t now_ms, mt_buf *text, mt_chan_msg *out) MT_MUST_CHECK;

/* The sending side. A reliable channel delivers in bunches after an outage, so a token bucket at the sender alone
 * cannot keep the receiver's rule: the unconfirmed messages (those behind the last ping that was answered) are bounded
 * too. Bucket 16 at 15/s plus at most 23 unconfirmed and a bye is within 40 at 20/s however the network bunches them.
 */
#define MT_CHAN_TX_RATE 15
#define MT_CHAN_TX_BURST 16
#define MT_CHAN_TX_TEXT_WINDOW 16 /* text, typing, mic, cam */
#define MT_CHAN_TX_WINDOW 20      /* pong, sas-* */
#define MT_CHAN_TX_PING_WINDOW 23
#define MT_CHAN_TX_PINGS                                                                                               \
    3 /* unanswered pings: 16 texts and these leave room for a pong, else both sides could wait for ever */
typedef struct mt_chan_tx {
    uint64_t text_id, ping_id;            /* last used */
    uint64_t sent, confirmed;             /* messages so far */
    uint64_t ping_sent[MT_CHAN_TX_PINGS]; /* `sent` after ping n stands at n % PINGS */
    uint64_t pong_id;                     /* last ping answered */
    int64_t credit, at_ms;
} mt_chan_tx;
void mt_chan_tx_init(mt_chan_tx *tx, int64_t now_ms);
/* Encodes msg if it may be sent now; ids of texts and pings are given by tx (msg->id is not read, of a pong it is).
 * MT_EMORE: not now: keep it and try again at mt_chan_tx_next_ms or after the next pong; of a pong only the newest need
 * be kept, a ping may be skipped. Never for BYE. Errors of mt_chan_encode; only MT_OK uses budget and ids. */
mt_err mt_chan_send(mt_chan_tx *tx, const mt_chan_msg *msg, int64_t now_ms, mt_buf *out) MT_MUST_CHECK;
/* A pong came: what stood before its ping has arrived. MT_EBAD: it answers no ping: malformed, end the call. */
mt_err mt_chan_tx_pong(mt_chan_tx *tx, uint64_t id) MT_MUST_CHECK;
/* When a message of that type may be sent: now_ms if at once, MT_NEVER (base/timerq.h) if a pong is needed first. */
int64_t mt_chan_tx_next_ms(const mt_chan_tx *tx, mt_chan_type type, int64_t now_ms);

#endif
