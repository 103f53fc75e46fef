#include "report-dialog.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app-id.h"
#include "reason-check.h"

/* In the order of docs/protocol; the words are ours. */
static const struct {
    const char *reason, *text;
} reasons[] = {
    {"harassment", N_("Insulted or harassed me")}, {"sexual", N_("Sexual content I did not ask for")},
    {"minor", N_("Seems to be under 18")},         {"threat", N_("Threatened me or others")},
    {"spam", N_("Advertising, or a machine")},     {"other", N_("Something else")},
};
#define COUNT G_N_ELEMENTS(reasons)

struct _MtgReportDialog {
    AdwMessageDialog parent_instance;
    MtgSession *session;
    GtkListBox *reasons;
    GtkEditable *note;
    GtkCheckButton *checks[COUNT];
};

G_DEFINE_FINAL_TYPE(MtgReportDialog, mtg_report_dialog, ADW_TYPE_MESSAGE_DIALOG)

static const char *chosen(MtgReportDialog *self) {
    for (gsize i = 0; i < COUNT; i++) {
        if (gtk_check_button_get_active(self->checks[i]))
            return reasons[i].reason;
    }
    return NULL;
}

static void on_toggled(MtgReportDialog *self) {
    adw_message_dialog_set_response_enabled(ADW_MESSAGE_DIALOG(self), "report", chosen(self) != NULL);
}

static void on_response(MtgReportDialog *self, const char *answer, gpointer arg) {
    const char *reason = chosen(self), *note = gtk_editable_get_text(self->note);
    if (strcmp(answer, "report") == 0 && reason != NULL)
        (void)!mtg_session_report(self->session, reason, *note != '\0' ? note : NULL);
}

static void add_reason(MtgReportDialog *self, gsize i) {
    GtkWidget *row = adw_action_row_new();
    self->checks[i] = mtg_reason_check_new();
    if (i > 0)
        gtk_check_button_set_group(self->checks[i], self->checks[0]);
    gtk_widget_set_valign(GTK_WIDGET(self->checks[i]), GTK_ALIGN_CENTER);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), _(reasons[i].text));
    adw_action_row_add_prefix(ADW_ACTION_ROW(row), GTK_WIDGET(self->checks[i]));
    adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), GTK_WIDGET(self->checks[i]));
    g_signal_connect_swapped(self->checks[i], "toggled", G_CALLBACK(on_toggled), self);
    gtk_list_box_append(self->reasons, row);
}

void mtg_report_dialog_show(GtkWindow *over, MtgSession *session) {
    const char *partner = mtg_session_partner(session);
    MtgReportDialog *self = g_object_new(MTG_TYPE_REPORT_DIALOG, "transient-for", over, "modal", TRUE, NULL);
    self->session = g_object_ref(session);
    adw_message_dialog_format_body(
        ADW_MESSAGE_DIALOG(self),
        _("The operator of the server is told your reason, not what was said. The talk with %s "
          "ends, and you will not be drawn together again."),
        partner != NULL ? partner : "?");
    gtk_window_present(GTK_WINDOW(self));
}

static void dispose(GObject *object) {
    g_clear_object(&MTG_REPORT_DIALOG(object)->session);
    G_OBJECT_CLASS(mtg_report_dialog_parent_class)->dispose(object);
}

static void mtg_report_dialog_class_init(MtgReportDialogClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/report-dialog.ui");
    gtk_widget_class_bind_template_child(widget, MtgReportDialog, reasons);
    gtk_widget_class_bind_template_child(widget, MtgReportDialog, note);
}

static void mtg_report_dialog_init(MtgReportDialog *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
    for (gsize i = 0; i < COUNT; i++)
        add_reason(self, i);
    on_toggled(self);
    g_signal_connect(self, "response", G_CALLBACK(on_response), NULL);
}
