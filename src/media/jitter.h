/* The jitter buffer: puts received packets in order and decides what is played next. No I/O, no clock, no thread.
 *
 * Every packet's transit time (arrival less timestamp) is compared with the shortest of the last few hundred: the
 * difference is its jitter. What is played lags the shortest transit by `delay`, which is steered towards a target:
 * `start_ms` at first, then what nearly all packets keep. A packet that comes too late stretches the time (delay
 * grows); a delay above the target is shed by shortening packets, and a large backlog at once. A lost packet
 * is known by the later ones behind it and is replaced. Where time has passed between two packets that follow each
 * other the sender left out a pause (RFC 7587 section 3.1.3): the noise goes on meanwhile, and nothing counts as lost.
 */
#ifndef MT_MEDIA_JITTER_H
#define MT_MEDIA_JITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/rtp.h"

#define MT_JITTER_MAX_MS 200 /* the target never goes beyond */

typedef struct mt_jitter mt_jitter;

typedef enum mt_jitter_kind {
    MT_JITTER_SILENCE, /* nothing is said: play `samples` of silence */
    MT_JITTER_PACKET,  /* decode this */
    MT_JITTER_LOST,    /* invent `samples` samples: for a lost packet, or in a pause that the sender leaves out */
} mt_jitter_kind;

typedef struct mt_jitter_step {
    mt_jitter_kind kind;
    bool first;        /* packet after a silence: the decoder begins anew */
    bool hurry;        /* shed even amid loud sound */
    uint32_t may_shed; /* packet: it may be shortened by so many samples, at most half of it */
    uint32_t samples;
    mt_slice payload; /* packet: until the next call */
    mt_slice next;    /* lost: the packet that follows at once, which may hold a copy of it; empty: not there */
} mt_jitter_step;

typedef struct mt_jitter_stats {
    uint64_t received, lost, late, concealed_samples, recovered_samples, shed_samples;
    uint64_t comfort_samples; /* invented in pauses, in which nothing was lost */
    uint64_t played;          /* packets */
    uint64_t waited_us;       /* by all of these, from their arrival to their time */
    uint64_t behind_us;       /* the same from when the quickest would have come: with the path's jitter */
    uint32_t buffered_samples, target_ms;
} mt_jitter_stats;

mt_err mt_jitter_create(uint32_t start_ms, mt_jitter **out) MT_MUST_CHECK;
void mt_jitter_destroy(mt_jitter *j);

/* Copies the packet; `samples` is its duration at 48 kHz, 1 … MT_PCM_FRAME_MAX. MT_EINVAL, MT_ENOMEM; MT_EEXIST: have
 * it; MT_ETIMEOUT: too late. */
mt_err mt_jitter_put(mt_jitter *j, const mt_rtp *packet, uint32_t samples, int64_t now_us) MT_MUST_CHECK;
void mt_jitter_next(mt_jitter *j, int64_t now_us, mt_jitter_step *out);
/* The packet handed out last was shortened by so many samples; only where it may be. */
void mt_jitter_shed(mt_jitter *j, uint32_t samples, int64_t now_us);
/* What was handed out last as lost was not invented, but taken from its copy. */
void mt_jitter_recovered(mt_jitter *j, uint32_t samples);
void mt_jitter_stats_get(const mt_jitter *j, mt_jitter_stats *out);

#endif
