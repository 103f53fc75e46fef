/* What is counted of a received stream for the reports about it (RFC 3550 sections 6.4.1, A.1, A.3, A.8). No I/O. */
#ifndef MT_MEDIA_RECEPTION_H
#define MT_MEDIA_RECEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "media/rtcp.h"
#include "media/rtp.h"

typedef struct mt_reception {
    bool begun;
    uint32_t ssrc, clock_hz;
    uint32_t first_seq, highest_seq; /* extended by the count of wraps */
    uint32_t received;
    uint32_t expected_before, received_before; /* at the last report */
    uint32_t transit;                          /* of the last packet, ticks; only differences mean anything */
    double jitter;                             /* ticks */
} mt_reception;

void mt_reception_init(mt_reception *r, uint32_t clock_hz);
/* A packet came. Another SSRC, or a sequence number far off, begins anew. */
void mt_reception_add(mt_reception *r, const mt_rtp *packet, int64_t now_us);
/* Packets that should have come and those that did, since the beginning. */
uint32_t mt_reception_expected(const mt_reception *r);
uint32_t mt_reception_jitter_ms(const mt_reception *r);
/* All but lsr and dlsr, and begins the next interval. False: nothing came yet. */
bool mt_reception_report(mt_reception *r, mt_rtcp_block *out);

#endif
