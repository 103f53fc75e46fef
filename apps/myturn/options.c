#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define USAGE_STATUS 2

enum {
    OPT_SERVER = 1,
    OPT_CA,
    OPT_AGREE,
    OPT_RAW_VOICE,
    OPT_POLICY,
    OPT_RELAY_ONLY,
    OPT_UNENCRYPTED,
    OPT_NAME,
    OPT_MIC,
    OPT_SPEAKER,
    OPT_CODEC,
    OPT_PTIME,
    OPT_TRANSPORT,
    OPT_DEVICE,
    OPT_EVENTS,
    OPT_DEVICES,
    OPT_LOG_LEVEL,
    OPT_LOG,
    OPT_HELP,
    OPT_VERSION
};

/* clang-format off */
static const struct option table[] = {
    {"server", required_argument, NULL, OPT_SERVER},
    {"ca", required_argument, NULL, OPT_CA},
    {"name", required_argument, NULL, OPT_NAME},
    {"agree", no_argument, NULL, OPT_AGREE},
    {"yes", no_argument, NULL, OPT_AGREE},
    {"mic", required_argument, NULL, OPT_MIC},
    {"speaker", required_argument, NULL, OPT_SPEAKER},
    {"raw-voice", no_argument, NULL, OPT_RAW_VOICE},
    {"codec", required_argument, NULL, OPT_CODEC},
    {"ptime", required_argument, NULL, OPT_PTIME},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"relay-only", no_argument, NULL, OPT_RELAY_ONLY},
    {"allow-unencrypted", no_argument, NULL, OPT_UNENCRYPTED},
    {"transport", required_argument, NULL, OPT_TRANSPORT},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"list-devices", no_argument, NULL, OPT_DEVICES},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log", required_argument, NULL, OPT_LOG},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

/* A head alone, or an option and what it does. */
typedef struct help_line {
    const char *option, *text;
} help_line;

static const help_line help_options[] = {
    {"--server URL", N_("the myTurn server, http:// or https:// (default http://127.0.0.1:8080)")},
    {"--ca FILE", N_("certificates (PEM) to trust besides the system's, for https://")},
    {"--name NAME", N_("log in by this name at once instead of asking")},
    {"--agree", N_("take the rules as read and accepted (for scripts)")},
    {"--mic SPEC", N_("where your voice comes from (default: default)")},
    {"--speaker SPEC", N_("where your partner is heard (default: default)")},
    {"--raw-voice", N_("no echo cancelling, noise suppression and gain control")},
    {"--codec CODEC", N_("opus or pcm, for talks in which you are the caller (default opus)")},
    {"--ptime MS", N_("length of an Opus packet, 10 or 20 (default 20)")},
    {"--policy LIST", N_("how your talks may be encrypted: gcm, cbc or gcm,cbc (default gcm)")},
    {"--relay-only", N_("talk through the server's relay only, so that nobody learns your address")},
    {"--allow-unencrypted", N_("offer each time you are ready to meet SIP phones too, NOT encrypted")},
    {"--transport T", N_("how to reach an http:// server by SIP: tcp or udp (default tcp)")},
    {"--device WHAT", N_("client or phone (default client); phone: your own SIP phone carries the voice, NOT encrypted "
                         "end to end")},
    {"--events FD", N_("write one line of JSON for each event to this open descriptor")},
    {"--list-devices", N_("print microphones and speakers, and end")},
    {"--log FILE", N_("append a log of connections and calls to FILE")},
    {"--log-level LEVEL", N_("error, warn, info or debug (default info); without --log the log goes to standard error, "
                             "unless that is a terminal")},
    {"--help, --version", N_("print this, or the version, and end")},
};

static const help_line help_specs[] = {
    {"default", N_("the system's device")},
    {"none", N_("no sound")},
    {"file:PATH", N_("a WAV file, played or written in real time")},
    {"tone:HZ", N_("a tone (microphone only)")},
    {"device:NAME", N_("a device of --list-devices")},
};

enum { HELP_INDENT = 23, HELP_COLUMNS = 100 };

/* The text beside its option, wrapped between words. */
static void print_beside(const char *option, const char *text) {
    glong column = HELP_INDENT;
    (void)printf("  %-*s", HELP_INDENT - 2, option);
    char **words = g_strsplit(text, " ", -1);
    for (char **word = words; *word != NULL; word++) {
        glong width = g_utf8_strlen(*word, -1);
        if (word != words && column + 1 + width > HELP_COLUMNS) {
            (void)printf("\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        } else if (word != words) {
            (void)putchar(' ');
            column++;
        }
        (void)fputs(*word, stdout);
        column += width;
    }
    (void)putchar('\n');
    g_strfreev(words);
}

static void print_help(void) {
    (void)printf("%s\n\n%s\n\n",
                 _("myturn - talk with a stranger drawn at random, by text and voice, encrypted end to end"),
                 _("Usage: myturn [--server URL] [options]"));
    for (size_t i = 0; i < G_N_ELEMENTS(help_options); i++)
        print_beside(help_options[i].option, _(help_options[i].text));
    (void)printf("\n%s\n", _("SPEC is one of"));
    for (size_t i = 0; i < G_N_ELEMENTS(help_specs); i++)
        print_beside(help_specs[i].option, _(help_specs[i].text));
    (void)printf("\n%s\n",
                 _("In a talk, what you type is sent when you press Enter. m switches your microphone on and off,\n"
                   "q hangs up, /next draws another partner, /block and /report REASON see to it that you do not meet\n"
                   "this one again, /help explains."));
}

/* Index of value among the NULL-terminated names, -1 if it is none of them. */
static int choose(const char *value, const char *const *names) {
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(value, names[i]) == 0)
            return i;
    }
    return -1;
}

static bool parse_fd(const char *value, int *out) {
    char *end = NULL;
    errno = 0;
    long fd = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || fd < 0 || fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0)
        return false;
    *out = (int)fd;
    return true;
}

static bool set_choice(int option, const char *value, options *o) {
    static const char *const codecs[] = {"opus", "pcm", NULL}, *const transports[] = {"tcp", "udp", NULL},
                             *const ptimes[] = {"10", "20", NULL}, *const devices[] = {"client", "phone", NULL},
                             *const levels[] = {"error", "warn", "info", "debug", NULL};
    int i = choose(value, option == OPT_CODEC       ? codecs
                          : option == OPT_PTIME     ? ptimes
                          : option == OPT_TRANSPORT ? transports
                          : option == OPT_DEVICE    ? devices
                                                    : levels);
    if (i < 0)
        return false;
    if (option == OPT_CODEC)
        o->client.codec = i == 0 ? MYTURN_OPUS : MYTURN_PCM;
    else if (option == OPT_PTIME)
        o->client.ptime_ms = i == 0 ? 10 : 20;
    else if (option == OPT_TRANSPORT)
        o->client.transport = i == 0 ? MYTURN_TCP : MYTURN_UDP;
    else if (option == OPT_DEVICE)
        o->client.phone = i == 1;
    else
        o->log_level = value;
    return true;
}

static bool parse_policies(const char *value, unsigned *out) {
    static const char *const names[] = {"gcm", "cbc", NULL};
    static const unsigned policies[] = {MYTURN_GCM, MYTURN_CBC};
    char **parts = g_strsplit(value, ",", -1);
    unsigned set = 0;
    bool ok = parts[0] != NULL;
    for (char **part = parts; *part != NULL; part++) {
        int i = choose(*part, names);
        ok = ok && i >= 0;
        set |= i >= 0 ? policies[i] : 0;
    }
    g_strfreev(parts);
    if (ok)
        *out = set;
    return ok;
}

/* Options without a value; false: it is none of them. */
static bool set_flag(int option, options *o) {
    switch (option) {
    case OPT_DEVICES:
        o->what = OPTIONS_LIST_DEVICES;
        return true;
    case OPT_AGREE:
        o->agree = true;
        return true;
    case OPT_RAW_VOICE:
        o->client.raw_voice = true;
        return true;
    case OPT_RELAY_ONLY:
        o->client.relay_only = true;
        return true;
    case OPT_UNENCRYPTED:
        o->unencrypted = true;
        return true;
    default:
        return false;
    }
}

/* False: the value is not possible. */
static bool set(int option, const char *value, options *o) {
    switch (option) {
    case OPT_SERVER:
        o->client.server = value;
        return true;
    case OPT_CA:
        o->client.ca_file = value;
        return true;
    case OPT_NAME:
        o->name = value;
        return true;
    case OPT_MIC:
        o->client.mic = value;
        return true;
    case OPT_SPEAKER:
        o->client.speaker = value;
        return true;
    case OPT_LOG:
        o->log_file = value;
        return true;
    case OPT_EVENTS:
        return parse_fd(value, &o->events_fd);
    case OPT_POLICY:
        return parse_policies(value, &o->client.policies);
    default:
        return set_choice(option, value, o);
    }
}

static void stop(options *o, int exit_status) {
    o->what = OPTIONS_EXIT;
    o->exit_status = exit_status;
}

void options_parse(int argc, char **argv, options *out) {
    *out = (options){.events_fd = -1};
    myturn_options_default(&out->client);
    out->client.server = DEFAULT_SERVER;
    for (int option, index = 0; (option = getopt_long(argc, argv, "", table, &index)) != -1;) {
        if (option == OPT_HELP || option == OPT_VERSION) {
            if (option == OPT_HELP)
                print_help();
            else
                (void)printf("myturn %s\n", myturn_version());
            stop(out, 0);
            return;
        }
        if (option == '?' || !(set_flag(option, out) || set(option, optarg, out))) {
            if (option != '?')
                (void)fprintf(stderr, _("myturn: --%s cannot be \"%s\"\n"), table[index].name, optarg);
            (void)fputs(_("Try myturn --help.\n"), stderr);
            stop(out, USAGE_STATUS);
            return;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, _("myturn: what is \"%s\"? Try myturn --help.\n"), argv[optind]);
        stop(out, USAGE_STATUS);
    }
}
