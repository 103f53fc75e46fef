#include "talk-key.h"

#include <glib/gi18n.h>
#include <string.h>

static const struct {
    const char *choice, *label;
    guint key;
} keys[] = {
    {"f8", "F8", GDK_KEY_F8},
    {"insert", N_("Insert"), GDK_KEY_Insert},
    {"right-ctrl", N_("the right Ctrl"), GDK_KEY_Control_R},
};

typedef struct talk_key {
    MtgSession *session;
    MtgPrefs *prefs;
    gboolean held; /* and it was this that switched the microphone on */
} talk_key;

static void talk_key_free(gpointer data, GClosure *closure) {
    talk_key *k = data;
    g_object_unref(k->session);
    g_object_unref(k->prefs);
    g_free(k);
}

const char *mtg_talk_key_label(const char *choice) {
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].choice, choice) == 0)
            return _(keys[i].label);
    }
    return NULL;
}

static gboolean is_key(talk_key *k, guint key) {
    const char *choice = mtg_prefs_string(k->prefs, "talk-key");
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].key == key)
            return strcmp(keys[i].choice, choice) == 0;
    }
    return FALSE;
}

static void let_go(talk_key *k) {
    if (k->held)
        mtg_session_set_mic(k->session, FALSE);
    k->held = FALSE;
}

static gboolean on_pressed(GtkEventControllerKey *controller, guint key, guint code, GdkModifierType state,
                           talk_key *k) {
    if (!is_key(k, key)) {
        if (k->held)
            let_go(k); /* the right Ctrl was part of a shortcut */
        return GDK_EVENT_PROPAGATE;
    }
    if (!k->held && mtg_session_in_talk(k->session) && !mtg_session_mic(k->session)) {
        k->held = TRUE;
        mtg_session_set_mic(k->session, TRUE);
    }
    return key == GDK_KEY_Control_R ? GDK_EVENT_PROPAGATE : GDK_EVENT_STOP;
}

static void on_released(GtkEventControllerKey *controller, guint key, guint code, GdkModifierType state, talk_key *k) {
    if (is_key(k, key))
        let_go(k);
}

/* The release would go to another window. */
static void on_active(GtkWindow *window, GParamSpec *spec, talk_key *k) {
    if (!gtk_window_is_active(window))
        let_go(k);
}

void mtg_talk_key_attach(GtkWindow *window, MtgSession *session, MtgPrefs *prefs) {
    talk_key *k = g_new0(talk_key, 1);
    k->session = g_object_ref(session);
    k->prefs = g_object_ref(prefs);
    GtkEventController *controller = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(controller, GTK_PHASE_CAPTURE);
    g_signal_connect(controller, "key-pressed", G_CALLBACK(on_pressed), k);
    g_signal_connect(controller, "key-released", G_CALLBACK(on_released), k);
    g_signal_connect_data(window, "notify::is-active", G_CALLBACK(on_active), k, talk_key_free, 0);
    gtk_widget_add_controller(GTK_WIDGET(window), controller);
}
