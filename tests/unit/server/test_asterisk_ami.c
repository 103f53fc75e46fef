/* The manager interface as a machine: login, answers by their id, events, garbage, silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/asterisk_ami.h"

#define GREETING "Asterisk Call Manager/7.0.3\r\n"
#define WELCOME "Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n"

static unsigned readies, refusals, answers, events;
static uint32_t last_id;
static bool last_ok;
static char last_text[512];
static mt_ami *again; /* asked again from within an answer */

static void copy(mt_slice s) {
    (void)snprintf(last_text, sizeof last_text, "%.*s", (int)s.len, s.p);
}

static void on_ready(void *ctx) {
    readies++;
}
static void on_refused(void *ctx, mt_slice reason) {
    refusals++;
    copy(reason);
}
static void on_answer(void *ctx, uint32_t id, bool ok, mt_slice text) {
    answers++;
    last_id = id;
    last_ok = ok;
    copy(text);
    if (again != NULL)
        assert_int_equal(mt_ami_command(again, MT_SLICE_LIT("core show uptime"), id + 1, 5000), MT_OK);
}
static void on_event(void *ctx, mt_slice name, mt_slice text) {
    events++;
    copy(name);
}

static const mt_ami_events handlers = {on_ready, on_refused, on_answer, on_event};

static mt_err say(mt_ami *m, const char *text) {
    return mt_ami_input(m, mt_slice_of(text), 5000);
}

static void begin(mt_ami *m) {
    readies = refusals = answers = events = 0;
    again = NULL;
    mt_ami_init(m, &handlers, NULL);
    mt_ami_begin(m, MT_SLICE_LIT("me"), MT_SLICE_LIT("pass"), 5000);
}

static void log_in(mt_ami *m) {
    begin(m);
    assert_int_equal(say(m, GREETING WELCOME), MT_OK);
    assert_int_equal(readies, 1);
    mt_buf_reset(&m->out);
}

static void logs_in(void **state) {
    mt_ami m;
    begin(&m);
    assert_string_equal(m.out.p,
                        "Action: Login\r\nActionID: 1\r\nUsername: me\r\nSecret: pass\r\nEvents: system,call\r\n\r\n");
    assert_int_equal(mt_ami_command(&m, MT_SLICE_LIT("x"), 1, 5000), MT_ESTATE);
    static const char text[] =
        GREETING "Event: TooEarly\r\n\r\n" WELCOME "Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n";
    for (size_t i = 0; i + 1 < sizeof text; i++) /* a byte at a time */
        assert_int_equal(mt_ami_input(&m, mt_slice_n(text + i, 1), 5000), MT_OK);
    assert_int_equal(readies, 1);
    assert_int_equal(events, 1);
    assert_string_equal(last_text, "FullyBooted");
    mt_ami_deinit(&m);
}

static void is_refused(void **state) {
    mt_ami m;
    begin(&m);
    assert_int_equal(say(&m, GREETING "Response: Error\r\nActionID: 1\r\nMessage: Authentication failed\r\n\r\n"),
                     MT_EBAD);
    assert_int_equal(refusals, 1);
    assert_string_equal(last_text, "Authentication failed");
    assert_int_equal(say(&m, WELCOME), MT_EBAD);
    assert_int_equal(readies, 0);
    mt_ami_deinit(&m);
}

static void answers_bear_their_id(void **state) {
    mt_ami m;
    log_in(&m);
    assert_int_equal(mt_ami_command(&m, MT_SLICE_LIT("sip reload"), 7, 5000), MT_OK);
    assert_string_equal(m.out.p, "Action: Command\r\nActionID: 23\r\nCommand: sip reload\r\n\r\n");
    assert_int_equal(mt_ami_command(&m, MT_SLICE_LIT("a\r\nAction: x"), 8, 5000), MT_EINVAL);
    assert_int_equal(say(&m, "Response: Success\r\nActionID: 23\r\nMessage: Command output follows\r\n"
                             "Output: one\r\nOutput:\r\noutput:   two  \r\n\r\n"),
                     MT_OK);
    assert_int_equal(answers, 1);
    assert_int_equal(last_id, 7);
    assert_true(last_ok);
    mt_slice rest = mt_slice_of(last_text), line;
    assert_true(mt_ami_output(&rest, &line) && mt_slice_is(line, "one"));
    assert_true(mt_ami_output(&rest, &line) && line.len == 0);
    assert_true(mt_ami_output(&rest, &line) && mt_slice_is(line, "two"));
    assert_false(mt_ami_output(&rest, &line));
    assert_int_equal(
        say(&m,
            "Response: Error\r\nActionID: 24\r\n\r\nResponse: Success\r\n\r\nResponse: Success\r\nActionID: x\r\n\r\n"),
        MT_OK);
    assert_int_equal(answers, 2);
    assert_false(last_ok);
    mt_ami_deinit(&m);
}

static void may_be_asked_from_within(void **state) {
    mt_ami m;
    log_in(&m);
    again = &m;
    assert_int_equal(mt_ami_command(&m, MT_SLICE_LIT("x"), 1, 5000), MT_OK);
    assert_int_equal(say(&m, "Response: Success\r\nActionID: 17\r\n\r\nResponse: Success\r\nActionID: 18\r\n\r\n"),
                     MT_OK);
    assert_int_equal(answers, 2);
    mt_ami_deinit(&m);
}

static void other_services_are_not_it(void **state) {
    static const char *const bad[] = {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n", "\r\n",
                                      "Asterisk Ball"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mt_ami m;
        begin(&m);
        assert_int_equal(say(&m, bad[i]), MT_EBAD);
        mt_ami_deinit(&m);
    }
    mt_ami m;
    begin(&m);
    char long_line[512];
    memset(long_line, 'x', sizeof long_line - 1);
    memcpy(long_line, "Asterisk Call Manager", 21);
    long_line[sizeof long_line - 1] = '\0';
    assert_int_equal(say(&m, long_line), MT_EBAD);
    mt_ami_deinit(&m);
}

static void a_message_has_an_end(void **state) {
    mt_ami m;
    log_in(&m);
    char line[1025];
    memset(line, 'x', 1023);
    line[1023] = '\n';
    line[1024] = '\0';
    mt_err err = MT_OK;
    for (size_t i = 0; i < MT_AMI_MESSAGE_MAX / 1024 + 2 && err == MT_OK; i++)
        err = say(&m, line);
    assert_int_equal(err, MT_EBAD);
    mt_ami_deinit(&m);
}

static void silence_is_noticed(void **state) {
    mt_ami m;
    log_in(&m);
    assert_int_equal(mt_ami_next_ms(&m), 25000);
    assert_int_equal(mt_ami_tick(&m, 24999), MT_OK);
    assert_int_equal(m.out.len, 0);
    assert_int_equal(mt_ami_tick(&m, 25000), MT_OK);
    assert_non_null(strstr(m.out.p, "Action: Ping\r\nActionID: 2\r\n\r\n"));
    assert_int_equal(mt_ami_input(&m, MT_SLICE_LIT("Response: Success\r\nActionID: 2\r\nPing: Pong\r\n\r\n"), 25001),
                     MT_OK);
    assert_int_equal(answers, 0);
    assert_int_equal(mt_ami_next_ms(&m), 45001);
    assert_int_equal(mt_ami_tick(&m, 45001), MT_OK);
    assert_int_equal(mt_ami_next_ms(&m), 50001);
    assert_int_equal(mt_ami_tick(&m, 50001), MT_ETIMEOUT);
    assert_int_equal(mt_ami_next_ms(&m), INT64_MAX);
    mt_ami_begin(&m, MT_SLICE_LIT("me"), MT_SLICE_LIT("pass"), 60000); /* a new connection */
    assert_int_equal(mt_ami_input(&m, MT_SLICE_LIT(GREETING WELCOME), 60000), MT_OK);
    assert_int_equal(readies, 2);
    mt_ami_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_in),
        cmocka_unit_test(is_refused),
        cmocka_unit_test(answers_bear_their_id),
        cmocka_unit_test(may_be_asked_from_within),
        cmocka_unit_test(other_services_are_not_it),
        cmocka_unit_test(a_message_has_an_end),
        cmocka_unit_test(silence_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
