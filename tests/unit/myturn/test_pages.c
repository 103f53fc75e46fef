/* The pages of the terminal client around a talk: name, main page, waiting, rules, events, leaving. */
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pages_kit.h"

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

/* A terminal that is closed ends the input and sends a signal, too: both ask for the same, and neither is impatience.
 * Once the second one cut the logging out short. */
static void a_closed_terminal_is_left_in_order(void **unused) {
    begin_talk(true);
    pages_on_eof(p);
    pages_on_terminate(p);
    pages_on_terminate(p);
    expect_calls("logout;");
    assert_int_equal(pages_exit_status(p), 0);
    end();
    begin_talk(true);
    pages_on_terminate(p);
    pages_on_eof(p);
    expect_calls("logout;");
    expect_shown("Hanging up");
    assert_int_equal(pages_exit_status(p), 0);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_the_name_again_while_it_is_refused),
        cmocka_unit_test(the_main_page),
        cmocka_unit_test(waiting_is_shown_in_place_or_now_and_then),
        cmocka_unit_test(scripts_wait_where_a_person_would),
        cmocka_unit_test(the_end_of_input_and_signals_leave),
        cmocka_unit_test(a_closed_terminal_is_left_in_order),
        cmocka_unit_test(an_unreachable_server_is_named),
        cmocka_unit_test(events_are_lines_of_json),
        cmocka_unit_test(rules_come_before_the_first_draw),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
