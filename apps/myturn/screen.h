/* Lines in, lines out. On a terminal the line being typed is edited with libedit and stays whole below what is printed
 * meanwhile; otherwise lines are read from a pipe or file and everything printed is a line. Main thread. */
#ifndef APP_SCREEN_H
#define APP_SCREEN_H

#include <glib.h>
#include <stdbool.h>

typedef struct screen screen;

typedef struct screen_events {
    void (*line)(void *ctx, const char *line);     /* without its end; UTF-8 is not checked */
    void (*eof)(void *ctx);                        /* once, after the last line */
    void (*typing)(void *ctx, const char *so_far); /* terminal: the line was changed */
} screen_events;

#define SCREEN_LINE_MAX 65536 /* bytes; what a longer line has beyond is dropped */

/* Reads from standard input, writes to standard output. NULL: the terminal cannot be used. */
screen *screen_create(const screen_events *events, void *ctx);
/* The terminal is as it was before. NULL is allowed. */
void screen_destroy(screen *s);
bool screen_is_terminal(const screen *s);

/* Prints a line (or several) above the one being typed, flushed at once. Control characters are left out. */
void screen_say(screen *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Foreign text, such that it cannot turn around what stands beside it: in U+2068 … U+2069 (UAX #9) where the screen is
 * a terminal that was said to be UTF-8 and the text runs from right to left. g_free. */
char *screen_isolated(const screen *s, const char *text);
/* What stands before the line being typed; shown on terminals only. `passing` goes when Enter is pressed, `lasting`
 * stays with what was typed. */
void screen_prompt(screen *s, const char *passing, const char *lasting);
/* false: no line is taken any more until true. Typing goes on. */
void screen_listen(screen *s, bool on);

#endif
