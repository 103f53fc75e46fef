#include "media/jitter.h"

#include <string.h>

#include "base/alloc.h"
#include "media/pcm.h"
#include "media/transit.h"

#define SLOTS 128
#define PAYLOAD_MAX 1500
#define SILENCE_SAMPLES (MT_PCM_RATE / 400) /* 2.5 ms: the first packet is played that close to its time */
/* So long is sound invented, which soon is but the noise in the background: a sender that leaves out pauses sends some
 * of it each 400 ms, of which one may be lost. Then nobody is there any more: silence, and a new start. */
#define PAUSE_MAX_SAMPLES MT_PCM_RATE
/* Timestamps further back than this: the sender started anew. */
#define RESTART_SAMPLES (3 * MT_PCM_RATE)
/* And further ahead than this: nobody pauses for an hour, but sums of such leaps would leave 64 bits. */
#define AHEAD_SAMPLES (3600 * (int64_t)MT_PCM_RATE)

/* The target */
#define FLOOR_US 10000     /* once a path has proven calm; and so much more … */
#define GUARD_STEP_US 4000 /* … for each packet that then came too late */
#define GUARD_MAX_US 20000
#define GUARD_CALM_US 20000000 /* without one: a quarter of that less */
#define MARGIN_US 8000         /* above the jitter: sound is taken in blocks of 10 ms */
#define CALM_PACKETS 150       /* that prove it */

/* Delay above the target */
#define BACKLOG_US 200000 /* shed at once */
#define EXCESS_US 4000    /* throughout a watch: shed gently */
#define SPARED_US 1000    /* of it, so that the target is not undercut */
#define WATCH_US 500000
#define PATIENCE_US 4000000   /* so long a quiet moment is waited for */
#define HURRY_EXCESS_US 60000 /* gently, but sooner */
#define HURRY_WATCH_US 100000

typedef struct packet {
    int64_t ts; /* unwrapped */
    int64_t arrived_us;
    uint32_t samples;
    uint16_t seq;
    size_t len;
    char payload[];
} packet;

struct mt_jitter {
    uint32_t start_ms;
    packet *queue[SLOTS]; /* by rising timestamp */
    size_t count;
    packet *current; /* the one handed out last */
    bool have_ssrc, playing, have_next;
    uint32_t ssrc;
    int64_t newest_ts;     /* of all received: the reference for unwrapping */
    int64_t next_ts;       /* what is played next; kept through a silence, so that latecomers are known */
    uint16_t next_seq;     /* of the packet behind the one handed out last */
    uint32_t expanded;     /* samples invented since the last packet without moving next_ts */
    uint32_t unsettled;    /* of these, what may prove to be a pause: not counted yet */
    uint32_t last_samples; /* length of the packet played last */
    int64_t target_us;
    int64_t guard_us, guard_since_us;       /* above the floor, and when it changed */
    int64_t watch_since_us, watch_least_us; /* the least excess since */
    mt_transit transit;
    mt_jitter_stats stats;
};

static int64_t ts_to_us(int64_t ts) {
    return ts * 1000 / (MT_PCM_RATE / 1000);
}

mt_err mt_jitter_create(uint32_t start_ms, mt_jitter **out) {
    mt_jitter *j = mt_calloc(1, sizeof(*j));
    if (j == NULL)
        return MT_ENOMEM;
    j->start_ms = start_ms < MT_JITTER_MAX_MS ? start_ms : MT_JITTER_MAX_MS;
    j->target_us = (int64_t)j->start_ms * 1000;
    mt_transit_init(&j->transit);
    *out = j;
    return MT_OK;
}

static void drop_all(mt_jitter *j) {
    for (size_t i = 0; i < j->count; i++)
        mt_free(j->queue[i]);
    j->count = 0;
    j->stats.buffered_samples = 0;
}

void mt_jitter_destroy(mt_jitter *j) {
    if (j == NULL)
        return;
    drop_all(j);
    mt_free(j->current);
    mt_free(j);
}

static packet *pop(mt_jitter *j) {
    packet *p = j->queue[0];
    j->count--;
    memmove(&j->queue[0], &j->queue[1], j->count * sizeof(j->queue[0]));
    j->stats.buffered_samples -= p->samples;
    return p;
}

static void set_next(mt_jitter *j, const packet *p) {
    j->next_ts = p->ts + p->samples;
    j->next_seq = (uint16_t)(p->seq + 1);
    j->have_next = true;
}

/* Time has passed at the sender, but no packet: he left out a pause. */
static bool after_pause(const mt_jitter *j, const packet *p) {
    return j->have_next && p->ts > j->next_ts && p->seq == j->next_seq;
}

static void shed_oldest(mt_jitter *j) {
    packet *p = pop(j);
    set_next(j, p);
    j->stats.shed_samples += p->samples;
    mt_free(p);
}

static void start_anew(mt_jitter *j, const mt_rtp *in) {
    drop_all(j);
    mt_transit_init(&j->transit);
    j->have_ssrc = true;
    j->ssrc = in->ssrc;
    j->newest_ts = in->timestamp;
    j->playing = j->have_next = false;
    j->expanded = j->unsettled = 0;
}

/* The 32-bit timestamp that lies nearest to the newest one, as a number that never wraps. */
static int64_t unwrap(const mt_jitter *j, uint32_t timestamp) {
    return j->newest_ts + (int32_t)(timestamp - (uint32_t)j->newest_ts);
}

/* Where a packet of that time belongs in the queue; false if there is one already. */
static bool find_place(const mt_jitter *j, int64_t ts, size_t *out) {
    size_t at = j->count;
    while (at > 0 && j->queue[at - 1]->ts >= ts) {
        if (j->queue[at - 1]->ts == ts)
            return false;
        at--;
    }
    *out = at;
    return true;
}

static int64_t clamp(int64_t v, int64_t least, int64_t most) {
    return v < least ? least : v > most ? most : v;
}

/* The target begins at `start_ms` and follows the path's jitter, downwards only after some time. */
static void learn_transit(mt_jitter *j, int64_t ts, int64_t now_us) {
    mt_transit_add(&j->transit, now_us - ts_to_us(ts));
    int64_t start_us = (int64_t)j->start_ms * 1000;
    if (j->guard_us > 0 && now_us - j->guard_since_us > GUARD_CALM_US) {
        j->guard_us -= GUARD_STEP_US / 4;
        j->guard_since_us = now_us;
    }
    int64_t floor_us = FLOOR_US + j->guard_us;
    int64_t least_us = j->transit.count < CALM_PACKETS || start_us < floor_us ? start_us : floor_us;
    int64_t us = mt_transit_jitter_us(&j->transit) + MARGIN_US;
    j->target_us = clamp(us, least_us, (int64_t)MT_JITTER_MAX_MS * 1000);
    if (ts > j->newest_ts)
        j->newest_ts = ts;
}

/* What `head` says of the packet is known; its payload is copied. */
static mt_err insert(mt_jitter *j, const packet *head, mt_slice payload) {
    size_t at = 0;
    if (!find_place(j, head->ts, &at))
        return MT_EEXIST;
    packet *p = mt_malloc(sizeof(*p) + payload.len);
    if (p == NULL)
        return MT_ENOMEM;
    *p = *head;
    p->len = payload.len;
    memcpy(p->payload, payload.p, payload.len);
    memmove(&j->queue[at + 1], &j->queue[at], (j->count - at) * sizeof(j->queue[0]));
    j->queue[at] = p;
    j->count++;
    j->stats.buffered_samples += p->samples;
    return MT_OK;
}

mt_err mt_jitter_put(mt_jitter *j, const mt_rtp *in, uint32_t samples, int64_t now_us) {
    if (samples == 0 || samples > MT_PCM_FRAME_MAX || in->payload.len == 0 || in->payload.len > PAYLOAD_MAX)
        return MT_EINVAL;
    if (!j->have_ssrc || in->ssrc != j->ssrc)
        start_anew(j, in);
    int64_t ts = unwrap(j, in->timestamp);
    if (ts < j->newest_ts - RESTART_SAMPLES || ts > j->newest_ts + AHEAD_SAMPLES) {
        start_anew(j, in);
        ts = j->newest_ts;
    }
    j->stats.received++;
    learn_transit(j, ts, now_us);
    if (j->have_next && ts < j->next_ts) {
        j->stats.late++;
        return MT_ETIMEOUT;
    }
    if (j->count == SLOTS)
        shed_oldest(j);
    return insert(j, &(packet){.ts = ts, .arrived_us = now_us, .samples = samples, .seq = in->seq}, in->payload);
}

/* By how much the sound of `ts`, played now, lags the quickest packet. */
static int64_t delay_us(const mt_jitter *j, int64_t ts, int64_t now_us) {
    return now_us - ts_to_us(ts) - j->transit.least_us;
}

static void shed_backlog(mt_jitter *j, int64_t now_us) {
    if (j->count == 0 || delay_us(j, j->queue[0]->ts, now_us) <= j->target_us + BACKLOG_US)
        return;
    while (j->count > 1 && delay_us(j, j->queue[0]->ts, now_us) > j->target_us)
        shed_oldest(j);
}

static void begin_watch(mt_jitter *j, int64_t now_us) {
    j->watch_since_us = now_us;
    j->watch_least_us = INT64_MAX;
}

static uint32_t us_to_samples(int64_t us) {
    return (uint32_t)(us * (MT_PCM_RATE / 1000) / 1000);
}

/* When the delay has been above the target for a whole watch, the packet may be shortened: best where it is quiet,
 * which the decoder knows; but that is not waited for for ever. */
static void advise_shed(mt_jitter *j, const packet *p, int64_t now_us, mt_jitter_step *out) {
    int64_t excess = delay_us(j, p->ts, now_us) - j->target_us;
    if (excess < EXCESS_US) {
        begin_watch(j, now_us);
        return;
    }
    if (excess < j->watch_least_us)
        j->watch_least_us = excess;
    int64_t watched_us = now_us - j->watch_since_us;
    bool far = j->watch_least_us > HURRY_EXCESS_US;
    if (watched_us < (far ? HURRY_WATCH_US : WATCH_US))
        return;
    uint32_t wanted = us_to_samples(j->watch_least_us - SPARED_US), half = p->samples / 2;
    out->may_shed = wanted < half ? wanted : half;
    out->hurry = far || watched_us >= PATIENCE_US;
}

void mt_jitter_shed(mt_jitter *j, uint32_t samples, int64_t now_us) {
    j->stats.shed_samples += samples;
    begin_watch(j, now_us);
}

static void count_wait(mt_jitter *j, const packet *p, int64_t now_us) {
    int64_t waited_us = now_us - p->arrived_us, behind_us = delay_us(j, p->ts, now_us);
    j->stats.played++;
    j->stats.waited_us += waited_us > 0 ? (uint64_t)waited_us : 0;
    j->stats.behind_us += behind_us > 0 ? (uint64_t)behind_us : 0;
}

/* It was waited for, and the time was stretched meanwhile. */
static void note_stretch(mt_jitter *j, int64_t now_us) {
    j->guard_us = clamp(j->guard_us + GUARD_STEP_US, 0, GUARD_MAX_US);
    j->guard_since_us = now_us;
}

/* With the packet behind it, it is known what the sound was that was invented meanwhile. */
static void settle(mt_jitter *j, const packet *p) {
    if (after_pause(j, p))
        j->stats.comfort_samples += j->unsettled;
    else
        j->stats.concealed_samples += j->unsettled;
    j->unsettled = 0;
}

static void hand_out(mt_jitter *j, int64_t now_us, mt_jitter_step *out) {
    packet *p = pop(j);
    settle(j, p);
    if (j->expanded > 0 && p->ts == j->next_ts)
        note_stretch(j, now_us);
    mt_free(j->current);
    j->current = p;
    set_next(j, p);
    j->expanded = 0;
    j->last_samples = p->samples;
    count_wait(j, p, now_us);
    out->kind = MT_JITTER_PACKET;
    out->samples = p->samples;
    out->payload = mt_slice_n(p->payload, p->len);
    advise_shed(j, p, now_us, out);
}

static void conceal(uint32_t samples, mt_jitter_step *out) {
    out->kind = MT_JITTER_LOST;
    out->samples = samples;
}

/* Silence until the first packet has waited its time. */
static void next_silent(mt_jitter *j, int64_t now_us, mt_jitter_step *out) {
    if (j->count == 0 || delay_us(j, j->queue[0]->ts, now_us) < j->target_us)
        return;
    j->playing = true;
    begin_watch(j, now_us);
    out->first = true;
    hand_out(j, now_us, out);
}

static void next_underrun(mt_jitter *j, mt_jitter_step *out) {
    if (j->expanded >= PAUSE_MAX_SAMPLES) {
        j->playing = false;
        j->expanded = 0;
        return;
    }
    j->expanded += j->last_samples;
    j->unsettled += j->last_samples;
    conceal(j->last_samples, out);
}

/* The noise goes on until the packet after the pause has waited its time. */
static void next_after_pause(mt_jitter *j, int64_t now_us, mt_jitter_step *out) {
    int64_t wait_us = j->target_us - delay_us(j, j->queue[0]->ts, now_us);
    if (wait_us <= 0) {
        hand_out(j, now_us, out);
        return;
    }
    uint32_t whole = us_to_samples(wait_us) / SILENCE_SAMPLES * SILENCE_SAMPLES;
    conceal((uint32_t)clamp(whole, SILENCE_SAMPLES, j->last_samples), out);
    j->unsettled += out->samples;
}

static void next_hole(mt_jitter *j, int64_t hole, mt_jitter_step *out) {
    uint32_t samples = hole < j->last_samples ? (uint32_t)hole : j->last_samples;
    j->next_ts += samples;
    j->stats.concealed_samples += samples;
    conceal(samples, out);
    const packet *after = j->queue[0];
    if (after->ts == j->next_ts && after->samples == samples)
        out->next = mt_slice_n(after->payload, after->len);
}

void mt_jitter_recovered(mt_jitter *j, uint32_t samples) {
    j->stats.concealed_samples -= samples;
    j->stats.recovered_samples += samples;
}

void mt_jitter_next(mt_jitter *j, int64_t now_us, mt_jitter_step *out) {
    *out = (mt_jitter_step){.kind = MT_JITTER_SILENCE, .samples = SILENCE_SAMPLES};
    shed_backlog(j, now_us);
    if (j->playing && j->count == 0) {
        next_underrun(j, out);
        return;
    }
    int64_t hole = j->playing ? j->queue[0]->ts - j->next_ts : 0;
    if (hole > PAUSE_MAX_SAMPLES) {
        j->playing = false;
        j->expanded = 0;
    }
    if (!j->playing) {
        next_silent(j, now_us, out);
        return;
    }
    if (after_pause(j, j->queue[0])) {
        next_after_pause(j, now_us, out);
        return;
    }
    if (hole > 0)
        j->stats.lost++;
    if (hole > (int64_t)j->expanded)
        next_hole(j, hole, out);
    else
        hand_out(j, now_us, out);
}

void mt_jitter_stats_get(const mt_jitter *j, mt_jitter_stats *out) {
    *out = j->stats;
    out->target_ms = (uint32_t)(j->target_us / 1000);
}
