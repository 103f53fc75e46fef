#include "server/turn.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "server/routes.h"
#include "server/server_int.h"
#include "server/suspension.h"
#include "server/web.h"

/* What is to be known when an answer has been written: the session may be gone by then. */
typedef struct telling {
    mt_server *srv;
    uint32_t exten;
    uint8_t pair[MT_PAIR_ID_BYTES];
    bool v1;
} telling;

static void turn_due(mt_timer *t, void *ctx, int64_t now_ms);
static void me_due(mt_timer *t, void *ctx, int64_t now_ms);

void mt_turn_hold_init(mt_hold *h, mt_session *owner, bool me) {
    *h = (mt_hold){.kind = me ? MT_HOLD_ME : MT_HOLD_TURN, .owner = owner};
    mt_timer_init(&h->timer, me ? me_due : turn_due);
}

static mt_http_req *release(mt_hold *h) {
    mt_http_req *req = h->req;
    h->req = NULL;
    mt_timer_stop(&h->owner->srv->timers, &h->timer);
    if (req != NULL)
        mt_http_req_set_ctx(req, NULL);
    return req;
}

static void hold(mt_hold *h, const mt_turn_wish *wish, int64_t now_ms) {
    h->req = wish->req;
    h->wait_s = wish->wait_s;
    h->preferred = wish->preferred;
    h->links = wish->links;
    h->drawn = false;
    h->due_ms = now_ms + (int64_t)wish->wait_s * 1000;
    mt_http_req_set_ctx(wish->req, h);
}

static void wait_on(mt_hold *h) {
    mt_timer_set(&h->owner->srv->timers, &h->timer, h->due_ms);
}

void mt_turn_hold_gone(mt_hold *h) {
    mt_server *srv = h->owner->srv;
    if (h->req != NULL)
        mt_web_problem(srv, release(h), MT_WEB_UNAUTHORIZED);
}

void mt_turn_shutdown(mt_session *s) {
    if (s->turn.req != NULL)
        mt_web_problem(s->srv, release(&s->turn), MT_WEB_SHUTTING_DOWN);
    if (s->me.req != NULL)
        mt_web_problem(s->srv, release(&s->me), MT_WEB_SHUTTING_DOWN);
}

bool mt_turn_knows(const mt_session *s) {
    const mt_pair *pair = mt_user_pair(s->user);
    return pair != NULL && s->was_told && memcmp(s->told, mt_pair_id(pair), MT_PAIR_ID_BYTES) == 0;
}

/* `lost` cannot be told of his pair. Where the partner has not been told either, he simply goes on waiting; else the
 * pair ends, for he may not be in the pool while he believes to be in a pair. */
static void undo(mt_session *lost, int64_t now_ms) {
    mt_server *srv = lost->srv;
    mt_pair *pair = mt_user_pair(lost->user);
    mt_session *other = mt_session_of(mt_user_partner(lost->user));
    if (pair == NULL || mt_pair_is_up(pair))
        return;
    uint8_t id[MT_PAIR_ID_BYTES];
    memcpy(id, mt_pair_id(pair), sizeof id);
    mt_err err = other != NULL && mt_turn_knows(other) ? mt_match_end(srv->match, id, MT_END_UNDONE, now_ms)
                                                       : mt_match_undo(srv->match, id, lost->user, now_ms);
    if (err != MT_OK)
        mt_log(MT_LOG_DEBUG, "undo", "%s", mt_err_str(err));
}

void mt_turn_abandoned(mt_hold *h, int64_t now_ms) {
    mt_session *s = h->owner;
    bool me = h == &s->me;
    (void)release(h);
    if (me)
        return;
    s->last_ms = now_ms;
    if (mt_user_pair(s->user) == NULL)
        mt_match_leave(s->srv->match, s->user, now_ms);
    else if (!mt_turn_knows(s))
        undo(s, now_ms);
}

static void answer_waiting(mt_hold *h) {
    mt_session *s = h->owner;
    mt_server *srv = s->srv;
    mt_match_counts n = mt_match_count(srv->match);
    mt_web_begin(srv);
    mt_buf_printf(&srv->out, "{\"state\":\"waiting\",\"ready\":%zu,\"online\":%zu}", n.ready, n.online);
    mt_web_answer answer = {.status = 200, .wait_s = h->preferred ? h->wait_s : 0, .waited = h->preferred};
    mt_web_send(srv, release(h), &answer);
}

static void answer_paired(mt_hold *h) {
    mt_session *s = h->owner;
    mt_server *srv = s->srv;
    mt_web_begin(srv);
    mt_buf_add_str(&srv->out, "{\"state\":\"paired\",");
    mt_routes_pair_members(&srv->out, s);
    bool by_hand = mt_user_is_phone(mt_pair_caller(mt_user_pair(s->user)));
    uint32_t connect_ms = by_hand ? srv->opt.match.invite_phone_ms : srv->opt.match.invite_ms;
    mt_buf_printf(&srv->out, ",\"connect_s\":%u,", (unsigned)(connect_ms / 1000));
    mt_server_ice(srv, &srv->out);
    mt_buf_add_char(&srv->out, '}');
    mt_web_answer answer = {.status = 200, .wait_s = h->preferred ? h->wait_s : 0, .waited = h->preferred};
    answer.written_ctx = mt_turn_telling(s, true);
    answer.written = answer.written_ctx != NULL ? mt_turn_written : NULL;
    mt_web_send(srv, release(h), &answer);
}

/* Time over, in the pool: out of it, keeping the waiting time. */
static void turn_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_hold *h = MT_CONTAINER(t, mt_hold, timer);
    mt_session *s = h->owner;
    if (h->req == NULL || mt_user_pair(s->user) != NULL)
        return;
    answer_waiting(h);
    s->last_ms = now_ms;
    mt_match_pause(s->srv->match, s->user, now_ms);
}

/* His pair is over before he was told of it: he goes on waiting as if it had never been. */
static void again(mt_hold *h, int64_t now_ms) {
    mt_session *s = h->owner;
    h->drawn = false;
    mt_pair *pair;
    mt_err err = mt_match_turn(s->srv->match, s->user, h->links, now_ms, &pair);
    if (err == MT_EMORE && now_ms >= h->due_ms)
        turn_due(&h->timer, NULL, now_ms); /* he keeps his place for a while, like any who is answered so */
    else if (err == MT_EMORE)
        wait_on(h);
    else if (err == MT_EDENIED)
        mt_suspension_answer(s, release(h), now_ms);
    else if (err != MT_OK) /* MT_OK: the draw has queued another look */
        mt_web_problem(s->srv, release(h), MT_WEB_IN_TALK);
}

static void review_turn(mt_hold *h, int64_t now_ms) {
    mt_session *s = h->owner;
    mt_pair *pair = mt_user_pair(s->user);
    if (pair != NULL) {
        h->drawn = true;
        /* The caller dials at once when told, so the callee must know first. */
        if (mt_pair_caller(pair) == s->user && !mt_pair_callee_is_ready(pair))
            mt_timer_stop(&s->srv->timers, &h->timer);
        else
            answer_paired(h);
    } else if (mt_user_status(s->user) == MT_READY) {
        h->drawn = false;
        wait_on(h);
    } else if (mt_match_is_barred(s->user, now_ms)) {
        mt_suspension_answer(s, release(h), now_ms);
    } else if (h->drawn) {
        again(h, now_ms);
    } else {
        mt_web_problem(s->srv, release(h), MT_WEB_LEFT);
    }
}

void mt_turn_review(mt_session *s, int64_t now_ms) {
    if (s->turn.req != NULL)
        review_turn(&s->turn, now_ms);
    if (s->me.req != NULL) {
        bool waited = s->me.preferred;
        mt_routes_me_answer(s, release(&s->me), waited ? s->me.wait_s : 0);
    }
}

/* Asterisk, which is not us, may forget a device: the next call would find nobody. */
static bool is_forgotten(const mt_session *s) {
    return s->srv->asterisk != NULL && s->ever_registered && !s->registered;
}

void mt_turn_begin(mt_session *s, const mt_turn_wish *wish, int64_t now_ms) {
    mt_server *srv = s->srv;
    if (s->turn.req != NULL)
        mt_web_problem(srv, release(&s->turn), MT_WEB_SUPERSEDED);
    if (is_forgotten(s)) {
        mt_match_pause(srv->match, s->user, now_ms); /* he may wait since before, and nobody is to draw him */
        mt_web_problem(srv, wish->req, MT_WEB_NOT_REGISTERED);
        return;
    }
    hold(&s->turn, wish, now_ms);
    mt_pair *pair;
    mt_err err = mt_match_turn(srv->match, s->user, wish->links, now_ms, &pair);
    if (err == MT_OK)
        review_turn(&s->turn, now_ms);
    else if (err == MT_EMORE && wish->wait_s > 0)
        wait_on(&s->turn);
    else if (err == MT_EMORE)
        turn_due(&s->turn.timer, NULL, now_ms);
    else if (err == MT_EDENIED)
        mt_suspension_answer(s, release(&s->turn), now_ms);
    else { /* without memory he may wait since before, but nobody asks for him any more */
        mt_match_pause(srv->match, s->user, now_ms);
        mt_web_problem(srv, release(&s->turn), err == MT_ESTATE ? MT_WEB_IN_TALK : MT_WEB_FULL);
    }
}

void mt_turn_left(mt_session *s) {
    if (s->turn.req != NULL)
        mt_web_problem(s->srv, release(&s->turn), MT_WEB_LEFT);
}

void mt_turn_forgotten(mt_session *s, int64_t now_ms) {
    if (s->turn.req == NULL || mt_user_pair(s->user) != NULL)
        return;
    mt_web_problem(s->srv, release(&s->turn), MT_WEB_NOT_REGISTERED);
    mt_match_pause(s->srv->match, s->user, now_ms);
}

void mt_turn_cancel(mt_session *s, int64_t now_ms) {
    mt_turn_left(s);
    if (!mt_turn_knows(s))
        undo(s, now_ms);
}

void mt_turn_hold_me(mt_session *s, const mt_turn_wish *wish, int64_t now_ms) {
    if (s->me.req != NULL)
        mt_routes_me_answer(s, release(&s->me), s->me.preferred ? s->me.wait_s : 0);
    hold(&s->me, wish, now_ms);
    wait_on(&s->me);
}

static void me_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_hold *h = MT_CONTAINER(t, mt_hold, timer);
    if (h->req == NULL)
        return;
    h->owner->last_ms = now_ms;
    mt_routes_me_answer(h->owner, release(h), h->wait_s);
}

void *mt_turn_telling(mt_session *s, bool v1) {
    const mt_pair *pair = mt_user_pair(s->user);
    if (pair == NULL || mt_turn_knows(s))
        return NULL;
    memcpy(s->told, mt_pair_id(pair), sizeof s->told);
    s->was_told = true;
    mt_session_changed(s);
    telling *t = mt_malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (telling){.srv = s->srv, .exten = mt_user_exten(s->user), .v1 = v1};
    memcpy(t->pair, s->told, sizeof t->pair);
    return t;
}

void mt_turn_written(void *ctx, mt_err result) {
    telling *t = ctx;
    mt_event ev = {.kind = MT_EVENT_TOLD, .a = t->exten, .result = result, .v1 = t->v1};
    memcpy(ev.pair, t->pair, sizeof ev.pair);
    mt_events_push(&t->srv->events, &ev);
    mt_free(t);
}

void mt_turn_told(mt_server *srv, const mt_event *ev, int64_t now_ms) {
    mt_session *s = mt_session_by_exten(srv, ev->a);
    mt_pair *pair = mt_match_pair_by_id(srv->match, ev->pair);
    if (s == NULL || pair == NULL || mt_user_pair(s->user) != pair)
        return;
    if (ev->result != MT_OK) {
        s->was_told = false;
        undo(s, now_ms);
    } else if (ev->v1 && mt_pair_callee(pair) == s->user) {
        mt_err err = mt_match_ready_to_talk(srv->match, s->user, now_ms);
        if (err != MT_OK)
            mt_log(MT_LOG_DEBUG, "ready to talk", "%s", mt_err_str(err));
    }
}
