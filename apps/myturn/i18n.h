/* Every text a person reads is marked with _(), so that gettext can take over here alone. */
#ifndef APP_I18N_H
#define APP_I18N_H

#define _(text) (text)
#define N_(text) text /* in a table: translated where it is used, by _() */

#endif
