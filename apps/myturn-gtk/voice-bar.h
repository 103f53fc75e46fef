/* The microphone's switch and both voices' levels. */
#ifndef GTK_VOICE_BAR_H
#define GTK_VOICE_BAR_H

#include <gtk/gtk.h>

#include "session.h"

#define MTG_TYPE_VOICE_BAR (mtg_voice_bar_get_type())
G_DECLARE_FINAL_TYPE(MtgVoiceBar, mtg_voice_bar, MTG, VOICE_BAR, GtkWidget)

/* Once, after creation. */
void mtg_voice_bar_set_up(MtgVoiceBar *self, MtgSession *session, MtgPrefs *prefs);

#endif
