#include "alerts.h"

#include <glib/gi18n.h>

#include "sounds.h"

#define NOTIFICATION "drawn"

typedef struct alerts {
    GtkWindow *window; /* weak */
    MtgPrefs *prefs;
    gboolean notified, talked;
} alerts;

static void alerts_free(gpointer data, GClosure *closure) {
    alerts *a = data;
    g_clear_weak_pointer(&a->window);
    g_object_unref(a->prefs);
    g_free(a);
}

static void play(alerts *a, mtg_sound sound) {
    if (mtg_prefs_boolean(a->prefs, "sounds"))
        mtg_sounds_play(sound, mtg_prefs_string(a->prefs, "speaker"));
}

static void notify(alerts *a, const char *partner) {
    if (gtk_window_is_active(a->window) || !mtg_prefs_boolean(a->prefs, "notifications"))
        return;
    g_autofree char *body = g_strdup_printf(_("Your partner is %s."), partner);
    g_autoptr(GNotification) notification = g_notification_new(_("You have been drawn"));
    g_notification_set_body(notification, body);
    g_notification_set_priority(notification, G_NOTIFICATION_PRIORITY_HIGH);
    g_notification_set_default_action(notification, "app.show");
    g_application_send_notification(g_application_get_default(), NOTIFICATION, notification);
    a->notified = TRUE;
}

static void withdraw(alerts *a) {
    if (a->notified)
        g_application_withdraw_notification(g_application_get_default(), NOTIFICATION);
    a->notified = FALSE;
}

static void on_event(MtgSession *session, const myturn_event *e, alerts *a) {
    if (a->window == NULL)
        return;
    if (e->kind == MYTURN_EV_DRAWN) {
        a->talked = FALSE;
        notify(a, e->name);
        play(a, MTG_SOUND_DRAWN);
    } else if (e->kind == MYTURN_EV_SECURE) {
        a->talked = TRUE;
    } else if (e->kind == MYTURN_EV_ENDED) {
        withdraw(a);
        if (a->talked)
            play(a, MTG_SOUND_ENDED);
    }
}

static void on_active(GtkWindow *window, GParamSpec *spec, alerts *a) {
    if (gtk_window_is_active(window))
        withdraw(a);
}

void mtg_alerts_attach(GtkWindow *window, MtgSession *session, MtgPrefs *prefs) {
    alerts *a = g_new0(alerts, 1);
    g_set_weak_pointer(&a->window, window);
    a->prefs = g_object_ref(prefs);
    g_signal_connect(window, "notify::is-active", G_CALLBACK(on_active), a);
    g_signal_connect_data(session, "event", G_CALLBACK(on_event), a, alerts_free, 0);
}
