#include "media/clean.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "media/clean_engine.h"

#define KEPT 32 /* blocks of the loudspeaker's that are remembered */
/* How far the comparison lags what was handed to the loudspeaker last: its blocks come in bursts. The echo comes later
 * still, for devices hold back more. */
#define LAG 2
#define LAG_MAX 12 /* then one clock has run away from the other */

struct mt_clean {
    mt_clean_engine *engine;
    pthread_mutex_t lock; /* for the rest */
    int16_t heard[KEPT][MT_PCM_BLOCK];
    uint64_t heard_count; /* blocks handed to the loudspeaker */
    uint64_t next;        /* number of the one that is compared next */
    bool paired;
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

void mt_clean_heard(mt_clean *c, const int16_t pcm[MT_PCM_BLOCK]) {
    pthread_mutex_lock(&c->lock);
    memcpy(c->heard[c->heard_count++ % KEPT], pcm, sizeof(c->heard[0]));
    pthread_mutex_unlock(&c->lock);
}

/* The two sides keep step block by block; only when they are too far apart is the step found anew, for each change of
 * it must be learnt by the canceller. */
static void take_heard(mt_clean *c, int16_t out[MT_PCM_BLOCK]) {
    pthread_mutex_lock(&c->lock);
    bool behind = c->next >= c->heard_count, ahead = c->heard_count - c->next > LAG_MAX;
    if (c->heard_count > LAG && (!c->paired || behind || ahead)) {
        c->next = c->heard_count - 1 - LAG;
        c->paired = true;
    }
    if (c->paired)
        memcpy(out, c->heard[c->next++ % KEPT], sizeof(c->heard[0]));
    else
        memset(out, 0, sizeof(c->heard[0]));
    pthread_mutex_unlock(&c->lock);
}

void mt_clean_voice(mt_clean *c, int16_t pcm[MT_PCM_BLOCK]) {
    int16_t heard[MT_PCM_BLOCK];
    take_heard(c, heard);
    c->engine->process(c->engine, heard, pcm);
}
