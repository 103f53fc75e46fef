/* Writes a WAV file (RIFF, PCM 16 bit, 48 kHz, mono) as time passes. Its header is renewed each second of sound, so
 * that the file of a killed process can be read too. One thread at a time. */
#ifndef MT_MEDIA_WAV_H
#define MT_MEDIA_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct mt_wav mt_wav;

/* Creates or empties the file, readable by its owner alone. MT_ESYS: errno tells. MT_ENOMEM. */
mt_err mt_wav_create(const char *path, mt_wav **out) MT_MUST_CHECK;
/* MT_ESYS: the disk is full or gone; MT_ELIMIT: the format's 4 GiB (12 hours) are used up. What was written before
 * stays valid. */
mt_err mt_wav_write(mt_wav *w, const int16_t *pcm, size_t n_samples) MT_MUST_CHECK;
/* NULL is allowed. */
void mt_wav_destroy(mt_wav *w);

#endif
