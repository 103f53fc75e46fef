/* libmyturn's texts in the user's language. */
#ifndef MT_CLIENT_LANG_H
#define MT_CLIENT_LANG_H

#include "base/i18n.h"

#define _(text) mt_lang_text(text)

/* Of the catalogue `myturn`; the text itself where there is no translation. "" stays "". */
__attribute__((format_arg(1))) const char *mt_lang_text(const char *text);

#endif
