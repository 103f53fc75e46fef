/* The rules, shown before the first draw of a run. Signal: agreed(). */
#ifndef GTK_RULES_PAGE_H
#define GTK_RULES_PAGE_H

#include <gtk/gtk.h>

#define MTG_TYPE_RULES_PAGE (mtg_rules_page_get_type())
G_DECLARE_FINAL_TYPE(MtgRulesPage, mtg_rules_page, MTG, RULES_PAGE, GtkWidget)

void mtg_rules_page_focus(MtgRulesPage *self);

#endif
