/* Messages as Pango markup: the text as it is, with addresses of the web marked as links. */
#ifndef GTK_LINKS_H
#define GTK_LINKS_H

/* text: UTF-8 of a stranger. The result is valid markup in which he decides nothing but where links stand, each of
 * which leads where it says; a host with letters beyond ASCII is looked up as "xn--…" (RFC 5891), and so it stands in
 * the link's address. Freed with g_free. */
char *mtg_links_markup(const char *text);

/* The host of such an address: whom it leads to. Freed with g_free. */
char *mtg_links_host(const char *uri);

#endif
