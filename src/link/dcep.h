/* The data channel establishment protocol: its two messages, read and written. RFC 8832. Pure. */
#ifndef MT_LINK_DCEP_H
#define MT_LINK_DCEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* Payload protocol identifiers, RFC 8831 section 8. */
enum {
    MT_PPID_DCEP = 50,
    MT_PPID_STRING = 51,
    MT_PPID_BINARY = 53,
    MT_PPID_STRING_EMPTY = 56,
    MT_PPID_BINARY_EMPTY = 57,
};

#define MT_DCEP_OPEN_MAX_BYTES 128

typedef enum mt_dcep_kind { MT_DCEP_OPEN, MT_DCEP_ACK } mt_dcep_kind;

typedef enum mt_dcep_delivery {
    MT_DCEP_RELIABLE, /* channel type 0x00, ordered */
    MT_DCEP_ONCE,     /* 0x81 with 0 retransmissions, unordered: voice */
    MT_DCEP_OTHER,
} mt_dcep_delivery;

typedef struct mt_dcep_msg {
    mt_dcep_kind kind;
    mt_dcep_delivery delivery; /* of an OPEN */
    mt_slice label;            /* of an OPEN; borrowed from the input */
} mt_dcep_msg;

/* MT_EBAD: malformed, or of an unknown type. */
mt_err mt_dcep_parse(const uint8_t *p, size_t len_bytes, mt_dcep_msg *out) MT_MUST_CHECK;
/* An OPEN of a RELIABLE or ONCE channel. MT_ELIMIT: the label is too long. */
mt_err mt_dcep_write_open(mt_slice label, mt_dcep_delivery delivery, uint8_t out[MT_DCEP_OPEN_MAX_BYTES],
                          size_t *out_len) MT_MUST_CHECK;
uint8_t mt_dcep_ack(void); /* the one byte of an ACK */

#endif
