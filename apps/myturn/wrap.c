#include "wrap.h"

#include <stdbool.h>
#include <string.h>

enum { INDENT = 2, LEAST_COLUMNS = 20 };

/* At least what any terminal gives it: a row may come out shorter, never longer. */
static size_t columns_of(gunichar c) {
    bool isolate = c >= 0x2066 && c <= 0x2069; /* takes no room, or a replacement's */
    return c < 0x1100 || isolate ? 1 : 2;
}

/* Bytes of the next word with the blanks before it, and their columns. */
static size_t next_word(const char *p, size_t *columns) {
    const char *start = p;
    *columns = 0;
    for (bool inside = false; *p != '\0' && *p != '\n' && !(inside && *p == ' '); p += g_utf8_skip[(guchar)*p]) {
        inside = inside || *p != ' ';
        *columns += columns_of(g_utf8_get_char(p));
    }
    return (size_t)(p - start);
}

static void new_row(GString *out, size_t *used) {
    g_string_append(out, "\n  ");
    *used = INDENT;
}

/* A word longer than a row is cut where the row ends. */
static void add_long_word(GString *out, const char *p, size_t len, size_t columns, size_t *used) {
    for (const char *end = p + len; p < end; p += g_utf8_skip[(guchar)*p]) {
        size_t width = columns_of(g_utf8_get_char(p));
        if (*used + width > columns)
            new_row(out, used);
        g_string_append_unichar(out, g_utf8_get_char(p));
        *used += width;
    }
}

char *wrap_text(const char *text, size_t columns) {
    if (columns == 0)
        return g_strdup(text);
    columns = columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
    GString *out = g_string_new(NULL);
    char *valid = g_utf8_make_valid(text, -1);
    size_t used = 0;
    for (const char *p = valid; *p != '\0';) {
        size_t width, len = next_word(p, &width);
        if (len == 0) { /* a line of the program's own ends here */
            g_string_append_c(out, *p++);
            used = 0;
            continue;
        }
        size_t blanks = strspn(p, " ");
        if (used > INDENT && used + width > columns && blanks > 0 && width - blanks <= columns - INDENT) {
            new_row(out, &used);
            p += blanks;
            len -= blanks;
            width -= blanks;
        }
        add_long_word(out, p, len, columns, &used);
        p += len;
    }
    g_free(valid);
    return g_string_free(out, FALSE);
}
