#include "links.h"

#include <glib.h>
#include <string.h>

/* Only these, and only where they begin a word: nothing that looks like an address is made one. */
static const char *const schemes[] = {"https://", "http://"};

static gsize scheme_len(const char *p) {
    for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
        gsize len = strlen(schemes[i]);
        if (g_ascii_strncasecmp(p, schemes[i], len) == 0 && g_ascii_isalnum(p[len]))
            return len;
    }
    return 0;
}

/* g_utf8_next_char without its cast to char *. */
static const char *next_char(const char *p) {
    return p + g_utf8_skip[*(const guchar *)p];
}

/* Up to the next blank, less what rather ends the sentence than the address. */
static gsize link_len(const char *p) {
    gsize len = 0;
    for (const char *q = p; *q != '\0' && !g_unichar_isspace(g_utf8_get_char(q)) && strchr("<>\"", *q) == NULL;
         q = next_char(q))
        len = (gsize)(next_char(q) - p);
    gboolean bracket = memchr(p, '(', len) != NULL;
    while (len > 0 && (strchr(".,;:!?'", p[len - 1]) != NULL || (p[len - 1] == ')' && !bracket)))
        len--;
    return len;
}

static void add_text(GString *out, const char *p, gsize len) {
    g_autofree char *escaped = g_markup_escape_text(p, (gssize)len);
    g_string_append(out, escaped);
}

static void add_link(GString *out, const char *p, gsize len) {
    g_autofree char *escaped = g_markup_escape_text(p, (gssize)len);
    g_string_append_printf(out, "<a href=\"%s\">%s</a>", escaped, escaped);
}

char *mtg_links_markup(const char *text) {
    GString *out = g_string_new(NULL);
    const char *plain = text;
    for (const char *p = text; *p != '\0';) {
        gboolean begins = p == text || !g_unichar_isalnum(g_utf8_get_char(g_utf8_find_prev_char(text, p)));
        gsize len = begins && scheme_len(p) > 0 ? link_len(p) : 0;
        if (len == 0) {
            p = next_char(p);
            continue;
        }
        add_text(out, plain, (gsize)(p - plain));
        add_link(out, p, len);
        plain = p += len;
    }
    add_text(out, plain, strlen(plain));
    return g_string_free(out, FALSE);
}
