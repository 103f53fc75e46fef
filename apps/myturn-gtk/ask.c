#include "ask.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <string.h>

#include "links.h"

static GtkWindow *window_of(GtkWidget *widget) {
    GtkRoot *root = gtk_widget_get_root(widget);
    return GTK_IS_WINDOW(root) ? GTK_WINDOW(root) : NULL;
}

static void on_answer(AdwMessageDialog *dialog, const char *answer, gpointer arg) {
    GtkWindow *over = gtk_window_get_transient_for(GTK_WINDOW(dialog));
    if (strcmp(answer, "yes") == 0 && over != NULL)
        gtk_widget_activate_action(GTK_WIDGET(over), g_object_get_data(G_OBJECT(dialog), "action"), NULL);
}

GtkWindow *mtg_ask(GtkWidget *over, const mtg_question *q) {
    AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG(adw_message_dialog_new(window_of(over), q->heading, q->body));
    adw_message_dialog_add_responses(dialog, "no", q->no, "yes", q->yes, NULL);
    adw_message_dialog_set_response_appearance(dialog, "yes",
                                               q->destructive ? ADW_RESPONSE_DESTRUCTIVE : ADW_RESPONSE_SUGGESTED);
    adw_message_dialog_set_default_response(dialog, "yes");
    adw_message_dialog_set_close_response(dialog, "no");
    g_object_set_data_full(G_OBJECT(dialog), "action", g_strdup(q->action), g_free);
    g_signal_connect(dialog, "response", G_CALLBACK(on_answer), NULL);
    gtk_window_present(GTK_WINDOW(dialog));
    return GTK_WINDOW(dialog);
}

static void on_open(AdwMessageDialog *dialog, const char *answer, gpointer arg) {
    const char *uri = g_object_get_data(G_OBJECT(dialog), "uri");
    GtkWindow *over = gtk_window_get_transient_for(GTK_WINDOW(dialog));
    if (strcmp(answer, "open") == 0)
        gtk_show_uri(over, uri, GDK_CURRENT_TIME);
    else if (strcmp(answer, "copy") == 0)
        gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(dialog)), uri);
}

/* Letters that look like others are shown as they are looked up, and said to be some. */
static char *body_of(const char *host, const char *uri) {
    g_autofree char *who = g_strdup_printf(_("A stranger sent it. Whoever runs %s will learn your address."), host);
    const char *letters =
        _("Its name has letters other than a to z, which can look like others: it may not be the site you take it "
          "for.");
    gboolean other = g_hostname_is_ascii_encoded(host);
    return g_strconcat(who, other ? " " : "", other ? letters : "", "\n\n", uri, NULL);
}

void mtg_ask_open(GtkWidget *over, const char *uri) {
    AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG(adw_message_dialog_new(window_of(over), _("Open this link?"), NULL));
    g_autofree char *host = mtg_links_host(uri), *body = body_of(host, uri);
    adw_message_dialog_set_body(dialog, body);
    adw_message_dialog_add_responses(dialog, "no", _("_Do Not Open"), "copy", _("_Copy Link"), "open",
                                     _("_Open in Browser"), NULL);
    adw_message_dialog_set_response_appearance(dialog, "open", ADW_RESPONSE_DESTRUCTIVE);
    adw_message_dialog_set_default_response(dialog, "no");
    adw_message_dialog_set_close_response(dialog, "no");
    g_object_set_data_full(G_OBJECT(dialog), "uri", g_strdup(uri), g_free);
    g_signal_connect(dialog, "response", G_CALLBACK(on_open), NULL);
    gtk_window_present(GTK_WINDOW(dialog));
}
