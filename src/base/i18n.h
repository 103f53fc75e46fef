/* Texts for people, by gettext: one catalogue, po/, for libraries and programs. myturn_locale() finds it. */
#ifndef MT_BASE_I18N_H
#define MT_BASE_I18N_H

#include <libintl.h>

#define _(text) dgettext("myturn", text) /* in the user's language; never of "" */
#define N_(text) text                    /* in rules and tables: whoever shows it translates it */
#define N_TEXTS(one, many, n) dngettext("myturn", one, many, n) /* the form that fits the number */

#endif
