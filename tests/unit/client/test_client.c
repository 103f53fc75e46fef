/* The public face of libmyturn without a server: arguments, states, and that events come from the main loop only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gio/gio.h>

#include "main_loop.h"
#include "myturn/myturn.h"

typedef struct seen {
    myturn_client *client;
    bool in_call, destroy_in_event;
    unsigned count;
    char words[512];
} seen;

static void on_event(void *ctx, const myturn_event *e) {
    seen *s = ctx;
    assert_false(s->in_call);
    s->count++;
    size_t len = strlen(s->words);
    (void)snprintf(s->words + len, sizeof s->words - len, "%s%s%s%s", len > 0 ? " " : "", myturn_event_str(e->kind),
                   e->kind == MYTURN_EV_STATE ? "=" : "", e->kind == MYTURN_EV_STATE ? myturn_state_str(e->state) : "");
    if (e->kind == MYTURN_EV_ERROR)
        assert_true(e->code != NULL && e->text != NULL);
    if (s->destroy_in_event) {
        s->destroy_in_event = false;
        myturn_destroy(s->client);
        s->client = NULL;
    }
}

/* A port that nobody listens on. */
static char *nowhere(void) {
    GSocket *s = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    GSocketAddress *at = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    assert_true(g_socket_bind(s, at, FALSE, NULL));
    g_object_unref(at);
    at = g_socket_get_local_address(s, NULL);
    char *url = g_strdup_printf("http://127.0.0.1:%u", g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(at)));
    g_object_unref(at);
    g_object_unref(s);
    return url;
}

static int setup(void **state) {
    static seen s;
    memset(&s, 0, sizeof s);
    *state = &s;
    myturn_options o;
    myturn_options_default(&o);
    char *url = nowhere();
    o.server = url;
    o.mic = o.speaker = "none";
    myturn_err err = myturn_create(&o, on_event, &s, &s.client);
    g_free(url);
    return err == MYTURN_OK ? 0 : -1;
}

static int teardown(void **state) {
    seen *s = *state;
    myturn_destroy(s->client);
    run_ms(50);
    return 0;
}

static void test_malformed_options(void **state) {
    static const struct {
        const char *server, *mic, *speaker;
        unsigned ptime_ms;
    } rows[] = {{"nowhere", "none", "none", 20},
                {NULL, "none", "none", 20},
                {"http://127.0.0.1", "trumpet", "none", 20},
                {"http://127.0.0.1", "none", "tone:440", 20},
                {"http://127.0.0.1", "none", "none", 15}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        myturn_options o;
        myturn_options_default(&o);
        o.server = rows[i].server;
        o.mic = rows[i].mic;
        o.speaker = rows[i].speaker;
        o.ptime_ms = rows[i].ptime_ms;
        myturn_client *c = NULL;
        assert_int_equal(myturn_create(&o, on_event, NULL, &c), MYTURN_ERR_ARGUMENT);
        assert_null(c);
    }
}

static void test_events_come_from_the_loop(void **state) {
    seen *s = *state;
    s->in_call = true;
    assert_int_equal(myturn_login(s->client, "jeden"), MYTURN_OK);
    assert_int_equal(myturn_get_state(s->client), MYTURN_LOGGING_IN);
    s->in_call = false;
    assert_int_equal(s->count, 0);
    run_ms(300);
    assert_string_equal(s->words, "state=logging-in error state=logged-out");
}

static void test_handler_may_destroy_the_client(void **state) {
    seen *s = *state;
    s->destroy_in_event = true;
    assert_int_equal(myturn_login(s->client, "jeden"), MYTURN_OK);
    run_ms(300);
    assert_int_equal(s->count, 1);
    assert_null(s->client);
}

static void test_wishes_out_of_place(void **state) {
    seen *s = *state;
    assert_int_equal(myturn_ready(s->client), MYTURN_ERR_STATE);
    assert_int_equal(myturn_cancel(s->client), MYTURN_ERR_STATE);
    assert_int_equal(myturn_hangup(s->client), MYTURN_ERR_STATE);
    assert_int_equal(myturn_next(s->client), MYTURN_ERR_STATE);
    assert_int_equal(myturn_logout(s->client), MYTURN_ERR_STATE);
    assert_int_equal(myturn_mic(s->client, true), MYTURN_ERR_STATE);
    assert_int_equal(myturn_typing(s->client, true), MYTURN_ERR_STATE);
    assert_int_equal(myturn_text(s->client, "hello"), MYTURN_ERR_STATE);
    assert_int_equal(myturn_login(s->client, ""), MYTURN_ERR_ARGUMENT);
    assert_int_equal(myturn_login(s->client, "\xff"), MYTURN_ERR_ARGUMENT);
}

static void test_text_that_is_none(void **state) {
    seen *s = *state;
    char *exactly = g_strnfill(MYTURN_TEXT_MAX, 'a'), *more = g_strnfill(MYTURN_TEXT_MAX + 1, 'a');
    assert_int_equal(myturn_text(s->client, ""), MYTURN_ERR_ARGUMENT);
    assert_int_equal(myturn_text(s->client, "\xc3"), MYTURN_ERR_ARGUMENT);
    assert_int_equal(myturn_text(s->client, more), MYTURN_ERR_TOO_LONG);
    assert_int_equal(myturn_text(s->client, exactly), MYTURN_ERR_STATE);
    g_free(exactly);
    g_free(more);
}

static bool saw(const seen *s, const char *word) {
    return strstr(s->words, word) != NULL;
}

static void wait_for(const seen *s, const char *word) {
    for (int i = 0; i < 200 && !saw(s, word); i++)
        run_ms(50);
    assert_true(saw(s, word));
}

/* Levels come until it is switched off; a microphone that fails ends it. */
static void test_the_microphone_is_tried(void **state) {
    seen *s = *state;
    assert_int_equal(myturn_set_devices(s->client, "trumpet", "none"), MYTURN_ERR_ARGUMENT);
    assert_int_equal(myturn_set_devices(s->client, "tone:440", "none"), MYTURN_OK);
    assert_int_equal(myturn_test(s->client, false, false), MYTURN_OK); /* is none: nothing is told */
    assert_int_equal(myturn_test(s->client, true, true), MYTURN_OK);
    assert_int_equal(s->count, 0);
    wait_for(s, "test level level");
    assert_int_equal(myturn_set_raw_voice(s->client, true), MYTURN_OK);
    assert_int_equal(myturn_test(s->client, false, false), MYTURN_OK);
    wait_for(s, "level test");
    s->words[0] = '\0';
    run_ms(250);
    assert_string_equal(s->words, "");
    assert_int_equal(myturn_set_devices(s->client, "file:/nowhere/at/all.wav", "none"), MYTURN_OK);
    assert_int_equal(myturn_test(s->client, true, false), MYTURN_OK);
    wait_for(s, "test error test");
}

static void test_words_for_everything(void **state) {
    for (int i = 0; i <= MYTURN_ERR_SYSTEM; i++)
        assert_true(myturn_err_str((myturn_err)i)[0] != '\0');
    for (int i = 0; i <= MYTURN_ENDING; i++)
        assert_string_not_equal(myturn_state_str((myturn_state)i), "unknown");
    for (int i = 0; i <= MYTURN_EV_LEVEL; i++)
        assert_string_not_equal(myturn_event_str((myturn_event_kind)i), "unknown");
    assert_string_equal(myturn_state_str((myturn_state)99), "unknown");
    assert_int_equal(myturn_log(-1, "loud", false), MYTURN_ERR_ARGUMENT);
    assert_int_equal(myturn_log(-1, "debug", false), MYTURN_OK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_malformed_options),       T(test_events_come_from_the_loop), T(test_handler_may_destroy_the_client),
        T(test_wishes_out_of_place),     T(test_text_that_is_none),         T(test_words_for_everything),
        T(test_the_microphone_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
