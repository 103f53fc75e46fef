/* The locale, and where libmyturn finds its texts in other languages. */

#include <glib.h>
#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <string.h>

#include "myturn/myturn.h"

#define DOMAIN "myturn"

static bool has_catalogue(const char *folder) {
    char *file = g_build_filename(folder, "pl", "LC_MESSAGES", DOMAIN ".mo", NULL);
    bool there = g_file_test(file, G_FILE_TEST_EXISTS);
    g_free(file);
    return there;
}

/* Beside the program: in a build tree and wherever it was installed to; else where it was to be installed. */
static char *catalogue_folder(void) {
    char *program = g_file_read_link("/proc/self/exe", NULL);
    char *here = g_path_get_dirname(program != NULL ? program : "/");
    char *built = g_build_filename(here, "po", NULL);
    char *installed = g_build_filename(here, "..", "share", "locale", NULL);
    char *folder = g_strdup(has_catalogue(built) ? built : has_catalogue(installed) ? installed : MT_LOCALE_DIR);
    g_free(program);
    g_free(here);
    g_free(built);
    g_free(installed);
    return folder;
}

/* The language that the environment asks for, as LANGUAGE has it; NULL: none. */
static char *wanted_language(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = g_getenv(names[i]);
        if (value == NULL || value[0] == '\0')
            continue;
        char *language = g_strndup(value, strcspn(value, ".@"));
        if (strcmp(language, "C") != 0 && strcmp(language, "POSIX") != 0)
            return language;
        g_free(language);
        return NULL;
    }
    return NULL;
}

/* Catalogues are found by LANGUAGE in every locale but "C": so a language speaks where its locale is not installed. */
static void without_locale(void) {
    char *language = wanted_language();
    if (language == NULL || setlocale(LC_ALL, "C.UTF-8") == NULL) {
        g_free(language);
        return;
    }
    const char *languages = g_getenv("LANGUAGE");
    if (languages == NULL || languages[0] == '\0')
        (void)g_setenv("LANGUAGE", language, TRUE);
    g_free(language);
}

void myturn_locale(void) {
    if (setlocale(LC_ALL, "") == NULL)
        without_locale();
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* whoever was not told a character set is taken for UTF-8 */
    char *folder = catalogue_folder();
    (void)bindtextdomain(DOMAIN, folder);
    (void)bind_textdomain_codeset(DOMAIN, "UTF-8");
    g_free(folder);
}
