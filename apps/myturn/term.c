#include "term.h"

#include <errno.h>
#include <glib.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define REAL_ENTER "\030\n" /* keys that only this file sends */
#define HISTORY_LINES 100   /* kept in memory only */

struct term {
    EditLine *el;
    History *history;
    char *prompt; /* passing and lasting */
    size_t passing_len;
    char *text;   /* the last one asked for */
    bool visible; /* the line is on the screen */
    bool ended;   /* the line is complete; a new one begins with term_show */
    bool eof, pushed;
};

/* Ctrl-Z and Ctrl-\\: the terminal goes back to what it was before the program stops or dies, and for the line being
 * edited again when it goes on. Signal handlers: async-signal-safe calls only. */
static struct termios outside; /* of the program */
static const int leaving[] = {SIGTSTP, SIGQUIT};

static void on_leaving(int number);

static void catch_leaving(int number) {
    struct sigaction action = {.sa_handler = on_leaving, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void on_leaving(int number) {
    int error = errno;
    struct termios editing;
    bool known = tcgetattr(STDIN_FILENO, &editing) == 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &outside);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t now;
    (void)sigemptyset(&standard.sa_mask);
    (void)sigaction(number, &standard, NULL);
    (void)sigemptyset(&now);
    (void)sigaddset(&now, number);
    (void)raise(number);
    (void)sigprocmask(SIG_UNBLOCK, &now, NULL); /* stops or ends here */
    catch_leaving(number);
    if (known)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &editing);
    (void)raise(SIGWINCH); /* draws the line anew */
    errno = error;
}

static char *on_prompt(EditLine *el) {
    term *t = NULL;
    el_get(el, EL_CLIENTDATA, &t);
    return t->prompt;
}

/* Ctrl-D: the end on an empty line, else delete the character under the cursor. */
static unsigned char on_ctrl_d(EditLine *el, int key) {
    term *t = NULL;
    (void)key;
    el_get(el, EL_CLIENTDATA, &t);
    const LineInfo *line = el_line(el);
    if (line->lastchar == line->buffer) {
        t->eof = true;
        return CC_EOF;
    }
    if (line->cursor == line->lastchar)
        return CC_REFRESH_BEEP;
    el_cursor(el, 1);
    el_deletestr(el, 1);
    return CC_REFRESH;
}

/* Enter: the passing part of the prompt goes first, then libedit's own Enter follows. */
static unsigned char on_enter(EditLine *el, int key) {
    term *t = NULL;
    (void)key;
    el_get(el, EL_CLIENTDATA, &t);
    if (t->passing_len > 0) {
        term_hide(t);
        memmove(t->prompt, t->prompt + t->passing_len, strlen(t->prompt + t->passing_len) + 1);
        t->passing_len = 0;
        term_show(t);
    }
    el_push(el, REAL_ENTER);
    t->pushed = true;
    return CC_NORM;
}

static bool can_edit(void) {
    const char *type = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && type != NULL && *type != '\0' && strcmp(type, "dumb") != 0;
}

static void setup(term *t) {
    HistEvent event;
    history(t->history, &event, H_SETSIZE, HISTORY_LINES);
    el_set(t->el, EL_CLIENTDATA, t);
    el_set(t->el, EL_PROMPT, on_prompt);
    el_set(t->el, EL_EDITOR, "emacs");
    el_set(t->el, EL_SIGNAL, 0);
    el_set(t->el, EL_HIST, history, t->history);
    /* The wide form: the narrow one leaks its strings. */
    el_wset(t->el, EL_ADDFN, L"myturn-end", L"end, or delete", on_ctrl_d);
    el_wset(t->el, EL_ADDFN, L"myturn-enter", L"end of line", on_enter);
    el_set(t->el, EL_BIND, "^D", "myturn-end", NULL);
    el_set(t->el, EL_BIND, "^M", "myturn-enter", NULL);
    el_set(t->el, EL_BIND, "^J", "myturn-enter", NULL);
    el_set(t->el, EL_BIND, REAL_ENTER, "ed-newline", NULL);
    t->ended = true;
}

term *term_create(void) {
    if (!can_edit())
        return NULL;
    term *t = g_new0(term, 1);
    bool restorable = tcgetattr(STDIN_FILENO, &outside) == 0;
    t->prompt = g_strdup("");
    t->history = history_init();
    t->el = el_init("myturn", stdin, stdout, stderr);
    if (t->el == NULL || t->history == NULL) {
        term_destroy(t);
        return NULL;
    }
    setup(t);
    for (size_t i = 0; restorable && i < G_N_ELEMENTS(leaving); i++)
        catch_leaving(leaving[i]);
    return t;
}

void term_destroy(term *t) {
    if (t == NULL)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(leaving); i++)
        (void)signal(leaving[i], SIG_DFL);
    if (t->el != NULL) {
        term_hide(t);
        el_set(t->el, EL_UNBUFFERED, 0);
        el_end(t->el);
    }
    if (t->history != NULL)
        history_end(t->history);
    g_free(t->prompt);
    g_free(t->text);
    g_free(t);
}

static void set_text(term *t, const char *p, size_t len) {
    g_free(t->text);
    t->text = g_strndup(p, len);
}

const char *term_text(term *t) {
    if (!t->ended) {
        const LineInfo *line = el_line(t->el);
        set_text(t, line->buffer, (size_t)(line->lastchar - line->buffer));
    }
    return t->text != NULL ? t->text : "";
}

term_read_result term_read(term *t) {
    int n = 0;
    const char *line = el_gets(t->el, &n);
    if (t->pushed) {
        t->pushed = false;
        line = el_gets(t->el, &n);
    }
    if (t->eof)
        return TERM_EOF;
    if (line == NULL || n <= 0 || (line[n - 1] != '\n' && line[n - 1] != '\r'))
        return TERM_MORE;
    HistEvent event;
    set_text(t, line, (size_t)n - 1);
    if (n > 1)
        history(t->history, &event, H_ENTER, t->text);
    el_set(t->el, EL_UNBUFFERED, 0);
    t->visible = false;
    t->ended = true;
    return TERM_LINE;
}

void term_prompt(term *t, const char *passing, const char *lasting) {
    g_free(t->prompt);
    t->prompt = g_strconcat(passing, lasting, NULL);
    t->passing_len = strlen(passing);
}

/* Columns that so many bytes take. */
static size_t width_of(const char *text, size_t len) {
    size_t width = 0;
    mbstate_t state = {0};
    while (len > 0) {
        wchar_t c = 0;
        size_t n = mbrtowc(&c, text, len, &state);
        if (n == 0 || n > len)
            break;
        int columns = wcwidth(c);
        width += columns > 0 ? (size_t)columns : 0;
        text += n;
        len -= n;
    }
    return width;
}

size_t term_columns(void) {
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}

/* Rows between the line's beginning and the cursor, in a terminal that wraps. */
static size_t rows_above(term *t) {
    size_t columns = term_columns();
    if (columns == 0)
        return 0;
    const LineInfo *line = el_line(t->el);
    size_t before = (size_t)(line->cursor - line->buffer);
    return (width_of(t->prompt, strlen(t->prompt)) + width_of(line->buffer, before)) / columns;
}

void term_hide(term *t) {
    if (!t->visible)
        return;
    size_t rows = rows_above(t);
    (void)fputs("\r", stdout);
    if (rows > 0)
        (void)printf("\033[%zuA", rows);
    (void)fputs("\033[J", stdout);
    (void)fflush(stdout);
    t->visible = false;
}

void term_show(term *t) {
    if (t->visible)
        return;
    t->visible = true;
    if (t->ended) {
        t->ended = false;
        el_set(t->el, EL_UNBUFFERED, 1); /* raw mode, an empty line, the prompt */
    } else {
        el_set(t->el, EL_REFRESH);
    }
}

void term_resized(term *t) {
    el_resize(t->el);
    if (t->visible)
        el_set(t->el, EL_REFRESH);
}
