/* Whether a message's body tells where its sender is: for servers whose users talk through relays only. Pure. */
#ifndef MT_SIP_HIDE_H
#define MT_SIP_HIDE_H

#include <stdbool.h>

#include "base/slice.h"
#include "sip/msg.h"

/* A session description (RFC 8866), or any text: true if it names no address but blank ones (0.0.0.0, ::) and those of
 * its own relay candidates. Of candidates there are only relays, with a blank related address (RFC 8839); o= may have
 * the loopback address that browsers write there. Where a host stands, names are no better than addresses, but for
 * those in .invalid. */
bool mt_sip_hide_is_blank(mt_slice text);
/* The same of a message's body; false too if it cannot be read (Content-Encoding). */
bool mt_sip_hide_body_is_blank(const mt_sip_msg *m);

#endif
