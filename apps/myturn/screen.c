#include "screen.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "term.h"
#include "wrap.h"

#define QUEUE_MAX 256 /* lines that wait until they are taken; more stay in the pipe */

struct screen {
    screen_events events;
    void *ctx;
    term *term;     /* NULL: not a terminal */
    GString *input; /* pipe: the beginning of a line */
    GQueue lines;
    bool listening, eof_seen, eof_told;
    guint watch, dispatch;
    guint resized;
};

static gboolean on_input(gint fd, GIOCondition condition, gpointer arg);

static void watch(screen *s) {
    bool want = !s->eof_seen && g_queue_get_length(&s->lines) < QUEUE_MAX;
    if (want && s->watch == 0)
        s->watch = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, s);
    if (!want && s->watch != 0) {
        g_source_remove(s->watch);
        s->watch = 0;
    }
}

static gboolean on_dispatch(gpointer arg) {
    screen *s = arg;
    if (!s->listening || (g_queue_is_empty(&s->lines) && (!s->eof_seen || s->eof_told))) {
        s->dispatch = 0;
        return G_SOURCE_REMOVE;
    }
    if (g_queue_is_empty(&s->lines)) {
        s->eof_told = true;
        s->events.eof(s->ctx);
        return G_SOURCE_CONTINUE;
    }
    char *line = g_queue_pop_head(&s->lines);
    watch(s);
    s->events.line(s->ctx, line);
    g_free(line);
    return G_SOURCE_CONTINUE;
}

/* Lines are told one by one from the main loop, so that each finds the state that the one before has made. */
static void dispatch(screen *s) {
    if (s->dispatch == 0 && s->listening)
        s->dispatch = g_idle_add_full(G_PRIORITY_DEFAULT, on_dispatch, s, NULL);
}

static void take_line(screen *s) {
    if (s->input->len > 0 && s->input->str[s->input->len - 1] == '\r')
        g_string_truncate(s->input, s->input->len - 1);
    g_queue_push_tail(&s->lines, g_strdup(s->input->str));
    g_string_truncate(s->input, 0);
}

static void read_pipe(screen *s) {
    char data[4096];
    ssize_t n = read(STDIN_FILENO, data, sizeof(data));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    for (ssize_t i = 0; i < n; i++) {
        if (data[i] == '\n')
            take_line(s);
        else if (data[i] != '\0' && s->input->len < SCREEN_LINE_MAX)
            g_string_append_c(s->input, data[i]);
    }
    if (n > 0)
        return;
    if (s->input->len > 0)
        take_line(s);
    s->eof_seen = true;
}

static void read_terminal(screen *s) {
    term_read_result result = term_read(s->term);
    if (result == TERM_EOF)
        s->eof_seen = true;
    if (result == TERM_LINE) {
        g_queue_push_tail(&s->lines, g_strdup(term_text(s->term)));
        term_show(s->term);
    }
    if (result != TERM_EOF)
        s->events.typing(s->ctx, result == TERM_LINE ? "" : term_text(s->term));
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer arg) {
    screen *s = arg;
    (void)fd;
    if (s->term == NULL)
        read_pipe(s);
    else if ((condition & (G_IO_HUP | G_IO_ERR)) != 0)
        s->eof_seen = true;
    else
        read_terminal(s);
    watch(s);
    dispatch(s);
    return G_SOURCE_CONTINUE; /* or removed by watch already */
}

static gboolean on_resized(gpointer arg) {
    screen *s = arg;
    term_resized(s->term);
    return G_SOURCE_CONTINUE;
}

screen *screen_create(const screen_events *events, void *ctx) {
    screen *s = g_new0(screen, 1);
    s->events = *events;
    s->ctx = ctx;
    s->listening = true;
    s->input = g_string_new(NULL);
    g_queue_init(&s->lines);
    s->term = term_create();
    if (s->term != NULL) {
        s->resized = g_unix_signal_add(SIGWINCH, on_resized, s);
        term_show(s->term);
    }
    watch(s);
    return s;
}

static void remove_source(guint *id) {
    if (*id != 0)
        g_source_remove(*id);
    *id = 0;
}

void screen_destroy(screen *s) {
    if (s == NULL)
        return;
    remove_source(&s->watch);
    remove_source(&s->dispatch);
    remove_source(&s->resized);
    term_destroy(s->term);
    g_string_free(s->input, TRUE);
    g_queue_clear_full(&s->lines, g_free);
    g_free(s);
}

bool screen_is_terminal(const screen *s) {
    return s->term != NULL;
}

/* In place: no control character is left that a terminal would obey, but line feeds where `lines`. */
static void clean(char *text, bool lines) {
    char *to = text;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
            p++; /* C1 in UTF-8 */
            continue;
        }
        if ((*p >= 0x20 && *p != 0x7f) || (*p == '\n' && lines))
            *to++ = (char)*p;
    }
    *to = '\0';
}

void screen_say(screen *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = g_strdup_vprintf(format, args);
    va_end(args);
    clean(text, true);
    if (s->term != NULL) {
        char *wrapped = wrap_text(text, term_columns());
        term_hide(s->term);
        (void)puts(wrapped);
        (void)fflush(stdout);
        term_show(s->term);
        g_free(wrapped);
    } else {
        (void)puts(text);
        (void)fflush(stdout);
    }
    g_free(text);
}

/* The console of the kernel has no idea of it, and of other character sets nothing is known. */
static bool can_isolate(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    if (g_strcmp0(g_getenv("TERM"), "linux") == 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = g_getenv(names[i]);
        if (value == NULL || value[0] == '\0')
            continue;
        const char *charset = strchr(value, '.');
        return charset != NULL &&
               (g_ascii_strncasecmp(charset, ".utf-8", 6) == 0 || g_ascii_strncasecmp(charset, ".utf8", 5) == 0);
    }
    return false;
}

/* Scripts written from right to left, and their presentation forms. */
static bool turns_around(const char *text) {
    static const gunichar ranges[][2] = {
        {0x0590, 0x08ff}, {0xfb1d, 0xfdff}, {0xfe70, 0xfeff}, {0x10800, 0x10fff}, {0x1e800, 0x1efff}};
    for (const char *at = text; *at != '\0'; at += g_utf8_skip[(guchar)*at])
        for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++)
            if (g_utf8_get_char(at) >= ranges[i][0] && g_utf8_get_char(at) <= ranges[i][1])
                return true;
    return false;
}

char *screen_isolated(const screen *s, const char *text) {
    bool isolate = s->term != NULL && can_isolate() && g_utf8_validate(text, -1, NULL) && turns_around(text);
    return isolate ? g_strconcat("\u2068", text, "\u2069", NULL) : g_strdup(text);
}

void screen_prompt(screen *s, const char *passing, const char *lasting) {
    if (s->term == NULL)
        return;
    char *first = g_strdup(passing), *second = g_strdup(lasting);
    clean(first, false);
    clean(second, false);
    term_hide(s->term);
    term_prompt(s->term, first, second);
    term_show(s->term);
    g_free(first);
    g_free(second);
}

void screen_listen(screen *s, bool on) {
    s->listening = on;
    dispatch(s);
}
