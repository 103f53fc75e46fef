/* What window.c (pages, events, closing) and window-actions.c (what a user can do) share. */
#ifndef GTK_WINDOW_PRIV_H
#define GTK_WINDOW_PRIV_H

#include "announcer.h"
#include "convo-page.h"
#include "details-window.h"
#include "login-page.h"
#include "main-page.h"
#include "notice.h"
#include "rules-page.h"
#include "title.h"
#include "wait-page.h"
#include "window.h"

struct _MtgWindow {
    AdwApplicationWindow parent_instance;
    MtgSession *session;
    MtgPrefs *prefs;

    AdwSqueezer *title_room;
    MtgTitle *title, *title_below;
    AdwToastOverlay *toasts;
    GtkStack *pages;
    GtkWidget *hang_up_button, *next_button;
    MtgLoginPage *login_page;
    MtgRulesPage *rules_page;
    MtgMainPage *main_page;
    MtgWaitPage *wait_page;
    MtgConvoPage *convo_page;
    MtgNotice *notice;
    MtgAnnouncer *announcer;
    GtkWindow *question, *details; /* weak: about this talk, and closed with it */

    gboolean agreed; /* to the rules, in this run */
    gboolean poor, encrypted, can_block;
    gboolean placing; /* the title, at the next frame */
    gboolean leaving;
    guint leave_limit;
};

void mtg_window_add_actions(MtgWindow *self);
/* After the state has changed. */
void mtg_window_update_actions(MtgWindow *self);

#endif
