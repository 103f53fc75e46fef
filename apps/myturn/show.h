/* Prints what an event tells. */
#ifndef APP_SHOW_H
#define APP_SHOW_H

#include "pages.h"

void show_event(pages *p, const myturn_event *event);

#endif
