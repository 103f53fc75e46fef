/* What calls a user who looks elsewhere: a notification when drawn, sounds when drawn and when a talk ends. */
#ifndef GTK_ALERTS_H
#define GTK_ALERTS_H

#include <gtk/gtk.h>

#include "session.h"

/* As long as the session lives. */
void mtg_alerts_attach(GtkWindow *window, MtgSession *session, MtgPrefs *prefs);

#endif
