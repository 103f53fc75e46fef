/* What can be chosen; all of it is kept by MtgPrefs. */
#ifndef GTK_PREFERENCES_WINDOW_H
#define GTK_PREFERENCES_WINDOW_H

#include <adwaita.h>

#include "prefs.h"

#define MTG_TYPE_PREFERENCES_WINDOW (mtg_preferences_window_get_type())
G_DECLARE_FINAL_TYPE(MtgPreferencesWindow, mtg_preferences_window, MTG, PREFERENCES_WINDOW, AdwPreferencesWindow)

void mtg_preferences_window_show(GtkWindow *over, MtgPrefs *prefs);

#endif
