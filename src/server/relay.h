/* Relays between partners: the ICE servers that clients are told, with credentials for TURN that are made on the spot
 * and lapse by themselves, and whether talks may go through relays only.
 *
 * The credentials are those of coturn's use-auth-secret: user "<expiry>:<random>", password base64(HMAC-SHA1(secret,
 * user)). The random part is no name: the relay learns of no nickname. */
#ifndef MT_SERVER_RELAY_H
#define MT_SERVER_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/random.h"
#include "server/ice_urls.h"

#define MT_RELAY_SECRET_MAX 256
#define MT_RELAY_SECRET_MIN 16

typedef enum mt_relay_mode { MT_RELAY_AUTO, MT_RELAY_YES, MT_RELAY_NO } mt_relay_mode;

typedef struct mt_relay_options {
    mt_ice_urls stun, turn;
    const char *secret_file; /* NULL: none */
    uint32_t ttl_s;          /* 14400 */
    mt_relay_mode only;      /* auto: on where turn is set */
} mt_relay_options;

/* The secret that is shared with the TURN server. */
typedef struct mt_relay_secret {
    char text[MT_RELAY_SECRET_MAX + 1];
    size_t len; /* 0: none */
} mt_relay_secret;

bool mt_relay_is_only(const mt_relay_options *o);

/* Reads the secret's file; without one *out is empty. Problems are logged; *out is then unchanged. MT_ESYS: it cannot
 * be read. MT_EBAD: not one line of 16 to 256 visible ASCII characters. */
mt_err mt_relay_load(const mt_relay_options *o, mt_relay_secret *out) MT_MUST_CHECK;
void mt_relay_wipe(mt_relay_secret *s);

/* Appends "ice_servers":[…],"relay_only":… with fresh credentials. wall_s: seconds since the epoch. */
void mt_relay_members(mt_buf *out, const mt_relay_options *o, const mt_relay_secret *secret, mt_random random,
                      int64_t wall_s);

#endif
