/* The Opus encoder as the path's plan wants it: copies of lost packets, silence in pauses, one size. */
#include "media/voice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "media/pcm.h"

#define PI 3.14159265358979323846
#define FRAMES 200

typedef struct coded {
    uint8_t bytes[MT_VOICE_PACKET_MAX];
    size_t len;
} coded;

static coded packets[FRAMES];
static int16_t said[FRAMES][960];

/* A voice of a kind: a gliding tone with overtones that swells and falls. */
static void make_voice(size_t frame, size_t samples, bool silent) {
    static double phase;
    for (size_t i = 0; i < samples; i++) {
        double t = ((double)(frame * samples) + (double)i) / MT_PCM_RATE, v = 0;
        phase += 2.0 * PI * (140.0 + 30.0 * sin(3.0 * t)) / MT_PCM_RATE;
        for (int k = 1; k < 12; k++)
            v += sin(k * phase) / k;
        said[frame][i] =
            silent ? (int16_t)((i * 7919 + frame * 31) % 5) : (int16_t)(4000.0 * v * (0.6 + 0.4 * sin(9.0 * t)));
    }
}

static void encode_all(uint8_t ptime_ms, const mt_adapt_plan *plan, size_t silent_from) {
    mt_voice_enc *enc = NULL;
    assert_int_equal(mt_voice_enc_create(MT_AUDIO_OPUS, ptime_ms, &enc), MT_OK);
    mt_voice_enc_plan(enc, plan);
    for (size_t i = 0; i < FRAMES; i++) {
        make_voice(i, ptime_ms * 48u, i >= silent_from);
        assert_int_equal(mt_voice_encode(enc, said[i], packets[i].bytes, &packets[i].len), MT_OK);
    }
    mt_voice_enc_destroy(enc);
}

/* Each fifth packet is lost. Signal to noise against what is decoded when nothing is lost, in dB, over the lost ones.
 */
static double snr_of_lost(uint32_t samples, bool recover, unsigned *out_recovered) {
    mt_voice_dec *whole = NULL, *holed = NULL;
    static int16_t want[MT_PCM_FRAME_MAX], got[MT_PCM_FRAME_MAX];
    double signal = 0, noise = 0;
    assert_int_equal(mt_voice_dec_create(MT_AUDIO_OPUS, &whole), MT_OK);
    assert_int_equal(mt_voice_dec_create(MT_AUDIO_OPUS, &holed), MT_OK);
    *out_recovered = 0;
    for (size_t i = 0; i + 1 < FRAMES; i++) {
        bool lost = i % 5 == 4;
        mt_voice_decode(whole, mt_slice_n(packets[i].bytes, packets[i].len), samples, want);
        const mt_slice next = mt_slice_n(packets[i + 1].bytes, packets[i + 1].len);
        if (!lost)
            mt_voice_decode(holed, mt_slice_n(packets[i].bytes, packets[i].len), samples, got);
        else if (recover && mt_voice_recover(holed, next, samples, got))
            ++*out_recovered;
        else
            mt_voice_conceal(holed, samples, got);
        for (size_t k = 0; lost && i > 10 && k < samples; k++) {
            signal += (double)want[k] * want[k];
            noise += (double)(got[k] - want[k]) * (got[k] - want[k]);
        }
    }
    mt_voice_dec_destroy(whole);
    mt_voice_dec_destroy(holed);
    return 10.0 * log10(signal / noise);
}

static void check_recovery(uint8_t ptime_ms, double better_db) {
    const mt_adapt_plan plan = {.fec = true, .loss_percent = 10, .bit_rate = 48000};
    uint32_t samples = ptime_ms * 48u;
    unsigned recovered = 0, none = 0;
    encode_all(ptime_ms, &plan, FRAMES);
    double with = snr_of_lost(samples, true, &recovered), without = snr_of_lost(samples, false, &none);
    print_message("%u ms: %u of %u recovered, %.1f dB instead of %.1f\n", ptime_ms, recovered, FRAMES / 5, with,
                  without);
    assert_true(recovered >= FRAMES / 20); /* what the encoder takes for speech */
    assert_true(with > without + better_db);
}

static void lost_packets_are_recovered(void **state) {
    check_recovery(20, 2.0);
    check_recovery(10, 0.2);
}

static void no_copy_no_recovery(void **state) {
    const mt_adapt_plan plan = {.bit_rate = 40000};
    unsigned recovered = 0;
    int16_t pcm[MT_PCM_FRAME_MAX];
    mt_voice_dec *dec = NULL;
    encode_all(20, &plan, FRAMES);
    (void)snr_of_lost(960, true, &recovered);
    assert_int_equal(recovered, 0);
    assert_int_equal(mt_voice_dec_create(MT_AUDIO_OPUS, &dec), MT_OK);
    assert_false(mt_voice_recover(dec, mt_slice_n(NULL, 0), 960, pcm));
    assert_false(mt_voice_recover(dec, mt_slice_n("\xff\xff\xff", 3), 960, pcm));
    mt_voice_dec_destroy(dec);
    assert_int_equal(mt_voice_dec_create(MT_AUDIO_L16, &dec), MT_OK);
    assert_false(mt_voice_recover(dec, mt_slice_n(packets[0].bytes, packets[0].len), 960, pcm));
    mt_voice_dec_destroy(dec);
}

static unsigned sent(size_t from, size_t to) {
    unsigned n = 0;
    for (size_t i = from; i < to; i++)
        n += packets[i].len > 0;
    return n;
}

/* A pause is sent like speech, so that nobody sees who speaks when; on a full path it is not. */
static void pauses(void **state) {
    const mt_adapt_plan plain = {.bit_rate = 40000},
                        full = {.fec = true, .dtx = true, .loss_percent = 20, .bit_rate = 24000};
    encode_all(20, &plain, 50);
    assert_int_equal(sent(0, FRAMES), FRAMES);
    encode_all(20, &full, 50);
    print_message("sent of 50 spoken frames %u, of 130 silent ones %u\n", sent(0, 50), sent(70, FRAMES));
    assert_int_equal(sent(0, 50), 50);
    assert_in_range(sent(70, FRAMES), 1, 30); /* one in 400 ms keeps the noise going */
}

static void sizes_stay_one(void **state) {
    const mt_adapt_plan plan = {.fec = true, .loss_percent = 10, .bit_rate = 48000};
    encode_all(20, &plan, 100);
    for (size_t i = 1; i < FRAMES; i++)
        assert_int_equal(packets[i].len, packets[0].len);
}

static bool is_celt(const coded *c) {
    return (c->bytes[0] & 0x80) != 0;
}

/* A path that becomes bad amid speech: the copies begin when it is quiet, or after 30 packets, and end as well. */
static size_t change_at(bool quiet, bool fec_first) {
    const mt_adapt_plan plain = {.bit_rate = 48000}, bad = {.fec = true, .loss_percent = 10, .bit_rate = 48000};
    mt_voice_enc *enc = NULL;
    assert_int_equal(mt_voice_enc_create(MT_AUDIO_OPUS, 10, &enc), MT_OK);
    mt_voice_enc_plan(enc, fec_first ? &bad : &plain);
    for (size_t i = 0; i < FRAMES; i++) {
        make_voice(i, 480, quiet && i == 110);
        if (i == 100)
            mt_voice_enc_plan(enc, fec_first ? &plain : &bad);
        assert_int_equal(mt_voice_encode(enc, said[i], packets[i].bytes, &packets[i].len), MT_OK);
        assert_int_equal(packets[i].len, packets[0].len);
    }
    mt_voice_enc_destroy(enc);
    assert_true(is_celt(&packets[0]) != fec_first && is_celt(&packets[99]) != fec_first);
    size_t at = 100;
    while (is_celt(&packets[at]) != fec_first)
        at++;
    for (size_t i = at; i < FRAMES; i++)
        assert_true(is_celt(&packets[i]) == fec_first);
    return at;
}

static double power_of(const int16_t *pcm, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return sum;
}

/* The least loudness of what is decoded of a packet around the change, against what was said then. */
static double quietest_around(size_t at) {
    static int16_t pcm[MT_PCM_FRAME_MAX];
    double least = 1e9;
    mt_voice_dec *dec = NULL;
    assert_int_equal(mt_voice_dec_create(MT_AUDIO_OPUS, &dec), MT_OK);
    for (size_t i = 0; i < at + 3; i++) {
        mt_voice_decode(dec, mt_slice_n(packets[i].bytes, packets[i].len), 480, pcm);
        if (i + 2 > at)
            least = fmin(least, 2.0 * power_of(pcm, 480) / (power_of(said[i - 1], 480) + power_of(said[i], 480)));
    }
    mt_voice_dec_destroy(dec);
    return 10.0 * log10(least);
}

static void copies_begin_and_end_amid_speech(void **state) {
    for (int fec_first = 0; fec_first < 2; fec_first++) {
        assert_int_equal(change_at(true, fec_first), 110);
        size_t at = change_at(false, fec_first);
        double db = quietest_around(at);
        print_message("changed at packet %zu, least loudness around it %.1f dB\n", at, db);
        assert_int_equal(at, 130);
        assert_true(db > -6.0); /* no hole */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_packets_are_recovered),
        cmocka_unit_test(no_copy_no_recovery),
        cmocka_unit_test(pauses),
        cmocka_unit_test(copies_begin_and_end_amid_speech),
        cmocka_unit_test(sizes_stay_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
