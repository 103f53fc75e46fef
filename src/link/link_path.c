#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "link/link_internal.h"

enum { FAILED_GRACE_MS = 3000 }; /* the partner's checks may still come and heal a failed path */

/* ---- data channel ---- */

static void on_data_send(void *ctx, const void *p, size_t len_bytes) {
    mt_link *l = ctx;
    if (mt_dtls_send(l->dtls, p, len_bytes) != MT_OK)
        mt_log(MT_LOG_DEBUG, "link", "a packet of the channel was not sent");
}

static void on_data_open(void *ctx) {
    mt_link_talk_start(ctx);
}

static void on_data_message(void *ctx, mt_slice text) {
    mt_link_talk_message(ctx, text);
}

static void on_data_voice(void *ctx, mt_slice frame) {
    mt_link_voice_frame(ctx, frame);
}

static void on_data_end(void *ctx, mt_data_end why) {
    mt_link *l = ctx;
    if (l->phase == MT_PHASE_BYE)
        mt_link_finish(l, MT_LINK_LOCAL_BYE);
    else
        mt_link_finish(l, why == MT_DATA_CLOSED ? MT_LINK_REMOTE_BYE : MT_LINK_PROTOCOL);
}

/* ---- DTLS ---- */

static void on_dtls_send(void *ctx, const uint8_t *p, size_t len_bytes) {
    mt_link *l = ctx;
    if (mt_link_is_mute(l))
        return;
    if (mt_ice_send(l->ice, p, len_bytes) != MT_OK)
        mt_log(MT_LOG_DEBUG, "link", "no path for a DTLS packet");
}

static mt_err begin_srtp(mt_link *l) {
    mt_dtls_keys keys;
    mt_err err = mt_dtls_export(l->dtls, &keys);
    if (err != MT_OK)
        return err;
    err = mt_srtp_create(&keys, &l->srtp);
    mt_wipe(&keys, sizeof keys);
    return err;
}

static mt_err begin_channel(mt_link *l) {
    static const mt_data_events events = {.send = on_data_send,
                                          .open = on_data_open,
                                          .message = on_data_message,
                                          .voice = on_data_voice,
                                          .end = on_data_end};
    mt_data_config cfg = {.opener = l->cfg.caller,
                          .dtls_client = mt_dtls_is_client(l->dtls),
                          .voice = l->cfg.policy == MT_POLICY_CBC,
                          .peer_port = l->remote->sctp_port};
    mt_err err = cfg.voice ? MT_OK : begin_srtp(l);
    return err == MT_OK ? mt_data_create(&cfg, &events, l, &l->data) : err;
}

static void on_dtls_up(void *ctx) {
    mt_link *l = ctx;
    if (l->phase != MT_PHASE_DTLS)
        return;
    l->dtls_us = mt_clock_us();
    l->phase = MT_PHASE_CHANNEL;
    mt_link_heard(l);
    if (begin_channel(l) != MT_OK)
        mt_link_finish(l, MT_LINK_DTLS_FAILED);
}

static void on_dtls_data(void *ctx, const uint8_t *p, size_t len_bytes) {
    mt_link *l = ctx;
    mt_link_sign(l);
    if (l->data != NULL && l->phase != MT_PHASE_CLOSED)
        mt_data_input(l->data, p, len_bytes);
}

static void on_dtls_end(void *ctx, mt_dtls_end why) {
    mt_link *l = ctx;
    if (l->phase == MT_PHASE_BYE)
        mt_link_finish(l, MT_LINK_LOCAL_BYE);
    else if (why == MT_DTLS_REFUSED)
        mt_link_finish(l, MT_LINK_DTLS_FAILED);
    else
        mt_link_finish(l, why == MT_DTLS_CLOSED ? MT_LINK_REMOTE_BYE : MT_LINK_PROTOCOL);
}

static void begin_dtls(mt_link *l) {
    l->phase = MT_PHASE_DTLS;
    l->ice_us = mt_clock_us();
    bool client = l->cfg.caller ? l->remote->setup == MT_SDP_PASSIVE : true; /* our answers say active */
    if (mt_dtls_start(l->dtls, client, l->remote->fingerprint) != MT_OK)
        mt_link_finish(l, MT_LINK_DTLS_FAILED);
}

/* ---- ICE ---- */

static void on_gathered(void *ctx) {
    mt_link *l = ctx;
    l->gathered = true;
    mt_link_write_local(l);
}

void mt_link_take_path(mt_link *l, mt_link_path *out) {
    if (mt_ice_selected(l->ice, l->remote, &l->told_path) != MT_OK)
        mt_log(MT_LOG_DEBUG, "link", "no pair is selected");
    *out = (mt_link_path){.relayed = l->told_path.relayed,
                          .local = mt_sdp_candidate_type_str(l->told_path.local),
                          .remote = mt_sdp_candidate_type_str(l->told_path.remote)};
}

/* The path moved, and everything above goes on over it. */
void mt_link_path_look(mt_link *l) {
    mt_ice_path now = l->told_path;
    if (l->phase != MT_PHASE_SECURE || mt_ice_selected(l->ice, l->remote, &now) != MT_OK)
        return;
    if (now.relayed == l->told_path.relayed && now.local == l->told_path.local && now.remote == l->told_path.remote)
        return;
    mt_link_path path;
    mt_link_take_path(l, &path);
    MT_LINK_CALL(l, path, l->ctx, &path);
}

static void on_writable(void *ctx) {
    mt_link *l = ctx;
    if (l->phase != MT_PHASE_ICE) {
        mt_link_path_look(l);
        return;
    }
    mt_link_timer_stop(&l->grace);
    begin_dtls(l);
}

static gboolean on_failed_limit(void *data) {
    mt_link *l = data;
    mt_link_timer_stop(&l->grace);
    if (l->phase == MT_PHASE_ICE)
        mt_link_finish(l, MT_LINK_NO_PATH);
    return G_SOURCE_REMOVE;
}

static void on_failed(void *ctx) {
    mt_link *l = ctx;
    if (l->phase == MT_PHASE_ICE && l->grace == NULL)
        l->grace = mt_link_timer(l, FAILED_GRACE_MS, on_failed_limit);
}

/* Told apart by the first byte, RFC 7983; STUN ends inside libnice. */
void mt_link_packet(mt_link *l, const uint8_t *p, size_t len_bytes) {
    if (l->phase == MT_PHASE_CLOSED || len_bytes == 0)
        return;
    if (p[0] >= 20 && p[0] <= 63)
        mt_dtls_input(l->dtls, p, len_bytes);
    else if (p[0] >= 128 && p[0] <= 191)
        mt_link_voice_packet(l, p, len_bytes);
}

static void on_packet(void *ctx, const uint8_t *p, size_t len_bytes) {
    mt_link_packet(ctx, p, len_bytes);
}

static const mt_ice_events ice_events = {
    .gathered = on_gathered, .writable = on_writable, .failed = on_failed, .packet = on_packet};

mt_err mt_link_agent_create(mt_link *l, const mt_ice_events *events, mt_ice **out) {
    mt_ice_config cfg = {.controlling = l->cfg.caller,
                         .loopback = l->cfg.loopback,
                         .relay_only = l->cfg.relay_only,
                         .servers = l->servers,
                         .ca_file = l->ca_file};
    return mt_ice_create(&cfg, events, l, out);
}

void mt_link_path_use(mt_link *l, mt_ice *ice) {
    pthread_mutex_lock(&l->voice_lock);
    l->ice = ice;
    pthread_mutex_unlock(&l->voice_lock);
    mt_ice_hand_over(ice, &ice_events, l);
}

mt_err mt_link_path_create(mt_link *l) {
    static const mt_dtls_events dtls_events = {
        .send = on_dtls_send, .up = on_dtls_up, .data = on_dtls_data, .end = on_dtls_end};
    mt_err err = mt_link_agent_create(l, &ice_events, &l->ice);
    if (err == MT_OK)
        err = mt_dtls_create(l->cfg.policy == MT_POLICY_CBC ? MT_DTLS_CBC : MT_DTLS_GCM, &dtls_events, l, &l->dtls);
    if (err == MT_OK && mt_ice_gather(l->ice) != MT_OK)
        mt_link_finish(l, MT_LINK_NO_PATH); /* the network has just gone */
    return err;
}

mt_err mt_link_path_remote(mt_link *l) {
    return mt_ice_remote(l->ice, l->remote);
}

void mt_link_path_destroy(mt_link *l) {
    mt_data_destroy(l->data);
    mt_srtp_destroy(l->srtp);
    mt_dtls_destroy(l->dtls);
    mt_ice_destroy(l->ice);
}
