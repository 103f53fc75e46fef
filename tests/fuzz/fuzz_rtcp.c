/* Reports of a hostile partner: whole compounds at any time, between packets of the stream that they speak of. */
#include <stdint.h>
#include <stdlib.h>

#include "media/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const mt_report *r) {
    const mt_adapt_plan *p = &r->adapt.plan;
    const mt_quality *q = &r->quality.now;
    if (p->loss_percent > 100 || p->bit_rate < 6000 || p->bit_rate > 64000 || q->loss_percent > 100 ||
        q->rtt_ms > 60000)
        abort();
}

/* Records: a length byte below 250 and a compound of so many bytes; 250 … 255: the next four bytes begin a packet of
 * the stream, and some time passes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint64_t seed = 1;
    int64_t now_us = 1000000;
    mt_report r;
    mt_report_out out;
    mt_report_sent sent = {.ssrc = 7};
    mt_report_init(&r, 48000, 7, mt_random_seeded(&seed), now_us);
    for (size_t at = 0; at < len;) {
        size_t n = data[at++], left = len - at;
        if (n < 250) {
            n = n < left ? n : left;
            (void)mt_report_rtcp(&r, mt_slice_n(data + at, n), now_us);
        } else {
            n = left < 4 ? left : 4;
            mt_rtp p = {.ssrc = 9};
            for (size_t i = 0; i < n; i++)
                p.seq = (uint16_t)(p.seq << 4 ^ data[at + i]);
            p.timestamp = (uint32_t)p.seq * 977;
            mt_report_rtp(&r, &p, now_us);
            now_us += p.seq * 20;
        }
        at += n;
        sent.packets += 3;
        mt_report_tick(&r, &sent, now_us, &out);
        mt_rtcp back;
        if (out.len > 0 && mt_rtcp_parse(mt_slice_n(out.packet, out.len), &back) != MT_OK)
            abort();
        check(&r);
    }
    return 0;
}
