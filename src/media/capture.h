/* Where sound comes from: a device, a WAV file in real time, a tone. Open as long as it exists. Main thread. */
#ifndef MT_MEDIA_CAPTURE_H
#define MT_MEDIA_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/spec.h"

typedef struct mt_capture mt_capture;

typedef struct mt_capture_events {
    void (*pcm)(void *ctx, const int16_t *pcm, size_t n_samples); /* one thread of its own */
    void (*failed)(void *ctx, const char *what);                  /* main thread; destroy it, also from within */
} mt_capture_events;

/* A file is played once, from its beginning, then comes silence. MT_ENOMEM; MT_ESYS: *why, a static string, says what
 * to do. */
mt_err mt_capture_create(const mt_spec *spec, const mt_capture_events *events, void *ctx, mt_capture **out,
                         const char **why) MT_MUST_CHECK;
/* Closes the device, joins the thread: no callback follows. NULL is allowed. */
void mt_capture_destroy(mt_capture *c);

#endif
