/* The link's session descriptions: written, and the partner's let through a strict gate. RFC 8866, 3264, 8839 (ICE),
 * 8122 (fingerprint), 8841/8842 (DTLS, SCTP), 9143 (BUNDLE), 5761 (rtcp-mux), 7587 (Opus), 3551 (L16).
 * docs/protocol/sdp.md.
 *
 * One audio and one application section in one BUNDLE, under the policy cbc the application section alone; nothing
 * else. Pure: no I/O, no allocation but the buffer written to; any thread. */
#ifndef MT_LINK_SDP_H
#define MT_LINK_SDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define MT_SDP_MAX_BYTES 16384
#define MT_SDP_MAX_LINE_BYTES 1024
#define MT_SDP_MAX_CANDIDATES 64
#define MT_SDP_MAX_CANDIDATE_BYTES 256
#define MT_SDP_MAX_MID_BYTES 32
#define MT_SDP_MAX_ICE_BYTES 256
#define MT_SDP_OPUS_PT 111
#define MT_SDP_L16_PT 97
#define MT_SDP_DEFAULT_MAX_MESSAGE 65536u /* RFC 8841 when the attribute is missing */

typedef enum mt_sdp_setup { MT_SDP_ACTPASS, MT_SDP_ACTIVE, MT_SDP_PASSIVE } mt_sdp_setup;
typedef enum mt_sdp_direction {
    MT_SDP_INACTIVE = 0,
    MT_SDP_SENDONLY = 1,
    MT_SDP_RECVONLY = 2,
    MT_SDP_SENDRECV = 3
} mt_sdp_direction;
typedef enum mt_sdp_candidate_type { MT_SDP_HOST, MT_SDP_SRFLX, MT_SDP_PRFLX, MT_SDP_RELAY } mt_sdp_candidate_type;

const char *mt_sdp_candidate_type_str(mt_sdp_candidate_type type); /* "host" … */

typedef struct mt_sdp_candidate {
    mt_sdp_candidate_type type;
    uint32_t priority;
    mt_addr addr;
    /* "a=candidate:…", NUL-terminated, rebuilt from what was understood (unknown extensions are gone): what libnice
     * takes. */
    char line[MT_SDP_MAX_CANDIDATE_BYTES];
} mt_sdp_candidate;

/* line with or without "a=". UDP and component 1 only, numeric addresses only. MT_ENOENT: well-formed but to be skipped
 * (TCP, component 2, a ".local" name, port 0 or 9 of the unspecified address). MT_EBAD: malformed, or another host
 * name. */
mt_err mt_sdp_candidate_parse(mt_slice line, mt_sdp_candidate *out) MT_MUST_CHECK;

/* A description, ours or the partner's. About 20 KiB. */
typedef struct mt_sdp {
    char ufrag[MT_SDP_MAX_ICE_BYTES + 1]; /* 4 … 256 ice-chars, NUL-terminated */
    char pwd[MT_SDP_MAX_ICE_BYTES + 1];   /* 22 … 256 */
    uint8_t fingerprint[32];              /* SHA-256 of the certificate's DER */
    mt_sdp_setup setup;                   /* offer: actpass; answer: active or passive */

    bool
        cbc; /* voice inside DTLS: there is no audio section, and the payload types are MT_SDP_OPUS_PT, MT_SDP_L16_PT */
    char mid_audio[MT_SDP_MAX_MID_BYTES + 1];
    char mid_app[MT_SDP_MAX_MID_BYTES + 1];
    bool app_first; /* order of the two sections; the first one is the BUNDLE-tagged one */

    uint8_t opus_pt;            /* 0: not there. At least one of the two is */
    uint8_t l16_pt;             /* L16/48000/1 */
    bool l16_first;             /* preferred by whoever wrote it */
    uint8_t ptime_ms;           /* 0: not given */
    mt_sdp_direction direction; /* as its writer sees it */

    uint16_t sctp_port;
    uint32_t max_message_bytes; /* 0 in the SDP (no limit) is given as UINT32_MAX */

    bool ice_lite;
    bool end_of_candidates;
    size_t candidate_count;
    mt_sdp_candidate candidates[MT_SDP_MAX_CANDIDATES]; /* of the BUNDLE-tagged section only */
} mt_sdp;

/* An offer with nothing in it yet but what never changes: mids "0" (audio) and "1", Opus 111, L16 97, actpass,
 * sendrecv, port 5000, max-message-size 65536. The caller fills in ufrag, pwd, fingerprint, ptime_ms and candidates. */
void mt_sdp_init_offer(mt_sdp *out);
/* The answer to an accepted offer: its mids, order, payload types and preference; active; the direction mirrored. The
 * caller fills in the same fields as above. */
void mt_sdp_init_answer(const mt_sdp *offer, mt_sdp *out);
/* Adds a local candidate (as libnice writes it). MT_ENOENT and MT_EBAD as mt_sdp_candidate_parse, MT_ELIMIT: there
 * are 64. */
mt_err mt_sdp_add_candidate(mt_sdp *sdp, mt_slice line) MT_MUST_CHECK;

typedef struct mt_sdp_write_options {
    uint64_t session_id; /* random, < 2^63; it says nothing about the host */
    unsigned version;    /* 0 first, one more for each ICE restart */
    bool relay_only;     /* writes relay candidates only, without their related address */
} mt_sdp_write_options;
/* Appends the SDP. o= and c= never hold an address. MT_EINVAL: a field of sdp is out of range. MT_ENOMEM, MT_ELIMIT: of
 * the buffer. */
mt_err mt_sdp_write(const mt_sdp *sdp, const mt_sdp_write_options *opt, mt_buf *out) MT_MUST_CHECK;

typedef struct mt_sdp_gate {
    const mt_sdp *offer;  /* NULL: an offer is expected; else our offer, and the answer to it is */
    const mt_sdp *before; /* of an ICE restart: the partner's description of before, also an offer or an answer */
    bool cbc;             /* the policy; a description of the other one is refused */
    bool relay_only;      /* any candidate but a relay refuses the whole; skipped ones (mDNS, TCP) too */
} mt_sdp_gate;
/* MT_EBAD: refused; *why (may be NULL) is then a static English phrase for the log and the tests, and out is untouched.
 */
mt_err mt_sdp_parse(mt_slice text, const mt_sdp_gate *gate, mt_sdp *out, const char **why) MT_MUST_CHECK;

#endif
