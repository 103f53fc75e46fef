/* Attributes of a partner's description. Unknown ones pass unread. */
#include "base/text.h"
#include "link/sdp_internal.h"

mt_err mt_sdp_refuse(mt_sdp_reader *g, const char *why) {
    g->why = why;
    return MT_EBAD;
}

static mt_err on_group(mt_sdp_reader *g, mt_slice value) {
    mt_slice rest = value;
    if (!mt_slice_is_nocase(mt_slice_cut(&rest, ' '), "BUNDLE"))
        return MT_OK;
    if (g->now != &g->session || g->has_bundle)
        return mt_sdp_refuse(g, "a second BUNDLE group, or in a section");
    g->bundle = rest;
    g->has_bundle = true;
    return MT_OK;
}

static mt_err on_mid(mt_sdp_reader *g, mt_slice value) {
    if (g->now == &g->session || g->now->mid.len > 0 || !mt_sdp_is_mid(value))
        return mt_sdp_refuse(g, "bad mid");
    g->now->mid = value;
    return MT_OK;
}

static mt_err on_ufrag(mt_sdp_reader *g, mt_slice value) {
    if (g->now->ufrag.len > 0 || !mt_sdp_is_ice_chars(value, 4, MT_SDP_MAX_ICE_BYTES))
        return mt_sdp_refuse(g, "bad ice-ufrag");
    g->now->ufrag = value;
    return MT_OK;
}

static mt_err on_pwd(mt_sdp_reader *g, mt_slice value) {
    if (g->now->pwd.len > 0 || !mt_sdp_is_ice_chars(value, 22, MT_SDP_MAX_ICE_BYTES))
        return mt_sdp_refuse(g, "bad ice-pwd");
    g->now->pwd = value;
    return MT_OK;
}

static mt_err on_ice_lite(mt_sdp_reader *g, mt_slice value) {
    (void)value;
    g->ice_lite = true;
    return MT_OK;
}

/* "sha-256 AB:CD:…"; other hash functions are passed over, since sha-256 must be there. */
static mt_err on_fingerprint(mt_sdp_reader *g, mt_slice value) {
    uint8_t got[32];
    mt_slice rest = value;
    if (!mt_slice_is_nocase(mt_slice_cut(&rest, ' '), "sha-256"))
        return MT_OK;
    if (rest.len != 3 * sizeof got - 1)
        return mt_sdp_refuse(g, "bad fingerprint");
    for (size_t i = 0; i < sizeof got; i++) {
        bool colon = i + 1 == sizeof got || rest.p[3 * i + 2] == ':';
        if (!colon || mt_text_hex_decode(mt_slice_n(rest.p + 3 * i, 2), &got[i], 1) != MT_OK)
            return mt_sdp_refuse(g, "bad fingerprint");
    }
    if (g->now->has_fingerprint && memcmp(g->now->fingerprint, got, sizeof got) != 0)
        return mt_sdp_refuse(g, "two fingerprints");
    memcpy(g->now->fingerprint, got, sizeof got);
    g->now->has_fingerprint = true;
    return MT_OK;
}

static mt_err on_setup(mt_sdp_reader *g, mt_slice value) {
    static const char *const names[] = {"actpass", "active", "passive"};
    for (size_t i = 0; i < 3 && !g->now->has_setup; i++) {
        if (mt_slice_is_nocase(value, names[i])) {
            g->now->setup = (mt_sdp_setup)i;
            g->now->has_setup = true;
            return MT_OK;
        }
    }
    return mt_sdp_refuse(g, "bad setup");
}

static mt_err on_direction(mt_sdp_reader *g, mt_sdp_direction direction) {
    if (g->now->has_direction)
        return mt_sdp_refuse(g, "two directions");
    g->now->direction = direction;
    g->now->has_direction = true;
    return MT_OK;
}
static mt_err on_sendrecv(mt_sdp_reader *g, mt_slice value) {
    return on_direction(g, MT_SDP_SENDRECV);
}
static mt_err on_sendonly(mt_sdp_reader *g, mt_slice value) {
    return on_direction(g, MT_SDP_SENDONLY);
}
static mt_err on_recvonly(mt_sdp_reader *g, mt_slice value) {
    return on_direction(g, MT_SDP_RECVONLY);
}
static mt_err on_inactive(mt_sdp_reader *g, mt_slice value) {
    return on_direction(g, MT_SDP_INACTIVE);
}

static mt_err on_rtcp_mux(mt_sdp_reader *g, mt_slice value) {
    (void)value;
    g->now->rtcp_mux = true;
    return MT_OK;
}

static mt_sdp_codec codec_of(mt_slice name) {
    if (mt_slice_is_nocase(name, "opus/48000/2"))
        return MT_SDP_OPUS;
    return mt_slice_is_nocase(name, "L16/48000/1") || mt_slice_is_nocase(name, "L16/48000") ? MT_SDP_L16 : MT_SDP_OTHER;
}

static mt_err on_rtpmap(mt_sdp_reader *g, mt_slice value) {
    mt_slice rest = value;
    uint64_t pt;
    if (mt_slice_to_u64(mt_slice_cut(&rest, ' '), 127, &pt) != MT_OK || rest.len == 0 ||
        g->now->codecs[pt] != MT_SDP_NONE)
        return mt_sdp_refuse(g, "bad rtpmap");
    g->now->codecs[pt] = (uint8_t)codec_of(rest);
    return MT_OK;
}

static mt_err number_once(mt_sdp_reader *g, mt_slice value, uint64_t max, uint64_t *out, const char *why) {
    uint64_t n;
    mt_err err = mt_slice_to_u64(value, max, &n);
    if (*out != 0 || err != MT_OK || n == 0)
        return mt_sdp_refuse(g, why);
    *out = n;
    return MT_OK;
}
static mt_err on_ptime(mt_sdp_reader *g, mt_slice value) {
    return number_once(g, value, 255, &g->now->ptime_ms, "bad ptime");
}
static mt_err on_sctp_port(mt_sdp_reader *g, mt_slice value) {
    return number_once(g, value, 65535, &g->now->sctp_port, "bad sctp-port");
}

static mt_err on_max_message(mt_sdp_reader *g, mt_slice value) {
    uint64_t n;
    mt_err err = mt_slice_to_u64(value, UINT32_MAX, &n);
    if (g->now->has_max_message || (err != MT_OK && err != MT_ELIMIT))
        return mt_sdp_refuse(g, "bad max-message-size");
    g->now->max_message_bytes = err == MT_ELIMIT || n == 0 ? UINT32_MAX : n;
    g->now->has_max_message = true;
    return MT_OK;
}

static mt_err on_candidate(mt_sdp_reader *g, mt_slice line) {
    mt_sdp_candidate c;
    mt_sdp_section *s = g->now;
    if (s == &g->session || s->candidate_count == MT_SDP_MAX_CANDIDATES)
        return mt_sdp_refuse(g, "too many candidates, or one outside a section");
    mt_err err = mt_sdp_candidate_parse(line, &c);
    if (err == MT_EBAD)
        return mt_sdp_refuse(g, "bad candidate");
    if (g->rule->relay_only && (err != MT_OK || c.type != MT_SDP_RELAY))
        return mt_sdp_refuse(g, "a candidate that is not a relay");
    s->candidates[s->candidate_count++] = line; /* the skipped ones count, too */
    return MT_OK;
}

static mt_err on_end_of_candidates(mt_sdp_reader *g, mt_slice value) {
    (void)value;
    g->now->end_of_candidates = true;
    return MT_OK;
}

/* "opus l16": what voice in the channel may be, in the order of preference; what is unknown is passed over. */
static mt_err on_voice(mt_sdp_reader *g, mt_slice value) {
    mt_slice rest = value;
    mt_sdp_section *s = g->now;
    if (s->has_voice || value.len == 0)
        return mt_sdp_refuse(g, "bad myturn-voice");
    s->has_voice = true;
    while (rest.len > 0) {
        mt_slice name = mt_slice_cut(&rest, ' ');
        bool *known = mt_slice_is(name, "opus") ? &s->voice_opus : mt_slice_is(name, "l16") ? &s->voice_l16 : NULL;
        if (name.len == 0 || (known != NULL && *known))
            return mt_sdp_refuse(g, "bad myturn-voice");
        if (known != NULL)
            *known = true;
        s->voice_l16_first |= known == &s->voice_l16 && !s->voice_opus;
    }
    return MT_OK;
}

static const struct {
    const char *name;
    mt_err (*fn)(mt_sdp_reader *g, mt_slice value);
} attributes[] = {
    {"group", on_group},
    {"mid", on_mid},
    {"ice-ufrag", on_ufrag},
    {"ice-pwd", on_pwd},
    {"ice-lite", on_ice_lite},
    {"fingerprint", on_fingerprint},
    {"setup", on_setup},
    {"sendrecv", on_sendrecv},
    {"sendonly", on_sendonly},
    {"recvonly", on_recvonly},
    {"inactive", on_inactive},
    {"rtcp-mux", on_rtcp_mux},
    {"rtpmap", on_rtpmap},
    {"ptime", on_ptime},
    {"sctp-port", on_sctp_port},
    {"max-message-size", on_max_message},
    {"end-of-candidates", on_end_of_candidates},
    {"myturn-voice", on_voice},
};

mt_err mt_sdp_attribute(mt_sdp_reader *g, mt_slice value) {
    mt_slice rest = value, name = mt_slice_cut(&rest, ':');
    if (mt_slice_is(name, "candidate"))
        return on_candidate(g, value);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        if (mt_slice_is(name, attributes[i].name))
            return attributes[i].fn(g, rest);
    return MT_OK;
}
