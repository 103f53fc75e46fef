#include "media/reception.h"

#include <math.h>

#define SEQ_JUMP 3000 /* further ahead or back: another stream */

void mt_reception_init(mt_reception *r, uint32_t clock_hz) {
    *r = (mt_reception){.clock_hz = clock_hz};
}

static uint32_t transit_of(const mt_reception *r, const mt_rtp *p, int64_t now_us) {
    int64_t arrival = now_us * (int64_t)(r->clock_hz / 1000) / 1000;
    return (uint32_t)arrival - p->timestamp;
}

static void begin(mt_reception *r, const mt_rtp *p, int64_t now_us) {
    mt_reception_init(r, r->clock_hz);
    r->begun = true;
    r->ssrc = p->ssrc;
    r->first_seq = r->highest_seq = (1u << 16) + p->seq; /* room for packets from before the first */
    r->received = 1;
    r->transit = transit_of(r, p, now_us);
}

void mt_reception_add(mt_reception *r, const mt_rtp *p, int64_t now_us) {
    uint16_t ahead = (uint16_t)(p->seq - (uint16_t)r->highest_seq);
    int16_t step = (int16_t)ahead;
    if (!r->begun || p->ssrc != r->ssrc || step > SEQ_JUMP || step < -SEQ_JUMP) {
        begin(r, p, now_us);
        return;
    }
    r->received++;
    if (step > 0)
        r->highest_seq += ahead;
    uint32_t transit = transit_of(r, p, now_us);
    int32_t difference = (int32_t)(transit - r->transit);
    r->transit = transit;
    /* After a pause the timestamp may be off by what the sender's clock is: that is no jitter. */
    if (!p->marker)
        r->jitter += (fabs((double)difference) - r->jitter) / 16.0;
}

uint32_t mt_reception_expected(const mt_reception *r) {
    return r->begun ? r->highest_seq - r->first_seq + 1 : 0;
}

uint32_t mt_reception_jitter_ms(const mt_reception *r) {
    return (uint32_t)(fmin(r->jitter, 1e9) * 1000.0 / r->clock_hz);
}

bool mt_reception_report(mt_reception *r, mt_rtcp_block *out) {
    if (!r->begun)
        return false;
    uint32_t expected = mt_reception_expected(r);
    int64_t lost = (int64_t)expected - r->received;
    int64_t expected_now = (int64_t)expected - r->expected_before;
    int64_t lost_now = expected_now - ((int64_t)r->received - r->received_before);
    r->expected_before = expected;
    r->received_before = r->received;
    int64_t fraction = expected_now > 0 && lost_now > 0 ? 256 * lost_now / expected_now : 0;
    *out = (mt_rtcp_block){.ssrc = r->ssrc,
                           .fraction_lost = (uint8_t)(fraction < 255 ? fraction : 255),
                           .lost = (int32_t)(lost > 0x7fffff    ? 0x7fffff
                                             : lost < -0x800000 ? -0x800000
                                                                : lost),
                           .highest_seq = r->highest_seq - (1u << 16),
                           .jitter = (uint32_t)fmin(r->jitter, 4e9)};
    return true;
}
