/* Big-endian numbers of RTP and RTCP. */
#ifndef MT_MEDIA_BYTES_H
#define MT_MEDIA_BYTES_H

#include <stdint.h>

static inline uint16_t mt_get16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t mt_get32(const uint8_t *p) {
    return (uint32_t)mt_get16(p) << 16 | mt_get16(p + 2);
}

static inline void mt_put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void mt_put32(uint8_t *p, uint32_t v) {
    mt_put16(p, (uint16_t)(v >> 16));
    mt_put16(p + 2, (uint16_t)v);
}

#endif
