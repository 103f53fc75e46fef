#include "login-page.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <string.h>

#include "app-id.h"
#include "server-url.h"

struct _MtgLoginPage {
    GtkWidget parent_instance;
    MtgSession *session;
    MtgPrefs *prefs;

    GtkWidget *scroller, *trouble, *spinner, *log_in;
    GtkLabel *trouble_label, *log_in_label;
    GtkEditable *name, *server;
};

G_DEFINE_FINAL_TYPE(MtgLoginPage, mtg_login_page, GTK_TYPE_WIDGET)

void mtg_login_page_set_trouble(MtgLoginPage *self, const char *text) {
    const char *shown = text != NULL ? text : "";
    gtk_label_set_label(self->trouble_label, shown);
    /* An alert is not named by what it says, GTK 4.16 and later hold. */
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->trouble_label), GTK_ACCESSIBLE_PROPERTY_LABEL, shown, -1);
    gtk_widget_set_visible(self->trouble, text != NULL);
    gtk_revealer_set_reveal_child(GTK_REVEALER(self->trouble), text != NULL);
}

void mtg_login_page_focus(MtgLoginPage *self) {
    gtk_widget_grab_focus(GTK_WIDGET(self->name));
}

static void update(MtgLoginPage *self) {
    gboolean busy = self->session != NULL && mtg_session_state(self->session) == MYTURN_LOGGING_IN;
    g_autofree char *name = g_strstrip(g_strdup(gtk_editable_get_text(self->name)));
    g_autofree char *server = mtg_server_url(gtk_editable_get_text(self->server));
    gtk_widget_set_sensitive(self->log_in, !busy && *name != '\0' && server != NULL);
    gtk_editable_set_editable(self->name, !busy);
    gtk_editable_set_editable(self->server, !busy);
    gtk_widget_set_visible(self->spinner, busy);
    gtk_spinner_set_spinning(GTK_SPINNER(self->spinner), busy);
    gtk_label_set_text_with_mnemonic(self->log_in_label, busy ? _("Logging in …") : _("_Log In"));
}

static void on_changed(MtgLoginPage *self) {
    mtg_login_page_set_trouble(self, NULL);
    update(self);
}

static const char *refusal(myturn_err err) {
    if (err == MYTURN_ERR_ARGUMENT)
        return _("This name or server is not possible. A name has letters, digits, “.”, “_” and “-”, at most 32; a "
                 "server looks like https://talk.example.org.");
    return _("The program cannot begin to log in. Start it anew; if that does not help, --log tells more.");
}

static void on_log_in(MtgLoginPage *self) {
    if (!gtk_widget_get_sensitive(self->log_in))
        return;
    g_autofree char *name = g_strstrip(g_strdup(gtk_editable_get_text(self->name)));
    g_autofree char *server = mtg_server_url(gtk_editable_get_text(self->server));
    mtg_login_page_set_trouble(self, NULL);
    mtg_prefs_set_string(self->prefs, "server", server);
    myturn_err err = mtg_session_login(self->session, name);
    if (err != MYTURN_OK && err != MYTURN_ERR_STATE)
        mtg_login_page_set_trouble(self, refusal(err));
}

static void on_server(MtgLoginPage *self) {
    const char *server = mtg_prefs_string(self->prefs, "server");
    if (strcmp(gtk_editable_get_text(self->server), server) != 0)
        gtk_editable_set_text(self->server, server);
}

static void on_state(MtgLoginPage *self) {
    if (mtg_session_state(self->session) == MYTURN_IDLE)
        gtk_editable_set_text(self->name, ""); /* never remembered */
    update(self);
}

void mtg_login_page_set_up(MtgLoginPage *self, MtgSession *session, MtgPrefs *prefs) {
    self->session = g_object_ref(session);
    self->prefs = g_object_ref(prefs);
    g_signal_connect_object(session, "notify::state", G_CALLBACK(on_state), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(prefs, "notify::server", G_CALLBACK(on_server), self, G_CONNECT_SWAPPED);
    on_server(self);
    update(self);
}

static void dispose(GObject *object) {
    MtgLoginPage *self = MTG_LOGIN_PAGE(object);
    g_clear_object(&self->session);
    g_clear_object(&self->prefs);
    g_clear_pointer(&self->scroller, gtk_widget_unparent);
    G_OBJECT_CLASS(mtg_login_page_parent_class)->dispose(object);
}

static void mtg_login_page_class_init(MtgLoginPageClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/login-page.ui");
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, scroller);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, trouble);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, trouble_label);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, spinner);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, log_in);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, log_in_label);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, name);
    gtk_widget_class_bind_template_child(widget, MtgLoginPage, server);
    gtk_widget_class_bind_template_callback(widget, on_changed);
    gtk_widget_class_bind_template_callback(widget, on_log_in);
}

static void mtg_login_page_init(MtgLoginPage *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
