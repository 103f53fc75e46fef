/* Another path for a talk, and another way to the server: when the partner falls silent, and when this machine's
 * address changes. */
#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/client_priv.h"

enum { LOOK_MS = 1000 };

/* The link's part */

/* A request that cannot leave this machine fails at once, upon which sofia-sip hangs up. */
static bool has_network(const myturn_client *c) {
    char local[MT_ADDR_STRLEN];
    return c->sip_at != NULL && mt_ua_local_address(c->sip_at, local) == MT_OK;
}

static void restart(myturn_client *c) {
    if (c->link == NULL || c->sip.asterisk || !has_network(c) || mt_link_restart(c->link->link) != MT_OK)
        mt_turn_restart_ready(c->turn, false, mt_clock_ms());
}

static mt_err hand_over(myturn_client *c, const char *sdp) {
    if (c->link == NULL || sdp == NULL)
        return MT_ESTATE;
    return mt_link_restart_remote(c->link->link, mt_slice_of(sdp));
}

void mt_client_act_restart(myturn_client *c, const mt_turn_action *a) {
    if (a->kind == MT_TURN_LINK_RESTART) {
        restart(c);
    } else if (a->kind == MT_TURN_LINK_REOFFER) {
        if (hand_over(c, c->ua != NULL ? mt_ua_offered_sdp(c->ua, a->call) : NULL) != MT_OK)
            mt_turn_restart_ready(c->turn, false, mt_clock_ms());
    } else if (a->kind == MT_TURN_LINK_REANSWER) {
        mt_err err = hand_over(c, c->ua != NULL ? mt_ua_remote_sdp(c->ua, a->call) : NULL);
        if (err != MT_OK)
            mt_log(MT_LOG_INFO, "link", "no new path by this answer: %s", mt_err_str(err));
    } else if (c->link != NULL) {
        mt_link_restart_stop(c->link->link);
    }
}

/* The user agent's part */

static const char *restart_sdp(myturn_client *c) {
    const char *sdp = NULL;
    return c->link != NULL && mt_link_restart_sdp(c->link->link, &sdp) == MT_OK ? sdp : NULL;
}

static void reinvite(myturn_client *c, uint32_t call) {
    const char *sdp = has_network(c) ? restart_sdp(c) : NULL;
    mt_err err = sdp != NULL ? mt_ua_reinvite(c->ua, call, sdp) : MT_ENOENT;
    if (err != MT_OK)
        mt_turn_reanswered(c->turn, call, err == MT_ESTATE ? 491 : 503, mt_clock_ms());
}

void mt_client_act_resip(myturn_client *c, const mt_turn_action *a) {
    if (a->kind == MT_TURN_SIP_REINVITE)
        reinvite(c, a->call);
    else if (a->kind == MT_TURN_SIP_RECANCEL)
        mt_ua_recancel(c->ua, a->call);
    else if (a->kind == MT_TURN_SIP_REANSWER)
        (void)!mt_ua_reanswer(c->ua, a->call, restart_sdp(c)); /* taken back meanwhile: the next offer replaces it */
    else if (a->kind == MT_TURN_SIP_REREFUSE)
        mt_ua_rerefuse(c->ua, a->call, a->code);
    else
        mt_ua_renew(c->ua);
}

/* This machine's address */

static void look(myturn_client *c) {
    char now[MT_ADDR_STRLEN];
    if (c->ua == NULL || c->sip_at == NULL || mt_ua_local_address(c->sip_at, now) != MT_OK)
        return; /* no network at all: there will be one again, or not */
    if (strcmp(now, c->local) == 0)
        return;
    memcpy(c->local, now, sizeof c->local);
    mt_log(MT_LOG_INFO, "client", "this machine's address has changed");
    mt_turn_moved(c->turn, mt_clock_ms());
    mt_client_act(c);
}

static void on_network_changed(GNetworkMonitor *monitor, gboolean available, gpointer data) {
    look(data);
}

/* Where nobody tells of changes, silence does. */
static gboolean on_look(gpointer data) {
    myturn_client *c = data;
    if (mt_turn_state(c->turn) != MYTURN_RECONNECTING) {
        g_clear_pointer(&c->looking, g_source_unref);
        return G_SOURCE_REMOVE;
    }
    look(c);
    return G_SOURCE_CONTINUE;
}

void mt_client_look_for_network(myturn_client *c) {
    look(c);
    if (c->looking != NULL)
        return;
    c->looking = g_timeout_source_new(LOOK_MS);
    g_source_set_callback(c->looking, on_look, c, NULL);
    (void)g_source_attach(c->looking, c->main);
}

void mt_client_watch_network(myturn_client *c, const char *server) {
    mt_client_forget_network(c);
    c->sip_at = g_strdup(server);
    if (mt_ua_local_address(server, c->local) != MT_OK)
        c->local[0] = '\0';
    c->monitor = g_object_ref(g_network_monitor_get_default());
    c->monitor_id = g_signal_connect(c->monitor, "network-changed", G_CALLBACK(on_network_changed), c);
}

void mt_client_forget_network(myturn_client *c) {
    if (c->looking != NULL) {
        g_source_destroy(c->looking);
        g_clear_pointer(&c->looking, g_source_unref);
    }
    if (c->monitor != NULL)
        g_signal_handler_disconnect(c->monitor, c->monitor_id);
    g_clear_object(&c->monitor);
    g_clear_pointer(&c->sip_at, g_free);
}
