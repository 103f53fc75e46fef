/* The inside of the API client: api.c (life, answers), api_calls.c (what is asked). */
#ifndef MT_CLIENT_API_PRIV_H
#define MT_CLIENT_API_PRIV_H

#include <libsoup/soup.h>

#include "base/list.h"
#include "client/api.h"
#include "client/trust.h"

enum { MT_API_ANSWER_MS = 10000 }; /* besides what the request asks to be held */

#define MT_API_ATTEMPT 43 /* characters: 256 random bits in base64url */

typedef enum mt_api_request_kind {
    REQ_LOGIN,
    REQ_TURN,
    REQ_LEAVE,
    REQ_BLOCK,
    REQ_REPORT,
    REQ_WATCH,
    REQ_LOGOUT,
    REQ_LINK_PUT,
    REQ_LINK_GET,
    REQ_STATS,
    REQ_INFO
} mt_api_request_kind;

typedef struct mt_api_request {
    mt_list node;
    mt_api *api; /* NULL: given up, nobody wants to hear */
    mt_api_request_kind kind;
    uint32_t seq;
    SoupMessage *msg;
    GCancellable *cancel;
    GSource *limit;
    bool late;
    GInputStream *stream;
    GByteArray *body;
} mt_api_request;

struct mt_api {
    mt_api_events ev;
    const mt_api_link_events *link_ev;
    void *ctx;
    SoupSession *session;
    GUri *base;
    mt_trust *trust; /* NULL: the system's authorities alone */
    GMainContext *main;
    char *bearer; /* "Bearer …", NULL: not logged in */
    char *attempt_name;
    char attempt[MT_API_ATTEMPT + 1]; /* a login as attempt_name that was not answered yet; empty: none */
    mt_list requests;
    bool phone;
    unsigned policies;
    char etag[32]; /* of the last answer to WATCH */
};

/* Makes a request, known to api; with the token, if there is one. */
mt_api_request *mt_api_begin(mt_api *api, mt_api_request_kind kind, uint32_t seq, const char *method, const char *path);
/* Sends it. It is answered within limit_ms, or fails. */
void mt_api_dispatch(mt_api_request *r, unsigned limit_ms);
void mt_api_give_up(mt_api_request *r); /* nobody wants to hear of it any more */
void mt_api_drop_token(mt_api *api);
void mt_api_drop_attempt(mt_api *api);

#endif
