/* The state that pages.c (events) and lines.c (what is typed) share. */
#ifndef APP_PAGES_PRIV_H
#define APP_PAGES_PRIV_H

#include "pages.h"

#define WAITING_LINE_S 10 /* without a terminal: a line now and then */

typedef enum question { NOT_ASKED, ASKED_HANGUP, ASKED_NEXT, ASKED_UNENCRYPTED } question;

struct pages {
    myturn_client *client;
    screen *screen;
    GMainLoop *loop;
    char *server;
    char *name;    /* own; NULL: not known yet */
    char *partner; /* ready to be shown among other text; NULL: none */
    char *contact; /* the operator's; NULL: none */
    int events_fd;
    myturn_state state; /* as far as the user was told */
    bool greeted, ever_logged_in, leaving;
    bool accepted, agreed_before; /* the rules: in this login, by the command line */
    bool unencrypted, then_next;  /* whether to ask for talks without encryption; what follows the answer */
    bool plain;                   /* this talk is not encrypted */
    unsigned policies;
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
void pages_begin_main(pages *p);
bool pages_cancel_main_due(pages *p); /* whether it was due */
/* Says what a call of libmyturn's refused; nothing for MYTURN_OK. */
void pages_complain(pages *p, myturn_err err);
/* An error of this program's own, shown and told to scripts. */
void pages_error(pages *p, const char *code, const char *message);

/* lines.c */
void lines_forget(pages *p); /* the talk is over: a message that waits cannot be sent any more */

#endif
