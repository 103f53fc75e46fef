/* GStreamer's webrtcdsp and webrtcechoprobe, driven by hand: a block is pushed into the element's pad and comes out of
 * it before the push returns, in the caller's thread. No pipeline, no clock, no thread. */
#include <gst/gst.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/log.h"
#include "media/clean_engine.h"
#include "media/pipe.h"

typedef struct stage {
    GstElement *element;
    GstPad *in, *out; /* ours: linked to the element's sink and source pads */
} stage;

typedef struct webrtc_engine {
    mt_clean_engine base;
    stage probe, dsp;
    GstClockTime now; /* running time of the block */
    int16_t *voice;   /* where the block that comes out goes */
} webrtc_engine;

static GstFlowReturn on_heard(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static GstFlowReturn on_voice(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    webrtc_engine *e = gst_pad_get_element_private(pad);
    if (e->voice != NULL && gst_buffer_get_size(buffer) == MT_PCM_BLOCK * sizeof(int16_t))
        gst_buffer_extract(buffer, 0, e->voice, MT_PCM_BLOCK * sizeof(int16_t));
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static void close_stage(stage *s) {
    if (s->in != NULL)
        gst_pad_set_active(s->in, FALSE);
    if (s->element != NULL)
        gst_element_set_state(s->element, GST_STATE_NULL);
    if (s->out != NULL)
        gst_pad_set_active(s->out, FALSE);
    g_clear_pointer(&s->in, gst_object_unref);
    g_clear_pointer(&s->out, gst_object_unref);
    g_clear_pointer(&s->element, gst_object_unref);
}

static void destroy(mt_clean_engine *base) {
    webrtc_engine *e = (webrtc_engine *)base;
    close_stage(&e->dsp);
    close_stage(&e->probe);
    mt_free(e);
}

static GstPad *linked_pad(GstElement *element, const char *name, GstPadDirection direction) {
    GstPad *theirs = gst_element_get_static_pad(element, name);
    GstPad *ours = gst_object_ref_sink(gst_pad_new(NULL, direction));
    if (theirs == NULL)
        return ours; /* unlinked: the first push fails */
    GstPadLinkReturn ret = direction == GST_PAD_SRC ? gst_pad_link(ours, theirs) : gst_pad_link(theirs, ours);
    if (GST_PAD_LINK_FAILED(ret))
        mt_log(MT_LOG_WARN, "audio", "the canceller's pads cannot be linked");
    gst_object_unref(theirs);
    return ours;
}

static mt_err open_stage(webrtc_engine *e, stage *s, GstPadChainFunction chain) {
    s->in = linked_pad(s->element, "sink", GST_PAD_SRC);
    s->out = linked_pad(s->element, "src", GST_PAD_SINK);
    gst_pad_set_element_private(s->out, e);
    gst_pad_set_chain_function(s->out, chain);
    gst_pad_set_active(s->out, TRUE);
    if (gst_element_set_state(s->element, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        return MT_ESYS;
    gst_pad_set_active(s->in, TRUE);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    GstCaps *caps = mt_pipe_caps();
    bool ok = gst_pad_push_event(s->in, gst_event_new_stream_start("voice")) &&
              gst_pad_push_event(s->in, gst_event_new_caps(caps)) &&
              gst_pad_push_event(s->in, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
    return ok ? MT_OK : MT_ESYS;
}

static bool push(webrtc_engine *e, const stage *s, const int16_t *pcm) {
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, MT_PCM_BLOCK * sizeof(int16_t), NULL);
    gst_buffer_fill(buffer, 0, pcm, MT_PCM_BLOCK * sizeof(int16_t));
    GST_BUFFER_PTS(buffer) = e->now;
    GST_BUFFER_DURATION(buffer) = MT_PCM_BLOCK_MS * GST_MSECOND;
    return gst_pad_push(s->in, buffer) == GST_FLOW_OK;
}

/* What cannot be cleaned stays as it is. */
static void process(mt_clean_engine *base, const int16_t *heard, int16_t *voice) {
    webrtc_engine *e = (webrtc_engine *)base;
    e->voice = voice;
    (void)push(e, &e->probe, heard);
    (void)push(e, &e->dsp, voice);
    e->voice = NULL;
    e->now += MT_PCM_BLOCK_MS * GST_MSECOND;
}

static mt_err setup(webrtc_engine *e) {
    e->probe.element = gst_element_factory_make("webrtcechoprobe", NULL); /* its name is unique */
    e->dsp.element = gst_element_factory_make("webrtcdsp", NULL);
    if (e->probe.element == NULL || e->dsp.element == NULL)
        return MT_ENOENT;
    gst_object_ref_sink(e->probe.element);
    gst_object_ref_sink(e->dsp.element);
    /* Their defaults would need 8 s and more to learn the path. */
    g_object_set(e->dsp.element, "probe", GST_OBJECT_NAME(e->probe.element), "extended-filter", TRUE, "delay-agnostic",
                 TRUE, NULL);
    mt_err err = open_stage(e, &e->probe, on_heard);
    if (err != MT_OK)
        return err;
    gst_pad_push_event(e->probe.out, gst_event_new_latency(0)); /* without it the probe gives nothing */
    return open_stage(e, &e->dsp, on_voice);
}

mt_err mt_clean_webrtc(mt_clean_engine **out) {
    webrtc_engine *e = mt_calloc(1, sizeof(*e));
    if (e == NULL)
        return MT_ENOMEM;
    e->base = (mt_clean_engine){"webrtcdsp", process, destroy};
    mt_err err = setup(e);
    if (err != MT_OK) {
        destroy(&e->base);
        return err;
    }
    *out = &e->base;
    return MT_OK;
}
