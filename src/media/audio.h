/* Voice: capture -> encode -> RTP out, RTP in -> jitter buffer -> decode -> playback. Devices and files by GStreamer
 * (base and good), Opus by libopus.
 *
 * RTP and RTCP (RFC 3550) cross this boundary as whole packets; encryption is the link's. Created and used on the
 * thread of the GLib main context that is the thread default at creation; `rtp_out` comes from a thread of the capture.
 * The microphone is off until mt_audio_mic(true): while off nothing is recorded, queued or sent, its device is not even
 * open. */
#ifndef MT_MEDIA_AUDIO_H
#define MT_MEDIA_AUDIO_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/quality.h"

typedef struct mt_audio mt_audio;

/* opus/48000/2 (mono content, constant bit rate); L16/48000/1 big-endian, ptime 10; PCMU/8000 and PCMA/8000 */
typedef enum mt_audio_codec { MT_AUDIO_OPUS, MT_AUDIO_L16, MT_AUDIO_PCMU, MT_AUDIO_PCMA } mt_audio_codec;

typedef struct mt_audio_config {
    const char *mic; /* SPEC: default | none | file:PATH (WAV, in real time) | tone:HZ | device:NAME; NULL: default */
    const char *speaker; /* SPEC: default | none | file:PATH (WAV is written) | device:NAME; NULL: default */
    mt_audio_codec codec;
    uint8_t payload_type;      /* of what is sent */
    uint8_t recv_payload_type; /* of what is received; packets of another are dropped */
    uint8_t ptime_ms;          /* 10 or 20; L16 10 */
    bool raw_voice;            /* no echo cancelling, noise suppression and gain for the microphone */
    bool loop;                 /* a test without a partner: what the microphone hears is played by the speaker, as a
                                * partner would hear it; nothing goes out */
    uint32_t jitter_ms;        /* the jitter buffer's delay to begin with: 40; it follows the path then */
} mt_audio_config;

typedef struct mt_audio_events {
    /* A thread of the capture; no lock is held. */
    void (*rtp_out)(void *ctx, const void *packet, size_t len_bytes);
    /* Main loop, never from within a call: device gone, file unreadable … `what` says what to do. The microphone is off
     * then, or the speaker silent; all else goes on. */
    void (*error)(void *ctx, bool mic, const char *what);
    /* Main loop, ten a second: peak of the last 100 ms in dB of full scale, -100 for silence. The microphone's only
     * while it is on. May be NULL. */
    void (*level)(void *ctx, bool mic, double peak_db);
    /* Main loop: a report for the partner, about one a second. NULL: none are made. */
    void (*rtcp_out)(void *ctx, const void *compound, size_t len_bytes);
    /* Main loop: the connection became poor, or good again. May be NULL. */
    void (*quality)(void *ctx, const mt_quality *now);
} mt_audio_events;

/* Once a process. MT_ESYS: a GStreamer plug-in is missing; the log names it. */
mt_err mt_audio_init(void) MT_MUST_CHECK;
/* Checks a SPEC's form only. MT_EBAD. */
mt_err mt_audio_spec_check(const char *spec, bool mic) MT_MUST_CHECK;

/* Opens the speaker, not the microphone. A speaker that cannot be opened is no error here but an event. Copies all.
 * MT_EBAD: a SPEC. MT_EINVAL: ptime. MT_ENOMEM, MT_ESYS: the codec. */
mt_err mt_audio_create(const mt_audio_config *cfg, const mt_audio_events *events, void *ctx,
                       mt_audio **out) MT_MUST_CHECK;
/* Closes devices and files (WAV header), joins threads; no callback follows. NULL is allowed. */
void mt_audio_destroy(mt_audio *a);
/* One received RTP packet (copied). Any thread. */
void mt_audio_rtp_in(mt_audio *a, mt_slice packet);
/* One received RTCP compound. Any thread. */
void mt_audio_rtcp_in(mt_audio *a, mt_slice compound);
/* On opens the device and sends at once; off closes it, and when it returns nothing more is sent. A file begins anew
 * each time. MT_ESYS: it cannot be opened; an error event with the advice follows. */
mt_err mt_audio_mic(mt_audio *a, bool on) MT_MUST_CHECK;
/* Other devices, at any time; NULL: default. A microphone that is on, and the speaker, move at once; what cannot be
 * opened is told by an error event. MT_EBAD: a SPEC, and nothing changes. MT_ENOMEM. */
mt_err mt_audio_set_devices(mt_audio *a, const char *mic, const char *speaker) MT_MUST_CHECK;
/* Switches echo cancelling, noise suppression and gain off or on, at once. */
void mt_audio_set_raw_voice(mt_audio *a, bool raw);

/* Calls fn for each device. MT_ESYS: no device monitor. */
typedef void mt_audio_device_fn(void *ctx, bool mic, const char *name, const char *label);
mt_err mt_audio_devices(mt_audio_device_fn *fn, void *ctx) MT_MUST_CHECK;

typedef struct mt_audio_stats {
    uint64_t sent, received; /* packets */
    uint64_t lost, late;     /* packets: not there when they were due; of these, came after all */
    uint64_t concealed_ms;   /* sound invented for what was lost or late */
    uint64_t comfort_ms;     /* noise invented in pauses that the partner left out */
    uint64_t recovered_ms;   /* lost, and taken from the copy in the packet behind */
    uint64_t shed_ms;        /* sound left out to catch up */
    uint64_t played;         /* packets */
    uint32_t waited_ms;      /* mean of these, from arrival to the loudspeaker's queue */
    uint32_t behind_ms;      /* the same from when the quickest would have come */
    uint32_t buffered_ms, target_ms;
    mt_quality quality;
} mt_audio_stats;
/* Any thread. */
void mt_audio_stats_get(mt_audio *a, mt_audio_stats *out);

#endif
