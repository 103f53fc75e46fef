/* The talk: the four words, messages, what the partner does, writing, voice. All of it is gone when the talk ends. */
#ifndef GTK_CONVO_PAGE_H
#define GTK_CONVO_PAGE_H

#include <gtk/gtk.h>

#include "session.h"

#define MTG_TYPE_CONVO_PAGE (mtg_convo_page_get_type())
G_DECLARE_FINAL_TYPE(MtgConvoPage, mtg_convo_page, MTG, CONVO_PAGE, GtkWidget)

/* Once, after creation. */
void mtg_convo_page_set_up(MtgConvoPage *self, MtgSession *session, MtgPrefs *prefs);
void mtg_convo_page_focus(MtgConvoPage *self);

#endif
