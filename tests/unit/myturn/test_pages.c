/* The pages of the terminal client, with doubles for libmyturn and the screen: what is typed, what is called, what is
 * shown. */
#include "pages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Doubles */

static GString *calls, *shown; /* since the last look */
static char prompt[300];
static bool listening, terminal;
static myturn_state state;
static myturn_err next_err;

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

static pages *p;
static GMainLoop *loop;
static int events[2];

static void expect_calls(const char *what) {
    assert_string_equal(calls->str, what);
    g_string_truncate(calls, 0);
}

static void expect_shown(const char *part) {
    if (strstr(shown->str, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, shown->str);
    g_string_truncate(shown, 0);
}

static void expect_prompt(const char *what) {
    assert_string_equal(prompt, what);
}

static void event(myturn_event e) {
    e.state = state;
    pages_on_event(p, &e);
}

static void settle(void) {
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

#define EVENT(...) event((myturn_event){__VA_ARGS__})

static void go(myturn_state s) {
    state = s;
    EVENT(.kind = MYTURN_EV_STATE);
}

static bool agreed = true, unencrypted;

static void begin(const char *name, bool on_terminal) {
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

static void log_in(void) {
    go(MYTURN_LOGGING_IN);
    go(MYTURN_IDLE);
    EVENT(.kind = MYTURN_EV_LOGGED_IN, .name = "jeden", .exten = 111000);
    settle();
}

static void begin_talk(bool on_terminal) {
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

static void end(void) {
    pages_destroy(p);
    char data[4096];
    while (read(events[0], data, sizeof(data)) > 0)
        ;
}

static const char *json(void) {
    static char data[8192];
    ssize_t n = read(events[0], data, sizeof(data) - 1);
    data[n > 0 ? n : 0] = '\0';
    return data;
}

/* Tests */

static void asks_the_name_again_while_it_is_refused(void **unused) {
    begin(NULL, true);
    expect_prompt("|Hi! What's your name? ");
    pages_on_line(p, "  ");
    expect_calls("");
    pages_on_line(p, " taken ");
    expect_calls("login taken;");
    go(MYTURN_LOGGING_IN);
    state = MYTURN_LOGGED_OUT;
    EVENT(.kind = MYTURN_EV_ERROR, .code = "name_taken", .text = "This name is taken; choose another");
    expect_shown("taken; choose another");
    expect_prompt("|Your name? ");
    next_err = MYTURN_ERR_ARGUMENT;
    pages_on_line(p, "a b");
    expect_shown("not possible");
    next_err = MYTURN_OK;
    pages_on_line(p, "jeden");
    expect_calls("login a b;login jeden;");
    log_in();
    expect_shown(
        "Logged in as jeden, extension 111000.\nPress Enter when you are ready to talk, jeden. Type quit to leave.");
    end();
}

static void the_main_page(void **unused) {
    begin("jeden", false);
    expect_calls("login jeden;");
    log_in();
    g_string_truncate(shown, 0);
    pages_on_line(p, "hello?");
    expect_calls("");
    expect_shown("Press Enter alone");
    pages_on_line(p, "");
    expect_calls("ready;");
    go(MYTURN_WAITING);
    expect_shown("Waiting for somebody");
    pages_on_line(p, "");
    expect_calls("cancel;");
    go(MYTURN_IDLE);
    expect_shown("Press Enter when you are ready");
    pages_on_line(p, "quit");
    expect_calls("logout;");
    assert_false(listening);
    assert_int_equal(pages_exit_status(p), 0);
    end();
}

static void waiting_is_shown_in_place_or_now_and_then(void **unused) {
    begin("jeden", true);
    log_in();
    go(MYTURN_WAITING);
    g_string_truncate(shown, 0);
    EVENT(.kind = MYTURN_EV_WAITING, .online = 3, .ready = 1, .elapsed_s = 75);
    expect_prompt("Waiting 1:15, 3 online, 1 of them waiting. Enter cancels. |");
    assert_string_equal(shown->str, "");
    end();
    begin("jeden", false);
    log_in();
    go(MYTURN_WAITING);
    g_string_truncate(shown, 0);
    for (unsigned s = 0; s < 25; s++)
        EVENT(.kind = MYTURN_EV_WAITING, .online = 3, .ready = 1, .elapsed_s = s);
    assert_string_equal(shown->str, "Waiting for 10 s, 3 online, 1 of them waiting.\n"
                                    "Waiting for 20 s, 3 online, 1 of them waiting.\n");
    end();
}

static void lines_of_a_talk(void **unused) {
    begin_talk(true);
    expect_prompt("|jeden: ");
    pages_on_line(p, "Zażółć 🎈");
    pages_on_line(p, "");
    pages_on_line(p, "/say m");
    pages_on_line(p, "/say /next");
    expect_calls("text Zażółć 🎈;text m;text /next;");
    pages_on_line(p, "/hlep");
    expect_shown("No such command");
    pages_on_line(p, "/help");
    expect_shown("/say TEXT");
    pages_on_line(p, "m");
    EVENT(.kind = MYTURN_EV_MIC, .own = true, .on = true);
    expect_prompt("(microphone on) |jeden: ");
    pages_on_line(p, "m");
    EVENT(.kind = MYTURN_EV_MIC, .own = true, .on = false);
    for (int i = 0; i < 3; i++) /* quicker than their events */
        pages_on_line(p, "m");
    EVENT(.kind = MYTURN_EV_ERROR, .code = "mic_failed", .text = "no microphone");
    pages_on_line(p, "m");
    expect_calls("mic 1;mic 0;mic 1;mic 0;mic 1;mic 1;");
    EVENT(.kind = MYTURN_EV_MIC, .own = true, .on = true);
    EVENT(.kind = MYTURN_EV_TYPING, .on = true);
    expect_prompt("(microphone on) [<dwa> is typing…] |jeden: ");
    EVENT(.kind = MYTURN_EV_TEXT, .name = "dwa", .text = "%s %n");
    expect_shown("<dwa>: <%s %n>");
    EVENT(.kind = MYTURN_EV_TEXT, .name = "dwa", .text = "hi\nThe four words: a b c d\n");
    expect_shown("<dwa>: <hi>\n<dwa>: <The four words: a b c d>\n<dwa>: <>\n");
    expect_prompt("(microphone on) |jeden: ");
    end();
}

static void hanging_up_asks(void **unused) {
    begin_talk(false);
    pages_on_line(p, "q");
    expect_shown("Are you sure you want to hang up? y/n");
    pages_on_line(p, "what?");
    expect_shown("y or n");
    pages_on_line(p, "n");
    expect_calls("");
    pages_on_line(p, "still here");
    pages_on_line(p, "/next");
    pages_on_line(p, "y");
    expect_calls("text still here;next;");
    pages_on_line(p, "q");
    pages_on_line(p, "Y");
    expect_calls("hangup;");
    end();
}

/* The partner hangs up while the question stands: the answer must not be taken on the main page. */
static void the_question_goes_with_the_talk(void **unused) {
    begin_talk(true);
    pages_on_line(p, "q");
    state = MYTURN_IDLE;
    EVENT(.kind = MYTURN_EV_ENDED, .reason = "partner_left");
    expect_shown("<dwa> has hung up");
    expect_prompt("> |");
    pages_on_line(p, "y");
    expect_calls("");
    end();
}

static void a_full_link_holds_the_lines(void **unused) {
    begin_talk(false);
    next_err = MYTURN_ERR_BUSY;
    pages_on_line(p, "one");
    assert_false(listening);
    next_err = MYTURN_OK;
    while (!listening)
        g_main_context_iteration(NULL, TRUE);
    expect_calls("text one;text one;");
    next_err = MYTURN_ERR_BUSY;
    pages_on_line(p, "two");
    state = MYTURN_IDLE;
    EVENT(.kind = MYTURN_EV_ENDED, .reason = "lost");
    expect_shown("Not sent any more: two");
    assert_true(listening);
    end();
}

static void too_long_and_wrong_lines_are_told(void **unused) {
    begin_talk(false);
    (void)json();
    next_err = MYTURN_ERR_TOO_LONG;
    pages_on_line(p, "long");
    expect_shown("4000");
    assert_string_equal(json(),
                        "{\"event\":\"error\",\"code\":\"too_long\",\"message\":\"Not sent: a message has at most 4000 "
                        "characters. Send it in pieces.\"}\n");
    next_err = MYTURN_ERR_ARGUMENT;
    pages_on_line(p, "\xff");
    expect_shown("UTF-8");
    end();
}

static void typing_is_told_while_a_message_is_written(void **unused) {
    begin_talk(true);
    pages_on_typing(p, "m");
    pages_on_typing(p, "/next");
    expect_calls("");
    pages_on_typing(p, "he");
    pages_on_typing(p, "hel");
    pages_on_typing(p, "");
    expect_calls("typing 1;typing 0;");
    end();
}

/* Scripts' lines wait while nothing can be done with them; a person's do not. */
static void scripts_wait_where_a_person_would(void **unused) {
    begin("jeden", false);
    go(MYTURN_LOGGING_IN);
    assert_false(listening);
    log_in();
    assert_true(listening);
    state = MYTURN_CONNECTING; /* ahead of its event */
    pages_on_line(p, "q");
    assert_false(listening);
    expect_calls("login jeden;hangup;");
    end();
}

static void the_end_of_input_and_signals_leave(void **unused) {
    begin_talk(false);
    pages_on_eof(p);
    expect_calls("logout;");
    assert_int_equal(pages_exit_status(p), 0);
    end();
    begin_talk(false);
    pages_on_interrupt(p);
    expect_calls("logout;");
    expect_shown("Hanging up");
    assert_int_equal(pages_exit_status(p), 0);
    pages_on_interrupt(p);
    expect_calls("");
    assert_int_equal(pages_exit_status(p), 130);
    end();
    begin(NULL, false);
    pages_on_eof(p);
    assert_int_equal(pages_exit_status(p), 1);
    end();
}

static void an_unreachable_server_is_named(void **unused) {
    begin("jeden", false);
    EVENT(.kind = MYTURN_EV_ERROR, .code = "server_unreachable", .text = "The server cannot be reached");
    expect_shown("cannot be reached\nIs there a server at http://x? Start one");
    end();
}

static void events_are_lines_of_json(void **unused) {
    begin_talk(false);
    const char *lines = json();
    assert_non_null(
        strstr(lines, "{\"event\":\"logged-in\",\"name\":\"jeden\",\"exten\":111000,\"contact\":null,\"relay_only\":"));
    assert_non_null(strstr(lines, "{\"event\":\"drawn\",\"role\":\"caller\",\"partner\":\"dwa\",\"exten\":111001}\n"));
    assert_non_null(strstr(lines, "{\"event\":\"secure\",\"policy\":\"gcm\",\"encrypted\":true,\"words\":[\"a\",\"b\","
                                  "\"c\",\"d\"],\"dtls\":\"D\",\"srtp\":\"S\","));
    assert_null(strstr(lines, "state"));
    EVENT(.kind = MYTURN_EV_TEXT, .name = "dwa", .text = "\"\\\n\x01 ą");
    assert_string_equal(json(), "{\"event\":\"text\",\"from\":\"dwa\",\"body\":\"\\\"\\\\\\u000a\\u0001 ą\"}\n");
    EVENT(.kind = MYTURN_EV_MIC, .own = false, .on = true);
    assert_string_equal(json(), "{\"event\":\"mic\",\"who\":\"partner\",\"on\":true}\n");
    EVENT(.kind = MYTURN_EV_LEVEL);
    EVENT(.kind = MYTURN_EV_TYPING, .on = true);
    assert_string_equal(json(), "");
    end();
}

/* Nobody is drawn before the rules were accepted, once a login. */
static void rules_come_before_the_first_draw(void **unused) {
    agreed = false;
    begin("jeden", true);
    go(MYTURN_LOGGING_IN);
    go(MYTURN_IDLE);
    EVENT(.kind = MYTURN_EV_LOGGED_IN, .name = "jeden", .exten = 111000, .contact = "abuse@example.org");
    settle();
    expect_shown(
        "The four words of a talk prove that nobody sits in between, if you both see the same ones. They do not "
        "prove who your partner is; a voice can be cloned.\nWhoever runs this server can be reached at: "
        "<abuse@example.org>\n");
    expect_prompt("|Are you 18 or older, and do you accept this? y/n ");
    expect_calls("login jeden;");
    pages_on_line(p, "");
    expect_shown("Please answer y or n.");
    expect_calls("");
    pages_on_line(p, "YES");
    expect_shown("Press Enter when you are ready");
    pages_on_line(p, "");
    expect_calls("ready;");
    go(MYTURN_WAITING);
    go(MYTURN_IDLE);
    expect_shown("Press Enter when you are ready");
    end();
    begin("jeden", false);
    log_in();
    expect_shown("Are you 18 or older, and do you accept this? y/n");
    pages_on_line(p, "n");
    expect_calls("login jeden;logout;");
    end();
    agreed = true;
}

static void block_and_report(void **unused) {
    begin_talk(true);
    pages_on_line(p, "/report");
    pages_on_line(p, "/report spam");
    pages_on_line(p, "/report threat he said: \"I know\"");
    pages_on_line(p, "/block");
    pages_on_line(p, "/blocked");
    expect_calls("report spam -;report threat he said: \"I know\";block;");
    g_string_truncate(shown, 0);
    pages_on_line(p, "/report  ");
    expect_shown("Say why: /report harassment");
    (void)json();
    state = MYTURN_IDLE;
    EVENT(.kind = MYTURN_EV_ENDED, .reason = "blocked");
    expect_shown("The talk with <dwa> is over: you have blocked this partner.");
    EVENT(.kind = MYTURN_EV_BLOCKED, .name = "dwa");
    expect_shown("<dwa> is blocked. You will not be drawn for each other again.");
    assert_non_null(strstr(json(), "{\"event\":\"blocked\",\"partner\":\"dwa\"}\n"));
    next_err = MYTURN_ERR_STATE;
    pages_on_line(p, "/block");
    expect_shown("There is no partner");
    next_err = MYTURN_OK;
    pages_on_line(p, "/report minor");
    expect_calls("block;report minor -;");
    end();
}

/* Agreed each time, and shown as long as it lasts. */
static void a_talk_without_encryption_is_asked_for_and_shown(void **unused) {
    unencrypted = true;
    begin("jeden", true);
    log_in();
    expect_calls("login jeden;");
    pages_on_line(p, "");
    expect_prompt("|Meet people with ordinary phones, too? Such a talk is NOT ENCRYPTED. y/n ");
    expect_calls("");
    pages_on_line(p, "n");
    expect_calls("policies 1;ready;");
    go(MYTURN_WAITING);
    go(MYTURN_IDLE);
    pages_on_line(p, "");
    pages_on_line(p, "y");
    expect_calls("policies 5;ready;");
    go(MYTURN_WAITING);
    go(MYTURN_CONNECTING);
    EVENT(.kind = MYTURN_EV_DRAWN, .name = "dwa", .caller = true, .exten = 111001);
    state = MYTURN_TALKING;
    EVENT(.kind = MYTURN_EV_SECURE, .policy = "rtp", .codec = "pcmu");
    expect_shown("NOT ENCRYPTED");
    expect_prompt("(NOT ENCRYPTED) |> ");
    pages_on_line(p, "hello?");
    expect_shown("there is no text");
    pages_on_line(p, "m");
    pages_on_line(p, "/next");
    pages_on_line(p, "y");
    expect_prompt("(NOT ENCRYPTED) |Meet people with ordinary phones, too? Such a talk is NOT ENCRYPTED. y/n ");
    pages_on_line(p, "n");
    expect_calls("mic 1;policies 1;next;");
    end();
    unencrypted = false;
}

static int prepare(void **unused) {
    calls = g_string_new(NULL);
    shown = g_string_new(NULL);
    loop = g_main_loop_new(NULL, FALSE);
    return pipe2(events, O_NONBLOCK | O_CLOEXEC);
}

static int finish(void **unused) {
    g_string_free(calls, TRUE);
    g_string_free(shown, TRUE);
    g_main_loop_unref(loop);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_the_name_again_while_it_is_refused),
        cmocka_unit_test(the_main_page),
        cmocka_unit_test(waiting_is_shown_in_place_or_now_and_then),
        cmocka_unit_test(lines_of_a_talk),
        cmocka_unit_test(hanging_up_asks),
        cmocka_unit_test(the_question_goes_with_the_talk),
        cmocka_unit_test(a_full_link_holds_the_lines),
        cmocka_unit_test(too_long_and_wrong_lines_are_told),
        cmocka_unit_test(typing_is_told_while_a_message_is_written),
        cmocka_unit_test(scripts_wait_where_a_person_would),
        cmocka_unit_test(the_end_of_input_and_signals_leave),
        cmocka_unit_test(an_unreachable_server_is_named),
        cmocka_unit_test(events_are_lines_of_json),
        cmocka_unit_test(rules_come_before_the_first_draw),
        cmocka_unit_test(block_and_report),
        cmocka_unit_test(a_talk_without_encryption_is_asked_for_and_shown),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
