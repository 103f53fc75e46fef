#include "rules.h"

#include "i18n.h"
#include "pages_priv.h"

rules_answer rules_answer_of(const char *line) {
    /* TRANSLATORS: what stands for yes and no, in short and in full, after one another as "y/n" in the questions. */
    const char *yes[] = {"y", "yes", _("y"), _("yes")}, *no[] = {"n", "no", _("n"), _("no")};
    char *word = g_utf8_casefold(line, -1);
    rules_answer answer = RULES_UNCLEAR;
    for (size_t i = 0; i < G_N_ELEMENTS(yes); i++) {
        if (g_strcmp0(word, no[i]) == 0)
            answer = RULES_NO;
        if (g_strcmp0(word, yes[i]) == 0)
            answer = RULES_YES;
    }
    g_free(word);
    return answer;
}

void rules_show(pages *p) {
    screen_say(
        p->screen, "%s",
        _("Before you meet somebody:\n"
          "- You are 18 or older.\n"
          "- You meet strangers. Tell nobody your surname, address, workplace or account numbers, and send no money. "
          "Not everybody is who he says he is.\n"
          "- Be as you would have others be. Who harasses, threatens or cheats is reported.\n"
          "- /block ends a talk and you do not meet that partner again; /report REASON does so too and tells the "
          "operator. Nobody but your partner hears or reads what you say: he could record it.\n"
          "- The four words of a talk prove that nobody sits in between, if you both see the same ones. They do not "
          "prove who your partner is; a voice can be cloned."));
    if (p->contact != NULL) {
        char *contact = screen_isolated(p->screen, p->contact);
        screen_say(p->screen, _("Whoever runs this server can be reached at: %s"), contact);
        g_free(contact);
    }
    if (!screen_is_terminal(p->screen))
        screen_say(p->screen, "%s", _("Are you 18 or older, and do you accept this? y/n"));
}

const char *rules_prompt(const pages *p) {
    if (!p->accepted)
        return _("Are you 18 or older, and do you accept this? y/n ");
    return p->asked == ASKED_UNENCRYPTED
               ? _("Meet people with ordinary phones, too? Such a talk is NOT ENCRYPTED. y/n ")
               : NULL;
}

static void begin(pages *p) {
    myturn_err err = p->then_next ? myturn_next(p->client) : myturn_ready(p->client);
    p->then_next = false;
    pages_complain(p, err);
}

static void ask_unencrypted(pages *p, bool next) {
    p->then_next = next;
    if (!p->unencrypted) {
        begin(p);
        return;
    }
    p->asked = ASKED_UNENCRYPTED;
    if (!screen_is_terminal(p->screen))
        screen_say(p->screen, "%s", _("Meet people with ordinary phones, too? Such a talk is NOT ENCRYPTED. y/n"));
}

void rules_ready(pages *p) {
    ask_unencrypted(p, false);
}

void rules_next(pages *p) {
    ask_unencrypted(p, true);
}

static void answer_rules(pages *p, const char *line) {
    rules_answer answer = rules_answer_of(line);
    if (answer == RULES_YES) {
        p->accepted = true;
        pages_begin_main(p);
    } else if (answer == RULES_NO) {
        screen_say(p->screen, "%s", _("Without that nobody is drawn. Good-bye."));
        pages_leave(p);
    } else {
        screen_say(p->screen, "%s", _("Please answer y or n."));
    }
}

static void answer_unencrypted(pages *p, const char *line) {
    rules_answer answer = rules_answer_of(line);
    if (answer == RULES_UNCLEAR) {
        screen_say(p->screen, "%s", _("Please answer y or n."));
        return;
    }
    p->asked = NOT_ASKED;
    pages_complain(p, myturn_set_policies(p->client, p->policies | (answer == RULES_YES ? MYTURN_RTP : 0u)));
    begin(p);
}

bool rules_line(pages *p, const char *line) {
    if (g_strcmp0(line, "quit") == 0 || (!p->accepted && g_strcmp0(line, "q") == 0))
        pages_leave(p);
    else if (p->asked == ASKED_UNENCRYPTED)
        answer_unencrypted(p, line);
    else if (!p->accepted)
        answer_rules(p, line);
    else
        return false;
    return true;
}
