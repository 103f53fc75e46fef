#include "device-row.h"

#include <glib/gi18n.h>
#include <string.h>

#include "devices.h"

struct _MtgDeviceRow {
    AdwComboRow parent_instance;
    gboolean microphone;
    MtgPrefs *prefs;
    GPtrArray *specs; /* of the rows of the list */
    GCancellable *listing;
    gboolean filling;
};

G_DEFINE_FINAL_TYPE(MtgDeviceRow, mtg_device_row, ADW_TYPE_COMBO_ROW)

enum { PROP_MICROPHONE = 1, N_PROPS };
static GParamSpec *specs[N_PROPS];

static const char *pref_name(MtgDeviceRow *self) {
    return self->microphone ? "microphone" : "speaker";
}

static guint find(MtgDeviceRow *self, const char *spec) {
    for (guint i = 0; i < self->specs->len; i++) {
        if (strcmp(self->specs->pdata[i], spec) == 0)
            return i;
    }
    return GTK_INVALID_LIST_POSITION;
}

static void add(MtgDeviceRow *self, GtkStringList *list, const char *spec, const char *label) {
    g_ptr_array_add(self->specs, g_strdup(spec));
    gtk_string_list_append(list, label);
}

/* A device that is chosen and not there is kept, and shown as missing. */
static void add_chosen(MtgDeviceRow *self, GtkStringList *list, const char *chosen) {
    if (find(self, chosen) != GTK_INVALID_LIST_POSITION)
        return;
    const char *name = g_str_has_prefix(chosen, "device:") ? chosen + strlen("device:") : chosen;
    g_autofree char *label =
        g_str_has_prefix(chosen, "device:") ? g_strdup_printf(_("%s (not connected)"), name) : g_strdup(name);
    add(self, list, chosen, label);
}

static void fill(MtgDeviceRow *self, GPtrArray *devices) {
    g_autoptr(GtkStringList) list = gtk_string_list_new(NULL);
    const char *chosen = mtg_prefs_string(self->prefs, pref_name(self));
    self->filling = TRUE;
    g_ptr_array_set_size(self->specs, 0);
    add(self, list, "default", _("System default"));
    for (guint i = 0; devices != NULL && i < devices->len; i++) {
        const mtg_device *d = devices->pdata[i];
        if (d->mic == self->microphone)
            add(self, list, d->spec, d->label);
    }
    add(self, list, "none", self->microphone ? _("No microphone") : _("No sound"));
    add_chosen(self, list, chosen);
    adw_combo_row_set_model(ADW_COMBO_ROW(self), G_LIST_MODEL(list));
    adw_combo_row_set_selected(ADW_COMBO_ROW(self), find(self, chosen));
    self->filling = FALSE;
}

static void on_listed(GObject *source, GAsyncResult *result, gpointer arg) {
    g_autoptr(GPtrArray) devices = mtg_devices_list_finish(result);
    if (devices != NULL) /* else cancelled: the row may be gone */
        fill(arg, devices);
}

static void on_map(MtgDeviceRow *self) {
    if (self->prefs == NULL)
        return;
    g_cancellable_cancel(self->listing);
    g_clear_object(&self->listing);
    self->listing = g_cancellable_new();
    mtg_devices_list_async(self->listing, on_listed, self);
}

static void on_selected(MtgDeviceRow *self) {
    guint at = adw_combo_row_get_selected(ADW_COMBO_ROW(self));
    if (!self->filling && at < self->specs->len)
        mtg_prefs_set_string(self->prefs, pref_name(self), self->specs->pdata[at]);
}

/* Chosen in another row of the same kind. */
static void on_chosen(MtgDeviceRow *self) {
    guint at = find(self, mtg_prefs_string(self->prefs, pref_name(self)));
    if (at != GTK_INVALID_LIST_POSITION && at != adw_combo_row_get_selected(ADW_COMBO_ROW(self)))
        adw_combo_row_set_selected(ADW_COMBO_ROW(self), at);
}

void mtg_device_row_set_up(MtgDeviceRow *self, MtgPrefs *prefs) {
    self->prefs = g_object_ref(prefs);
    g_autofree char *signal = g_strconcat("notify::", pref_name(self), NULL);
    g_signal_connect_object(prefs, signal, G_CALLBACK(on_chosen), self, G_CONNECT_SWAPPED);
    fill(self, NULL);
    g_signal_connect_swapped(self, "notify::selected", G_CALLBACK(on_selected), self);
    if (gtk_widget_get_mapped(GTK_WIDGET(self)))
        on_map(self);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    g_value_set_boolean(value, MTG_DEVICE_ROW(object)->microphone);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    MTG_DEVICE_ROW(object)->microphone = g_value_get_boolean(value);
}

static void dispose(GObject *object) {
    MtgDeviceRow *self = MTG_DEVICE_ROW(object);
    g_cancellable_cancel(self->listing);
    g_clear_object(&self->listing);
    g_clear_object(&self->prefs);
    G_OBJECT_CLASS(mtg_device_row_parent_class)->dispose(object);
}

static void finalize(GObject *object) {
    g_ptr_array_unref(MTG_DEVICE_ROW(object)->specs);
    G_OBJECT_CLASS(mtg_device_row_parent_class)->finalize(object);
}

static void mtg_device_row_class_init(MtgDeviceRowClass *klass) {
    GObjectClass *object = G_OBJECT_CLASS(klass);
    object->get_property = get_property;
    object->set_property = set_property;
    object->dispose = dispose;
    object->finalize = finalize;
    specs[PROP_MICROPHONE] = g_param_spec_boolean("microphone", NULL, NULL, FALSE,
                                                  G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(object, N_PROPS, specs);
}

static void mtg_device_row_init(MtgDeviceRow *self) {
    self->specs = g_ptr_array_new_with_free_func(g_free);
    g_signal_connect_swapped(self, "map", G_CALLBACK(on_map), self);
}
