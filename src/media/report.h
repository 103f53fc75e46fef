/* The exchange of reports with the partner (RFC 3550 section 6): when one is due and what is in it, what his say about
 * the way there, and what follows: the verdict on the connection and the plan of the encoder. No I/O, no clock. */
#ifndef MT_MEDIA_REPORT_H
#define MT_MEDIA_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "media/adapt.h"
#include "media/quality.h"
#include "media/reception.h"
#include "media/rtcp.h"

/* What the sender has sent so far. */
typedef struct mt_report_sent {
    uint32_t ssrc;
    uint32_t timestamp; /* that of now */
    uint32_t packets, bytes;
} mt_report_sent;

typedef struct mt_report {
    mt_random random;
    char cname[MT_RTCP_CNAME_LEN]; /* random, of this talk only (RFC 7022) */
    uint32_t ssrc;                 /* own */
    int64_t begun_us, due_us;
    uint32_t sent_before; /* packets at the last report */
    int64_t active_us;    /* sound went either way last */
    mt_reception in;
    uint32_t lsr; /* of the partner's last sender report, and when it came */
    int64_t lsr_us;
    double loss_out; /* as last told by the partner, 0 … 1 */
    unsigned jitter_out_ms, rtt_ms;
    int64_t told_us; /* when he told it; 0: not yet */
    mt_quality_rules quality;
    mt_adapt adapt;
} mt_report;

void mt_report_init(mt_report *r, uint32_t clock_hz, uint32_t own_ssrc, mt_random random, int64_t now_us);
/* A packet of the stream came. */
void mt_report_rtp(mt_report *r, const mt_rtp *packet, int64_t now_us);
/* A compound came. True: the encoder's plan (r->adapt.plan) changed. What is malformed is passed over. */
bool mt_report_rtcp(mt_report *r, mt_slice compound, int64_t now_us);

typedef struct mt_report_out {
    size_t len; /* 0: none is due */
    uint8_t packet[MT_RTCP_WRITE_MAX];
    bool quality_changed; /* r->quality.now */
} mt_report_out;
/* Several times a second. */
void mt_report_tick(mt_report *r, const mt_report_sent *sent, int64_t now_us, mt_report_out *out);

#endif
