/* TURN over TLS (turns:, RFC 8656 section 6.2.2): libnice speaks TURN over plain TCP only, so its connection goes to a
 * port on loopback, and from there on by TLS to the server, whose certificate is verified (chain and name).
 *
 * All in the GLib main context that was the thread default at creation. docs/adr/0021-turn-over-tls.md. */
#ifndef MT_LINK_TURN_TLS_H
#define MT_LINK_TURN_TLS_H

#include <stdint.h>

#include "base/err.h"

typedef struct mt_turn_tls mt_turn_tls;

/* Listens on 127.0.0.1. ca_file: PEM, authorities beside the system's; NULL: none. MT_ESYS: no port, no TLS library, or
 * ca_file cannot be read. */
mt_err mt_turn_tls_create(const char *host, uint16_t port, const char *ca_file, mt_turn_tls **out) MT_MUST_CHECK;
uint16_t mt_turn_tls_port(const mt_turn_tls *t);
void mt_turn_tls_destroy(mt_turn_tls *t); /* connections end; NULL is harmless */

#endif
