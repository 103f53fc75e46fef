/* From RTP to sound: jitter buffer and decoder behind one lock. Packets come from any thread, blocks are taken by the
 * one that plays. */
#ifndef MT_MEDIA_RECEIVER_H
#define MT_MEDIA_RECEIVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/audio.h"
#include "media/pcm.h"

typedef struct mt_receiver mt_receiver;

mt_err mt_receiver_create(const mt_audio_config *cfg, mt_receiver **out) MT_MUST_CHECK;
void mt_receiver_destroy(mt_receiver *r);
/* Copied; what is not RTP of the agreed payload type is dropped. */
void mt_receiver_put(mt_receiver *r, mt_slice packet, int64_t now_us);
/* The next samples, MT_PCM_BLOCK at most; silence when nobody speaks. */
void mt_receiver_take(mt_receiver *r, int64_t now_us, int16_t *out, size_t n_samples);
void mt_receiver_stats(mt_receiver *r, mt_audio_stats *out); /* the received side of it */

#endif
