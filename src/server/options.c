#include "server/options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/config.h"
#include "server/option.h"

#define GONE_MS 3000 /* with the client's own 3 s of silence: a partner who was killed is noticed within 4 s */
#define COLUMN 34    /* of the help's texts */

void mt_options_default(mt_options *o) {
    memset(o, 0, sizeof *o);
    mt_addr at;
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:8080"), &at) == MT_OK)
        o->http = at;
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:5060"), &at) == MT_OK)
        o->sip = at;
    mt_asterisk_options_default(&o->asterisk);
    o->metrics = MT_METRICS_LOOPBACK;
    o->log_level = MT_LOG_INFO;
    o->lease_s = 30;
    o->first_lease_s = 60;
    o->max_wait_s = 60;
    mt_net_limits_default(&o->net);
    mt_limits_config_default(&o->limits);
    mt_match_config_default(&o->match);
    mt_sip_server_config_default(&o->sip_rules);
    o->sip_rules.gone_ms = GONE_MS;
    o->relay.ttl_s = 14400;
    mt_conduct_config_default(&o->conduct);
    o->reports_keep_days = 30;
}

/* Faults of several options together. The place of the one named is said. */

static void together(const mt_options *o, mt_buf *faults, const char *key, const char *what) {
    const mt_option *opt = mt_option_find(mt_slice_of(key));
    uint16_t from = opt != NULL ? o->from[mt_option_index(opt)] : 0;
    if (from == MT_OPTIONS_ARGV && opt != NULL)
        mt_option_flag_name(opt, faults);
    else if (from != 0 && o->config != NULL)
        mt_buf_printf(faults, "%.100s:%u: %s", o->config, (unsigned)from, key);
    else
        mt_buf_add_str(faults, key);
    mt_buf_printf(faults, ": %s\n", what);
}

static void check_tls(const mt_options *o, mt_buf *faults) {
    bool ports = mt_options_has(&o->https) || mt_options_has(&o->sips);
    bool files = o->tls_cert != NULL || o->tls_key != NULL;
    const char *first = o->tls_cert != NULL ? "tls_cert" : "tls_key";
    if (files && o->self_signed)
        together(o, faults, "self_signed", "excludes tls_cert and tls_key");
    else if (files && (o->tls_cert == NULL || o->tls_key == NULL))
        together(o, faults, first, "tls_cert and tls_key are needed both");
    else if (ports && !files && !o->self_signed)
        together(o, faults, mt_options_has(&o->https) ? "https" : "sips", "needs tls_cert and tls_key, or self_signed");
    else if (!ports && (files || o->self_signed))
        together(o, faults, files ? first : "self_signed", "a certificate means nothing without https or sips");
}

static void check_asterisk(const mt_options *o, mt_buf *faults) {
    if (o->asterisk.sip_server != MT_SIP_ASTERISK)
        return;
    if (o->asterisk.ami_secret_file == NULL)
        together(o, faults, "sip_server", "asterisk needs ami_secret_file");
    if (mt_options_has(&o->sips))
        together(o, faults, "sips", "is for the embedded SIP server: clients register with Asterisk itself, over UDP");
}

static void check_relay(const mt_options *o, mt_buf *faults) {
    bool turn = o->relay.turn.count > 0;
    if (turn && o->relay.secret_file == NULL)
        together(o, faults, "turn", "needs turn_secret_file");
    if (!turn && o->relay.secret_file != NULL)
        together(o, faults, "turn_secret_file", "means nothing without turn");
    if (!turn && o->relay.only == MT_RELAY_YES)
        together(o, faults, "relay_only", "needs turn: without a relay nobody could talk");
}

static bool is_local_only(const mt_options *o) {
    return mt_addr_is_loopback(&o->http) && (!mt_options_has(&o->https) || mt_addr_is_loopback(&o->https));
}

static void check_together(const mt_options *o, mt_buf *faults) {
    check_tls(o, faults);
    check_asterisk(o, faults);
    check_relay(o, faults);
    if (o->open_api && !o->open_api_anywhere && !is_local_only(o))
        together(o, faults, "open_api",
                 "makes everybody operator and is refused beyond loopback; if that is really wanted, add "
                 "open_api_anywhere");
    if (o->open_api_anywhere && !o->open_api)
        together(o, faults, "open_api_anywhere", "means nothing without open_api");
    if (o->sip_rules.min_expires_s > o->sip_rules.max_expires_s)
        together(o, faults, "min_expires_s", "is more than max_expires_s");
    else if (o->sip_rules.default_expires_s < o->sip_rules.min_expires_s ||
             o->sip_rules.default_expires_s > o->sip_rules.max_expires_s)
        together(o, faults, "default_expires_s", "is not between min_expires_s and max_expires_s");
    if (o->sip_rules.t2_ms < o->sip_rules.t1_ms)
        together(o, faults, "t2_ms", "is less than t1_ms");
    if (o->net.ws_ping_ms >= o->net.flow_idle_ms)
        together(o, faults, "ws_ping_ms", "must be less than flow_idle_ms, or living WebSockets are closed");
    if (o->sip_rules.qualify_limit_ms >= o->sip_rules.qualify_ms)
        together(o, faults, "qualify_limit_ms", "must be less than qualify_ms");
    if (o->match.max_users > 999999999u - o->match.first_exten)
        together(o, faults, "first_exten", "leaves fewer than max_users extensions of nine digits");
}

/* The command line */

static void say_flag(mt_buf *faults, const mt_option *opt, const char *what) {
    mt_option_flag_name(opt, faults);
    mt_buf_add_str(faults, what);
}

static mt_err set(const mt_option *opt, const char *value, mt_options *o, mt_buf *faults) {
    uint16_t *from = &o->from[mt_option_index(opt)];
    if (*from != MT_OPTIONS_ARGV) /* over the file's list, not added to it */
        mt_option_clear_list(opt, o);
    mt_err err = mt_option_set(opt, value, o);
    *from = MT_OPTIONS_ARGV;
    if (err == MT_EBAD)
        mt_option_fault(opt, NULL, value, faults);
    return err == MT_ENOMEM ? err : MT_OK;
}

/* Takes one option from argv[*i] on and moves *i to its last word. only: pass over all others. */
static mt_err take(int argc, char *const argv[], int *i, const mt_option *only, mt_options *o, mt_buf *faults) {
    const char *arg = argv[*i];
    size_t len = strcspn(arg, "=");
    bool dashed = strncmp(arg, "--", 2) == 0 && memchr(arg, '_', len) == NULL;
    const mt_option *opt = dashed ? mt_option_find(mt_slice_n(arg + 2, len - 2)) : NULL;
    if (opt == NULL) {
        if (only == NULL)
            mt_buf_printf(faults, "unknown argument '%.100s'\n", arg);
        return MT_OK;
    }
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    if (value == NULL && opt->kind == MT_OPTION_FLAG)
        value = "yes";
    if (value == NULL && *i + 1 < argc)
        value = argv[++*i];
    if (only != NULL && opt != only)
        return MT_OK;
    if (value != NULL)
        return set(opt, value, o, faults);
    say_flag(faults, opt, " needs a value: ");
    mt_option_range(opt, faults);
    mt_buf_add_char(faults, '\n');
    return MT_OK;
}

static mt_err take_all(int argc, char *const argv[], const mt_option *only, mt_options *o, mt_buf *faults) {
    mt_err err = MT_OK;
    for (int i = 1; i < argc && err == MT_OK; i++)
        err = take(argc, argv, &i, only, o, faults);
    return err;
}

static mt_err read_file(int argc, char *const argv[], mt_options *o, mt_buf *faults) {
    mt_buf unsaid; /* the same faults come again when all is taken */
    mt_buf_init(&unsaid, MT_OPTIONS_FAULTS_MAX);
    mt_err err = take_all(argc, argv, mt_option_find(MT_SLICE_LIT("config")), o, &unsaid);
    mt_buf_deinit(&unsaid);
    if (err != MT_OK || o->config == NULL)
        return err;
    err = mt_config_read(o->config, o, faults);
    return err == MT_EINVAL ? MT_OK : err; /* what is wrong is in faults */
}

mt_err mt_options_parse(int argc, char *const argv[], mt_options *out, mt_buf *faults) {
    mt_options o;
    mt_options_default(&o);
    o.argc = argc;
    o.argv = argv;
    size_t before = faults->len;
    mt_err err = read_file(argc, argv, &o, faults);
    if (err == MT_OK)
        err = take_all(argc, argv, NULL, &o, faults);
    if (err == MT_OK && faults->len == before)
        check_together(&o, faults);
    bool good = faults->len == before && mt_buf_err(faults) == MT_OK;
    if (err == MT_OK && !good && !o.help && !o.version)
        err = MT_EINVAL;
    if (err != MT_OK)
        mt_options_deinit(&o);
    else
        *out = o;
    return err;
}

void mt_options_check_files(const mt_options *o, mt_buf *faults) {
    char why[160];
    for (size_t i = 0; i < mt_option_count; i++) {
        const mt_option *opt = &mt_option_table[i];
        if (opt->kind != MT_OPTION_PATH || !mt_option_is_set(opt, o))
            continue;
        mt_buf path;
        mt_buf_init(&path, 4096);
        mt_option_format(opt, o, &path);
        if (mt_buf_err(&path) == MT_OK && access(path.p, R_OK) != 0) {
            (void)snprintf(why, sizeof why, "'%.80s' cannot be read: %s", path.p, strerror(errno));
            together(o, faults, opt->key, why);
        }
        mt_buf_deinit(&path);
    }
}

static void list(mt_buf *out, const char *key) {
    mt_buf_printf(out, "%s%s", out->len > 0 ? ", " : "", key);
}

mt_err mt_options_update(mt_options *o, const mt_options *fresh, mt_buf *changed, mt_buf *restart) {
    for (size_t i = 0; i < mt_option_count; i++) {
        const mt_option *opt = &mt_option_table[i];
        if (opt->section == NULL || mt_option_same(opt, o, fresh))
            continue;
        mt_err err = opt->live ? mt_option_copy(opt, fresh, o) : MT_OK;
        if (err != MT_OK)
            return err;
        list(opt->live ? changed : restart, opt->key);
    }
    return MT_OK;
}

void mt_options_setup_log(const mt_options *o) {
    mt_log_setup(STDERR_FILENO, o->log_level, o->log_names || isatty(STDERR_FILENO) == 1);
}

/* What is shown */

static const char *value_name(const mt_option *opt) {
    static const char *const names[] = {[MT_OPTION_ADDRESS] = "ADDR:PORT",
                                        [MT_OPTION_TEXT] = "TEXT",
                                        [MT_OPTION_PATH] = "FILE",
                                        [MT_OPTION_HOST] = "NAME",
                                        [MT_OPTION_WORD] = "WORD",
                                        [MT_OPTION_U32] = "N",
                                        [MT_OPTION_SIZE] = "N",
                                        [MT_OPTION_NETWORKS] = "LIST",
                                        [MT_OPTION_STUN_URLS] = "LIST",
                                        [MT_OPTION_TURN_URLS] = "LIST"};
    return opt->value != NULL ? opt->value : names[opt->kind];
}

/* "(100 to 60000; 3000)": the range where the help does not make it plain, and the default. */
static void help_values(const mt_option *opt, const mt_options *defaults, mt_buf *line) {
    bool ranged = opt->kind == MT_OPTION_U32 || opt->kind == MT_OPTION_SIZE || opt->kind == MT_OPTION_WORD;
    if (opt->section == NULL || (opt->kind == MT_OPTION_FLAG && !*((const bool *)defaults + opt->offset)))
        return;
    mt_buf_add_str(line, " (");
    if (ranged) {
        mt_option_range(opt, line);
        mt_buf_add_str(line, "; ");
    }
    if (mt_option_is_set(opt, defaults))
        mt_option_format(opt, defaults, line);
    else
        mt_buf_add_str(line, opt->kind == MT_OPTION_HOST ? MT_OPTIONS_DOMAIN : "none");
    mt_buf_add_char(line, ')');
}

static void help_line(const mt_option *opt, const mt_options *defaults, FILE *to) {
    mt_buf line;
    mt_buf_init(&line, 1024);
    mt_buf_add_str(&line, "  ");
    mt_option_flag_name(opt, &line);
    if (opt->kind != MT_OPTION_FLAG)
        mt_buf_printf(&line, " %s", value_name(opt));
    mt_buf_add_str(&line, "  ");
    while (line.len < COLUMN && mt_buf_err(&line) == MT_OK)
        mt_buf_add_char(&line, ' ');
    mt_buf_add_str(&line, opt->help);
    help_values(opt, defaults, &line);
    mt_buf_add_char(&line, '\n');
    (void)fwrite(line.p, 1, line.len, to);
    mt_buf_deinit(&line);
}

/* Whether the row begins a section. */
static bool is_first(size_t i) {
    const char *section = mt_option_table[i].section;
    const char *last = i > 0 ? mt_option_table[i - 1].section : NULL;
    return section != NULL && (last == NULL || strcmp(section, last) != 0);
}

void mt_options_help(FILE *to) {
    mt_options defaults;
    mt_options_default(&defaults);
    (void)fputs("Usage: myturnd [option …]\n"
                "The server of myTurn: strangers are drawn at random and talk by text and voice.\n\n",
                to);
    for (size_t i = 0; i < mt_option_count; i++) {
        if (is_first(i))
            (void)fprintf(to, "\n[%s]\n", mt_option_table[i].section);
        help_line(&mt_option_table[i], &defaults, to);
    }
    (void)fputs(
        "\nA configuration file has the same options, under their section, without dashes in front and with '_'\n"
        "inside: see myturnd.conf(5), and --print-config for all of them. SIGHUP reads it again.\n\n"
        "When it can serve, the first line on standard output is:\n"
        "  ready http=127.0.0.1:8080 sip=127.0.0.1:5060\n"
        "and behind that https= and sips= where these are served.\n"
        "Events go to standard error. SIGTERM and SIGINT end it cleanly; SIGHUP reads the configuration, the page,\n"
        "the secrets and the certificate again.\n",
        to);
}

static void print_option(const mt_option *opt, const mt_options *o, FILE *to) {
    mt_buf text;
    mt_buf_init(&text, 65536);
    bool set = mt_option_is_set(opt, o);
    if (set && opt->secret)
        mt_buf_add_str(&text, "***");
    else
        mt_option_format(opt, o, &text);
    (void)fprintf(to, "# %s\n", opt->help);
    mt_slice rest = mt_buf_slice(&text);
    do { /* a list in lines of its own, as the file's lines have a length */
        mt_slice value = mt_option_is_list(opt) ? mt_slice_trim(mt_slice_cut(&rest, ',')) : rest;
        (void)fprintf(to, "%s%s = %.*s\n", set ? "" : ";", opt->key, (int)value.len, value.len > 0 ? value.p : "");
    } while (mt_option_is_list(opt) && rest.len > 0);
    mt_buf_deinit(&text);
}

void mt_options_print(const mt_options *o, FILE *to) {
    for (size_t i = 0; i < mt_option_count; i++) {
        if (mt_option_table[i].section == NULL)
            continue;
        if (is_first(i))
            (void)fprintf(to, "%s[%s]\n", i > 0 && mt_option_table[i - 1].section != NULL ? "\n" : "",
                          mt_option_table[i].section);
        print_option(&mt_option_table[i], o, to);
    }
}
