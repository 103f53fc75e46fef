#include "notice.h"

#include "app-id.h"

struct _MtgNotice {
    GtkWidget parent_instance;
    GtkRevealer *revealer;
    GtkWidget *box;
    GtkLabel *label;
    char *code;
};

G_DEFINE_FINAL_TYPE(MtgNotice, mtg_notice, GTK_TYPE_WIDGET)

void mtg_notice_show(MtgNotice *self, const char *code, const char *text) {
    g_free(self->code);
    self->code = g_strdup(code);
    gtk_label_set_label(self->label, text);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->box), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
    gtk_widget_set_visible(GTK_WIDGET(self), TRUE);
    gtk_revealer_set_reveal_child(self->revealer, TRUE);
}

void mtg_notice_settle(MtgNotice *self, const char *code) {
    if (code == NULL || g_strcmp0(code, self->code) == 0)
        gtk_revealer_set_reveal_child(self->revealer, FALSE);
}

static void on_close(MtgNotice *self) {
    mtg_notice_settle(self, NULL);
}

/* Hidden only when it has slid away. */
static void on_revealed(MtgNotice *self) {
    if (!gtk_revealer_get_child_revealed(self->revealer) && !gtk_revealer_get_reveal_child(self->revealer))
        gtk_widget_set_visible(GTK_WIDGET(self), FALSE);
}

static void dispose(GObject *object) {
    MtgNotice *self = MTG_NOTICE(object);
    g_clear_pointer(&self->code, g_free);
    if (self->revealer != NULL)
        gtk_widget_unparent(GTK_WIDGET(self->revealer));
    self->revealer = NULL;
    G_OBJECT_CLASS(mtg_notice_parent_class)->dispose(object);
}

static void mtg_notice_class_init(MtgNoticeClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/notice.ui");
    gtk_widget_class_bind_template_child(widget, MtgNotice, revealer);
    gtk_widget_class_bind_template_child(widget, MtgNotice, box);
    gtk_widget_class_bind_template_child(widget, MtgNotice, label);
    gtk_widget_class_bind_template_callback(widget, on_close);
}

static void mtg_notice_init(MtgNotice *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
    gtk_widget_set_visible(GTK_WIDGET(self), FALSE);
    g_signal_connect_swapped(self->revealer, "notify::child-revealed", G_CALLBACK(on_revealed), self);
}
