/* The page where a user gives the name, which is never remembered, and the server, which is. */
#ifndef GTK_LOGIN_PAGE_H
#define GTK_LOGIN_PAGE_H

#include <gtk/gtk.h>

#include "session.h"

#define MTG_TYPE_LOGIN_PAGE (mtg_login_page_get_type())
G_DECLARE_FINAL_TYPE(MtgLoginPage, mtg_login_page, MTG, LOGIN_PAGE, GtkWidget)

/* Once, after creation. */
void mtg_login_page_set_up(MtgLoginPage *self, MtgSession *session, MtgPrefs *prefs);
/* What is wrong and what to do; NULL: nothing is. */
void mtg_login_page_set_trouble(MtgLoginPage *self, const char *text);
void mtg_login_page_focus(MtgLoginPage *self);

#endif
