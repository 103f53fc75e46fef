/* What is heard of what is said: tones, speech-like sweeps, silence, full scale, and through loss. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audio_kit.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tone_by_opus_20),   cmocka_unit_test(tone_by_opus_10),  cmocka_unit_test(tone_by_l16),
        cmocka_unit_test(chirp_by_opus_20),  cmocka_unit_test(chirp_by_opus_10), cmocka_unit_test(chirp_by_l16),
        cmocka_unit_test(silence_by_opus),   cmocka_unit_test(silence_by_l16),   cmocka_unit_test(full_scale_by_opus),
        cmocka_unit_test(full_scale_by_l16), cmocka_unit_test(loss_by_opus),     cmocka_unit_test(loss_by_l16),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
