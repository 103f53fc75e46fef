#include "media/audio.h"

#include <gst/gst.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "media/capture.h"
#include "media/clean.h"
#include "media/device.h"
#include "media/pcm.h"
#include "media/playback.h"
#include "media/receiver.h"
#include "media/report.h"
#include "media/sender.h"
#include "media/spec.h"
#include "media/voice.h"

#define TICK_MS 100 /* levels and reports */
/* A lost speaker is looked for so many ticks later, then after twice as many. */
#define LOOK_TICKS 10
#define LOOK_TICKS_MAX 300

struct mt_audio {
    mt_audio_events events;
    void *ctx;
    GMainContext *context;
    char *mic_text, *speaker_text; /* the SPECs borrow from them */
    mt_spec mic_spec, speaker_spec;
    mt_sender *sender;
    mt_receiver *receiver;
    mt_capture *capture; /* NULL: the microphone is off */
    mt_playback *playback;
    unsigned look_ticks, look_in; /* until the lost speaker is looked for again; 0: none is lost */
    GSource *ticks;
    GSource *notices[2]; /* errors on their way to the main loop: speaker, microphone */
    atomic_int peaks[2]; /* since the last report: speaker, microphone */
    bool loop, raw_voice;
    pthread_mutex_t clean_lock;
    mt_clean *clean;             /* while a device is the microphone; the pointer is under clean_lock for the speaker */
    int16_t block[MT_PCM_BLOCK]; /* what is to be cleaned gathers here */
    size_t block_len;
    uint8_t recv_payload_type;
    pthread_mutex_t report_lock;
    mt_report report; /* under report_lock */
};

mt_err mt_audio_init(void) {
    static const char *const needed[] = {"appsrc",        "appsink", "capsfilter", "audioconvert",
                                         "audioresample", "filesrc", "wavparse",   NULL};
    GError *error = NULL;
    if (!gst_init_check(NULL, NULL, &error)) {
        mt_log(MT_LOG_ERROR, "audio", "GStreamer: %s", error != NULL ? error->message : "cannot be initialised");
        g_clear_error(&error);
        return MT_ESYS;
    }
    for (size_t i = 0; needed[i] != NULL; i++) {
        GstElementFactory *factory = gst_element_factory_find(needed[i]);
        if (factory == NULL) {
            mt_log(MT_LOG_ERROR, "audio", "GStreamer has no element \"%s\": install its base and good plug-ins",
                   needed[i]);
            return MT_ESYS;
        }
        gst_object_unref(factory);
    }
    return MT_OK;
}

mt_err mt_audio_spec_check(const char *spec, bool mic) {
    mt_spec parsed;
    return mt_spec_parse(spec, mic, &parsed);
}

mt_err mt_audio_devices(mt_audio_device_fn *fn, void *ctx) {
    return mt_device_list(fn, ctx);
}

/* Errors and levels, on the main thread */

typedef struct notice {
    mt_audio *a;
    bool mic;
    char *what;
} notice;

static void notice_free(gpointer arg) {
    notice *n = arg;
    g_free(n->what);
    g_free(n);
}

static gboolean on_notice(gpointer arg) {
    notice *n = arg;
    mt_audio *a = n->a;
    g_clear_pointer(&a->notices[n->mic], g_source_unref);
    if (n->mic)
        (void)!mt_audio_mic(a, false); /* switched on anew meanwhile: who is told that it is off must not be heard */
    a->events.error(a->ctx, n->mic, n->what); /* a may be gone afterwards */
    return G_SOURCE_REMOVE;
}

/* From the main loop, never from within a call of the owner's. */
static void post_error(mt_audio *a, bool mic, const char *what) {
    mt_log(MT_LOG_WARN, "audio", "%s: %s", mic ? "microphone" : "speaker", what);
    if (a->events.error == NULL || a->notices[mic] != NULL)
        return;
    notice *n = g_new0(notice, 1);
    *n = (notice){.a = a, .mic = mic, .what = g_strdup(what)};
    a->notices[mic] = g_idle_source_new();
    g_source_set_priority(a->notices[mic], G_PRIORITY_DEFAULT);
    g_source_set_callback(a->notices[mic], on_notice, n, notice_free);
    g_source_attach(a->notices[mic], a->context);
}

static void note_peak(mt_audio *a, bool mic, int peak) {
    int seen = atomic_load_explicit(&a->peaks[mic], memory_order_relaxed);
    while (peak > seen && !atomic_compare_exchange_weak_explicit(&a->peaks[mic], &seen, peak, memory_order_relaxed,
                                                                 memory_order_relaxed))
        ;
}

static double peak_db(int peak) {
    return peak > 0 ? 20.0 * log10((double)peak / 32768.0) : -100.0;
}

static void tell_levels(mt_audio *a) {
    int speaker = atomic_exchange(&a->peaks[false], 0), mic = atomic_exchange(&a->peaks[true], 0);
    if (a->events.level == NULL)
        return;
    a->events.level(a->ctx, false, peak_db(speaker));
    if (a->capture != NULL)
        a->events.level(a->ctx, true, peak_db(mic));
}

static void exchange_reports(mt_audio *a) {
    int64_t now_us = mt_clock_us();
    mt_report_sent sent;
    mt_report_out out;
    mt_sender_report(a->sender, now_us, &sent);
    pthread_mutex_lock(&a->report_lock);
    mt_report_tick(&a->report, &sent, now_us, &out);
    const mt_quality quality = a->report.quality.now;
    pthread_mutex_unlock(&a->report_lock);
    if (out.len > 0)
        a->events.rtcp_out(a->ctx, out.packet, out.len);
    if (out.quality_changed && a->events.quality != NULL)
        a->events.quality(a->ctx, &quality);
}

static void look_for_speaker(mt_audio *a);

static gboolean on_tick(gpointer arg) {
    mt_audio *a = arg;
    look_for_speaker(a);
    if (a->events.rtcp_out != NULL && !a->loop)
        exchange_reports(a);
    tell_levels(a);
    return G_SOURCE_CONTINUE;
}

static void start_ticks(mt_audio *a) {
    a->ticks = g_timeout_source_new(TICK_MS);
    g_source_set_callback(a->ticks, on_tick, a, NULL);
    g_source_attach(a->ticks, a->context);
}

static void stop_source(GSource **source) {
    if (*source == NULL)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

/* The speaker */

static void on_take(void *ctx, int16_t *out, size_t n_samples) {
    mt_audio *a = ctx;
    mt_receiver_take(a->receiver, mt_clock_us(), out, n_samples);
    note_peak(a, false, mt_pcm_peak(out, n_samples));
    pthread_mutex_lock(&a->clean_lock);
    if (a->clean != NULL)
        mt_clean_heard(a->clean, out, n_samples);
    pthread_mutex_unlock(&a->clean_lock);
}

static void start_playback(mt_audio *a, const mt_spec *spec);

/* The talk goes on without a speaker: what is received is taken and thrown away. */
static void on_playback_failed(void *ctx, const char *what) {
    mt_audio *a = ctx;
    mt_playback_destroy(a->playback);
    a->playback = NULL;
    char *text = g_strdup_printf(
        _("The speaker failed (%s). Plug it in again or choose another; the talk goes on in writing."), what);
    post_error(a, false, text);
    g_free(text);
    start_playback(a, &(mt_spec){.kind = MT_SPEC_NONE});
    a->look_ticks = a->look_in = LOOK_TICKS;
}

static const mt_playback_events playback_events = {on_take, on_playback_failed};

/* It may be plugged in again. Only a sound server is asked: whoever takes the hardware itself keeps the server out when
 * that comes back. */
static void look_for_speaker(mt_audio *a) {
    if (a->look_in == 0 || --a->look_in > 0)
        return;
    mt_spec spec = a->speaker_spec;
    const char *why = NULL;
    mt_playback *found = NULL;
    spec.server_only = true;
    if (mt_playback_create(&spec, &playback_events, a, &found, &why) != MT_OK) {
        a->look_ticks = MIN(2 * a->look_ticks, LOOK_TICKS_MAX);
        a->look_in = a->look_ticks;
        return;
    }
    mt_log(MT_LOG_INFO, "audio", "the speaker is back");
    mt_playback_destroy(a->playback);
    a->playback = found;
}

static void start_playback(mt_audio *a, const mt_spec *spec) {
    const char *why = "no thread or memory for the speaker";
    a->look_in = 0;
    if (mt_playback_create(spec, &playback_events, a, &a->playback, &why) == MT_OK)
        return;
    post_error(a, false, why);
    if (spec->kind != MT_SPEC_NONE)
        start_playback(a, &(mt_spec){.kind = MT_SPEC_NONE});
}

/* The microphone */

static void send_pcm(mt_audio *a, const int16_t *pcm, size_t n_samples) {
    note_peak(a, true, mt_pcm_peak(pcm, n_samples));
    mt_sender_pcm(a->sender, pcm, n_samples);
}

static void on_pcm(void *ctx, const int16_t *pcm, size_t n_samples) {
    mt_audio *a = ctx;
    if (a->clean == NULL) {
        send_pcm(a, pcm, n_samples);
        return;
    }
    while (n_samples > 0) {
        size_t room = MT_PCM_BLOCK - a->block_len, n = n_samples < room ? n_samples : room;
        memcpy(a->block + a->block_len, pcm, n * sizeof(pcm[0]));
        a->block_len += n;
        pcm += n;
        n_samples -= n;
        if (a->block_len < MT_PCM_BLOCK)
            return;
        mt_clean_voice(a->clean, a->block);
        send_pcm(a, a->block, MT_PCM_BLOCK);
        a->block_len = 0;
    }
}

/* Files and tones are sent as they are. Without a canceller a device's sound is, too. While it is open only. */
static void start_cleaning(mt_audio *a) {
    mt_clean *clean = NULL;
    bool device = a->mic_spec.kind == MT_SPEC_DEFAULT || a->mic_spec.kind == MT_SPEC_DEVICE;
    if (!device || a->raw_voice)
        return;
    if (mt_clean_create(MT_CLEAN_BEST, &clean) != MT_OK) {
        mt_log(MT_LOG_INFO, "audio", "neither webrtcdsp nor speexdsp is here: echo is not cancelled");
        return;
    }
    mt_log(MT_LOG_DEBUG, "audio", "echo cancelling by %s", mt_clean_name(clean));
    pthread_mutex_lock(&a->clean_lock);
    a->clean = clean;
    a->block_len = 0;
    pthread_mutex_unlock(&a->clean_lock);
}

/* After the capture has ended. */
static void stop_cleaning(mt_audio *a) {
    pthread_mutex_lock(&a->clean_lock);
    mt_clean *clean = a->clean;
    a->clean = NULL;
    pthread_mutex_unlock(&a->clean_lock);
    mt_clean_destroy(clean);
}

static void close_microphone(mt_audio *a) {
    mt_capture_destroy(a->capture);
    a->capture = NULL;
    stop_cleaning(a);
}

static void on_packet(void *ctx, const void *packet, size_t len_bytes) {
    mt_audio *a = ctx;
    if (a->loop)
        mt_receiver_put(a->receiver, mt_slice_n(packet, len_bytes), mt_clock_us());
    else
        a->events.rtp_out(a->ctx, packet, len_bytes);
}

static void on_capture_failed(void *ctx, const char *what) {
    mt_audio *a = ctx;
    close_microphone(a);
    char *text = g_strdup_printf(
        _("The microphone failed (%s) and is off. Plug it in again or choose another; the talk goes on in writing."),
        what);
    post_error(a, true, text);
    g_free(text);
}

mt_err mt_audio_mic(mt_audio *a, bool on) {
    if (!on) {
        close_microphone(a);
        return MT_OK;
    }
    if (a->capture != NULL)
        return MT_OK;
    static const mt_capture_events events = {on_pcm, on_capture_failed};
    const char *why = "no thread or memory for the microphone";
    mt_sender_begin(a->sender, mt_clock_us());
    start_cleaning(a);
    mt_err err = mt_capture_create(&a->mic_spec, &events, a, &a->capture, &why);
    if (err != MT_OK) {
        stop_cleaning(a);
        post_error(a, true, why);
    }
    return err;
}

/* Devices */

/* Takes over another SPEC; *text and *spec are untouched on failure. */
static mt_err set_spec(const char *given, bool mic, char **text, mt_spec *spec) {
    char *copy = given != NULL ? mt_strdup(given) : NULL;
    mt_spec parsed;
    if (given != NULL && copy == NULL)
        return MT_ENOMEM;
    mt_err err = mt_spec_parse(copy, mic, &parsed);
    if (err != MT_OK) {
        mt_free(copy);
        return err;
    }
    mt_free(*text);
    *text = copy;
    *spec = parsed;
    return MT_OK;
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a != NULL ? a : "default", b != NULL ? b : "default") == 0;
}

static mt_err set_both(mt_audio *a, const char *mic, const char *speaker) {
    mt_err err = mt_audio_spec_check(speaker, false); /* before the first is changed */
    if (err == MT_OK)
        err = set_spec(mic, true, &a->mic_text, &a->mic_spec);
    return err == MT_OK ? set_spec(speaker, false, &a->speaker_text, &a->speaker_spec) : err;
}

static void reopen_microphone(mt_audio *a) {
    close_microphone(a);
    (void)!mt_audio_mic(a, true); /* an error event tells of the failure */
}

mt_err mt_audio_set_devices(mt_audio *a, const char *mic, const char *speaker) {
    bool mic_moves = !same_text(mic, a->mic_text) && a->capture != NULL;
    bool speaker_moves = !same_text(speaker, a->speaker_text) || a->look_in > 0;
    mt_err err = set_both(a, mic, speaker);
    if (err != MT_OK)
        return err;
    if (speaker_moves) {
        mt_playback_destroy(a->playback);
        a->playback = NULL;
        start_playback(a, &a->speaker_spec);
    }
    if (mic_moves)
        reopen_microphone(a);
    return MT_OK;
}

void mt_audio_set_raw_voice(mt_audio *a, bool raw) {
    if (raw == a->raw_voice)
        return;
    a->raw_voice = raw;
    if (a->capture != NULL)
        reopen_microphone(a);
}

/* Life */

static mt_err setup(mt_audio *a, const mt_audio_config *cfg) {
    mt_err err = set_both(a, cfg->mic, cfg->speaker);
    if (err == MT_OK)
        err = mt_receiver_create(cfg, &a->receiver);
    if (err == MT_OK)
        err = mt_sender_create(cfg, on_packet, a, &a->sender);
    if (err != MT_OK)
        return err;
    mt_report_sent sent;
    mt_sender_report(a->sender, 0, &sent);
    mt_report_init(&a->report, mt_voice_clock_hz(cfg->codec), sent.ssrc, mt_random_kernel(), mt_clock_us());
    return MT_OK;
}

mt_err mt_audio_create(const mt_audio_config *cfg, const mt_audio_events *events, void *ctx, mt_audio **out) {
    mt_audio *a = mt_calloc(1, sizeof(*a));
    if (a == NULL)
        return MT_ENOMEM;
    a->events = *events;
    a->ctx = ctx;
    a->context = g_main_context_ref_thread_default();
    a->loop = cfg->loop;
    a->raw_voice = cfg->raw_voice;
    pthread_mutex_init(&a->clean_lock, NULL);
    a->recv_payload_type = cfg->recv_payload_type;
    pthread_mutex_init(&a->report_lock, NULL);
    mt_err err = setup(a, cfg);
    if (err != MT_OK) {
        mt_audio_destroy(a);
        return err;
    }
    start_playback(a, &a->speaker_spec);
    start_ticks(a);
    *out = a;
    return MT_OK;
}

/* Figures of a talk that is over; nothing of what was said. */
static void log_stats(mt_audio *a) {
    mt_audio_stats s;
    if (a->receiver == NULL || a->sender == NULL)
        return;
    mt_audio_stats_get(a, &s);
    mt_log(MT_LOG_INFO, "audio",
           "sent %llu, received %llu, lost %llu, late %llu, recovered %llu ms, concealed %llu ms, comfort %llu ms, "
           "shed %llu ms, waited %u "
           "ms, behind %u ms",
           (unsigned long long)s.sent, (unsigned long long)s.received, (unsigned long long)s.lost,
           (unsigned long long)s.late, (unsigned long long)s.recovered_ms, (unsigned long long)s.concealed_ms,
           (unsigned long long)s.comfort_ms, (unsigned long long)s.shed_ms, s.waited_ms, s.behind_ms);
}

void mt_audio_destroy(mt_audio *a) {
    if (a == NULL)
        return;
    log_stats(a);
    close_microphone(a);
    mt_playback_destroy(a->playback);
    stop_source(&a->ticks);
    stop_source(&a->notices[false]);
    stop_source(&a->notices[true]);
    mt_sender_destroy(a->sender);
    mt_receiver_destroy(a->receiver);
    mt_free(a->mic_text);
    mt_free(a->speaker_text);
    g_main_context_unref(a->context);
    pthread_mutex_destroy(&a->report_lock);
    pthread_mutex_destroy(&a->clean_lock);
    mt_free(a);
}

void mt_audio_rtp_in(mt_audio *a, mt_slice packet) {
    int64_t now_us = mt_clock_us();
    mt_rtp rtp;
    if (mt_rtp_parse(packet, &rtp) != MT_OK || rtp.payload_type != a->recv_payload_type)
        return;
    pthread_mutex_lock(&a->report_lock);
    mt_report_rtp(&a->report, &rtp, now_us);
    pthread_mutex_unlock(&a->report_lock);
    mt_receiver_put(a->receiver, packet, now_us);
}

void mt_audio_rtcp_in(mt_audio *a, mt_slice compound) {
    pthread_mutex_lock(&a->report_lock);
    bool changed = mt_report_rtcp(&a->report, compound, mt_clock_us());
    const mt_adapt_plan plan = a->report.adapt.plan;
    pthread_mutex_unlock(&a->report_lock);
    if (!changed)
        return;
    mt_log(MT_LOG_DEBUG, "audio", "the partner misses %u %%: %u bit/s%s%s", plan.loss_percent, plan.bit_rate,
           plan.fec ? ", error correction" : "", plan.dtx ? ", silent in pauses" : "");
    mt_sender_plan(a->sender, &plan);
}

void mt_audio_stats_get(mt_audio *a, mt_audio_stats *out) {
    mt_receiver_stats(a->receiver, out);
    out->sent = mt_sender_sent(a->sender);
    pthread_mutex_lock(&a->report_lock);
    out->quality = a->report.quality.now;
    pthread_mutex_unlock(&a->report_lock);
}
