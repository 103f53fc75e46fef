#include "pages.h"

#include <string.h>

#include "events.h"
#include "i18n.h"
#include "pages_priv.h"

#define LEAVE_LIMIT_MS 4000
#define WAITING_LINE_S 10 /* without a terminal: a line now and then */

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

static void prompt_talk(pages *p) {
    const char *state = p->state == MYTURN_RECONNECTING ? _("(reconnecting) ") : p->mic_on ? _("(microphone on) ") : "";
    char *typing = p->partner_typing ? g_strdup_printf(_("[%s is typing…] "), p->partner) : g_strdup("");
    char *passing = g_strconcat(state, typing, NULL);
    char *own = g_strdup_printf("%s: ", p->name);
    screen_prompt(p->screen, passing,
                  p->asked == ASKED_HANGUP ? _("Are you sure you want to hang up? y/n ")
                  : p->asked == ASKED_NEXT ? _("Are you sure you want to hang up and draw the next one? y/n ")
                                           : own);
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

void pages_on_interrupt(pages *p) {
    if (p->leaving) {
        p->exit_status = 130;
        g_main_loop_quit(p->loop);
        return;
    }
    screen_say(p->screen, "%s", is_talk(p->state) ? _("Hanging up and leaving …") : _("Leaving …"));
    pages_leave(p);
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

static void begin_main(pages *p) {
    screen_say(p->screen, _("Press Enter when you are ready to talk, %s. Type quit to leave."), p->name);
}

static gboolean on_main_due(gpointer arg) {
    pages *p = arg;
    p->main_due = 0;
    begin_main(p);
    return G_SOURCE_REMOVE;
}

static void cancel_main_due(pages *p) {
    if (p->main_due != 0)
        g_source_remove(p->main_due);
    p->main_due = 0;
}

static void begin_waiting(pages *p) {
    p->elapsed_s = p->online = p->ready = 0;
    p->line_due_s = WAITING_LINE_S;
    screen_say(p->screen, "%s", _("Waiting for somebody to talk with. Press Enter to cancel."));
}

static void begin_page(pages *p, myturn_state from) {
    cancel_main_due(p);
    if (!is_talk(p->state)) {
        p->asked = NOT_ASKED;
        p->mic_on = p->mic_wanted = p->partner_typing = false;
    }
    if (p->leaving)
        return;
    if (p->state == MYTURN_LOGGED_OUT)
        begin_name(p);
    else if (p->state == MYTURN_IDLE && from == MYTURN_LOGGING_IN)
        p->main_due = g_idle_add(on_main_due, p); /* "logged in" is told next */
    else if (p->state == MYTURN_IDLE)
        begin_main(p);
    else if (p->state == MYTURN_WAITING)
        begin_waiting(p);
}

/* Events */

static void on_logged_in(pages *p, const myturn_event *e) {
    p->ever_logged_in = p->greeted = true;
    g_free(p->name);
    p->name = g_strdup(e->name);
    screen_say(p->screen, _("Logged in as %s, extension %u."), e->name, (unsigned)e->exten);
    if (p->main_due != 0) {
        cancel_main_due(p);
        begin_main(p);
    }
}

static void on_waiting(pages *p, const myturn_event *e) {
    p->ready = e->ready;
    p->online = e->online;
    p->elapsed_s = e->elapsed_s;
    if (screen_is_terminal(p->screen) || p->elapsed_s < p->line_due_s)
        return;
    p->line_due_s = p->elapsed_s + WAITING_LINE_S;
    if (p->online > 0)
        screen_say(p->screen, _("Waiting for %u s, %u online, %u of them waiting."), p->elapsed_s, p->online, p->ready);
    else
        screen_say(p->screen, _("Waiting for %u s."), p->elapsed_s);
}

static void on_drawn(pages *p, const myturn_event *e) {
    g_free(p->partner);
    p->partner = g_strdup(e->name);
    if (!p->phone)
        screen_say(p->screen, _("Your partner is %s. Connecting …"), e->name);
    else if (e->caller)
        screen_say(p->screen, _("Your partner is %s. Dial %u on your phone, within a minute."), e->name,
                   (unsigned)e->exten);
    else
        screen_say(p->screen, _("Your partner is %s. Your phone will ring: pick it up."), e->name);
}

static void on_settings(pages *p, const myturn_event *e) {
    p->phone = true;
    screen_say(p->screen, _("Type this into your phone:\n\n%s\n\nWaiting for it to register …"), e->text);
}

static void on_call_up(pages *p) {
    if (p->phone)
        screen_say(p->screen,
                   _("You are talking with %s by phone. This talk is NOT encrypted end to end.\n"
                     "q: hang up, /next: next partner; or simply hang up the phone."),
                   p->partner);
}

static void on_secure(pages *p, const myturn_event *e) {
    screen_say(p->screen, _("You are talking with %s, encrypted end to end%s."), p->partner,
               e->relayed ? _(" through a relay") : "");
    screen_say(p->screen,
               _("The four words: %s %s %s %s\n"
                 "Read them to each other: if both have the same ones, nobody listens in between."),
               e->words[0], e->words[1], e->words[2], e->words[3]);
    screen_say(p->screen, "%s",
               _("Lines you type are sent. m: microphone, q: hang up, /next: next partner, /help: more. "
                 "The microphone is off."));
}

static void on_mic(pages *p, const myturn_event *e) {
    if (e->own) {
        p->mic_on = e->on;
        screen_say(p->screen, "%s",
                   e->on ? _("Your microphone is on. m switches it off.") : _("Your microphone is off."));
    } else {
        screen_say(p->screen,
                   e->on ? _("%s has switched the microphone on.") : _("%s has switched the microphone off."),
                   p->partner);
    }
}

static void on_typing(pages *p, const myturn_event *e) {
    if (e->on && !p->partner_typing && !screen_is_terminal(p->screen))
        screen_say(p->screen, _("%s is typing…"), p->partner);
    p->partner_typing = e->on;
}

static void on_text(pages *p, const myturn_event *e) {
    p->partner_typing = false;
    /* Whose it is stands before each line: a second one could else pass for the program's own, the four words too. */
    char **lines = g_strsplit(e->text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        screen_say(p->screen, "%s: %s", e->name, *line);
    g_strfreev(lines);
}

static const char *why_ended(const char *reason) {
    static const struct {
        const char *reason, *text;
    } table[] = {
        {"partner_left", N_("The talk is over: %s has hung up.")},
        {"hung_up", N_("The talk with %s is over: you have hung up.")},
        {"next", N_("The talk with %s is over.")},
        {"lost", N_("The talk is over: the connection to %s is lost.")},
        {"no_path", N_("No connection to %s could be found: a firewall on one side lets nothing through.")},
        {"dtls_failed",
         N_("The talk with %s was ended: the encryption could not be agreed, or somebody sits in between.")},
        {"sas_failed",
         N_("The talk with %s was ended: the check of the four words failed, somebody may sit in between.")},
        {"protocol", N_("The talk was ended: the program of %s sent what it must not.")},
        {"no_answer", N_("%s did not answer.")},
        {"refused", N_("%s could not take the call.")},
        {"server", N_("The talk with %s was ended by the server.")},
        {"undone", N_("The draw of %s was taken back.")},
        {"over", N_("The talk with %s is over.")},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (g_strcmp0(table[i].reason, reason) == 0)
            return _(table[i].text);
    }
    return _("The talk with %s is over.");
}

static void on_ended(pages *p, const myturn_event *e) {
    lines_forget(p);
    char **parts = g_strsplit(why_ended(e->reason), "%s", 2);
    screen_say(p->screen, "%s%s%s", parts[0], p->partner != NULL ? p->partner : "?", parts[1]);
    g_strfreev(parts);
    g_clear_pointer(&p->partner, g_free);
}

static void on_error(pages *p, const myturn_event *e) {
    screen_say(p->screen, "%s", e->text);
    if (g_strcmp0(e->code, "mic_failed") == 0)
        p->mic_wanted = false;
    if (g_strcmp0(e->code, "mic_failed") == 0 || g_strcmp0(e->code, "speaker_failed") == 0)
        screen_say(p->screen, "%s", _("myturn --list-devices shows what there is; --mic and --speaker choose."));
    if (g_strcmp0(e->code, "server_unreachable") == 0)
        screen_say(p->screen,
                   _("Is there a server at %s? Start one with \"myturnd\", or name another with --server URL."),
                   p->server);
}

static void show(pages *p, const myturn_event *e) {
    switch (e->kind) {
    case MYTURN_EV_LOGGED_IN:
        on_logged_in(p, e);
        break;
    case MYTURN_EV_WAITING:
        on_waiting(p, e);
        break;
    case MYTURN_EV_DRAWN:
        on_drawn(p, e);
        break;
    case MYTURN_EV_SETTINGS:
        on_settings(p, e);
        break;
    case MYTURN_EV_CALL_UP:
        on_call_up(p);
        break;
    case MYTURN_EV_SECURE:
        on_secure(p, e);
        break;
    case MYTURN_EV_TEXT:
        on_text(p, e);
        break;
    case MYTURN_EV_TYPING:
        on_typing(p, e);
        break;
    case MYTURN_EV_MIC:
        on_mic(p, e);
        break;
    case MYTURN_EV_RECONNECTING:
        screen_say(p->screen, e->on ? _("Nothing is heard of %s; reconnecting …") : _("%s is heard again."),
                   p->partner);
        break;
    case MYTURN_EV_ENDED:
        on_ended(p, e);
        break;
    case MYTURN_EV_ERROR:
        on_error(p, e);
        break;
    default:
        break;
    }
}

void pages_on_event(pages *p, const myturn_event *event) {
    bool page_first = event->kind == MYTURN_EV_WAITING;
    events_write(p->events_fd, event);
    if (!page_first)
        show(p, event);
    myturn_state from = p->state;
    p->state = event->state;
    if (from != p->state)
        begin_page(p, from);
    if (page_first)
        show(p, event);
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
    cancel_main_due(p);
    lines_forget(p);
    if (p->leave_limit != 0)
        g_source_remove(p->leave_limit);
    g_free(p->server);
    g_free(p->name);
    g_free(p->partner);
    g_free(p);
}

int pages_exit_status(const pages *p) {
    return p->exit_status;
}
