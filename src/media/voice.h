/* Speech to packets and back, 48 kHz mono outside: Opus (RFC 6716, by libopus), L16 (RFC 3551 section 4.5.11:
 * big-endian), and telephony's PCMU and PCMA (RFC 3551 section 4.5.14), 8 kHz inside. No I/O.
 *
 * Opus runs at a constant bit rate: with a variable one the packets' sizes tell through the encryption what is said
 * (RFC 6562). */
#ifndef MT_MEDIA_VOICE_H
#define MT_MEDIA_VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "media/adapt.h"
#include "media/audio.h"

#define MT_VOICE_PACKET_MAX 1200 /* bytes of payload: Opus far less, 10 ms of L16 are 960 */

typedef struct mt_voice_enc mt_voice_enc;
typedef struct mt_voice_dec mt_voice_dec;

/* What RTP timestamps of the codec count, Hz (Opus: RFC 7587 section 4.1). Divides MT_PCM_RATE. */
uint32_t mt_voice_clock_hz(mt_audio_codec codec);

/* ptime_ms: 10 or 20; L16 10. MT_EINVAL, MT_ENOMEM, MT_ESYS. */
mt_err mt_voice_enc_create(mt_audio_codec codec, uint8_t ptime_ms, mt_voice_enc **out) MT_MUST_CHECK;
void mt_voice_enc_destroy(mt_voice_enc *e);
/* Forgets what was said: nothing of it is heard after the next packet. */
void mt_voice_enc_reset(mt_voice_enc *e);
/* Opus only: as the path needs it, from the next packet on; copies and pauses from the next quiet moment on, 30 packets
 * later at most. */
void mt_voice_enc_plan(mt_voice_enc *e, const mt_adapt_plan *plan);
/* Exactly ptime of samples; *out_len 0: nothing is to be sent for them (a pause, where the plan has dtx). MT_ESYS. */
mt_err mt_voice_encode(mt_voice_enc *e, const int16_t *pcm, uint8_t out[MT_VOICE_PACKET_MAX],
                       size_t *out_len) MT_MUST_CHECK;

mt_err mt_voice_dec_create(mt_audio_codec codec, mt_voice_dec **out) MT_MUST_CHECK;
void mt_voice_dec_destroy(mt_voice_dec *d);
void mt_voice_dec_reset(mt_voice_dec *d);
/* A payload's duration without decoding it: 1 … MT_PCM_FRAME_MAX samples. MT_EBAD: malformed. */
mt_err mt_voice_duration(mt_audio_codec codec, mt_slice payload, uint32_t *out_samples) MT_MUST_CHECK;
/* pcm has room for MT_PCM_FRAME_MAX. A payload that cannot be decoded is concealed; the duration is always written. */
void mt_voice_decode(mt_voice_dec *d, mt_slice payload, uint32_t samples, int16_t *pcm);
/* Whether the encoder took the packet for a pause: known of SILK's only (RFC 6716 section 4.2.3). */
bool mt_voice_is_pause(mt_audio_codec codec, mt_slice payload);
/* The sound of a lost packet out of the copy in the one that follows it; false, and nothing is written, if there is
 * none. Then the following packet is decoded as usual. */
bool mt_voice_recover(mt_voice_dec *d, mt_slice next, uint32_t samples, int16_t *pcm);
/* Invents the sound of a lost packet. */
void mt_voice_conceal(mt_voice_dec *d, uint32_t samples, int16_t *pcm);

#endif
