/* The line being typed on a terminal, edited with libedit. */
#ifndef APP_TERM_H
#define APP_TERM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct term term;

/* NULL: no terminal, or none that can move its cursor. */
term *term_create(void);
/* The terminal is as it was before. NULL is allowed. */
void term_destroy(term *t);

typedef enum term_read_result { TERM_MORE, TERM_LINE, TERM_EOF } term_read_result;
/* Takes one key. After TERM_LINE term_text is the whole line, and the line is hidden until term_show. */
term_read_result term_read(term *t);
/* What has been typed so far; until the next call of any of these functions. */
const char *term_text(term *t);
/* The prompt appears with the next term_show: `passing` goes when the line is complete, `lasting` stays. Copied. */
void term_prompt(term *t, const char *passing, const char *lasting);
/* Takes the line off the screen, so that something can be printed where it was; and puts it back. */
void term_hide(term *t);
void term_show(term *t);
void term_resized(term *t);

/* Of the terminal behind standard output; 0: not known. */
size_t term_columns(void);

#endif
