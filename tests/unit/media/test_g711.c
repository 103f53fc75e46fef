/* G.711 by its own tables' points, and speech through it: 48 kHz, 8 kHz, one byte a sample, and back. */
#include "media/g711.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "media/narrow.h"
#include "media/pcm.h"
#include "media/voice.h"

#define PI 3.14159265358979323846

typedef struct point {
    int16_t sample;
    uint8_t ulaw, alaw;
} point;

static void points_of_the_tables(void **state) {
    static const point points[] = {
        {0, 0xff, 0xd5},     {1000, 0xce, 0xfa},  {-1000, 0x4e, 0x7a},  {8031, 0xa0, 0x8a},
        {-8031, 0x20, 0x0a}, {32767, 0x80, 0xaa}, {-32768, 0x00, 0x2a},
    };
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        assert_int_equal(mt_g711_ulaw(points[i].sample), points[i].ulaw);
        assert_int_equal(mt_g711_alaw(points[i].sample), points[i].alaw);
    }
    assert_int_equal(mt_g711_from_ulaw(0x80), 32124);
    assert_int_equal(mt_g711_from_alaw(0xaa), 32256);
}

/* A decoded code is encoded as itself again, and no sample is off by more than half a step (4 % and a bit). */
static void every_code_and_sample(void **state) {
    for (unsigned code = 0; code < 256; code++) {
        int16_t u = mt_g711_from_ulaw((uint8_t)code), a = mt_g711_from_alaw((uint8_t)code);
        assert_int_equal(mt_g711_from_ulaw(mt_g711_ulaw(u)), u);
        assert_int_equal(mt_g711_alaw(a), code);
    }
    for (int s = -32000; s <= 32000; s++) {
        assert_true(abs(mt_g711_from_ulaw(mt_g711_ulaw((int16_t)s)) - s) <= abs(s) / 31 + 4);
        assert_true(abs(mt_g711_from_alaw(mt_g711_alaw((int16_t)s)) - s) <= abs(s) / 31 + 8);
    }
}

/* What remains of a tone after down and up, in dB. */
static double through_narrow_db(double hz) {
    static mt_narrow down, up;
    double in_power = 0, out_power = 0;
    mt_narrow_init(&down);
    mt_narrow_init(&up);
    for (int block = 0, t = 0; block < 50; block++) {
        int16_t pcm[MT_PCM_BLOCK], narrow[MT_PCM_BLOCK / MT_NARROW_FACTOR], back[MT_PCM_BLOCK];
        for (int i = 0; i < MT_PCM_BLOCK; i++)
            pcm[i] = (int16_t)(8000.0 * sin(2.0 * PI * hz * t++ / MT_PCM_RATE));
        mt_narrow_down(&down, pcm, narrow, MT_PCM_BLOCK / MT_NARROW_FACTOR);
        mt_narrow_up(&up, narrow, MT_PCM_BLOCK / MT_NARROW_FACTOR, back);
        for (int i = 0; block >= 10 && i < MT_PCM_BLOCK; i++) {
            in_power += (double)pcm[i] * pcm[i];
            out_power += (double)back[i] * back[i];
        }
    }
    return 10.0 * log10((out_power + 1e-9) / in_power);
}

static void speech_passes_and_the_rest_does_not(void **state) {
    static const double pass_hz[] = {300, 1000, 2000, 3000}, stop_hz[] = {4700, 6000, 9000, 12000, 20000};
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(through_narrow_db(pass_hz[i])) < 1.0);
    for (size_t i = 0; i < 5; i++)
        assert_true(through_narrow_db(stop_hz[i]) < -45.0);
}

static void check_tone(mt_audio_codec codec) {
    mt_voice_enc *enc = NULL;
    mt_voice_dec *dec = NULL;
    double sum = 0, power = 0;
    assert_int_equal(mt_voice_enc_create(codec, 20, &enc), MT_OK);
    assert_int_equal(mt_voice_dec_create(codec, &dec), MT_OK);
    assert_int_equal(mt_voice_clock_hz(codec), 8000);
    for (int frame = 0, t = 0; frame < 50; frame++) {
        int16_t pcm[960], back[MT_PCM_FRAME_MAX];
        uint8_t packet[MT_VOICE_PACKET_MAX];
        size_t len = 0;
        uint32_t samples = 0;
        for (int i = 0; i < 960; i++)
            pcm[i] = (int16_t)(8000.0 * sin(2.0 * PI * 500.0 * (t + i) / MT_PCM_RATE));
        assert_int_equal(mt_voice_encode(enc, pcm, packet, &len), MT_OK);
        assert_int_equal(len, 160);
        assert_int_equal(mt_voice_duration(codec, mt_slice_n(packet, len), &samples), MT_OK);
        assert_int_equal(samples, 960);
        mt_voice_decode(dec, mt_slice_n(packet, len), samples, back);
        for (int i = 0; i < 960 && frame >= 10; i++) { /* two filters: 138 samples late */
            double want = 8000.0 * sin(2.0 * PI * 500.0 * (t + i - 138) / MT_PCM_RATE);
            sum += (back[i] - want) * (back[i] - want);
            power += want * want;
        }
        t += 960;
    }
    double noise_db = 10.0 * log10(sum / power);
    print_message("%s: noise %.1f dB\n", codec == MT_AUDIO_PCMU ? "PCMU" : "PCMA", noise_db);
    assert_true(noise_db < -30.0);
    mt_voice_enc_destroy(enc);
    mt_voice_dec_destroy(dec);
}

static void a_tone_survives(void **state) {
    check_tone(MT_AUDIO_PCMU);
    check_tone(MT_AUDIO_PCMA);
}

static void too_long_is_refused(void **state) {
    static const char payload[1000];
    uint32_t samples = 0;
    assert_int_equal(mt_voice_duration(MT_AUDIO_PCMU, mt_slice_n(payload, 960), &samples), MT_OK);
    assert_int_equal(mt_voice_duration(MT_AUDIO_PCMU, mt_slice_n(payload, 961), &samples), MT_EBAD);
    assert_int_equal(mt_voice_duration(MT_AUDIO_PCMA, mt_slice_n(payload, 0), &samples), MT_EBAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_the_tables),
        cmocka_unit_test(every_code_and_sample),
        cmocka_unit_test(speech_passes_and_the_rest_does_not),
        cmocka_unit_test(a_tone_survives),
        cmocka_unit_test(too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
