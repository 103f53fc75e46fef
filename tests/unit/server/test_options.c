/* The command line: every option, every complaint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/options.h"

static char error[256];

static mt_err parse(mt_options *o, const char *line) {
    static char copy[512];
    char *argv[32] = {"myturnd"};
    int argc = 1;
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    for (char *word = copy, *next; *word != '\0'; word = next) {
        next = word + strcspn(word, " ");
        if (*next == ' ')
            *next++ = '\0';
        argv[argc++] = word;
    }
    error[0] = '\0';
    return mt_options_parse(argc, argv, o, error, sizeof error);
}

static void has_defaults(void **state) {
    mt_options o;
    assert_int_equal(parse(&o, ""), MT_OK);
    char text[MT_ADDR_STRLEN];
    mt_addr_format(&o.http, text);
    assert_string_equal(text, "127.0.0.1:8080");
    mt_addr_format(&o.sip, text);
    assert_string_equal(text, "127.0.0.1:5060");
    assert_null(o.web);
    assert_null(o.domain);
    assert_int_equal(o.log_level, MT_LOG_INFO);
    assert_int_equal(o.sandbox, MT_SANDBOX_TRY);
    assert_null(o.user);
    assert_false(o.open_api || o.no_limits || o.log_names || o.help || o.version);
}

static void takes_all(void **state) {
    mt_options o;
    assert_int_equal(parse(&o,
                           "--http [::1]:0 --sip=0.0.0.0:5070 --domain talk.example --web=/srv/web "
                           "--operator-token-file /run/t --open-api --open-api-anywhere --no-limits --log-level debug "
                           "--log-names --sandbox require --user nobody"),
                     MT_OK);
    char text[MT_ADDR_STRLEN];
    mt_addr_format(&o.http, text);
    assert_string_equal(text, "[::1]:0");
    mt_addr_format(&o.sip, text);
    assert_string_equal(text, "0.0.0.0:5070");
    assert_string_equal(o.domain, "talk.example");
    assert_string_equal(o.web, "/srv/web");
    assert_string_equal(o.operator_token_file, "/run/t");
    assert_true(o.open_api && o.open_api_anywhere && o.no_limits && o.log_names);
    assert_int_equal(o.log_level, MT_LOG_DEBUG);
    assert_int_equal(o.sandbox, MT_SANDBOX_REQUIRE);
    assert_string_equal(o.user, "nobody");
    assert_int_equal(parse(&o, "--help"), MT_OK);
    assert_true(o.help);
    assert_int_equal(parse(&o, "--version"), MT_OK);
    assert_true(o.version);
}

static void complains_clearly(void **state) {
    static const struct {
        const char *line, *word;
    } wrong[] = {
        {"--http", "needs a value"},
        {"--http localhost:80", "localhost:80"},
        {"--http 127.0.0.1", "127.0.0.1"},
        {"--sip 127.0.0.1:70000", "--sip"},
        {"--domain -x", "host name"},
        {"--domain a..b", "host name"},
        {"--domain a/b", "host name"},
        {"--web=", "empty"},
        {"--log-level loud", "loud"},
        {"--sandbox maybe", "try, require, off"},
        {"--user=", "empty"},
        {"--frobnicate", "--frobnicate"},
        {"stray", "stray"},
        {"--open-api=1", "no value"},
        {"--open-api-anywhere", "--open-api"},
        {"--http 0.0.0.0:80 --open-api", "--open-api-anywhere"},
        {"--http 192.0.2.1:80 --open-api", "loopback"},
        {"--https 192.0.2.1:443 --self-signed --open-api", "loopback"},
        {"--https localhost --self-signed", "ADDR:PORT"},
        {"--https 127.0.0.1:443", "--self-signed"},
        {"--sips 127.0.0.1:5061", "--tls-cert"},
        {"--sips 127.0.0.1:5061 --tls-cert c.pem", "both"},
        {"--sips 127.0.0.1:5061 --tls-key k.pem", "both"},
        {"--sips 127.0.0.1:5061 --tls-cert c --tls-key k --self-signed", "exclude"},
        {"--self-signed", "--https"},
        {"--tls-cert c.pem --tls-key k.pem", "--sips"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mt_options o = {.web = "untouched"};
        assert_int_equal(parse(&o, wrong[i].line), MT_EINVAL);
        if (strstr(error, wrong[i].word) == NULL)
            fail_msg("%s: \"%s\"", wrong[i].line, error);
        assert_string_equal(o.web, "untouched");
    }
}

static void takes_tls(void **state) {
    mt_options o;
    char text[MT_ADDR_STRLEN];
    assert_int_equal(parse(&o, ""), MT_OK);
    assert_false(mt_options_has(&o.https) || mt_options_has(&o.sips));
    assert_int_equal(parse(&o, "--https [::]:443 --tls-cert c.pem --tls-key=k.pem"), MT_OK);
    mt_addr_format(&o.https, text);
    assert_string_equal(text, "[::]:443");
    assert_true(mt_options_has(&o.https));
    assert_false(mt_options_has(&o.sips) || o.self_signed);
    assert_string_equal(o.tls_cert, "c.pem");
    assert_string_equal(o.tls_key, "k.pem");
    assert_int_equal(parse(&o, "--sips 0.0.0.0:5061 --self-signed"), MT_OK);
    assert_true(mt_options_has(&o.sips) && o.self_signed);
    assert_int_equal(parse(&o, "--open-api --https 127.0.0.1:443 --self-signed"), MT_OK);
}

static void open_api_on_loopback_is_allowed(void **state) {
    mt_options o;
    assert_int_equal(parse(&o, "--open-api"), MT_OK);
    assert_int_equal(parse(&o, "--open-api --http [::1]:80"), MT_OK);
    assert_int_equal(parse(&o, "--open-api --open-api-anywhere --http 0.0.0.0:80"), MT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(takes_all),
        cmocka_unit_test(complains_clearly),
        cmocka_unit_test(takes_tls),
        cmocka_unit_test(open_api_on_loopback_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
