/* What is said and asked before strangers meet: the rules, once a login; and before each draw that may end in a talk
 * without encryption, whether that is meant. Main thread. */
#ifndef APP_RULES_H
#define APP_RULES_H

#include "pages.h"

void rules_show(pages *p);
/* The question that stands now, for the prompt; NULL: none. */
const char *rules_prompt(const pages *p);
/* A line on the main page. false: no question stands, the line is the page's. */
bool rules_line(pages *p, const char *line);
/* The user is ready, or wants the next one: asks first where that is to be asked, else begins. */
void rules_ready(pages *p);
void rules_next(pages *p);

typedef enum rules_answer { RULES_YES, RULES_NO, RULES_UNCLEAR } rules_answer;
rules_answer rules_answer_of(const char *line); /* y, yes, n, no, and what they are in the user's language */

#endif
