/* The test of microphone and speaker, without a partner. */
#include "base/log.h"
#include "client/client_priv.h"

enum { TEST_JITTER_MS = 40, TEST_PAYLOAD_TYPE = 111, TEST_PTIME_MS = 10 };

static void tell_test(myturn_client *c, bool on) {
    mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_TEST, .state = mt_turn_state(c->turn), .on = on});
}

void mt_client_test_stop(myturn_client *c) {
    if (c->test == NULL)
        return;
    mt_audio_destroy(c->test);
    c->test = NULL;
    tell_test(c, false);
}

static void on_error(void *ctx, bool mic, const char *what) {
    myturn_client *c = ctx;
    mt_client_tell_error(c, mic ? "mic_failed" : "speaker_failed", what);
    mt_client_test_stop(c);
}

static void on_level(void *ctx, bool mic, double peak_db) {
    myturn_client *c = ctx;
    if (mic)
        mt_client_tell(c,
                       &(myturn_event){
                           .kind = MYTURN_EV_LEVEL, .state = mt_turn_state(c->turn), .own = true, .level_db = peak_db});
}

static myturn_err begin(myturn_client *c, bool hear) {
    static const mt_audio_events events = {.error = on_error, .level = on_level};
    const mt_audio_config cfg = {.mic = c->mic,
                                 .speaker = hear ? c->speaker : "none",
                                 .codec = MT_AUDIO_OPUS,
                                 .payload_type = TEST_PAYLOAD_TYPE,
                                 .recv_payload_type = TEST_PAYLOAD_TYPE,
                                 .ptime_ms = TEST_PTIME_MS,
                                 .raw_voice = c->raw_voice,
                                 .loop = true,
                                 .jitter_ms = TEST_JITTER_MS};
    if (mt_audio_create(&cfg, &events, c, &c->test) != MT_OK)
        return MYTURN_ERR_SYSTEM;
    c->test_hears = hear;
    tell_test(c, true);
    (void)!mt_audio_mic(c->test, true); /* an event tells of the failure, and ends the test */
    return MYTURN_OK;
}

static bool in_pair(const myturn_client *c) {
    myturn_state state = mt_turn_state(c->turn);
    return state == MYTURN_CONNECTING || state == MYTURN_TALKING || state == MYTURN_RECONNECTING ||
           state == MYTURN_ENDING;
}

myturn_err myturn_test(myturn_client *c, bool on, bool hear) {
    if (!on) {
        mt_client_test_stop(c);
        return MYTURN_OK;
    }
    if (in_pair(c) || c->phone)
        return MYTURN_ERR_STATE;
    if (c->test != NULL && hear == c->test_hears)
        return MYTURN_OK;
    mt_client_test_stop(c);
    return begin(c, hear);
}

/* In a talk or a test at once */

myturn_err myturn_set_devices(myturn_client *c, const char *mic, const char *speaker) {
    if (!mt_client_spec_is_good(mic, true) || !mt_client_spec_is_good(speaker, false))
        return MYTURN_ERR_ARGUMENT;
    g_free(c->mic);
    g_free(c->speaker);
    c->mic = g_strdup(mic);
    c->speaker = g_strdup(speaker);
    mt_err err = c->audio != NULL ? mt_audio_set_devices(c->audio, mic, speaker) : MT_OK;
    if (err == MT_OK && c->test != NULL)
        err = mt_audio_set_devices(c->test, mic, c->test_hears ? speaker : "none");
    return err == MT_OK ? MYTURN_OK : MYTURN_ERR_SYSTEM;
}

myturn_err myturn_set_raw_voice(myturn_client *c, bool on) {
    c->raw_voice = on;
    if (c->audio != NULL)
        mt_audio_set_raw_voice(c->audio, on);
    if (c->test != NULL)
        mt_audio_set_raw_voice(c->test, on);
    return MYTURN_OK;
}
