/* The window: shows the page of the session's state, tells what happened, asks before what cannot be undone. */
#ifndef GTK_WINDOW_H
#define GTK_WINDOW_H

#include <adwaita.h>

#include "session.h"

#define MTG_TYPE_WINDOW (mtg_window_get_type())
G_DECLARE_FINAL_TYPE(MtgWindow, mtg_window, MTG, WINDOW, AdwApplicationWindow)

/* The window owns a session of its own. Closing it hangs up, logs out and ends, within 2 s. */
GtkWindow *mtg_window_new(AdwApplication *app, MtgPrefs *prefs);

#endif
