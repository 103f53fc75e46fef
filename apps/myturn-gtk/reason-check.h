/* A radio button that a screen reader can press: in GTK before 4.10 only buttons proper have an action there. */
#ifndef MTG_REASON_CHECK_H
#define MTG_REASON_CHECK_H

#include <gtk/gtk.h>

#define MTG_TYPE_REASON_CHECK (mtg_reason_check_get_type())
G_DECLARE_FINAL_TYPE(MtgReasonCheck, mtg_reason_check, MTG, REASON_CHECK, GtkCheckButton)

/* Its label is that of the row that it is the activatable widget of. */
GtkCheckButton *mtg_reason_check_new(void);

#endif
