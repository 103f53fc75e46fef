#include "pages.h"

#include <string.h>

#include "events.h"
#include "i18n.h"
#include "pages_priv.h"
#include "rules.h"
#include "show.h"

#define LEAVE_LIMIT_MS 4000

static bool is_talk(myturn_state s) {
    return s == MYTURN_TALKING || s == MYTURN_RECONNECTING;
}

/* Prompts */

static void prompt_waiting(pages *p) {
    unsigned min = p->elapsed_s / 60, s = p->elapsed_s % 60;
    char *text = p->online > 0 ? g_strdup_printf(_("Waiting %u:%02u, %u online, %u of them waiting. Enter cancels. "),
                                                 min, s, p->online, p->ready)
                               : g_strdup_printf(_("Waiting %u:%02u. Enter cancels. "), min, s);
    screen_prompt(p->screen, text, "");
    g_free(text);
}

/* What is asked in a talk; NULL: nothing. */
static const char *question_text(const pages *p) {
    return p->asked == ASKED_HANGUP ? _("Are you sure you want to hang up? y/n ")
           : p->asked == ASKED_NEXT ? _("Are you sure you want to hang up and draw the next one? y/n ")
                                    : rules_prompt(p);
}

static void prompt_talk(pages *p) {
    const char *state = p->state == MYTURN_RECONNECTING ? _("(reconnecting) ") : p->mic_on ? _("(microphone on) ") : "";
    char *typing = p->partner_typing ? g_strdup_printf(_("[%s is typing…] "), p->partner) : g_strdup("");
    char *passing = g_strconcat(p->plain ? _("(NOT ENCRYPTED) ") : "", state, typing, NULL);
    char *own = p->plain ? g_strdup("> ") : g_strdup_printf("%s: ", p->name);
    const char *asked = question_text(p);
    screen_prompt(p->screen, passing, asked != NULL ? asked : own);
    g_free(own);
    g_free(passing);
    g_free(typing);
}

void pages_prompt(pages *p) {
    if (p->leaving)
        screen_prompt(p->screen, "", "");
    else if (p->state == MYTURN_LOGGED_OUT)
        screen_prompt(p->screen, "", p->greeted ? _("Your name? ") : _("Hi! What's your name? "));
    else if (p->state == MYTURN_WAITING)
        prompt_waiting(p);
    else if (is_talk(p->state))
        prompt_talk(p);
    else if (p->state == MYTURN_IDLE && rules_prompt(p) != NULL)
        screen_prompt(p->screen, "", rules_prompt(p));
    else
        screen_prompt(p->screen, p->state == MYTURN_IDLE ? "> " : "", "");
}

void pages_listen(pages *p) {
    myturn_state s = myturn_get_state(p->client); /* which may be ahead of what was told */
    bool settled = s == MYTURN_LOGGED_OUT || s == MYTURN_IDLE || s == MYTURN_WAITING || is_talk(s);
    screen_listen(p->screen, p->unsent == NULL && !p->leaving && (settled || screen_is_terminal(p->screen)));
}

/* Leaving */

static gboolean on_leave_limit(gpointer arg) {
    pages *p = arg;
    p->leave_limit = 0;
    g_main_loop_quit(p->loop);
    return G_SOURCE_REMOVE;
}

void pages_leave(pages *p) {
    if (p->leaving)
        return;
    p->leaving = true;
    lines_forget(p);
    pages_listen(p);
    screen_prompt(p->screen, "", "");
    if (myturn_get_state(p->client) == MYTURN_LOGGED_OUT || myturn_logout(p->client) != MYTURN_OK) {
        g_main_loop_quit(p->loop);
        return;
    }
    p->leave_limit = g_timeout_add(LEAVE_LIMIT_MS, on_leave_limit, p);
}

void pages_on_eof(pages *p) {
    if (!p->ever_logged_in)
        p->exit_status = 1; /* a script that got nowhere */
    pages_leave(p);
}

static void leave_aloud(pages *p) {
    screen_say(p->screen, "%s", is_talk(p->state) ? _("Hanging up and leaving …") : _("Leaving …"));
    pages_leave(p);
}

void pages_on_interrupt(pages *p) {
    if (!p->leaving) {
        leave_aloud(p);
        return;
    }
    p->exit_status = 130;
    g_main_loop_quit(p->loop);
}

void pages_on_terminate(pages *p) {
    if (!p->leaving)
        leave_aloud(p);
}

void pages_error(pages *p, const char *code, const char *message) {
    events_error(p->events_fd, code, message);
    screen_say(p->screen, "%s", message);
}

/* Pages */

static void begin_name(pages *p) {
    if (!screen_is_terminal(p->screen))
        screen_say(p->screen, "%s", p->greeted ? _("Your name?") : _("Hi! What's your name?"));
}

void pages_begin_main(pages *p) {
    if (p->accepted)
        screen_say(p->screen, _("Press Enter when you are ready to talk, %s. Type quit to leave."), p->name);
    else
        rules_show(p);
}

static gboolean on_main_due(gpointer arg) {
    pages *p = arg;
    p->main_due = 0;
    pages_begin_main(p);
    return G_SOURCE_REMOVE;
}

bool pages_cancel_main_due(pages *p) {
    bool was_due = p->main_due != 0;
    if (was_due)
        g_source_remove(p->main_due);
    p->main_due = 0;
    return was_due;
}

static void begin_waiting(pages *p) {
    p->elapsed_s = p->online = p->ready = 0;
    p->line_due_s = WAITING_LINE_S;
    screen_say(p->screen, "%s", _("Waiting for somebody to talk with. Press Enter to cancel."));
}

static void begin_page(pages *p, myturn_state from) {
    (void)pages_cancel_main_due(p);
    if (!is_talk(p->state)) {
        p->asked = NOT_ASKED;
        p->mic_on = p->mic_wanted = p->partner_typing = p->plain = false;
    }
    if (p->state == MYTURN_LOGGED_OUT)
        p->accepted = p->agreed_before;
    if (p->leaving)
        return;
    if (p->state == MYTURN_LOGGED_OUT)
        begin_name(p);
    else if (p->state == MYTURN_IDLE && from == MYTURN_LOGGING_IN)
        p->main_due = g_idle_add(on_main_due, p); /* "logged in" is told next */
    else if (p->state == MYTURN_IDLE)
        pages_begin_main(p);
    else if (p->state == MYTURN_WAITING)
        begin_waiting(p);
}

/* Events */

void pages_on_event(pages *p, const myturn_event *event) {
    bool page_first = event->kind == MYTURN_EV_WAITING;
    events_write(p->events_fd, event);
    if (!page_first)
        show_event(p, event);
    myturn_state from = p->state;
    p->state = event->state;
    if (from != p->state)
        begin_page(p, from);
    if (page_first)
        show_event(p, event);
    if (p->leaving && p->state == MYTURN_LOGGED_OUT)
        g_main_loop_quit(p->loop);
    pages_prompt(p);
    pages_listen(p);
}

/* Life */

pages *pages_create(const pages_config *cfg) {
    pages *p = g_new0(pages, 1);
    p->client = cfg->client;
    p->screen = cfg->screen;
    p->loop = cfg->loop;
    p->server = g_strdup(cfg->server);
    p->name = g_strdup(cfg->name);
    p->events_fd = cfg->events_fd;
    p->accepted = p->agreed_before = cfg->agreed;
    p->unencrypted = cfg->unencrypted;
    p->policies = cfg->policies != 0 ? cfg->policies : MYTURN_GCM;
    p->state = MYTURN_LOGGED_OUT;
    return p;
}

void pages_begin(pages *p) {
    if (p->name != NULL)
        pages_on_line(p, p->name);
    else
        begin_name(p);
    pages_prompt(p);
    pages_listen(p);
}

void pages_destroy(pages *p) {
    if (p == NULL)
        return;
    (void)pages_cancel_main_due(p);
    lines_forget(p);
    if (p->leave_limit != 0)
        g_source_remove(p->leave_limit);
    g_free(p->server);
    g_free(p->name);
    g_free(p->partner);
    g_free(p->contact);
    g_free(p);
}

int pages_exit_status(const pages *p) {
    return p->exit_status;
}
