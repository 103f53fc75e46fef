#include "media/clean.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "media/clean_engine.h"

#define KEPT 32 /* blocks of the loudspeaker's that are remembered */
/* How many blocks the comparison lags what was handed to the loudspeaker last: little, for the echo must come later
 * than what it is compared with, and a device may hold back no more than 15 ms. A block that is not there yet, since
 * threads wake when they can, counts as silence and the two sides keep step; only what happens again and again moves
 * them, for each such change must be learnt by the canceller. */
#define LAG 1
#define LAG_MAX 12   /* then one of the devices stood still */
#define WATCH 300    /* blocks, after which it is judged … */
#define MISSED_MAX 3 /* … by those that were not there */
#define LEAST_MAX 3  /* … and by how many there were at least */

struct mt_clean {
    mt_clean_engine *engine;
    pthread_mutex_t lock; /* for the rest */
    int16_t heard[KEPT][MT_PCM_BLOCK];
    size_t heard_len;     /* samples of the block that is not whole yet */
    uint64_t heard_count; /* whole blocks handed to the loudspeaker */
    bool paired;
    uint64_t pair_at; /* not before so many were heard */
    uint64_t next;    /* number of the one that is compared next */
    unsigned watched, missed;
    int64_t least; /* of those that were there, since the watch began */
};

mt_err mt_clean_create(mt_clean_kind kind, mt_clean **out) {
    mt_clean_engine *engine = NULL;
    mt_err err = MT_ENOENT;
    if (kind != MT_CLEAN_SPEEX)
        err = mt_clean_webrtc(&engine);
    if (err != MT_OK && kind != MT_CLEAN_WEBRTC)
        err = mt_clean_speex(&engine);
    if (err != MT_OK)
        return err;
    mt_clean *c = mt_calloc(1, sizeof(*c));
    if (c == NULL) {
        engine->destroy(engine);
        return MT_ENOMEM;
    }
    c->engine = engine;
    c->pair_at = LAG + 1;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return MT_OK;
}

void mt_clean_destroy(mt_clean *c) {
    if (c == NULL)
        return;
    c->engine->destroy(c->engine);
    pthread_mutex_destroy(&c->lock);
    mt_free(c);
}

const char *mt_clean_name(const mt_clean *c) {
    return c->engine->name;
}

void mt_clean_heard(mt_clean *c, const int16_t *pcm, size_t n_samples) {
    pthread_mutex_lock(&c->lock);
    while (n_samples > 0) {
        size_t room = MT_PCM_BLOCK - c->heard_len, n = n_samples < room ? n_samples : room;
        memcpy(c->heard[c->heard_count % KEPT] + c->heard_len, pcm, n * sizeof(pcm[0]));
        pcm += n;
        n_samples -= n;
        c->heard_len = (c->heard_len + n) % MT_PCM_BLOCK;
        c->heard_count += c->heard_len == 0;
    }
    pthread_mutex_unlock(&c->lock);
}

static void begin_watch(mt_clean *c) {
    c->watched = c->missed = 0;
    c->least = INT64_MAX;
}

/* Moves what is compared where it came too late again and again, or is older than it need be. */
static void judge(mt_clean *c, int64_t there) {
    c->missed += there < 1;
    c->least = there < c->least ? there : c->least;
    if (++c->watched < WATCH)
        return;
    if (c->missed > MISSED_MAX)
        c->next -= (uint64_t)(1 - c->least);
    else if (c->least > LEAST_MAX)
        c->next += (uint64_t)(c->least - LAG);
    begin_watch(c);
}

/* Whether the block that is compared next is there; out of step, a new one is chosen. */
static bool choose(mt_clean *c) {
    if (!c->paired && c->heard_count >= c->pair_at) {
        c->next = c->heard_count - 1 - LAG;
        c->paired = true;
        begin_watch(c);
    }
    if (!c->paired)
        return false;
    int64_t there = (int64_t)(c->heard_count - c->next);
    if (there < -LAG_MAX || there > LAG_MAX) {
        c->paired = false;
        c->pair_at = c->heard_count + LAG + 1;
        return false;
    }
    judge(c, there);
    there = (int64_t)(c->heard_count - c->next);
    c->next++;
    return there > 0 && there < KEPT; /* the newest may be half written over the oldest */
}

static void take_heard(mt_clean *c, int16_t out[MT_PCM_BLOCK]) {
    pthread_mutex_lock(&c->lock);
    if (choose(c))
        memcpy(out, c->heard[(c->next - 1) % KEPT], sizeof(c->heard[0]));
    else
        memset(out, 0, sizeof(c->heard[0]));
    pthread_mutex_unlock(&c->lock);
}

void mt_clean_voice(mt_clean *c, int16_t pcm[MT_PCM_BLOCK]) {
    int16_t heard[MT_PCM_BLOCK];
    take_heard(c, heard);
    c->engine->process(c->engine, heard, pcm);
}
