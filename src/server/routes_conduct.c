/* The routes by which a user keeps somebody away from himself, or tells the operator of him. */
#include "base/text.h"
#include "server/routes.h"
#include "server/suspension.h"
#include "server/turn.h"
#include "server/web.h"

#define NOTE_MAX 500 /* code points */

static mt_slice text_of(const cJSON *body, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, name);
    return cJSON_IsString(item) ? mt_slice_of(item->valuestring) : (mt_slice){NULL, 0};
}

/* The pair that is named, his present one or his last; NULL: refused, and answered. */
static bool find_pair(mt_call *c, const cJSON *body, uint8_t id[MT_PAIR_ID_BYTES]) {
    const mt_pair *pair = mt_user_pair(c->self->user);
    mt_slice hex = body != NULL ? text_of(body, "pair") : (mt_slice){NULL, 0};
    if (hex.p == NULL || mt_text_hex_decode(hex, id, MT_PAIR_ID_BYTES) != MT_OK) {
        mt_web_problem(c->srv, c->req, MT_WEB_BAD_REQUEST);
        return false;
    }
    bool his = pair != NULL && memcmp(mt_pair_id(pair), id, MT_PAIR_ID_BYTES) == 0;
    if (his || mt_suspension_last(c->self, id) != NULL)
        return true;
    mt_web_problem(c->srv, c->req, MT_WEB_NOT_FOUND);
    return false;
}

/* Blocks the partner of that pair, then ends it if it is the present one: in this order, lest they be drawn again in
 * between. MT_OK too where he has logged out since. */
static mt_err block(mt_call *c, const uint8_t id[MT_PAIR_ID_BYTES]) {
    mt_session *self = c->self;
    const mt_session_last *last = mt_suspension_last(self, id);
    mt_user *other = last != NULL ? mt_match_by_exten(c->srv->match, last->partner) : mt_user_partner(self->user);
    mt_err err = MT_OK;
    if (other != NULL && !mt_match_is_blocked(c->srv->match, self->user, other)) {
        err = mt_match_block(c->srv->match, self->user, other);
        c->srv->metrics.blocks += err == MT_OK;
    }
    if (last == NULL && mt_match_end(c->srv->match, id, MT_END_HANGUP, c->now_ms) == MT_OK)
        mt_turn_left(self);
    return err;
}

static void answer(mt_call *c, mt_err err) {
    if (err == MT_OK)
        mt_web_no_content(c->srv, c->req);
    else
        mt_web_problem(c->srv, c->req, err == MT_ELIMIT ? MT_WEB_BLOCKS_FULL : MT_WEB_FULL);
}

void mt_routes_conduct_block(mt_call *c) {
    cJSON *body;
    uint8_t id[MT_PAIR_ID_BYTES];
    if (!mt_web_body(c->srv, c->req, &body))
        return;
    if (find_pair(c, body, id))
        answer(c, block(c, id));
    cJSON_Delete(body);
}

/* False: refused, and answered. */
static bool read_report(mt_call *c, const cJSON *body, mt_suspension_reason *reason, mt_slice *note) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, "note");
    mt_slice word = text_of(body, "reason");
    size_t which = 0, count = 0;
    while (which < MT_REPORT_REASONS && !(word.p != NULL && mt_slice_is(word, mt_suspension_reasons[which])))
        which++;
    *reason = (mt_suspension_reason)which;
    *note = text_of(body, "note");
    bool good_note = item == NULL || cJSON_IsNull(item) || note->p != NULL;
    if (note->p != NULL && (mt_text_count(*note, &count) != MT_OK || count > NOTE_MAX))
        good_note = false;
    if (which == MT_REPORT_REASONS)
        mt_web_problem(c->srv, c->req, MT_WEB_INVALID_REASON);
    else if (!good_note)
        mt_web_problem(c->srv, c->req, MT_WEB_INVALID_NOTE);
    return which < MT_REPORT_REASONS && good_note;
}

static void report(mt_call *c, const cJSON *body) {
    uint8_t id[MT_PAIR_ID_BYTES];
    mt_suspension_reason reason;
    mt_slice note;
    if (!find_pair(c, body, id) || !read_report(c, body, &reason, &note))
        return;
    const mt_session_last *last = mt_suspension_last(c->self, id);
    bool again = last != NULL && last->reported;
    uint32_t retry_s = again ? 0 : mt_limits_report(&c->srv->limits, mt_http_req_remote(c->req), c->now_ms);
    if (retry_s > 0) {
        mt_web_slow_down(c->srv, c->req, MT_REFUSED_REPORTS, retry_s);
        return;
    }
    mt_err err = block(c, id);
    if (mt_suspension_last(c->self, id) != NULL) /* it is the last one by now */
        mt_suspension_report(c->self, reason, note, c->now_ms);
    answer(c, err);
}

void mt_routes_conduct_report(mt_call *c) {
    cJSON *body;
    if (!mt_web_body(c->srv, c->req, &body))
        return;
    report(c, body);
    cJSON_Delete(body);
}
