/* TLS as the options ask for it: whose certificate, and its renewal. */
#ifndef MT_SERVER_SECURE_H
#define MT_SERVER_SECURE_H

#include "server/server_int.h"

/* Fills srv->tls, before the ports are opened; leaves it NULL where no option asks for TLS. Errors are logged. */
mt_err mt_secure_create(mt_server *srv) MT_MUST_CHECK;
void mt_secure_reload(mt_server *srv); /* SIGHUP: for later connections; what is broken is logged and changes nothing */

#endif
