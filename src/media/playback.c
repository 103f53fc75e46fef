#include "media/playback.h"

#include <gst/app/gstappsrc.h>

#include "base/alloc.h"
#include "base/i18n.h"
#include "base/log.h"
#include "media/device.h"
#include "media/pace.h"
#include "media/pipe.h"
#include "media/pulse.h"
#include "media/wav.h"

#define PIECE_MS 5 /* what waits for room in the device's buffer is delay: little */
#define PIECE (PIECE_MS * MT_PCM_RATE / 1000)

struct mt_playback {
    mt_playback_events events;
    void *ctx;
    mt_pulse *pulse;
    mt_pipe *pipe;
    mt_pace *pace;
    mt_wav *wav;
    uint64_t pieces; /* handed to the device */
};

static void on_failed(void *ctx, const char *what) {
    mt_playback *p = ctx;
    p->events.failed(p->ctx, what);
}

/* File or nowhere: by the clock */

static void tick(void *ctx) {
    mt_playback *p = ctx;
    int16_t pcm[MT_PCM_BLOCK];
    p->events.take(p->ctx, pcm, MT_PCM_BLOCK);
    if (p->wav == NULL || mt_wav_write(p->wav, pcm, MT_PCM_BLOCK) == MT_OK)
        return;
    mt_log(MT_LOG_ERROR, "audio", "the recording ends here: its disk or the format's size is full");
    mt_wav_destroy(p->wav);
    p->wav = NULL;
}

static mt_err start_file(mt_playback *p, const char *path, const char **why) {
    *why = N_("The speaker's file cannot be written: give a path in a folder that exists.");
    mt_err err = mt_wav_create(path, &p->wav);
    return err == MT_OK ? mt_pace_create(tick, p, &p->pace) : err;
}

/* Device: it asks when its buffer has room, so nothing waits in between */

static void on_need_data(GstAppSrc *src, guint length, gpointer arg) {
    mt_playback *p = arg;
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, PIECE * sizeof(int16_t), NULL);
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
        gst_buffer_unref(buffer);
        return;
    }
    p->events.take(p->ctx, (int16_t *)(void *)map.data, PIECE);
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = p->pieces * PIECE_MS * GST_MSECOND;
    GST_BUFFER_DURATION(buffer) = PIECE_MS * GST_MSECOND;
    p->pieces++;
    gst_app_src_push_buffer(src, buffer);
}

static bool add_src(mt_playback *p) {
    GstElement *e = mt_pipe_make(p->pipe, "appsrc");
    if (e == NULL)
        return false;
    GstCaps *caps = mt_pipe_caps();
    g_object_set(e, "caps", caps, "format", GST_FORMAT_TIME, "max-bytes", (guint64)1, NULL);
    gst_caps_unref(caps);
    GstAppSrcCallbacks callbacks = {.need_data = on_need_data};
    gst_app_src_set_callbacks(GST_APP_SRC(e), &callbacks, p, NULL);
    mt_pipe_convert(p->pipe, false);
    return true;
}

static void on_pulse_take(void *ctx, int16_t *out, size_t n_samples) {
    mt_playback *p = ctx;
    p->events.take(p->ctx, out, n_samples);
}

static mt_err start_element(mt_playback *p, const char *name) {
    GstElement *device = NULL;
    mt_err err = mt_device_open(false, name, &device);
    if (err != MT_OK)
        return err;
    err = mt_pipe_create(on_failed, p, &p->pipe);
    if (err != MT_OK || !add_src(p)) {
        gst_element_set_state(device, GST_STATE_NULL);
        gst_object_unref(device);
        return err == MT_OK ? MT_ESYS : err;
    }
    mt_pipe_add(p->pipe, device);
    gst_object_unref(device);
    return mt_pipe_start(p->pipe);
}

static mt_err start_device(mt_playback *p, const mt_spec *spec, const char **why) {
    static const mt_pulse_events events = {.take = on_pulse_take, .failed = on_failed};
    *why = mt_device_advice(false);
    mt_err err = mt_device_is_alsa(spec->arg) ? MT_ENOENT : mt_pulse_open(false, spec->arg, &events, p, &p->pulse);
    return err == MT_ENOENT && !spec->server_only ? start_element(p, spec->arg) : err;
}

static mt_err start(mt_playback *p, const mt_spec *spec, const char **why) {
    if (spec->kind == MT_SPEC_NONE)
        return mt_pace_create(tick, p, &p->pace);
    return spec->kind == MT_SPEC_FILE ? start_file(p, spec->arg, why) : start_device(p, spec, why);
}

mt_err mt_playback_create(const mt_spec *spec, const mt_playback_events *events, void *ctx, mt_playback **out,
                          const char **why) {
    if (spec->kind == MT_SPEC_TONE)
        return MT_EINVAL;
    mt_playback *p = mt_calloc(1, sizeof(*p));
    if (p == NULL)
        return MT_ENOMEM;
    p->events = *events;
    p->ctx = ctx;
    mt_err err = start(p, spec, why);
    if (err != MT_OK) {
        mt_playback_destroy(p);
        return err;
    }
    *out = p;
    return MT_OK;
}

void mt_playback_destroy(mt_playback *p) {
    if (p == NULL)
        return;
    mt_pulse_close(p->pulse);
    mt_pace_destroy(p->pace);
    mt_pipe_destroy(p->pipe);
    mt_wav_destroy(p->wav);
    mt_free(p);
}
