/* Shared by sdp.c, sdp_candidate.c and sdp_gate.c only. */
#ifndef MT_LINK_SDP_INTERNAL_H
#define MT_LINK_SDP_INTERNAL_H

#include "link/sdp.h"

bool mt_sdp_is_ice_chars(mt_slice s, size_t min, size_t max);
bool mt_sdp_is_mid(mt_slice s);           /* a token of at most MT_SDP_MAX_MID_BYTES */
bool mt_sdp_is_payload_type(unsigned pt); /* dynamic, and not taken for RTCP when multiplexed (RFC 5761) */

#endif
