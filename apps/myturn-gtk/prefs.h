/* What is remembered from one start to the next, and nothing else is: in GSettings, or in memory where its schema is
 * not installed. Each preference is a property of the same name, so that widgets bind to it. Main thread. */
#ifndef GTK_PREFS_H
#define GTK_PREFS_H

#include <glib-object.h>

#define MTG_TYPE_PREFS (mtg_prefs_get_type())
G_DECLARE_FINAL_TYPE(MtgPrefs, mtg_prefs, MTG, PREFS, GObject)

/* server         string   http://… or https://…
 * microphone     string   SPEC of myturn_options: default, none, device:NAME …
 * speaker        string   SPEC
 * processing     boolean  echo cancelling, noise suppression, gain
 * encryption     string   gcm, cbc or either
 * relay-only     boolean  the partner must not learn the address
 * language       string   "" (the system's), en, pl
 * sounds         boolean  on drawn and ended
 * notifications  boolean  when drawn while the window is not in front
 * talk-key       string   f8, insert, right-ctrl or none: the microphone is on while it is held */
MtgPrefs *mtg_prefs_new(void);

const char *mtg_prefs_string(MtgPrefs *prefs, const char *name);
gboolean mtg_prefs_boolean(MtgPrefs *prefs, const char *name);
void mtg_prefs_set_string(MtgPrefs *prefs, const char *name, const char *value);
/* For this run alone, as a command line wants it: what is remembered stays. */
void mtg_prefs_override(MtgPrefs *prefs, const char *name, const char *value);

#endif
