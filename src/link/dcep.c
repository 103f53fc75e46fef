#include "link/dcep.h"

#include <string.h>

enum {
    TYPE_ACK = 2,
    TYPE_OPEN = 3,
    OPEN_HEADER_BYTES = 12,
    CHANNEL_RELIABLE = 0x00,
    CHANNEL_ONCE = 0x81,
    PARAMETER_AT = 4,
    LABEL_AT = 8,
    PROTOCOL_AT = 10
};

static size_t read_u16(const uint8_t *p) {
    return (size_t)p[0] << 8 | p[1];
}

/* RFC 8832 section 5.1: the parameter of 0x81 is the number of retransmissions. */
static mt_dcep_delivery delivery_of(const uint8_t *p) {
    static const uint8_t none[4];
    if (p[1] == CHANNEL_RELIABLE)
        return MT_DCEP_RELIABLE;
    return p[1] == CHANNEL_ONCE && memcmp(p + PARAMETER_AT, none, sizeof none) == 0 ? MT_DCEP_ONCE : MT_DCEP_OTHER;
}

mt_err mt_dcep_parse(const uint8_t *p, size_t len_bytes, mt_dcep_msg *out) {
    if (len_bytes == 1 && p[0] == TYPE_ACK) {
        *out = (mt_dcep_msg){.kind = MT_DCEP_ACK};
        return MT_OK;
    }
    if (len_bytes < OPEN_HEADER_BYTES || p[0] != TYPE_OPEN)
        return MT_EBAD;
    size_t label = read_u16(p + LABEL_AT);
    if (OPEN_HEADER_BYTES + label + read_u16(p + PROTOCOL_AT) != len_bytes)
        return MT_EBAD;
    *out = (mt_dcep_msg){
        .kind = MT_DCEP_OPEN, .delivery = delivery_of(p), .label = mt_slice_n(p + OPEN_HEADER_BYTES, label)};
    return MT_OK;
}

mt_err mt_dcep_write_open(mt_slice label, mt_dcep_delivery delivery, uint8_t out[MT_DCEP_OPEN_MAX_BYTES],
                          size_t *out_len) {
    if (label.len > MT_DCEP_OPEN_MAX_BYTES - OPEN_HEADER_BYTES)
        return MT_ELIMIT;
    memset(out, 0, OPEN_HEADER_BYTES);
    out[0] = TYPE_OPEN;
    out[1] = delivery == MT_DCEP_ONCE ? CHANNEL_ONCE : CHANNEL_RELIABLE;
    out[LABEL_AT + 1] = (uint8_t)label.len;
    memcpy(out + OPEN_HEADER_BYTES, label.p, label.len);
    *out_len = OPEN_HEADER_BYTES + label.len;
    return MT_OK;
}

uint8_t mt_dcep_ack(void) {
    return TYPE_ACK;
}
