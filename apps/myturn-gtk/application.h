/* The application: command line, one window, what belongs to no window. */
#ifndef GTK_APPLICATION_H
#define GTK_APPLICATION_H

#include <adwaita.h>

#include "prefs.h"

#define MTG_TYPE_APPLICATION (mtg_application_get_type())
G_DECLARE_FINAL_TYPE(MtgApplication, mtg_application, MTG, APPLICATION, AdwApplication)

MtgApplication *mtg_application_new(MtgPrefs *prefs);

#endif
