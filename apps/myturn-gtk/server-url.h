/* What a user types as the server, as a URL. */
#ifndef GTK_SERVER_URL_H
#define GTK_SERVER_URL_H

/* "talk.example.org" -> https://talk.example.org; a bare local address gets http://. Freed with g_free; NULL: not
 * possible. */
char *mtg_server_url(const char *typed);

#endif
