/* One message as a bubble: the own ones at the end of the line, the partner's at its beginning. Time and copying appear
 * on hover and with the keyboard's focus; a link is opened only after a question. */
#ifndef GTK_MESSAGE_ROW_H
#define GTK_MESSAGE_ROW_H

#include <gtk/gtk.h>

#define MTG_TYPE_MESSAGE_ROW (mtg_message_row_get_type())
G_DECLARE_FINAL_TYPE(MtgMessageRow, mtg_message_row, MTG, MESSAGE_ROW, GtkListBoxRow)

/* who: the name of its writer. The time is now. */
GtkWidget *mtg_message_row_new(const char *who, const char *text, gboolean own);

#endif
