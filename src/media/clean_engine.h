/* What a canceller of clean.c is: one of several libraries behind two functions. */
#ifndef MT_MEDIA_CLEAN_ENGINE_H
#define MT_MEDIA_CLEAN_ENGINE_H

#include "base/err.h"
#include "media/pcm.h"

typedef struct mt_clean_engine mt_clean_engine;

struct mt_clean_engine {
    const char *name;
    /* heard: what the loudspeaker got; voice: in place. Blocks of MT_PCM_BLOCK. */
    void (*process)(mt_clean_engine *e, const int16_t *heard, int16_t *voice);
    void (*destroy)(mt_clean_engine *e);
};

/* MT_ENOENT: not available here. MT_ENOMEM, MT_ESYS. */
mt_err mt_clean_webrtc(mt_clean_engine **out) MT_MUST_CHECK;
mt_err mt_clean_speex(mt_clean_engine **out) MT_MUST_CHECK;

#endif
