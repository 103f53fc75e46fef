#include "ended.h"

#include <glib/gi18n.h>

static const struct {
    const char *reason, *text;
} table[] = {
    {"partner_left", N_("%s has hung up.")},
    {"hung_up", N_("You have hung up. The talk with %s is over.")},
    {"next", N_("The talk with %s is over.")},
    {"lost", N_("The connection to %s is lost. If that happens often, move closer to your router or use a cable.")},
    {"no_path",
     N_("No connection to %s could be found: a firewall on one side lets nothing through. Draw somebody else, or "
        "try another network.")},
    {"dtls_failed",
     N_("The talk with %s was ended, because no safe encryption could be agreed. Somebody may have tried to "
        "sit in between. Draw somebody else.")},
    {"sas_failed",
     N_("The talk with %s was ended, because the check of the four words failed. Somebody may have tried to "
        "sit in between. Draw somebody else.")},
    {"protocol", N_("The talk was ended: the program of %s sent what it must not. Draw somebody else.")},
    {"no_answer", N_("%s did not answer. Draw somebody else.")},
    {"refused", N_("%s could not take the call. Draw somebody else.")},
    {"server", N_("The talk with %s was ended by the server. You can draw somebody else.")},
    {"undone", N_("The draw of %s was taken back. Say that you are ready once more.")},
    {"blocked", N_("The talk with %s is over. You will not be drawn together again.")},
    {"reported", N_("The talk with %s is over. You will not be drawn together again.")},
    {"over", N_("The talk with %s is over.")},
};

char *mtg_ended_text(const char *reason, const char *partner) {
    const char *text = N_("The talk with %s is over.");
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        if (g_strcmp0(table[i].reason, reason) == 0)
            text = table[i].text;
    }
    g_auto(GStrv) parts = g_strsplit(_(text), "%s", 2); /* a table's text is no format that the compiler could check */
    return g_strjoin(partner != NULL ? partner : "?", parts[0], parts[1], NULL);
}
