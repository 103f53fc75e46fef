/* The life of an end: its microphone on and off, devices that change or cannot be had, garbage, and that nothing grows.
 */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio_kit.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
