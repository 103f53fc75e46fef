/* The test of microphone and speaker, as a user of the library sees it: levels, one's own voice, devices that change or
 * fail meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "main_loop.h"
#include "myturn/myturn.h"

typedef struct seen {
    myturn_client *client;
    char *folder, *heard; /* a file for the speaker */
    char *speaker;        /* and its SPEC */
    unsigned begun, over, levels;
    double level_db; /* the last one */
    char code[32];   /* of the last error */
} seen;

static void on_event(void *ctx, const myturn_event *e) {
    seen *s = ctx;
    if (e->kind == MYTURN_EV_TEST)
        *(e->on ? &s->begun : &s->over) += 1;
    if (e->kind == MYTURN_EV_ERROR)
        (void)snprintf(s->code, sizeof s->code, "%s", e->code);
    if (e->kind != MYTURN_EV_LEVEL)
        return;
    assert_true(e->own); /* the speaker's level is nobody's business here */
    s->levels++;
    s->level_db = e->level_db;
}

static myturn_client *client_of(seen *s, bool phone) {
    myturn_options o;
    myturn_client *client = NULL;
    myturn_options_default(&o);
    o.server = "http://127.0.0.1:1";
    o.mic = "tone:440";
    o.speaker = s->speaker;
    o.phone = phone;
    assert_int_equal(myturn_create(&o, on_event, s, &client), MYTURN_OK);
    return client;
}

static int setup(void **state) {
    static seen s;
    memset(&s, 0, sizeof s);
    *state = &s;
    s.folder = g_dir_make_tmp("myturn-test-XXXXXX", NULL);
    s.heard = g_build_filename(s.folder, "heard.wav", NULL);
    s.speaker = g_strconcat("file:", s.heard, NULL);
    s.client = client_of(&s, false);
    return 0;
}

static int teardown(void **state) {
    seen *s = *state;
    myturn_destroy(s->client);
    run_ms(20);
    (void)g_unlink(s->heard);
    (void)g_rmdir(s->folder);
    g_free(s->folder);
    g_free(s->heard);
    g_free(s->speaker);
    return 0;
}

/* Samples of the speaker's file, and how often they change their sign. */
static size_t read_heard(const seen *s, unsigned *out_loud, unsigned *out_turns) {
    char *data = NULL;
    gsize len = 0;
    *out_loud = *out_turns = 0;
    assert_true(g_file_get_contents(s->heard, &data, &len, NULL));
    assert_true(len >= 44);
    size_t n = (len - 44) / 2;
    int16_t *pcm = g_new0(int16_t, n + 1);
    memcpy(pcm, data + 44, n * sizeof(pcm[0]));
    for (size_t i = 1; i < n; i++) {
        *out_loud += pcm[i] > 2000 || pcm[i] < -2000;
        *out_turns += (pcm[i] < 0) != (pcm[i - 1] < 0);
    }
    g_free(pcm);
    g_free(data);
    return n;
}

static void one_hears_oneself(void **state) {
    seen *s = *state;
    unsigned loud = 0, turns = 0;
    assert_int_equal(myturn_test(s->client, true, true), MYTURN_OK);
    run_ms(1500);
    assert_int_equal(myturn_test(s->client, false, false), MYTURN_OK);
    run_ms(20);
    assert_true(s->begun == 1 && s->over == 1);
    assert_in_range(s->levels, 8, 20);
    assert_true(s->level_db > -12 && s->level_db < -9);
    size_t n = read_heard(s, &loud, &turns);
    assert_in_range(n, 48000, 48000 * 2);
    assert_true(loud > n / 2);
    assert_in_range(turns, 880 * 9 / 10, 880 * 2); /* a tone of 440 Hz for a second and more */
}

static void without_hearing_nothing_is_played(void **state) {
    seen *s = *state;
    assert_int_equal(myturn_test(s->client, true, false), MYTURN_OK);
    run_ms(300);
    assert_true(s->levels > 0);
    assert_false(g_file_test(s->heard, G_FILE_TEST_EXISTS));
    assert_int_equal(myturn_test(s->client, true, false), MYTURN_OK); /* goes on */
    run_ms(20);
    assert_true(s->begun == 1 && s->over == 0);
    assert_int_equal(myturn_test(s->client, true, true), MYTURN_OK); /* begins anew */
    run_ms(300);
    assert_true(s->begun == 2 && s->over == 1);
    assert_true(g_file_test(s->heard, G_FILE_TEST_EXISTS));
    assert_int_equal(myturn_set_devices(s->client, "none", s->speaker), MYTURN_OK);
    run_ms(300);
    assert_true(s->level_db == -100.0);
    assert_true(s->begun == 2 && s->over == 1);
}

static void a_speaker_that_fails_ends_it(void **state) {
    seen *s = *state;
    assert_int_equal(myturn_set_devices(s->client, "tone:440", "file:/nowhere/at/all.wav"), MYTURN_OK);
    assert_int_equal(myturn_test(s->client, true, true), MYTURN_OK);
    run_ms(300);
    assert_string_equal(s->code, "speaker_failed");
    assert_true(s->begun == 1 && s->over == 1);
    unsigned levels = s->levels;
    run_ms(300);
    assert_int_equal(s->levels, levels);
}

/* There the phone has the microphone. */
static void not_where_a_phone_carries_the_voice(void **state) {
    seen *s = *state;
    myturn_client *client = client_of(s, true);
    assert_int_equal(myturn_test(client, true, false), MYTURN_ERR_STATE);
    run_ms(150);
    assert_int_equal(s->begun + s->levels, 0);
    myturn_destroy(client);
}

static void a_client_may_be_destroyed_meanwhile(void **state) {
    seen *s = *state;
    myturn_client *client = client_of(s, false);
    assert_int_equal(myturn_test(client, true, true), MYTURN_OK);
    run_ms(150);
    myturn_destroy(client);
    unsigned levels = s->levels;
    run_ms(250);
    assert_int_equal(s->levels, levels);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(one_hears_oneself),
        T(without_hearing_nothing_is_played),
        T(a_speaker_that_fails_ends_it),
        T(not_where_a_phone_carries_the_voice),
        T(a_client_may_be_destroyed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
