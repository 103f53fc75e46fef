/* What a typed line means on each page. */
#include <string.h>

#include "i18n.h"
#include "pages_priv.h"
#include "rules.h"

#define RETRY_MS 50
#define TYPING_OVER_MS 5000

static const char talk_help[] = N_("What you type is sent when you press Enter. Alone on a line:\n"
                                   "  m          switches your microphone on or off\n"
                                   "  q          hangs up, after asking\n"
                                   "  /next      hangs up and draws the next partner, after asking\n"
                                   "  /block     hangs up at once; you do not meet this partner again\n"
                                   "  /report REASON [NOTE]\n"
                                   "             the same, and tells the operator why: harassment, sexual, minor,\n"
                                   "             threat, spam or other; in the note what happened\n"
                                   "  /say TEXT  sends TEXT as it is, for example: /say m\n"
                                   "  /help      shows this\n"
                                   "Ctrl-C hangs up, logs out and leaves.");

void pages_complain(pages *p, myturn_err err) {
    if (err == MYTURN_ERR_TOO_LONG)
        pages_error(p, "too_long", _("Not sent: a message has at most 4000 characters. Send it in pieces."));
    else if (err == MYTURN_ERR_ARGUMENT)
        pages_error(p, "bad_text", _("Not sent: the line is empty or not UTF-8."));
    else if (err == MYTURN_ERR_STATE)
        pages_error(p, "bad_state", _("That is not possible just now."));
    else if (err != MYTURN_OK)
        pages_error(p, "internal", myturn_err_str(err));
}

/* Messages */

static void stop_timer(guint *id) {
    if (*id != 0)
        g_source_remove(*id);
    *id = 0;
}

static void tell_typing(pages *p, bool on) {
    if (p->typing_told == on)
        return;
    p->typing_told = on;
    (void)!myturn_typing(p->client, on); /* not in a talk any more: then nobody waits for it */
}

static gboolean on_typing_over(gpointer arg) {
    pages *p = arg;
    p->typing_over = 0;
    tell_typing(p, false);
    return G_SOURCE_REMOVE;
}

void pages_on_typing(pages *p, const char *so_far) {
    bool message = p->asked == NOT_ASKED && so_far[0] != '\0' && so_far[0] != '/' && strcmp(so_far, "m") != 0 &&
                   strcmp(so_far, "q") != 0;
    stop_timer(&p->typing_over);
    if (p->state != MYTURN_TALKING || p->plain || p->phone)
        return;
    tell_typing(p, message);
    if (message)
        p->typing_over = g_timeout_add(TYPING_OVER_MS, on_typing_over, p);
}

static gboolean on_retry(gpointer arg);

/* Sends, or keeps what the link has no room for and stops listening until it has. */
static void send_text(pages *p, const char *text) {
    myturn_err err = myturn_text(p->client, text);
    if (err != MYTURN_ERR_BUSY) {
        pages_complain(p, err);
        return;
    }
    p->unsent = g_strdup(text);
    p->retry = g_timeout_add(RETRY_MS, on_retry, p);
    pages_listen(p);
}

static gboolean on_retry(gpointer arg) {
    pages *p = arg;
    myturn_err err = myturn_text(p->client, p->unsent);
    if (err == MYTURN_ERR_BUSY)
        return G_SOURCE_CONTINUE;
    p->retry = 0;
    g_clear_pointer(&p->unsent, g_free);
    pages_complain(p, err);
    pages_listen(p);
    return G_SOURCE_REMOVE;
}

void lines_forget(pages *p) {
    stop_timer(&p->retry);
    stop_timer(&p->typing_over);
    p->typing_told = false;
    if (p->unsent != NULL)
        screen_say(p->screen, _("Not sent any more: %s"), p->unsent);
    g_clear_pointer(&p->unsent, g_free);
}

/* Pages */

static void line_name(pages *p, const char *line) {
    char *name = g_strstrip(g_strdup(line));
    if (strcmp(name, "quit") == 0) {
        pages_leave(p);
    } else if (*name != '\0') {
        p->greeted = true;
        myturn_err err = myturn_login(p->client, name);
        if (err == MYTURN_ERR_ARGUMENT)
            pages_error(p, "invalid_name",
                        _("This name is not possible: letters, digits, '.', '_' and '-', at most 32. Choose another."));
        else
            pages_complain(p, err);
        if (err == MYTURN_OK) {
            g_free(p->name);
            p->name = g_strdup(name);
        }
    }
    g_free(name);
}

/* /block and /report REASON [NOTE]: of the present partner, or the last one. false: it is neither. */
static bool line_conduct(pages *p, const char *line) {
    myturn_err err;
    if (strcmp(line, "/block") == 0) {
        err = myturn_block(p->client);
    } else if (strcmp(line, "/report") == 0 || g_str_has_prefix(line, "/report ")) {
        char *rest = g_strstrip(g_strdup(line + strlen("/report")));
        char **words = g_strsplit(rest, " ", 2);
        err = words[0] != NULL ? myturn_report(p->client, words[0], words[1]) : MYTURN_ERR_ARGUMENT;
        g_strfreev(words);
        g_free(rest);
    } else {
        return false;
    }
    if (err == MYTURN_ERR_STATE)
        pages_error(p, "bad_state", _("There is no partner whom that could mean."));
    else if (err == MYTURN_ERR_ARGUMENT)
        pages_error(p, "invalid_reason",
                    _("Say why: /report harassment, sexual, minor, threat, spam or other, and a note if you like."));
    else if (err == MYTURN_ERR_TOO_LONG)
        pages_error(p, "too_long", _("Not sent: the note has at most 500 characters."));
    else
        pages_complain(p, err);
    return true;
}

static void line_main(pages *p, const char *line) {
    if (rules_line(p, line))
        return;
    if (strcmp(line, "q") == 0)
        pages_leave(p);
    else if (*line == '\0')
        rules_ready(p);
    else if (!line_conduct(p, line))
        screen_say(p->screen, "%s", _("Press Enter alone when you are ready to talk, or type quit to leave."));
}

static void line_waiting(pages *p, const char *line) {
    if (strcmp(line, "quit") == 0)
        pages_leave(p);
    else if (*line == '\0' || strcmp(line, "q") == 0)
        pages_complain(p, myturn_cancel(p->client));
    else if (!line_conduct(p, line))
        screen_say(p->screen, "%s", _("You are waiting for a partner. Enter cancels, quit leaves."));
}

static void line_connecting(pages *p, const char *line) {
    if (strcmp(line, "quit") == 0)
        pages_leave(p);
    else if (strcmp(line, "q") == 0)
        pages_complain(p, myturn_hangup(p->client));
    else
        screen_say(p->screen, "%s", _("One moment, still connecting. q gives up."));
}

static void switch_mic(pages *p) {
    myturn_err err = myturn_mic(p->client, !p->mic_wanted);
    if (err == MYTURN_OK)
        p->mic_wanted = !p->mic_wanted;
    if (err != MYTURN_ERR_SYSTEM) /* of which an event tells more */
        pages_complain(p, err);
}

static void line_answer(pages *p, const char *line) {
    question asked = p->asked;
    if (asked == ASKED_UNENCRYPTED) {
        (void)rules_line(p, line);
        return;
    }
    rules_answer answer = rules_answer_of(line);
    if (answer == RULES_UNCLEAR) {
        screen_say(p->screen, "%s", _("Please answer y or n."));
        return;
    }
    p->asked = NOT_ASKED;
    if (answer == RULES_NO)
        screen_say(p->screen, "%s", _("The talk goes on."));
    else if (asked == ASKED_NEXT)
        rules_next(p);
    else
        pages_complain(p, myturn_hangup(p->client));
}

static void ask(pages *p, question q) {
    p->asked = q;
    if (!screen_is_terminal(p->screen))
        screen_say(p->screen, "%s",
                   q == ASKED_NEXT ? _("Are you sure you want to hang up and draw the next one? y/n")
                                   : _("Are you sure you want to hang up? y/n"));
}

/* Of what carries no text: a phone of the user's own, or the partner's. */
static void line_voice(pages *p, const char *line) {
    if (*line != '\0')
        screen_say(p->screen, "%s",
                   _("You talk by phone: there is no text. q hangs up, /next draws the next partner."));
}

static void line_talk(pages *p, const char *line) {
    if (p->asked != NOT_ASKED)
        line_answer(p, line);
    else if (strcmp(line, "m") == 0 && !p->phone)
        switch_mic(p);
    else if (strcmp(line, "q") == 0)
        ask(p, ASKED_HANGUP);
    else if (strcmp(line, "/next") == 0)
        ask(p, ASKED_NEXT);
    else if (strcmp(line, "/help") == 0)
        screen_say(p->screen, "%s", _(talk_help));
    else if (line_conduct(p, line))
        return;
    else if (p->phone || p->plain)
        line_voice(p, line);
    else if (g_str_has_prefix(line, "/say "))
        send_text(p, line + strlen("/say "));
    else if (*line == '/')
        screen_say(p->screen, "%s",
                   _("No such command; see /help. To send a line that begins with / put /say before it."));
    else if (*line != '\0')
        send_text(p, line);
}

void pages_on_line(pages *p, const char *line) {
    if (p->leaving)
        return;
    switch (myturn_get_state(p->client)) {
    case MYTURN_LOGGED_OUT:
        line_name(p, line);
        break;
    case MYTURN_IDLE:
        line_main(p, line);
        break;
    case MYTURN_WAITING:
        line_waiting(p, line);
        break;
    case MYTURN_CONNECTING:
        line_connecting(p, line);
        break;
    case MYTURN_TALKING:
    case MYTURN_RECONNECTING:
        line_talk(p, line);
        break;
    default:
        if (strcmp(line, "quit") == 0)
            pages_leave(p);
        break;
    }
    if (p->leaving)
        return;
    pages_prompt(p);
    pages_listen(p);
}
