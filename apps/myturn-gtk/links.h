/* Messages as Pango markup: the text as it is, with addresses of the web marked as links. */
#ifndef GTK_LINKS_H
#define GTK_LINKS_H

/* text: UTF-8 of a stranger. The result is valid markup in which he decides nothing but where links stand, each of
 * which leads where it says. Freed with g_free. */
char *mtg_links_markup(const char *text);

#endif
