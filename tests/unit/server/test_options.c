/* The table of options and the command line: every option, every complaint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/option.h"

static mt_buf faults;

static mt_err parse(mt_options *o, const char *line) {
    static char copy[1024]; /* values are copied out of it */
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
    mt_buf_reset(&faults);
    return mt_options_parse(argc, argv, o, &faults);
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
    assert_false(o.open_api || o.limits.off || o.log_names || o.help || o.version);
    assert_int_equal(o.lease_s, 30);
    assert_int_equal(o.sip_rules.gone_ms, 3000);
    assert_int_equal(o.match.max_users, 20000);
    mt_options_deinit(&o);
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
    assert_true(o.open_api && o.open_api_anywhere && o.limits.off && o.log_names);
    assert_int_equal(o.log_level, MT_LOG_DEBUG);
    assert_int_equal(o.sandbox, MT_SANDBOX_REQUIRE);
    assert_string_equal(o.user, "nobody");
    mt_options_deinit(&o);
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
        {"--web=", "not empty"},
        {"--log-level loud", "loud"},
        {"--sandbox maybe", "try, require or off"},
        {"--user=", "empty"},
        {"--frobnicate", "--frobnicate"},
        {"stray", "stray"},
        {"--open-api=maybe", "yes or no"},
        {"--open_api", "unknown"},
        {"-http 127.0.0.1:1", "unknown"},
        {"--max-users 1", "from 2 to 10000000"},
        {"--max-users 99999999999999999999", "from 2 to 10000000"},
        {"--max-users -5", "from 2 to"},
        {"--max-users 5x", "from 2 to"},
        {"--requests-per-minute 0", "from 1 to"},
        {"--min-expires-s 700 --max-expires-s 600", "--min-expires-s: is more"},
        {"--ws-ping-ms 50000", "flow_idle_ms"},
        {"--t1-ms 5000 --t2-ms 100", "--t2-ms: is less"},
        {"--trusted-proxies 10.0.0.1/8", "10.0.0.0/8"},
        {"--metrics anybody", "operator, loopback or open"},
        {"--config /nonexistent/file", "cannot be read"},
        {"--self-signed", "https"},
        {"--https 127.0.0.1:1", "tls_cert"},
        {"--open-api-anywhere", "--open-api"},
        {"--turn turn:a", "--turn: needs turn_secret_file"},
        {"--turn-secret-file /x", "--turn-secret-file: means nothing without turn"},
        {"--relay-only yes", "--relay-only: needs turn"},
        {"--http 0.0.0.0:80 --open-api", "open_api_anywhere"},
        {"--http 192.0.2.1:80 --open-api", "loopback"},
        {"--https 192.0.2.1:443 --self-signed --open-api", "loopback"},
        {"--https localhost --self-signed", "ADDR:PORT"},
        {"--https 127.0.0.1:443", "tls_cert"},
        {"--sips 127.0.0.1:5061", "tls_cert"},
        {"--sips 127.0.0.1:5061 --tls-cert c.pem", "both"},
        {"--sips 127.0.0.1:5061 --tls-key k.pem", "both"},
        {"--sips 127.0.0.1:5061 --tls-cert c --tls-key k --self-signed", "exclude"},
        {"--self-signed", "https"},
        {"--tls-cert c.pem --tls-key k.pem", "sips"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mt_options o = {.web = "untouched"};
        assert_int_equal(parse(&o, wrong[i].line), MT_EINVAL);
        assert_non_null(faults.p);
        if (strstr(faults.p, wrong[i].word) == NULL)
            fail_msg("%s: \"%s\"", wrong[i].line, faults.p);
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
    mt_options_deinit(&o);
    assert_int_equal(parse(&o, "--sips 0.0.0.0:5061 --self-signed"), MT_OK);
    assert_true(mt_options_has(&o.sips) && o.self_signed);
    assert_int_equal(parse(&o, "--open-api --https 127.0.0.1:443 --self-signed"), MT_OK);
}

static void all_faults_are_listed(void **state) {
    mt_options o;
    assert_int_equal(parse(&o, "--http x --frob --max-users 1"), MT_EINVAL);
    size_t lines = 0;
    for (size_t i = 0; i < faults.len; i++)
        lines += faults.p[i] == '\n';
    assert_int_equal(lines, 3);
    assert_int_equal(parse(&o, "--http x --help"), MT_OK); /* help is what is needed now */
    mt_options_deinit(&o);
}

/* What may change while the server runs is taken over, of all else it is said that it needs a restart. */
static void updates_what_lives(void **state) {
    mt_options o, fresh;
    mt_buf changed, restart;
    mt_buf_init(&changed, 1000);
    mt_buf_init(&restart, 1000);
    assert_int_equal(parse(&o, "--web /srv/a --lease-s 9"), MT_OK);
    assert_int_equal(parse(&fresh, "--web /srv/b --lease-s 9 --log-level debug --max-users 7 --http 127.0.0.1:1"),
                     MT_OK);
    assert_int_equal(mt_options_update(&o, &fresh, &changed, &restart), MT_OK);
    mt_options_deinit(&fresh);
    assert_string_equal(changed.p, "web, log_level");
    assert_string_equal(restart.p, "http, max_users");
    assert_string_equal(o.web, "/srv/b");
    assert_int_equal(o.match.max_users, 20000);
    assert_int_equal(o.log_level, MT_LOG_DEBUG);
    mt_buf_deinit(&changed);
    mt_buf_deinit(&restart);
    mt_options_deinit(&o);
}

static char *read_back(FILE *f, size_t *len) {
    static char text[65536];
    rewind(f);
    *len = fread(text, 1, sizeof text - 1, f);
    text[*len] = '\0';
    return text;
}

static void help_and_print_know_every_option(void **state) {
    mt_options o;
    size_t len;
    assert_int_equal(parse(&o, ""), MT_OK);
    FILE *f = tmpfile();
    assert_non_null(f);
    mt_options_help(f);
    const char *text = read_back(f, &len);
    for (size_t i = 0; i < mt_option_count; i++) {
        mt_buf name;
        mt_buf_init(&name, 100);
        mt_option_flag_name(&mt_option_table[i], &name);
        assert_non_null(strstr(text, name.p));
        mt_buf_deinit(&name);
    }
    (void)fclose(f);
    f = tmpfile();
    assert_non_null(f);
    mt_options_print(&o, f);
    text = read_back(f, &len);
    for (size_t i = 0; i < mt_option_count; i++) {
        if (mt_option_table[i].section != NULL)
            assert_non_null(strstr(text, mt_option_table[i].key));
    }
    (void)fclose(f);
    mt_options_deinit(&o);
}

/* Each default is a value that may be given, keys are unique, and each row has what its kind needs. */
static void table_is_sound(void **state) {
    mt_options o;
    mt_options_default(&o);
    for (size_t i = 0; i < mt_option_count; i++) {
        const mt_option *opt = &mt_option_table[i];
        assert_ptr_equal(mt_option_find(mt_slice_of(opt->key)), opt);
        assert_true(opt->help != NULL && strlen(opt->help) < 100);
        assert_true((opt->kind == MT_OPTION_WORD) == (opt->words != NULL));
        assert_true(opt->kind != MT_OPTION_U32 || (opt->max > opt->min && opt->max <= UINT32_MAX));
        mt_buf text;
        mt_buf_init(&text, 200);
        mt_option_format(opt, &o, &text);
        if (text.len > 0 && mt_option_set(opt, text.p, &o) != MT_OK)
            fail_msg("%s: the default %s is refused", opt->key, text.p);
        mt_buf_deinit(&text);
    }
    mt_options_deinit(&o);
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
        cmocka_unit_test(all_faults_are_listed),
        cmocka_unit_test(updates_what_lives),
        cmocka_unit_test(help_and_print_know_every_option),
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(open_api_on_loopback_is_allowed),
    };
    mt_buf_init(&faults, MT_OPTIONS_FAULTS_MAX);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mt_buf_deinit(&faults);
    return failed;
}
