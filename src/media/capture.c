#include "media/capture.h"

#include <gst/app/gstappsink.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/i18n.h"
#include "media/device.h"
#include "media/pace.h"
#include "media/pcm.h"
#include "media/pipe.h"
#include "media/pulse.h"

#define FILE_OPEN_MS 3000
#define TONE_AMPLITUDE 10000.0 /* -10 dB */

struct mt_capture {
    mt_capture_events events;
    void *ctx;
    mt_pulse *pulse;
    mt_pipe *pipe;
    mt_pace *pace;
    GstAppSink *sink; /* borrowed from the pipe */
    uint32_t tone_hz;
    uint64_t tone_at;  /* samples */
    GstSample *sample; /* file: the piece that is being taken */
    size_t sample_at;  /* bytes of it taken */
};

static void on_failed(void *ctx, const char *what) {
    mt_capture *c = ctx;
    c->events.failed(c->ctx, what);
}

/* Tone */

static void tone_tick(void *ctx) {
    mt_capture *c = ctx;
    int16_t pcm[MT_PCM_BLOCK];
    for (size_t i = 0; i < MT_PCM_BLOCK; i++, c->tone_at++) {
        uint64_t turn = c->tone_at * c->tone_hz % MT_PCM_RATE; /* whole turns left out: exact for ever */
        pcm[i] = (int16_t)(TONE_AMPLITUDE * sin(2.0 * G_PI * (double)turn / MT_PCM_RATE));
    }
    c->events.pcm(c->ctx, pcm, MT_PCM_BLOCK);
}

/* Appsink with our form of sound at the end of the pipe. */
static bool add_sink(mt_capture *c) {
    mt_pipe_convert(c->pipe, true);
    GstElement *e = mt_pipe_make(c->pipe, "appsink");
    if (e == NULL)
        return false;
    c->sink = GST_APP_SINK(e);
    return true;
}

/* File: read as fast as it is taken, and taken by the clock */

static bool take_sample(mt_capture *c) {
    if (c->sample == NULL) {
        c->sample = gst_app_sink_try_pull_sample(c->sink, 0);
        c->sample_at = 0;
    }
    return c->sample != NULL;
}

/* Copies up to n samples out of the piece that is being taken; returns how many. */
static size_t copy_from_sample(mt_capture *c, int16_t *out, size_t n) {
    GstBuffer *buffer = gst_sample_get_buffer(c->sample);
    size_t got = gst_buffer_extract(buffer, c->sample_at, out, n * sizeof(out[0]));
    c->sample_at += got;
    if (got == 0 || c->sample_at >= gst_buffer_get_size(buffer)) {
        gst_sample_unref(c->sample);
        c->sample = NULL;
    }
    return got / sizeof(out[0]);
}

static void file_tick(void *ctx) {
    mt_capture *c = ctx;
    int16_t pcm[MT_PCM_BLOCK] = {0};
    size_t n = 0;
    while (n < MT_PCM_BLOCK && take_sample(c))
        n += copy_from_sample(c, pcm + n, MT_PCM_BLOCK - n);
    c->events.pcm(c->ctx, pcm, MT_PCM_BLOCK);
}

static mt_err start_file(mt_capture *c, const char *path, const char **why) {
    *why = N_("The microphone's file cannot be read: give a WAV file that exists.");
    GstElement *src = mt_pipe_make(c->pipe, "filesrc");
    if (src == NULL)
        return MT_ESYS;
    g_object_set(src, "location", path, NULL);
    mt_pipe_make(c->pipe, "wavparse");
    if (!add_sink(c))
        return MT_ESYS;
    g_object_set(c->sink, "sync", FALSE, "max-buffers", 16, NULL);
    mt_err err = mt_pipe_start(c->pipe);
    if (err == MT_OK)
        err = mt_pipe_wait(c->pipe, FILE_OPEN_MS);
    return err == MT_OK ? mt_pace_create(file_tick, c, &c->pace) : err;
}

/* Device */

static GstFlowReturn on_device_sample(GstAppSink *sink, gpointer arg) {
    mt_capture *c = arg;
    GstSample *sample = gst_app_sink_pull_sample(sink);
    if (sample == NULL)
        return GST_FLOW_EOS;
    GstMapInfo map;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    if (gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        c->events.pcm(c->ctx, (const int16_t *)(const void *)map.data, map.size / sizeof(int16_t));
        gst_buffer_unmap(buffer, &map);
    }
    gst_sample_unref(sample);
    return GST_FLOW_OK;
}

static void on_pulse_pcm(void *ctx, const int16_t *pcm, size_t n_samples) {
    mt_capture *c = ctx;
    c->events.pcm(c->ctx, pcm, n_samples);
}

static mt_err start_pulse(mt_capture *c, const char *name, const char **why) {
    static const mt_pulse_events events = {.pcm = on_pulse_pcm, .failed = on_failed};
    *why = mt_device_advice(true);
    return mt_device_is_alsa(name) ? MT_ENOENT : mt_pulse_open(true, name, &events, c, &c->pulse);
}

static mt_err start_element(mt_capture *c, const char *name, const char **why) {
    *why = mt_device_advice(true);
    GstElement *device = NULL;
    mt_err err = mt_device_open(true, name, &device);
    if (err != MT_OK)
        return err;
    mt_pipe_add(c->pipe, device);
    gst_object_unref(device);
    if (!add_sink(c))
        return MT_ESYS;
    g_object_set(c->sink, "sync", FALSE, "async", FALSE, NULL);
    GstAppSinkCallbacks callbacks = {.new_sample = on_device_sample};
    gst_app_sink_set_callbacks(c->sink, &callbacks, c, NULL);
    return mt_pipe_start(c->pipe);
}

static mt_err start(mt_capture *c, const mt_spec *spec, const char **why) {
    if (spec->kind == MT_SPEC_NONE)
        return MT_OK;
    if (spec->kind == MT_SPEC_TONE) {
        c->tone_hz = spec->tone_hz;
        return mt_pace_create(tone_tick, c, &c->pace);
    }
    bool device = spec->kind != MT_SPEC_FILE;
    mt_err err = device ? start_pulse(c, spec->arg, why) : MT_ENOENT;
    if (err != MT_ENOENT)
        return err;
    err = mt_pipe_create(on_failed, c, &c->pipe);
    if (err != MT_OK)
        return err;
    return spec->kind == MT_SPEC_FILE ? start_file(c, spec->arg, why) : start_element(c, spec->arg, why);
}

mt_err mt_capture_create(const mt_spec *spec, const mt_capture_events *events, void *ctx, mt_capture **out,
                         const char **why) {
    mt_capture *c = mt_calloc(1, sizeof(*c));
    if (c == NULL)
        return MT_ENOMEM;
    c->events = *events;
    c->ctx = ctx;
    mt_err err = start(c, spec, why);
    if (err != MT_OK) {
        mt_capture_destroy(c);
        return err;
    }
    *out = c;
    return MT_OK;
}

void mt_capture_destroy(mt_capture *c) {
    if (c == NULL)
        return;
    mt_pulse_close(c->pulse);
    mt_pace_destroy(c->pace);
    mt_pipe_destroy(c->pipe);
    if (c->sample != NULL)
        gst_sample_unref(c->sample);
    mt_free(c);
}
