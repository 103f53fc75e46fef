/* Voice: capture -> encode -> RTP out, RTP in -> jitter buffer -> decode -> playback, by GStreamer (base and good).
 *
 * RTP crosses this boundary as whole packets; encryption is the link's. Created and used on the GLib main context's thread; `rtp_out`
 * comes from a GStreamer thread. The microphone is off until mt_audio_mic(true): while off nothing is recorded, queued or sent (the source
 * is not even open). */
#ifndef MT_MEDIA_AUDIO_H
#define MT_MEDIA_AUDIO_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

typedef struct mt_audio mt_audio;

typedef enum mt_audio_codec { MT_AUDIO_OPUS, MT_AUDIO_L16 } mt_audio_codec; /* opus/48000/2 (mono content); L16/48000/1 big-endian, ptime 10 */

typedef struct mt_audio_config {
    const char *mic;       /* SPEC: default | none | file:PATH (WAV, in real time) | tone:HZ | device:NAME */
    const char *speaker;   /* SPEC: default | none | file:PATH (WAV is written) | device:NAME */
    mt_audio_codec codec;
    uint8_t payload_type;  /* of what is sent; what is received is taken with any payload type of that codec given in recv_payload_type */
    uint8_t recv_payload_type;
    uint8_t ptime_ms;      /* Opus 10 or 20; L16 10 */
    uint32_t jitter_ms;    /* 40 to begin with */
} mt_audio_config;

typedef struct mt_audio_events {
    void (*rtp_out)(void *ctx, const void *packet, size_t len_bytes); /* GStreamer thread */
    void (*error)(void *ctx, bool mic, const char *what);             /* main thread: device gone, file unreadable …; what says what to do */
    void (*level)(void *ctx, bool mic, double peak_db);               /* main thread, at most 10 a second; may be NULL */
} mt_audio_events;

mt_err mt_audio_init(void) MT_MUST_CHECK;       /* once: gst_init, needed elements present? MT_ESYS names the missing plug-in in the log */
/* Checks a SPEC's form only. MT_EBAD. */
mt_err mt_audio_spec_check(const char *spec, bool mic) MT_MUST_CHECK;
mt_err mt_audio_create(const mt_audio_config *cfg, const mt_audio_events *events, void *ctx, mt_audio **out) MT_MUST_CHECK;
void mt_audio_destroy(mt_audio *a);             /* closes files properly (WAV header), joins threads; no callback follows */
/* One received RTP packet (copied). Any thread. */
void mt_audio_rtp_in(mt_audio *a, mt_slice packet);
mt_err mt_audio_mic(mt_audio *a, bool on) MT_MUST_CHECK;
/* Calls fn for each device. MT_ESYS: no device monitor. */
typedef void mt_audio_device_fn(void *ctx, bool mic, const char *name, const char *label);
mt_err mt_audio_devices(mt_audio_device_fn *fn, void *ctx) MT_MUST_CHECK;

typedef struct mt_audio_stats {
    uint64_t sent, received, lost, late, concealed_ms, shed_ms;
    uint32_t buffered_ms;
} mt_audio_stats;
void mt_audio_stats_get(const mt_audio *a, mt_audio_stats *out);

#endif
