/* Two ends of a talk in one process, wired to each other, in real time: what is said at one end is heard at the other.
 */
#include "media/audio.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/pcm.h"
#include "media/wav.h"

#define HEARD_MAX (20 * MT_PCM_RATE)

typedef struct end {
    mt_audio *audio;
    struct end *other;
    unsigned drop_each; /* 0: none; n: each n-th packet is lost */
    atomic_uint sent;
    atomic_uint errors, mic_levels, speaker_levels;
} end;

static char dir[64];
static int16_t heard[HEARD_MAX];
static size_t heard_len;
static size_t said_ms, recorded_ms; /* what really passed while saying and recording, on a busy machine */

#define ATTEMPTS 4 /* real time is not to be had each time where everything else runs too */

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

static const mt_audio_events events = {.rtp_out = on_rtp, .error = on_error, .level = on_level};

static gboolean on_quit(gpointer loop) {
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static size_t now_ms(void) {
    return (size_t)(g_get_monotonic_time() / 1000);
}

static void run_ms(unsigned ms) {
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    g_timeout_add(ms, on_quit, loop);
    g_main_loop_run(loop);
    g_main_loop_unref(loop);
}

static void open_end(end *e, const char *mic, const char *speaker, mt_audio_codec codec, uint8_t ptime_ms) {
    mt_audio_config cfg = {.mic = mic,
                           .speaker = speaker,
                           .codec = codec,
                           .payload_type = 111,
                           .recv_payload_type = 111,
                           .ptime_ms = ptime_ms,
                           .jitter_ms = 40};
    assert_int_equal(mt_audio_create(&cfg, &events, e, &e->audio), MT_OK);
}

static const char *in_dir(const char *prefix, const char *name) {
    static char texts[4][160];
    static unsigned at;
    char *text = texts[at++ % 4];
    snprintf(text, sizeof(texts[0]), "%s%s/%s", prefix, dir, name);
    return text;
}

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void read_heard(void) {
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

/* Said at one end with `mic` for `ms`, what the other end heard is in `heard`. */
static void say(const char *mic, mt_audio_codec codec, uint8_t ptime_ms, unsigned ms, unsigned drop_each) {
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

/* Amplitude of the frequency in a piece of what was heard (Goertzel). */
static double amplitude(size_t from, size_t n, double hz) {
    double w = 2.0 * G_PI * hz / MT_PCM_RATE, re = 0, im = 0;
    for (size_t i = 0; i < n; i++) {
        re += heard[from + i] * cos(w * (double)i);
        im += heard[from + i] * sin(w * (double)i);
    }
    return 2.0 * sqrt(re * re + im * im) / (double)n;
}

static double rms(size_t from, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)heard[from + i] * heard[from + i];
    return sqrt(sum / (double)n);
}

static bool heard_tone(mt_audio_codec codec, uint8_t ptime_ms) {
    say("tone:1000", codec, ptime_ms, 900, 0);
    bool timely = heard_len / 48 + 150 >= recorded_ms && heard_len / 48 <= recorded_ms + 20;
    size_t from = 400 * 48, n = 400 * 48;
    double level = amplitude(from, n, 1000.0);
    return timely && level > 9000.0 && level < 11000.0 &&
           level / sqrt(2.0) > 0.98 * rms(from, n) /* nothing else is heard */
           && amplitude(from, n, 1100.0) < 100.0;
}

static void check_tone(mt_audio_codec codec, uint8_t ptime_ms) {
    for (int i = 1; !heard_tone(codec, ptime_ms); i++)
        assert_true(i < ATTEMPTS);
}

static void tone_by_opus_20(void **state) {
    check_tone(MT_AUDIO_OPUS, 20);
}
static void tone_by_opus_10(void **state) {
    check_tone(MT_AUDIO_OPUS, 10);
}
static void tone_by_l16(void **state) {
    check_tone(MT_AUDIO_L16, 10);
}

static int16_t said[2 * MT_PCM_RATE];

static const char *write_said(size_t n) {
    mt_wav *w = NULL;
    assert_int_equal(mt_wav_create(in_dir("", "said.wav"), &w), MT_OK);
    assert_int_equal(mt_wav_write(w, said, n), MT_OK);
    mt_wav_destroy(w);
    return in_dir("file:", "said.wav");
}

/* Best normalised correlation of `said` within `heard`; where it lies. */
static double correlate(size_t n, size_t *out_at) {
    double best = 0;
    for (size_t at = 0; at + n <= heard_len; at += 3) {
        double sh = 0, ss = 0, hh = 0;
        for (size_t i = 0; i < n; i += 7) {
            sh += (double)said[i] * heard[at + i];
            ss += (double)said[i] * said[i];
            hh += (double)heard[at + i] * heard[at + i];
        }
        double c = hh > 0 ? sh / sqrt(ss * hh) : 0;
        if (c > best) {
            best = c;
            *out_at = at;
        }
    }
    return best;
}

static void make_chirp(size_t n) {
    for (size_t i = 0; i < n; i++) {
        double t = (double)i / MT_PCM_RATE;
        said[i] = (int16_t)(12000.0 * sin(2.0 * G_PI * (200.0 * t + 1600.0 * t * t)));
    }
}

static bool heard_chirp(mt_audio_codec codec, uint8_t ptime_ms, double least) {
    size_t n = MT_PCM_RATE / 2, at = 0;
    make_chirp(n);
    say(write_said(n), codec, ptime_ms, 900, 0);
    double c = correlate(n, &at);
    print_message("chirp: correlation %.4f, %zu ms after the recording began\n", c, at / 48);
    /* 400 ms: opening the file included. The file has ended at the end: silence, -80 dB. */
    return c > least && at < 400 * 48 && at + n + 220 * 48 < heard_len && rms(at + n + 120 * 48, 100 * 48) < 3.3;
}

static void check_chirp(mt_audio_codec codec, uint8_t ptime_ms, double least) {
    for (int i = 1; !heard_chirp(codec, ptime_ms, least); i++)
        assert_true(i < ATTEMPTS);
}

static void chirp_by_opus_20(void **state) {
    check_chirp(MT_AUDIO_OPUS, 20, 0.95);
}
static void chirp_by_opus_10(void **state) {
    check_chirp(MT_AUDIO_OPUS, 10, 0.95);
}
static void chirp_by_l16(void **state) {
    check_chirp(MT_AUDIO_L16, 10, 0.999);
}

static void check_silence(mt_audio_codec codec) {
    memset(said, 0, sizeof(said));
    say(write_said(MT_PCM_RATE / 2), codec, 10, 700, 0);
    assert_true(mt_pcm_peak(heard, heard_len) <= (codec == MT_AUDIO_L16 ? 0 : 3)); /* -80 dB */
}

static void silence_by_opus(void **state) {
    check_silence(MT_AUDIO_OPUS);
}
static void silence_by_l16(void **state) {
    check_silence(MT_AUDIO_L16);
}

/* A wrapped sample would show as a sample of the wrong sign amid a half-wave. */
static bool heard_square(mt_audio_codec codec, size_t half) {
    size_t at = 0;
    say(in_dir("file:", "said.wav"), codec, 10, 800, 0);
    while (at < heard_len && abs(heard[at]) < 20000)
        at++;
    assert_true(at + 14400 < heard_len);
    unsigned flips = 0;
    bool up = heard[at + 4800] > 0;
    for (size_t i = at + 4800; i < at + 4800 + 9600; i++) {
        if (abs(heard[i]) < 15000 || (heard[i] > 0) == up)
            continue;
        up = !up;
        flips++;
    }
    return flips >= 9600 / half - 2 && flips <= 9600 / half + 2 && rms(at + 4800, 9600) > 25000.0;
}

static void check_full_scale(mt_audio_codec codec) {
    const size_t half = 120, n = MT_PCM_RATE / 2;
    for (size_t i = 0; i < n; i++)
        said[i] = i / half % 2 == 0 ? INT16_MAX : INT16_MIN;
    (void)write_said(n);
    for (int i = 1; !heard_square(codec, half); i++)
        assert_true(i < ATTEMPTS);
}

static void full_scale_by_opus(void **state) {
    check_full_scale(MT_AUDIO_OPUS);
}
static void full_scale_by_l16(void **state) {
    check_full_scale(MT_AUDIO_L16);
}

static bool heard_through_loss(mt_audio_codec codec) {
    say("tone:500", codec, codec == MT_AUDIO_L16 ? 10 : 20, 1500, 10);
    size_t from = 0, to = heard_len;
    while (from < to && abs(heard[from]) < 1000)
        from++;
    while (to > from && abs(heard[to - 1]) < 1000)
        to--;
    size_t tone_ms = (to - from) / 48;
    print_message("with each 10th packet lost: %zu ms of tone in %zu ms\n", tone_ms, said_ms);
    for (size_t at = from + 100 * 48; at + 60 * 48 < to; at += 20 * 48) {
        if (rms(at, 20 * 48) <= 500.0)
            return false; /* a hole */
    }
    return tone_ms + 100 > said_ms && tone_ms < said_ms + 100;
}

static void check_loss(mt_audio_codec codec) {
    for (int i = 1; !heard_through_loss(codec); i++)
        assert_true(i < ATTEMPTS);
}

static void loss_by_opus(void **state) {
    check_loss(MT_AUDIO_OPUS);
}
static void loss_by_l16(void **state) {
    check_loss(MT_AUDIO_L16);
}

static void microphone_off_sends_nothing(void **state) {
    end a = {0}, b = {.other = &a};
    a.other = &b;
    open_end(&a, "tone:700", "none", MT_AUDIO_OPUS, 10);
    open_end(&b, "none", "none", MT_AUDIO_OPUS, 10);
    run_ms(250);
    assert_int_equal(atomic_load(&a.sent), 0);
    assert_int_equal(atomic_load(&a.mic_levels), 0);
    assert_true(atomic_load(&a.speaker_levels) > 0);
    for (unsigned i = 0; i < 20; i++) {
        unsigned before = atomic_load(&a.sent);
        size_t on_ms = now_ms();
        assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
        run_ms(45);
        assert_int_equal(mt_audio_mic(a.audio, false), MT_OK);
        assert_in_range(atomic_load(&a.sent) - before, 1, (now_ms() - on_ms) / 10 + 1); /* no backlog */
        before = atomic_load(&a.sent);
        run_ms(15);
        assert_int_equal(atomic_load(&a.sent), before);
    }
    mt_audio_stats stats;
    mt_audio_stats_get(b.audio, &stats);
    assert_int_equal(stats.received, atomic_load(&a.sent));
    mt_audio_stats_get(a.audio, &stats);
    assert_int_equal(stats.sent, atomic_load(&a.sent));
    mt_audio_destroy(a.audio);
    mt_audio_destroy(b.audio);
}

/* Real time is not to be had at once on a busy machine: waits for the condition, 10 s at most. */
static bool comes_true(bool (*condition)(void), unsigned ms) {
    for (unsigned waited = 0; waited < ms; waited += 100) {
        run_ms(100);
        if (condition())
            return true;
    }
    return false;
}

static mt_audio *watched;

static bool something_is_heard(void) {
    mt_audio_stats s;
    mt_audio_stats_get(watched, &s);
    return s.played > 20;
}

/* The test of the devices: what is said is heard at the own speaker, and goes nowhere else. */
static void one_hears_oneself(void **state) {
    end a = {0};
    mt_audio_config cfg = {.mic = "tone:1000",
                           .speaker = in_dir("file:", "heard.wav"),
                           .payload_type = 111,
                           .recv_payload_type = 111,
                           .ptime_ms = 10,
                           .loop = true,
                           .jitter_ms = 40};
    assert_int_equal(mt_audio_create(&cfg, &events, &a, &a.audio), MT_OK);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
    watched = a.audio;
    assert_true(comes_true(something_is_heard, 10000));
    mt_audio_destroy(a.audio);
    assert_int_equal(atomic_load(&a.sent), 0);
    assert_true(atomic_load(&a.mic_levels) > 0);
    read_heard();
    assert_true(mt_pcm_peak(heard, heard_len) > 5000);
}

/* A loudspeaker that another one follows closes its file; the microphone goes on with another voice. */
static void devices_change_during_a_talk(void **state) {
    end a = {0}, b = {.other = &a};
    a.other = &b;
    open_end(&a, "tone:700", "none", MT_AUDIO_OPUS, 10);
    open_end(&b, "none", in_dir("file:", "said.wav"), MT_AUDIO_OPUS, 10);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
    watched = b.audio;
    assert_true(comes_true(something_is_heard, 10000));
    assert_int_equal(mt_audio_set_devices(b.audio, "none", "trumpet:"), MT_EBAD);
    assert_int_equal(mt_audio_set_devices(b.audio, "none", in_dir("file:", "heard.wav")), MT_OK);
    assert_int_equal(mt_audio_set_devices(a.audio, "tone:1500", "none"), MT_OK);
    mt_audio_set_raw_voice(a.audio, true);
    unsigned before = atomic_load(&a.sent);
    while (atomic_load(&a.sent) < before + 100)
        run_ms(100);
    mt_audio_destroy(a.audio);
    mt_audio_destroy(b.audio);
    assert_int_equal(atomic_load(&a.errors) + atomic_load(&b.errors), 0);
    read_heard();
    size_t n = 200 * 48;
    assert_true(heard_len > 3 * n);
    double best = 0;
    for (size_t at = 0; at + n < heard_len; at += n)
        best = fmax(best, amplitude(at, n, 1500.0));
    assert_true(best > 5000.0);
}

static void what_cannot_be_opened_is_told(void **state) {
    end a = {0};
    a.other = &a;
    open_end(&a, "file:/nowhere/at/all.wav", "file:/nowhere/at/all.wav", MT_AUDIO_OPUS, 20);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_ESYS);
    assert_int_equal(atomic_load(&a.errors), 0); /* not from within the call */
    run_ms(50);
    assert_int_equal(atomic_load(&a.errors), 2);
    mt_audio_destroy(a.audio);
}

/* The file turns up between the failure and the event that tells of it: whoever hears that the microphone is off must
 * not be heard. */
static void a_microphone_told_off_is_off(void **state) {
    end a = {0};
    a.other = &a;
    const char *mic = in_dir("file:", "said.wav");
    unlink(in_dir("", "said.wav"));
    open_end(&a, mic, "none", MT_AUDIO_OPUS, 10);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_ESYS);
    (void)write_said(4800);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
    while (atomic_load(&a.errors) == 0)
        g_main_context_iteration(NULL, TRUE);
    unsigned sent = atomic_load(&a.sent);
    run_ms(50);
    assert_int_equal(atomic_load(&a.sent), sent);
    assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
    run_ms(50);
    assert_true(atomic_load(&a.sent) > sent);
    mt_audio_destroy(a.audio);
}

static void garbage_is_ignored(void **state) {
    end a = {0};
    uint8_t packet[64] = {0x80, 111};
    mt_audio_stats stats;
    open_end(&a, "none", "none", MT_AUDIO_L16, 10);
    for (size_t len = 0; len < sizeof(packet); len++)
        mt_audio_rtp_in(a.audio, mt_slice_n(packet, len));
    packet[1] = 110;
    mt_audio_rtp_in(a.audio, mt_slice_n(packet, 20));
    mt_audio_stats_get(a.audio, &stats);
    assert_int_equal(stats.received, 25); /* an even number of bytes of sound */
    mt_audio_destroy(a.audio);
}

static unsigned open_fds(void) {
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += access("/proc/self/fd", F_OK) == 0 && fcntl(fd, F_GETFD) >= 0;
    return n;
}

static unsigned long status_of(const char *what) {
    char line[256];
    unsigned long value = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0)
            sscanf(line + strlen(what), ":%lu", &value);
    }
    fclose(f);
    return value;
}

static void life_and_death(unsigned times) {
    const char *mic = write_said(4800);
    for (unsigned i = 0; i < times; i++) {
        end a = {0};
        a.other = &a;
        open_end(&a, mic, in_dir("file:", "heard.wav"), i % 2 == 0 ? MT_AUDIO_OPUS : MT_AUDIO_L16, 10);
        assert_int_equal(mt_audio_mic(a.audio, true), MT_OK);
        if (i % 10 == 0)
            run_ms(20);
        mt_audio_destroy(a.audio);
    }
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void nothing_grows(void **state) {
    life_and_death(40);
    unsigned fds = open_fds();
    unsigned long threads = status_of("Threads"), before_kib = status_of("VmRSS");
    life_and_death(200);
    print_message("200 lives: descriptors %u -> %u, threads %lu -> %lu, VmRSS %lu -> %lu KiB\n", fds, open_fds(),
                  threads, status_of("Threads"), before_kib, status_of("VmRSS"));
    assert_int_equal(open_fds(), fds);
    assert_true(status_of("Threads") <= threads + 2); /* GLib keeps a pool */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(status_of("VmRSS") < before_kib + 1024);
#endif
}

static int begin(void **state) {
    snprintf(dir, sizeof(dir), "/tmp/test_audio_XXXXXX");
    return mt_audio_init() == MT_OK && mkdtemp(dir) != NULL ? 0 : -1;
}

static int finish(void **state) {
    unlink(in_dir("", "said.wav"));
    unlink(in_dir("", "heard.wav"));
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tone_by_opus_20),
        cmocka_unit_test(tone_by_opus_10),
        cmocka_unit_test(tone_by_l16),
        cmocka_unit_test(chirp_by_opus_20),
        cmocka_unit_test(chirp_by_opus_10),
        cmocka_unit_test(chirp_by_l16),
        cmocka_unit_test(silence_by_opus),
        cmocka_unit_test(silence_by_l16),
        cmocka_unit_test(full_scale_by_opus),
        cmocka_unit_test(full_scale_by_l16),
        cmocka_unit_test(loss_by_opus),
        cmocka_unit_test(loss_by_l16),
        cmocka_unit_test(microphone_off_sends_nothing),
        cmocka_unit_test(one_hears_oneself),
        cmocka_unit_test(devices_change_during_a_talk),
        cmocka_unit_test(what_cannot_be_opened_is_told),
        cmocka_unit_test(a_microphone_told_off_is_off),
        cmocka_unit_test(garbage_is_ignored),
        cmocka_unit_test(nothing_grows),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
