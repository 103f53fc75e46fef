#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define USAGE_STATUS 2

enum {
    OPT_SERVER = 1,
    OPT_NAME,
    OPT_MIC,
    OPT_SPEAKER,
    OPT_CODEC,
    OPT_PTIME,
    OPT_TRANSPORT,
    OPT_DEVICE,
    OPT_POLICY,
    OPT_RELAY_ONLY,
    OPT_EVENTS,
    OPT_DEVICES,
    OPT_LOG_LEVEL,
    OPT_LOG,
    OPT_HELP,
    OPT_VERSION
};

static const struct option table[] = {
    {"server", required_argument, NULL, OPT_SERVER},
    {"name", required_argument, NULL, OPT_NAME},
    {"mic", required_argument, NULL, OPT_MIC},
    {"speaker", required_argument, NULL, OPT_SPEAKER},
    {"codec", required_argument, NULL, OPT_CODEC},
    {"ptime", required_argument, NULL, OPT_PTIME},
    {"transport", required_argument, NULL, OPT_TRANSPORT},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"relay-only", no_argument, NULL, OPT_RELAY_ONLY},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"list-devices", no_argument, NULL, OPT_DEVICES},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log", required_argument, NULL, OPT_LOG},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static void print_help(void) {
    (void)fputs(
        _("myturn - talk with a stranger drawn at random, by text and voice, encrypted end to end\n"
          "\n"
          "Usage: myturn [--server URL] [options]\n"
          "\n"
          "  --server URL         the myTurn server (default http://127.0.0.1:8080)\n"
          "  --name NAME          log in by this name at once instead of asking\n"
          "  --mic SPEC           where your voice comes from (default: default)\n"
          "  --speaker SPEC       where your partner is heard (default: default)\n"
          "  --codec CODEC        opus or pcm, for talks in which you are the caller (default opus)\n"
          "  --ptime MS           length of an Opus packet, 10 or 20 (default 20)\n"
          "  --transport T        how to reach the server by SIP: tcp or udp (default tcp)\n"
          "  --device WHAT        client or phone (default client). phone: your own SIP phone carries the voice,\n"
          "                       NOT encrypted end to end, to others who use phones\n"
          "  --policy LIST        how talks may be encrypted: gcm, cbc or gcm,cbc (default gcm); only who has one in\n"
          "                       common with you is drawn\n"
          "  --relay-only         let no partner learn your address: by the server's relay, or not at all\n"
          "  --events FD          write one line of JSON for each event to this open descriptor\n"
          "  --list-devices       print microphones and speakers, and end\n"
          "  --log FILE           append a log of connections and calls to FILE\n"
          "  --log-level LEVEL    error, warn, info or debug (default info); without --log the log goes to\n"
          "                       standard error, unless that is a terminal\n"
          "  --help, --version    print this, or the version, and end\n"
          "\n"
          "SPEC is one of\n"
          "  default              the system's device\n"
          "  none                 no sound\n"
          "  file:PATH            a WAV file, played or written in real time\n"
          "  tone:HZ              a tone (microphone only)\n"
          "  device:NAME          a device of --list-devices\n"
          "\n"
          "In a talk, what you type is sent when you press Enter. m switches your microphone on and off,\n"
          "q hangs up, /next draws another partner, /say TEXT sends TEXT as it is, /help explains.\n"),
        stdout);
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
    static const struct {
        const char *name;
        unsigned bits;
    } lists[] = {{"gcm", MYTURN_GCM},
                 {"cbc", MYTURN_CBC},
                 {"gcm,cbc", MYTURN_GCM | MYTURN_CBC},
                 {"cbc,gcm", MYTURN_GCM | MYTURN_CBC}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (strcmp(value, lists[i].name) == 0) {
            *out = lists[i].bits;
            return true;
        }
    }
    return false;
}

/* False: the value is not possible. */
static bool set(int option, const char *value, options *o) {
    switch (option) {
    case OPT_SERVER:
        o->client.server = value;
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
    case OPT_POLICY:
        return parse_policies(value, &o->client.policies);
    case OPT_RELAY_ONLY:
        o->client.relay_only = true;
        return true;
    case OPT_EVENTS:
        return parse_fd(value, &o->events_fd);
    case OPT_DEVICES:
        o->what = OPTIONS_LIST_DEVICES;
        return true;
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
        if (option == '?' || !set(option, optarg, out)) {
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
