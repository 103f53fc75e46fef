/* Text for a terminal of so many columns, wrapped by us: between words, and with two spaces before each further row, so
 * that no row of a message begins where the program's own lines do. */
#ifndef APP_WRAP_H
#define APP_WRAP_H

#include <glib.h>

/* UTF-8 in, UTF-8 out, freed with g_free. columns 0: unknown, the text as it is. */
char *wrap_text(const char *text, size_t columns);

#endif
