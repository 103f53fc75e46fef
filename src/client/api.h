/* The client's half of the HTTP API `/v1` (docs/protocol/api.md), on libsoup in the GLib loop.
 *
 * Every request that is begun is answered by exactly one event, from the main loop, unless it is broken, forgotten or
 * the object destroyed; mt_api_stats by at most one. A held request stands in nobody's way: each has a connection of
 * its own. Answers are limited in size and checked. Nothing is cached, redirected or kept. */
#ifndef MT_CLIENT_API_H
#define MT_CLIENT_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "client/fault.h"
#include "client/trust.h"
#include "client/turn.h"

typedef struct mt_api mt_api;

typedef struct mt_api_login_info { /* borrowed until the event returns */
    const char *name;
    uint32_t exten;
    const char *sip_uri, *sip_username, *sip_realm, *sip_password;
    const char *sip_udp, *sip_tcp, *sip_tls; /* "address:port", NULL: not served */
    const char *settings;                    /* phone: what to type in, a line each; else NULL */
    bool relay_only;
    bool asterisk; /* the SIP server carries calls, but no offer and answer of ours: mt_api_link_put */
} mt_api_login_info;

typedef struct mt_api_events {
    void (*login_done)(void *ctx, uint32_t seq, const mt_api_login_info *info);
    void (*login_failed)(void *ctx, uint32_t seq, const mt_fault *fault);
    void (*drawn)(void *ctx, uint32_t seq, const mt_turn_draw *draw);
    void (*waiting)(void *ctx, uint32_t seq, unsigned ready, unsigned online);
    void (*turn_failed)(void *ctx, uint32_t seq, const mt_fault *fault);
    void (*left)(void *ctx, uint32_t seq, const mt_fault *fault);      /* NULL: with success */
    void (*conducted)(void *ctx, uint32_t seq, const mt_fault *fault); /* block or report; NULL: taken */
    void (*watched)(void *ctx, uint32_t seq, const mt_turn_me *me);
    void (*watch_failed)(void *ctx, uint32_t seq, const mt_fault *fault);
    void (*logged_out)(void *ctx, uint32_t seq); /* anyhow */
    void (*counted)(void *ctx, unsigned ready, unsigned online);
    void (*informed)(void *ctx, const char *contact, bool relay_only); /* contact: cleaned for display; NULL: none */
} mt_api_events;

/* Of mt_api_link_put and mt_api_link_get. */
typedef struct mt_api_link_events {
    void (*got)(void *ctx, const char *text); /* borrowed; NULL: nothing yet, ask again */
    void (*put)(void *ctx);                   /* it was taken */
    void (*failed)(void *ctx, bool put, const mt_fault *fault);
} mt_api_link_events;

/* url: http://host[:port] or https://…, without path. MT_EBAD: not such a URL. MT_ENOMEM. */
mt_err mt_api_create(const char *url, const mt_api_events *events, void *ctx, mt_api **out) MT_MUST_CHECK;
/* No event follows; NULL is harmless. What is under way is given up, but a login that is left is logged out of in the
 * background, as long as the main loop runs. */
void mt_api_destroy(mt_api *api);

/* For https://; before the first request. A certificate that is not to be trusted is a fault UNREACHABLE with `tls`. */
void mt_api_set_trust(mt_api *api, mt_trust *trust);
/* pair: 16 bytes, or NULL. */
void mt_api_set_phone(mt_api *api); /* logs in with "device":"phone", draws by plain RTP */
/* Bits of MYTURN_GCM, MYTURN_CBC, MYTURN_RTP: what to be drawn with. A draw with any other is malformed. At first
 * MYTURN_GCM. Of no effect for a phone. */
void mt_api_set_policies(mt_api *api, unsigned policies);
void mt_api_login(mt_api *api, uint32_t seq, const char *name);
void mt_api_turn(mt_api *api, uint32_t seq, unsigned wait_s, const uint8_t *leave);
void mt_api_break(mt_api *api); /* gives the mt_api_turn under way up; the server notices at once */
/* The network has changed: open connections are left, and what is under way by them fails as if the server were away. */
void mt_api_renew(mt_api *api);
void mt_api_leave(mt_api *api, uint32_t seq, const uint8_t *pair);
/* GET /v1/stats: how many wait and are online. Its failure is not told: it is asked in passing. */
void mt_api_stats(mt_api *api);
/* GET /v1/info: what is known before a login. Answered soon, also where nothing is learnt. */
void mt_api_info(mt_api *api);
void mt_api_block(mt_api *api, uint32_t seq, const uint8_t *pair);
void mt_api_report(mt_api *api, uint32_t seq, const uint8_t *pair, const char *reason,
                   const char *note); /* note: "" none */
/* GET /v1/me, held until something is other than in the last answer; gives an earlier one up. */
void mt_api_watch(mt_api *api, uint32_t seq);
void mt_api_logout(mt_api *api, uint32_t seq);

/* Where the SIP server cannot carry them, offer and answer of the link are laid down for the partner and picked up,
 * held until they are there. events must outlive api; their ctx is that of mt_api_create. */
void mt_api_on_link(mt_api *api, const mt_api_link_events *events);
void mt_api_link_put(mt_api *api, const uint8_t *pair, const char *text);
void mt_api_link_get(mt_api *api, const uint8_t *pair);
void mt_api_link_break(mt_api *api); /* gives both up */

void mt_api_forget(mt_api *api); /* the token, and all requests under way */

#endif
