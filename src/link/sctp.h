/* One SCTP association over DTLS: usrsctp without threads (RFC 9260, 8261, 8831, 6525).
 *
 * All associations of a process belong to one thread, whose GLib main context also drives usrsctp's timers, every
 * 10 ms while there is an association. Events come from that thread, never from within usrsctp. */
#ifndef MT_LINK_SCTP_H
#define MT_LINK_SCTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MT_SCTP_PORT 5000
#define MT_SCTP_STREAMS 64
#define MT_SCTP_MESSAGE_MAX_BYTES 16384

typedef struct mt_sctp mt_sctp;

typedef enum mt_sctp_end {
    MT_SCTP_ABORTED,  /* the partner ended the association */
    MT_SCTP_VIOLATED, /* a message longer than MT_SCTP_MESSAGE_MAX_BYTES, or more than memory should hold */
} mt_sctp_end;

typedef struct mt_sctp_events {
    void (*send)(void *ctx, const void *p, size_t len_bytes); /* one packet; must not call back into this module */
    void (*up)(void *ctx);
    void (*message)(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len_bytes);
    void (*reset)(void *ctx, uint16_t stream); /* the partner closed its side of the stream */
    void (*end)(void *ctx, mt_sctp_end why);   /* once; nothing follows. Not for mt_sctp_close */
} mt_sctp_events;

/* Once per process. */
void mt_sctp_init(void);
void mt_sctp_deinit(void); /* after the last association was destroyed */

/* Begins the association at once: both ends do (RFC 8841). MT_ESYS. */
mt_err mt_sctp_create(uint16_t peer_port, const mt_sctp_events *events, void *ctx, mt_sctp **out) MT_MUST_CHECK;
void mt_sctp_destroy(mt_sctp *s); /* aborts what is open; no event follows but `send`. Not from within an event */
/* Aborts now, destroys later: `send` is called from within, nothing else afterwards. May be called from an event. */
void mt_sctp_close(mt_sctp *s);

void mt_sctp_input(mt_sctp *s, const void *p, size_t len_bytes);
/* Reliable and ordered within its stream. MT_EMORE: the send buffer (512 KiB) is full. MT_ESTATE: not up. MT_ESYS. */
mt_err mt_sctp_send(mt_sctp *s, uint16_t stream, uint32_t ppid, const void *p, size_t len_bytes) MT_MUST_CHECK;
/* Unordered, sent once: what is lost is lost (RFC 3758, 7496). */
mt_err mt_sctp_send_once(mt_sctp *s, uint16_t stream, uint32_t ppid, const void *p, size_t len_bytes) MT_MUST_CHECK;
unsigned mt_sctp_queued(const mt_sctp *s); /* packets that wait to be sent, or for their confirmation */
/* Sends a heartbeat, which the partner's association answers by itself: a sign of life when there is nothing to say. */
void mt_sctp_beat(mt_sctp *s);
/* Closes our side of a stream; waits its turn while another reset is on its way. */
void mt_sctp_reset(mt_sctp *s, uint16_t stream);

#endif
