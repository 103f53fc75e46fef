/* Tells a screen reader what happened without moving the focus: messages, states. Invisible to others. */
#ifndef GTK_ANNOUNCER_H
#define GTK_ANNOUNCER_H

#include <gtk/gtk.h>

#define MTG_TYPE_ANNOUNCER (mtg_announcer_get_type())
G_DECLARE_FINAL_TYPE(MtgAnnouncer, mtg_announcer, MTG, ANNOUNCER, GtkWidget)

void mtg_announcer_say(MtgAnnouncer *self, const char *text);

#endif
