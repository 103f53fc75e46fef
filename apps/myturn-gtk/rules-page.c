#include "rules-page.h"

#include <adwaita.h>

#include "app-id.h"

struct _MtgRulesPage {
    GtkWidget parent_instance;
    GtkWidget *scroller, *agree;
};

G_DEFINE_FINAL_TYPE(MtgRulesPage, mtg_rules_page, GTK_TYPE_WIDGET)

static guint agreed_signal;

static void on_agree(MtgRulesPage *self) {
    g_signal_emit(self, agreed_signal, 0);
}

void mtg_rules_page_focus(MtgRulesPage *self) {
    gtk_widget_grab_focus(self->agree);
}

static void dispose(GObject *object) {
    MtgRulesPage *self = MTG_RULES_PAGE(object);
    g_clear_pointer(&self->scroller, gtk_widget_unparent);
    G_OBJECT_CLASS(mtg_rules_page_parent_class)->dispose(object);
}

static void mtg_rules_page_class_init(MtgRulesPageClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    agreed_signal = g_signal_new("agreed", MTG_TYPE_RULES_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/rules-page.ui");
    gtk_widget_class_bind_template_child(widget, MtgRulesPage, scroller);
    gtk_widget_class_bind_template_child(widget, MtgRulesPage, agree);
    gtk_widget_class_bind_template_callback(widget, on_agree);
}

static void mtg_rules_page_init(MtgRulesPage *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
