/* The life of a pair, from the draw to its end. */
#include "base/alloc.h"
#include "base/text.h"
#include "match/state.h"

const char *mt_pair_end_str(mt_pair_end end) {
    switch (end) {
    case MT_END_HANGUP:
        return "hangup";
    case MT_END_LOGOUT:
        return "logout";
    case MT_END_FLOW_LOST:
        return "flow_lost";
    case MT_END_NO_INVITE:
        return "no_invite";
    case MT_END_CALLEE_SILENT:
        return "callee_silent";
    case MT_END_NO_ANSWER:
        return "no_answer";
    case MT_END_REFUSED:
        return "refused";
    case MT_END_UNDONE:
        return "undone";
    case MT_END_SHUTDOWN:
        return "shutdown";
    }
    return "unknown";
}

const uint8_t *mt_pair_id(const mt_pair *p) {
    return p->id;
}

const char *mt_pair_id_hex(const mt_pair *p) {
    return p->hex;
}

mt_user *mt_pair_caller(const mt_pair *p) {
    return p->caller;
}

mt_user *mt_pair_callee(const mt_pair *p) {
    return p->callee;
}

bool mt_pair_callee_is_ready(const mt_pair *p) {
    return p->callee_ready;
}

bool mt_pair_is_up(const mt_pair *p) {
    return p->phase == MT_PHASE_UP;
}

unsigned mt_pair_links(const mt_pair *p) {
    return p->links;
}

mt_err mt_pair_reserve(mt_match *m) {
    if (m->spare == NULL)
        m->spare = mt_malloc(sizeof(*m->spare));
    return m->spare != NULL ? MT_OK : MT_ENOMEM;
}

static void report_pair(mt_match *m, void (*event)(void *, mt_pair *), mt_pair *p) {
    if (event == NULL)
        return;
    m->reporting = true;
    event(m->ctx, p);
    m->reporting = false;
}

/* What the pair waits for at most until when, before the call. */
static void arm_drawn(mt_match *m, mt_pair *p) {
    uint32_t wait_ms = p->caller->phone ? m->cfg.invite_phone_ms : m->cfg.invite_ms;
    if (!p->callee_ready && m->cfg.callee_ready_ms < wait_ms)
        wait_ms = m->cfg.callee_ready_ms;
    mt_timer_set(&m->timers, &p->timer, p->drawn_ms + wait_ms);
}

static void fired(mt_timer *t, void *ctx, int64_t now_ms) {
    (void)now_ms;
    mt_match *m = ctx;
    mt_pair *p = MT_CONTAINER(t, mt_pair, timer);
    mt_pair_end why = MT_END_CALLEE_SILENT;
    if (p->phase == MT_PHASE_DRAWN && p->callee_ready)
        why = MT_END_NO_INVITE;
    else if (p->phase == MT_PHASE_RINGING)
        why = MT_END_NO_ANSWER;
    mt_pair_finish(m, p, why);
}

static void give_id(mt_match *m, mt_pair *p) {
    do {
        mt_random_bytes(m->random, p->id, sizeof(p->id));
    } while (mt_map_put(&m->by_id, mt_slice_n(p->id, sizeof(p->id)), &p->by_id) != MT_OK);
    mt_text_hex(p->id, sizeof(p->id), p->hex);
}

static void join(mt_match *m, mt_user *u, mt_pair *p) {
    mt_pool_remove(&m->pool, u);
    u->pair = p;
    mt_user_set_status(m, u, MT_PAIRED);
}

mt_pair *mt_pair_make(mt_match *m, mt_user *caller, mt_user *callee, int64_t now_ms) {
    mt_pair *p = m->spare;
    m->spare = NULL;
    *p = (mt_pair){.caller = caller, .callee = callee, .drawn_ms = now_ms};
    p->links = caller->links & callee->links;
    give_id(m, p);
    mt_timer_init(&p->timer, fired);
    arm_drawn(m, p);
    join(m, caller, p);
    join(m, callee, p);
    m->draws++;
    mt_user_report(m, caller, MT_READY);
    mt_user_report(m, callee, MT_READY);
    report_pair(m, m->events.drawn, p);
    return p;
}

/* Takes the pair apart; its users have no pair any more and their statuses are still to be set. */
static void dissolve(mt_match *m, mt_pair *p) {
    mt_timer_stop(&m->timers, &p->timer);
    mt_map_remove(&m->by_id, &p->by_id);
    p->caller->pair = NULL;
    p->callee->pair = NULL;
}

static void report_end(mt_match *m, mt_pair *p, mt_pair_end why) {
    if (m->events.ended != NULL) {
        m->reporting = true;
        m->events.ended(m->ctx, p, why);
        m->reporting = false;
    }
    if (m->spare == NULL)
        m->spare = p;
    else
        mt_free(p);
}

void mt_pair_finish(mt_match *m, mt_pair *p, mt_pair_end why) {
    mt_user *caller = p->caller;
    mt_user *callee = p->callee;
    dissolve(m, p);
    if (why != MT_END_UNDONE) {
        caller->last_exten = callee->exten;
        callee->last_exten = caller->exten;
    }
    mt_status caller_was = mt_user_set_status(m, caller, MT_BUSY);
    mt_status callee_was = mt_user_set_status(m, callee, MT_BUSY);
    mt_user_report(m, caller, caller_was);
    mt_user_report(m, callee, callee_was);
    report_end(m, p, why);
}

static mt_err find(const mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], mt_pair **out) {
    mt_match_enter(m);
    mt_pair *p = mt_match_pair_by_id(m, id);
    if (p == NULL)
        return MT_ENOENT;
    *out = p;
    return MT_OK;
}

mt_err mt_match_end(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], mt_pair_end why, int64_t now_ms) {
    (void)now_ms;
    mt_pair *p;
    mt_err err = find(m, id, &p);
    if (err == MT_OK)
        mt_pair_finish(m, p, why);
    return err;
}

mt_err mt_match_undo(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], mt_user *lost, int64_t now_ms) {
    mt_pair *p;
    mt_err err = find(m, id, &p);
    if (err != MT_OK)
        return err;
    if (lost != p->caller && lost != p->callee)
        return MT_EINVAL;
    /* Once the callee is ready the other has been told of the pair: he waits for the call, not for a draw. */
    if (p->callee_ready) {
        mt_pair_finish(m, p, MT_END_UNDONE);
        return MT_OK;
    }
    mt_user *other = lost == p->caller ? p->callee : p->caller;
    dissolve(m, p);
    mt_status lost_was = mt_user_set_status(m, lost, MT_BUSY);
    bool barred = mt_match_is_barred(other, now_ms); /* since he was drawn */
    mt_status other_was = mt_user_set_status(m, other, barred ? MT_BUSY : MT_READY);
    if (!barred)
        mt_wait_resume(m, other, now_ms);
    mt_user_report(m, lost, lost_was);
    mt_user_report(m, other, other_was);
    report_end(m, p, MT_END_UNDONE);
    /* Someone may have come meanwhile and waits as he does: his request still stands, so he draws. The undone pair left
     * the memory for it. */
    if (!barred && other->wait == MT_WAIT_HELD && !mt_wait_gathers(m, other, now_ms))
        (void)mt_wait_draw(m, other, now_ms);
    return MT_OK;
}

static void make_callee_ready(mt_match *m, mt_pair *p) {
    if (p->callee_ready)
        return;
    p->callee_ready = true;
    if (p->phase == MT_PHASE_DRAWN)
        arm_drawn(m, p);
    mt_user_report(m, p->callee, mt_user_set_status(m, p->callee, MT_READY_TO_TALK));
    report_pair(m, m->events.callee_ready, p);
}

mt_err mt_match_ready_to_talk(mt_match *m, mt_user *u, int64_t now_ms) {
    (void)now_ms;
    mt_match_enter(m);
    if (u->pair == NULL || u->pair->callee != u)
        return MT_ESTATE;
    make_callee_ready(m, u->pair);
    return MT_OK;
}

mt_err mt_match_invited(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], int64_t now_ms) {
    mt_pair *p;
    mt_err err = find(m, id, &p);
    if (err == MT_OK && p->phase < MT_PHASE_INVITED) {
        p->phase = MT_PHASE_INVITED;
        mt_timer_set(&m->timers, &p->timer, now_ms + m->cfg.silent_ms);
    }
    return err;
}

mt_err mt_match_ringing(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], int64_t now_ms) {
    mt_pair *p;
    mt_err err = find(m, id, &p);
    if (err == MT_OK && p->phase < MT_PHASE_RINGING) {
        p->phase = MT_PHASE_RINGING;
        uint32_t wait_ms = p->callee->phone ? m->cfg.answer_phone_ms : m->cfg.answer_ms;
        mt_timer_set(&m->timers, &p->timer, now_ms + wait_ms);
    }
    return err;
}

mt_err mt_match_up(mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES], int64_t now_ms) {
    (void)now_ms;
    mt_pair *p;
    mt_err err = find(m, id, &p);
    if (err != MT_OK || p->phase == MT_PHASE_UP)
        return err;
    p->phase = MT_PHASE_UP;
    mt_timer_stop(&m->timers, &p->timer);
    mt_status was = mt_user_set_status(m, p->caller, MT_READY_TO_TALK);
    make_callee_ready(m, p); /* who answers has confirmed */
    mt_user_report(m, p->caller, was);
    return MT_OK;
}
