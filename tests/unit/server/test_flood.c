/* What little effort of a client's could cost the server much. What broke: each CRLF keep-alive on a SIP stream was
 * answered by a system call of its own, so that 3 MB/s of them took a whole processor; and a user who registered and
 * unregistered, or said ready and busy, wrote a line on the console each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "fake_net.h"
#include "server/sip_front.h"

static size_t cut(const char *stream, size_t len, bool *message, bool *answered) {
    size_t used = 0;
    mt_slice reply = {NULL, 0};
    if (mt_sip_front_cut((mt_slice){stream, len}, 32768, &used, message, &reply) != MT_OK)
        return 0;
    *answered = reply.len > 0;
    return used;
}

static void test_a_run_of_keepalives_is_one(void **state) {
    static char run[40003];
    bool message = false, answered = false;
    for (size_t i = 0; i < sizeof(run); i++)
        run[i] = i % 2 == 0 ? '\r' : '\n';
    assert_int_equal(cut(run, 4, &message, &answered), 4);
    assert_true(answered && !message);
    assert_int_equal(cut(run, sizeof(run), &message, &answered), 40000); /* the rest may become one more */
    assert_true(answered && !message);
    assert_int_equal(cut("\r\n\r\nOPTIONS", 11, &message, &answered), 4);
    assert_int_equal(cut("\r\n\r\n\r\nOPTIONS", 13, &message, &answered), 4);
    assert_int_equal(cut("\r\nOPTIONS", 9, &message, &answered), 2);
    assert_false(answered || message);
}

static size_t count(FILE *f, const char *needle) {
    char line[2000];
    size_t found = 0;
    rewind(f);
    while (fgets(line, sizeof(line), f) != NULL)
        found += strstr(line, needle) != NULL;
    return found;
}

static void again_and_again(const char *token, unsigned times) {
    for (unsigned i = 0; i < times; i++)
        (void)fake_send(&(fake_wish){.method = "PUT",
                                     .path = i % 2 == 0 ? "/update-status-rdy/jeden" : "/update-status-busy/jeden",
                                     .token = token});
}

static void test_one_user_does_not_fill_the_console(void **state) {
    FILE *log = tmpfile();
    char token[256];
    assert_non_null(log);
    mt_log_setup(fileno(log), MT_LOG_INFO, false);
    mt_server *s = fake_start(NULL);
    fake_call *login = fake_send(&(fake_wish){.method = "POST",
                                              .path = "/v1/users",
                                              .headers = "Content-Type: application/json\n",
                                              .body = "{\"name\":\"jeden\"}"});
    (void)fake_member(login, "token", token);
    again_and_again(token, 1000);
    assert_int_equal(count(log, " ready: "), 100);
    fake_sleep(10000);
    again_and_again(token, 2);
    assert_int_equal(count(log, " again: "), 1);
    assert_int_equal(count(log, "400 more events of his"), 1);
    assert_int_equal(count(log, " ready: "), 101);
    again_and_again(token, 1000);
    (void)fake_send(&(fake_wish){.method = "DELETE", .path = "/v1/me", .token = token});
    assert_int_equal(count(log, " again: "), 2);
    assert_int_equal(count(log, " logout: "), 1);
    fake_stop(s);
    mt_log_setup(-1, MT_LOG_ERROR, false);
    (void)fclose(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_of_keepalives_is_one),
        cmocka_unit_test(test_one_user_does_not_fill_the_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
