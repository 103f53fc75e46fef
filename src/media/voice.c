#include "media/voice.h"

#include <opus/opus.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "media/g711.h"
#include "media/narrow.h"
#include "media/pcm.h"

#define OPUS_COMPLEXITY 5
#define QUIET_PEAK 500    /* -36 dB: there a change of the encoder's way is not heard */
#define QUIET_WAIT 30     /* packets that such a moment is waited for */
#define OPUS_STEP 120     /* 2.5 ms: what the decoder can invent is a multiple of it */
#define OPUS_PAUSE_MAX 2  /* bytes: a packet so short need not be sent */
#define REPEAT_GAIN_MAX 3 /* without Opus a packet is repeated at 3/4, 2/4, 1/4, then silence */
#define NARROW_MAX (MT_PCM_FRAME_MAX / MT_NARROW_FACTOR)

struct mt_voice_enc {
    mt_audio_codec codec;
    int frame; /* samples in a packet */
    OpusEncoder *opus;
    bool robust, is_robust; /* Opus: copies or pauses are wanted, and what it is set to */
    int waited;             /* packets for a quiet moment to change it; -1: nothing was said yet */
    mt_narrow narrow;       /* G.711 */
};

struct mt_voice_dec {
    mt_audio_codec codec;
    OpusDecoder *opus;
    mt_narrow narrow;           /* G.711 */
    int16_t last[MT_PCM_BLOCK]; /* without Opus: the end of what was heard */
    int repeat_gain;            /* quarters */
};

static bool is_narrow(mt_audio_codec codec) {
    return codec == MT_AUDIO_PCMU || codec == MT_AUDIO_PCMA;
}

uint32_t mt_voice_clock_hz(mt_audio_codec codec) {
    return is_narrow(codec) ? MT_PCM_RATE / MT_NARROW_FACTOR : MT_PCM_RATE;
}

static mt_err setup_opus(mt_voice_enc *e) {
    int err = OPUS_OK;
    e->opus = opus_encoder_create(MT_PCM_RATE, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &err);
    if (e->opus == NULL)
        return err == OPUS_ALLOC_FAIL ? MT_ENOMEM : MT_ESYS;
    bool ok = opus_encoder_ctl(e->opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) == OPUS_OK &&
              opus_encoder_ctl(e->opus, OPUS_SET_VBR(0)) == OPUS_OK &&
              opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY(OPUS_COMPLEXITY)) == OPUS_OK;
    mt_adapt plain;
    mt_adapt_init(&plain);
    mt_voice_enc_plan(e, &plain.plan);
    return ok ? MT_OK : MT_ESYS;
}

void mt_voice_enc_plan(mt_voice_enc *e, const mt_adapt_plan *plan) {
    if (e->opus == NULL)
        return;
    e->robust = plan->fec || plan->dtx;
    opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((opus_int32)plan->bit_rate));
    opus_encoder_ctl(e->opus, OPUS_SET_INBAND_FEC(plan->fec ? 1 : 0));
    opus_encoder_ctl(e->opus, OPUS_SET_PACKET_LOSS_PERC((opus_int32)plan->loss_percent));
    opus_encoder_ctl(e->opus, OPUS_SET_DTX(plan->dtx ? 1 : 0));
}

mt_err mt_voice_enc_create(mt_audio_codec codec, uint8_t ptime_ms, mt_voice_enc **out) {
    if (ptime_ms != 10 && !(ptime_ms == 20 && codec != MT_AUDIO_L16))
        return MT_EINVAL;
    mt_voice_enc *e = mt_calloc(1, sizeof(*e));
    if (e == NULL)
        return MT_ENOMEM;
    e->codec = codec;
    e->frame = ptime_ms * (MT_PCM_RATE / 1000);
    e->waited = -1;
    mt_narrow_init(&e->narrow);
    mt_err err = codec == MT_AUDIO_OPUS ? setup_opus(e) : MT_OK;
    if (err != MT_OK) {
        mt_voice_enc_destroy(e);
        return err;
    }
    *out = e;
    return MT_OK;
}

void mt_voice_enc_destroy(mt_voice_enc *e) {
    if (e == NULL)
        return;
    if (e->opus != NULL)
        opus_encoder_destroy(e->opus);
    mt_free(e);
}

void mt_voice_enc_reset(mt_voice_enc *e) {
    if (e->opus != NULL)
        opus_encoder_ctl(e->opus, OPUS_RESET_STATE);
    e->waited = -1;
    mt_narrow_reset(&e->narrow);
}

/* Copies of lost packets and pauses are SILK's: it takes four times the CPU, and 4 ms more of delay. Without them CELT
 * alone does. The encoder begins anew then, and the sound moves by these 4 ms. */
static void follow_plan(mt_voice_enc *e, const int16_t *pcm) {
    bool begun = e->waited >= 0;
    if (!begun)
        e->waited = 0;
    if (e->robust == e->is_robust)
        return;
    if (begun && mt_pcm_peak(pcm, (size_t)e->frame) > QUIET_PEAK && e->waited++ < QUIET_WAIT)
        return;
    opus_encoder_ctl(e->opus, OPUS_RESET_STATE);
    opus_encoder_ctl(e->opus,
                     OPUS_SET_APPLICATION(e->robust ? OPUS_APPLICATION_AUDIO : OPUS_APPLICATION_RESTRICTED_LOWDELAY));
    e->is_robust = e->robust;
    e->waited = 0;
}

static size_t encode_l16(const mt_voice_enc *e, const int16_t *pcm, uint8_t *out) {
    for (int i = 0; i < e->frame; i++) {
        out[2 * i] = (uint8_t)((uint16_t)pcm[i] >> 8);
        out[2 * i + 1] = (uint8_t)pcm[i];
    }
    return 2 * (size_t)e->frame;
}

static size_t encode_narrow(mt_voice_enc *e, const int16_t *pcm, uint8_t *out) {
    int16_t narrow[NARROW_MAX];
    size_t n = (size_t)e->frame / MT_NARROW_FACTOR;
    mt_narrow_down(&e->narrow, pcm, narrow, n);
    for (size_t i = 0; i < n; i++)
        out[i] = e->codec == MT_AUDIO_PCMU ? mt_g711_ulaw(narrow[i]) : mt_g711_alaw(narrow[i]);
    return n;
}

mt_err mt_voice_encode(mt_voice_enc *e, const int16_t *pcm, uint8_t out[MT_VOICE_PACKET_MAX], size_t *out_len) {
    if (e->codec != MT_AUDIO_OPUS) {
        *out_len = e->codec == MT_AUDIO_L16 ? encode_l16(e, pcm, out) : encode_narrow(e, pcm, out);
        return MT_OK;
    }
    follow_plan(e, pcm);
    opus_int32 n = opus_encode(e->opus, pcm, e->frame, out, MT_VOICE_PACKET_MAX);
    if (n <= 0) {
        mt_log(MT_LOG_WARN, "audio", "opus encoder: %s", opus_strerror(n));
        return MT_ESYS;
    }
    *out_len = n > OPUS_PAUSE_MAX ? (size_t)n : 0;
    return MT_OK;
}

mt_err mt_voice_dec_create(mt_audio_codec codec, mt_voice_dec **out) {
    mt_voice_dec *d = mt_calloc(1, sizeof(*d));
    if (d == NULL)
        return MT_ENOMEM;
    d->codec = codec;
    mt_narrow_init(&d->narrow);
    int err = OPUS_OK;
    if (codec == MT_AUDIO_OPUS)
        d->opus = opus_decoder_create(MT_PCM_RATE, 1, &err);
    if (err != OPUS_OK) {
        mt_free(d);
        return err == OPUS_ALLOC_FAIL ? MT_ENOMEM : MT_ESYS;
    }
    *out = d;
    return MT_OK;
}

void mt_voice_dec_destroy(mt_voice_dec *d) {
    if (d == NULL)
        return;
    if (d->opus != NULL)
        opus_decoder_destroy(d->opus);
    mt_free(d);
}

void mt_voice_dec_reset(mt_voice_dec *d) {
    if (d->opus != NULL)
        opus_decoder_ctl(d->opus, OPUS_RESET_STATE);
    mt_narrow_reset(&d->narrow);
    memset(d->last, 0, sizeof(d->last));
    d->repeat_gain = 0;
}

mt_err mt_voice_duration(mt_audio_codec codec, mt_slice payload, uint32_t *out_samples) {
    if (payload.len == 0 || payload.len > INT32_MAX)
        return MT_EBAD;
    if (codec == MT_AUDIO_L16) {
        if (payload.len % 2 != 0 || payload.len / 2 > MT_PCM_FRAME_MAX)
            return MT_EBAD;
        *out_samples = (uint32_t)(payload.len / 2);
        return MT_OK;
    }
    if (is_narrow(codec)) {
        if (payload.len > NARROW_MAX)
            return MT_EBAD;
        *out_samples = (uint32_t)payload.len * MT_NARROW_FACTOR;
        return MT_OK;
    }
    int n = opus_packet_get_nb_samples((const unsigned char *)payload.p, (opus_int32)payload.len, MT_PCM_RATE);
    if (n <= 0 || n > MT_PCM_FRAME_MAX)
        return MT_EBAD;
    *out_samples = (uint32_t)n;
    return MT_OK;
}

static void remember_end(mt_voice_dec *d, const int16_t *pcm, uint32_t samples) {
    if (samples < MT_PCM_BLOCK)
        memset(d->last, 0, sizeof(d->last));
    uint32_t n = samples < MT_PCM_BLOCK ? samples : MT_PCM_BLOCK;
    memcpy(d->last, pcm + (samples - n), n * sizeof(pcm[0]));
    d->repeat_gain = REPEAT_GAIN_MAX;
}

static void decode_l16(mt_voice_dec *d, mt_slice payload, uint32_t samples, int16_t *pcm) {
    const uint8_t *p = (const uint8_t *)payload.p;
    for (uint32_t i = 0; i < samples; i++)
        pcm[i] = (int16_t)(uint16_t)(p[2 * i] << 8 | p[2 * i + 1]);
    remember_end(d, pcm, samples);
}

static void decode_narrow(mt_voice_dec *d, mt_slice payload, uint32_t samples, int16_t *pcm) {
    const uint8_t *p = (const uint8_t *)payload.p;
    int16_t narrow[NARROW_MAX];
    for (size_t i = 0; i < payload.len; i++)
        narrow[i] = d->codec == MT_AUDIO_PCMU ? mt_g711_from_ulaw(p[i]) : mt_g711_from_alaw(p[i]);
    mt_narrow_up(&d->narrow, narrow, payload.len, pcm);
    remember_end(d, pcm, samples);
}

void mt_voice_decode(mt_voice_dec *d, mt_slice payload, uint32_t samples, int16_t *pcm) {
    if (d->codec != MT_AUDIO_OPUS) {
        (d->codec == MT_AUDIO_L16 ? decode_l16 : decode_narrow)(d, payload, samples, pcm);
        return;
    }
    int n = opus_decode(d->opus, (const unsigned char *)payload.p, (opus_int32)payload.len, pcm, MT_PCM_FRAME_MAX, 0);
    if (n != (int)samples)
        mt_voice_conceal(d, samples, pcm);
}

/* SILK's header of a packet's first frame: a flag of activity for each 20 ms, then one that says whether a copy of the
 * frame before is in it (RFC 6716 sections 4.2.3 and 4.2.4). False: there is none, as in all of CELT's alone. */
static bool silk_flags(mt_slice packet, unsigned *out_active, bool *out_copy) {
    const unsigned char *frames[48];
    opus_int16 sizes[48];
    unsigned char toc = 0;
    int offset = 0;
    const unsigned char *p = (const unsigned char *)packet.p;
    int n = opus_packet_parse(p, (opus_int32)packet.len, &toc, frames, sizes, &offset);
    if (n <= 0 || (toc & 0x80) != 0 || sizes[0] == 0)
        return false;
    int silk_frames = opus_packet_get_samples_per_frame(p, MT_PCM_RATE) / (20 * MT_PCM_RATE / 1000);
    if (silk_frames == 0)
        silk_frames = 1;
    *out_active = frames[0][0] >> (8 - silk_frames);
    *out_copy = (frames[0][0] >> (7 - silk_frames) & 1) != 0;
    return true;
}

static bool has_copy(mt_slice packet) {
    unsigned active = 0;
    bool copy = false;
    return silk_flags(packet, &active, &copy) && copy;
}

bool mt_voice_is_pause(mt_audio_codec codec, mt_slice payload) {
    unsigned active = 0;
    bool copy = false;
    return codec == MT_AUDIO_OPUS && silk_flags(payload, &active, &copy) && active == 0;
}

bool mt_voice_recover(mt_voice_dec *d, mt_slice next, uint32_t samples, int16_t *pcm) {
    if (d->opus == NULL || next.len == 0 || next.len > INT32_MAX || !has_copy(next))
        return false;
    int16_t scratch[MT_PCM_FRAME_MAX]; /* it may write a part before it fails */
    int n = opus_decode(d->opus, (const unsigned char *)next.p, (opus_int32)next.len, scratch, (int)samples, 1);
    if (n != (int)samples)
        return false;
    memcpy(pcm, scratch, samples * sizeof(pcm[0]));
    return true;
}

static void repeat_last(mt_voice_dec *d, uint32_t samples, int16_t *pcm) {
    for (uint32_t i = 0; i < samples; i++) {
        if (i > 0 && i % MT_PCM_BLOCK == 0 && d->repeat_gain > 0)
            d->repeat_gain--;
        pcm[i] = (int16_t)(d->last[i % MT_PCM_BLOCK] * d->repeat_gain / 4);
    }
    if (d->repeat_gain > 0)
        d->repeat_gain--;
}

void mt_voice_conceal(mt_voice_dec *d, uint32_t samples, int16_t *pcm) {
    if (d->codec != MT_AUDIO_OPUS) {
        repeat_last(d, samples, pcm);
        return;
    }
    int frame = (int)(samples / OPUS_STEP * OPUS_STEP);
    int n = frame > 0 ? opus_decode(d->opus, NULL, 0, pcm, frame, 0) : 0;
    uint32_t done = n > 0 ? (uint32_t)n : 0;
    memset(pcm + done, 0, (samples - done) * sizeof(pcm[0]));
}
