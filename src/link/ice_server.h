/* Where ICE is helped: STUN and TURN servers, as their URLs name them. RFC 7064 (stun:), 7065 (turn:, turns:). Pure. */
#ifndef MT_LINK_ICE_SERVER_H
#define MT_LINK_ICE_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define MT_ICE_SERVERS_MAX 8
#define MT_ICE_HOST_MAX_BYTES 253
#define MT_ICE_SECRET_MAX_BYTES 255

typedef enum mt_ice_server_kind { MT_ICE_STUN, MT_ICE_TURN_UDP, MT_ICE_TURN_TCP, MT_ICE_TURN_TLS } mt_ice_server_kind;

typedef struct mt_ice_server {
    mt_ice_server_kind kind;
    uint16_t port;
    char host[MT_ICE_HOST_MAX_BYTES + 1]; /* a name or an address; IPv6 without brackets */
    char user[MT_ICE_SECRET_MAX_BYTES + 1], password[MT_ICE_SECRET_MAX_BYTES + 1]; /* of TURN; else "" */
} mt_ice_server;

typedef struct mt_ice_servers {
    size_t count;
    mt_ice_server list[MT_ICE_SERVERS_MAX];
} mt_ice_servers;

/* Reads the URL into kind, host and port (3478, for turns: 5349, where none is given); user and password become "".
 * MT_ENOENT: well-formed, but not served here (stuns:, TURN over DTLS). MT_EBAD: malformed, or another scheme. */
mt_err mt_ice_server_parse(mt_slice url, mt_ice_server *out) MT_MUST_CHECK;
/* Gives the credentials of TURN. MT_EBAD: empty, too long, or with control characters. */
mt_err mt_ice_server_credentials(mt_ice_server *s, mt_slice user, mt_slice password) MT_MUST_CHECK;
/* MT_ELIMIT: there are MT_ICE_SERVERS_MAX. MT_EINVAL: TURN without credentials. */
mt_err mt_ice_servers_add(mt_ice_servers *servers, const mt_ice_server *s) MT_MUST_CHECK;
size_t mt_ice_servers_turn(const mt_ice_servers *servers); /* how many relay */

#endif
