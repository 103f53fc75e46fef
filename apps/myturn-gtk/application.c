#include "application.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <unistd.h>

#include "app-id.h"
#include "myturn/myturn.h"
#include "preferences-window.h"
#include "server-url.h"
#include "sounds.h"
#include "window.h"

struct _MtgApplication {
    AdwApplication parent_instance;
    MtgPrefs *prefs;
    int log_fd;
    guint signals[3];
};

G_DEFINE_FINAL_TYPE(MtgApplication, mtg_application, ADW_TYPE_APPLICATION)

/* Actions */

static void on_show(GSimpleAction *action, GVariant *parameter, gpointer app) {
    g_application_activate(app);
}

static void on_preferences(GSimpleAction *action, GVariant *parameter, gpointer app) {
    mtg_preferences_window_show(gtk_application_get_active_window(app), MTG_APPLICATION(app)->prefs);
}

static void on_about(GSimpleAction *action, GVariant *parameter, gpointer app) {
    AdwAboutWindow *about = g_object_new(
        ADW_TYPE_ABOUT_WINDOW, "transient-for", gtk_application_get_active_window(app), "modal", TRUE,
        "application-name", "myTurn", "application-icon", MTG_APP_ID, "version", myturn_version(), "license-type",
        GTK_LICENSE_MIT_X11, "developer-name", _("The myTurn developers"), "comments",
        _("Strangers are drawn at random and talk by text and voice, encrypted between the two of them. Nothing is "
          "stored."),
        NULL);
    gtk_window_present(GTK_WINDOW(about));
}

static void close_windows(GApplication *app) {
    g_autoptr(GList) windows = g_list_copy(gtk_application_get_windows(GTK_APPLICATION(app)));
    for (GList *w = windows; w != NULL; w = w->next) {
        if (MTG_IS_WINDOW(w->data))
            gtk_window_close(w->data);
    }
}

static void on_quit(GSimpleAction *action, GVariant *parameter, gpointer app) {
    close_windows(app);
}

static gboolean on_signal(gpointer app) {
    close_windows(app);
    return G_SOURCE_CONTINUE;
}

static const GActionEntry entries[] = {
    {.name = "show", .activate = on_show},
    {.name = "preferences", .activate = on_preferences},
    {.name = "about", .activate = on_about},
    {.name = "quit", .activate = on_quit},
};

static const struct {
    const char *action, *keys[2];
} keys[] = {
    {"app.preferences", {"<Control>comma"}}, {"app.quit", {"<Control>q"}},    {"window.close", {"<Control>w"}},
    {"win.ready", {"<Control>r"}},           {"win.mic", {"<Control>m"}},     {"win.next", {"<Control>n"}},
    {"win.hang-up", {"<Control>e"}},         {"win.details", {"<Control>i"}}, {"win.block", {"<Control>b"}},
    {"win.report", {"<Control><Shift>r"}},
};

/* Command line */

static const GOptionEntry options[] = {
    {"server", 's', 0, G_OPTION_ARG_STRING, NULL, N_("The server, http://HOST:PORT or https://HOST; this time only"),
     N_("URL")},
    {"mic", 0, 0, G_OPTION_ARG_STRING, NULL, N_("The microphone: default, none, device:NAME, file:PATH or tone:HZ"),
     N_("SPEC")},
    {"speaker", 0, 0, G_OPTION_ARG_STRING, NULL, N_("The speaker: default, none, device:NAME or file:PATH"),
     N_("SPEC")},
    {"new", 'n', 0, G_OPTION_ARG_NONE, NULL, N_("Another user beside the one who is there already"), NULL},
    {"log", 0, 0, G_OPTION_ARG_FILENAME, NULL, N_("Append a log, which names nobody, to FILE"), N_("FILE")},
    {"log-level", 0, 0, G_OPTION_ARG_STRING, NULL, N_("error, warn, info or debug"), N_("LEVEL")},
    {"version", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Show the version"), NULL},
    G_OPTION_ENTRY_NULL};

static const char *given(GVariantDict *dict, const char *name, const char *format) {
    const char *value = NULL;
    return g_variant_dict_lookup(dict, name, format, &value) ? value : NULL;
}

static gboolean open_log(MtgApplication *self, GVariantDict *dict) {
    const char *file = given(dict, "log", "^&ay"), *level = given(dict, "log-level", "&s");
    if (file != NULL)
        self->log_fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file != NULL && self->log_fd < 0) {
        g_printerr(_("myturn-gtk: the log %s cannot be written: %s\n"), file, g_strerror(errno));
        return FALSE;
    }
    if (myturn_log(self->log_fd, level != NULL ? level : "info", false) == MYTURN_OK)
        return TRUE;
    g_printerr(_("myturn-gtk: %s is no level; see myturn-gtk --help\n"), level);
    return FALSE;
}

static gboolean take_server(MtgApplication *self, const char *typed) {
    g_autofree char *url = mtg_server_url(typed);
    if (url == NULL) {
        g_printerr(_("myturn-gtk: %s is no server; see myturn-gtk --help\n"), typed);
        return FALSE;
    }
    mtg_prefs_override(self->prefs, "server", url);
    return TRUE;
}

static int handle_options(GApplication *app, GVariantDict *dict) {
    MtgApplication *self = MTG_APPLICATION(app);
    const char *server = given(dict, "server", "&s");
    if (g_variant_dict_contains(dict, "version")) {
        g_print("myturn-gtk %s\n", myturn_version());
        return 0;
    }
    if (!open_log(self, dict) || (server != NULL && !take_server(self, server)))
        return 2;
    if (given(dict, "mic", "&s") != NULL)
        mtg_prefs_override(self->prefs, "microphone", given(dict, "mic", "&s"));
    if (given(dict, "speaker", "&s") != NULL)
        mtg_prefs_override(self->prefs, "speaker", given(dict, "speaker", "&s"));
    if (g_variant_dict_contains(dict, "new"))
        g_application_set_flags(app, g_application_get_flags(app) | G_APPLICATION_NON_UNIQUE);
    return -1;
}

/* Life */

static void startup(GApplication *app) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    MtgApplication *self = MTG_APPLICATION(app);
    G_APPLICATION_CLASS(mtg_application_parent_class)->startup(app);
    /* Tab moves into a message, then along its links. With all of it selected it would pass them by. */
    g_object_set(gtk_settings_get_default(), "gtk-label-select-on-focus", FALSE, NULL);
    gtk_window_set_default_icon_name(MTG_APP_ID);
    gtk_icon_theme_add_resource_path(gtk_icon_theme_get_for_display(gdk_display_get_default()), MTG_RESOURCES "/icons");
    g_action_map_add_action_entries(G_ACTION_MAP(app), entries, G_N_ELEMENTS(entries), app);
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        gtk_application_set_accels_for_action(GTK_APPLICATION(app), keys[i].action, (const char *const *)keys[i].keys);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        self->signals[i] = g_unix_signal_add(numbers[i], on_signal, app);
}

static void activate(GApplication *app) {
    GtkWindow *window = NULL;
    for (GList *w = gtk_application_get_windows(GTK_APPLICATION(app)); w != NULL; w = w->next) {
        if (MTG_IS_WINDOW(w->data))
            window = w->data;
    }
    if (window == NULL)
        window = mtg_window_new(ADW_APPLICATION(app), MTG_APPLICATION(app)->prefs);
    gtk_window_present(window);
}

static void shutdown(GApplication *app) {
    MtgApplication *self = MTG_APPLICATION(app);
    mtg_sounds_stop();
    for (gsize i = 0; i < G_N_ELEMENTS(self->signals); i++)
        g_clear_handle_id(&self->signals[i], g_source_remove);
    G_APPLICATION_CLASS(mtg_application_parent_class)->shutdown(app);
}

static void finalize(GObject *object) {
    MtgApplication *self = MTG_APPLICATION(object);
    g_clear_object(&self->prefs);
    if (self->log_fd >= 0)
        close(self->log_fd);
    G_OBJECT_CLASS(mtg_application_parent_class)->finalize(object);
}

static void mtg_application_class_init(MtgApplicationClass *klass) {
    GApplicationClass *app = G_APPLICATION_CLASS(klass);
    G_OBJECT_CLASS(klass)->finalize = finalize;
    app->startup = startup;
    app->activate = activate;
    app->shutdown = shutdown;
    app->handle_local_options = handle_options;
}

static void mtg_application_init(MtgApplication *self) {
    self->log_fd = -1;
    g_application_add_main_option_entries(G_APPLICATION(self), options);
    g_application_set_option_context_summary(G_APPLICATION(self),
                                             _("Talk with a stranger drawn at random, encrypted end to end."));
}

MtgApplication *mtg_application_new(MtgPrefs *prefs) {
    MtgApplication *self =
        g_object_new(MTG_TYPE_APPLICATION, "application-id", MTG_APP_ID, "resource-base-path", MTG_RESOURCES, NULL);
    self->prefs = g_object_ref(prefs);
    return self;
}
