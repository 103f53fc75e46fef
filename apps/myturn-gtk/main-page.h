/* The page between talks: what ended the last one, ready, devices and their test. */
#ifndef GTK_MAIN_PAGE_H
#define GTK_MAIN_PAGE_H

#include <gtk/gtk.h>

#include "session.h"

#define MTG_TYPE_MAIN_PAGE (mtg_main_page_get_type())
G_DECLARE_FINAL_TYPE(MtgMainPage, mtg_main_page, MTG, MAIN_PAGE, GtkWidget)

/* Once, after creation. */
void mtg_main_page_set_up(MtgMainPage *self, MtgSession *session, MtgPrefs *prefs);
/* What ended the talk, or became of blocking and reporting; NULL: nothing to tell. partner: he can still be blocked. */
void mtg_main_page_set_ended(MtgMainPage *self, const char *text, gboolean partner);
/* Whether a phone will do, this once. */
gboolean mtg_main_page_phones(MtgMainPage *self);
void mtg_main_page_focus(MtgMainPage *self);

#endif
