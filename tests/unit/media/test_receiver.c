/* What is heard of a partner whose encoder leaves out pauses: the noise of his room goes on between the words. It was
 * dead silence after 60 ms, and counted as loss. */
#include "media/receiver.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "media/pcm.h"
#include "media/sender.h"

#define PI 3.14159265358979323846
#define BLOCKS 1000 /* of 10 ms */
#define WORDS 200   /* in so many of them somebody speaks at first, and again in the last hundred */

typedef struct room {
    mt_sender *sender;
    mt_receiver *receiver;
    int64_t now_us;
    unsigned packets;
    uint32_t seed;
    double phase;
} room;

static int16_t heard[BLOCKS][MT_PCM_BLOCK];

static void on_packet(void *ctx, const void *packet, size_t len_bytes) {
    room *r = ctx;
    r->packets++;
    mt_receiver_put(r->receiver, mt_slice_n(packet, len_bytes), r->now_us);
}

/* The noise of a room, about -54 dB, and in front of it a voice of a kind. */
static void say(room *r, bool speaks, int16_t out[MT_PCM_BLOCK]) {
    for (size_t i = 0; i < MT_PCM_BLOCK; i++) {
        double v = 0, t = (double)r->now_us / 1e6 + (double)i / MT_PCM_RATE;
        r->phase += 2.0 * PI * (140.0 + 30.0 * sin(3.0 * t)) / MT_PCM_RATE;
        for (int k = 1; speaks && k < 12; k++)
            v += sin(k * r->phase) / k;
        r->seed = r->seed * 1664525u + 1013904223u;
        out[i] =
            (int16_t)(4000.0 * v * (0.6 + 0.4 * sin(9.0 * t)) + ((double)(r->seed >> 8) / 8388608.0 - 1.0) * 110.0);
    }
}

static void run(room *r, uint8_t ptime_ms, const mt_adapt_plan *plan, mt_audio_stats *out) {
    const mt_audio_config cfg = {
        .codec = MT_AUDIO_OPUS, .payload_type = 111, .recv_payload_type = 111, .ptime_ms = ptime_ms, .jitter_ms = 40};
    *r = (room){.now_us = 1000000, .seed = 1};
    assert_int_equal(mt_receiver_create(&cfg, &r->receiver), MT_OK);
    assert_int_equal(mt_sender_create(&cfg, on_packet, r, &r->sender), MT_OK);
    mt_sender_plan(r->sender, plan);
    mt_sender_begin(r->sender, r->now_us);
    for (size_t b = 0; b < BLOCKS; b++, r->now_us += 10000) {
        int16_t pcm[MT_PCM_BLOCK];
        say(r, b < WORDS || b >= BLOCKS - 100, pcm);
        mt_sender_pcm(r->sender, pcm, MT_PCM_BLOCK);
        mt_receiver_take(r->receiver, r->now_us, heard[b], MT_PCM_BLOCK);
    }
    mt_receiver_stats(r->receiver, out);
    mt_sender_destroy(r->sender);
    mt_receiver_destroy(r->receiver);
}

static double level_db(size_t from, size_t to) {
    double sum = 1e-9;
    for (size_t b = from; b < to; b++) {
        for (size_t i = 0; i < MT_PCM_BLOCK; i++)
            sum += (double)heard[b][i] * heard[b][i];
    }
    return 10.0 * log10(sum / (double)((to - from) * MT_PCM_BLOCK) / (32768.0 * 32768.0));
}

static void the_noise_goes_on(uint8_t ptime_ms) {
    const mt_adapt_plan full = {.fec = true, .dtx = true, .loss_percent = 20, .bit_rate = 24000},
                        sent = {.fec = true, .loss_percent = 20, .bit_rate = 24000};
    const size_t from = WORDS + 100, to = BLOCKS - 100; /* the encoder makes sure first that it is a pause */
    mt_audio_stats s;
    room r;
    run(&r, ptime_ms, &sent, &s);
    const double as_sent = level_db(from, to);
    run(&r, ptime_ms, &full, &s);
    double whole = level_db(from, to), least = 0, most = -200;
    for (size_t b = from; b < to; b += 2) {
        least = fmin(least, level_db(b, b + 2));
        most = fmax(most, level_db(b, b + 2));
    }
    print_message("%u ms: %u packets for %u blocks; noise %.1f dB, sent as such %.1f dB, each 20 ms of it %.1f to %.1f "
                  "dB; comfort %llu ms, "
                  "concealed %llu ms, lost %llu, late %llu\n",
                  ptime_ms, r.packets, BLOCKS, whole, as_sent, least, most, (unsigned long long)s.comfort_ms,
                  (unsigned long long)s.concealed_ms, (unsigned long long)s.lost, (unsigned long long)s.late);
    assert_true(r.packets < 750 * 10 / ptime_ms); /* the pause was left out */
    assert_true(fabs(whole - as_sent) < 6);
    assert_true(least > whole - 12 && most < whole + 12); /* neither silence nor clicks */
    assert_int_equal(s.concealed_ms + s.lost + s.late, 0);
    assert_true(s.comfort_ms > 3000);
    assert_true(fabs(level_db(BLOCKS - 80, BLOCKS) - level_db(50, WORDS - 10)) <
                3); /* the words that follow are heard */
}

static void the_noise_of_a_pause_goes_on(void **state) {
    the_noise_goes_on(20);
    the_noise_goes_on(10);
}

/* Nobody is there: a second later it is silent. */
static void an_end_is_silent(void **state) {
    const mt_audio_config cfg = {
        .codec = MT_AUDIO_OPUS, .payload_type = 111, .recv_payload_type = 111, .ptime_ms = 10, .jitter_ms = 40};
    room r = {.now_us = 1000000, .seed = 1};
    assert_int_equal(mt_receiver_create(&cfg, &r.receiver), MT_OK);
    assert_int_equal(mt_sender_create(&cfg, on_packet, &r, &r.sender), MT_OK);
    mt_sender_begin(r.sender, r.now_us);
    for (size_t b = 0; b < 400; b++, r.now_us += 10000) {
        int16_t pcm[MT_PCM_BLOCK];
        say(&r, true, pcm);
        if (b < 200)
            mt_sender_pcm(r.sender, pcm, MT_PCM_BLOCK);
        mt_receiver_take(r.receiver, r.now_us, heard[b], MT_PCM_BLOCK);
    }
    print_message("speech %.1f dB; 100, 200 and 500 ms after its end %.1f, %.1f and %.1f dB\n", level_db(100, 200),
                  level_db(212, 214), level_db(222, 224), level_db(252, 254));
    assert_true(level_db(222, 300) < level_db(100, 200) - 25);
    assert_true(level_db(310, 400) < -150);
    mt_sender_destroy(r.sender);
    mt_receiver_destroy(r.receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_noise_of_a_pause_goes_on),
        cmocka_unit_test(an_end_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
