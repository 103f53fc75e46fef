/* The pages of the terminal client with doubles for libmyturn and the screen: what is typed, what is called, what is
 * shown. */
#ifndef TESTS_MYTURN_PAGES_KIT_H
#define TESTS_MYTURN_PAGES_KIT_H

#include <glib.h>

#include "pages.h"

/* The doubles */
extern GString *calls, *shown; /* since the last look */
extern bool listening;
extern myturn_state state;  /* the client's */
extern myturn_err next_err; /* what each call of it returns */

/* Each looks at what came since the last look. */
void expect_calls(const char *what);
void expect_shown(const char *part);
void expect_prompt(const char *what); /* "passing|lasting" */
const char *json(void);               /* the events' lines */

/* The world */
extern pages *p;
extern bool agreed, unencrypted; /* options of the next begin() */

void begin(const char *name, bool on_terminal);
void log_in(void);
void begin_talk(bool on_terminal); /* jeden with dwa; nothing of it is left to look at */
void end(void);

void go(myturn_state s); /* a change of the state, and its event */
void event(myturn_event e);
#define EVENT(...) event((myturn_event){__VA_ARGS__})
void settle(void); /* what is due has been done */

int prepare(void **unused);
int finish(void **unused);

#endif
