#include "preferences-window.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app-id.h"
#include "device-row.h"

struct _MtgPreferencesWindow {
    AdwPreferencesWindow parent_instance;
    MtgDeviceRow *microphone, *speaker;
    GtkSwitch *processing, *relay_only, *notifications, *sounds;
    AdwComboRow *talk_key, *encryption, *language;
};

G_DEFINE_FINAL_TYPE(MtgPreferencesWindow, mtg_preferences_window, ADW_TYPE_PREFERENCES_WINDOW)

typedef struct choice {
    const char *value, *text;
} choice;

static choice talk_keys[] = {
    {"f8", "F8"}, {"insert", N_("Insert")}, {"right-ctrl", N_("Right Ctrl")}, {"none", N_("None")}, {NULL, NULL}};
static choice encryptions[] = {
    {"gcm", N_("AES-GCM: everybody")}, {"cbc", N_("AES-CBC: no browsers")}, {"either", N_("Either")}, {NULL, NULL}};
static choice languages[] = {{"", N_("The system's")}, {"en", "English"}, {"pl", "Polski"}, {NULL, NULL}};

/* A preference of some words as a list of texts: the position in the one is that in the other. */
static gboolean to_position(GBinding *binding, const GValue *from, GValue *to, gpointer arg) {
    const choice *choices = arg;
    guint at = 0;
    for (guint i = 0; choices[i].value != NULL; i++) {
        if (g_strcmp0(choices[i].value, g_value_get_string(from)) == 0)
            at = i;
    }
    g_value_set_uint(to, at);
    return TRUE;
}

static gboolean to_value(GBinding *binding, const GValue *from, GValue *to, gpointer arg) {
    const choice *choices = arg;
    guint at = g_value_get_uint(from), count = 0;
    while (choices[count].value != NULL)
        count++;
    if (at >= count)
        return FALSE;
    g_value_set_string(to, choices[at].value);
    return TRUE;
}

static void bind_choice(AdwComboRow *row, MtgPrefs *prefs, const char *name, choice *choices) {
    g_autoptr(GtkStringList) list = gtk_string_list_new(NULL);
    for (const choice *c = choices; c->value != NULL; c++)
        gtk_string_list_append(list, _(c->text));
    adw_combo_row_set_model(row, G_LIST_MODEL(list));
    g_object_bind_property_full(prefs, name, row, "selected", G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE,
                                to_position, to_value, choices, NULL);
}

static void bind_switch(GtkSwitch *widget, MtgPrefs *prefs, const char *name) {
    g_object_bind_property(prefs, name, widget, "active", G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
}

void mtg_preferences_window_show(GtkWindow *over, MtgPrefs *prefs) {
    MtgPreferencesWindow *self = g_object_new(MTG_TYPE_PREFERENCES_WINDOW, "transient-for", over, NULL);
    mtg_device_row_set_up(self->microphone, prefs);
    mtg_device_row_set_up(self->speaker, prefs);
    bind_switch(self->processing, prefs, "processing");
    bind_switch(self->relay_only, prefs, "relay-only");
    bind_switch(self->notifications, prefs, "notifications");
    bind_switch(self->sounds, prefs, "sounds");
    bind_choice(self->talk_key, prefs, "talk-key", talk_keys);
    bind_choice(self->encryption, prefs, "encryption", encryptions);
    bind_choice(self->language, prefs, "language", languages);
    gtk_window_present(GTK_WINDOW(self));
}

static void mtg_preferences_window_class_init(MtgPreferencesWindowClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    g_type_ensure(MTG_TYPE_DEVICE_ROW);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/preferences-window.ui");
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, microphone);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, speaker);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, processing);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, relay_only);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, notifications);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, sounds);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, talk_key);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, encryption);
    gtk_widget_class_bind_template_child(widget, MtgPreferencesWindow, language);
}

static void mtg_preferences_window_init(MtgPreferencesWindow *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
