#include "links.h"

#include <glib.h>
#include <string.h>

/* g_utf8_next_char without its cast to char *. */
static const char *next_char(const char *p) {
    return p + g_utf8_skip[*(const guchar *)p];
}

/* Only these, and only where they begin a word: nothing that looks like an address is made one. */
static const char *const schemes[] = {"https://", "http://"};

static gsize scheme_len(const char *p) {
    for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
        gsize len = strlen(schemes[i]);
        if (g_ascii_strncasecmp(p, schemes[i], len) == 0 && g_unichar_isalnum(g_utf8_get_char(p + len)))
            return len;
    }
    return 0;
}

/* A host name and a port. A name before an "@", "\\" and "%" are what browsers read otherwise than people do. */
static gboolean is_host(const char *p, gsize len) {
    for (const char *end = p + len; p < end; p = next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (!g_unichar_isalnum(c) && !g_unichar_ismark(c) && strchr("-._", *p) == NULL)
            return *p == ':' && strspn(p + 1, "0123456789") == (gsize)(end - p - 1);
    }
    return TRUE;
}

/* The host as it is looked up: letters that merely look like others show there as "xn--". NULL: none that could be. */
static char *ascii_host(const char *p, gsize len) {
    g_autofree char *host = g_strndup(p, len);
    g_autofree char *ascii = g_hostname_to_ascii(host);
    if (ascii == NULL || strspn(ascii, "abcdefghijklmnopqrstuvwxyz0123456789-._") != strlen(ascii))
        return NULL;
    return g_steal_pointer(&ascii);
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

/* What is opened: with letters beyond ASCII the host is written as it is looked up. NULL: nothing can be. */
static char *target_of(const char *p, gsize len) {
    gsize scheme = scheme_len(p);
    const char *host = p + scheme;
    gsize authority = MIN(strcspn(host, "/?#"), len - scheme), name = MIN(strcspn(host, ":"), authority);
    if (!is_host(host, authority))
        return NULL;
    g_autofree char *typed = g_strndup(host, name);
    if (!g_hostname_is_non_ascii(typed))
        return g_strndup(p, len);
    g_autofree char *ascii = ascii_host(host, name);
    g_autofree char *before = g_strndup(p, scheme), *after = g_strndup(host + name, len - scheme - name);
    return ascii != NULL ? g_strconcat(before, ascii, after, NULL) : NULL;
}

static void add_link(GString *out, const char *p, gsize len, const char *target) {
    g_autofree char *href = g_markup_escape_text(target, -1), *shown = g_markup_escape_text(p, (gssize)len);
    g_string_append_printf(out, "<a href=\"%s\">%s</a>", href, shown);
}

char *mtg_links_markup(const char *text) {
    GString *out = g_string_new(NULL);
    const char *plain = text;
    for (const char *p = text; *p != '\0';) {
        gboolean begins = p == text || !g_unichar_isalnum(g_utf8_get_char(g_utf8_find_prev_char(text, p)));
        gsize len = begins && scheme_len(p) > 0 ? link_len(p) : 0;
        g_autofree char *target = len > 0 ? target_of(p, len) : NULL;
        if (target == NULL) {
            p = next_char(p);
            continue;
        }
        add_text(out, plain, (gsize)(p - plain));
        add_link(out, p, len, target);
        plain = p += len;
    }
    add_text(out, plain, strlen(plain));
    return g_string_free(out, FALSE);
}

char *mtg_links_host(const char *uri) {
    const char *host = strstr(uri, "://");
    host = host != NULL ? host + strlen("://") : uri;
    return g_strndup(host, strcspn(host, ":/?#"));
}
