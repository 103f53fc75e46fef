/* Two ends of a talk in one process, wired to each other, in real time: what is said at one end is heard at the other.
 */
#ifndef TESTS_MEDIA_AUDIO_KIT_H
#define TESTS_MEDIA_AUDIO_KIT_H

#include <stdatomic.h>

#include "media/audio.h"
#include "media/pcm.h"

#define HEARD_MAX (20 * MT_PCM_RATE)
#define SAID_MAX (2 * MT_PCM_RATE)
#define ATTEMPTS 4 /* real time is not to be had each time where everything else runs too */

typedef struct end {
    mt_audio *audio;
    struct end *other;
    unsigned drop_each; /* 0: none; n: each n-th packet is lost */
    atomic_uint sent;
    atomic_uint errors, mic_levels, speaker_levels;
} end;

extern const mt_audio_events events; /* of an end */
extern int16_t heard[HEARD_MAX], said[SAID_MAX];
extern size_t heard_len;
extern size_t said_ms, recorded_ms; /* what really passed while saying and recording, on a busy machine */

size_t now_ms(void);
void run_ms(unsigned ms);
void open_end(end *e, const char *mic, const char *speaker, mt_audio_codec codec, uint8_t ptime_ms);
const char *in_dir(const char *prefix, const char *name); /* of the test's folder; good for three calls more */
const char *write_said(size_t n);                         /* `said` as a file; its SPEC */
void read_heard(void);
/* Said at one end with `mic` for `ms`, what the other end heard is in `heard`. */
void say(const char *mic, mt_audio_codec codec, uint8_t ptime_ms, unsigned ms, unsigned drop_each);
/* Of a piece of what was heard: amplitude of the frequency (Goertzel), and all of it. */
double amplitude(size_t from, size_t n, double hz);
double rms(size_t from, size_t n);

int begin(void **state);
int finish(void **state);

#endif
