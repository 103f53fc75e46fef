/* myturn-gtk, the graphical client. */
#include <libintl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "app-id.h"
#include "application.h"
#include "myturn/myturn.h"

/* The language of the preferences goes before the environment's; and GTK must not set the locale once more. */
static void set_language(MtgPrefs *prefs) {
    const char *language = mtg_prefs_string(prefs, "language");
    if (*language != '\0')
        g_setenv("LANGUAGE", language, TRUE);
    myturn_locale();
    if (strcmp(setlocale(LC_MESSAGES, NULL), "C") == 0)
        (void)setlocale(LC_MESSAGES, "C.UTF-8"); /* catalogues are found by LANGUAGE in every locale but "C" */
    (void)textdomain("myturn");
    gtk_disable_setlocale();
}

int main(int argc, char **argv) {
    (void)signal(SIGPIPE, SIG_IGN);
    g_set_prgname(MTG_APP_ID);
    g_autoptr(MtgPrefs) prefs = mtg_prefs_new();
    set_language(prefs);
    g_set_application_name("myTurn");
    g_autoptr(MtgApplication) app = mtg_application_new(prefs);
    return g_application_run(G_APPLICATION(app), argc, argv);
}
