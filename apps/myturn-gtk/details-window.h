/* What the present connection is made of. */
#ifndef GTK_DETAILS_WINDOW_H
#define GTK_DETAILS_WINDOW_H

#include <adwaita.h>

#include "session.h"

#define MTG_TYPE_DETAILS_WINDOW (mtg_details_window_get_type())
G_DECLARE_FINAL_TYPE(MtgDetailsWindow, mtg_details_window, MTG, DETAILS_WINDOW, AdwWindow)

/* In a talk. It follows the session until it is closed. */
GtkWindow *mtg_details_window_show(GtkWindow *over, MtgSession *session);

#endif
