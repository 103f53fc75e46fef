#include "media/device.h"

#include <string.h>

#include "base/i18n.h"
#include "base/log.h"
#include "media/pcm.h"

#define BUFFER_US 20000 /* what a device holds at most */
#define PERIOD_US 5000  /* with half of the buffer a sound server would set no latency of its own at all and spin */

static void set_if_there(GstElement *e, const char *property, const char *value) {
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(e), property) != NULL)
        gst_util_set_object_arg(G_OBJECT(e), property, value);
}

/* "phone": the desktop lowers music meanwhile and offers its own choice of device. */
static void setup(GstElement *e, const char *name) {
    g_object_set(e, "buffer-time", (gint64)BUFFER_US, "latency-time", (gint64)PERIOD_US, NULL);
    set_if_there(e, "client-name", "myTurn");
    set_if_there(e, "stream-properties", "props,media.role=phone");
    if (name != NULL)
        g_object_set(e, "device", name, NULL);
}

static GstElement *try_open(const char *factory, const char *name) {
    GstElement *e = gst_element_factory_make(factory, NULL);
    if (e == NULL)
        return NULL;
    gst_object_ref_sink(e);
    setup(e, name);
    if (gst_element_set_state(e, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE)
        return e;
    gst_element_set_state(e, GST_STATE_NULL);
    gst_object_unref(e);
    return NULL;
}

/* hw:0, plughw:1,0 … */
bool mt_device_is_alsa(const char *name) {
    return name != NULL && strchr(name, ':') != NULL;
}

mt_err mt_device_open(bool mic, const char *name, GstElement **out) {
    const char *pulse = mic ? "pulsesrc" : "pulsesink";
    const char *alsa = mic ? "alsasrc" : "alsasink";
    GstElement *e = mt_device_is_alsa(name) ? NULL : try_open(pulse, name);
    if (e == NULL)
        e = try_open(alsa, name);
    if (e == NULL)
        return MT_ESYS;
    *out = e;
    return MT_OK;
}

const char *mt_device_advice(bool mic) {
    return mic ? N_("No microphone can be opened. Plug one in or start the sound server (PipeWire or PulseAudio).")
               : N_("No loudspeaker can be opened. Plug one in or start the sound server (PipeWire or PulseAudio).");
}

/* The name by which a device is opened is known to the element that its provider makes. */
static char *name_of(GstDevice *device) {
    GstElement *e = gst_device_create_element(device, NULL);
    if (e == NULL)
        return NULL;
    gst_object_ref_sink(e);
    char *name = NULL;
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(e), "device") != NULL)
        g_object_get(e, "device", &name, NULL);
    gst_object_unref(e);
    return name;
}

static void report(GstDevice *device, mt_audio_device_fn *fn, void *ctx) {
    char *name = name_of(device);
    char *label = gst_device_get_display_name(device);
    if (name != NULL && label != NULL)
        fn(ctx, gst_device_has_classes(device, "Audio/Source"), name, label);
    g_free(label);
    g_free(name);
}

static mt_err list_of(GstDeviceProvider *provider, mt_audio_device_fn *fn, void *ctx) {
    bool started = gst_device_provider_can_monitor(provider); /* others are only asked */
    if (started && !gst_device_provider_start(provider))
        return MT_ESYS;
    GList *devices = gst_device_provider_get_devices(provider);
    for (GList *it = devices; it != NULL; it = it->next)
        report(it->data, fn, ctx);
    g_list_free_full(devices, gst_object_unref);
    if (started)
        gst_device_provider_stop(provider);
    return MT_OK;
}

/* In the order in which a device is opened. Not by GstDeviceMonitor: it asks a provider that could not be started for
 * its devices all the same, and PulseAudio's then leaves a memory file and two pipes open each time (1.22). */
mt_err mt_device_list(mt_audio_device_fn *fn, void *ctx) {
    static const char *const providers[] = {"pulsedeviceprovider", "alsadeviceprovider"};
    mt_err err = MT_ESYS;
    for (size_t i = 0; i < G_N_ELEMENTS(providers) && err != MT_OK; i++) {
        GstDeviceProvider *provider = gst_device_provider_factory_get_by_name(providers[i]);
        if (provider == NULL)
            continue;
        err = list_of(provider, fn, ctx);
        gst_object_unref(provider);
    }
    return err;
}
