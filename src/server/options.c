#include "server/options.h"

#include <string.h>

typedef enum kind { FLAG, ADDRESS, TEXT, DOMAIN_NAME, LEVEL, SANDBOX } kind;

typedef struct option {
    const char *name;
    kind kind;
    size_t offset;
    const char *value, *help;
} option;

#define AT(member) offsetof(mt_options, member)

static const option options[] = {
    {"--http", ADDRESS, AT(http), "ADDR:PORT",
     "API, web page and SIP over WebSocket (127.0.0.1:8080; port 0: any free one)"},
    {"--sip", ADDRESS, AT(sip), "ADDR:PORT", "SIP over UDP and TCP (127.0.0.1:5060; port 0: any free one)"},
    {"--https", ADDRESS, AT(https), "ADDR:PORT", "the same as --http, inside TLS (none)"},
    {"--sips", ADDRESS, AT(sips), "ADDR:PORT", "SIP inside TLS (none; usually port 5061)"},
    {"--tls-cert", TEXT, AT(tls_cert), "FILE", "certificate for TLS, with its chain, in PEM"},
    {"--tls-key", TEXT, AT(tls_key), "FILE", "its key, in PEM without passphrase"},
    {"--self-signed", FLAG, AT(self_signed), NULL, "make a certificate, kept in memory; its fingerprint is logged"},
    {"--domain", DOMAIN_NAME, AT(domain), "NAME",
     "SIP domain and realm, and a host name clients may use (" MT_OPTIONS_DOMAIN ")"},
    {"--web", TEXT, AT(web), "DIR", "serve the web page from this folder"},
    {"--operator-token-file", TEXT, AT(operator_token_file), "FILE", "a file with the operator's token, one line"},
    {"--open-api", FLAG, AT(open_api), NULL, "everybody is operator: laboratories only"},
    {"--open-api-anywhere", FLAG, AT(open_api_anywhere), NULL, "allow --open-api beyond loopback"},
    {"--no-limits", FLAG, AT(no_limits), NULL, "no limits per client address"},
    {"--user", TEXT, AT(user), "NAME", "started as root: become this user once the ports are open"},
    {"--sandbox", SANDBOX, AT(sandbox), "MODE",
     "give up what serving does not need: try (default; says what cannot be had), require or off"},
    {"--log-level", LEVEL, AT(log_level), "L", "error, warn, info (default) or debug"},
    {"--log-names", FLAG, AT(log_names), NULL, "nicknames and pairs in the log even if it is no terminal"},
    {"--help", FLAG, AT(help), NULL, "show this help"},
    {"--version", FLAG, AT(version), NULL, "show the version"},
};

void mt_options_default(mt_options *o) {
    memset(o, 0, sizeof *o);
    mt_addr at;
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:8080"), &at) == MT_OK)
        o->http = at;
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:5060"), &at) == MT_OK)
        o->sip = at;
    o->log_level = MT_LOG_INFO;
}

/* A host name: labels of letters, digits and hyphens, or an IPv4 address. */
static bool is_domain(const char *s) {
    size_t len = strlen(s), label = 0;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !((c == '-' || c == '.') && label > 0))
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return s[len - 1] != '-' && s[len - 1] != '.';
}

static mt_err set(const option *opt, const char *value, mt_options *o, char *error, size_t error_bytes) {
    void *at = (char *)o + opt->offset;
    mt_addr addr;
    mt_log_level level;
    mt_sandbox_mode sandbox;
    switch (opt->kind) {
    case FLAG:
        *(bool *)at = true;
        return MT_OK;
    case ADDRESS:
        if (mt_addr_parse(mt_slice_of(value), &addr) == MT_OK) {
            *(mt_addr *)at = addr;
            return MT_OK;
        }
        (void)snprintf(error, error_bytes,
                       "%s: '%s' is not ADDR:PORT with a numeric address, such as 127.0.0.1:8080 or [::1]:8080",
                       opt->name, value);
        return MT_EINVAL;
    case LEVEL:
        if (mt_log_level_parse(value, &level) == MT_OK) {
            *(mt_log_level *)at = level;
            return MT_OK;
        }
        (void)snprintf(error, error_bytes, "%s: '%s' is none of error, warn, info, debug", opt->name, value);
        return MT_EINVAL;
    case SANDBOX:
        if (mt_sandbox_mode_parse(value, &sandbox) == MT_OK) {
            *(mt_sandbox_mode *)at = sandbox;
            return MT_OK;
        }
        (void)snprintf(error, error_bytes, "%s: '%s' is none of try, require, off", opt->name, value);
        return MT_EINVAL;
    case DOMAIN_NAME:
        if (!is_domain(value)) {
            (void)snprintf(error, error_bytes, "%s: '%s' is not a host name", opt->name, value);
            return MT_EINVAL;
        }
        *(const char **)at = value;
        return MT_OK;
    case TEXT:
        break;
    }
    if (*value == '\0') {
        (void)snprintf(error, error_bytes, "%s: the value is empty", opt->name);
        return MT_EINVAL;
    }
    *(const char **)at = value;
    return MT_OK;
}

static const option *find(const char *arg, size_t len) {
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0)
            return &options[i];
    }
    return NULL;
}

/* What is wrong with the options of TLS together, or NULL. */
static const char *tls_trouble(const mt_options *o) {
    bool ports = mt_options_has(&o->https) || mt_options_has(&o->sips);
    bool files = o->tls_cert != NULL || o->tls_key != NULL;
    if (files && o->self_signed)
        return "--self-signed and --tls-cert exclude each other";
    if (files && (o->tls_cert == NULL || o->tls_key == NULL))
        return "--tls-cert and --tls-key are needed both";
    if (ports && !files && !o->self_signed)
        return "--https and --sips need --tls-cert and --tls-key, or --self-signed";
    if (!ports && (files || o->self_signed))
        return "a certificate means nothing without --https or --sips";
    return NULL;
}

static bool is_local_only(const mt_options *o) {
    return mt_addr_is_loopback(&o->http) && (!mt_options_has(&o->https) || mt_addr_is_loopback(&o->https));
}

static mt_err check(const mt_options *o, char *error, size_t error_bytes) {
    const char *trouble = tls_trouble(o);
    if (trouble != NULL) {
        (void)snprintf(error, error_bytes, "%s", trouble);
        return MT_EINVAL;
    }
    if (o->open_api && !o->open_api_anywhere && !is_local_only(o)) {
        (void)snprintf(error, error_bytes,
                       "--open-api makes everybody operator and is refused beyond loopback; "
                       "if that is really wanted, add --open-api-anywhere");
        return MT_EINVAL;
    }
    if (o->open_api_anywhere && !o->open_api) {
        (void)snprintf(error, error_bytes, "--open-api-anywhere means nothing without --open-api");
        return MT_EINVAL;
    }
    return MT_OK;
}

/* Takes one option from argv[*i] on and moves *i to its last word. */
static mt_err take(int argc, char *const argv[], int *i, mt_options *o, char *error, size_t error_bytes) {
    const char *arg = argv[*i];
    size_t len = strcspn(arg, "=");
    const option *opt = find(arg, len);
    if (opt == NULL) {
        (void)snprintf(error, error_bytes, "unknown argument '%s'", arg);
        return MT_EINVAL;
    }
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    if (opt->kind == FLAG && value != NULL) {
        (void)snprintf(error, error_bytes, "%s takes no value", opt->name);
        return MT_EINVAL;
    }
    if (opt->kind != FLAG && value == NULL) {
        if (*i + 1 >= argc) {
            (void)snprintf(error, error_bytes, "%s needs a value: %s", opt->name, opt->value);
            return MT_EINVAL;
        }
        value = argv[++*i];
    }
    return set(opt, value, o, error, error_bytes);
}

mt_err mt_options_parse(int argc, char *const argv[], mt_options *out, char *error, size_t error_bytes) {
    mt_options o;
    mt_options_default(&o);
    for (int i = 1; i < argc; i++) {
        mt_err err = take(argc, argv, &i, &o, error, error_bytes);
        if (err != MT_OK)
            return err;
    }
    mt_err err = o.help || o.version ? MT_OK : check(&o, error, error_bytes);
    if (err == MT_OK)
        *out = o;
    return err;
}

void mt_options_help(FILE *to) {
    (void)fputs("Usage: myturnd [option …]\n"
                "The server of myTurn: strangers are drawn at random and talk by text and voice.\n\n",
                to);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const option *o = &options[i];
        int used = fprintf(to, "  %s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        (void)fprintf(to, "%*s%s\n", used < 34 ? 34 - used : 1, "", o->help);
    }
    (void)fputs("\nWhen it can serve, the first line on standard output is:\n"
                "  ready http=127.0.0.1:8080 sip=127.0.0.1:5060\n"
                "and behind that https= and sips= where these are served.\n"
                "Events go to standard error. SIGTERM and SIGINT end it cleanly, SIGHUP reads the web folder and the\n"
                "certificate again.\n",
                to);
}
