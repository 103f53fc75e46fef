/* RTCP compound packets (RFC 3550 section 6): sender and receiver reports, read and written. No I/O, no allocation.
 * What else a compound may hold (SDES, feedback, APP) is checked for its length and passed over. */
#ifndef MT_MEDIA_RTCP_H
#define MT_MEDIA_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define MT_RTCP_BLOCKS_MAX 31 /* of one report; of a compound with more the first are taken */
#define MT_RTCP_CNAME_LEN 16
#define MT_RTCP_WRITE_MAX 128 /* what is written has one block at most */

typedef struct mt_rtcp_block {
    uint32_t ssrc;         /* whose packets are reported on */
    uint8_t fraction_lost; /* of 256, since the last report */
    int32_t lost;          /* since the beginning; negative where packets came twice */
    uint32_t highest_seq;  /* extended */
    uint32_t jitter;       /* of the timestamps' clock */
    uint32_t lsr, dlsr;    /* last sender report and the delay since, 1/65,536 s; 0: none came yet */
} mt_rtcp_block;

typedef struct mt_rtcp {
    uint32_t ssrc; /* who reports */
    bool sender;   /* the next four are there */
    uint64_t ntp;  /* 32.32 s, of any origin */
    uint32_t timestamp;
    uint32_t packets, bytes; /* sent since the beginning */
    size_t block_count;
    mt_rtcp_block blocks[MT_RTCP_BLOCKS_MAX];
    bool bye;
} mt_rtcp;

/* MT_EBAD: no valid compound (RFC 3550 appendix A.2). */
mt_err mt_rtcp_parse(mt_slice compound, mt_rtcp *out) MT_MUST_CHECK;
/* A report with its first block, if there is one, and the canonical name. Returns its length. */
size_t mt_rtcp_write(const mt_rtcp *r, const char cname[MT_RTCP_CNAME_LEN], uint8_t out[MT_RTCP_WRITE_MAX]);

#endif
