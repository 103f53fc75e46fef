/* The gate: what a partner's description must say to be let in. Unknown attributes pass unread; what we act on is read
 * strictly. */
#include "link/sdp.h"
#include "link/sdp_internal.h"

/* --- sections --- */

static mt_err parse_formats(mt_sdp_reader *g, mt_slice rest, mt_sdp_section *s) {
    while (rest.len > 0) {
        uint64_t pt;
        if (s->format_count == MT_SDP_MAX_FORMATS || mt_slice_to_u64(mt_slice_cut(&rest, ' '), 127, &pt) != MT_OK)
            return mt_sdp_refuse(g, "bad audio formats");
        s->formats[s->format_count++] = (uint8_t)pt;
    }
    return MT_OK;
}

static mt_err on_media(mt_sdp_reader *g, mt_slice value) {
    mt_slice rest = value, media = mt_slice_cut(&rest, ' '), port = mt_slice_cut(&rest, ' ');
    mt_slice proto = mt_slice_cut(&rest, ' ');
    uint64_t number;
    if (g->media_count == 2)
        return mt_sdp_refuse(g, "more than two sections");
    mt_sdp_section *s = &g->media[g->media_count];
    *s = (mt_sdp_section){.is_app = mt_slice_is(media, "application")};
    if (!s->is_app && !mt_slice_is(media, "audio"))
        return mt_sdp_refuse(g, "a section that is neither audio nor application");
    if (g->media_count == 1 && g->media[0].is_app == s->is_app)
        return mt_sdp_refuse(g, "two sections of one kind");
    if (mt_slice_to_u64(port, 65535, &number) != MT_OK || number == 0)
        return mt_sdp_refuse(g, "bad port, or a rejected section");
    g->media_count++;
    g->now = s;
    if (!s->is_app)
        return mt_slice_is_nocase(proto, "UDP/TLS/RTP/SAVPF") ? parse_formats(g, rest, s)
                                                              : mt_sdp_refuse(g, "audio is not UDP/TLS/RTP/SAVPF");
    if (!mt_slice_is_nocase(proto, "UDP/DTLS/SCTP") || !mt_slice_is(rest, "webrtc-datachannel"))
        return mt_sdp_refuse(g, "application is not UDP/DTLS/SCTP webrtc-datachannel");
    return MT_OK;
}

/* v o s t once each before the first section; v at the very beginning. */
static mt_err on_session_line(mt_sdp_reader *g, char type, mt_slice value) {
    static const char types[] = "vost";
    const char *at = memchr(types, type, 4);
    if (at == NULL)
        return MT_OK;
    unsigned bit = 1u << (at - types);
    if (type == 't' && (g->seen & bit) != 0)
        return MT_OK; /* several times are allowed */
    if (g->now != &g->session || (g->seen & bit) != 0 || (type == 'v') != (g->seen == 0))
        return mt_sdp_refuse(g, "v=, o= or s= twice or out of order");
    if (type == 'v' && !mt_slice_is(value, "0"))
        return mt_sdp_refuse(g, "version is not 0");
    g->seen |= bit;
    return MT_OK;
}

static mt_err on_line(mt_sdp_reader *g, mt_slice line) {
    if (line.len > MT_SDP_MAX_LINE_BYTES)
        return mt_sdp_refuse(g, "line too long");
    if (line.len < 2 || line.p[0] < 'a' || line.p[0] > 'z' || line.p[1] != '=')
        return mt_sdp_refuse(g, "bad line");
    if (mt_slice_find(line, '\r') < line.len || mt_slice_find(line, '\0') < line.len)
        return mt_sdp_refuse(g, "CR or NUL in a line");
    if (g->seen == 0 && line.p[0] != 'v')
        return mt_sdp_refuse(g, "does not begin with v=");
    mt_slice value = mt_slice_n(line.p + 2, line.len - 2);
    if (line.p[0] == 'a')
        return mt_sdp_attribute(g, value);
    if (line.p[0] != 'm')
        return on_session_line(g, line.p[0], value);
    return g->seen == 15 ? on_media(g, value) : mt_sdp_refuse(g, "v=, o=, s= or t= is missing");
}

/* Lines end in CRLF; a lone LF and a missing last end are borne (RFC 8866 section 5). */
static mt_err read_lines(mt_sdp_reader *g, mt_slice text) {
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
static mt_err find_tagged(mt_sdp_reader *g, size_t *out) {
    mt_slice rest = g->bundle, first = mt_slice_cut(&rest, ' '), second = rest;
    const mt_slice a = g->media[0].mid, b = g->media[1].mid;
    if (!g->has_bundle || a.len == 0 || b.len == 0 || mt_slice_eq(a, b))
        return mt_sdp_refuse(g, "no BUNDLE group or no mids");
    bool straight = mt_slice_eq(first, a) && mt_slice_eq(second, b);
    bool crossed = mt_slice_eq(first, b) && mt_slice_eq(second, a);
    if (!straight && !crossed)
        return mt_sdp_refuse(g, "the BUNDLE group is not exactly the two sections");
    *out = crossed ? 1 : 0;
    return MT_OK;
}

/* What the session level says holds for a section that is silent. */
static void inherit(const mt_sdp_section *session, mt_sdp_section *s) {
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

static mt_sdp_direction direction_of(const mt_sdp_reader *g, const mt_sdp_section *audio) {
    if (audio->has_direction)
        return audio->direction;
    return g->session.has_direction ? g->session.direction : MT_SDP_SENDRECV;
}

static bool same_fingerprint(const mt_sdp_section *a, const mt_sdp_section *b) {
    return !a->has_fingerprint || !b->has_fingerprint ||
           memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint) == 0;
}

/* One transport: its section (or the session) must say all; the other may be silent (RFC 9143) but must not say
 * otherwise. */
static mt_err check_transport(mt_sdp_reader *g, mt_sdp_section *tagged, const mt_sdp_section *other) {
    if (!same_fingerprint(&g->session, tagged) || !same_fingerprint(&g->session, other) ||
        !same_fingerprint(tagged, other))
        return mt_sdp_refuse(g, "two fingerprints");
    inherit(&g->session, tagged);
    if (tagged->ufrag.len == 0 || tagged->pwd.len == 0)
        return mt_sdp_refuse(g, "no ice-ufrag or ice-pwd");
    if (!tagged->has_fingerprint)
        return mt_sdp_refuse(g, "no sha-256 fingerprint");
    if (other->has_setup && other->setup != tagged->setup)
        return mt_sdp_refuse(g, "two setups");
    bool answer = g->rule->offer != NULL;
    if (!tagged->has_setup || answer == (tagged->setup == MT_SDP_ACTPASS))
        return mt_sdp_refuse(g, "setup does not fit an offer or answer");
    return MT_OK;
}

static mt_err take_codecs(mt_sdp_reader *g, const mt_sdp_section *audio, mt_sdp *out) {
    for (size_t i = 0; i < audio->format_count; i++) {
        uint8_t pt = audio->formats[i];
        if (!mt_sdp_is_payload_type(pt))
            continue;
        if (audio->codecs[pt] == MT_SDP_OPUS && out->opus_pt == 0) {
            out->opus_pt = pt;
        } else if (audio->codecs[pt] == MT_SDP_L16 && out->l16_pt == 0) {
            out->l16_pt = pt;
            out->l16_first = out->opus_pt == 0;
        }
    }
    return out->opus_pt != 0 || out->l16_pt != 0 ? MT_OK : mt_sdp_refuse(g, "no known codec");
}

static mt_err check_answer(mt_sdp_reader *g, const mt_sdp *answer) {
    const mt_sdp *offer = g->rule->offer;
    bool same_audio = offer->cbc || strcmp(offer->mid_audio, answer->mid_audio) == 0;
    if (!same_audio || strcmp(offer->mid_app, answer->mid_app) != 0 ||
        offer->app_first != answer->app_first)
        return mt_sdp_refuse(g, "mids or order are not the offer's");
    if ((answer->opus_pt != 0 && offer->opus_pt == 0) || (answer->l16_pt != 0 && offer->l16_pt == 0))
        return mt_sdp_refuse(g, "a codec that was not offered");
    unsigned may_send = (offer->direction & MT_SDP_RECVONLY) != 0 ? MT_SDP_SENDONLY : 0;
    unsigned may_receive = (offer->direction & MT_SDP_SENDONLY) != 0 ? MT_SDP_RECVONLY : 0;
    if (((unsigned)answer->direction & ~(may_send | may_receive)) != 0)
        return mt_sdp_refuse(g, "a direction that was not offered");
    return MT_OK;
}

static void copy_text(mt_slice s, char *out) {
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
}

/* What the transport says, into *out. */
static mt_err take_transport(mt_sdp_reader *g, mt_sdp_section *tagged, const mt_sdp_section *app, mt_sdp *out) {
    if (app->sctp_port == 0)
        return mt_sdp_refuse(g, "no sctp-port");
    *out = (mt_sdp){.setup = tagged->setup,
                    .sctp_port = (uint16_t)app->sctp_port,
                    .max_message_bytes =
                        app->has_max_message ? (uint32_t)app->max_message_bytes : MT_SDP_DEFAULT_MAX_MESSAGE,
                    .ice_lite = g->ice_lite,
                    .end_of_candidates = tagged->end_of_candidates};
    copy_text(tagged->ufrag, out->ufrag);
    copy_text(tagged->pwd, out->pwd);
    copy_text(app->mid, out->mid_app);
    memcpy(out->fingerprint, tagged->fingerprint, sizeof out->fingerprint);
    for (size_t i = 0; i < tagged->candidate_count; i++)
        (void)!mt_sdp_add_candidate(out, tagged->candidates[i]); /* checked before: only the skipped fail */
    return MT_OK;
}

/* Voice by SRTP, beside the data channel. */
static mt_err take_gcm(mt_sdp_reader *g, mt_sdp *out) {
    size_t tag = 0;
    if (g->media_count != 2)
        return mt_sdp_refuse(g, "not one audio and one application section");
    mt_err err = find_tagged(g, &tag);
    if (err != MT_OK)
        return err;
    const size_t app_at = g->media[0].is_app ? 0 : 1;
    const mt_sdp_section *app = &g->media[app_at], *audio = &g->media[1 - app_at];
    err = check_transport(g, &g->media[tag], &g->media[1 - tag]);
    if (err != MT_OK)
        return err;
    if (!audio->rtcp_mux)
        return mt_sdp_refuse(g, "no rtcp-mux");
    if (g->session.has_voice || app->has_voice || audio->has_voice)
        return mt_sdp_refuse(g, "voice inside DTLS was not agreed on");
    err = take_transport(g, &g->media[tag], app, out);
    if (err != MT_OK)
        return err;
    out->app_first = app_at == 0;
    out->ptime_ms = (uint8_t)audio->ptime_ms;
    out->direction = direction_of(g, audio);
    copy_text(audio->mid, out->mid_audio);
    return take_codecs(g, audio, out);
}

/* Voice inside DTLS: there is no RTP of any kind. */
static mt_err take_cbc(mt_sdp_reader *g, mt_sdp *out) {
    static const mt_sdp_section none;
    mt_sdp_section *app = &g->media[0];
    if (g->media_count != 1 || !app->is_app)
        return mt_sdp_refuse(g, "not one application section alone");
    if (!g->has_bundle || app->mid.len == 0 || !mt_slice_eq(g->bundle, app->mid))
        return mt_sdp_refuse(g, "the BUNDLE group is not exactly the section");
    mt_err err = check_transport(g, app, &none);
    if (err != MT_OK)
        return err;
    if (!app->voice_opus && !app->voice_l16)
        return mt_sdp_refuse(g, "no known codec in myturn-voice");
    err = take_transport(g, app, app, out);
    if (err != MT_OK)
        return err;
    out->cbc = true;
    out->ptime_ms = (uint8_t)app->ptime_ms;
    out->direction = MT_SDP_SENDRECV;
    out->opus_pt = app->voice_opus ? MT_SDP_OPUS_PT : 0;
    out->l16_pt = app->voice_l16 ? MT_SDP_L16_PT : 0;
    out->l16_first = app->voice_l16_first;
    return MT_OK;
}

/* RFC 8445 section 4.4 (new credentials), 8842 section 5 (the same DTLS association). */
static mt_err check_restart(mt_sdp_reader *g, const mt_sdp *now) {
    const mt_sdp *before = g->rule->before;
    if (memcmp(before->fingerprint, now->fingerprint, sizeof now->fingerprint) != 0)
        return mt_sdp_refuse(g, "another fingerprint than before");
    if (strcmp(before->ufrag, now->ufrag) == 0 || strcmp(before->pwd, now->pwd) == 0)
        return mt_sdp_refuse(g, "ICE credentials of before");
    if (g->rule->offer != NULL && now->setup != before->setup)
        return mt_sdp_refuse(g, "another DTLS role than before");
    if (strcmp(before->mid_audio, now->mid_audio) != 0 || strcmp(before->mid_app, now->mid_app) != 0 ||
        before->app_first != now->app_first || before->sctp_port != now->sctp_port)
        return mt_sdp_refuse(g, "other sections than before");
    if (before->opus_pt != now->opus_pt || before->l16_pt != now->l16_pt || before->l16_first != now->l16_first)
        return mt_sdp_refuse(g, "other codecs than before");
    return MT_OK;
}

static mt_err take_all(mt_sdp_reader *g, mt_sdp *out) {
    mt_err err = g->rule->cbc ? take_cbc(g, out) : take_gcm(g, out);
    if (err == MT_OK && g->rule->offer != NULL)
        err = check_answer(g, out);
    if (err == MT_OK && g->rule->before != NULL)
        err = check_restart(g, out);
    return err;
}

mt_err mt_sdp_parse(mt_slice text, const mt_sdp_gate *rule, mt_sdp *out, const char **why) {
    mt_sdp_reader g = {.rule = rule, .why = "too long"};
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
