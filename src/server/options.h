/* The options of myturnd: defaults, over them the configuration file, over that the command line. */
#ifndef MT_SERVER_OPTIONS_H
#define MT_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "match/conduct.h"
#include "match/match.h"
#include "net/net.h"
#include "server/asterisk_options.h"
#include "server/limits.h"
#include "server/proxies.h"
#include "server/relay.h"
#include "server/sandbox.h"
#include "sip/sip_server.h"

typedef enum mt_options_metrics {
    MT_METRICS_OPERATOR, /* /metrics is for the operator's token */
    MT_METRICS_LOOPBACK, /* and for this machine */
    MT_METRICS_OPEN      /* for everybody */
} mt_options_metrics;

typedef struct mt_options_text mt_options_text; /* owned copies of values */

typedef struct mt_options {
    mt_addr http, sip;   /* 127.0.0.1:8080, 127.0.0.1:5060 */
    mt_addr https, sips; /* none, see mt_options_has */
    const char *tls_cert, *tls_key;
    bool self_signed;
    const char *domain; /* NULL: "myturn.invalid" */
    const char *web;    /* NULL: no folder is served */
    const char *operator_token_file;
    bool open_api, open_api_anywhere;
    mt_options_metrics metrics;
    mt_proxies trusted_proxies;
    mt_proxies_header proxy_header;
    bool log_names;
    mt_log_level log_level;
    mt_sandbox_mode sandbox;
    const char *user; /* to become after start-up; NULL: stays */
    mt_net_limits net;
    mt_limits_config limits;
    mt_match_config match;
    mt_sip_server_config sip_rules; /* addresses and ports in it are the server's to fill in */
    mt_asterisk_options asterisk;
    mt_relay_options relay;
    const char *contact; /* of the operator; NULL: none */
    mt_conduct_config conduct;
    const char *reports_dir; /* NULL: no report is written */
    uint32_t reports_keep_days;
    uint32_t lease_s, first_lease_s, max_wait_s;

    const char *config;                             /* the file; NULL: none */
    bool help, version, print_config, check_config; /* asked for instead of serving */

    int argc; /* for SIGHUP, which reads all of it again */
    char *const *argv;
    mt_options_text *texts;
    uint16_t from[160]; /* by row of the table: line in the file, 0 for a default, MT_OPTIONS_ARGV */
} mt_options;

#define MT_OPTIONS_DOMAIN "myturn.invalid"
#define MT_OPTIONS_ARGV UINT16_MAX
#define MT_OPTIONS_FAULTS_MAX 65536 /* for the buffer of faults */

/* Whether an address that may be left out is given. */
static inline bool mt_options_has(const mt_addr *a) {
    return a->sa.sa_family != AF_UNSPEC;
}

void mt_options_default(mt_options *o);
void mt_options_deinit(mt_options *o);

/* Reads the command line, and the file that it names. Strings point into argv or are owned by *out, which the caller
 * deinits. MT_EINVAL: something is wrong, and each fault is a line of its own in faults. MT_ENOMEM. help and version
 * win over faults. */
mt_err mt_options_parse(int argc, char *const argv[], mt_options *out, mt_buf *faults) MT_MUST_CHECK;
/* Files and folders that cannot be read, a line each. */
void mt_options_check_files(const mt_options *o, mt_buf *faults);

/* Takes from fresh what can be changed while the server runs, and appends the names of what was taken to changed, of
 * what differs but needs a restart to restart; each separated by ", ". MT_ENOMEM: some of it was taken. */
mt_err mt_options_update(mt_options *o, const mt_options *fresh, mt_buf *changed, mt_buf *restart) MT_MUST_CHECK;
/* Logging as the options want it, to standard error. */
void mt_options_setup_log(const mt_options *o);

void mt_options_help(FILE *to);
/* The values in force, as a configuration file. Secrets are ***. */
void mt_options_print(const mt_options *o, FILE *to);

#endif
