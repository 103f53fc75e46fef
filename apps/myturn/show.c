/* What events look like. */
#include "show.h"

#include <string.h>

#include "i18n.h"
#include "pages_priv.h"

static void on_logged_in(pages *p, const myturn_event *e) {
    p->ever_logged_in = p->greeted = true;
    g_free(p->name);
    p->name = g_strdup(e->name);
    screen_say(p->screen, _("Logged in as %s, extension %u."), e->name, (unsigned)e->exten);
    g_free(p->contact);
    p->contact = g_strdup(e->contact);
    if (e->relay_only)
        screen_say(p->screen, "%s", _("You talk through a relay: your partner does not learn your address."));
    if (pages_cancel_main_due(p))
        pages_begin_main(p);
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
    p->partner = screen_isolated(p->screen, e->name);
    if (!p->phone)
        screen_say(p->screen, _("Your partner is %s. Connecting …"), p->partner);
    else if (e->caller)
        screen_say(p->screen, _("Your partner is %s. Dial %u on your phone, within a minute."), p->partner,
                   (unsigned)e->exten);
    else
        screen_say(p->screen, _("Your partner is %s. Your phone will ring: pick it up."), p->partner);
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

static void on_plain(pages *p) {
    p->plain = true;
    screen_say(
        p->screen,
        _("You are talking with %s by phone. This talk is NOT ENCRYPTED: whoever is on the way can listen.\n"
          "There is voice only. m: microphone, q: hang up, /next: next partner, /help: more. The microphone is off."),
        p->partner);
}

static void on_secure(pages *p, const myturn_event *e) {
    if (!e->encrypted) {
        on_plain(p);
        return;
    }
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
    for (char **line = lines; *line != NULL; line++) {
        char *text = screen_isolated(p->screen, *line);
        screen_say(p->screen, "%s: %s", p->partner != NULL ? p->partner : e->name, text);
        g_free(text);
    }
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
        {"blocked", N_("The talk with %s is over: you have blocked this partner.")},
        {"reported", N_("The talk with %s is over: you have reported this partner.")},
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

static void on_quality(pages *p, const myturn_event *e) {
    if (e->on)
        screen_say(p->screen, _("The connection is poor: %.0f %% of the packets are lost, they vary by %u ms."),
                   e->loss_percent, e->jitter_ms);
    else
        screen_say(p->screen, "%s", _("The connection is good again."));
}

static void on_taken(pages *p, const myturn_event *e) {
    char *name = screen_isolated(p->screen, e->name);
    if (e->kind == MYTURN_EV_REPORTED)
        screen_say(p->screen, _("Your report of %s has arrived. You will not be drawn for each other again."), name);
    else
        screen_say(p->screen, _("%s is blocked. You will not be drawn for each other again."), name);
    g_free(name);
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

void show_event(pages *p, const myturn_event *e) {
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
    case MYTURN_EV_QUALITY:
        on_quality(p, e);
        break;
    case MYTURN_EV_BLOCKED:
    case MYTURN_EV_REPORTED:
        on_taken(p, e);
        break;
    case MYTURN_EV_ERROR:
        on_error(p, e);
        break;
    default:
        break;
    }
}
