/* The command line of myturnd. */
#ifndef MT_SERVER_OPTIONS_H
#define MT_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "server/sandbox.h"

typedef struct mt_options {
    mt_addr http, sip;   /* 127.0.0.1:8080, 127.0.0.1:5060 */
    mt_addr https, sips; /* none, see mt_options_has */
    const char *tls_cert, *tls_key;
    bool self_signed;
    const char *domain; /* NULL: "myturn.invalid" */
    const char *web;    /* NULL: no folder is served */
    const char *operator_token_file;
    bool open_api, open_api_anywhere, no_limits;
    bool limits_loopback; /* tests: count loopback addresses too */
    bool log_names;
    mt_log_level log_level;
    mt_sandbox_mode sandbox;
    const char *user; /* to become after start-up; NULL: stays */
    bool help, version; /* asked for: the rest is not to be used */
} mt_options;

#define MT_OPTIONS_DOMAIN "myturn.invalid"

/* Whether an address that may be left out is given. */
static inline bool mt_options_has(const mt_addr *a) {
    return a->sa.sa_family != AF_UNSPEC;
}

void mt_options_default(mt_options *o);
/* Strings point into argv. MT_EINVAL: wrong, with a line in error (NUL-terminated, may be cut). */
mt_err mt_options_parse(int argc, char *const argv[], mt_options *out, char *error, size_t error_bytes) MT_MUST_CHECK;
void mt_options_help(FILE *to);

#endif
