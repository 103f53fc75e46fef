/* What is typed in a talk of the terminal client: messages and commands, questions, and what they show. */
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pages_kit.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_talk),
        cmocka_unit_test(hanging_up_asks),
        cmocka_unit_test(the_question_goes_with_the_talk),
        cmocka_unit_test(a_full_link_holds_the_lines),
        cmocka_unit_test(too_long_and_wrong_lines_are_told),
        cmocka_unit_test(typing_is_told_while_a_message_is_written),
        cmocka_unit_test(block_and_report),
        cmocka_unit_test(a_talk_without_encryption_is_asked_for_and_shown),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
