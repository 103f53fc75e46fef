/* The gate: what a partner's description must say to be let in. Unknown attributes pass unread; what we act on is read
 * strictly. */
#include "base/text.h"
#include "link/sdp.h"
#include "link/sdp_internal.h"

#define MAX_FORMATS 64

typedef enum codec { CODEC_NONE, CODEC_OPUS, CODEC_L16, CODEC_OTHER } codec;

/* A media section; the session level is one, too. */
typedef struct section {
    bool is_app;
    mt_slice mid, ufrag, pwd;
    uint8_t fingerprint[32];
    bool has_fingerprint, has_setup, has_direction, rtcp_mux, end_of_candidates;
    mt_sdp_setup setup;
    mt_sdp_direction direction;
    uint8_t formats[MAX_FORMATS];
    size_t format_count;
    uint8_t codecs[128]; /* by payload type */
    uint64_t ptime_ms, sctp_port, max_message_bytes;
    bool has_max_message;
    mt_slice candidates[MT_SDP_MAX_CANDIDATES];
    size_t candidate_count;
} section;

typedef struct gate {
    const mt_sdp_gate *rule;
    section session, media[2];
    size_t media_count;
    section *now;    /* where attributes belong */
    mt_slice bundle; /* mids of the group */
    bool has_bundle, ice_lite;
    unsigned seen; /* v o s t */
    const char *why;
} gate;

static mt_err refuse(gate *g, const char *why) {
    g->why = why;
    return MT_EBAD;
}

/* --- attributes --- */

static mt_err on_group(gate *g, mt_slice value) {
    mt_slice rest = value;
    if (!mt_slice_is_nocase(mt_slice_cut(&rest, ' '), "BUNDLE"))
        return MT_OK;
    if (g->now != &g->session || g->has_bundle)
        return refuse(g, "a second BUNDLE group, or in a section");
    g->bundle = rest;
    g->has_bundle = true;
    return MT_OK;
}

static mt_err on_mid(gate *g, mt_slice value) {
    if (g->now == &g->session || g->now->mid.len > 0 || !mt_sdp_is_mid(value))
        return refuse(g, "bad mid");
    g->now->mid = value;
    return MT_OK;
}

static mt_err on_ufrag(gate *g, mt_slice value) {
    if (g->now->ufrag.len > 0 || !mt_sdp_is_ice_chars(value, 4, MT_SDP_MAX_ICE_BYTES))
        return refuse(g, "bad ice-ufrag");
    g->now->ufrag = value;
    return MT_OK;
}

static mt_err on_pwd(gate *g, mt_slice value) {
    if (g->now->pwd.len > 0 || !mt_sdp_is_ice_chars(value, 22, MT_SDP_MAX_ICE_BYTES))
        return refuse(g, "bad ice-pwd");
    g->now->pwd = value;
    return MT_OK;
}

static mt_err on_ice_lite(gate *g, mt_slice value) {
    (void)value;
    g->ice_lite = true;
    return MT_OK;
}

/* "sha-256 AB:CD:…"; other hash functions are passed over, since sha-256 must be there. */
static mt_err on_fingerprint(gate *g, mt_slice value) {
    uint8_t got[32];
    mt_slice rest = value;
    if (!mt_slice_is_nocase(mt_slice_cut(&rest, ' '), "sha-256"))
        return MT_OK;
    if (rest.len != 3 * sizeof got - 1)
        return refuse(g, "bad fingerprint");
    for (size_t i = 0; i < sizeof got; i++) {
        bool colon = i + 1 == sizeof got || rest.p[3 * i + 2] == ':';
        if (!colon || mt_text_hex_decode(mt_slice_n(rest.p + 3 * i, 2), &got[i], 1) != MT_OK)
            return refuse(g, "bad fingerprint");
    }
    if (g->now->has_fingerprint && memcmp(g->now->fingerprint, got, sizeof got) != 0)
        return refuse(g, "two fingerprints");
    memcpy(g->now->fingerprint, got, sizeof got);
    g->now->has_fingerprint = true;
    return MT_OK;
}

static mt_err on_setup(gate *g, mt_slice value) {
    static const char *const names[] = {"actpass", "active", "passive"};
    for (size_t i = 0; i < 3 && !g->now->has_setup; i++) {
        if (mt_slice_is_nocase(value, names[i])) {
            g->now->setup = (mt_sdp_setup)i;
            g->now->has_setup = true;
            return MT_OK;
        }
    }
    return refuse(g, "bad setup");
}

static mt_err on_direction(gate *g, mt_sdp_direction direction) {
    if (g->now->has_direction)
        return refuse(g, "two directions");
    g->now->direction = direction;
    g->now->has_direction = true;
    return MT_OK;
}
static mt_err on_sendrecv(gate *g, mt_slice value) {
    return on_direction(g, MT_SDP_SENDRECV);
}
static mt_err on_sendonly(gate *g, mt_slice value) {
    return on_direction(g, MT_SDP_SENDONLY);
}
static mt_err on_recvonly(gate *g, mt_slice value) {
    return on_direction(g, MT_SDP_RECVONLY);
}
static mt_err on_inactive(gate *g, mt_slice value) {
    return on_direction(g, MT_SDP_INACTIVE);
}

static mt_err on_rtcp_mux(gate *g, mt_slice value) {
    (void)value;
    g->now->rtcp_mux = true;
    return MT_OK;
}

static codec codec_of(mt_slice name) {
    if (mt_slice_is_nocase(name, "opus/48000/2"))
        return CODEC_OPUS;
    return mt_slice_is_nocase(name, "L16/48000/1") || mt_slice_is_nocase(name, "L16/48000") ? CODEC_L16 : CODEC_OTHER;
}

static mt_err on_rtpmap(gate *g, mt_slice value) {
    mt_slice rest = value;
    uint64_t pt;
    if (mt_slice_to_u64(mt_slice_cut(&rest, ' '), 127, &pt) != MT_OK || rest.len == 0 ||
        g->now->codecs[pt] != CODEC_NONE)
        return refuse(g, "bad rtpmap");
    g->now->codecs[pt] = (uint8_t)codec_of(rest);
    return MT_OK;
}

static mt_err number_once(gate *g, mt_slice value, uint64_t max, uint64_t *out, const char *why) {
    uint64_t n;
    mt_err err = mt_slice_to_u64(value, max, &n);
    if (*out != 0 || err != MT_OK || n == 0)
        return refuse(g, why);
    *out = n;
    return MT_OK;
}
static mt_err on_ptime(gate *g, mt_slice value) {
    return number_once(g, value, 255, &g->now->ptime_ms, "bad ptime");
}
static mt_err on_sctp_port(gate *g, mt_slice value) {
    return number_once(g, value, 65535, &g->now->sctp_port, "bad sctp-port");
}

static mt_err on_max_message(gate *g, mt_slice value) {
    uint64_t n;
    mt_err err = mt_slice_to_u64(value, UINT32_MAX, &n);
    if (g->now->has_max_message || (err != MT_OK && err != MT_ELIMIT))
        return refuse(g, "bad max-message-size");
    g->now->max_message_bytes = err == MT_ELIMIT || n == 0 ? UINT32_MAX : n;
    g->now->has_max_message = true;
    return MT_OK;
}

static mt_err on_candidate(gate *g, mt_slice line) {
    mt_sdp_candidate c;
    section *s = g->now;
    if (s == &g->session || s->candidate_count == MT_SDP_MAX_CANDIDATES)
        return refuse(g, "too many candidates, or one outside a section");
    mt_err err = mt_sdp_candidate_parse(line, &c);
    if (err == MT_EBAD)
        return refuse(g, "bad candidate");
    if (g->rule->relay_only && (err != MT_OK || c.type != MT_SDP_RELAY))
        return refuse(g, "a candidate that is not a relay");
    s->candidates[s->candidate_count++] = line; /* the skipped ones count, too */
    return MT_OK;
}

static mt_err on_end_of_candidates(gate *g, mt_slice value) {
    (void)value;
    g->now->end_of_candidates = true;
    return MT_OK;
}

static const struct {
    const char *name;
    mt_err (*fn)(gate *g, mt_slice value);
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
};

static mt_err on_attribute(gate *g, mt_slice value) {
    mt_slice rest = value, name = mt_slice_cut(&rest, ':');
    if (mt_slice_is(name, "candidate"))
        return on_candidate(g, value);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        if (mt_slice_is(name, attributes[i].name))
            return attributes[i].fn(g, rest);
    return MT_OK;
}

/* --- sections --- */

static mt_err parse_formats(gate *g, mt_slice rest, section *s) {
    while (rest.len > 0) {
        uint64_t pt;
        if (s->format_count == MAX_FORMATS || mt_slice_to_u64(mt_slice_cut(&rest, ' '), 127, &pt) != MT_OK)
            return refuse(g, "bad audio formats");
        s->formats[s->format_count++] = (uint8_t)pt;
    }
    return MT_OK;
}

static mt_err on_media(gate *g, mt_slice value) {
    mt_slice rest = value, media = mt_slice_cut(&rest, ' '), port = mt_slice_cut(&rest, ' ');
    mt_slice proto = mt_slice_cut(&rest, ' ');
    uint64_t number;
    if (g->media_count == 2)
        return refuse(g, "more than two sections");
    section *s = &g->media[g->media_count];
    *s = (section){.is_app = mt_slice_is(media, "application")};
    if (!s->is_app && !mt_slice_is(media, "audio"))
        return refuse(g, "a section that is neither audio nor application");
    if (g->media_count == 1 && g->media[0].is_app == s->is_app)
        return refuse(g, "two sections of one kind");
    if (mt_slice_to_u64(port, 65535, &number) != MT_OK || number == 0)
        return refuse(g, "bad port, or a rejected section");
    g->media_count++;
    g->now = s;
    if (!s->is_app)
        return mt_slice_is_nocase(proto, "UDP/TLS/RTP/SAVPF") ? parse_formats(g, rest, s)
                                                              : refuse(g, "audio is not UDP/TLS/RTP/SAVPF");
    if (!mt_slice_is_nocase(proto, "UDP/DTLS/SCTP") || !mt_slice_is(rest, "webrtc-datachannel"))
        return refuse(g, "application is not UDP/DTLS/SCTP webrtc-datachannel");
    return MT_OK;
}

/* v o s t once each before the first section; v at the very beginning. */
static mt_err on_session_line(gate *g, char type, mt_slice value) {
    static const char types[] = "vost";
    const char *at = memchr(types, type, 4);
    if (at == NULL)
        return MT_OK;
    unsigned bit = 1u << (at - types);
    if (type == 't' && (g->seen & bit) != 0)
        return MT_OK; /* several times are allowed */
    if (g->now != &g->session || (g->seen & bit) != 0 || (type == 'v') != (g->seen == 0))
        return refuse(g, "v=, o= or s= twice or out of order");
    if (type == 'v' && !mt_slice_is(value, "0"))
        return refuse(g, "version is not 0");
    g->seen |= bit;
    return MT_OK;
}

static mt_err on_line(gate *g, mt_slice line) {
    if (line.len > MT_SDP_MAX_LINE_BYTES)
        return refuse(g, "line too long");
    if (line.len < 2 || line.p[0] < 'a' || line.p[0] > 'z' || line.p[1] != '=')
        return refuse(g, "bad line");
    if (mt_slice_find(line, '\r') < line.len || mt_slice_find(line, '\0') < line.len)
        return refuse(g, "CR or NUL in a line");
    if (g->seen == 0 && line.p[0] != 'v')
        return refuse(g, "does not begin with v=");
    mt_slice value = mt_slice_n(line.p + 2, line.len - 2);
    if (line.p[0] == 'a')
        return on_attribute(g, value);
    if (line.p[0] != 'm')
        return on_session_line(g, line.p[0], value);
    return g->seen == 15 ? on_media(g, value) : refuse(g, "v=, o=, s= or t= is missing");
}

/* Lines end in CRLF; a lone LF and a missing last end are borne (RFC 8866 section 5). */
static mt_err read_lines(gate *g, mt_slice text) {
    while (text.len > 0) {
        mt_slice line = mt_slice_cut(&text, '\n');
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        mt_err err = on_line(g, line);
        if (err != MT_OK)
            return err;
    }
    return MT_OK;
}

/* --- the whole --- */

/* Index of the BUNDLE-tagged section: the group names both mids, each once. */
static mt_err find_tagged(gate *g, size_t *out) {
    mt_slice rest = g->bundle, first = mt_slice_cut(&rest, ' '), second = rest;
    const mt_slice a = g->media[0].mid, b = g->media[1].mid;
    if (!g->has_bundle || a.len == 0 || b.len == 0 || mt_slice_eq(a, b))
        return refuse(g, "no BUNDLE group or no mids");
    bool straight = mt_slice_eq(first, a) && mt_slice_eq(second, b);
    bool crossed = mt_slice_eq(first, b) && mt_slice_eq(second, a);
    if (!straight && !crossed)
        return refuse(g, "the BUNDLE group is not exactly the two sections");
    *out = crossed ? 1 : 0;
    return MT_OK;
}

/* What the session level says holds for a section that is silent. */
static void inherit(const section *session, section *s) {
    if (s->ufrag.len == 0)
        s->ufrag = session->ufrag;
    if (s->pwd.len == 0)
        s->pwd = session->pwd;
    if (!s->has_setup) {
        s->setup = session->setup;
        s->has_setup = session->has_setup;
    }
    if (!s->has_fingerprint) {
        s->has_fingerprint = session->has_fingerprint;
        memcpy(s->fingerprint, session->fingerprint, sizeof s->fingerprint);
    }
}

static mt_sdp_direction direction_of(const gate *g, const section *audio) {
    if (audio->has_direction)
        return audio->direction;
    return g->session.has_direction ? g->session.direction : MT_SDP_SENDRECV;
}

static bool same_fingerprint(const section *a, const section *b) {
    return !a->has_fingerprint || !b->has_fingerprint ||
           memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint) == 0;
}

/* One transport: its section (or the session) must say all; the other may be silent (RFC 9143) but must not say
 * otherwise. */
static mt_err check_transport(gate *g, section *tagged, const section *other) {
    if (!same_fingerprint(&g->session, tagged) || !same_fingerprint(&g->session, other) ||
        !same_fingerprint(tagged, other))
        return refuse(g, "two fingerprints");
    inherit(&g->session, tagged);
    if (tagged->ufrag.len == 0 || tagged->pwd.len == 0)
        return refuse(g, "no ice-ufrag or ice-pwd");
    if (!tagged->has_fingerprint)
        return refuse(g, "no sha-256 fingerprint");
    if (other->has_setup && other->setup != tagged->setup)
        return refuse(g, "two setups");
    bool answer = g->rule->offer != NULL;
    if (!tagged->has_setup || answer == (tagged->setup == MT_SDP_ACTPASS))
        return refuse(g, "setup does not fit an offer or answer");
    return MT_OK;
}

static mt_err take_codecs(gate *g, const section *audio, mt_sdp *out) {
    for (size_t i = 0; i < audio->format_count; i++) {
        uint8_t pt = audio->formats[i];
        if (!mt_sdp_is_payload_type(pt))
            continue;
        if (audio->codecs[pt] == CODEC_OPUS && out->opus_pt == 0) {
            out->opus_pt = pt;
        } else if (audio->codecs[pt] == CODEC_L16 && out->l16_pt == 0) {
            out->l16_pt = pt;
            out->l16_first = out->opus_pt == 0;
        }
    }
    return out->opus_pt != 0 || out->l16_pt != 0 ? MT_OK : refuse(g, "no known codec");
}

static mt_err check_answer(gate *g, const mt_sdp *answer) {
    const mt_sdp *offer = g->rule->offer;
    if (strcmp(offer->mid_audio, answer->mid_audio) != 0 || strcmp(offer->mid_app, answer->mid_app) != 0 ||
        offer->app_first != answer->app_first)
        return refuse(g, "mids or order are not the offer's");
    if ((answer->opus_pt != 0 && offer->opus_pt == 0) || (answer->l16_pt != 0 && offer->l16_pt == 0))
        return refuse(g, "a codec that was not offered");
    unsigned may_send = (offer->direction & MT_SDP_RECVONLY) != 0 ? MT_SDP_SENDONLY : 0;
    unsigned may_receive = (offer->direction & MT_SDP_SENDONLY) != 0 ? MT_SDP_RECVONLY : 0;
    if (((unsigned)answer->direction & ~(may_send | may_receive)) != 0)
        return refuse(g, "a direction that was not offered");
    return MT_OK;
}

static void copy_text(mt_slice s, char *out) {
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
}

static mt_err take_all(gate *g, mt_sdp *out) {
    size_t tag;
    if (g->media_count != 2)
        return refuse(g, "not one audio and one application section");
    mt_err err = find_tagged(g, &tag);
    if (err != MT_OK)
        return err;
    section *tagged = &g->media[tag];
    const size_t app_at = g->media[0].is_app ? 0 : 1;
    const section *app = &g->media[app_at], *audio = &g->media[1 - app_at];
    err = check_transport(g, tagged, &g->media[1 - tag]);
    if (err != MT_OK)
        return err;
    if (!audio->rtcp_mux)
        return refuse(g, "no rtcp-mux");
    if (app->sctp_port == 0)
        return refuse(g, "no sctp-port");
    *out = (mt_sdp){.setup = tagged->setup,
                    .app_first = app_at == 0,
                    .ptime_ms = (uint8_t)audio->ptime_ms,
                    .direction = direction_of(g, audio),
                    .sctp_port = (uint16_t)app->sctp_port,
                    .max_message_bytes =
                        app->has_max_message ? (uint32_t)app->max_message_bytes : MT_SDP_DEFAULT_MAX_MESSAGE,
                    .ice_lite = g->ice_lite,
                    .end_of_candidates = tagged->end_of_candidates};
    copy_text(tagged->ufrag, out->ufrag);
    copy_text(tagged->pwd, out->pwd);
    copy_text(audio->mid, out->mid_audio);
    copy_text(app->mid, out->mid_app);
    memcpy(out->fingerprint, tagged->fingerprint, sizeof out->fingerprint);
    for (size_t i = 0; i < tagged->candidate_count; i++)
        (void)!mt_sdp_add_candidate(out, tagged->candidates[i]); /* checked before: only the skipped fail */
    err = take_codecs(g, audio, out);
    return err == MT_OK && g->rule->offer != NULL ? check_answer(g, out) : err;
}

mt_err mt_sdp_parse(mt_slice text, const mt_sdp_gate *rule, mt_sdp *out, const char **why) {
    gate g = {.rule = rule, .why = "too long"};
    mt_sdp got;
    g.now = &g.session;
    mt_err err = text.len > MT_SDP_MAX_BYTES ? MT_EBAD : read_lines(&g, text);
    if (err == MT_OK)
        err = take_all(&g, &got);
    if (err == MT_OK)
        *out = got;
    else if (why != NULL)
        *why = g.why;
    return err;
}
