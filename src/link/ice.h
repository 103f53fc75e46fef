/* The path between the partners: one ICE stream with one component over UDP, by libnice (RFC 8445, 8421).
 *
 * Thread: created, used and destroyed in the thread whose GLib main context was the thread default at creation; events
 * come from it. mt_ice_send alone may be called from any thread. Consent freshness, TCP candidates and UPnP are off:
 * whether the partner lives is judged by authenticated packets alone. */
#ifndef MT_LINK_ICE_H
#define MT_LINK_ICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/ice_server.h"
#include "link/sdp.h"

#define MT_ICE_CANDIDATES_MAX 16

typedef struct mt_ice mt_ice;

typedef struct mt_ice_events {
    void (*gathered)(void *ctx); /* once: all candidates are known, or the time limit is over */
    void (*writable)(void *ctx); /* mt_ice_send works; may come again when the path changes */
    void (*failed)(void *ctx);   /* no pair works; a late check of the partner's may still heal it (writable follows) */
    void (*packet)(void *ctx, const uint8_t *p, size_t len_bytes); /* all but STUN, from the partner's address */
} mt_ice_events;

typedef struct mt_ice_config {
    bool controlling; /* the offerer */
    bool loopback;    /* 127.0.0.1 is a candidate even where the machine has other addresses */
    bool relay_only;  /* TURN candidates only */
    const mt_ice_servers *servers; /* NULL: none; not kept */
    const char *ca_file; /* PEM, authorities beside the system's for TURN over TLS; NULL: none; not kept */
} mt_ice_config;

/* MT_ESYS: libnice refused. ctx goes to every event. */
mt_err mt_ice_create(const mt_ice_config *cfg, const mt_ice_events *events, void *ctx, mt_ice **out) MT_MUST_CHECK;
/* Events go there from now on. */
void mt_ice_hand_over(mt_ice *ice, const mt_ice_events *events, void *ctx);
/* No event follows. Sockets close at once; a TURN allocation is freed in the background by the main context. */
void mt_ice_destroy(mt_ice *ice);

/* Agents whose background close has not ended yet: the main context must go on running for them. */
unsigned mt_ice_closing(void);

/* Begins gathering; `gathered` follows within 300 ms; with STUN or TURN 300 ms after the first of their candidates, 1.5 s
 * at most; with relay_only 30 ms after the first relay, 4 s at most. MT_ESYS. */
mt_err mt_ice_gather(mt_ice *ice) MT_MUST_CHECK;
const char *mt_ice_ufrag(const mt_ice *ice);
const char *mt_ice_pwd(const mt_ice *ice);
/* NULL-terminated "a=candidate:…" lines; g_strfreev. With relay_only relayed ones alone. */
char **mt_ice_candidates(mt_ice *ice);
/* The partner's credentials and candidates, as the gate let them through; the first MT_ICE_CANDIDATES_MAX are tried.
 * None at all is no failure: the partner's own checks may do. MT_EBAD: libnice takes the credentials not. */
mt_err mt_ice_remote(mt_ice *ice, const mt_sdp *sdp) MT_MUST_CHECK;

/* One datagram to the partner. Any thread, between `writable` and destroy. MT_ESTATE: no path yet. */
mt_err mt_ice_send(mt_ice *ice, const void *p, size_t len_bytes) MT_MUST_CHECK;

typedef struct mt_ice_path {
    mt_sdp_candidate_type local, remote;
    bool relayed; /* through a TURN server, of whichever side */
} mt_ice_path;
/* The pair in use. remote: what mt_ice_remote was given. MT_ESTATE: none yet. */
mt_err mt_ice_selected(mt_ice *ice, const mt_sdp *remote, mt_ice_path *out) MT_MUST_CHECK;

#endif
