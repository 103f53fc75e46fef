#include "link/ice.h"

#include <netinet/in.h>
#include <nice/agent.h>
#include <nice/interfaces.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "link/turn_tls.h"

#define LOOPBACK "127.0.0.1"

enum {
    PACING_MS = 5,         /* time between connectivity checks: brings a loopback path from 80 to about 40 ms */
    GATHER_LIMIT_MS = 300, /* a machine without any network may never finish */
    GATHER_SERVER_LIMIT_MS = 1500,
    GATHER_RELAY_LIMIT_MS =
        4000,             /* without a relay there is no talk: TCP and TLS through a slow network take their time */
    SETTLE_MS = 300,      /* after the first reflexive candidate: other families and a relay may follow */
    SETTLE_RELAY_MS = 30, /* after the first relay: it came with a reflexive one, and reaches everybody */
    LOCAL_ADDRESSES_MAX = 8,
    MOVED_PRIORITY = 0x7effff00, /* above what any host candidate has that libnice or a browser makes */
    MOVES_MAX = 255,
};

struct mt_ice {
    NiceAgent *agent; /* owned */
    guint stream;
    GMainContext *main; /* owned */
    GSource *limit;     /* owned; NULL when not running */
    mt_ice_events on;
    void *ctx;
    char *ufrag, *pwd;  /* owned */
    GPtrArray *tunnels; /* owned, of mt_turn_tls */
    bool with_server;
    guint settle_ms; /* 0: nothing that others can reach has come yet */
    bool gathered;
    bool relay_only;
    bool writable;
    unsigned moves; /* how often the partner was followed */
};

static unsigned g_closing;

unsigned mt_ice_closing(void) {
    return g_closing;
}

static mt_err add_turn_tls(mt_ice *ice, const mt_ice_server *s, const char *ca_file, guint16 *near_port) {
    mt_turn_tls *tls = NULL;
    mt_err err = mt_turn_tls_create(s->host, s->port, ca_file, &tls);
    if (err != MT_OK)
        return err;
    g_ptr_array_add(ice->tunnels, tls);
    *near_port = mt_turn_tls_port(tls);
    return MT_OK;
}

static mt_err add_turn(mt_ice *ice, const mt_ice_server *s, const char *ca_file) {
    const char *host = s->host;
    guint16 port = s->port;
    if (s->kind == MT_ICE_TURN_TLS) {
        mt_err err = add_turn_tls(ice, s, ca_file, &port);
        if (err != MT_OK)
            return err;
        host = LOOPBACK;
    }
    /* libnice's own TURN_TLS only looks like TLS. */
    NiceRelayType type = s->kind == MT_ICE_TURN_UDP ? NICE_RELAY_TYPE_TURN_UDP : NICE_RELAY_TYPE_TURN_TCP;
    gboolean set = nice_agent_set_relay_info(ice->agent, ice->stream, 1, host, port, s->user, s->password, type);
    return set ? MT_OK : MT_ESYS;
}

/* One that cannot be used must not keep the others from being tried. libnice asks one STUN server alone. */
static void add_servers(mt_ice *ice, const mt_ice_servers *servers, const char *ca_file) {
    bool stun = false;
    for (size_t i = 0; i < servers->count; i++) {
        const mt_ice_server *s = &servers->list[i];
        if (s->kind != MT_ICE_STUN) {
            if (add_turn(ice, s, ca_file) != MT_OK)
                mt_log(MT_LOG_WARN, "ice", "a TURN server is left out");
        } else if (!stun) {
            g_object_set(ice->agent, "stun-server", s->host, "stun-server-port", (guint)s->port, NULL);
            stun = true;
        }
    }
}

static bool add_local(NiceAgent *agent, const char *ip) {
    NiceAddress addr;
    nice_address_init(&addr);
    return nice_address_set_from_string(&addr, ip) && nice_agent_add_local_address(agent, &addr);
}

/* A link-local address needs a scope that a candidate cannot name. */
static bool is_link_local(const NiceAddress *addr) {
    struct sockaddr_in6 in6;
    if (nice_address_ip_version(addr) != 6)
        return false;
    nice_address_copy_to_sockaddr(addr, (struct sockaddr *)&in6);
    return IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr);
}

/* Naming one address by hand switches libnice's own search off, so all are named. A tunnel is reached from IPv4 only.
 */
static void add_locals(mt_ice *ice, bool loopback) {
    GList *ips = nice_interfaces_get_local_ips(FALSE);
    unsigned count = 0, v4 = 0;
    for (GList *it = ips; it != NULL && count < LOCAL_ADDRESSES_MAX; it = it->next) {
        NiceAddress addr;
        nice_address_init(&addr);
        if (nice_address_set_from_string(&addr, it->data) && !is_link_local(&addr) &&
            nice_agent_add_local_address(ice->agent, &addr)) {
            count++;
            v4 += nice_address_ip_version(&addr) == 4;
        }
    }
    g_list_free_full(ips, g_free);
    bool needed = loopback || count == 0 || (v4 == 0 && ice->tunnels->len > 0);
    if (needed && !add_local(ice->agent, LOOPBACK))
        mt_log(MT_LOG_WARN, "ice", "no local address could be added");
}

static void gathered(mt_ice *ice) {
    if (ice->gathered)
        return;
    ice->gathered = true;
    if (ice->limit != NULL) {
        g_source_destroy(ice->limit);
        g_clear_pointer(&ice->limit, g_source_unref);
    }
    ice->on.gathered(ice->ctx);
}

static gboolean on_limit(void *data);

static void set_limit(mt_ice *ice, guint ms) {
    if (ice->limit != NULL) {
        g_source_destroy(ice->limit);
        g_source_unref(ice->limit);
    }
    ice->limit = g_timeout_source_new(ms);
    g_source_set_callback(ice->limit, on_limit, ice, NULL);
    g_source_attach(ice->limit, ice->main);
}

static gboolean on_limit(void *data) {
    mt_ice *ice = data;
    mt_log(MT_LOG_DEBUG, "ice", "gathering is cut short");
    gathered(ice);
    return G_SOURCE_REMOVE;
}

static void on_gathering_done(NiceAgent *agent, guint stream, mt_ice *ice) {
    gathered(ice);
}

/* Servers are asked from every local address, and from some of them there is never an answer. Nor is there a STUN server's
 * that is the TURN server, too: libnice takes it for the relay's and drops it. */
static void on_candidate(NiceAgent *agent, NiceCandidate *candidate, mt_ice *ice) {
    bool relayed = candidate->type == NICE_CANDIDATE_TYPE_RELAYED;
    guint ms = relayed ? SETTLE_RELAY_MS : SETTLE_MS;
    if (ice->gathered || candidate->type == NICE_CANDIDATE_TYPE_HOST || (ice->relay_only && !relayed))
        return;
    if (ice->settle_ms != 0 && ice->settle_ms <= ms)
        return;
    ice->settle_ms = ms;
    set_limit(ice, ms);
}

static void writable(mt_ice *ice) {
    ice->writable = true;
    ice->on.writable(ice->ctx);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, mt_ice *ice) {
    mt_log(MT_LOG_DEBUG, "ice", "%s", nice_component_state_to_string((NiceComponentState)state));
    if (state == NICE_COMPONENT_STATE_FAILED)
        ice->on.failed(ice->ctx);
    else if (state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY)
        writable(ice);
}

/* The earliest moment at which sending works: nomination comes before the component's state. */
static void on_pair(NiceAgent *agent, guint stream, guint component, NiceCandidate *local, NiceCandidate *remote,
                    mt_ice *ice) {
    writable(ice);
}

/* A check of the partner's, good under our password, from where he was not before: his address has changed, or his NAT has
 * forgotten him. libnice makes no pair that would be worth less than the one in use, as what it learns from a check is. So
 * it is given the address once more, as worth more: it is checked as any other then, and used if the partner answers. */
static void on_remote(NiceAgent *agent, NiceCandidate *candidate, mt_ice *ice) {
    if (!ice->writable || candidate->type != NICE_CANDIDATE_TYPE_PEER_REFLEXIVE || ice->moves == MOVES_MAX)
        return;
    NiceCandidate *c = nice_candidate_copy(candidate);
    c->type = NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE; /* those that it learned itself it takes from nobody */
    c->priority = MOVED_PRIORITY + ++ice->moves;
    GSList *list = g_slist_append(NULL, c);
    (void)!nice_agent_set_remote_candidates(agent, ice->stream, 1, list);
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static void on_recv(NiceAgent *agent, guint stream, guint component, guint len, gchar *buf, gpointer data) {
    mt_ice *ice = data;
    ice->on.packet(ice->ctx, (const uint8_t *)buf, len);
}

static mt_err set_up(mt_ice *ice, const mt_ice_config *cfg) {
    ice->stream = nice_agent_add_stream(ice->agent, 1);
    if (ice->stream == 0 || !nice_agent_get_local_credentials(ice->agent, ice->stream, &ice->ufrag, &ice->pwd))
        return MT_ESYS;
    if (cfg->servers != NULL)
        add_servers(ice, cfg->servers, cfg->ca_file);
    add_locals(ice, cfg->loopback);
    g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathering_done), ice);
    g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_candidate), ice);
    g_signal_connect(ice->agent, "new-remote-candidate-full", G_CALLBACK(on_remote), ice);
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
    g_signal_connect(ice->agent, "new-selected-pair-full", G_CALLBACK(on_pair), ice);
    if (!nice_agent_attach_recv(ice->agent, ice->stream, 1, ice->main, on_recv, ice))
        return MT_ESYS;
    return MT_OK;
}

mt_err mt_ice_create(const mt_ice_config *cfg, const mt_ice_events *events, void *ctx, mt_ice **out) {
    mt_ice *ice = g_new0(mt_ice, 1);
    ice->on = *events;
    ice->ctx = ctx;
    ice->main = g_main_context_ref_thread_default();
    ice->tunnels = g_ptr_array_new_with_free_func((GDestroyNotify)mt_turn_tls_destroy);
    ice->with_server = cfg->servers != NULL && cfg->servers->count > 0;
    ice->relay_only = cfg->relay_only;
    ice->agent = nice_agent_new_full(ice->main, NICE_COMPATIBILITY_RFC5245, (NiceAgentOption)0);
    if (ice->agent == NULL) {
        mt_ice_destroy(ice);
        return MT_ESYS;
    }
    g_object_set(ice->agent, "controlling-mode", (gboolean)cfg->controlling, "upnp", FALSE, "ice-tcp", FALSE,
                 "stun-pacing-timer", PACING_MS, "force-relay", (gboolean)cfg->relay_only, NULL);
    mt_err err = set_up(ice, cfg);
    if (err != MT_OK) {
        mt_ice_destroy(ice);
        return err;
    }
    *out = ice;
    return MT_OK;
}

void mt_ice_hand_over(mt_ice *ice, const mt_ice_events *events, void *ctx) {
    ice->on = *events;
    ice->ctx = ctx;
}

/* The tunnels stay until the allocations behind them are given back. */
static void on_closed(GObject *agent, GAsyncResult *result, gpointer tunnels) {
    g_closing--;
    g_ptr_array_unref(tunnels);
    g_object_unref(agent);
}

void mt_ice_destroy(mt_ice *ice) {
    if (ice == NULL)
        return;
    if (ice->limit != NULL) {
        g_source_destroy(ice->limit);
        g_source_unref(ice->limit);
    }
    if (ice->agent != NULL) {
        g_signal_handlers_disconnect_by_data(ice->agent, ice);
        if (ice->stream != 0)
            nice_agent_attach_recv(ice->agent, ice->stream, 1, ice->main, NULL, NULL);
        g_closing++;
        g_main_context_push_thread_default(ice->main);
        nice_agent_close_async(ice->agent, on_closed, g_ptr_array_ref(ice->tunnels));
        g_main_context_pop_thread_default(ice->main);
    }
    g_ptr_array_unref(ice->tunnels);
    g_main_context_unref(ice->main);
    g_free(ice->ufrag);
    g_free(ice->pwd);
    g_free(ice);
}

mt_err mt_ice_gather(mt_ice *ice) {
    if (!nice_agent_gather_candidates(ice->agent, ice->stream)) {
        mt_log(MT_LOG_WARN, "ice", "no address to gather candidates from");
        return MT_ESYS;
    }
    if (ice->gathered || ice->settle_ms != 0)
        return MT_OK;
    if (ice->relay_only)
        set_limit(ice, GATHER_RELAY_LIMIT_MS);
    else
        set_limit(ice, ice->with_server ? GATHER_SERVER_LIMIT_MS : GATHER_LIMIT_MS);
    return MT_OK;
}

const char *mt_ice_ufrag(const mt_ice *ice) {
    return ice->ufrag;
}

const char *mt_ice_pwd(const mt_ice *ice) {
    return ice->pwd;
}

char **mt_ice_candidates(mt_ice *ice) {
    GPtrArray *lines = g_ptr_array_new();
    GSList *candidates = nice_agent_get_local_candidates(ice->agent, ice->stream, 1);
    for (GSList *it = candidates; it != NULL && lines->len < MT_ICE_CANDIDATES_MAX; it = it->next) {
        NiceCandidate *c = it->data;
        if (ice->relay_only && c->type != NICE_CANDIDATE_TYPE_RELAYED)
            continue;
        char *line = nice_agent_generate_local_candidate_sdp(ice->agent, c);
        if (line != NULL)
            g_ptr_array_add(lines, line);
    }
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}

mt_err mt_ice_remote(mt_ice *ice, const mt_sdp *sdp) {
    if (!nice_agent_set_remote_credentials(ice->agent, ice->stream, sdp->ufrag, sdp->pwd))
        return MT_EBAD;
    GSList *list = NULL;
    size_t taken = sdp->candidate_count < MT_ICE_CANDIDATES_MAX ? sdp->candidate_count : MT_ICE_CANDIDATES_MAX;
    for (size_t i = 0; i < taken; i++) {
        NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, sdp->candidates[i].line);
        if (c != NULL)
            list = g_slist_append(list, c);
    }
    int added = nice_agent_set_remote_candidates(ice->agent, ice->stream, 1, list);
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
    mt_log(MT_LOG_DEBUG, "ice", "%d of the partner's %zu candidates taken", added, sdp->candidate_count);
    return MT_OK;
}

mt_err mt_ice_send(mt_ice *ice, const void *p, size_t len_bytes) {
    if (len_bytes == 0 || len_bytes > 65507)
        return MT_EINVAL;
    int sent = nice_agent_send(ice->agent, ice->stream, 1, (guint)len_bytes, p);
    return sent == (int)len_bytes ? MT_OK : MT_ESTATE;
}

static mt_sdp_candidate_type type_of(const NiceCandidate *c) {
    switch (c->type) {
    case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE:
        return MT_SDP_SRFLX;
    case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE:
        return MT_SDP_PRFLX;
    case NICE_CANDIDATE_TYPE_RELAYED:
        return MT_SDP_RELAY;
    default:
        return MT_SDP_HOST;
    }
}

/* A check of the partner's may come before his candidates: what looked peer-reflexive then may be a relay of his. */
static mt_sdp_candidate_type remote_type(const NiceCandidate *c, const mt_sdp *remote) {
    struct sockaddr_storage storage;
    mt_addr addr;
    mt_sdp_candidate_type type = type_of(c);
    memset(&storage, 0, sizeof storage);
    nice_address_copy_to_sockaddr(&c->addr, (struct sockaddr *)&storage);
    if (type != MT_SDP_PRFLX || mt_addr_from_sockaddr((const struct sockaddr *)&storage, &addr) != MT_OK)
        return type;
    for (size_t i = 0; i < remote->candidate_count; i++)
        if (mt_addr_eq(&remote->candidates[i].addr, &addr))
            return remote->candidates[i].type;
    return type;
}

mt_err mt_ice_selected(mt_ice *ice, const mt_sdp *remote, mt_ice_path *out) {
    NiceCandidate *l = NULL, *r = NULL;
    if (!nice_agent_get_selected_pair(ice->agent, ice->stream, 1, &l, &r))
        return MT_ESTATE;
    mt_ice_path path = {.local = type_of(l), .remote = remote_type(r, remote)};
    path.relayed = path.local == MT_SDP_RELAY || path.remote == MT_SDP_RELAY;
    *out = path;
    return MT_OK;
}
