/* HTTP as the API speaks it: who may come in at all (Host, Origin, limits), answers in JSON, problems (RFC 9457). */
#ifndef MT_SERVER_WEB_H
#define MT_SERVER_WEB_H

#include "server/json.h"
#include "server/server_int.h"

typedef enum mt_web_trouble {
    MT_WEB_BAD_REQUEST,
    MT_WEB_INVALID_NAME,
    MT_WEB_INVALID_DEVICE,
    MT_WEB_INVALID_LINK,
    MT_WEB_INVALID_REASON,
    MT_WEB_NOT_RELAYED,
    MT_WEB_INVALID_NOTE,
    MT_WEB_UNAUTHORIZED,
    MT_WEB_FOREIGN_ORIGIN,
    MT_WEB_OPERATOR_ONLY,
    MT_WEB_SUSPENDED,
    MT_WEB_NOT_FOUND,
    MT_WEB_NAME_TAKEN,
    MT_WEB_SUPERSEDED,
    MT_WEB_LEFT,
    MT_WEB_NOT_REGISTERED,
    MT_WEB_IN_TALK,
    MT_WEB_PAIRED,
    MT_WEB_WRONG_STATE,
    MT_WEB_BLOCKS_FULL,
    MT_WEB_MEDIA_TYPE,
    MT_WEB_WRONG_HOST,
    MT_WEB_FULL,
    MT_WEB_SIP_AWAY,
    MT_WEB_SHUTTING_DOWN,
    MT_WEB_TROUBLES, /* their number */
} mt_web_trouble;

const char *mt_web_code(mt_web_trouble trouble); /* "bad_request", … */

/* False: refused, and answered. ws: a WebSocket handshake, which needs the same. */
bool mt_web_admit(mt_server *srv, mt_http_req *req);

/* An answer's body is written into srv->out between mt_web_begin and mt_web_send. */
void mt_web_begin(mt_server *srv);

typedef struct mt_web_answer {
    unsigned status;
    const char *content_type; /* NULL: application/json */
    const char *headers;      /* complete lines, or NULL */
    bool waited;              /* says Preference-Applied: wait= */
    uint32_t wait_s;
    mt_http_written *written;
    void *written_ctx;
} mt_web_answer;
void mt_web_send(mt_server *srv, mt_http_req *req, const mt_web_answer *answer);
void mt_web_send_json(mt_server *srv, mt_http_req *req, unsigned status); /* what is in srv->out */
void mt_web_no_content(mt_server *srv, mt_http_req *req);

void mt_web_problem(mt_server *srv, mt_http_req *req, mt_web_trouble trouble);
/* With one more header line and one more member (name and value as JSON), each may be NULL. */
void mt_web_problem_more(mt_server *srv, mt_http_req *req, mt_web_trouble trouble, const char *header,
                         const char *member);
void mt_web_not_allowed(mt_server *srv, mt_http_req *req, const char *allow);
void mt_web_slow_down(mt_server *srv, mt_http_req *req, mt_metrics_refusal what, uint32_t retry_s);

/* Prefer: wait=N (RFC 7240), cut to max_s. False: not asked. */
bool mt_web_wait(const mt_http_req *req, uint32_t max_s, uint32_t *out_s);
/* The value of a query member, still encoded. False: not there. */
bool mt_web_query(const mt_http_req *req, const char *name, mt_slice *out);
/* The body as an object; *out is NULL for an empty body. False: refused, and answered. */
bool mt_web_body(mt_server *srv, mt_http_req *req, cJSON **out);

#endif
