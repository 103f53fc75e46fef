/* A message at the foot of the window that says what happened and what to do; it stays until it is closed or settled.
 */
#ifndef GTK_NOTICE_H
#define GTK_NOTICE_H

#include <gtk/gtk.h>

#define MTG_TYPE_NOTICE (mtg_notice_get_type())
G_DECLARE_FINAL_TYPE(MtgNotice, mtg_notice, MTG, NOTICE, GtkWidget)

/* A new message replaces the one that is shown. code: what mtg_notice_settle names. */
void mtg_notice_show(MtgNotice *self, const char *code, const char *text);
/* Takes the message away if it has this code; NULL: any. */
void mtg_notice_settle(MtgNotice *self, const char *code);

#endif
