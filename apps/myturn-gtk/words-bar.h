/* The four words with what they are for; or the warning that a talk is not encrypted. */
#ifndef GTK_WORDS_BAR_H
#define GTK_WORDS_BAR_H

#include <gtk/gtk.h>

#include "myturn/myturn.h"

#define MTG_TYPE_WORDS_BAR (mtg_words_bar_get_type())
G_DECLARE_FINAL_TYPE(MtgWordsBar, mtg_words_bar, MTG, WORDS_BAR, GtkWidget)

/* secure: the event MYTURN_EV_SECURE. */
void mtg_words_bar_set(MtgWordsBar *self, const myturn_event *secure);

#endif
