/* A row to choose the microphone or the speaker; what is chosen is a preference. Property: microphone (boolean). */
#ifndef GTK_DEVICE_ROW_H
#define GTK_DEVICE_ROW_H

#include <adwaita.h>

#include "prefs.h"

#define MTG_TYPE_DEVICE_ROW (mtg_device_row_get_type())
G_DECLARE_FINAL_TYPE(MtgDeviceRow, mtg_device_row, MTG, DEVICE_ROW, AdwComboRow)

/* Once, after creation. The devices are listed whenever the row comes to be seen. */
void mtg_device_row_set_up(MtgDeviceRow *self, MtgPrefs *prefs);

#endif
