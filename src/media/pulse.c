#include "media/pulse.h"

#ifndef MT_HAVE_PULSE

mt_err mt_pulse_open(bool mic, const char *name, const mt_pulse_events *events, void *ctx, mt_pulse **out) {
    return MT_ENOENT;
}

void mt_pulse_close(mt_pulse *p) {}

#else

#include <glib.h>
#include <pulse/pulseaudio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/i18n.h"
#include "base/log.h"
#include "media/pcm.h"

#define OPEN_US 3000000
#define MS_BYTES (MT_PCM_RATE / 1000 * sizeof(int16_t))
#define PIECE_MS 5 /* asked for or given at once */

/* What the server holds of ours: little, more where that did not do, and little again in time. It keeps a part of it in
 * its device. */
#define HELD_MS 15
#define HELD_MAX_MS 65
#define HELD_STEP_MS 10
#define GAPS 3           /* so many within the time of GAPS_US are no accident */
#define GAPS_US 5000000  /* also: how long a change may take effect */
#define CALM_US 20000000 /* without a gap: less is tried, and each time that it does not do after twice as long */
#define CALM_MAX_US 640000000

struct mt_pulse {
    mt_pulse_events events;
    void *ctx;
    bool mic;
    pa_threaded_mainloop *loop;
    pa_context *context;
    pa_stream *stream;
    bool late;  /* opening takes too long */
    char *name; /* of the device asked for; NULL: default */

    GMainContext *main;
    GSource *notice; /* of a failure, on its way; under the loop's lock until the loop has ended */
    bool open, told;

    unsigned held_ms, gaps;
    int64_t watch_us; /* since when gaps are counted */
    int64_t calm_us;  /* so long without one before less is tried */
    bool lessened;    /* the last change */
};

/* Failure, told in the main loop */

static gboolean on_notice(gpointer arg) {
    mt_pulse *p = arg;
    p->events.failed(p->ctx, _("the sound server or the device is gone")); /* p may be gone afterwards */
    return G_SOURCE_REMOVE;
}

static void tell_failed(mt_pulse *p) {
    if (!p->open || p->told)
        return;
    p->told = true;
    p->notice = g_idle_source_new();
    g_source_set_priority(p->notice, G_PRIORITY_DEFAULT);
    g_source_set_callback(p->notice, on_notice, p, NULL);
    g_source_attach(p->notice, p->main);
}

/* Callbacks of the library's thread, under the loop's lock */

static void on_context(pa_context *context, void *arg) {
    mt_pulse *p = arg;
    if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(context)))
        tell_failed(p);
    pa_threaded_mainloop_signal(p->loop, 0);
}

static void on_stream(pa_stream *stream, void *arg) {
    mt_pulse *p = arg;
    if (!PA_STREAM_IS_GOOD(pa_stream_get_state(stream)))
        tell_failed(p);
    pa_threaded_mainloop_signal(p->loop, 0);
}

/* What the server answers is not waited for. */
static void drop(pa_operation *o) {
    if (o != NULL)
        pa_operation_unref(o);
}

/* The device is gone and the server chose another, or the user did in his desktop. */
static void on_moved(pa_stream *stream, void *arg) {
    const mt_pulse *p = arg;
    mt_log(MT_LOG_INFO, "audio", "the sound server moved the %s to \"%s\"", p->mic ? "microphone" : "speaker",
           pa_stream_get_device_name(stream));
}

static void go_back(const mt_pulse *p, const char *come) {
    if (strcmp(come, p->name) != 0 || p->stream == NULL || pa_stream_get_state(p->stream) != PA_STREAM_READY)
        return;
    uint32_t stream = pa_stream_get_index(p->stream);
    drop(p->mic ? pa_context_move_source_output_by_name(p->context, stream, p->name, NULL, NULL)
                : pa_context_move_sink_input_by_name(p->context, stream, p->name, NULL, NULL));
}

static void on_sink(pa_context *context, const pa_sink_info *come, int end, void *arg) {
    if (end == 0)
        go_back(arg, come->name);
}

static void on_source(pa_context *context, const pa_source_info *come, int end, void *arg) {
    if (end == 0)
        go_back(arg, come->name);
}

/* A device has come: if it is the one asked for, the stream goes back there. */
static void on_device(pa_context *context, pa_subscription_event_type_t type, uint32_t index, void *arg) {
    const mt_pulse *p = arg;
    if ((type & PA_SUBSCRIPTION_EVENT_TYPE_MASK) != PA_SUBSCRIPTION_EVENT_NEW)
        return;
    drop(p->mic ? pa_context_get_source_info_by_index(context, index, on_source, arg)
                : pa_context_get_sink_info_by_index(context, index, on_sink, arg));
}

static void watch_devices(mt_pulse *p) {
    if (p->name == NULL)
        return;
    pa_context_set_subscribe_callback(p->context, on_device, p);
    drop(
        pa_context_subscribe(p->context, p->mic ? PA_SUBSCRIPTION_MASK_SOURCE : PA_SUBSCRIPTION_MASK_SINK, NULL, NULL));
}

static void on_late(pa_mainloop_api *api, pa_time_event *timer, const struct timeval *at, void *arg) {
    mt_pulse *p = arg;
    p->late = true;
    pa_threaded_mainloop_signal(p->loop, 0);
}

static void on_readable(pa_stream *stream, size_t len, void *arg) {
    mt_pulse *p = arg;
    const void *data = NULL;
    while (pa_stream_readable_size(stream) > 0 && pa_stream_peek(stream, &data, &len) == 0 && len > 0) {
        if (data != NULL) /* else a hole */
            p->events.pcm(p->ctx, data, len / sizeof(int16_t));
        pa_stream_drop(stream);
    }
}

static pa_buffer_attr attr_of(const mt_pulse *p) {
    return (pa_buffer_attr){.maxlength = (uint32_t)-1,
                            .tlength = (uint32_t)(p->held_ms * MS_BYTES),
                            .prebuf = 0,
                            .minreq = (uint32_t)(PIECE_MS * MS_BYTES),
                            .fragsize = (uint32_t)(PIECE_MS * MS_BYTES)};
}

static void hold(mt_pulse *p, unsigned held_ms) {
    p->held_ms = held_ms;
    mt_log(MT_LOG_DEBUG, "audio", "the sound server holds %u ms from now on", held_ms);
    pa_buffer_attr attr = attr_of(p);
    drop(pa_stream_set_buffer_attr(p->stream, &attr, NULL, NULL));
}

static void begin_watch(mt_pulse *p) {
    p->gaps = 0;
    p->watch_us = g_get_monotonic_time();
}

/* The machine is too busy for so little: more is held from now on. */
static void on_gap(pa_stream *stream, void *arg) {
    mt_pulse *p = arg;
    if (!p->open || ++p->gaps < GAPS)
        return;
    bool often = g_get_monotonic_time() - p->watch_us < GAPS_US;
    begin_watch(p);
    if (!often || p->held_ms >= HELD_MAX_MS)
        return;
    if (p->lessened && p->calm_us < CALM_MAX_US)
        p->calm_us *= 2;
    p->lessened = false;
    hold(p, p->held_ms + HELD_STEP_MS);
}

static void note_calm(mt_pulse *p) {
    if (p->held_ms == HELD_MS || g_get_monotonic_time() - p->watch_us < p->calm_us)
        return;
    bool calm = p->gaps == 0;
    begin_watch(p);
    if (!calm)
        return;
    p->lessened = true;
    hold(p, p->held_ms - HELD_STEP_MS);
}

static void on_writable(pa_stream *stream, size_t len, void *arg) {
    mt_pulse *p = arg;
    int16_t pcm[MT_PCM_BLOCK];
    while (len >= sizeof(pcm[0])) {
        size_t n = len / sizeof(pcm[0]) < MT_PCM_BLOCK ? len / sizeof(pcm[0]) : MT_PCM_BLOCK;
        p->events.take(p->ctx, pcm, n);
        if (pa_stream_write(stream, pcm, n * sizeof(pcm[0]), NULL, 0, PA_SEEK_RELATIVE) != 0)
            return;
        len -= n * sizeof(pcm[0]);
    }
    note_calm(p);
}

/* Opening */

static mt_err connect_context(mt_pulse *p) {
    pa_proplist *props = pa_proplist_new();
    pa_proplist_sets(props, PA_PROP_APPLICATION_NAME, "myTurn");
    p->context = pa_context_new_with_proplist(pa_threaded_mainloop_get_api(p->loop), "myTurn", props);
    pa_proplist_free(props);
    if (p->context == NULL)
        return MT_ENOMEM;
    pa_context_set_state_callback(p->context, on_context, p);
    if (pa_context_connect(p->context, NULL, PA_CONTEXT_NOFLAGS, NULL) < 0)
        return MT_ENOENT;
    while (!p->late && PA_CONTEXT_IS_GOOD(pa_context_get_state(p->context)) &&
           pa_context_get_state(p->context) != PA_CONTEXT_READY)
        pa_threaded_mainloop_wait(p->loop);
    return pa_context_get_state(p->context) == PA_CONTEXT_READY ? MT_OK : MT_ENOENT;
}

/* "phone": the desktop lowers music meanwhile and offers its own choice of device. */
static pa_stream *make_stream(mt_pulse *p) {
    const pa_sample_spec spec = {.format = PA_SAMPLE_S16NE, .rate = MT_PCM_RATE, .channels = 1};
    pa_proplist *props = pa_proplist_new();
    pa_proplist_sets(props, PA_PROP_MEDIA_ROLE, "phone");
    pa_stream *s = pa_stream_new_with_proplist(p->context, p->mic ? "microphone" : "partner", &spec, NULL, props);
    pa_proplist_free(props);
    return s;
}

static mt_err connect_stream(mt_pulse *p) {
    const char *name = p->name;
    const pa_buffer_attr attr = attr_of(p);
    p->stream = make_stream(p);
    if (p->stream == NULL)
        return MT_ENOMEM;
    pa_stream_set_state_callback(p->stream, on_stream, p);
    pa_stream_set_read_callback(p->stream, p->mic ? on_readable : NULL, p);
    pa_stream_set_write_callback(p->stream, p->mic ? NULL : on_writable, p);
    pa_stream_set_underflow_callback(p->stream, p->mic ? NULL : on_gap, p);
    pa_stream_set_moved_callback(p->stream, on_moved, p);
    int ret = p->mic ? pa_stream_connect_record(p->stream, name, &attr, PA_STREAM_ADJUST_LATENCY)
                     : pa_stream_connect_playback(p->stream, name, &attr, PA_STREAM_ADJUST_LATENCY, NULL, NULL);
    if (ret < 0)
        return MT_ESYS;
    while (!p->late && PA_STREAM_IS_GOOD(pa_stream_get_state(p->stream)) &&
           pa_stream_get_state(p->stream) != PA_STREAM_READY)
        pa_threaded_mainloop_wait(p->loop);
    return pa_stream_get_state(p->stream) == PA_STREAM_READY ? MT_OK : MT_ESYS;
}

static mt_err open_both(mt_pulse *p) {
    pa_threaded_mainloop_lock(p->loop);
    pa_mainloop_api *api = pa_threaded_mainloop_get_api(p->loop);
    struct timeval at;
    pa_gettimeofday(&at);
    pa_timeval_add(&at, OPEN_US);
    pa_time_event *timer = api->time_new(api, &at, on_late, p);
    mt_err err = connect_context(p);
    if (err == MT_OK)
        err = connect_stream(p);
    if (err == MT_OK)
        watch_devices(p);
    api->time_free(timer);
    p->open = err == MT_OK;
    begin_watch(p);
    if (err != MT_OK)
        mt_log(MT_LOG_DEBUG, "audio", "sound server: %s", pa_strerror(pa_context_errno(p->context)));
    pa_threaded_mainloop_unlock(p->loop);
    return err;
}

mt_err mt_pulse_open(bool mic, const char *name, const mt_pulse_events *events, void *ctx, mt_pulse **out) {
    mt_pulse *p = mt_calloc(1, sizeof(*p));
    if (p == NULL)
        return MT_ENOMEM;
    p->events = *events;
    p->ctx = ctx;
    p->mic = mic;
    p->held_ms = HELD_MS;
    p->calm_us = CALM_US;
    p->main = g_main_context_ref_thread_default();
    p->name = name != NULL ? mt_strdup(name) : NULL;
    p->loop = name == NULL || p->name != NULL ? pa_threaded_mainloop_new() : NULL;
    mt_err err = p->loop == NULL ? MT_ENOMEM : pa_threaded_mainloop_start(p->loop) < 0 ? MT_ESYS : MT_OK;
    if (err == MT_OK)
        err = open_both(p);
    if (err != MT_OK) {
        mt_pulse_close(p);
        return err;
    }
    *out = p;
    return MT_OK;
}

void mt_pulse_close(mt_pulse *p) {
    if (p == NULL)
        return;
    if (p->loop != NULL)
        pa_threaded_mainloop_stop(p->loop); /* joins; from here on there is one thread */
    if (p->stream != NULL) {
        pa_stream_disconnect(p->stream);
        pa_stream_unref(p->stream);
    }
    if (p->context != NULL) {
        pa_context_disconnect(p->context);
        pa_context_unref(p->context);
    }
    if (p->loop != NULL)
        pa_threaded_mainloop_free(p->loop);
    if (p->notice != NULL) {
        g_source_destroy(p->notice);
        g_source_unref(p->notice);
    }
    g_main_context_unref(p->main);
    mt_free(p->name);
    mt_free(p);
}

#endif
