/* The partner's name, or the program's, and below it how the talk stands. Never cut: a second one, on lines of its own,
 * takes over where the header bar has no room for the first. */
#ifndef GTK_TITLE_H
#define GTK_TITLE_H

#include <adwaita.h>

#define MTG_TYPE_TITLE (mtg_title_get_type())
G_DECLARE_FINAL_TYPE(MtgTitle, mtg_title, MTG, TITLE, GtkWidget)

void mtg_title_set(MtgTitle *self, const char *title, const char *subtitle);

#endif
