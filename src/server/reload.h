/* What is read from files, at start-up and again at SIGHUP. */
#ifndef MT_SERVER_RELOAD_H
#define MT_SERVER_RELOAD_H

#include "base/err.h"
#include "server/server.h"

/* The web folder and the operator's token, where there are such. On failure, which was logged, what was read before
 * stays. */
mt_err mt_reload_web(mt_server *s) MT_MUST_CHECK;
mt_err mt_reload_operator(mt_server *s) MT_MUST_CHECK;
/* SIGHUP: configuration, web folder, operator's token, secret of the relay, certificate. Says what needs a restart.
 * Nothing of the configuration is taken where something in it is wrong. */
void mt_reload_all(mt_server *s);

#endif
