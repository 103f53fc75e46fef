/* The router: finds the route, checks who asks, and hands over. */
#ifndef MT_SERVER_API_H
#define MT_SERVER_API_H

#include "server/session.h"

/* One request on its way to a handler, which answers or holds it. */
typedef struct mt_call {
    mt_server *srv;
    mt_http_req *req;
    int64_t now_ms;
    mt_session *self;   /* whose token came with it; NULL: none */
    bool operator_;     /* the operator's token came, or the API is open */
    mt_slice name;      /* named routes: the decoded name */
    mt_session *target; /* named routes: whom it names; NULL on login only */
} mt_call;

/* A mt_net_handlers.request for a mt_server. */
void mt_api_request(void *ctx, mt_http_req *req);

#endif
