/* From sound to RTP: frames, encoding, sequence numbers and timestamps. One thread at
 * a time, but where it says so. */
#ifndef MT_MEDIA_SENDER_H
#define MT_MEDIA_SENDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "media/adapt.h"
#include "media/audio.h"
#include "media/report.h"

typedef struct mt_sender mt_sender;
typedef void mt_sender_fn(void *ctx, const void *packet, size_t len_bytes);

/* SSRC, first sequence number and first timestamp are random (RFC 3550 section 5.1). MT_EINVAL, MT_ENOMEM, MT_ESYS. */
mt_err mt_sender_create(const mt_audio_config *cfg, mt_sender_fn *fn, void *ctx, mt_sender **out) MT_MUST_CHECK;
void mt_sender_destroy(mt_sender *s);
/* The microphone was switched on: nothing of before is sent, the timestamp moves on by the time that has passed, the
 * next packet is marked. */
void mt_sender_begin(mt_sender *s, int64_t now_us);
/* Any number of samples, as they come. Calls fn for each full frame. */
void mt_sender_pcm(mt_sender *s, const int16_t *pcm, size_t n_samples);

/* Any thread. */
void mt_sender_plan(mt_sender *s, const mt_adapt_plan *plan); /* from the next frame on */
void mt_sender_report(mt_sender *s, int64_t now_us, mt_report_sent *out);
uint64_t mt_sender_sent(mt_sender *s); /* packets */

#endif
