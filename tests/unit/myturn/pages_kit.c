#include "pages_kit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Doubles */

GString *calls, *shown;
bool listening;
myturn_state state;
myturn_err next_err;
static char prompt[300];
static bool terminal;

#define CALL(...) (g_string_append_printf(calls, __VA_ARGS__), next_err)

myturn_err myturn_login(myturn_client *c, const char *name) {
    return CALL("login %s;", name);
}
myturn_err myturn_logout(myturn_client *c) {
    return CALL("logout;");
}
myturn_err myturn_ready(myturn_client *c) {
    return CALL("ready;");
}
myturn_err myturn_cancel(myturn_client *c) {
    return CALL("cancel;");
}
myturn_err myturn_hangup(myturn_client *c) {
    return CALL("hangup;");
}
myturn_err myturn_next(myturn_client *c) {
    return CALL("next;");
}
myturn_err myturn_text(myturn_client *c, const char *text) {
    return CALL("text %s;", text);
}
myturn_err myturn_typing(myturn_client *c, bool on) {
    return CALL("typing %d;", on);
}
myturn_err myturn_mic(myturn_client *c, bool on) {
    return CALL("mic %d;", on);
}
myturn_err myturn_block(myturn_client *c) {
    return CALL("block;");
}
myturn_err myturn_report(myturn_client *c, const char *reason, const char *note) {
    return CALL("report %s %s;", reason, note != NULL ? note : "-");
}
myturn_err myturn_set_policies(myturn_client *c, unsigned policies) {
    return CALL("policies %u;", policies);
}
myturn_state myturn_get_state(const myturn_client *c) {
    return state;
}
const char *myturn_err_str(myturn_err err) {
    return "trouble";
}
const char *myturn_event_str(myturn_event_kind kind) {
    static const char *const names[] = {"state",        "logged-in", "logged-out", "waiting",  "drawn",
                                        "call-up",      "secure",    "text",       "typing",   "mic",
                                        "reconnecting", "ended",     "error",      "level",    "path",
                                        "settings",     "quality",   "blocked",    "reported", "test"};
    return names[kind];
}

void screen_say(screen *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_string_append_vprintf(shown, format, args);
    va_end(args);
    g_string_append_c(shown, '\n');
}
void screen_prompt(screen *s, const char *passing, const char *lasting) {
    snprintf(prompt, sizeof(prompt), "%s|%s", passing, lasting);
}
void screen_listen(screen *s, bool on) {
    listening = on;
}
char *screen_isolated(const screen *s, const char *text) {
    return terminal ? g_strconcat("<", text, ">", NULL) : g_strdup(text);
}
bool screen_is_terminal(const screen *s) {
    return terminal;
}

/* The world */

pages *p;
bool agreed = true, unencrypted;
static GMainLoop *loop;
static int events[2];

void expect_calls(const char *what) {
    assert_string_equal(calls->str, what);
    g_string_truncate(calls, 0);
}

void expect_shown(const char *part) {
    if (strstr(shown->str, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, shown->str);
    g_string_truncate(shown, 0);
}

void expect_prompt(const char *what) {
    assert_string_equal(prompt, what);
}

void event(myturn_event e) {
    e.state = state;
    pages_on_event(p, &e);
}

void settle(void) {
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

void go(myturn_state s) {
    state = s;
    EVENT(.kind = MYTURN_EV_STATE);
}

void begin(const char *name, bool on_terminal) {
    const pages_config cfg = {.loop = loop,
                              .server = "http://x",
                              .name = name,
                              .events_fd = events[1],
                              .agreed = agreed,
                              .unencrypted = unencrypted};
    terminal = on_terminal;
    state = MYTURN_LOGGED_OUT;
    next_err = MYTURN_OK;
    g_string_truncate(calls, 0);
    g_string_truncate(shown, 0);
    p = pages_create(&cfg);
    pages_begin(p);
}

void log_in(void) {
    go(MYTURN_LOGGING_IN);
    go(MYTURN_IDLE);
    EVENT(.kind = MYTURN_EV_LOGGED_IN, .name = "jeden", .exten = 111000);
    settle();
}

void begin_talk(bool on_terminal) {
    begin("jeden", on_terminal);
    log_in();
    go(MYTURN_WAITING);
    go(MYTURN_CONNECTING);
    EVENT(.kind = MYTURN_EV_DRAWN, .name = "dwa", .caller = true, .exten = 111001);
    state = MYTURN_TALKING;
    EVENT(.kind = MYTURN_EV_SECURE, .encrypted = true, .policy = "gcm", .words = {"a", "b", "c", "d"}, .dtls = "D",
          .srtp = "S", .codec = "opus");
    g_string_truncate(calls, 0);
    g_string_truncate(shown, 0);
}

void end(void) {
    pages_destroy(p);
    char data[4096];
    while (read(events[0], data, sizeof(data)) > 0)
        ;
}

const char *json(void) {
    static char data[8192];
    ssize_t n = read(events[0], data, sizeof(data) - 1);
    data[n > 0 ? n : 0] = '\0';
    return data;
}

int prepare(void **unused) {
    calls = g_string_new(NULL);
    shown = g_string_new(NULL);
    loop = g_main_loop_new(NULL, FALSE);
    return pipe2(events, O_NONBLOCK | O_CLOEXEC);
}

int finish(void **unused) {
    g_string_free(calls, TRUE);
    g_string_free(shown, TRUE);
    g_main_loop_unref(loop);
    return 0;
}
