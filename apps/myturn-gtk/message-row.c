#include "message-row.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"
#include "ask.h"
#include "links.h"

struct _MtgMessageRow {
    GtkListBoxRow parent_instance;
    char *text;
    GtkBox *box;
    GtkLabel *label, *time;
    GtkWidget *aside;
};

G_DEFINE_FINAL_TYPE(MtgMessageRow, mtg_message_row, GTK_TYPE_LIST_BOX_ROW)

static void on_copy(MtgMessageRow *self) {
    gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self)), self->text);
    gtk_widget_activate_action(GTK_WIDGET(self), "win.toast", "s", _("Copied"));
}

static gboolean on_copy_key(GtkWidget *widget, GVariant *args, gpointer arg) {
    on_copy(MTG_MESSAGE_ROW(widget));
    return TRUE;
}

static gboolean on_link(GtkLabel *label, const char *uri, MtgMessageRow *self) {
    mtg_ask_open(GTK_WIDGET(self), uri);
    return TRUE;
}

static void set_side(MtgMessageRow *self, gboolean own) {
    gtk_widget_set_halign(GTK_WIDGET(self->box), own ? GTK_ALIGN_END : GTK_ALIGN_START);
    gtk_widget_add_css_class(GTK_WIDGET(self), own ? "own" : "partner");
    if (own)
        gtk_box_reorder_child_after(self->box, self->aside, NULL);
}

GtkWidget *mtg_message_row_new(const char *who, const char *text, gboolean own) {
    MtgMessageRow *self = g_object_new(MTG_TYPE_MESSAGE_ROW, NULL);
    g_autofree char *markup = mtg_links_markup(text);
    g_autofree char *name = g_strdup_printf("%s: %s", who, text);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%H:%M");
    self->text = g_strdup(text);
    gtk_label_set_markup(self->label, markup);
    gtk_label_set_label(self->time, time);
    set_side(self, own);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                   GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, time, -1);
    return GTK_WIDGET(self);
}

static void finalize(GObject *object) {
    g_free(MTG_MESSAGE_ROW(object)->text);
    G_OBJECT_CLASS(mtg_message_row_parent_class)->finalize(object);
}

static void mtg_message_row_class_init(MtgMessageRowClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->finalize = finalize;
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/message-row.ui");
    gtk_widget_class_bind_template_child(widget, MtgMessageRow, box);
    gtk_widget_class_bind_template_child(widget, MtgMessageRow, label);
    gtk_widget_class_bind_template_child(widget, MtgMessageRow, time);
    gtk_widget_class_bind_template_child(widget, MtgMessageRow, aside);
    gtk_widget_class_bind_template_callback(widget, on_copy);
    gtk_widget_class_bind_template_callback(widget, on_link);
    gtk_widget_class_add_binding(widget, GDK_KEY_c, GDK_CONTROL_MASK, on_copy_key, NULL);
}

static void mtg_message_row_init(MtgMessageRow *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
