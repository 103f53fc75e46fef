/* Every text a person reads is marked with _(), and comes in his language. */
#ifndef APP_I18N_H
#define APP_I18N_H

#include <libintl.h>

#define _(text) dgettext("myturn", text)
#define N_(text) text /* in a table: translated where it is used, by _() */

#endif
