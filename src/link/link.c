#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "link/dgram_bio.h"
#include "link/link_internal.h"

enum {
    SILENCE_MS = 3000,
    LOST_MS = 15000,
    CONNECT_MS = 15000,
    BYE_MS = 1000,
    DEINIT_MS = 1000,
    PTIME_L16_MS = 10,
};

static unsigned g_freeing; /* links destroyed from within one of their callbacks */

const char *mt_link_end_str(mt_link_end end) {
    static const char *const names[] = {
        [MT_LINK_LOCAL_BYE] = "local_bye", [MT_LINK_REMOTE_BYE] = "remote_bye",   [MT_LINK_LOST] = "lost",
        [MT_LINK_NO_PATH] = "no_path",     [MT_LINK_DTLS_FAILED] = "dtls_failed", [MT_LINK_SAS_FAILED] = "sas_failed",
        [MT_LINK_PROTOCOL] = "protocol",   [MT_LINK_NO_RELAY] = "no_relay",
    };
    return (unsigned)end < G_N_ELEMENTS(names) ? names[end] : "unknown";
}

const char *mt_link_policy_str(mt_link_policy policy) {
    static const char *const names[] = {[MT_POLICY_GCM] = "gcm", [MT_POLICY_CBC] = "cbc", [MT_POLICY_RTP] = "rtp"};
    return (unsigned)policy < G_N_ELEMENTS(names) ? names[policy] : "unknown";
}

/* What OpenSSL does once only (curves, random source) is done before the first call waits for it. */
static mt_err warm_up(void) {
    mt_cert cert;
    mt_err err = mt_cert_init(&cert);
    if (err == MT_OK)
        mt_cert_deinit(&cert);
    return err;
}

mt_err mt_link_init(void) {
    if (OPENSSL_init_ssl(0, NULL) != 1 || warm_up() != MT_OK || mt_dgram_bio_init() != MT_OK)
        return MT_ESYS;
    if (mt_srtp_init() != MT_OK) {
        mt_dgram_bio_deinit();
        return MT_ESYS;
    }
    mt_sctp_init();
    return MT_OK;
}

void mt_link_deinit(void) {
    int64_t until_ms = mt_clock_ms() + DEINIT_MS;
    while ((g_freeing > 0 || mt_ice_closing() > 0) && mt_clock_ms() < until_ms)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    mt_sctp_deinit();
    mt_srtp_deinit();
    mt_dgram_bio_deinit();
}

GSource *mt_link_timer(mt_link *l, guint ms, GSourceFunc fn) {
    GSource *timer = ms > 0 ? g_timeout_source_new(ms) : g_idle_source_new();
    g_source_set_priority(timer, G_PRIORITY_DEFAULT);
    g_source_set_callback(timer, fn, l, NULL);
    g_source_attach(timer, l->main);
    return timer;
}

void mt_link_timer_stop(GSource **timer) {
    if (*timer == NULL)
        return;
    g_source_destroy(*timer);
    g_clear_pointer(timer, g_source_unref);
}

static void stop_timers(mt_link *l) {
    mt_link_timer_stop(&l->told);
    mt_link_timer_stop(&l->limit);
    mt_link_timer_stop(&l->grace);
    mt_link_timer_stop(&l->tick);
    mt_link_timer_stop(&l->flush);
    mt_link_restart_stop_timers(l);
}

static gboolean on_ended(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->ended);
    MT_LINK_CALL(l, closed, l->ctx, l->end);
    return G_SOURCE_REMOVE;
}

static void shut(mt_link *l) {
    l->phase = MT_PHASE_CLOSED;
    stop_timers(l);
    mt_link_voice_open(l, false);
    if (l->data != NULL)
        mt_data_close(l->data);
    if (l->dtls != NULL)
        mt_dtls_close(l->dtls);
}

void mt_link_finish(mt_link *l, mt_link_end why) {
    if (l->phase == MT_PHASE_CLOSED)
        return;
    mt_log(MT_LOG_DEBUG, "link", "ends: %s", mt_link_end_str(why));
    shut(l);
    l->end = why;
    l->ended = mt_link_timer(l, 0, on_ended);
}

void mt_link_heard(mt_link *l) {
    l->heard_ms = mt_clock_ms();
    if (!l->reconnecting || l->phase != MT_PHASE_SECURE)
        return;
    l->reconnecting = false;
    mt_link_voice_open(l, true);
    MT_LINK_CALL(l, reconnecting, l->ctx, false);
}

void mt_link_sign(mt_link *l) {
    if (!mt_link_is_mute(l))
        return;
    l->speak_until_ms = mt_clock_ms() + l->cfg.silence_ms;
    mt_link_voice_open(l, true);
}

int64_t mt_link_silent_ms(const mt_link *l) {
    return l->heard_ms > 0 ? mt_clock_ms() - l->heard_ms : 0;
}

/* ---- local SDP ---- */

static gboolean on_told(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->told);
    MT_LINK_CALL(l, local_ready, l->ctx);
    return G_SOURCE_REMOVE;
}

mt_err mt_link_describe(mt_link *l, mt_ice *ice, mt_sdp *sdp, mt_buf *out) {
    mt_sdp_write_options opt = {.relay_only = l->cfg.relay_only, .session_id = l->session_id, .version = l->version};
    (void)g_strlcpy(sdp->ufrag, mt_ice_ufrag(ice), sizeof sdp->ufrag);
    (void)g_strlcpy(sdp->pwd, mt_ice_pwd(ice), sizeof sdp->pwd);
    memcpy(sdp->fingerprint, mt_dtls_fingerprint(l->dtls), sizeof sdp->fingerprint);
    sdp->ptime_ms = l->cfg.ptime_ms;
    sdp->end_of_candidates = true;
    sdp->candidate_count = 0;
    char **lines = mt_ice_candidates(ice);
    for (char **line = lines; *line != NULL; line++)
        if (mt_sdp_add_candidate(sdp, mt_slice_of(*line)) != MT_OK)
            mt_log(MT_LOG_DEBUG, "link", "a candidate of ours is left out");
    g_strfreev(lines);
    if (sdp->candidate_count == 0)
        return MT_ENOENT; /* a dead TURN server or a wrong password shows in nothing else */
    mt_err err = mt_sdp_write(sdp, &opt, out);
    l->version += err == MT_OK ? 1 : 0;
    return err;
}

void mt_link_write_local(mt_link *l) {
    if (l->phase == MT_PHASE_CLOSED || !l->gathered || l->local_sdp.len > 0 || (!l->cfg.caller && l->remote == NULL))
        return;
    if (l->cfg.caller)
        mt_sdp_init_offer(l->local);
    else
        mt_sdp_init_answer(l->remote, l->local);
    if (l->cfg.caller) {
        l->local->l16_first = l->cfg.codec == MT_CODEC_L16;
        l->local->cbc = l->cfg.policy == MT_POLICY_CBC;
    }
    mt_err err = mt_link_describe(l, l->ice, l->local, &l->local_sdp);
    if (err != MT_OK) {
        mt_log(MT_LOG_WARN, "link", "no session description: %s",
               err == MT_ENOENT ? "no address or relay to be reached at" : mt_err_str(err));
        mt_link_finish(l, err == MT_ENOENT && l->cfg.relay_only ? MT_LINK_NO_RELAY : MT_LINK_NO_PATH);
        return;
    }
    l->told = mt_link_timer(l, 0, on_told);
}

mt_err mt_link_local_sdp(mt_link *l, const char **out) {
    if (l->local_sdp.len == 0)
        return MT_EMORE;
    *out = l->local_sdp.p;
    return MT_OK;
}

/* However far it had come: a network that goes away is nobody's attack. */
static gboolean on_connect_limit(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->limit);
    mt_link_finish(l, MT_LINK_NO_PATH);
    return G_SOURCE_REMOVE;
}

mt_err mt_link_remote_sdp(mt_link *l, mt_slice text) {
    if (l->phase != MT_PHASE_SDP || l->remote != NULL || (l->cfg.caller && l->local_sdp.len == 0))
        return MT_ESTATE;
    const char *why = NULL;
    mt_sdp_gate gate = {.offer = l->cfg.caller ? l->local : NULL,
                        .cbc = l->cfg.policy == MT_POLICY_CBC,
                        .relay_only = l->cfg.relay_only};
    mt_sdp *remote = g_new0(mt_sdp, 1);
    mt_err err = mt_sdp_parse(text, &gate, remote, &why);
    if (err != MT_OK) {
        mt_log(MT_LOG_INFO, "link", "the partner's session description is refused: %s", why != NULL ? why : "?");
        g_free(remote);
        return MT_EBAD;
    }
    l->remote = remote;
    l->remote_us = mt_clock_us();
    l->phase = MT_PHASE_ICE;
    if (mt_link_path_remote(l) != MT_OK) {
        l->phase = MT_PHASE_SDP;
        g_clear_pointer(&l->remote, g_free);
        return MT_EBAD;
    }
    l->limit = mt_link_timer(l, l->cfg.connect_ms, on_connect_limit);
    mt_link_write_local(l);
    return MT_OK;
}

/* ---- life ---- */

static gboolean on_bye_limit(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->limit);
    mt_link_finish(l, MT_LINK_LOCAL_BYE);
    return G_SOURCE_REMOVE;
}

mt_err mt_link_create(const mt_link_config *cfg, const mt_link_events *events, void *ctx, mt_link **out) {
    if ((cfg->codec == MT_CODEC_OPUS && cfg->ptime_ms != 10 && cfg->ptime_ms != 20) ||
        (cfg->policy != MT_POLICY_GCM && cfg->policy != MT_POLICY_CBC))
        return MT_EINVAL;
    mt_link *l = g_new0(mt_link, 1);
    l->cfg = *cfg;
    l->on = *events;
    l->ctx = ctx;
    l->cfg.ptime_ms = cfg->codec == MT_CODEC_L16 ? PTIME_L16_MS : cfg->ptime_ms;
    l->cfg.silence_ms = cfg->silence_ms > 0 ? cfg->silence_ms : SILENCE_MS;
    l->cfg.lost_ms = cfg->lost_ms > 0 ? cfg->lost_ms : LOST_MS;
    l->cfg.connect_ms = cfg->connect_ms > 0 ? cfg->connect_ms : CONNECT_MS;
    l->servers = g_new0(mt_ice_servers, 1);
    if (cfg->servers != NULL)
        *l->servers = *cfg->servers;
    l->ca_file = g_strdup(cfg->ca_file);
    l->cfg.servers = l->servers;
    l->cfg.ca_file = l->ca_file;
    l->main = g_main_context_ref_thread_default();
    l->local = g_new0(mt_sdp, 1);
    mt_link_voice_init(l);
    g_queue_init(&l->pending.texts);
    mt_buf_init(&l->local_sdp, MT_SDP_MAX_BYTES);
    mt_buf_init(&l->next.sdp, MT_SDP_MAX_BYTES);
    mt_random_bytes(mt_random_kernel(), &l->session_id, sizeof l->session_id);
    l->session_id >>= 1;
    mt_buf_init(&l->out, MT_CHAN_MAX_BYTES);
    mt_buf_init(&l->in, MT_CHAN_MAX_BYTES);
    mt_err err = mt_link_path_create(l);
    if (err != MT_OK) {
        mt_link_destroy(l);
        return err;
    }
    *out = l;
    return MT_OK;
}

static void free_link(mt_link *l) {
    mt_link_restart_deinit(l);
    mt_link_path_destroy(l);
    mt_link_talk_deinit(l);
    mt_buf_deinit(&l->local_sdp);
    g_free(l->local);
    g_free(l->remote);
    mt_wipe(l->servers, sizeof *l->servers);
    g_free(l->servers);
    g_free(l->ca_file);
    mt_link_voice_deinit(l);
    g_main_context_unref(l->main);
    g_free(l);
}

static gboolean on_free(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->ended);
    free_link(l);
    g_freeing--;
    return G_SOURCE_REMOVE;
}

/* From within a callback the stack below still stands on the link: it is freed when the main loop turns. */
void mt_link_destroy(mt_link *l) {
    if (l == NULL)
        return;
    l->on = (mt_link_events){0};
    shut(l);
    mt_link_timer_stop(&l->ended);
    if (l->calling == 0) {
        free_link(l);
        return;
    }
    g_freeing++;
    l->ended = mt_link_timer(l, 0, on_free);
}

void mt_link_bye(mt_link *l) {
    if (l->phase >= MT_PHASE_BYE)
        return;
    if (l->phase < MT_PHASE_WORDS) {
        mt_link_finish(l, MT_LINK_LOCAL_BYE);
        return;
    }
    l->phase = MT_PHASE_BYE; /* first: a mute callee speaks again */
    mt_link_talk_say_bye(l);
    if (l->phase == MT_PHASE_CLOSED)
        return;
    mt_link_timer_stop(&l->limit);
    l->limit = mt_link_timer(l, BYE_MS, on_bye_limit);
}
