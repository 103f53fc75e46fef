/* The search: how long, how many are online, cancel; then the connection to who was drawn. */
#ifndef GTK_WAIT_PAGE_H
#define GTK_WAIT_PAGE_H

#include <gtk/gtk.h>

#include "session.h"

#define MTG_TYPE_WAIT_PAGE (mtg_wait_page_get_type())
G_DECLARE_FINAL_TYPE(MtgWaitPage, mtg_wait_page, MTG, WAIT_PAGE, GtkWidget)

/* Once, after creation. */
void mtg_wait_page_set_up(MtgWaitPage *self, MtgSession *session);
/* What ended the last talk, where the next is drawn at once; NULL: nothing. */
void mtg_wait_page_set_last(MtgWaitPage *self, const char *text);
void mtg_wait_page_focus(MtgWaitPage *self);

#endif
