#include "media/pipe.h"

#include <stdbool.h>

#include "base/alloc.h"
#include "base/log.h"
#include "media/pcm.h"

struct mt_pipe {
    GstElement *pipeline;
    GstElement *last; /* borrowed from the pipeline */
    bool broken;
    GSource *watch;
    mt_pipe_failed_fn *failed;
    void *ctx;
};

GstCaps *mt_pipe_caps(void) {
    const char *format = G_BYTE_ORDER == G_LITTLE_ENDIAN ? "S16LE" : "S16BE";
    return gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, format, "rate", G_TYPE_INT, MT_PCM_RATE,
                               "channels", G_TYPE_INT, 1, "layout", G_TYPE_STRING, "interleaved", NULL);
}

static gboolean on_bus(GstBus *bus, GstMessage *msg, gpointer arg) {
    mt_pipe *p = arg;
    if (GST_MESSAGE_TYPE(msg) != GST_MESSAGE_ERROR)
        return G_SOURCE_CONTINUE;
    GError *error = NULL;
    char *debug = NULL;
    gst_message_parse_error(msg, &error, &debug);
    mt_log(MT_LOG_DEBUG, "audio", "%s: %s", error->message, debug != NULL ? debug : "");
    p->failed(p->ctx, error->message); /* p may be gone afterwards */
    g_error_free(error);
    g_free(debug);
    return G_SOURCE_REMOVE;
}

static void watch_bus(mt_pipe *p) {
    GstBus *bus = gst_element_get_bus(p->pipeline);
    p->watch = gst_bus_create_watch(bus);
    g_source_set_callback(p->watch, G_SOURCE_FUNC(on_bus), p, NULL);
    GMainContext *context = g_main_context_ref_thread_default();
    g_source_attach(p->watch, context);
    g_main_context_unref(context);
    gst_object_unref(bus);
}

mt_err mt_pipe_create(mt_pipe_failed_fn *failed, void *ctx, mt_pipe **out) {
    mt_pipe *p = mt_calloc(1, sizeof(*p));
    if (p == NULL)
        return MT_ENOMEM;
    p->failed = failed;
    p->ctx = ctx;
    p->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    watch_bus(p);
    *out = p;
    return MT_OK;
}

void mt_pipe_add(mt_pipe *p, GstElement *e) {
    if (!gst_bin_add(GST_BIN(p->pipeline), e)) {
        p->broken = true;
        return;
    }
    if (p->last != NULL && !gst_element_link(p->last, e))
        p->broken = true;
    p->last = e;
}

GstElement *mt_pipe_make(mt_pipe *p, const char *factory) {
    GstElement *e = gst_element_factory_make(factory, NULL);
    if (e == NULL) {
        mt_log(MT_LOG_ERROR, "audio", "GStreamer has no element \"%s\"", factory);
        p->broken = true;
        return NULL;
    }
    mt_pipe_add(p, e);
    return e;
}

void mt_pipe_convert(mt_pipe *p, bool filter) {
    mt_pipe_make(p, "audioconvert");
    mt_pipe_make(p, "audioresample");
    GstElement *e = filter ? mt_pipe_make(p, "capsfilter") : NULL;
    if (e == NULL)
        return;
    GstCaps *caps = mt_pipe_caps();
    g_object_set(e, "caps", caps, NULL);
    gst_caps_unref(caps);
}

mt_err mt_pipe_start(mt_pipe *p) {
    if (p->broken)
        return MT_ESYS;
    GstStateChangeReturn ret = gst_element_set_state(p->pipeline, GST_STATE_PLAYING);
    return ret != GST_STATE_CHANGE_FAILURE ? MT_OK : MT_ESYS;
}

mt_err mt_pipe_wait(mt_pipe *p, unsigned timeout_ms) {
    GstStateChangeReturn ret = gst_element_get_state(p->pipeline, NULL, NULL, timeout_ms * GST_MSECOND);
    return ret == GST_STATE_CHANGE_SUCCESS ? MT_OK : MT_ESYS;
}

void mt_pipe_destroy(mt_pipe *p) {
    if (p == NULL)
        return;
    g_source_destroy(p->watch);
    g_source_unref(p->watch);
    gst_element_set_state(p->pipeline, GST_STATE_NULL);
    gst_object_unref(p->pipeline);
    mt_free(p);
}
