#include "prefs.h"

#include <gio/gio.h>

#include "app-id.h"

typedef struct pref {
    const char *name;
    gboolean is_string;
    const char *string;
    gboolean boolean;
} pref;

/* The same defaults as in the schema. */
static const pref table[] = {
    {"server", TRUE, "http://127.0.0.1:8080", FALSE},
    {"microphone", TRUE, "default", FALSE},
    {"speaker", TRUE, "default", FALSE},
    {"processing", FALSE, NULL, TRUE},
    {"encryption", TRUE, "gcm", FALSE},
    {"relay-only", FALSE, NULL, FALSE},
    {"language", TRUE, "", FALSE},
    {"sounds", FALSE, NULL, TRUE},
    {"notifications", FALSE, NULL, TRUE},
    {"talk-key", TRUE, "f8", FALSE},
};
#define COUNT G_N_ELEMENTS(table)

struct _MtgPrefs {
    GObject parent_instance;
    GSettings *settings; /* NULL: in memory */
    char *strings[COUNT];
    gboolean booleans[COUNT];
};

G_DEFINE_FINAL_TYPE(MtgPrefs, mtg_prefs, G_TYPE_OBJECT)

static GParamSpec *specs[COUNT + 1]; /* property ids begin at 1 */

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    MtgPrefs *self = MTG_PREFS(object);
    if (table[id - 1].is_string)
        g_value_set_string(value, self->strings[id - 1]);
    else
        g_value_set_boolean(value, self->booleans[id - 1]);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    MtgPrefs *self = MTG_PREFS(object);
    if (table[id - 1].is_string) {
        const char *text = g_value_get_string(value);
        if (g_strcmp0(text, self->strings[id - 1]) == 0)
            return;
        g_free(self->strings[id - 1]);
        self->strings[id - 1] = g_strdup(text != NULL ? text : "");
    } else {
        if (g_value_get_boolean(value) == self->booleans[id - 1])
            return;
        self->booleans[id - 1] = g_value_get_boolean(value);
    }
    g_object_notify_by_pspec(object, spec);
}

static void finalize(GObject *object) {
    MtgPrefs *self = MTG_PREFS(object);
    g_clear_object(&self->settings);
    for (guint i = 0; i < COUNT; i++)
        g_free(self->strings[i]);
    G_OBJECT_CLASS(mtg_prefs_parent_class)->finalize(object);
}

static void mtg_prefs_class_init(MtgPrefsClass *klass) {
    GObjectClass *object = G_OBJECT_CLASS(klass);
    object->get_property = get_property;
    object->set_property = set_property;
    object->finalize = finalize;
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
    for (guint i = 0; i < COUNT; i++)
        specs[i + 1] = table[i].is_string ? g_param_spec_string(table[i].name, NULL, NULL, table[i].string, flags)
                                          : g_param_spec_boolean(table[i].name, NULL, NULL, table[i].boolean, flags);
    g_object_class_install_properties(object, COUNT + 1, specs);
}

/* GSettings ends the program where a schema or a key of it is missing: both are looked up first. */
static GSettings *open_settings(void) {
    GSettingsSchemaSource *source = g_settings_schema_source_get_default();
    g_autoptr(GSettingsSchema) schema =
        source != NULL ? g_settings_schema_source_lookup(source, MTG_APP_ID, TRUE) : NULL;
    if (schema == NULL)
        return NULL;
    for (guint i = 0; i < COUNT; i++) {
        if (!g_settings_schema_has_key(schema, table[i].name))
            return NULL;
    }
    return g_settings_new_full(schema, NULL, NULL);
}

static void mtg_prefs_init(MtgPrefs *self) {
    for (guint i = 0; i < COUNT; i++) {
        self->strings[i] = g_strdup(table[i].string);
        self->booleans[i] = table[i].boolean;
    }
    self->settings = open_settings();
    for (guint i = 0; i < COUNT && self->settings != NULL; i++)
        g_settings_bind(self->settings, table[i].name, self, table[i].name, G_SETTINGS_BIND_DEFAULT);
}

MtgPrefs *mtg_prefs_new(void) {
    return g_object_new(MTG_TYPE_PREFS, NULL);
}

static guint index_of(const char *name) {
    guint i = 0;
    while (i < COUNT - 1 && g_strcmp0(table[i].name, name) != 0)
        i++;
    return i;
}

const char *mtg_prefs_string(MtgPrefs *self, const char *name) {
    return self->strings[index_of(name)];
}

gboolean mtg_prefs_boolean(MtgPrefs *self, const char *name) {
    return self->booleans[index_of(name)];
}

void mtg_prefs_set_string(MtgPrefs *self, const char *name, const char *value) {
    g_object_set(self, name, value, NULL);
}

void mtg_prefs_override(MtgPrefs *self, const char *name, const char *value) {
    if (self->settings != NULL)
        g_settings_unbind(self, name);
    g_object_set(self, name, value, NULL);
}
