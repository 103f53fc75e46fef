#include "sounds.h"

#include <gst/gst.h>
#include <string.h>

#include "app-id.h"

static GstElement *playing; /* the newest one; NULL: none */
static guint watch;

void mtg_sounds_stop(void) {
    g_clear_handle_id(&watch, g_source_remove);
    if (playing == NULL)
        return;
    (void)gst_element_set_state(playing, GST_STATE_NULL);
    g_clear_pointer(&playing, gst_object_unref);
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer arg) {
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS && GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR)
        return G_SOURCE_CONTINUE;
    watch = 0;
    mtg_sounds_stop();
    return G_SOURCE_REMOVE;
}

/* Opening a device may take its time: in a thread of GStreamer's. */
static void start(GstElement *pipeline, gpointer arg) {
    (void)gst_element_set_state(pipeline, GST_STATE_PLAYING);
}

void mtg_sounds_play(mtg_sound sound, const char *speaker) {
    gboolean device = g_str_has_prefix(speaker, "device:");
    if (!device && strcmp(speaker, "default") != 0)
        return;
    mtg_sounds_stop();
    gst_init(NULL, NULL);
    g_autofree char *text = g_strdup_printf(
        "giosrc location=resource://" MTG_RESOURCES "/sounds/%s.wav ! wavparse ! audioconvert ! audioresample ! %s",
        sound == MTG_SOUND_DRAWN ? "drawn" : "ended", device ? "pulsesink name=sink" : "autoaudiosink");
    playing = gst_parse_launch(text, NULL);
    if (playing == NULL)
        return; /* no such plugin: silence */
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(playing), "sink");
    if (device && sink != NULL)
        g_object_set(sink, "device", speaker + strlen("device:"), NULL);
    g_autoptr(GstBus) bus = gst_element_get_bus(playing);
    watch = gst_bus_add_watch(bus, on_message, NULL);
    gst_element_call_async(playing, start, NULL, NULL);
}
