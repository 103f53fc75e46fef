#include "media/adapt.h"

#define RISE 0.5
#define FALL 0.15

#define FEC_ON 0.02
#define FEC_OFF 0.01
#define LOSS_STEP_PERCENT 5 /* the encoder is told in steps, so that it is not changed each second */

#define FULL_LOSS 0.15 /* for so long: the path is full */
#define FULL_US 5000000
#define FREE_LOSS 0.08
#define FREE_US 10000000

#define RATE 48000 /* CELT sounds with it as SILK does with 40,000; with copies it pays for them */
#define RATE_FULL 24000

void mt_adapt_init(mt_adapt *a) {
    *a = (mt_adapt){.plan = {.bit_rate = RATE}};
}

/* Since when a state has held; 0 while it does not. */
static int64_t since(int64_t before_us, bool is, int64_t now_us) {
    return !is ? 0 : before_us != 0 ? before_us : now_us;
}

bool mt_adapt_report(mt_adapt *a, double loss, int64_t now_us) {
    const mt_adapt_plan before = a->plan;
    a->loss += (loss - a->loss) * (loss > a->loss ? RISE : FALL);
    a->heavy_since_us = since(a->heavy_since_us, a->loss >= FULL_LOSS, now_us);
    a->light_since_us = since(a->light_since_us, a->loss <= FREE_LOSS, now_us);
    mt_adapt_plan *p = &a->plan;
    p->fec = a->loss >= (p->fec ? FEC_OFF : FEC_ON);
    if (a->heavy_since_us != 0 && now_us - a->heavy_since_us >= FULL_US)
        p->dtx = true;
    if (a->light_since_us != 0 && now_us - a->light_since_us >= FREE_US)
        p->dtx = false;
    uint32_t percent = (uint32_t)(a->loss * 100.0 + 0.5);
    p->loss_percent = !p->fec ? 0 : (percent + LOSS_STEP_PERCENT - 1) / LOSS_STEP_PERCENT * LOSS_STEP_PERCENT;
    p->bit_rate = p->dtx ? RATE_FULL : RATE;
    return p->fec != before.fec || p->dtx != before.dtx || p->loss_percent != before.loss_percent ||
           p->bit_rate != before.bit_rate;
}
