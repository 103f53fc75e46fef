/* Where sound goes to: a device, a WAV file in real time, or nowhere. It asks for the next samples when they are
 * needed. Main thread. */
#ifndef MT_MEDIA_PLAYBACK_H
#define MT_MEDIA_PLAYBACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/pcm.h"
#include "media/spec.h"

typedef struct mt_playback mt_playback;

typedef struct mt_playback_events {
    void (*take)(void *ctx, int16_t *out, size_t n_samples); /* one thread of its own; MT_PCM_BLOCK at most */
    void (*failed)(void *ctx, const char *what);             /* main thread; destroy it, also from within */
} mt_playback_events;

/* MT_ENOMEM; MT_ESYS: *why, a static string, says what to do. */
mt_err mt_playback_create(const mt_spec *spec, const mt_playback_events *events, void *ctx, mt_playback **out,
                          const char **why) MT_MUST_CHECK;
/* Closes device or file, joins the thread: no callback follows. NULL is allowed. */
void mt_playback_destroy(mt_playback *p);

#endif
