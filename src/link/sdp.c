/* Our own descriptions. */
#include "link/sdp.h"

#include "link/sdp_internal.h"

#define SCTP_PORT 5000

bool mt_sdp_is_mid(mt_slice s) {
    if (s.len == 0 || s.len > MT_SDP_MAX_MID_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || memchr("\"(),/:;<=>?@[\\]", s.p[i], 15) != NULL)
            return false;
    return true;
}

bool mt_sdp_is_payload_type(unsigned pt) {
    return (pt >= 35 && pt <= 63) || (pt >= 96 && pt <= 127);
}

void mt_sdp_init_offer(mt_sdp *out) {
    *out = (mt_sdp){.setup = MT_SDP_ACTPASS,
                    .mid_audio = "0",
                    .mid_app = "1",
                    .opus_pt = MT_SDP_OPUS_PT,
                    .l16_pt = MT_SDP_L16_PT,
                    .direction = MT_SDP_SENDRECV,
                    .sctp_port = SCTP_PORT,
                    .max_message_bytes = MT_SDP_DEFAULT_MAX_MESSAGE};
}

static mt_sdp_direction mirror(mt_sdp_direction d) {
    return d == MT_SDP_SENDONLY ? MT_SDP_RECVONLY : d == MT_SDP_RECVONLY ? MT_SDP_SENDONLY : d;
}

void mt_sdp_init_answer(const mt_sdp *offer, mt_sdp *out) {
    mt_sdp a = {.setup = MT_SDP_ACTIVE,
                .cbc = offer->cbc,
                .app_first = offer->app_first,
                .opus_pt = offer->opus_pt,
                .l16_pt = offer->l16_pt,
                .l16_first = offer->l16_first,
                .direction = mirror(offer->direction),
                .sctp_port = SCTP_PORT,
                .max_message_bytes = MT_SDP_DEFAULT_MAX_MESSAGE};
    memcpy(a.mid_audio, offer->mid_audio, sizeof a.mid_audio);
    memcpy(a.mid_app, offer->mid_app, sizeof a.mid_app);
    *out = a;
}

/* --- writing --- */

static bool pt_ok(uint8_t pt) {
    return pt == 0 || mt_sdp_is_payload_type(pt);
}

static bool mids_ok(const mt_sdp *s) {
    if (!mt_sdp_is_mid(mt_slice_of(s->mid_app)))
        return false;
    return s->cbc || (mt_sdp_is_mid(mt_slice_of(s->mid_audio)) && strcmp(s->mid_audio, s->mid_app) != 0);
}

static bool writable(const mt_sdp *s, const mt_sdp_write_options *opt) {
    return mt_sdp_is_ice_chars(mt_slice_of(s->ufrag), 4, MT_SDP_MAX_ICE_BYTES) &&
           mt_sdp_is_ice_chars(mt_slice_of(s->pwd), 22, MT_SDP_MAX_ICE_BYTES) && mids_ok(s) &&
           (s->opus_pt != 0 || s->l16_pt != 0) && s->opus_pt != s->l16_pt && pt_ok(s->opus_pt) && pt_ok(s->l16_pt) &&
           s->setup <= MT_SDP_PASSIVE && s->direction <= MT_SDP_SENDRECV && s->sctp_port != 0 &&
           s->candidate_count <= MT_SDP_MAX_CANDIDATES && opt->session_id <= INT64_MAX;
}

static void add_candidates(const mt_sdp *s, bool relay_only, mt_buf *out) {
    for (size_t i = 0; i < s->candidate_count; i++)
        if (!relay_only || s->candidates[i].type == MT_SDP_RELAY)
            mt_buf_printf(out, "%s\r\n", s->candidates[i].line);
    if (s->end_of_candidates)
        mt_buf_add_str(out, "a=end-of-candidates\r\n");
}

/* What belongs to the transport; repeated in both sections, as browsers do. */
static void add_transport(const mt_sdp *s, const char *mid, mt_buf *out) {
    static const char *const setups[] = {"actpass", "active", "passive"};
    mt_buf_printf(out, "c=IN IP4 0.0.0.0\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 ", mid,
                  s->ufrag, s->pwd);
    for (size_t i = 0; i < sizeof s->fingerprint; i++)
        mt_buf_printf(out, i > 0 ? ":%02X" : "%02X", s->fingerprint[i]);
    mt_buf_printf(out, "\r\na=setup:%s\r\n", setups[s->setup]);
}

static void add_audio(const mt_sdp *s, mt_buf *out) {
    static const char *const directions[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    const uint8_t first = s->l16_first ? s->l16_pt : s->opus_pt, second = s->l16_first ? s->opus_pt : s->l16_pt;
    mt_buf_add_str(out, "m=audio 9 UDP/TLS/RTP/SAVPF");
    if (first != 0)
        mt_buf_printf(out, " %u", first);
    if (second != 0)
        mt_buf_printf(out, " %u", second);
    mt_buf_add_str(out, "\r\n");
    add_transport(s, s->mid_audio, out);
    mt_buf_printf(out, "a=%s\r\na=rtcp-mux\r\n", directions[s->direction]);
    if (s->opus_pt != 0)
        mt_buf_printf(out, "a=rtpmap:%u opus/48000/2\r\na=fmtp:%u minptime=10;useinbandfec=1\r\n", s->opus_pt,
                      s->opus_pt);
    if (s->l16_pt != 0)
        mt_buf_printf(out, "a=rtpmap:%u L16/48000/1\r\n", s->l16_pt);
    if (s->ptime_ms != 0)
        mt_buf_printf(out, "a=ptime:%u\r\n", s->ptime_ms);
}

static void add_app(const mt_sdp *s, mt_buf *out) {
    mt_buf_add_str(out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
    add_transport(s, s->mid_app, out);
    mt_buf_printf(out, "a=sctp-port:%u\r\na=max-message-size:%lu\r\n", s->sctp_port,
                  (unsigned long)(s->max_message_bytes == UINT32_MAX ? 0 : s->max_message_bytes));
    if (!s->cbc)
        return;
    const char *both = s->l16_first ? "l16 opus" : "opus l16", *one = s->opus_pt != 0 ? "opus" : "l16";
    mt_buf_printf(out, "a=myturn-voice:%s\r\n", s->opus_pt != 0 && s->l16_pt != 0 ? both : one);
    if (s->ptime_ms != 0)
        mt_buf_printf(out, "a=ptime:%u\r\n", s->ptime_ms);
}

mt_err mt_sdp_write(const mt_sdp *s, const mt_sdp_write_options *opt, mt_buf *out) {
    if (!writable(s, opt))
        return MT_EINVAL;
    const char *first = s->app_first ? s->mid_app : s->mid_audio, *second = s->app_first ? s->mid_audio : s->mid_app;
    mt_buf_add_str(out, "v=0\r\no=- ");
    mt_buf_add_u64(out, opt->session_id);
    mt_buf_printf(out, " %u IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", opt->version + 1);
    if (s->cbc) {
        mt_buf_printf(out, "a=group:BUNDLE %s\r\n", s->mid_app);
        add_app(s, out);
        add_candidates(s, opt->relay_only, out);
        return mt_buf_err(out);
    }
    mt_buf_printf(out, "a=group:BUNDLE %s %s\r\n", first, second);
    (s->app_first ? add_app : add_audio)(s, out);
    add_candidates(s, opt->relay_only, out);
    (s->app_first ? add_audio : add_app)(s, out);
    return mt_buf_err(out);
}
