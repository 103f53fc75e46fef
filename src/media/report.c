#include "media/report.h"

#include <string.h>

/* A report a second, at random between half and one and a half of it (RFC 3550 section 6.3.1), is below 2 % of the
 * voice's bytes; less often while nobody speaks. */
#define INTERVAL_US 1000000
#define IDLE_INTERVAL_US 4000000
#define IDLE_US 10000000
#define LEAST_EXPECTED 20 /* packets: the loss among fewer says little */
#define STALE_US 8000000  /* what the partner told that long ago is of no use */

void mt_report_init(mt_report *r, uint32_t clock_hz, uint32_t own_ssrc, mt_random random, int64_t now_us) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(r, 0, sizeof(*r));
    r->random = random;
    for (size_t i = 0; i < MT_RTCP_CNAME_LEN; i++)
        r->cname[i] = alphabet[mt_random_below(random, sizeof(alphabet) - 1)];
    r->ssrc = own_ssrc;
    r->begun_us = r->active_us = now_us;
    r->due_us = now_us + INTERVAL_US / 2;
    mt_reception_init(&r->in, clock_hz);
    mt_quality_init(&r->quality);
    mt_adapt_init(&r->adapt);
}

/* 32.32 s since this began: a wall clock's time would tell whose machine it is. */
static uint64_t ntp_of(const mt_report *r, int64_t now_us) {
    uint64_t us = (uint64_t)(now_us - r->begun_us);
    return us / 1000000 << 32 | (us % 1000000 << 32) / 1000000;
}

static uint32_t middle(uint64_t ntp) {
    return (uint32_t)(ntp >> 16);
}

void mt_report_rtp(mt_report *r, const mt_rtp *packet, int64_t now_us) {
    r->active_us = now_us;
    mt_reception_add(&r->in, packet, now_us);
}

static bool read_block(mt_report *r, const mt_rtcp_block *b, int64_t now_us) {
    r->loss_out = b->fraction_lost / 256.0;
    r->jitter_out_ms = (unsigned)((uint64_t)b->jitter * 1000 / r->in.clock_hz);
    r->told_us = now_us;
    uint32_t trip = middle(ntp_of(r, now_us)) - b->lsr - b->dlsr;
    if (b->lsr != 0 && trip < 60u << 16) /* else he is wrong, or his clock is a little fast */
        r->rtt_ms = (unsigned)((uint64_t)trip * 1000 >> 16);
    return mt_adapt_report(&r->adapt, r->loss_out, now_us);
}

bool mt_report_rtcp(mt_report *r, mt_slice compound, int64_t now_us) {
    mt_rtcp in;
    bool changed = false;
    if (mt_rtcp_parse(compound, &in) != MT_OK)
        return false;
    if (in.sender) {
        r->lsr = middle(in.ntp);
        r->lsr_us = now_us;
    }
    for (size_t i = 0; i < in.block_count; i++) {
        if (in.blocks[i].ssrc == r->ssrc)
            changed |= read_block(r, &in.blocks[i], now_us);
    }
    return changed;
}

static bool judge(mt_report *r, double loss_in, int64_t now_us) {
    bool told = r->told_us != 0 && now_us - r->told_us < STALE_US;
    unsigned jitter_ms = mt_reception_jitter_ms(&r->in);
    bool idle = now_us - r->active_us > STALE_US;
    mt_quality_sample s = {.loss_in = loss_in,
                           .loss_out = told ? r->loss_out : 0.0,
                           .jitter_ms = idle                                   ? 0
                                        : told && r->jitter_out_ms > jitter_ms ? r->jitter_out_ms
                                                                               : jitter_ms,
                           .rtt_ms = told ? r->rtt_ms : 0};
    return mt_quality_add(&r->quality, &s, now_us);
}

static int64_t next_interval(mt_report *r, int64_t now_us) {
    uint32_t mean = now_us - r->active_us > IDLE_US ? IDLE_INTERVAL_US : INTERVAL_US;
    return mean / 2 + mt_random_below(r->random, mean);
}

void mt_report_tick(mt_report *r, const mt_report_sent *sent, int64_t now_us, mt_report_out *out) {
    out->len = 0;
    out->quality_changed = false;
    if (now_us < r->due_us)
        return;
    bool sending = sent->packets != r->sent_before;
    if (sending)
        r->active_us = now_us;
    r->due_us = now_us + next_interval(r, now_us);
    r->sent_before = sent->packets;
    mt_rtcp report = {.ssrc = r->ssrc,
                      .sender = sending,
                      .ntp = ntp_of(r, now_us),
                      .timestamp = sent->timestamp,
                      .packets = sent->packets,
                      .bytes = sent->bytes};
    uint32_t expected = mt_reception_expected(&r->in) - r->in.expected_before;
    double loss_in = 0.0;
    if (mt_reception_report(&r->in, &report.blocks[0])) {
        report.block_count = 1;
        loss_in = expected >= LEAST_EXPECTED ? report.blocks[0].fraction_lost / 256.0 : 0.0;
        report.blocks[0].lsr = r->lsr;
        report.blocks[0].dlsr = r->lsr != 0 ? (uint32_t)(((uint64_t)(now_us - r->lsr_us) << 16) / 1000000) : 0;
    }
    out->len = mt_rtcp_write(&report, r->cname, out->packet);
    out->quality_changed = judge(r, loss_in, now_us);
}
