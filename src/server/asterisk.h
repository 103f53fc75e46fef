/* Asterisk in place of the embedded SIP server: who is logged in is written into its files, it is told by its manager
 * interface (AMI), and what it reports becomes statuses. All functions are harmless on a server without it. */
#ifndef MT_SERVER_ASTERISK_H
#define MT_SERVER_ASTERISK_H

#include "server/api.h"
#include "server/events.h"

typedef struct mt_asterisk mt_asterisk;
typedef struct mt_asterisk_peer mt_asterisk_peer; /* one login's part here */

/* Empties the marked parts of the files, then keeps a connection to the AMI. Sets srv->asterisk. MT_ESYS, MT_EBAD: a
 * file or the secret cannot be used, the reason was logged. */
mt_err mt_asterisk_create(mt_server *srv) MT_MUST_CHECK;
/* The files are emptied if they are not yet; before the network goes. */
void mt_asterisk_destroy(mt_server *srv);

/* What is to be sent leaves: at the end of a loop turn. */
void mt_asterisk_turn(mt_server *srv);
/* The server goes down: everybody is taken out of the files at once. */
void mt_asterisk_stop(mt_server *srv);
bool mt_asterisk_is_calm(const mt_server *srv); /* nothing is left to be told to Asterisk */

/* A login was made and is answered once Asterisk knows it; 503 after 3 s, and it is gone. Takes req. */
void mt_asterisk_login(mt_call *c, mt_session *s, const mt_session_secrets *secrets, bool v1);
/* The session ends: out of the files, held requests are answered. Before the session's own end. */
void mt_asterisk_logout(mt_session *s, int64_t now_ms);
/* The client of a request that is held here left. */
void mt_asterisk_abandoned(mt_hold *h, int64_t now_ms);
/* A pair is over: its calls are hung up, what was laid down for the partner is gone. */
void mt_asterisk_pair_ended(mt_server *srv, const mt_event *ev);

/* GET /user-ip: asks Asterisk. */
void mt_asterisk_where(mt_call *c);
/* The address it registered from, as last told. False: not known. */
bool mt_asterisk_addr(const mt_session *s, mt_addr *out);
/* The device file, secrets hidden, into srv->out. */
mt_err mt_asterisk_show_file(mt_server *srv) MT_MUST_CHECK;

const char *mt_asterisk_realm(const mt_server *srv);

/* PUT and GET /v1/turn/link */
void mt_asterisk_link_put(mt_call *c);
void mt_asterisk_link_get(mt_call *c);

#endif
