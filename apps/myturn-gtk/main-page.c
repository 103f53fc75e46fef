#include "main-page.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"
#include "device-row.h"
#include "level-meter.h"

struct _MtgMainPage {
    GtkWidget parent_instance;
    MtgSession *session;

    GtkWidget *scroller, *ended, *ended_buttons, *ready;
    GtkLabel *ended_label, *greeting;
    MtgDeviceRow *microphone, *speaker;
    MtgLevelMeter *level;
    GtkSwitch *test, *hear, *phones;
    gboolean told; /* the test's switch is being set by an event */
};

G_DEFINE_FINAL_TYPE(MtgMainPage, mtg_main_page, GTK_TYPE_WIDGET)

void mtg_main_page_set_ended(MtgMainPage *self, const char *text, gboolean partner) {
    gtk_label_set_label(self->ended_label, text != NULL ? text : "");
    gtk_widget_set_visible(self->ended, text != NULL);
    gtk_widget_set_visible(self->ended_buttons, partner);
}

gboolean mtg_main_page_phones(MtgMainPage *self) {
    return gtk_switch_get_active(self->phones);
}

void mtg_main_page_focus(MtgMainPage *self) {
    gtk_widget_grab_focus(self->ready);
}

/* The test */

static gboolean is_testing(MtgMainPage *self) {
    return gtk_switch_get_active(self->test);
}

static void show_test(MtgMainPage *self, gboolean on) {
    self->told = TRUE;
    gtk_switch_set_active(self->test, on);
    self->told = FALSE;
}

static void on_test(MtgMainPage *self) {
    if (self->told || self->session == NULL)
        return;
    gboolean on = is_testing(self);
    myturn_err err = mtg_session_test(self->session, on, gtk_switch_get_active(self->hear));
    show_test(self, on && err == MYTURN_OK);
}

static void on_hear(MtgMainPage *self) {
    if (is_testing(self))
        (void)!mtg_session_test(self->session, TRUE, gtk_switch_get_active(self->hear));
}

/* A test left running behind another page would go on listening. */
static void on_unmap(MtgMainPage *self) {
    if (!is_testing(self))
        return;
    show_test(self, FALSE);
    (void)!mtg_session_test(self->session, FALSE, FALSE);
}

static void on_level(MtgMainPage *self, const myturn_event *e) {
    if (e->own && is_testing(self))
        mtg_level_meter_set(self->level, e->level_db);
}

/* Off and on again when the test begins anew, to be heard or not. */
static void on_test_event(MtgMainPage *self, const myturn_event *e) {
    show_test(self, e->on);
}

/* Session */

static void on_name(MtgMainPage *self) {
    const char *name = mtg_session_name(self->session);
    g_autofree char *text = g_strdup_printf(_("Hello, %s"), name != NULL ? name : "");
    gtk_label_set_label(self->greeting, text);
}

static void on_state(MtgMainPage *self) {
    myturn_state state = mtg_session_state(self->session);
    if (state == MYTURN_WAITING || state == MYTURN_LOGGED_OUT)
        mtg_main_page_set_ended(self, NULL, FALSE);
    if (state == MYTURN_IDLE)
        gtk_switch_set_active(self->phones, FALSE); /* agreed to for one talk */
}

void mtg_main_page_set_up(MtgMainPage *self, MtgSession *session, MtgPrefs *prefs) {
    self->session = g_object_ref(session);
    mtg_device_row_set_up(self->microphone, prefs);
    mtg_device_row_set_up(self->speaker, prefs);
    mtg_level_meter_set_label(self->level, _("Level of your microphone"));
    g_signal_connect_object(session, "notify::name", G_CALLBACK(on_name), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "notify::state", G_CALLBACK(on_state), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::level", G_CALLBACK(on_level), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::test", G_CALLBACK(on_test_event), self, G_CONNECT_SWAPPED);
    on_name(self);
}

static void dispose(GObject *object) {
    MtgMainPage *self = MTG_MAIN_PAGE(object);
    g_clear_pointer(&self->scroller, gtk_widget_unparent);
    g_clear_object(&self->session);
    G_OBJECT_CLASS(mtg_main_page_parent_class)->dispose(object);
}

static void mtg_main_page_class_init(MtgMainPageClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    g_type_ensure(MTG_TYPE_DEVICE_ROW);
    g_type_ensure(MTG_TYPE_LEVEL_METER);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/main-page.ui");
    gtk_widget_class_bind_template_child(widget, MtgMainPage, scroller);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, ended);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, ended_label);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, ended_buttons);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, ready);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, greeting);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, microphone);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, speaker);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, test);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, level);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, hear);
    gtk_widget_class_bind_template_child(widget, MtgMainPage, phones);
}

static void mtg_main_page_init(MtgMainPage *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
    g_signal_connect_swapped(self->test, "notify::active", G_CALLBACK(on_test), self);
    g_signal_connect_swapped(self->hear, "notify::active", G_CALLBACK(on_hear), self);
    g_signal_connect_swapped(self, "unmap", G_CALLBACK(on_unmap), self);
}
