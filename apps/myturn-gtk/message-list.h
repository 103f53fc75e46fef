/* The messages of one talk, newest below; it follows them unless the user has scrolled up to read. */
#ifndef GTK_MESSAGE_LIST_H
#define GTK_MESSAGE_LIST_H

#include <gtk/gtk.h>

#define MTG_TYPE_MESSAGE_LIST (mtg_message_list_get_type())
G_DECLARE_FINAL_TYPE(MtgMessageList, mtg_message_list, MTG, MESSAGE_LIST, GtkWidget)

void mtg_message_list_add(MtgMessageList *self, const char *who, const char *text, gboolean own);
/* A line of the program's own among them. */
void mtg_message_list_add_note(MtgMessageList *self, const char *text);
void mtg_message_list_clear(MtgMessageList *self);

#endif
