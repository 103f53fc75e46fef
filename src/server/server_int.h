/* The inside of the server, for the files of this folder. */
#ifndef MT_SERVER_SERVER_INT_H
#define MT_SERVER_SERVER_INT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/timerq.h"
#include "match/conduct.h"
#include "match/match.h"
#include "net/net.h"
#include "net/tls.h"
#include "server/console.h"
#include "server/events.h"
#include "server/limits.h"
#include "server/metrics.h"
#include "server/relay.h"
#include "server/reports.h"
#include "server/server.h"
#include "server/session.h"
#include "server/static.h"
#include "server/token.h"
#include "sip/sip_server.h"

struct mt_asterisk;

struct mt_server {
    mt_options opt;
    mt_random random;
    char domain[256];
    mt_net *net;
    mt_udp *udp;
    mt_tls *tls; /* NULL: not served */
    mt_addr http_addr, sip_addr;
    mt_addr https_addr, sips_addr; /* where served */
    mt_match *match;
    mt_conduct *conduct;
    mt_reports *reports;          /* NULL: none is written */
    mt_sip_server *sip;           /* there, but reached by nobody, where Asterisk is the SIP server */
    struct mt_asterisk *asterisk; /* NULL: the embedded one is */
    mt_limits limits;
    mt_map by_token;
    mt_timerq timers; /* leases and held requests */
    mt_events events;
    mt_token_operator op;
    mt_relay_secret relay; /* shared with the TURN server */
    mt_static *files;      /* NULL: no folder is served */
    mt_console console;
    mt_metrics metrics;
    int64_t wake_ms;    /* what the loop was asked to wake for; MT_NEVER: nothing */
    mt_buf out;         /* body of the answer being written */
    char good_host[80]; /* the Host that was last found good */
    size_t good_host_len;
    bool told_proxy; /* that there is one which is not trusted */
    bool stopping;
    int64_t stop_by_ms;
    uint64_t answers;
};

static inline int64_t mt_server_now_ms(const mt_server *s) {
    return mt_net_now_ms(s->net);
}

/* Appends "ice_servers":[…],"relay_only":… with credentials made now. */
static inline void mt_server_ice(const mt_server *s, mt_buf *out) {
    mt_relay_members(out, &s->opt.relay, &s->relay, s->random, mt_clock_wall_s());
}

/* Bound to all addresses: tells nobody where to come. */
static inline bool mt_server_is_any(const mt_addr *a) {
    if (a->sa.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

#endif
