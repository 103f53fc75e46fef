#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "unit.h"

static FILE *file;
static char got[1 << 20];

static int setup(void **state) {
    (void)state;
    file = tmpfile();
    if (file == NULL)
        return -1;
    mt_log_setup(fileno(file), MT_LOG_INFO, false);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mt_log_setup(-1, MT_LOG_INFO, false);
    return fclose(file);
}

static size_t read_log(void) {
    ssize_t n = pread(fileno(file), got, sizeof(got) - 1, 0);
    assert_true(n >= 0);
    got[n] = '\0';
    return (size_t)n;
}

static void test_a_line(void **state) {
    (void)state;
    errno = 77;
    mt_log(MT_LOG_INFO, "drawn", "%s with %d", "jeden", 2);
    assert_int_equal(errno, 77);
    read_log();
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ INFO  drawn: jeden with 2\n";
    assert_int_equal(strlen(got), strlen(form));
    for (size_t i = 0; form[i] != '\0' && i < 24; i++)
        assert_true(form[i] == 'd' ? got[i] >= '0' && got[i] <= '9' : got[i] == form[i]);
    assert_string_equal(got + 24, form + 24);
}

static void test_gathered_lines_wait_for_the_flush(void **state) {
    (void)state;
    mt_log_gather(true);
    mt_log(MT_LOG_INFO, "one", "x");
    assert_int_equal(read_log(), 0);
    mt_log_flush();
    size_t one = read_log();
    assert_string_equal(got + 24, " INFO  one: x\n");
    mt_log(MT_LOG_INFO, "two", "x");
    mt_log(MT_LOG_WARN, "trouble", "x"); /* is not kept back, nor what came before it */
    read_log();
    assert_non_null(strstr(got + one, " INFO  two: x\n"));
    assert_non_null(strstr(got + one, " WARN  trouble: x\n"));
    size_t before = read_log();
    for (int i = 0; i < 200; i++) /* many are written without a flush */
        mt_log(MT_LOG_INFO, "many", "%d", i);
    assert_true(read_log() > before);
    mt_log_gather(false);
    read_log();
    assert_non_null(strstr(got, "many: 199\n"));
    mt_log(MT_LOG_INFO, "after", "x");
    read_log();
    assert_non_null(strstr(got, "after: x\n"));
}

static void test_levels(void **state) {
    (void)state;
    assert_true(mt_log_on(MT_LOG_ERROR));
    assert_false(mt_log_on(MT_LOG_DEBUG));
    assert_false(mt_log_names());
    mt_log(MT_LOG_DEBUG, "hidden", "x");
    assert_int_equal(read_log(), 0);
    mt_log_setup(fileno(file), MT_LOG_DEBUG, true);
    assert_true(mt_log_names());
    mt_log(MT_LOG_DEBUG, "shown", "x");
    read_log();
    assert_string_equal(got + 24, " DEBUG shown: x\n");
    mt_log_setup(-1, MT_LOG_DEBUG, false);
    assert_false(mt_log_on(MT_LOG_ERROR));
    mt_log(MT_LOG_ERROR, "off", "x");
    mt_log_level level = MT_LOG_ERROR;
    assert_int_equal(mt_log_level_parse("warn", &level), MT_OK);
    assert_int_equal(level, MT_LOG_WARN);
    assert_int_equal(mt_log_level_parse("loud", &level), MT_EBAD);
    assert_int_equal(level, MT_LOG_WARN);
}

static void test_text_cannot_forge_lines_or_escapes(void **state) {
    (void)state;
    mt_log(MT_LOG_INFO, "name", "%s", "a\n2026 ERROR x\r\033[2Jż\u202e\x80z");
    read_log();
    assert_string_equal(got + 24, " INFO  name: a?2026 ERROR x??[2Jż??z\n");
}

static void test_long_text_is_cut_between_characters(void **state) {
    (void)state;
    char text[5000];
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = "\xc5\xbc"[i % 2];
    text[sizeof(text) - 1] = '\0';
    mt_log(MT_LOG_WARN, "long", "%s", text);
    size_t len = read_log();
    assert_true(len > 1000 && len < 1200);
    assert_int_equal(got[len - 1], '\n');
    assert_true(mt_text_is_utf8(mt_slice_n(got, len)));
}

static void *write_lines(void *arg) {
    for (int i = 0; i < 1000; i++)
        mt_log(MT_LOG_INFO, arg, "%s", "0123456789012345678901234567890123456789");
    return NULL;
}

static void test_lines_of_threads_stay_whole(void **state) {
    (void)state;
    pthread_t t[4];
    static char names[4][2] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_lines, names[i]), 0);
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    size_t len = read_log();
    assert_int_equal(len, 4000 * 75);
    for (size_t i = 74; i < len; i += 75)
        assert_int_equal(got[i], '\n');
}

/* A reader of the console who stopped reading stopped the whole server: the write blocked. */
static void test_stalled_reader_is_not_waited_for(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    mt_log_setup(ends[1], MT_LOG_INFO, false);
    for (int i = 0; i < 5000; i++) /* more than a pipe holds; would block for ever */
        mt_log(MT_LOG_INFO, "line", "number %d", i);
    ssize_t taken = read(ends[0], got, sizeof(got) - 1);
    assert_true(taken > 0);
    mt_log(MT_LOG_INFO, "line", "again");
    taken = read(ends[0], got, sizeof(got) - 1);
    assert_true(taken > 0);
    got[taken] = '\0';
    assert_non_null(strstr(got, "lines were lost here"));
    assert_non_null(strstr(got, "line: again\n"));
    mt_log_setup(-1, MT_LOG_INFO, false);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stalled_reader_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gathered_lines_wait_for_the_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_cannot_forge_lines_or_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_text_is_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_of_threads_stay_whole, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
