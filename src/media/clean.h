/* Cleans the microphone's sound: takes out the echo of what the loudspeaker plays, noise, and differences in loudness.
 * By GStreamer's webrtcdsp where that plug-in is installed, else by libspeexdsp where it was built in.
 *
 * Both ends count blocks of 10 ms: a block from the microphone is compared with what went to the loudspeaker at the
 * time, and what the devices hold back is learnt by the canceller. */
#ifndef MT_MEDIA_CLEAN_H
#define MT_MEDIA_CLEAN_H

#include <stdint.h>

#include "base/err.h"
#include "media/pcm.h"

typedef struct mt_clean mt_clean;

typedef enum mt_clean_kind { MT_CLEAN_BEST, MT_CLEAN_WEBRTC, MT_CLEAN_SPEEX } mt_clean_kind;

/* MT_ENOENT: not available here. MT_ENOMEM, MT_ESYS. */
mt_err mt_clean_create(mt_clean_kind kind, mt_clean **out) MT_MUST_CHECK;
/* NULL is allowed. */
void mt_clean_destroy(mt_clean *c);
const char *mt_clean_name(const mt_clean *c); /* "webrtcdsp", "speexdsp" */

/* What goes to the loudspeaker. Any thread. */
void mt_clean_heard(mt_clean *c, const int16_t *pcm, size_t n_samples);
/* What comes from the microphone, in place. One thread, which may be another. */
void mt_clean_voice(mt_clean *c, int16_t pcm[MT_PCM_BLOCK]);

#endif
