#include "voice-bar.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"
#include "level-meter.h"
#include "talk-key.h"

struct _MtgVoiceBar {
    GtkWidget parent_instance;
    MtgSession *session;
    MtgPrefs *prefs;

    GtkWidget *box, *mic, *partner_mic;
    GtkImage *mic_image;
    GtkLabel *mic_label, *partner_label;
    MtgLevelMeter *own_level, *partner_level;
};

G_DEFINE_FINAL_TYPE(MtgVoiceBar, mtg_voice_bar, GTK_TYPE_WIDGET)

static void on_own_mic(MtgVoiceBar *self) {
    gboolean on = mtg_session_mic(self->session);
    const char *state = on ? _("Microphone on") : _("Microphone off");
    const char *key = mtg_talk_key_label(mtg_prefs_string(self->prefs, "talk-key"));
    const char *switching = on ? _("Switch the microphone off (Ctrl+M)") : _("Switch the microphone on (Ctrl+M)");
    g_autofree char *tip =
        key != NULL ? g_strdup_printf(_("%s, or hold %s while you speak"), switching, key) : g_strdup(switching);
    gtk_image_set_from_icon_name(self->mic_image,
                                 on ? "audio-input-microphone-symbolic" : "microphone-disabled-symbolic");
    gtk_label_set_label(self->mic_label, state);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->mic), GTK_ACCESSIBLE_PROPERTY_LABEL, state, -1);
    gtk_widget_set_tooltip_text(self->mic, tip);
}

static void show_partner_mic(MtgVoiceBar *self, gboolean on) {
    const char *partner = mtg_session_partner(self->session);
    g_autofree char *text = g_strdup_printf(on ? _("The microphone of %s is on") : _("The microphone of %s is off"),
                                            partner != NULL ? partner : "");
    gtk_image_set_from_icon_name(GTK_IMAGE(self->partner_mic),
                                 on ? "audio-input-microphone-symbolic" : "microphone-disabled-symbolic");
    gtk_widget_set_tooltip_text(self->partner_mic, text);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->partner_mic), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
    if (on)
        gtk_widget_remove_css_class(self->partner_mic, "dim-label");
    else
        gtk_widget_add_css_class(self->partner_mic, "dim-label");
}

static void on_mic(MtgVoiceBar *self, const myturn_event *e) {
    if (!e->own)
        show_partner_mic(self, e->on);
}

/* A phone does not tell whether its microphone is on. */
static void on_secure(MtgVoiceBar *self, const myturn_event *e) {
    gtk_widget_set_visible(self->partner_mic, e->encrypted);
}

static void on_level(MtgVoiceBar *self, const myturn_event *e) {
    if (mtg_session_in_talk(self->session))
        mtg_level_meter_set(e->own ? self->own_level : self->partner_level, e->level_db);
}

static void on_drawn(MtgVoiceBar *self) {
    const char *partner = mtg_session_partner(self->session);
    g_autofree char *label = g_strdup_printf(_("Level of %s"), partner != NULL ? partner : "");
    gtk_label_set_label(self->partner_label, partner);
    mtg_level_meter_set_label(self->partner_level, label);
    show_partner_mic(self, FALSE);
}

void mtg_voice_bar_set_up(MtgVoiceBar *self, MtgSession *session, MtgPrefs *prefs) {
    self->session = g_object_ref(session);
    self->prefs = g_object_ref(prefs);
    mtg_level_meter_set_label(self->own_level, _("Level of your microphone"));
    g_signal_connect_object(session, "notify::mic", G_CALLBACK(on_own_mic), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(prefs, "notify::talk-key", G_CALLBACK(on_own_mic), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::mic", G_CALLBACK(on_mic), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::secure", G_CALLBACK(on_secure), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::level", G_CALLBACK(on_level), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::drawn", G_CALLBACK(on_drawn), self, G_CONNECT_SWAPPED);
    on_own_mic(self);
    on_drawn(self);
}

static void dispose(GObject *object) {
    MtgVoiceBar *self = MTG_VOICE_BAR(object);
    g_clear_object(&self->session);
    g_clear_object(&self->prefs);
    g_clear_pointer(&self->box, gtk_widget_unparent);
    G_OBJECT_CLASS(mtg_voice_bar_parent_class)->dispose(object);
}

static void mtg_voice_bar_class_init(MtgVoiceBarClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    g_type_ensure(MTG_TYPE_LEVEL_METER);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/voice-bar.ui");
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, box);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, mic);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, mic_image);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, mic_label);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, partner_mic);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, partner_label);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, own_level);
    gtk_widget_class_bind_template_child(widget, MtgVoiceBar, partner_level);
}

static void mtg_voice_bar_init(MtgVoiceBar *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
