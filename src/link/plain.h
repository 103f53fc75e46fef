/* Voice with a SIP phone by plain RTP (RFC 3550, 3551): NOT encrypted, for users who agreed to that. One UDP socket, no
 * ICE.
 *
 * Sound goes to the address that the phone's description gives, until a first RTP packet of the agreed kind comes: from
 * then on to where that came from, and from nowhere else is anything taken (symmetric RTP, RFC 4961; a phone behind a
 * NAT). While there is no sound to send a packet of silence goes out now and then, which keeps NATs open and phones
 * from giving up; it says nothing of the microphone. What is not RTP of the agreed payload type, DTMF (RFC 4733) and
 * RTCP too, is dropped. Lives in the GLib main context that was the thread default at creation. */
#ifndef MT_LINK_PLAIN_H
#define MT_LINK_PLAIN_H

#include "link/plain_sdp.h"

typedef struct mt_plain mt_plain;

typedef void mt_plain_rtp_fn(void *ctx, mt_slice packet); /* main loop: of the partner's, its header checked */

/* local: the address to use, its port is of no meaning. loopback: partners on this machine are possible. MT_ESYS: no
 * socket. */
mt_err mt_plain_create(const mt_addr *local, bool loopback, mt_plain_rtp_fn *fn, void *ctx,
                       mt_plain **out) MT_MUST_CHECK;
void mt_plain_destroy(mt_plain *p); /* no callback follows; NULL is harmless */

/* The phone's description. MT_EBAD: refused. MT_ESTATE: there is one already. */
mt_err mt_plain_remote_sdp(mt_plain *p, mt_slice sdp) MT_MUST_CHECK;
/* The offer, or the answer once there is a remote one. Borrowed until the next call. NULL: memory. */
const char *mt_plain_local_sdp(mt_plain *p, bool offer);
const mt_plain_sdp *mt_plain_agreed(const mt_plain *p); /* the phone's; NULL: none yet */
/* The call is up: what is agreed goes on the way. */
void mt_plain_start(mt_plain *p);
/* One RTP packet of ours, its header made anew where silence went before. Any thread, until destroy. */
void mt_plain_send_rtp(mt_plain *p, const void *packet, size_t len_bytes);

#endif
