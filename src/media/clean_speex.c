#include "media/clean_engine.h"

#ifndef MT_HAVE_SPEEXDSP

mt_err mt_clean_speex(mt_clean_engine **out) {
    return MT_ENOENT;
}

#else

#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"

#define TAIL_MS 200 /* devices' delay and a room's echo */
#define NOISE_SUPPRESS_DB (-20)
#define ECHO_SUPPRESS_DB (-50)        /* of what the canceller left, while the partner speaks */
#define ECHO_SUPPRESS_ACTIVE_DB (-20) /* and while both do */
#define AGC_LEVEL 12000
#define AGC_MAX_GAIN_DB 12

typedef struct speex_engine {
    mt_clean_engine base;
    SpeexEchoState *echo;
    SpeexPreprocessState *rest;
} speex_engine;

static void destroy(mt_clean_engine *base) {
    speex_engine *e = (speex_engine *)base;
    if (e->rest != NULL)
        speex_preprocess_state_destroy(e->rest);
    if (e->echo != NULL)
        speex_echo_state_destroy(e->echo);
    mt_free(e);
}

static void process(mt_clean_engine *base, const int16_t *heard, int16_t *voice) {
    speex_engine *e = (speex_engine *)base;
    int16_t out[MT_PCM_BLOCK];
    speex_echo_cancellation(e->echo, voice, heard, out);
    speex_preprocess_run(e->rest, out);
    memcpy(voice, out, sizeof(out));
}

static void set(speex_engine *e, int what, int value) {
    speex_preprocess_ctl(e->rest, what, &value);
}

static void setup(speex_engine *e) {
    int rate = MT_PCM_RATE;
    float level = AGC_LEVEL;
    speex_echo_ctl(e->echo, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
    speex_preprocess_ctl(e->rest, SPEEX_PREPROCESS_SET_ECHO_STATE, e->echo);
    set(e, SPEEX_PREPROCESS_SET_DENOISE, 1);
    set(e, SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, NOISE_SUPPRESS_DB);
    set(e, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS, ECHO_SUPPRESS_DB);
    set(e, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, ECHO_SUPPRESS_ACTIVE_DB);
    set(e, SPEEX_PREPROCESS_SET_AGC, 1);
    set(e, SPEEX_PREPROCESS_SET_AGC_MAX_GAIN, AGC_MAX_GAIN_DB);
    speex_preprocess_ctl(e->rest, SPEEX_PREPROCESS_SET_AGC_LEVEL, &level);
}

mt_err mt_clean_speex(mt_clean_engine **out) {
    speex_engine *e = mt_calloc(1, sizeof(*e));
    if (e == NULL)
        return MT_ENOMEM;
    e->base = (mt_clean_engine){"speexdsp", process, destroy};
    e->echo = speex_echo_state_init(MT_PCM_BLOCK, TAIL_MS * MT_PCM_RATE / 1000);
    e->rest = speex_preprocess_state_init(MT_PCM_BLOCK, MT_PCM_RATE);
    if (e->echo == NULL || e->rest == NULL) {
        destroy(&e->base);
        return MT_ENOMEM;
    }
    setup(e);
    *out = &e->base;
    return MT_OK;
}

#endif
