/* Addresses of STUN and TURN servers as browsers write them (RFC 7064, RFC 7065): "stun:host:port",
 * "turn:host:port?transport=udp", "turns:host:port?transport=tcp". Pure. */
#ifndef MT_SERVER_ICE_URLS_H
#define MT_SERVER_ICE_URLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define MT_ICE_URLS_MAX 8
#define MT_ICE_URL_BYTES 160

typedef struct mt_ice_urls {
    char at[MT_ICE_URLS_MAX][MT_ICE_URL_BYTES + 1]; /* of characters that JSON takes as they are */
    size_t count;
} mt_ice_urls;

/* Adds the URLs of a list, separated by commas or spaces. turn: turn: and turns: ones, else stun: and stuns:. MT_EBAD:
 * not such a list. MT_ELIMIT: too many, or one too long. Nothing is added on failure. */
mt_err mt_ice_urls_add(mt_ice_urls *u, mt_slice list, bool turn) MT_MUST_CHECK;
/* Appends them as such a list. */
void mt_ice_urls_format(const mt_ice_urls *u, mt_buf *out);
bool mt_ice_urls_same(const mt_ice_urls *a, const mt_ice_urls *b);

#endif
