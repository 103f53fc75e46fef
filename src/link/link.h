/* The encrypted link between two partners: ICE, DTLS, SRTP, one data channel and the four words over one UDP flow.
 *
 * Lives in the GLib main context that was the thread default at creation; callbacks come from it. One link a conversation. RFC 8445, 6347, 5764, 3711, 8831, 8832, 7983.
 *
 * Caller:  create -> on_local(offer ready) -> mt_link_local_sdp -> INVITE … 200 -> mt_link_remote_sdp(answer)
 * Callee:  create -> mt_link_remote_sdp(offer) -> on_local(answer ready) -> mt_link_local_sdp -> 200
 * Then on_secure (DTLS up, fingerprint verified, data channel open, words agreed), talk, mt_link_bye, on_closed, mt_link_destroy.
 *
 * In the talk another path can be looked for beside the one in use (ICE restart, docs/protocol/sdp.md): under the same keys and words, the talk moves onto it as soon as it works.
 * Caller:  mt_link_restart -> on_restart -> mt_link_restart_sdp -> re-INVITE … 200 -> mt_link_restart_remote(answer), or mt_link_restart_stop
 * Callee:  mt_link_restart_remote(offer) -> on_restart -> mt_link_restart_sdp -> 200 */
#ifndef MT_LINK_LINK_H
#define MT_LINK_LINK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "link/ice_server.h"

typedef struct mt_link mt_link;

typedef enum mt_link_end {
    MT_LINK_LOCAL_BYE,     /* we hung up and the partner confirmed, or 1 s passed */
    MT_LINK_REMOTE_BYE,    /* the partner hung up: bye, or the authenticated end of DTLS or SCTP */
    MT_LINK_LOST,          /* silent too long */
    MT_LINK_NO_PATH,       /* ICE found no way, or there was no secure link in time, whatever was missing */
    MT_LINK_DTLS_FAILED,   /* handshake refused: fingerprint or ciphers */
    MT_LINK_SAS_FAILED,    /* sas_failed: the words' protocol was violated */
    MT_LINK_PROTOCOL,      /* malformed or too many messages */
    MT_LINK_NO_RELAY,      /* relay_only, and no TURN server gave a relay: unreachable, or the password is wrong; or there is none */
} mt_link_end;
const char *mt_link_end_str(mt_link_end end); /* "local_bye", "remote_bye", "lost", "no_path", "dtls_failed", "sas_failed", "protocol", "no_relay" */

typedef enum mt_link_codec { MT_CODEC_OPUS, MT_CODEC_L16 } mt_link_codec;

/* What two partners agreed on before the link is made. This link carries the first two; plain RTP (MT_POLICY_RTP) is another
 * module's. Nothing falls back: who meets another policy than his own ends with DTLS_FAILED, or refuses the SDP. */
typedef enum mt_link_policy { MT_POLICY_GCM, MT_POLICY_CBC, MT_POLICY_RTP } mt_link_policy;
const char *mt_link_policy_str(mt_link_policy policy); /* "gcm", "cbc", "rtp" */

/* What the packets go through. Candidate types as in SDP: "host", "srflx", "prflx", "relay"; static strings. */
typedef struct mt_link_path {
    bool relayed;              /* through a TURN server, of whichever side */
    const char *local, *remote;
} mt_link_path;

typedef struct mt_link_secure {
    mt_link_policy policy;
    mt_link_path path;         /* at this moment; the event `path` tells when it changes */
    const char *words[4];      /* static strings */
    const char *dtls_cipher;   /* OpenSSL's standard name, e.g. TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 */
    const char *srtp_profile;  /* "AEAD_AES_256_GCM" …; NULL: voice goes inside DTLS (CBC) */
    mt_link_codec codec;       /* negotiated */
    uint8_t payload_type;      /* to send with */
    uint8_t ptime_ms;
    int64_t ice_us, dtls_us, channel_us; /* since the remote SDP was known */
} mt_link_secure;

typedef struct mt_link_events {
    void (*local_ready)(void *ctx);                         /* the local SDP can be taken; gathering done or its limit over */
    void (*secure)(void *ctx, const mt_link_secure *how);
    void (*text)(void *ctx, mt_slice body_utf8);            /* already limited, not yet cleaned for display */
    void (*typing)(void *ctx, bool on);
    void (*partner_mic)(void *ctx, bool on);
    void (*rtp)(void *ctx, mt_slice packet);                /* a verified, decrypted RTP packet; only after secure */
    void (*path)(void *ctx, const mt_link_path *path);      /* after secure: another path is in use */
    void (*reconnecting)(void *ctx, bool on);               /* silent 3 s / heard again. The owner applies the 3 s / 15 s rule with signalling */
    void (*closed)(void *ctx, mt_link_end why);             /* once; nothing follows. destroy may be called from here */
    void (*rtcp)(void *ctx, mt_slice compound);             /* the same for RTCP (RFC 3550 section 6, rtcp-mux) */
    void (*restart)(void *ctx, bool ready);                 /* the restart's SDP can be taken; false: no address or relay to be reached at, it is given up */
} mt_link_events;

typedef struct mt_link_config {
    bool caller;               /* sender of the dialog-forming INVITE: offers, opens the channel, is A in the words */
    uint8_t pair[16];          /* pair id, 128 bits */
    mt_link_codec codec;       /* what an offer lists first; both are always accepted */
    uint8_t ptime_ms;          /* 10 or 20 for Opus */
    mt_link_policy policy;     /* GCM or CBC */
    const mt_ice_servers *servers; /* copied; NULL: none (loopback and LAN) */
    const char *ca_file;       /* PEM, authorities beside the system's for TURN over TLS; copied; NULL: none */
    bool relay_only;           /* relay candidates alone, ours and the partner's; without TURN server NO_RELAY */
    bool loopback;             /* 127.0.0.1 is a candidate too: for a server on this machine. Without any other address it always is */
    uint32_t silence_ms;       /* silent so long: reconnecting; 0: 3,000 */
    uint32_t lost_ms;          /* silent so long: LOST; 0: 15,000 */
    uint32_t connect_ms;       /* from the remote SDP to secure at most; 0: 15,000 */
} mt_link_config;

/* Once per process, at start-up: OpenSSL, libsrtp, usrsctp. All links of a process live in one thread. MT_ESYS. */
mt_err mt_link_init(void) MT_MUST_CHECK;
/* After the last link was destroyed. Runs the default main context until what closes in the background is closed, 1 s at most. */
void mt_link_deinit(void);

mt_err mt_link_create(const mt_link_config *cfg, const mt_link_events *events, void *ctx, mt_link **out) MT_MUST_CHECK;
void mt_link_destroy(mt_link *l); /* any state; no callback follows */

/* NUL-terminated, borrowed until destroy. MT_EMORE: not ready yet. */
mt_err mt_link_local_sdp(mt_link *l, const char **out) MT_MUST_CHECK;
/* The partner's offer or answer. MT_EBAD: refused by the gate (488). MT_ESTATE: there is one already. */
mt_err mt_link_remote_sdp(mt_link *l, mt_slice sdp) MT_MUST_CHECK;

/* Caller, in the talk: gathers for a new path; an earlier try that has not led to one is given up. MT_ESTATE: callee, or no talk. MT_ESYS: no address. */
mt_err mt_link_restart(mt_link *l) MT_MUST_CHECK;
/* The partner's offer (callee; gives an earlier one up) or answer (caller). MT_EBAD: refused by the gate (488), the talk goes on over what there is. MT_ESTATE: no talk, or
 * there is no offer that this could be the answer to. MT_ESYS: no address. */
mt_err mt_link_restart_remote(mt_link *l, mt_slice sdp) MT_MUST_CHECK;
mt_err mt_link_restart_sdp(mt_link *l, const char **out) MT_MUST_CHECK; /* borrowed until the next restart or destroy. MT_EMORE: not ready */
void mt_link_restart_stop(mt_link *l); /* gives up what is not in use yet */

/* Talk; MT_ESTATE before secure and after the end. Text: MT_ELIMIT above 4,000 code points or when more is queued than the channel takes
 * (try again), MT_EBAD if not UTF-8 or empty. */
mt_err mt_link_text(mt_link *l, mt_slice body) MT_MUST_CHECK;
mt_err mt_link_typing(mt_link *l, bool on) MT_MUST_CHECK;
mt_err mt_link_mic(mt_link *l, bool on) MT_MUST_CHECK;
/* Encrypts and sends one RTP packet (header by the caller). May be called from ANY thread, until destroy. Dropped silently before secure and
 * after the end. */
void mt_link_send_rtp(mt_link *l, const void *packet, size_t len_bytes);
void mt_link_send_rtcp(mt_link *l, const void *compound, size_t len_bytes); /* the same for RTCP */
/* Hangs up: reliable bye, then close_notify; closed(LOCAL_BYE) follows within 1 s. Harmless when already ending. */
void mt_link_bye(mt_link *l);
int64_t mt_link_silent_ms(const mt_link *l); /* since the last message or packet of voice */
size_t mt_link_unsent(const mt_link *l);     /* texts that were taken, and wait for the channel's rate; a bye drops them */

#endif
