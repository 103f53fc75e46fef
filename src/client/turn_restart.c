/* The conversation machine: another path for a talk whose path is gone (docs/protocol/sdp.md, ICE restart). The caller
 * tries, the callee answers; what is above the path goes on meanwhile, so none of this ends a talk. */
#include "client/turn_priv.h"

/* One whose call is lost, or who is not registered, could not reach the partner. */
static bool is_due(const mt_turn *t) {
    bool wanted = t->state == MYTURN_RECONNECTING || (t->state == MYTURN_TALKING && t->has_moved);
    return wanted && t->draw.caller && t->draw.policy != MT_POLICY_RTP && t->link == MT_TURN_LINK_SECURE &&
           t->call != 0 && t->call_up && t->registered;
}

void mt_turn_restart_reset(mt_turn *t, int64_t now_ms) {
    t->path_try = MT_TURN_NO_TRY;
    t->has_moved = false;
    t->try_at_ms = now_ms;
    t->answer_due_ms = INT64_MAX;
}

int64_t mt_turn_restart_pump_ms(const mt_turn *t) {
    if (!t->in_pair)
        return INT64_MAX;
    if (t->path_try == MT_TURN_ASKING)
        return t->answer_due_ms;
    return t->path_try == MT_TURN_NO_TRY && is_due(t) ? t->try_at_ms : INT64_MAX;
}

/* The answer to a CANCEL is awaited: two re-INVITEs at once there may not be. */
static void take_back(mt_turn *t) {
    t->answer_due_ms = INT64_MAX;
    mt_turn_push(t, MT_TURN_SIP_RECANCEL)->call = t->call;
}

void mt_turn_restart_pump(mt_turn *t, int64_t now_ms) {
    if (mt_turn_restart_pump_ms(t) > now_ms)
        return;
    if (t->path_try == MT_TURN_ASKING) {
        take_back(t);
        return;
    }
    t->path_try = MT_TURN_GATHERING;
    t->try_at_ms = now_ms + MT_TURN_TRY_MS;
    (void)mt_turn_push(t, MT_TURN_LINK_RESTART);
}

static void give_up(mt_turn *t, int64_t pause_ms, int64_t now_ms) {
    t->path_try = MT_TURN_NO_TRY;
    t->answer_due_ms = INT64_MAX;
    if (t->try_at_ms < now_ms + pause_ms)
        t->try_at_ms = now_ms + pause_ms;
    (void)mt_turn_push(t, MT_TURN_LINK_RESTART_STOP);
}

void mt_turn_restart_call_lost(mt_turn *t) {
    if (t->path_try != MT_TURN_NO_TRY)
        give_up(t, 0, 0);
}

void mt_turn_moved(mt_turn *t, int64_t now_ms) {
    if (!t->have_login || t->phone || t->state == MYTURN_ENDING)
        return;
    if (t->turn_seq != 0) { /* its answer would go to the address of before */
        (void)mt_turn_push(t, MT_TURN_API_BREAK);
        t->turn_seq = 0;
        t->retry_at_ms = now_ms;
    }
    t->registered = false;
    (void)mt_turn_push(t, MT_TURN_API_RENEW);
    (void)mt_turn_push(t, MT_TURN_SIP_RENEW);
    if (!t->in_pair || !t->draw.caller)
        return;
    t->has_moved = true;
    if (t->path_try == MT_TURN_GATHERING)
        give_up(t, 0, now_ms); /* it would offer the address of before */
    else if (t->path_try == MT_TURN_ASKING && t->answer_due_ms != INT64_MAX)
        take_back(t);
    t->try_at_ms = now_ms;
}

/* The link */

void mt_turn_restart_ready(mt_turn *t, bool ready, int64_t now_ms) {
    if (t->path_try != MT_TURN_GATHERING)
        return;
    if (!t->draw.caller) {
        t->path_try = MT_TURN_NO_TRY;
        mt_turn_action *a = mt_turn_push(t, ready ? MT_TURN_SIP_REANSWER : MT_TURN_SIP_REREFUSE);
        a->call = t->call;
        a->code = 488;
        return;
    }
    if (!ready) {
        give_up(t, MT_TURN_TRY_SOON_MS, now_ms);
        return;
    }
    t->path_try = MT_TURN_ASKING;
    t->answer_due_ms = now_ms + MT_TURN_TRY_MS;
    mt_turn_push(t, MT_TURN_SIP_REINVITE)->call = t->call;
}

/* The user agent */

void mt_turn_reanswered(mt_turn *t, uint32_t call, unsigned code, int64_t now_ms) {
    if (call == 0 || call != t->call || t->path_try != MT_TURN_ASKING)
        return;
    if (code == 491) {
        uint32_t spread_ms = MT_TURN_GLARE_MAX_MS - MT_TURN_GLARE_MIN_MS;
        t->try_at_ms = now_ms; /* whatever the time between tries */
        give_up(t, MT_TURN_GLARE_MIN_MS + mt_random_below(t->random, spread_ms + 1), now_ms);
    } else if (code != 200) {
        give_up(t, MT_TURN_TRY_SOON_MS, now_ms);
    } else {
        t->path_try = MT_TURN_NO_TRY;
        t->answer_due_ms = INT64_MAX;
        t->has_moved = false;
        t->try_at_ms = now_ms + MT_TURN_TRY_MS; /* the checks take their time */
        mt_turn_push(t, MT_TURN_LINK_REANSWER)->call = call;
    }
}

void mt_turn_reoffered(mt_turn *t, uint32_t call, int64_t now_ms) {
    bool talk = t->state == MYTURN_TALKING || t->state == MYTURN_RECONNECTING;
    bool mine = call != 0 && call == t->call;
    if (mine && (!talk || t->draw.policy == MT_POLICY_RTP)) { /* a phone, or something on the way: nothing changes */
        mt_turn_push(t, MT_TURN_SIP_REANSWER)->call = call;
    } else if (mine && !t->draw.caller && t->link == MT_TURN_LINK_SECURE) {
        t->path_try = MT_TURN_GATHERING;
        mt_turn_push(t, MT_TURN_LINK_REOFFER)->call = call;
    } else {
        mt_turn_action *a = mt_turn_push(t, MT_TURN_SIP_REREFUSE);
        a->call = call;
        a->code = 488;
    }
}
