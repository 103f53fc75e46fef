/* Proxies in front of the server that are believed when they say for whom they ask. Pure. */
#ifndef MT_SERVER_PROXIES_H
#define MT_SERVER_PROXIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/slice.h"

#define MT_PROXIES_MAX 32

/* An address with the number of its leading bits that count. */
typedef struct mt_network {
    uint8_t bytes[16];
    uint8_t bits, len_bytes; /* len_bytes: 4 or 16 */
} mt_network;

typedef struct mt_proxies {
    mt_network nets[MT_PROXIES_MAX];
    size_t count;
} mt_proxies;

/* Which header they write. Only this one is read: the other passes through them as the client sent it. */
typedef enum mt_proxies_header { MT_PROXIES_X_FORWARDED_FOR, MT_PROXIES_FORWARDED } mt_proxies_header;

/* Adds the networks of a list: "10.0.0.0/8, ::1", separated by commas or spaces; without prefix length one address.
 * MT_EBAD: not such a list, or bits beyond the prefix are set. MT_ELIMIT: too many. Nothing is added on failure. */
mt_err mt_proxies_add(mt_proxies *p, mt_slice list) MT_MUST_CHECK;
/* Appends them as such a list. */
void mt_proxies_format(const mt_proxies *p, mt_buf *out);
bool mt_proxies_trusts(const mt_proxies *p, const mt_addr *a);

/* Follows the header's lines, in the order in which they came, to the rightmost address that is not trusted. */
typedef struct mt_proxies_trail {
    mt_addr client; /* port 0; family 0: none yet */
    bool lost;      /* the last element said nothing: who reported it is as far as we can see */
} mt_proxies_trail;
void mt_proxies_follow(const mt_proxies *p, mt_proxies_trail *t, mt_proxies_header kind, mt_slice line);
/* The client behind peer, who is trusted; peer himself where the header tells nothing. */
mt_addr mt_proxies_end(const mt_proxies_trail *t, const mt_addr *peer);

#endif
