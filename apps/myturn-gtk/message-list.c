#include "message-list.h"

#include <adwaita.h>

#include "app-id.h"
#include "message-row.h"

enum { ROWS_MAX = 2000 }; /* a talk of days stays bounded: the oldest go */

struct _MtgMessageList {
    GtkWidget parent_instance;
    GtkScrolledWindow *scroller;
    GtkListBox *list;
    GtkWidget *hint; /* where there is no message yet */
    guint rows;
    gboolean following;
};

G_DEFINE_FINAL_TYPE(MtgMessageList, mtg_message_list, GTK_TYPE_WIDGET)

static double below(GtkAdjustment *a) {
    return gtk_adjustment_get_upper(a) - gtk_adjustment_get_page_size(a) - gtk_adjustment_get_value(a);
}

static void on_scrolled(MtgMessageList *self) {
    self->following = below(gtk_scrolled_window_get_vadjustment(self->scroller)) < 24;
}

/* The height is known only after the layout. */
static void on_resized(MtgMessageList *self) {
    GtkAdjustment *a = gtk_scrolled_window_get_vadjustment(self->scroller);
    if (self->following)
        gtk_adjustment_set_value(a, gtk_adjustment_get_upper(a));
}

static void append(MtgMessageList *self, GtkWidget *row) {
    gtk_list_box_append(self->list, row);
    gtk_widget_set_visible(self->hint, FALSE); /* the list only does not draw it: it would be read out */
    if (++self->rows <= ROWS_MAX)
        return;
    gtk_list_box_remove(self->list, GTK_WIDGET(gtk_list_box_get_row_at_index(self->list, 0)));
    self->rows--;
}

void mtg_message_list_add(MtgMessageList *self, const char *who, const char *text, gboolean own) {
    if (own)
        self->following = TRUE;
    append(self, mtg_message_row_new(who, text, own));
}

void mtg_message_list_add_note(MtgMessageList *self, const char *text) {
    GtkWidget *label = g_object_new(GTK_TYPE_LABEL, "label", text, "wrap", TRUE, "justify", GTK_JUSTIFY_CENTER, NULL);
    gtk_widget_add_css_class(label, "dim-label");
    gtk_widget_add_css_class(label, "caption");
    GtkWidget *row =
        g_object_new(GTK_TYPE_LIST_BOX_ROW, "child", label, "activatable", FALSE, "selectable", FALSE, NULL);
    gtk_widget_add_css_class(row, "note");
    gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
    append(self, row);
}

void mtg_message_list_clear(MtgMessageList *self) {
    GtkListBoxRow *row;
    while ((row = gtk_list_box_get_row_at_index(self->list, 0)) != NULL)
        gtk_list_box_remove(self->list, GTK_WIDGET(row));
    gtk_widget_set_visible(self->hint, TRUE);
    self->rows = 0;
    self->following = TRUE;
}

static void dispose(GObject *object) {
    MtgMessageList *self = MTG_MESSAGE_LIST(object);
    if (self->scroller != NULL)
        gtk_widget_unparent(GTK_WIDGET(self->scroller));
    self->scroller = NULL;
    G_OBJECT_CLASS(mtg_message_list_parent_class)->dispose(object);
}

static void mtg_message_list_class_init(MtgMessageListClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/message-list.ui");
    gtk_widget_class_bind_template_child(widget, MtgMessageList, scroller);
    gtk_widget_class_bind_template_child(widget, MtgMessageList, list);
    gtk_widget_class_bind_template_child(widget, MtgMessageList, hint);
}

static void mtg_message_list_init(MtgMessageList *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
    self->following = TRUE;
    GtkAdjustment *a = gtk_scrolled_window_get_vadjustment(self->scroller);
    g_signal_connect_object(a, "value-changed", G_CALLBACK(on_scrolled), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(a, "changed", G_CALLBACK(on_resized), self, G_CONNECT_SWAPPED);
}
