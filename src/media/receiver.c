#include "media/receiver.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "media/jitter.h"
#include "media/rtp.h"
#include "media/shrink.h"
#include "media/voice.h"

#define QUIET_PART 10 /* of what is loud: a pause between words */
/* So much of speech is invented, and so much more until it is silent. In a pause the noise goes on. */
#define SPEECH_KEPT (60 * MT_PCM_RATE / 1000)
#define SPEECH_FADE (60 * MT_PCM_RATE / 1000)

struct mt_receiver {
    pthread_mutex_t lock;
    mt_audio_codec codec;
    uint8_t payload_type;
    mt_jitter *jitter;
    mt_voice_dec *dec;
    int16_t pcm[MT_PCM_BLOCK + MT_PCM_FRAME_MAX]; /* decoded, not yet taken */
    size_t pcm_len;
    int loud;          /* peak of late, slowly forgotten: what is quiet is judged by it */
    bool in_pause;     /* the packet played last was none of speech */
    uint32_t invented; /* samples since */
};

mt_err mt_receiver_create(const mt_audio_config *cfg, mt_receiver **out) {
    mt_receiver *r = mt_calloc(1, sizeof(*r));
    if (r == NULL)
        return MT_ENOMEM;
    pthread_mutex_init(&r->lock, NULL);
    r->codec = cfg->codec;
    r->payload_type = cfg->recv_payload_type;
    mt_err err = mt_jitter_create(cfg->jitter_ms, &r->jitter);
    if (err == MT_OK)
        err = mt_voice_dec_create(cfg->codec, &r->dec);
    if (err != MT_OK) {
        mt_receiver_destroy(r);
        return err;
    }
    *out = r;
    return MT_OK;
}

void mt_receiver_destroy(mt_receiver *r) {
    if (r == NULL)
        return;
    mt_jitter_destroy(r->jitter);
    mt_voice_dec_destroy(r->dec);
    pthread_mutex_destroy(&r->lock);
    mt_free(r);
}

void mt_receiver_put(mt_receiver *r, mt_slice packet, int64_t now_us) {
    mt_rtp rtp;
    uint32_t samples = 0;
    if (mt_rtp_parse(packet, &rtp) != MT_OK || rtp.payload_type != r->payload_type)
        return;
    if (mt_voice_duration(r->codec, rtp.payload, &samples) != MT_OK)
        return;
    rtp.timestamp *= MT_PCM_RATE / mt_voice_clock_hz(r->codec); /* modulo 2^32, as timestamps are */
    pthread_mutex_lock(&r->lock);
    mt_err err = mt_jitter_put(r->jitter, &rtp, samples, now_us);
    pthread_mutex_unlock(&r->lock);
    (void)err; /* late, doubled, no memory: a lost packet like any other, and counted */
}

static bool is_quiet(mt_receiver *r, const int16_t *pcm, uint32_t samples) {
    int peak = mt_pcm_peak(pcm, samples);
    r->loud = peak > r->loud ? peak : r->loud - r->loud / 256;
    return peak <= r->loud / QUIET_PART;
}

/* Whoever breaks off amid a word has switched his microphone off, or the path is gone. */
static void fade_speech(mt_receiver *r, int16_t *pcm, uint32_t samples) {
    for (uint32_t i = 0; i < samples && !r->in_pause; i++) {
        uint32_t at = r->invented + i;
        uint32_t gone = at > SPEECH_KEPT ? at - SPEECH_KEPT : 0;
        pcm[i] = (int16_t)(gone < SPEECH_FADE ? pcm[i] * (int)(SPEECH_FADE - gone) / SPEECH_FADE : 0);
    }
    r->invented += samples;
}

static void invent(mt_receiver *r, const mt_jitter_step *step, int16_t *out) {
    if (mt_voice_recover(r->dec, step->next, step->samples, out)) {
        mt_jitter_recovered(r->jitter, step->samples);
        return;
    }
    mt_voice_conceal(r->dec, step->samples, out);
    fade_speech(r, out, step->samples);
}

/* True: it is quiet. */
static bool decode_step(mt_receiver *r, const mt_jitter_step *step, int16_t *out) {
    if (step->kind == MT_JITTER_SILENCE) {
        memset(out, 0, step->samples * sizeof(out[0]));
        return true;
    }
    if (step->kind == MT_JITTER_LOST) {
        invent(r, step, out);
        return false;
    }
    if (step->first)
        mt_voice_dec_reset(r->dec);
    mt_voice_decode(r->dec, step->payload, step->samples, out);
    bool quiet = is_quiet(r, out, step->samples);
    r->in_pause = quiet || mt_voice_is_pause(r->codec, step->payload);
    r->invented = 0;
    return quiet;
}

/* What is decoded is played behind what waits already. */
static void fetch(mt_receiver *r, int64_t taken_us) {
    mt_jitter_step step;
    int16_t *at = r->pcm + r->pcm_len;
    int64_t now_us = taken_us + (int64_t)r->pcm_len * 1000 / (MT_PCM_RATE / 1000);
    mt_jitter_next(r->jitter, now_us, &step);
    bool quiet = decode_step(r, &step, at);
    uint32_t samples = step.samples;
    if (step.may_shed > 0 && (quiet || step.hurry)) {
        uint32_t shed = mt_shrink(at, samples, step.may_shed);
        mt_jitter_shed(r->jitter, shed, now_us);
        samples -= shed;
    }
    r->pcm_len += samples;
}

void mt_receiver_take(mt_receiver *r, int64_t now_us, int16_t *out, size_t n_samples) {
    pthread_mutex_lock(&r->lock);
    while (r->pcm_len < n_samples)
        fetch(r, now_us);
    memcpy(out, r->pcm, n_samples * sizeof(out[0]));
    r->pcm_len -= n_samples;
    memmove(r->pcm, r->pcm + n_samples, r->pcm_len * sizeof(r->pcm[0]));
    pthread_mutex_unlock(&r->lock);
}

void mt_receiver_stats(mt_receiver *r, mt_audio_stats *out) {
    mt_jitter_stats js;
    pthread_mutex_lock(&r->lock);
    mt_jitter_stats_get(r->jitter, &js);
    uint32_t waiting = js.buffered_samples + (uint32_t)r->pcm_len;
    pthread_mutex_unlock(&r->lock);
    const uint32_t per_ms = MT_PCM_RATE / 1000;
    out->received = js.received;
    out->lost = js.lost;
    out->late = js.late;
    out->recovered_ms = js.recovered_samples / per_ms;
    out->target_ms = js.target_ms;
    out->comfort_ms = js.comfort_samples / per_ms;
    out->concealed_ms = js.concealed_samples / per_ms;
    out->shed_ms = js.shed_samples / per_ms;
    uint64_t played = js.played > 0 ? js.played : 1;
    out->played = js.played;
    out->waited_ms = (uint32_t)(js.waited_us / played / 1000);
    out->behind_ms = (uint32_t)(js.behind_us / played / 1000);
    out->buffered_ms = waiting / per_ms;
}
