/* How loud a voice is. Property: label, what it is the level of (for screen readers too). */
#ifndef GTK_LEVEL_METER_H
#define GTK_LEVEL_METER_H

#include <gtk/gtk.h>

#define MTG_TYPE_LEVEL_METER (mtg_level_meter_get_type())
G_DECLARE_FINAL_TYPE(MtgLevelMeter, mtg_level_meter, MTG, LEVEL_METER, GtkWidget)

void mtg_level_meter_set_label(MtgLevelMeter *self, const char *label);
/* Falls back to silence by itself when nothing more comes. */
void mtg_level_meter_set(MtgLevelMeter *self, double level_db);

#endif
