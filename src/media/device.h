/* Sound devices by GStreamer: PulseAudio (which PipeWire serves too), else ALSA. */
#ifndef MT_MEDIA_DEVICE_H
#define MT_MEDIA_DEVICE_H

#include <gst/gst.h>
#include <stdbool.h>

#include "base/err.h"
#include "media/audio.h"

/* A source or sink element in state READY, which for a sound server means: it answered. NULL name: the default device.
 * The caller owns it (floating reference sunk) and adds it to his pipeline. MT_ESYS: no device could be opened. */
mt_err mt_device_open(bool mic, const char *name, GstElement **out) MT_MUST_CHECK;
bool mt_device_is_alsa(const char *name); /* by its name; NULL, the default device, is not */
/* What a person can do when that failed. */
const char *mt_device_advice(bool mic);
mt_err mt_device_list(mt_audio_device_fn *fn, void *ctx) MT_MUST_CHECK;

#endif
