/* ICE restart: a second agent looks for a path beside the one in use. What is above ICE goes on as it is, and over the
 * old path until the new one works; so a restart that comes to nothing has cost nothing. */
#include "base/clock.h"
#include "base/log.h"
#include "link/link_internal.h"

enum {
    NEXT_MS = 15000, /* by then the talk has ended, or has come back by itself */
    OLD_MS = 5000,   /* what the partner sent over the old path before he had the new one */
};

bool mt_link_is_mute(const mt_link *l) {
    return !l->cfg.caller && l->reconnecting && l->phase == MT_PHASE_SECURE && mt_clock_ms() >= l->speak_until_ms;
}

/* ---- the path of before ---- */

static void drop_old(mt_link *l) {
    mt_link_timer_stop(&l->old_limit);
    g_clear_pointer(&l->old, mt_ice_destroy);
}

static gboolean on_old_limit(void *data) {
    drop_old(data);
    return G_SOURCE_REMOVE;
}

static void on_old_event(void *ctx) {}

static void on_old_packet(void *ctx, const uint8_t *p, size_t len_bytes) {
    mt_link_packet(ctx, p, len_bytes);
}

/* ---- the path to come ---- */

void mt_link_restart_stop(mt_link *l) {
    mt_link_next *n = &l->next;
    mt_link_timer_stop(&n->told);
    mt_link_timer_stop(&n->limit);
    g_clear_pointer(&n->ice, mt_ice_destroy);
    g_clear_pointer(&n->local, g_free);
    g_clear_pointer(&n->remote, g_free);
    mt_buf_reset(&n->sdp);
}

static gboolean on_next_limit(void *data) {
    mt_link_restart_stop(data);
    return G_SOURCE_REMOVE;
}

static gboolean on_next_told(void *data) {
    mt_link *l = data;
    bool ready = l->next.ready;
    mt_link_timer_stop(&l->next.told);
    if (!ready)
        mt_link_restart_stop(l);
    MT_LINK_CALL(l, restart, l->ctx, ready);
    return G_SOURCE_REMOVE;
}

static void on_next_gathered(void *ctx) {
    mt_link *l = ctx;
    mt_link_next *n = &l->next;
    if (l->phase != MT_PHASE_SECURE || n->told != NULL || n->sdp.len > 0)
        return;
    mt_err err = mt_link_describe(l, n->ice, n->local, &n->sdp);
    if (err != MT_OK)
        mt_log(MT_LOG_INFO, "link", "no new path can be offered: %s",
               err == MT_ENOENT ? "no address or relay to be reached at" : mt_err_str(err));
    n->ready = err == MT_OK;
    n->told = mt_link_timer(l, 0, on_next_told);
}

static void on_next_writable(void *ctx) {
    static const mt_ice_events old_events = {
        .gathered = on_old_event, .writable = on_old_event, .failed = on_old_event, .packet = on_old_packet};
    mt_link *l = ctx;
    mt_link_next *n = &l->next;
    if (l->phase != MT_PHASE_SECURE || n->remote == NULL || n->sdp.len == 0)
        return;
    mt_log(MT_LOG_INFO, "link", "a new path is in use");
    drop_old(l);
    l->old = l->ice;
    mt_ice_hand_over(l->old, &old_events, l);
    l->old_limit = mt_link_timer(l, OLD_MS, on_old_limit);
    mt_link_path_use(l, n->ice);
    n->ice = NULL;
    g_free(l->local);
    g_free(l->remote);
    l->local = g_steal_pointer(&n->local);
    l->remote = g_steal_pointer(&n->remote);
    mt_link_timer_stop(&n->limit);
    l->speak_until_ms = mt_clock_ms() + l->cfg.silence_ms; /* whether or not it was heard: somebody has to begin */
    mt_link_voice_open(l, true);
    mt_link_talk_beat(l);
    mt_link_path_look(l);
}

static void on_next_failed(void *ctx) {
    mt_log(MT_LOG_INFO, "link", "no new path was found yet"); /* a late check of the partner's may still heal it */
}

static void on_next_packet(void *ctx, const uint8_t *p, size_t len_bytes) {
    mt_link_packet(ctx, p, len_bytes); /* the partner has it first */
}

static mt_err begin(mt_link *l) {
    static const mt_ice_events events = {
        .gathered = on_next_gathered, .writable = on_next_writable, .failed = on_next_failed, .packet = on_next_packet};
    mt_link_next *n = &l->next;
    mt_link_restart_stop(l);
    n->local = g_memdup2(l->local, sizeof *l->local);
    n->limit = mt_link_timer(l, NEXT_MS, on_next_limit);
    mt_err err = mt_link_agent_create(l, &events, &n->ice);
    if (err == MT_OK)
        err = mt_ice_gather(n->ice);
    if (err != MT_OK)
        mt_link_restart_stop(l);
    return err;
}

static mt_err take_remote(mt_link *l, mt_sdp *remote) {
    mt_err err = l->cfg.caller ? MT_OK : begin(l);
    if (err == MT_OK)
        err = mt_ice_remote(l->next.ice, remote);
    if (err == MT_OK)
        l->next.remote = remote;
    else
        g_free(remote);
    return err;
}

mt_err mt_link_restart(mt_link *l) {
    if (!l->cfg.caller || l->phase != MT_PHASE_SECURE)
        return MT_ESTATE;
    return begin(l);
}

mt_err mt_link_restart_remote(mt_link *l, mt_slice text) {
    mt_link_next *n = &l->next;
    bool answers = n->sdp.len > 0 && n->ice != NULL && n->remote == NULL;
    if (l->phase != MT_PHASE_SECURE || (l->cfg.caller && !answers))
        return MT_ESTATE;
    const char *why = NULL;
    mt_sdp_gate gate = {.offer = l->cfg.caller ? n->local : NULL,
                        .before = l->remote,
                        .cbc = l->cfg.policy == MT_POLICY_CBC,
                        .relay_only = l->cfg.relay_only};
    mt_sdp *remote = g_new0(mt_sdp, 1);
    if (mt_sdp_parse(text, &gate, remote, &why) != MT_OK) {
        mt_log(MT_LOG_INFO, "link", "the partner's restart is refused: %s", why != NULL ? why : "?");
        g_free(remote);
        return MT_EBAD;
    }
    return take_remote(l, remote);
}

mt_err mt_link_restart_sdp(mt_link *l, const char **out) {
    if (l->next.sdp.len == 0)
        return MT_EMORE;
    *out = l->next.sdp.p;
    return MT_OK;
}

/* ---- life ---- */

void mt_link_restart_stop_timers(mt_link *l) {
    mt_link_timer_stop(&l->next.told);
    mt_link_timer_stop(&l->next.limit);
    mt_link_timer_stop(&l->old_limit);
}

void mt_link_restart_deinit(mt_link *l) {
    mt_link_restart_stop(l);
    drop_old(l);
    mt_buf_deinit(&l->next.sdp);
}
