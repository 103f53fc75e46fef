/* A stream of a sound server (PulseAudio, which PipeWire serves too) by its own library: fewer wake-ups and less delay
 * than through GStreamer's elements. Main thread. */
#ifndef MT_MEDIA_PULSE_H
#define MT_MEDIA_PULSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct mt_pulse mt_pulse;

typedef struct mt_pulse_events {
    /* One thread of its own. A microphone gives samples in the form of pcm.h, a speaker asks for them, MT_PCM_BLOCK at
     * most. */
    void (*pcm)(void *ctx, const int16_t *pcm, size_t n_samples);
    void (*take)(void *ctx, int16_t *out, size_t n_samples);
    /* Main loop: server or device are gone, and the server had no other device for the stream: else it goes there, and
     * back once the one asked for has come again. Close it, also from within. */
    void (*failed)(void *ctx, const char *what);
} mt_pulse_events;

/* NULL name: the default device. MT_ENOENT: no server, or the library was not built in: another way may work. MT_ESYS:
 * the server has no such device. MT_ENOMEM. Waits for the server's answers, 3 s at most. */
mt_err mt_pulse_open(bool mic, const char *name, const mt_pulse_events *events, void *ctx,
                     mt_pulse **out) MT_MUST_CHECK;
/* Joins its thread: no callback follows. NULL is allowed. */
void mt_pulse_close(mt_pulse *p);

#endif
