#include "details-window.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app-id.h"

struct _MtgDetailsWindow {
    AdwWindow parent_instance;
    AdwActionRow *encryption, *dtls, *srtp, *codec, *path, *setup, *loss, *jitter, *rtt;
};

G_DEFINE_FINAL_TYPE(MtgDetailsWindow, mtg_details_window, ADW_TYPE_WINDOW)

/* The row's title is small above it: style class "property". Takes the text. */
static void set(AdwActionRow *row, char *text) {
    adw_action_row_set_subtitle(row, text != NULL && *text != '\0' ? text : "–");
    g_free(text);
}

static const char *policy_text(const char *policy) {
    if (g_strcmp0(policy, "cbc") == 0)
        return _("End to end: AES-256-CBC, authenticated");
    if (g_strcmp0(policy, "rtp") == 0)
        return _("None: the partner is on a phone");
    return _("End to end: authenticated (AEAD)");
}

static const char *codec_text(const char *codec) {
    if (g_strcmp0(codec, "opus") == 0)
        return "Opus";
    if (g_strcmp0(codec, "pcm") == 0)
        return _("PCM, 16 bits");
    return codec;
}

static void on_secure(MtgDetailsWindow *self, const myturn_event *e) {
    set(self->encryption, g_strdup(policy_text(e->policy)));
    set(self->dtls, g_strdup(e->dtls));
    set(self->srtp, g_strdup(e->srtp));
    set(self->codec, g_strdup(codec_text(e->codec)));
    set(self->path, g_strdup(e->relayed ? _("Through a relay: your partner does not learn your address")
                                        : _("Direct: your partner's device learns your address")));
    set(self->setup, g_strdup_printf(_("%.0f ms"), (double)e->setup_us / 1000));
    set(self->loss, NULL);
    set(self->jitter, NULL);
    set(self->rtt, NULL);
}

static void on_quality(MtgDetailsWindow *self, const myturn_event *e) {
    set(self->loss, g_strdup_printf(_("%.1f %%"), e->loss_percent));
    set(self->jitter, g_strdup_printf(_("%u ms"), e->jitter_ms));
    set(self->rtt, e->rtt_ms > 0 ? g_strdup_printf(_("%u ms"), e->rtt_ms) : NULL);
}

GtkWindow *mtg_details_window_show(GtkWindow *over, MtgSession *session) {
    MtgDetailsWindow *self = g_object_new(MTG_TYPE_DETAILS_WINDOW, "transient-for", over, NULL);
    if (mtg_session_secure(session) != NULL)
        on_secure(self, mtg_session_secure(session));
    if (mtg_session_quality(session) != NULL)
        on_quality(self, mtg_session_quality(session));
    g_signal_connect_object(session, "event::quality", G_CALLBACK(on_quality), self, G_CONNECT_SWAPPED);
    gtk_window_present(GTK_WINDOW(self));
    return GTK_WINDOW(self);
}

static void mtg_details_window_class_init(MtgDetailsWindowClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/details-window.ui");
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, encryption);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, dtls);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, srtp);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, codec);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, path);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, setup);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, loss);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, jitter);
    gtk_widget_class_bind_template_child(widget, MtgDetailsWindow, rtt);
}

static void mtg_details_window_init(MtgDetailsWindow *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
