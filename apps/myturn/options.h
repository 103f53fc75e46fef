/* The command line of myturn. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>

#include "myturn/myturn.h"

typedef enum options_do { OPTIONS_RUN, OPTIONS_LIST_DEVICES, OPTIONS_EXIT } options_do;

typedef struct options {
    myturn_options client;
    const char *name;      /* NULL: ask */
    const char *log_file;  /* NULL: none */
    const char *log_level; /* NULL: not given */
    int events_fd;         /* -1: none */
    bool agree;            /* the rules are accepted */
    bool unencrypted;      /* --allow-unencrypted: asked each time */
    options_do what;
    int exit_status; /* OPTIONS_EXIT: after --help, --version (0) or a wrong option (2), which has been told */
} options;

/* Borrows the strings of argv. */
void options_parse(int argc, char **argv, options *out);

#endif
