/* The client's link and sound. */
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "client/client_priv.h"

enum { JITTER_MS = 40 };

/* The link's callbacks: a link that was let go is heard no more, but for its end. */

static myturn_client *heard(const mt_client_link *l) {
    return l->closing ? NULL : l->client;
}

static gboolean destroy_link(gpointer data) {
    mt_client_link *l = data;
    mt_link_destroy(l->link);
    g_free(l);
    return G_SOURCE_REMOVE;
}

/* Not from within one of its callbacks, and not before the sound that uses it is off. */
static void destroy_later(mt_client_link *l) {
    l->closing = l->doomed = true;
    GSource *s = g_idle_source_new();
    g_source_set_priority(s, G_PRIORITY_DEFAULT);
    g_source_set_callback(s, destroy_link, l, NULL);
    (void)g_source_attach(s, g_main_context_get_thread_default());
    g_source_unref(s);
}

static void on_local_ready(void *ctx) {
    myturn_client *c = heard(ctx);
    if (c == NULL)
        return;
    mt_turn_link_ready(c->turn, mt_clock_ms());
    mt_client_act(c);
}

static void on_secure(void *ctx, const mt_link_secure *how) {
    myturn_client *c = heard(ctx);
    if (c == NULL)
        return;
    c->secure = *how;
    c->secure_us = mt_clock_us();
    mt_log(MT_LOG_INFO, "link", "secure: %s, %s, %s/%s", how->dtls_cipher,
           how->srtp_profile != NULL ? how->srtp_profile : "voice inside", how->path.local, how->path.remote);
    mt_turn_link_secure(c->turn, mt_clock_ms());
    mt_client_act(c);
}

static void on_path(void *ctx, const mt_link_path *path) {
    myturn_client *c = heard(ctx);
    if (c == NULL)
        return;
    c->secure.path = *path;
    mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_PATH,
                                      .state = mt_turn_state(c->turn),
                                      .relayed = path->relayed,
                                      .local_candidate = path->local,
                                      .remote_candidate = path->remote});
}

static void on_text(void *ctx, mt_slice body) {
    myturn_client *c = heard(ctx);
    if (c == NULL)
        return;
    mt_buf b;
    mt_buf_init(&b, 4 * MYTURN_TEXT_MAX + 16);
    mt_text_clean(&b, body, true);
    if (mt_buf_err(&b) == MT_OK && b.len > 0)
        mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_TEXT,
                                          .state = mt_turn_state(c->turn),
                                          .name = mt_turn_partner(c->turn),
                                          .text = b.p});
    mt_buf_deinit(&b);
}

static void on_typing(void *ctx, bool on) {
    myturn_client *c = heard(ctx);
    if (c != NULL)
        mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_TYPING, .state = mt_turn_state(c->turn), .on = on});
}

static void on_partner_mic(void *ctx, bool on) {
    myturn_client *c = heard(ctx);
    if (c != NULL)
        mt_client_tell(c,
                       &(myturn_event){.kind = MYTURN_EV_MIC, .state = mt_turn_state(c->turn), .on = on, .own = false});
}

static void on_rtp(void *ctx, mt_slice packet) {
    myturn_client *c = heard(ctx);
    if (c != NULL && c->audio != NULL)
        mt_audio_rtp_in(c->audio, packet);
}

static void on_rtcp(void *ctx, mt_slice compound) {
    myturn_client *c = heard(ctx);
    if (c != NULL && c->audio != NULL)
        mt_audio_rtcp_in(c->audio, compound);
}

static void on_reconnecting(void *ctx, bool on) {
    myturn_client *c = heard(ctx);
    if (c == NULL)
        return;
    if (on)
        mt_client_look_for_network(c);
    mt_turn_link_silent(c->turn, on, mt_clock_ms());
    mt_client_act(c);
}

static void on_restart(void *ctx, bool ready) {
    myturn_client *c = heard(ctx);
    if (c == NULL)
        return;
    mt_turn_restart_ready(c->turn, ready, mt_clock_ms());
    mt_client_act(c);
}

static void on_closed(void *ctx, mt_link_end why) {
    mt_client_link *l = ctx;
    myturn_client *c = l->client;
    if (l->doomed)
        return;
    mt_log(MT_LOG_INFO, "link", "closed: %s", mt_link_end_str(why));
    if (!l->closing) {
        mt_turn_link_closed(c->turn, why, mt_clock_ms());
        mt_client_act(c);
        return;
    }
    destroy_later(l);
    if (c == NULL)
        return;
    c->closing = g_slist_remove(c->closing, l);
    mt_turn_link_gone(c->turn, mt_clock_ms());
    mt_client_act(c);
}

static const mt_link_events link_events = {.local_ready = on_local_ready,
                                           .secure = on_secure,
                                           .text = on_text,
                                           .typing = on_typing,
                                           .partner_mic = on_partner_mic,
                                           .rtp = on_rtp,
                                           .rtcp = on_rtcp,
                                           .path = on_path,
                                           .reconnecting = on_reconnecting,
                                           .restart = on_restart,
                                           .closed = on_closed};

void mt_client_link_create(myturn_client *c, const mt_turn_action *a) {
    const mt_turn_draw *draw = mt_turn_pair(c->turn);
    if (draw->policy == MT_POLICY_RTP) {
        mt_client_plain_create(c, a->caller);
        return;
    }
    mt_link_config cfg = {.caller = a->caller,
                          .policy = draw->policy,
                          .servers = &draw->servers,
                          .ca_file = c->ca_file,
                          .codec = c->codec == MYTURN_PCM ? MT_CODEC_L16 : MT_CODEC_OPUS,
                          .ptime_ms = c->ptime_ms,
                          .relay_only = c->relay_only || c->sip.relay_only || draw->relay_only,
                          .loopback = c->loopback};
    memcpy(cfg.pair, a->pair, sizeof cfg.pair);
    mt_client_link *l = g_new0(mt_client_link, 1);
    l->client = c;
    mt_err err = mt_link_create(&cfg, &link_events, l, &l->link);
    if (err == MT_OK) {
        c->link = l;
        memcpy(c->link_pair, a->pair, sizeof c->link_pair);
        return;
    }
    mt_log(MT_LOG_ERROR, "link", "not made: %s", mt_err_str(err));
    g_free(l);
    mt_turn_link_broken(c->turn, false, mt_clock_ms());
}

void mt_client_link_remote(myturn_client *c, uint32_t call) {
    if (c->plain != NULL)
        mt_client_plain_remote(c, c->ua != NULL ? mt_ua_remote_sdp(c->ua, call) : NULL);
    else if (c->sip.asterisk)
        mt_client_relay_get(c);
    else
        mt_client_remote_sdp(c, c->ua != NULL ? mt_ua_remote_sdp(c->ua, call) : NULL);
}

void mt_client_remote_sdp(myturn_client *c, const char *sdp) {
    if (c->link == NULL)
        return;
    mt_err err = sdp != NULL ? mt_link_remote_sdp(c->link->link, mt_slice_of(sdp)) : MT_EBAD;
    if (err == MT_OK)
        return;
    mt_log(MT_LOG_WARN, "link", "the partner's SDP is refused: %s", mt_err_str(err));
    mt_turn_link_broken(c->turn, true, mt_clock_ms());
}

const char *mt_client_local_sdp(myturn_client *c) {
    const char *sdp = NULL;
    if (c->plain != NULL)
        return mt_client_plain_sdp(c);
    if (c->link == NULL || mt_link_local_sdp(c->link->link, &sdp) != MT_OK)
        return NULL;
    return sdp;
}

/* Nothing said is lost in silence. As far as was told, the talk is on: its end is told next. */
static void tell_unsent(myturn_client *c) {
    size_t count = mt_link_unsent(c->link->link);
    if (count == 0)
        return;
    char *text = g_strdup_printf(N_TEXTS("%zu message of yours had not been sent yet and is lost",
                                         "%zu messages of yours had not been sent yet and are lost", count),
                                 count);
    mt_client_tell(c,
                   &(myturn_event){.kind = MYTURN_EV_ERROR, .state = MYTURN_TALKING, .code = "not_sent", .text = text});
    g_free(text);
}

void mt_client_link_bye(myturn_client *c) {
    mt_client_link *l = c->link;
    if (c->plain != NULL) { /* BYE says it all */
        mt_client_plain_destroy(c);
        mt_turn_link_gone(c->turn, mt_clock_ms());
        return;
    }
    if (l == NULL)
        return;
    tell_unsent(c);
    mt_client_relay_stop(c);
    c->link = NULL;
    l->closing = true;
    c->closing = g_slist_prepend(c->closing, l);
    mt_link_bye(l->link);
}

void mt_client_link_destroy(myturn_client *c) {
    mt_client_link *l = c->link;
    mt_client_plain_destroy(c);
    if (l == NULL)
        return;
    tell_unsent(c);
    mt_client_relay_stop(c);
    c->link = NULL;
    l->client = NULL;
    destroy_later(l);
}

/* Sound */

static void on_rtp_out(void *ctx, const void *packet, size_t len_bytes) {
    const myturn_client *c = ctx;
    if (c->audio_link != NULL)
        mt_link_send_rtp(c->audio_link, packet, len_bytes);
    else
        mt_plain_send_rtp(c->plain, packet, len_bytes);
}

static void on_audio_error(void *ctx, bool mic, const char *what) {
    myturn_client *c = ctx;
    mt_client_tell_error(c, mic ? "mic_failed" : "speaker_failed", what);
    if (!mic || !c->mic_on)
        return;
    c->mic_on = false;
    if (c->link != NULL)
        (void)!mt_link_mic(c->link->link, false); /* at the end of the talk there is nobody to tell */
    mt_client_tell(c,
                   &(myturn_event){.kind = MYTURN_EV_MIC, .state = mt_turn_state(c->turn), .on = false, .own = true});
}

static void on_level(void *ctx, bool mic, double peak_db) {
    myturn_client *c = ctx;
    mt_client_tell(
        c, &(myturn_event){.kind = MYTURN_EV_LEVEL, .state = mt_turn_state(c->turn), .own = mic, .level_db = peak_db});
}

static void on_rtcp_out(void *ctx, const void *compound, size_t len_bytes) {
    const myturn_client *c = ctx;
    if (c->audio_link != NULL) /* phones are not reported to */
        mt_link_send_rtcp(c->audio_link, compound, len_bytes);
}

static void on_quality(void *ctx, const mt_quality *now) {
    myturn_client *c = ctx;
    mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_QUALITY,
                                      .state = mt_turn_state(c->turn),
                                      .on = now->poor,
                                      .loss_percent = now->loss_percent,
                                      .jitter_ms = now->jitter_ms,
                                      .rtt_ms = now->rtt_ms});
}

static const mt_audio_events audio_events = {
    .rtp_out = on_rtp_out, .error = on_audio_error, .level = on_level, .rtcp_out = on_rtcp_out, .quality = on_quality};

void mt_client_audio_start(myturn_client *c) {
    if ((c->link == NULL && c->plain == NULL) || c->audio != NULL)
        return;
    mt_client_test_stop(c);
    mt_audio_config cfg = {.mic = c->mic,
                           .speaker = c->speaker,
                           .codec = c->secure.codec == MT_CODEC_L16 ? MT_AUDIO_L16 : MT_AUDIO_OPUS,
                           .payload_type = c->secure.payload_type,
                           .recv_payload_type = c->secure.payload_type,
                           .ptime_ms = c->secure.ptime_ms,
                           .raw_voice = c->raw_voice,
                           .jitter_ms = JITTER_MS};
    c->audio_link = c->link != NULL ? c->link->link : NULL;
    if (c->plain != NULL) {
        mt_client_plain_codec(c, &cfg);
        mt_plain_start(c->plain);
    }
    c->mic_on = false;
    mt_err err = mt_audio_create(&cfg, &audio_events, c, &c->audio);
    if (err != MT_OK) {
        mt_client_tell_error(c, "speaker_failed", N_("Sound cannot be opened; the talk goes on in writing"));
        return;
    }
    if (c->open_mic)
        (void)!mt_client_mic(c, true); /* an event tells of the failure */
}

void mt_client_audio_stop(myturn_client *c) {
    mt_audio_destroy(c->audio);
    c->audio = NULL;
    c->audio_link = NULL;
    c->mic_on = false;
}

mt_err mt_client_mic(myturn_client *c, bool on) {
    if (c->audio == NULL)
        return MT_ESTATE;
    if (on == c->mic_on)
        return MT_OK;
    mt_err err = mt_audio_mic(c->audio, on);
    if (err != MT_OK)
        return err;
    c->mic_on = on;
    if (c->link != NULL && mt_link_mic(c->link->link, on) != MT_OK)
        mt_log(MT_LOG_WARN, "link", "the partner is not told of the microphone");
    mt_client_tell(c, &(myturn_event){.kind = MYTURN_EV_MIC, .state = mt_turn_state(c->turn), .on = on, .own = true});
    return MT_OK;
}

void mt_client_abandon(myturn_client *c) {
    mt_client_test_stop(c);
    mt_client_audio_stop(c);
    if (mt_turn_state(c->turn) == MYTURN_TALKING || mt_turn_state(c->turn) == MYTURN_RECONNECTING)
        mt_client_link_bye(c);
    else
        mt_client_link_destroy(c);
    for (GSList *i = c->closing; i != NULL; i = i->next)
        ((mt_client_link *)i->data)->client = NULL;
    g_slist_free(c->closing);
    c->closing = NULL;
}
