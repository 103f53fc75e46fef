#include "window.h"

#include <glib/gi18n.h>
#include <string.h>

#include "alerts.h"
#include "app-id.h"
#include "ended.h"
#include "talk-key.h"
#include "window-priv.h"

#define LEAVE_LIMIT_MS 1700 /* and then what is left is done without waiting */

G_DEFINE_FINAL_TYPE(MtgWindow, mtg_window, ADW_TYPE_APPLICATION_WINDOW)

/* Pages */

static const char *page_of(MtgWindow *self) {
    switch (mtg_session_state(self->session)) {
    case MYTURN_LOGGED_OUT:
    case MYTURN_LOGGING_IN:
        return "login";
    case MYTURN_IDLE:
        return self->agreed ? "main" : "rules";
    case MYTURN_WAITING:
    case MYTURN_CONNECTING:
        return "wait";
    case MYTURN_TALKING:
    case MYTURN_RECONNECTING:
        return "convo";
    default: /* ending: as it is */
        return gtk_stack_get_visible_child_name(self->pages);
    }
}

static void focus_page(MtgWindow *self, const char *page) {
    if (strcmp(page, "login") == 0)
        mtg_login_page_focus(self->login_page);
    else if (strcmp(page, "rules") == 0)
        mtg_rules_page_focus(self->rules_page);
    else if (strcmp(page, "main") == 0)
        mtg_main_page_focus(self->main_page);
    else if (strcmp(page, "wait") == 0)
        mtg_wait_page_focus(self->wait_page);
    else
        mtg_convo_page_focus(self->convo_page);
}

static const char *subtitle_of(MtgWindow *self) {
    if (mtg_session_state(self->session) == MYTURN_RECONNECTING)
        return _("Reconnecting …");
    if (self->poor)
        return _("The connection is poor");
    return self->encrypted ? _("Encrypted end to end") : _("Not encrypted");
}

static void show_title(MtgWindow *self) {
    gboolean talk = mtg_session_in_talk(self->session);
    const char *partner = mtg_session_partner(self->session);
    const char *title = talk && partner != NULL ? partner : "myTurn", *subtitle = talk ? subtitle_of(self) : "";
    mtg_title_set(self->title, title, subtitle);
    mtg_title_set(self->title_below, title, subtitle);
    gtk_widget_set_visible(self->hang_up_button, talk);
    gtk_widget_set_visible(self->next_button, talk);
}

static gboolean place_title(GtkWidget *window, GdkFrameClock *clock, gpointer arg) {
    MtgWindow *self = MTG_WINDOW(window);
    self->placing = FALSE;
    gtk_widget_set_visible(GTK_WIDGET(self->title_below), adw_squeezer_get_visible_child(self->title_room) == NULL);
    return G_SOURCE_REMOVE;
}

/* It is told in the midst of a layout, in which nothing may be shown or hidden. */
static void on_title_room(MtgWindow *self) {
    if (!self->placing)
        gtk_widget_add_tick_callback(GTK_WIDGET(self), place_title, NULL, NULL);
    self->placing = TRUE;
}

/* Pages that are not seen are hidden altogether, so that they are not in the accessibility tree either; the one that
 * fades away only when it has. */
static void on_transition(MtgWindow *self) {
    if (gtk_stack_get_transition_running(self->pages))
        return;
    GtkWidget *shown = gtk_stack_get_visible_child(self->pages);
    for (GtkWidget *page = gtk_widget_get_first_child(GTK_WIDGET(self->pages)); page != NULL;
         page = gtk_widget_get_next_sibling(page))
        gtk_widget_set_visible(page, page == shown);
}

static void show_page(MtgWindow *self) {
    const char *page = page_of(self);
    gboolean other = g_strcmp0(page, gtk_stack_get_visible_child_name(self->pages)) != 0;
    mtg_window_update_actions(self);
    show_title(self);
    if (!other)
        return;
    gtk_widget_set_visible(gtk_stack_get_child_by_name(self->pages, page), TRUE);
    gtk_stack_set_visible_child_name(self->pages, page);
    on_transition(self);
    focus_page(self, page);
}

static void on_agreed(MtgWindow *self) {
    self->agreed = TRUE;
    show_page(self);
}

/* Events */

static void say(MtgWindow *self, const char *format, const char *name) {
    g_auto(GStrv) parts = g_strsplit(format, "%s", 2);
    g_autofree char *text = g_strjoin(name != NULL ? name : "", parts[0], parts[1], NULL);
    mtg_announcer_say(self->announcer, text);
}

static void on_secure(MtgWindow *self, const myturn_event *e) {
    self->encrypted = e->encrypted;
    self->poor = FALSE;
    mtg_notice_settle(self->notice, NULL);
    show_title(self);
    say(self,
        e->encrypted ? _("You are talking with %s, encrypted end to end.")
                     : _("You are talking with %s. This talk is not encrypted."),
        mtg_session_partner(self->session));
}

/* What was about the talk is over with it. No window is kept hidden for later: GTK before 4.10 trips over hidden ones
 * when a screen reader asks for one that has just been closed. */
static void close_dialogs(MtgWindow *self) {
    if (self->question != NULL)
        gtk_window_destroy(self->question);
    if (self->details != NULL)
        gtk_window_destroy(self->details);
}

static void on_ended(MtgWindow *self, const myturn_event *e) {
    g_autofree char *text = mtg_ended_text(e->reason, mtg_session_partner(self->session));
    self->can_block = g_strcmp0(e->reason, "blocked") != 0 && g_strcmp0(e->reason, "reported") != 0;
    mtg_main_page_set_ended(self->main_page, text, self->can_block);
    mtg_wait_page_set_last(self->wait_page, text);
    mtg_announcer_say(self->announcer, text);
    close_dialogs(self);
}

static void on_conduct(MtgWindow *self, const myturn_event *e) {
    const char *contact = mtg_session_contact(self->session);
    g_autofree char *text =
        e->kind == MYTURN_EV_BLOCKED
            ? g_strdup_printf(_("%s is blocked: you will not be drawn together again."), e->name)
            : g_strdup_printf(_("The report about %s has reached the operator. Thank you."), e->name);
    g_autofree char *more = e->kind == MYTURN_EV_REPORTED && contact != NULL
                                ? g_strdup_printf(_("%s You can write to %s."), text, contact)
                                : g_strdup(text);
    self->can_block = FALSE;
    if (mtg_session_state(self->session) == MYTURN_IDLE)
        mtg_main_page_set_ended(self->main_page, more, FALSE);
    mtg_window_update_actions(self);
    mtg_announcer_say(self->announcer, more);
}

/* What to do, where the library's text only says what happened. */
static const char *advice(const char *code, gboolean logged_in) {
    if (strcmp(code, "server_unreachable") == 0)
        return logged_in ? _("Check your network. You need not do anything else; a talk goes on without the server.")
                         : _("Check the server's address and your network, then log in again.");
    if (strcmp(code, "mic_failed") == 0)
        return _("Plug one in or choose another in the preferences, allow its use in the system's settings, and switch "
                 "it on "
                 "again. You can go on in writing.");
    if (strcmp(code, "speaker_failed") == 0)
        return _("Choose another in the preferences. You can go on in writing.");
    return NULL;
}

static void on_error(MtgWindow *self, const myturn_event *e) {
    myturn_state state = mtg_session_state(self->session);
    gboolean logged_in = state != MYTURN_LOGGED_OUT && state != MYTURN_LOGGING_IN;
    const char *more = advice(e->code, logged_in);
    gboolean ends = g_str_has_suffix(e->text, ".");
    g_autofree char *text = more != NULL ? g_strconcat(e->text, ends ? " " : ". ", more, NULL) : g_strdup(e->text);
    if (logged_in)
        mtg_notice_show(self->notice, e->code, text);
    else
        mtg_login_page_set_trouble(self->login_page, text);
    mtg_announcer_say(self->announcer, text);
}

static void on_mic(MtgWindow *self, const myturn_event *e) {
    if (e->own)
        say(self, e->on ? _("Your microphone is on.") : _("Your microphone is off."), NULL);
    else
        say(self, e->on ? _("%s has switched the microphone on.") : _("%s has switched the microphone off."),
            mtg_session_partner(self->session));
    if (e->own && e->on)
        mtg_notice_settle(self->notice, "mic_failed");
}

static void on_text(MtgWindow *self, const myturn_event *e) {
    g_autofree char *text = g_strdup_printf("%s: %s", e->name, e->text);
    mtg_announcer_say(self->announcer, text);
}

static void on_event(MtgWindow *self, const myturn_event *e) {
    if (self->leaving)
        return;
    switch (e->kind) {
    case MYTURN_EV_LOGGED_IN:
        mtg_notice_settle(self->notice, NULL);
        break;
    case MYTURN_EV_DRAWN:
        mtg_notice_settle(self->notice, NULL);
        say(self, _("Your partner is %s. Connecting."), e->name);
        break;
    case MYTURN_EV_SECURE:
        on_secure(self, e);
        break;
    case MYTURN_EV_TEXT:
        on_text(self, e);
        break;
    case MYTURN_EV_MIC:
        on_mic(self, e);
        break;
    case MYTURN_EV_QUALITY:
        self->poor = e->on;
        show_title(self);
        break;
    case MYTURN_EV_RECONNECTING:
        say(self, e->on ? _("Nothing is heard of %s; reconnecting.") : _("%s is heard again."),
            mtg_session_partner(self->session));
        break;
    case MYTURN_EV_ENDED:
        on_ended(self, e);
        break;
    case MYTURN_EV_BLOCKED:
    case MYTURN_EV_REPORTED:
        on_conduct(self, e);
        break;
    case MYTURN_EV_ERROR:
        on_error(self, e);
        break;
    default:
        break;
    }
}

static gboolean on_left(gpointer arg) {
    MtgWindow *self = arg;
    self->leave_limit = 0;
    gtk_window_destroy(GTK_WINDOW(self));
    return G_SOURCE_REMOVE;
}

static void on_state(MtgWindow *self) {
    myturn_state state = mtg_session_state(self->session);
    if (!self->leaving) {
        show_page(self);
        return;
    }
    if (state == MYTURN_LOGGED_OUT) { /* not from within an event: the session goes with the window */
        g_clear_handle_id(&self->leave_limit, g_source_remove);
        self->leave_limit = g_idle_add(on_left, self);
    }
}

/* Closing */

static gboolean on_close(GtkWindow *window) {
    MtgWindow *self = MTG_WINDOW(window);
    if (self->leaving)
        return TRUE;
    if (mtg_session_state(self->session) == MYTURN_LOGGED_OUT)
        return FALSE;
    self->leaving = TRUE;
    mtg_session_logout(self->session);
    close_dialogs(self);
    gtk_widget_set_visible(GTK_WIDGET(self), FALSE);
    self->leave_limit = g_timeout_add(LEAVE_LIMIT_MS, on_left, self);
    return TRUE;
}

/* Life */

GtkWindow *mtg_window_new(AdwApplication *app, MtgPrefs *prefs) {
    MtgWindow *self = g_object_new(MTG_TYPE_WINDOW, "application", app, NULL);
    self->prefs = g_object_ref(prefs);
    self->session = mtg_session_new(prefs);
    mtg_window_add_actions(self);
    mtg_login_page_set_up(self->login_page, self->session, prefs);
    mtg_main_page_set_up(self->main_page, self->session, prefs);
    mtg_wait_page_set_up(self->wait_page, self->session);
    mtg_convo_page_set_up(self->convo_page, self->session, prefs);
    mtg_talk_key_attach(GTK_WINDOW(self), self->session, prefs);
    mtg_alerts_attach(GTK_WINDOW(self), self->session, prefs);
    g_signal_connect_swapped(self->pages, "notify::transition-running", G_CALLBACK(on_transition), self);
    g_signal_connect_object(self->rules_page, "agreed", G_CALLBACK(on_agreed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->session, "event", G_CALLBACK(on_event), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->session, "notify::state", G_CALLBACK(on_state), self, G_CONNECT_SWAPPED);
    show_page(self);
    on_transition(self);
    mtg_login_page_focus(self->login_page);
    return GTK_WINDOW(self);
}

static void dispose(GObject *object) {
    MtgWindow *self = MTG_WINDOW(object);
    g_clear_handle_id(&self->leave_limit, g_source_remove);
    g_clear_weak_pointer(&self->question);
    g_clear_weak_pointer(&self->details);
    g_clear_object(&self->session);
    g_clear_object(&self->prefs);
    G_OBJECT_CLASS(mtg_window_parent_class)->dispose(object);
}

static void mtg_window_class_init(MtgWindowClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    GTK_WINDOW_CLASS(klass)->close_request = on_close;
    g_type_ensure(MTG_TYPE_LOGIN_PAGE);
    g_type_ensure(MTG_TYPE_RULES_PAGE);
    g_type_ensure(MTG_TYPE_MAIN_PAGE);
    g_type_ensure(MTG_TYPE_WAIT_PAGE);
    g_type_ensure(MTG_TYPE_CONVO_PAGE);
    g_type_ensure(MTG_TYPE_TITLE);
    g_type_ensure(MTG_TYPE_NOTICE);
    g_type_ensure(MTG_TYPE_ANNOUNCER);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/window.ui");
    gtk_widget_class_bind_template_child(widget, MtgWindow, title_room);
    gtk_widget_class_bind_template_child(widget, MtgWindow, title);
    gtk_widget_class_bind_template_child(widget, MtgWindow, title_below);
    gtk_widget_class_bind_template_child(widget, MtgWindow, toasts);
    gtk_widget_class_bind_template_child(widget, MtgWindow, pages);
    gtk_widget_class_bind_template_child(widget, MtgWindow, hang_up_button);
    gtk_widget_class_bind_template_child(widget, MtgWindow, next_button);
    gtk_widget_class_bind_template_child(widget, MtgWindow, login_page);
    gtk_widget_class_bind_template_child(widget, MtgWindow, rules_page);
    gtk_widget_class_bind_template_child(widget, MtgWindow, main_page);
    gtk_widget_class_bind_template_child(widget, MtgWindow, wait_page);
    gtk_widget_class_bind_template_child(widget, MtgWindow, convo_page);
    gtk_widget_class_bind_template_child(widget, MtgWindow, notice);
    gtk_widget_class_bind_template_child(widget, MtgWindow, announcer);
    gtk_widget_class_bind_template_callback(widget, on_title_room);
}

static void mtg_window_init(MtgWindow *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
