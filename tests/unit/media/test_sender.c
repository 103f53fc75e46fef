/* What goes on the wire: sequence numbers, timestamps, markers, sizes. */
#include "media/sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "media/pcm.h"
#include "media/rtp.h"

typedef struct wire {
    unsigned n;
    mt_rtp last[64];
    uint8_t first_bytes[4];
    size_t len_least, len_most;
} wire;

static void on_packet(void *ctx, const void *packet, size_t len_bytes) {
    wire *w = ctx;
    mt_rtp *rtp = &w->last[w->n % 64];
    assert_int_equal(mt_rtp_parse(mt_slice_n(packet, len_bytes), rtp), MT_OK);
    if (w->n++ == 0) {
        memcpy(w->first_bytes, rtp->payload.p, 4);
        w->len_least = SIZE_MAX;
    }
    w->len_least = len_bytes < w->len_least ? len_bytes : w->len_least;
    w->len_most = len_bytes > w->len_most ? len_bytes : w->len_most;
}

static mt_sender *open_sender(wire *w, mt_audio_codec codec, uint8_t ptime_ms) {
    const mt_audio_config cfg = {.codec = codec, .payload_type = 96, .ptime_ms = ptime_ms};
    mt_sender *s = NULL;
    memset(w, 0, sizeof(*w));
    assert_int_equal(mt_sender_create(&cfg, on_packet, w, &s), MT_OK);
    return s;
}

static void numbers_follow_each_other(void **state) {
    wire w;
    int16_t pcm[777] = {0};
    mt_sender *s = open_sender(&w, MT_AUDIO_OPUS, 20);
    mt_sender_begin(s, 5000000);
    for (int i = 0; i < 20; i++)
        mt_sender_pcm(s, pcm, 777);
    assert_int_equal(w.n, 20 * 777 / 960);
    for (unsigned i = 1; i < w.n; i++) {
        assert_int_equal((uint16_t)(w.last[i].seq - w.last[0].seq), i);
        assert_int_equal(w.last[i].timestamp - w.last[0].timestamp, i * 960);
        assert_int_equal(w.last[i].ssrc, w.last[0].ssrc);
        assert_int_equal(w.last[i].payload_type, 96);
        assert_false(w.last[i].marker);
    }
    assert_true(w.last[0].marker);
    assert_int_equal(mt_sender_sent(s), w.n);
    mt_sender_destroy(s);
}

static void a_pause_moves_the_timestamp_and_leaves_nothing(void **state) {
    wire w;
    int16_t pcm[700] = {0};
    mt_sender *s = open_sender(&w, MT_AUDIO_L16, 10);
    mt_sender_begin(s, 5000000);
    mt_sender_pcm(s, pcm, 700); /* one packet, 220 samples wait */
    mt_sender_begin(s, 5000000 + 3000000);
    mt_sender_pcm(s, pcm, 300); /* would fill the frame with those of before */
    assert_int_equal(w.n, 1);
    mt_sender_pcm(s, pcm, 180);
    assert_int_equal(w.n, 2);
    assert_int_equal((uint16_t)(w.last[1].seq - w.last[0].seq), 1);
    assert_int_equal(w.last[1].timestamp - w.last[0].timestamp, 3 * MT_PCM_RATE);
    assert_true(w.last[1].marker);
    mt_sender_destroy(s);
}

static void each_sender_is_another_stream(void **state) {
    wire a, b;
    int16_t pcm[480] = {0};
    mt_sender *s = open_sender(&a, MT_AUDIO_L16, 10), *t = open_sender(&b, MT_AUDIO_L16, 10);
    mt_sender_begin(s, 1);
    mt_sender_begin(t, 1);
    mt_sender_pcm(s, pcm, 480);
    mt_sender_pcm(t, pcm, 480);
    assert_true(a.last[0].ssrc != b.last[0].ssrc);
    assert_true(a.last[0].timestamp != b.last[0].timestamp || a.last[0].seq != b.last[0].seq);
    mt_sender_destroy(s);
    mt_sender_destroy(t);
}

static void l16_is_big_endian(void **state) {
    wire w;
    int16_t pcm[480] = {0x0102, -2};
    mt_sender *s = open_sender(&w, MT_AUDIO_L16, 10);
    mt_sender_begin(s, 1);
    mt_sender_pcm(s, pcm, 480);
    assert_memory_equal(w.first_bytes, "\x01\x02\xff\xfe", 4);
    assert_int_equal(w.len_most, MT_RTP_HEADER_LEN + 960);
    mt_sender_destroy(s);
}

/* RFC 6562: the size must not tell speech from silence. */
static void opus_packets_have_one_size(void **state) {
    wire w;
    int16_t pcm[960];
    mt_sender *s = open_sender(&w, MT_AUDIO_OPUS, 20);
    mt_sender_begin(s, 1);
    for (int i = 0; i < 60; i++) {
        for (int k = 0; k < 960; k++)
            pcm[k] = (int16_t)(i < 20 ? 0 : (i * 7919 + k * 104729) % (i * 300) - i * 150);
        mt_sender_pcm(s, pcm, 960);
    }
    assert_int_equal(w.n, 60);
    assert_int_equal(w.len_least, w.len_most);
    mt_sender_destroy(s);
}

static void other_frames_are_refused(void **state) {
    mt_sender *s = NULL;
    mt_audio_config cfg = {.codec = MT_AUDIO_OPUS, .ptime_ms = 15};
    assert_int_equal(mt_sender_create(&cfg, on_packet, NULL, &s), MT_EINVAL);
    cfg = (mt_audio_config){.codec = MT_AUDIO_L16, .ptime_ms = 20};
    assert_int_equal(mt_sender_create(&cfg, on_packet, NULL, &s), MT_EINVAL);
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_follow_each_other),
        cmocka_unit_test(a_pause_moves_the_timestamp_and_leaves_nothing),
        cmocka_unit_test(each_sender_is_another_stream),
        cmocka_unit_test(l16_is_big_endian),
        cmocka_unit_test(opus_packets_have_one_size),
        cmocka_unit_test(other_frames_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
