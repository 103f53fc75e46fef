/* What a user can do, as actions of the window: buttons, menus and keys all come here. */
#include <glib/gi18n.h>

#include "ask.h"
#include "report-dialog.h"
#include "window-priv.h"

typedef void act_fn(GSimpleAction *action, GVariant *parameter, gpointer window);

static void ask(MtgWindow *self, const char *heading, const char *yes, const char *action, gboolean destructive) {
    const char *partner = mtg_session_partner(self->session);
    g_autofree char *body = g_strdup_printf(_("You are talking with %s."), partner != NULL ? partner : "?");
    const mtg_question question = {heading, body, yes, _("_Stay"), destructive, action};
    if (self->question == NULL)
        g_set_weak_pointer(&self->question, mtg_ask(GTK_WIDGET(self), &question));
}

static void on_ready(GSimpleAction *action, GVariant *parameter, gpointer window) {
    MtgWindow *self = window;
    mtg_session_ready(self->session, mtg_main_page_phones(self->main_page));
}

static void on_cancel(GSimpleAction *action, GVariant *parameter, gpointer window) {
    mtg_session_cancel(MTG_WINDOW(window)->session);
}

static void on_next(GSimpleAction *action, GVariant *parameter, gpointer window) {
    ask(window, _("Really draw the next partner?"), _("_Next Partner"), "win.next-now", FALSE);
}

static void on_next_now(GSimpleAction *action, GVariant *parameter, gpointer window) {
    mtg_session_next(MTG_WINDOW(window)->session);
}

static void on_hang_up(GSimpleAction *action, GVariant *parameter, gpointer window) {
    ask(window, _("Really hang up?"), _("_Hang Up"), "win.hang-up-now", TRUE);
}

static void on_hang_up_now(GSimpleAction *action, GVariant *parameter, gpointer window) {
    mtg_session_hang_up(MTG_WINDOW(window)->session);
}

static void on_block(GSimpleAction *action, GVariant *parameter, gpointer window) {
    MtgWindow *self = window;
    if (mtg_session_in_talk(self->session))
        ask(self, _("End the talk, and never be drawn together again?"), _("_Block"), "win.block-now", TRUE);
    else
        mtg_session_block(self->session);
}

static void on_block_now(GSimpleAction *action, GVariant *parameter, gpointer window) {
    mtg_session_block(MTG_WINDOW(window)->session);
}

static void on_report(GSimpleAction *action, GVariant *parameter, gpointer window) {
    mtg_report_dialog_show(GTK_WINDOW(window), MTG_WINDOW(window)->session);
}

static void on_details(GSimpleAction *action, GVariant *parameter, gpointer window) {
    MtgWindow *self = window;
    if (self->details == NULL)
        g_set_weak_pointer(&self->details, mtg_details_window_show(GTK_WINDOW(self), self->session));
}

static void on_log_out(GSimpleAction *action, GVariant *parameter, gpointer window) {
    mtg_session_logout(MTG_WINDOW(window)->session);
}

static void on_toast(GSimpleAction *action, GVariant *parameter, gpointer window) {
    MtgWindow *self = window;
    adw_toast_overlay_add_toast(self->toasts, adw_toast_new(g_variant_get_string(parameter, NULL)));
}

/* The microphone: the state shown is what the session tells, not what was asked for. */

static void on_mic_asked(GSimpleAction *action, GVariant *value, gpointer window) {
    mtg_session_set_mic(MTG_WINDOW(window)->session, g_variant_get_boolean(value));
}

static void on_mic(MtgWindow *self) {
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self), "mic");
    g_simple_action_set_state(G_SIMPLE_ACTION(action), g_variant_new_boolean(mtg_session_mic(self->session)));
}

static const GActionEntry entries[] = {
    {.name = "ready", .activate = on_ready},
    {.name = "cancel", .activate = on_cancel},
    {.name = "mic", .state = "false", .change_state = on_mic_asked},
    {.name = "next", .activate = on_next},
    {.name = "next-now", .activate = on_next_now},
    {.name = "hang-up", .activate = on_hang_up},
    {.name = "hang-up-now", .activate = on_hang_up_now},
    {.name = "block", .activate = on_block},
    {.name = "block-now", .activate = on_block_now},
    {.name = "report", .activate = on_report},
    {.name = "details", .activate = on_details},
    {.name = "log-out", .activate = on_log_out},
    {.name = "toast", .activate = on_toast, .parameter_type = "s"},
};

void mtg_window_add_actions(MtgWindow *self) {
    g_action_map_add_action_entries(G_ACTION_MAP(self), entries, G_N_ELEMENTS(entries), self);
    g_signal_connect_object(self->session, "notify::mic", G_CALLBACK(on_mic), self, G_CONNECT_SWAPPED);
}

static void enable(MtgWindow *self, const char *name, gboolean on) {
    GAction *action = g_action_map_lookup_action(G_ACTION_MAP(self), name);
    g_simple_action_set_enabled(G_SIMPLE_ACTION(action), on);
}

void mtg_window_update_actions(MtgWindow *self) {
    static const char *const in_talk[] = {"mic", "next", "next-now", "hang-up", "hang-up-now", "details", "block-now"};
    myturn_state state = mtg_session_state(self->session);
    gboolean talk = mtg_session_in_talk(self->session);
    for (gsize i = 0; i < G_N_ELEMENTS(in_talk); i++)
        enable(self, in_talk[i], talk);
    enable(self, "ready", state == MYTURN_IDLE && self->agreed);
    enable(self, "cancel", state == MYTURN_WAITING || state == MYTURN_CONNECTING);
    enable(self, "log-out", state != MYTURN_LOGGED_OUT && state != MYTURN_ENDING);
    enable(self, "block", talk || (state == MYTURN_IDLE && self->can_block));
    enable(self, "report", talk || (state == MYTURN_IDLE && self->can_block));
}
