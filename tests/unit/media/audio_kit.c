#include "audio_kit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/wav.h"

static char dir[64];
int16_t heard[HEARD_MAX], said[SAID_MAX];
size_t heard_len, said_ms, recorded_ms;

static void on_rtp(void *ctx, const void *packet, size_t len_bytes) {
    end *e = ctx;
    unsigned n = atomic_fetch_add(&e->sent, 1) + 1;
    if (e->drop_each == 0 || n % e->drop_each != 0)
        mt_audio_rtp_in(e->other->audio, mt_slice_n(packet, len_bytes));
}

static void on_error(void *ctx, bool mic, const char *what) {
    end *e = ctx;
    assert_non_null(strchr(what, ' '));
    atomic_fetch_add(&e->errors, 1);
}

static void on_level(void *ctx, bool mic, double peak_db) {
    end *e = ctx;
    assert_true(peak_db <= 0.01);
    atomic_fetch_add(mic ? &e->mic_levels : &e->speaker_levels, 1);
}

const mt_audio_events events = {.rtp_out = on_rtp, .error = on_error, .level = on_level};

static gboolean on_quit(gpointer loop) {
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

size_t now_ms(void) {
    return (size_t)(g_get_monotonic_time() / 1000);
}

void run_ms(unsigned ms) {
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    g_timeout_add(ms, on_quit, loop);
    g_main_loop_run(loop);
    g_main_loop_unref(loop);
}

void open_end(end *e, const char *mic, const char *speaker, mt_audio_codec codec, uint8_t ptime_ms) {
    mt_audio_config cfg = {.mic = mic,
                           .speaker = speaker,
                           .codec = codec,
                           .payload_type = 111,
                           .recv_payload_type = 111,
                           .ptime_ms = ptime_ms,
                           .jitter_ms = 40};
    assert_int_equal(mt_audio_create(&cfg, &events, e, &e->audio), MT_OK);
}

const char *in_dir(const char *prefix, const char *name) {
    static char texts[4][160];
    static unsigned at;
    char *text = texts[at++ % 4];
    snprintf(text, sizeof(texts[0]), "%s%s/%s", prefix, dir, name);
    return text;
}

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void read_heard(void) {
    FILE *f = fopen(in_dir("", "heard.wav"), "rb");
    uint8_t h[44];
    assert_non_null(f);
    assert_int_equal(fread(h, 1, sizeof(h), f), sizeof(h));
    assert_memory_equal(h, "RIFF", 4);
    heard_len = fread(heard, 2, HEARD_MAX, f);
    fclose(f);
    assert_int_equal(get32(h + 40), heard_len * 2);
    assert_int_equal(get32(h + 4), heard_len * 2 + 36);
}

void say(const char *mic, mt_audio_codec codec, uint8_t ptime_ms, unsigned ms, unsigned drop_each) {
    end a = {.drop_each = drop_each}, b = {.other = &a};
    a.other = &b;
    size_t begun_ms = now_ms();
    open_end(&b, "none", in_dir("file:", "heard.wav"), codec, ptime_ms);
    open_end(&a, mic, "none", codec, ptime_ms);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
    size_t on_ms = now_ms();
    run_ms(ms);
    mt_audio_destroy(a.audio);
    said_ms = now_ms() - on_ms;
    run_ms(150);
    mt_audio_destroy(b.audio);
    recorded_ms = now_ms() - begun_ms;
    assert_int_equal(atomic_load(&a.errors) + atomic_load(&b.errors), 0);
    assert_int_equal(atomic_load(&b.sent), 0);
    read_heard();
}

double amplitude(size_t from, size_t n, double hz) {
    double w = 2.0 * G_PI * hz / MT_PCM_RATE, re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        re += heard[from + i] * cos(w * (double)i);
        im += heard[from + i] * sin(w * (double)i);
    }
    return 2.0 * sqrt(re * re + im * im) / (double)n;
}

double rms(size_t from, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)heard[from + i] * heard[from + i];
    return sqrt(sum / (double)n);
}

const char *write_said(size_t n) {
    mt_wav *w = NULL;
    assert_int_equal(mt_wav_create(in_dir("", "said.wav"), &w), MT_OK);
    assert_int_equal(mt_wav_write(w, said, n), MT_OK);
    mt_wav_destroy(w);
    return in_dir("file:", "said.wav");
}

int begin(void **state) {
    snprintf(dir, sizeof(dir), "/tmp/test_audio_XXXXXX");
    return mt_audio_init() == MT_OK && mkdtemp(dir) != NULL ? 0 : -1;
}

int finish(void **state) {
    unlink(in_dir("", "said.wav"));
    unlink(in_dir("", "heard.wav"));
    return rmdir(dir);
}
