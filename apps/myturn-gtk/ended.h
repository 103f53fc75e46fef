/* Why a talk ended, for people. */
#ifndef GTK_ENDED_H
#define GTK_ENDED_H

/* reason: of MYTURN_EV_ENDED. Freed with g_free. */
char *mtg_ended_text(const char *reason, const char *partner);

#endif
