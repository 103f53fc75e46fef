/* The state that pages.c (events) and lines.c (what is typed) share. */
#ifndef APP_PAGES_PRIV_H
#define APP_PAGES_PRIV_H

#include "pages.h"

typedef enum question { NOT_ASKED, ASKED_HANGUP, ASKED_NEXT } question;

struct pages {
    myturn_client *client;
    screen *screen;
    GMainLoop *loop;
    char *server;
    char *name;    /* own; NULL: not known yet */
    char *partner; /* NULL: none */
    int events_fd;
    myturn_state state; /* as far as the user was told */
    bool greeted, ever_logged_in, leaving;
    bool phone; /* a phone of the user's carries the voice */
    question asked;
    bool mic_on, mic_wanted, partner_typing;       /* wanted: as last asked for, ahead of its event */
    unsigned ready, online, elapsed_s, line_due_s; /* waiting */
    guint main_due, leave_limit;
    int exit_status;

    char *unsent; /* a message that the link had no room for */
    guint retry;
    bool typing_told;
    guint typing_over;
};

/* The prompt of the present page. */
void pages_prompt(pages *p);
/* Whether lines are taken now; scripts' lines wait where a person would. */
void pages_listen(pages *p);
/* Hangs up, logs out, and then quits the loop. */
void pages_leave(pages *p);
/* An error of this program's own, shown and told to scripts. */
void pages_error(pages *p, const char *code, const char *message);

/* lines.c */
void lines_forget(pages *p); /* the talk is over: a message that waits cannot be sent any more */

#endif
