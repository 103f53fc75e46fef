/* Held requests: POST /v1/turn until a partner is drawn, GET /v1/me until something changes. What to do with a held
 * turn is always decided from the present state of its user, never from the event that caused the look. */
#ifndef MT_SERVER_TURN_H
#define MT_SERVER_TURN_H

#include "server/events.h"
#include "server/session.h"

void mt_turn_hold_init(mt_hold *h, mt_session *owner, bool me);
/* The login ends: what is held is answered 401. */
void mt_turn_hold_gone(mt_hold *h);
/* The client of a held request left, or the server stops (then it is answered 503). */
void mt_turn_abandoned(mt_hold *h, int64_t now_ms);
void mt_turn_shutdown(mt_session *s);

typedef struct mt_turn_wish {
    mt_http_req *req; /* answered now or later */
    uint32_t wait_s;
    bool preferred;
    unsigned links;
} mt_turn_wish;

/* Says "ready", draws, and answers as soon as there is something to say. */
void mt_turn_begin(mt_session *s, const mt_turn_wish *wish, int64_t now_ms);
/* The user left pool and pair by another request: what is held is answered so. */
void mt_turn_left(mt_session *s);
/* The same where he may have been drawn without knowing: such a draw is undone. */
void mt_turn_cancel(mt_session *s, int64_t now_ms);
/* Asterisk does not know his device any more: a held turn is answered so, and the place kept for a while. */
void mt_turn_forgotten(mt_session *s, int64_t now_ms);
/* Holds GET /v1/me until the next change. */
void mt_turn_hold_me(mt_session *s, const mt_turn_wish *wish, int64_t now_ms);

/* Something about the user changed: answers what can be answered now. */
void mt_turn_review(mt_session *s, int64_t now_ms);

/* Remembers that s is being told of his pair by the answer that is written next, and what to do once it is written or
 * lost. ctx is for mt_http_answer.written_ctx, NULL if there is nothing to do (he knew it) or no memory. */
void *mt_turn_telling(mt_session *s, bool v1);
void mt_turn_written(void *ctx, mt_err result); /* a mt_http_written */
/* The event that mt_turn_written leaves behind. */
void mt_turn_told(mt_server *srv, const mt_event *ev, int64_t now_ms);
/* Whether s was told of the pair he is in. */
bool mt_turn_knows(const mt_session *s);

#endif
