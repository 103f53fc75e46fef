/* Push to talk: the microphone is on while a key is held, wherever the focus is in the window. */
#ifndef GTK_TALK_KEY_H
#define GTK_TALK_KEY_H

#include <gtk/gtk.h>

#include "session.h"

/* choice: the preference talk-key. NULL: none. */
const char *mtg_talk_key_label(const char *choice);
/* Listens in this window as long as it lives. */
void mtg_talk_key_attach(GtkWindow *window, MtgSession *session, MtgPrefs *prefs);

#endif
