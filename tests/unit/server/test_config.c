/* The configuration file: what is taken, and that nothing wrong in it is passed over in silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/config.h"
#include "server/option.h"

static mt_buf faults;

static mt_err parse(mt_options *o, const char *text) {
    mt_options_default(o);
    mt_buf_reset(&faults);
    return mt_config_parse(mt_slice_of(text), "f", o, &faults);
}

static void takes_values(void **state) {
    mt_options o;
    assert_int_equal(parse(&o,
                           "\xef\xbb\xbf# all kinds\n[listen]\r\nhttp = [::1]:0 ; a note\n"
                           "domain=talk.example\ntrusted_proxies = 10.0.0.0/8,\n   ::1\ntrusted_proxies = 127.0.0.1\n"
                           "[limits]\n\nmax_users = 12\nheader_bytes = 2048\nno_limits = yes\n"
                           "[log]\nlog_level = debug\n[api]\nweb = /srv/the web\n"),
                     MT_OK);
    char text[MT_ADDR_STRLEN];
    mt_addr_format(&o.http, text);
    assert_string_equal(text, "[::1]:0");
    assert_string_equal(o.domain, "talk.example");
    assert_string_equal(o.web, "/srv/the web");
    assert_int_equal(o.trusted_proxies.count, 3);
    assert_int_equal(o.match.max_users, 12);
    assert_int_equal(o.net.header_bytes, 2048);
    assert_true(o.limits.off);
    assert_int_equal(o.log_level, MT_LOG_DEBUG);
    mt_options_deinit(&o);
    assert_int_equal(parse(&o, ""), MT_OK);
    assert_int_equal(parse(&o, "[sip]\nt1_ms = 250"), MT_OK); /* no line end at the end */
    assert_int_equal(o.sip_rules.t1_ms, 250);
}

static void complains_with_line_and_range(void **state) {
    static const struct {
        const char *text, *say;
    } wrong[] = {
        {"[limits]\nmax_users = 1\n", "f:2: max_users: '1' is not a number from 2 to 10000000\n"},
        {"[limits]\nmax_users =\n", "f:2: max_users: '' is not a number"},
        {"[limits]\nmax_users = 0x10\n", "'0x10'"},
        {"[limits]\nmax_users = 10 20\n", "'10 20'"},
        {"[limits]\nno_limits = perhaps\n", "yes or no"},
        {"[limits]\nmax_userz = 5\n", "f:2: unknown key 'max_userz'"},
        {"\n\n[limitz]\nmax_users = 5\n", "f:3: unknown section 'limitz'\n"},
        {"[sip]\nmax_users = 5\n", "f:2: max_users: belongs in section [limits]"},
        {"max_users = 5\n", "f:1: max_users: belongs in section [limits]"},
        {"[limits]\nhelp = yes\n", "f:2: help: is for the command line only"},
        {"[limits]\nmax_users = 5\nmax_users = 5\n", "f:3: max_users: given twice, first in line 2"},
        {"[limits]\nmax_users = 5\n  6\n", "f:3: max_users: given twice"},
        {"[limits]\nmax_users\n", "f:2: this is not 'key = value'"},
        {"[limits]\nmax_users : 5\n", "f:2: this is not 'key = value'"},
        {"[limits]\n= 5\n", "f:2: this is not 'key = value'"},
        {"  stray\n", "f:1: this is not 'key = value'"},
        {"[limits\nmax_users = 5\n", "f:1: a section's ']' is missing"},
        {"[limits] max_users = 5\n", "f:1: there is something behind"},
        {"[limits]\nmax\x01users = 5\n", "f:2: a control character"},
        {"[limits]\nmax_users = \xff\n", "f:2: a control character, or no UTF-8"},
        {"[listen]\nhttp = localhost:80\n", "f:2: http: 'localhost:80' is not ADDR:PORT"},
        {"[listen]\ndomain = -x\n", "a host name"},
        {"[listen]\ntrusted_proxies = 10.0.0.0/33\n", "a list of up to 32"},
        {"[ice]\nturn = stun:a\n", "f:2: turn: 'stun:a' is not a list of up to 8 URLs such as turn:"},
        {"[ice]\nstun = a\n", "f:2: stun: 'a' is not a list of up to 8 URLs such as stun:"},
        {"[ice]\nrelay_only = maybe\n", "auto, yes or no"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mt_options o;
        mt_err err = parse(&o, wrong[i].text);
        if (err != MT_EINVAL || strstr(faults.p, wrong[i].say) == NULL)
            fail_msg("%s -> %d \"%s\"", wrong[i].text, (int)err, faults.p != NULL ? faults.p : "");
        mt_options_deinit(&o);
    }
}

static void lists_all_faults(void **state) {
    mt_options o;
    assert_int_equal(parse(&o, "[limits]\nmax_users = 1\nfrob = 3\n[x]\ny = 1\n[log]\nlog_level = loud\n"), MT_EINVAL);
    assert_string_equal(faults.p,
                        "f:2: max_users: '1' is not a number from 2 to 10000000\nf:3: unknown key 'frob'\n"
                        "f:4: unknown section 'x'\nf:7: log_level: 'loud' is not error, warn, info or debug\n");
    mt_options_deinit(&o);
}

/* libinih cuts such lines in two, and reads the second half as a line of its own. */
static void long_lines_are_refused(void **state) {
    char text[1200];
    for (size_t len = 150; len < 1000; len++) {
        mt_options o;
        int at = snprintf(text, sizeof text, "[api]\nweb = ");
        memset(text + at, 'x', len);
        (void)snprintf(text + at + len, sizeof text - (size_t)at - len, "\n[limits]\nmax_users = 7\n");
        mt_err err = parse(&o, text);
        assert_int_equal(o.match.max_users, 7);
        if (err == MT_OK)
            assert_int_equal(strlen(o.web), len);
        else
            assert_string_equal(faults.p, "f:2: the line is too long 'web = xxxxxxxxxxxxxxxxxxxxxxxx'\n");
        assert_true(len > 185 || err == MT_OK);
        mt_options_deinit(&o);
    }
}

static void command_line_is_over_file(void **state) {
    char path[] = "/tmp/mt_test_config_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "[limits]\nmax_users = 7\nmax_connections = 70\n[listen]\ntrusted_proxies = ::1\n";
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    mt_options o;
    mt_buf_reset(&faults);
    char *argv[] = {"myturnd", "--max-users", "8", "--config", path, "--trusted-proxies", "10.0.0.0/8"};
    mt_err err = mt_options_parse(7, argv, &o, &faults);
    assert_int_equal(err, MT_OK);
    assert_int_equal(o.match.max_users, 8);
    assert_int_equal(o.net.max_conns, 70);
    assert_int_equal(o.trusted_proxies.count, 1);
    mt_options_deinit(&o);
    char *bad[] = {"myturnd", "--config", path, "--min-expires-s=900", "--default-expires-s=800"};
    mt_buf_reset(&faults);
    assert_int_equal(mt_options_parse(5, bad, &o, &faults), MT_EINVAL);
    (void)unlink(path);
}

static void print_reads_back(void **state) {
    mt_options o, again;
    static char first[65536], second[65536];
    assert_int_equal(parse(&o,
                           "[listen]\ntrusted_proxies = 10.0.0.0/8, ::1\nsips = 127.0.0.1:5061\n[log]\nlog_names = on\n"
                           "[limits]\nmax_users = 55\n"),
                     MT_OK);
    FILE *f = fmemopen(first, sizeof first, "w");
    mt_options_print(&o, f);
    (void)fclose(f);
    if (parse(&again, first) != MT_OK)
        fail_msg("%s", faults.p);
    f = fmemopen(second, sizeof second, "w");
    mt_options_print(&again, f);
    (void)fclose(f);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "\nmax_users = 55\n"));
    for (size_t i = 0; i < mt_option_count; i++)
        assert_true(mt_option_table[i].section == NULL || mt_option_same(&mt_option_table[i], &o, &again));
    mt_options_deinit(&o);
    mt_options_deinit(&again);
}

static void out_of_memory_is_told(void **state) {
    static const char text[] = "[api]\nweb = /srv/web\noperator_token_file = /t\n[limits]\nmax_users = 1\n";
    for (unsigned long n = 1; n < 100; n++) {
        mt_options o;
        mt_options_default(&o);
        mt_buf few;
        mt_buf_init(&few, 1000);
        mt_alloc_fail_nth(n);
        mt_err err = mt_config_parse(mt_slice_of(text), "f", &o, &few);
        mt_alloc_fail_nth(0);
        mt_buf_deinit(&few);
        mt_options_deinit(&o);
        assert_true(err == MT_EINVAL || err == MT_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_values),
        cmocka_unit_test(complains_with_line_and_range),
        cmocka_unit_test(lists_all_faults),
        cmocka_unit_test(long_lines_are_refused),
        cmocka_unit_test(command_line_is_over_file),
        cmocka_unit_test(print_reads_back),
        cmocka_unit_test(out_of_memory_is_told),
    };
    mt_buf_init(&faults, MT_OPTIONS_FAULTS_MAX);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mt_buf_deinit(&faults);
    return failed;
}
