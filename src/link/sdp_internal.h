/* Shared by sdp.c, sdp_candidate.c, sdp_gate.c and sdp_attr.c only. */
#ifndef MT_LINK_SDP_INTERNAL_H
#define MT_LINK_SDP_INTERNAL_H

#include "link/sdp.h"

bool mt_sdp_is_ice_chars(mt_slice s, size_t min, size_t max);
bool mt_sdp_is_mid(mt_slice s);           /* a token of at most MT_SDP_MAX_MID_BYTES */
bool mt_sdp_is_payload_type(unsigned pt); /* dynamic, and not taken for RTCP when multiplexed (RFC 5761) */

/* ---- the gate at work ---- */

#define MT_SDP_MAX_FORMATS 64

typedef enum mt_sdp_codec { MT_SDP_NONE, MT_SDP_OPUS, MT_SDP_L16, MT_SDP_OTHER } mt_sdp_codec;

/* A media section; the session level is one, too. */
typedef struct mt_sdp_section {
    bool is_app;
    mt_slice mid, ufrag, pwd;
    uint8_t fingerprint[32];
    bool has_fingerprint, has_setup, has_direction, rtcp_mux, end_of_candidates;
    mt_sdp_setup setup;
    mt_sdp_direction direction;
    uint8_t formats[MT_SDP_MAX_FORMATS];
    size_t format_count;
    uint8_t codecs[128]; /* by payload type */
    uint64_t ptime_ms, sctp_port, max_message_bytes;
    bool has_max_message;
    mt_slice candidates[MT_SDP_MAX_CANDIDATES];
    size_t candidate_count;
    bool has_voice; /* myturn-voice: opus and l16 by payload types of our own, l16 first */
    bool voice_opus, voice_l16, voice_l16_first;
} mt_sdp_section;

typedef struct mt_sdp_reader {
    const mt_sdp_gate *rule;
    mt_sdp_section session, media[2];
    size_t media_count;
    mt_sdp_section *now; /* where attributes belong */
    mt_slice bundle;     /* mids of the group */
    bool has_bundle, ice_lite;
    unsigned seen; /* v o s t */
    const char *why;
} mt_sdp_reader;

mt_err mt_sdp_refuse(mt_sdp_reader *g, const char *why) MT_MUST_CHECK; /* MT_EBAD */
/* sdp_attr.c: one attribute, behind its "a=", into the section that is being read. */
mt_err mt_sdp_attribute(mt_sdp_reader *g, mt_slice value) MT_MUST_CHECK;

#endif
