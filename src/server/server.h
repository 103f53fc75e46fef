/* The server as a whole: API, matchmaker, SIP registrar and proxy, and web page over one event loop. One thread. */
#ifndef MT_SERVER_SERVER_H
#define MT_SERVER_SERVER_H

#include "base/addr.h"
#include "base/err.h"
#include "base/random.h"
#include "server/options.h"

typedef struct mt_server mt_server;

/* Opens its ports and is ready to serve. Strings of opt must outlive it. MT_ESYS, MT_EBAD: the reason was logged. */
mt_err mt_server_create(const mt_options *opt, mt_random random, mt_server **out) MT_MUST_CHECK;
/* The addresses really bound; those of TLS may be none (mt_options_has). */
mt_addr mt_server_http_addr(const mt_server *s);
mt_addr mt_server_sip_addr(const mt_server *s);
mt_addr mt_server_https_addr(const mt_server *s);
mt_addr mt_server_sips_addr(const mt_server *s);
/* Serves until SIGTERM or SIGINT: then calls are ended, users are gone, and it returns within 2 s; a second signal
 * returns at once. */
mt_err mt_server_run(mt_server *s) MT_MUST_CHECK;
void mt_server_destroy(mt_server *s); /* NULL is allowed */

#endif
