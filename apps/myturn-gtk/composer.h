/* Where a message is written: Enter sends, Shift+Enter breaks the line. Signal: sent(text), once the link has taken it.
 */
#ifndef GTK_COMPOSER_H
#define GTK_COMPOSER_H

#include <gtk/gtk.h>

#include "session.h"

#define MTG_TYPE_COMPOSER (mtg_composer_get_type())
G_DECLARE_FINAL_TYPE(MtgComposer, mtg_composer, MTG, COMPOSER, GtkWidget)

/* Once, after creation. */
void mtg_composer_set_up(MtgComposer *self, MtgSession *session);
/* Forgets what was written. */
void mtg_composer_clear(MtgComposer *self);
void mtg_composer_focus(MtgComposer *self);

#endif
