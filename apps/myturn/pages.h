/* What the user sees and what his lines mean, page by page: name, main, waiting, connecting, talk. Main thread. */
#ifndef APP_PAGES_H
#define APP_PAGES_H

#include <glib.h>

#include "myturn/myturn.h"
#include "screen.h"

typedef struct pages pages;

typedef struct pages_config {
    myturn_client *client;
    screen *screen;
    GMainLoop *loop;    /* is quit when the user has left */
    const char *server; /* URL, for what is said about it */
    const char *name;   /* logs in at once; NULL: ask */
    int events_fd;      /* -1: none */
    bool agreed;        /* the rules need not be shown */
    bool unencrypted;   /* ask before each draw whether the talk may be without encryption */
    unsigned policies;  /* of myturn_policy, without MYTURN_RTP; 0: MYTURN_GCM */
} pages_config;

pages *pages_create(const pages_config *cfg);
void pages_destroy(pages *p);
void pages_begin(pages *p);
int pages_exit_status(const pages *p);

void pages_on_line(pages *p, const char *line);
void pages_on_eof(pages *p);
void pages_on_typing(pages *p, const char *so_far);
void pages_on_event(pages *p, const myturn_event *event);
/* Ctrl-C: leaves, and the second time at once. */
void pages_on_interrupt(pages *p);
/* SIGTERM or SIGHUP: leaves, however often; a terminal that is closed ends the input besides. */
void pages_on_terminate(pages *p);

#endif
