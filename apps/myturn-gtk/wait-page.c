#include "wait-page.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"

struct _MtgWaitPage {
    GtkWidget parent_instance;
    MtgSession *session;

    GtkWidget *scroller, *cancel;
    GtkSpinner *spinner;
    GtkLabel *title, *elapsed, *online, *last, *cancel_label;
};

G_DEFINE_FINAL_TYPE(MtgWaitPage, mtg_wait_page, GTK_TYPE_WIDGET)

void mtg_wait_page_set_last(MtgWaitPage *self, const char *text) {
    gtk_label_set_label(self->last, text != NULL ? text : "");
    gtk_widget_set_visible(GTK_WIDGET(self->last), text != NULL);
}

void mtg_wait_page_focus(MtgWaitPage *self) {
    gtk_widget_grab_focus(self->cancel);
}

static void show_elapsed(MtgWaitPage *self, unsigned elapsed_s) {
    g_autofree char *text = g_strdup_printf("%u:%02u", elapsed_s / 60, elapsed_s % 60);
    g_autofree char *spoken =
        g_strdup_printf(ngettext("Waiting for %u second", "Waiting for %u seconds", elapsed_s), elapsed_s);
    gtk_label_set_label(self->elapsed, text);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->elapsed), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void on_waiting(MtgWaitPage *self, const myturn_event *e) {
    show_elapsed(self, e->elapsed_s);
    g_autofree char *online = g_strdup_printf(ngettext("%u person online", "%u people online", e->online), e->online);
    g_autofree char *ready = g_strdup_printf(ngettext("%u waiting", "%u waiting", e->ready), e->ready);
    g_autofree char *text = g_strdup_printf("%s · %s", online, ready);
    gtk_label_set_label(self->online, e->online > 0 ? text : "");
}

static void show_waiting(MtgWaitPage *self) {
    gtk_label_set_label(self->title, _("Looking for somebody …"));
    gtk_label_set_label(self->online, "");
    gtk_label_set_text_with_mnemonic(self->cancel_label, _("_Cancel"));
    show_elapsed(self, 0);
}

static void show_connecting(MtgWaitPage *self) {
    const char *partner = mtg_session_partner(self->session);
    g_autofree char *text = g_strdup_printf(_("Your partner is %s"), partner != NULL ? partner : "…");
    gtk_label_set_label(self->title, text);
    gtk_label_set_label(self->online, _("Connecting, and agreeing on the encryption …"));
    gtk_label_set_text_with_mnemonic(self->cancel_label, _("_Give Up"));
}

static void on_state(MtgWaitPage *self) {
    myturn_state state = mtg_session_state(self->session);
    gboolean connecting = state == MYTURN_CONNECTING;
    if (state == MYTURN_WAITING)
        show_waiting(self);
    else if (connecting)
        show_connecting(self);
    else if (state == MYTURN_IDLE || state == MYTURN_LOGGED_OUT)
        mtg_wait_page_set_last(self, NULL);
    gtk_widget_set_visible(GTK_WIDGET(self->elapsed), !connecting);
    gtk_spinner_set_spinning(self->spinner, connecting || state == MYTURN_WAITING);
}

void mtg_wait_page_set_up(MtgWaitPage *self, MtgSession *session) {
    self->session = g_object_ref(session);
    g_signal_connect_object(session, "notify::state", G_CALLBACK(on_state), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::drawn", G_CALLBACK(on_state), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::waiting", G_CALLBACK(on_waiting), self, G_CONNECT_SWAPPED);
}

static void dispose(GObject *object) {
    MtgWaitPage *self = MTG_WAIT_PAGE(object);
    g_clear_pointer(&self->scroller, gtk_widget_unparent);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(mtg_wait_page_parent_class)->dispose(object);
}

static void mtg_wait_page_class_init(MtgWaitPageClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/wait-page.ui");
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, scroller);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, spinner);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, title);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, elapsed);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, online);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, cancel);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, cancel_label);
    gtk_widget_class_add_binding_action(widget, GDK_KEY_Escape, 0, "win.cancel", NULL);
    gtk_widget_class_bind_template_child(widget, MtgWaitPage, last);
}

static void mtg_wait_page_init(MtgWaitPage *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
