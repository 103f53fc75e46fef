/* WebSocket framing, the server's side. Pure: no I/O, no clock. RFC 6455. */
#ifndef MT_NET_WS_H
#define MT_NET_WS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define MT_WS_HEADER_MAX 10
#define MT_WS_CONTROL_MAX 125
#define MT_WS_KEY_LEN 24
#define MT_WS_ACCEPT_LEN 28

typedef enum mt_ws_opcode {
    MT_WS_CONTINUATION = 0,
    MT_WS_TEXT = 1,
    MT_WS_BINARY = 2,
    MT_WS_CLOSE = 8,
    MT_WS_PING = 9,
    MT_WS_PONG = 10,
} mt_ws_opcode;

typedef struct mt_ws {
    mt_buf parts;   /* of a fragmented message, at most max bytes; empty otherwise */
    uint32_t max;   /* bytes of a message */
    uint8_t opcode; /* of the fragmented message under way, 0: none */
} mt_ws;

typedef enum mt_ws_step {
    MT_WS_MORE,    /* no whole frame yet */
    MT_WS_NOTHING, /* a frame was taken that needs nothing done: a fragment */
    MT_WS_MESSAGE, /* payload is a whole message, valid UTF-8 if text */
    MT_WS_PINGED,  /* answer with a pong of the same payload */
    MT_WS_PONGED,
    MT_WS_CLOSED, /* the peer closes with code, 1005 if it gave none */
    MT_WS_FAIL,   /* close with code: 1002 protocol, 1007 not UTF-8, 1009 too big, 1011 no memory. Read no further */
} mt_ws_step;

typedef struct mt_ws_event {
    mt_slice payload; /* points into the input, or into w->parts: valid until the next call */
    uint16_t code;
    bool binary;
} mt_ws_event;

void mt_ws_init(mt_ws *w, uint32_t max_bytes); /* allocates nothing */
void mt_ws_deinit(mt_ws *w);
/* Takes one frame from the front of bytes, which it unmasks in place. *used is its length, 0 with MT_WS_MORE: then the
 * same bytes must come again with more behind them, never more than max + 14 for one frame. */
mt_ws_step mt_ws_input(mt_ws *w, char *bytes, size_t len, size_t *used, mt_ws_event *ev);

/* Writes the header of a whole, unmasked frame as a server sends it. Returns its length. */
size_t mt_ws_header(mt_ws_opcode opcode, size_t payload_len, char out[MT_WS_HEADER_MAX]);
/* A close frame's payload. 1005 gives an empty one. Returns its length, 0 or 2. */
size_t mt_ws_close_payload(unsigned code, char out[2]);

/* Section 4.2.2: the answer to Sec-WebSocket-Key, NUL-terminated. MT_EBAD: not 16 bytes in base64. */
mt_err mt_ws_accept(mt_slice key, char out[MT_WS_ACCEPT_LEN + 1]) MT_MUST_CHECK;

#endif
