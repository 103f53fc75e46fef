#include "media/sender.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "media/pcm.h"
#include "media/rtp.h"
#include "media/voice.h"

#define FRAME_MAX (20 * MT_PCM_RATE / 1000)

struct mt_sender {
    mt_voice_enc *enc;
    mt_sender_fn *fn;
    void *ctx;
    mt_rtp next;
    uint32_t first_timestamp;
    int64_t first_us;                    /* the time of first_timestamp; 0: not begun yet */
    uint32_t clock_hz, samples_per_tick; /* of the codec's timestamps */
    int16_t frame[FRAME_MAX];
    size_t frame_len, frame_full;

    pthread_mutex_t lock; /* for the rest */
    uint64_t packets, bytes;
    uint32_t last_timestamp; /* of the packet sent last, and when that was */
    int64_t last_us;
    mt_adapt_plan plan;
    bool plan_changed;
};

mt_err mt_sender_create(const mt_audio_config *cfg, mt_sender_fn *fn, void *ctx, mt_sender **out) {
    mt_sender *s = mt_calloc(1, sizeof(*s));
    if (s == NULL)
        return MT_ENOMEM;
    mt_err err = mt_voice_enc_create(cfg->codec, cfg->ptime_ms, &s->enc);
    if (err != MT_OK) {
        mt_free(s);
        return err;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->fn = fn;
    s->ctx = ctx;
    s->clock_hz = mt_voice_clock_hz(cfg->codec);
    s->samples_per_tick = MT_PCM_RATE / s->clock_hz;
    s->frame_full = (size_t)cfg->ptime_ms * (MT_PCM_RATE / 1000);
    mt_random random = mt_random_kernel();
    s->next.payload_type = cfg->payload_type;
    mt_random_bytes(random, &s->next.ssrc, sizeof(s->next.ssrc));
    mt_random_bytes(random, &s->next.seq, sizeof(s->next.seq));
    mt_random_bytes(random, &s->first_timestamp, sizeof(s->first_timestamp));
    s->next.timestamp = s->last_timestamp = s->first_timestamp;
    *out = s;
    return MT_OK;
}

void mt_sender_destroy(mt_sender *s) {
    if (s == NULL)
        return;
    mt_voice_enc_destroy(s->enc);
    pthread_mutex_destroy(&s->lock);
    mt_free(s);
}

void mt_sender_begin(mt_sender *s, int64_t now_us) {
    if (s->first_us == 0)
        s->first_us = now_us;
    uint32_t elapsed = (uint32_t)((now_us - s->first_us) * (s->clock_hz / 1000) / 1000);
    uint32_t timestamp = s->first_timestamp + elapsed;
    if ((int32_t)(timestamp - s->next.timestamp) > 0)
        s->next.timestamp = timestamp;
    s->next.marker = true;
    s->frame_len = 0;
    mt_voice_enc_reset(s->enc);
}

static void follow_plan(mt_sender *s) {
    pthread_mutex_lock(&s->lock);
    bool changed = s->plan_changed;
    const mt_adapt_plan plan = s->plan;
    s->plan_changed = false;
    pthread_mutex_unlock(&s->lock);
    if (changed)
        mt_voice_enc_plan(s->enc, &plan);
}

static void count_packet(mt_sender *s, size_t payload_len) {
    pthread_mutex_lock(&s->lock);
    s->packets++;
    s->bytes += payload_len;
    s->last_timestamp = s->next.timestamp;
    s->last_us = mt_clock_us();
    pthread_mutex_unlock(&s->lock);
}

static void send_frame(mt_sender *s) {
    uint8_t packet[MT_RTP_HEADER_LEN + MT_VOICE_PACKET_MAX];
    size_t len = 0;
    follow_plan(s);
    if (mt_voice_encode(s->enc, s->frame, packet + MT_RTP_HEADER_LEN, &len) != MT_OK)
        len = 0;
    if (len > 0) {
        mt_rtp_write_header(&s->next, packet);
        s->fn(s->ctx, packet, MT_RTP_HEADER_LEN + len);
        count_packet(s, len);
        s->next.seq++;
    }
    s->next.marker = len == 0; /* the first one after a pause is marked */
    s->next.timestamp += (uint32_t)s->frame_full / s->samples_per_tick;
    s->frame_len = 0;
}

void mt_sender_pcm(mt_sender *s, const int16_t *pcm, size_t n_samples) {
    while (n_samples > 0) {
        size_t room = s->frame_full - s->frame_len;
        size_t n = n_samples < room ? n_samples : room;
        memcpy(s->frame + s->frame_len, pcm, n * sizeof(pcm[0]));
        s->frame_len += n;
        pcm += n;
        n_samples -= n;
        if (s->frame_len == s->frame_full)
            send_frame(s);
    }
}

void mt_sender_plan(mt_sender *s, const mt_adapt_plan *plan) {
    pthread_mutex_lock(&s->lock);
    s->plan = *plan;
    s->plan_changed = true;
    pthread_mutex_unlock(&s->lock);
}

void mt_sender_report(mt_sender *s, int64_t now_us, mt_report_sent *out) {
    pthread_mutex_lock(&s->lock);
    uint32_t since = s->last_us != 0 ? (uint32_t)((now_us - s->last_us) * (s->clock_hz / 1000) / 1000) : 0;
    *out = (mt_report_sent){.ssrc = s->next.ssrc,
                            .timestamp = s->last_timestamp + since,
                            .packets = (uint32_t)s->packets,
                            .bytes = (uint32_t)s->bytes};
    pthread_mutex_unlock(&s->lock);
}

uint64_t mt_sender_sent(mt_sender *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t sent = s->packets;
    pthread_mutex_unlock(&s->lock);
    return sent;
}
