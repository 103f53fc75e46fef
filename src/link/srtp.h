/* Voice packets, encrypted and authenticated: libsrtp2 with the keys of the DTLS handshake (RFC 3711, 5764, 7714).
 *
 * Sending and receiving share nothing: each side belongs to one thread at a time, and the two may be different ones.
 * The caller holds a lock where several threads send. */
#ifndef MT_LINK_SRTP_H
#define MT_LINK_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/dtls.h"

#define MT_SRTP_PACKET_MAX_BYTES 1500
#define MT_SRTP_ROOM_BYTES (MT_SRTP_PACKET_MAX_BYTES + 148) /* libsrtp writes up to SRTP_MAX_TRAILER_LEN + 4 behind */
#define MT_SRTP_SOURCES_MAX 8                               /* SSRCs the partner may use in one talk */

typedef struct mt_srtp mt_srtp;

/* Once per process; takes up to a quarter of a second. MT_ESYS. */
mt_err mt_srtp_init(void) MT_MUST_CHECK;
void mt_srtp_deinit(void);

/* MT_ESYS. The keys are copied and stay the caller's to wipe. */
mt_err mt_srtp_create(const mt_dtls_keys *keys, mt_srtp **out) MT_MUST_CHECK;
void mt_srtp_destroy(mt_srtp *s);
const char *mt_srtp_profile(const mt_srtp *s); /* "AEAD_AES_256_GCM" …; static */

/* In place; buf holds *len_bytes of RTP and has MT_SRTP_ROOM_BYTES. MT_EINVAL: no RTP packet, or too long.
 * MT_EDENIED: libsrtp refuses (a repeated sequence number, worn-out key). On failure the content is undefined. */
mt_err mt_srtp_protect(mt_srtp *s, uint8_t *buf, size_t *len_bytes) MT_MUST_CHECK;
/* The same for compound RTCP. */
mt_err mt_srtp_protect_rtcp(mt_srtp *s, uint8_t *buf, size_t *len_bytes) MT_MUST_CHECK;

/* In place. MT_EDENIED: forged, changed, repeated, older than the window of 1,024, or one source too many: drop it.
 * On failure the content is undefined. */
mt_err mt_srtp_unprotect(mt_srtp *s, uint8_t *buf, size_t *len_bytes) MT_MUST_CHECK;
mt_err mt_srtp_unprotect_rtcp(mt_srtp *s, uint8_t *buf, size_t *len_bytes) MT_MUST_CHECK;

#endif
