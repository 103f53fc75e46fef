/* Each canceller in a room that is computed: the loudspeaker's sound comes back into the microphone, late, coloured and
 * with a tail, while somebody speaks near it or not. */
#include "media/clean.h"

#include <gst/gst.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS 14
#define BLOCKS (SECONDS * 100)
#define SAMPLES (BLOCKS * MT_PCM_BLOCK)
#define REFLECTIONS 6

static int16_t far_end[SAMPLES], near_end[SAMPLES], microphone[SAMPLES], cleaned[SAMPLES];

/* Speech of a kind: syllables of voiced and noisy sound, no two alike. */
static void make_speech(int16_t *out, uint32_t seed, double pitch_hz) {
    double phase = 0, low = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        double t = (double)i / MT_PCM_RATE, v = 0;
        double swell = fmax(0.0, sin(2.0 * G_PI * (2.7 + 0.9 * sin(0.7 * t + seed)) * t + seed));
        phase += 2.0 * G_PI * pitch_hz * (1.0 + 0.15 * sin(2.1 * t + seed)) / MT_PCM_RATE;
        for (int k = 1; k <= 14; k++)
            v += sin(k * phase + k * k) * (1.0 + 0.8 * sin(k * 0.9 + 3.3 * t)) / (k + 1);
        seed = seed * 1664525u + 1013904223u;
        low += 0.3 * ((double)(seed >> 8) / 8388608.0 - 1.0 - low);
        out[i] = (int16_t)(5000.0 * swell * (v + 1.2 * low) / 2.0);
    }
}

/* delay_ms: loudspeaker, air and microphone together. */
static void make_microphone(unsigned delay_ms, bool someone_near) {
    static const int late[REFLECTIONS] = {0, 211, 517, 1103, 1907, 3089};
    static const double gain[REFLECTIONS] = {0.45, -0.22, 0.16, -0.1, 0.07, -0.04};
    uint32_t seed = 99;
    for (size_t i = 0; i < SAMPLES; i++) {
        double v = someone_near ? near_end[i] : 0;
        for (int k = 0; k < REFLECTIONS; k++) {
            size_t back = delay_ms * MT_PCM_RATE / 1000 + (size_t)late[k];
            v += i >= back ? gain[k] * far_end[i - back] : 0;
        }
        seed = seed * 1664525u + 1013904223u;
        microphone[i] = (int16_t)(v + (double)(seed >> 24) / 16.0 - 8.0);
    }
}

static double power(const int16_t *pcm, unsigned from_s, unsigned to_s) {
    double sum = 1e-9;
    for (size_t i = from_s * (size_t)MT_PCM_RATE; i < to_s * (size_t)MT_PCM_RATE; i++)
        sum += (double)pcm[i] * pcm[i];
    return sum;
}

/* The greatest correlation of what came out with what was said near, over delays of up to 40 ms. */
static double likeness(unsigned from_s, unsigned to_s) {
    double best = 0;
    for (size_t lag = 0; lag < 40 * MT_PCM_RATE / 1000; lag += 2) {
        double ab = 0, aa = 1e-9, bb = 1e-9;
        for (size_t i = from_s * (size_t)MT_PCM_RATE; i < to_s * (size_t)MT_PCM_RATE; i += 3) {
            ab += (double)near_end[i - lag] * cleaned[i];
            aa += (double)near_end[i - lag] * near_end[i - lag];
            bb += (double)cleaned[i] * cleaned[i];
        }
        best = fmax(best, ab / sqrt(aa * bb));
    }
    return best;
}

static void run(mt_clean_kind kind) {
    mt_clean *c = NULL;
    assert_int_equal(mt_clean_create(kind, &c), MT_OK);
    gint64 begun_us = g_get_monotonic_time();
    for (size_t b = 0; b < BLOCKS; b++) {
        int16_t *out = cleaned + b * MT_PCM_BLOCK;
        mt_clean_heard(c, far_end + b * MT_PCM_BLOCK, MT_PCM_BLOCK);
        memcpy(out, microphone + b * MT_PCM_BLOCK, MT_PCM_BLOCK * sizeof(out[0]));
        mt_clean_voice(c, out);
    }
    print_message("%s: %.0f us a block\n", mt_clean_name(c), (double)(g_get_monotonic_time() - begun_us) / BLOCKS);
    mt_clean_destroy(c);
}

static void check_echo(mt_clean_kind kind, unsigned delay_ms) {
    make_speech(far_end, 1, 120.0);
    make_speech(near_end, 2, 205.0);
    make_microphone(delay_ms, false);
    run(kind);
    double early_db = 10.0 * log10(power(microphone, 3, 5) / power(cleaned, 3, 5));
    double late_db = 10.0 * log10(power(microphone, 8, 13) / power(cleaned, 8, 13));
    print_message("echo after %u ms reduced by %.1f dB after 3 s, %.1f dB after 8 s\n", delay_ms, early_db, late_db);
    assert_true(early_db >= 15.0);
    assert_true(late_db >= 15.0);
}

/* Both speak: what is said near must be heard, and more of it than of the echo. */
static void check_double_talk(mt_clean_kind kind) {
    memset(near_end, 0, sizeof(near_end));
    make_speech(far_end, 1, 120.0);
    make_speech(near_end, 2, 205.0);
    memset(near_end, 0, 5 * MT_PCM_RATE * sizeof(near_end[0])); /* the first seconds are the partner's */
    make_microphone(60, true);
    run(kind);
    double like = likeness(6, 13);
    double level_db = 10.0 * log10(power(cleaned, 6, 13) / power(near_end, 6, 13));
    print_message("both speak: likeness %.2f, level %.1f dB\n", like, level_db);
    assert_true(like > 0.5);
    assert_true(level_db > -14.0 && level_db < 15.0);
}

/* Nobody at the other end: a voice passes as it is. */
static void check_voice_alone(mt_clean_kind kind) {
    memset(far_end, 0, sizeof(far_end));
    make_speech(near_end, 2, 205.0);
    make_microphone(60, true);
    run(kind);
    double like = likeness(3, 13);
    print_message("one speaks: likeness %.2f\n", like);
    assert_true(like > 0.8);
}

static bool available(mt_clean_kind kind) {
    mt_clean *c = NULL;
    mt_err err = mt_clean_create(kind, &c);
    mt_clean_destroy(c);
    assert_true(err == MT_OK || err == MT_ENOENT);
    return err == MT_OK;
}

static void check_all(mt_clean_kind kind) {
    if (!available(kind)) {
        print_message("this canceller is not installed\n");
        skip();
    }
    check_echo(kind, 15); /* devices that hold back little: what is compared must be there before its echo */
    check_echo(kind, 60);
    check_double_talk(kind);
    check_voice_alone(kind);
}

static void webrtcdsp(void **state) {
    check_all(MT_CLEAN_WEBRTC);
}

static void speexdsp(void **state) {
    check_all(MT_CLEAN_SPEEX);
}

/* The loudspeaker's thread wakes late at times, and its blocks come in bursts; once it stands still for a second. Echo
 * and what it is compared with keep step all the same. */
static void bursts(void **state) {
    mt_clean *c = NULL;
    if (!available(MT_CLEAN_SPEEX))
        skip();
    make_speech(far_end, 1, 120.0);
    memset(near_end, 0, sizeof(near_end));
    make_microphone(15, false);
    assert_int_equal(mt_clean_create(MT_CLEAN_SPEEX, &c), MT_OK);
    size_t given = 0;
    for (size_t b = 0; b < BLOCKS; b++) {
        int16_t *out = cleaned + b * MT_PCM_BLOCK;
        bool late = b % 50 == 49 || (b >= 200 && b < 300);
        for (; !late && given <= b; given++)
            mt_clean_heard(c, far_end + given * MT_PCM_BLOCK, MT_PCM_BLOCK);
        memcpy(out, microphone + b * MT_PCM_BLOCK, MT_PCM_BLOCK * sizeof(out[0]));
        mt_clean_voice(c, out);
    }
    mt_clean_destroy(c);
    double late_db = 10.0 * log10(power(microphone, 9, 13) / power(cleaned, 9, 13));
    print_message("in bursts: echo reduced by %.1f dB\n", late_db);
    assert_true(late_db >= 10.0);
}

static void life_and_death(void **state) {
    for (int i = 0; i < 20; i++) {
        mt_clean *c = NULL;
        mt_err err = mt_clean_create(i % 2 == 0 ? MT_CLEAN_WEBRTC : MT_CLEAN_SPEEX, &c);
        int16_t pcm[MT_PCM_BLOCK] = {0};
        for (int n = 0; err == MT_OK && n < i; n++)
            mt_clean_voice(c, pcm); /* nothing was heard yet */
        mt_clean_destroy(c);
    }
}

static int begin(void **state) {
    return gst_init_check(NULL, NULL, NULL) ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webrtcdsp),
        cmocka_unit_test(speexdsp),
        cmocka_unit_test(bursts),
        cmocka_unit_test(life_and_death),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
