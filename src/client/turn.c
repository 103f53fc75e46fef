#include "client/turn.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/i18n.h"
#include "client/turn_priv.h"

mt_err mt_turn_create(mt_random random, mt_turn **out) {
    mt_turn *t = mt_calloc(1, sizeof *t);
    if (t == NULL)
        return MT_ENOMEM;
    t->random = random;
    t->state = MYTURN_LOGGED_OUT;
    *out = t;
    return MT_OK;
}

void mt_turn_destroy(mt_turn *t) {
    mt_free(t);
}

myturn_state mt_turn_state(const mt_turn *t) {
    return t->state;
}

const char *mt_turn_partner(const mt_turn *t) {
    return t->in_pair ? t->draw.name : "";
}

const mt_turn_draw *mt_turn_pair(const mt_turn *t) {
    return t->in_pair ? &t->draw : NULL;
}

mt_turn_action *mt_turn_push(mt_turn *t, mt_turn_action_kind kind) {
    assert(t->count < MT_TURN_QUEUE);
    mt_turn_action *a = &t->queue[(t->head + t->count++) % MT_TURN_QUEUE];
    memset(a, 0, sizeof *a);
    a->kind = kind;
    return a;
}

mt_err mt_turn_action_next(mt_turn *t, mt_turn_action *out) {
    if (t->count == 0)
        return MT_EMORE;
    *out = t->queue[t->head];
    t->head = (t->head + 1) % MT_TURN_QUEUE;
    t->count--;
    return MT_OK;
}

mt_turn_report *mt_turn_tell(mt_turn *t, myturn_event_kind kind) {
    mt_turn_report *r = &mt_turn_push(t, MT_TURN_REPORT)->report;
    r->kind = kind;
    r->state = t->state;
    return r;
}

void mt_turn_tell_error(mt_turn *t, const char *code, const char *text, const char *detail) {
    mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_ERROR);
    r->code = code;
    r->text = text;
    size_t len = strlen(detail);
    memcpy(r->detail, detail, len < sizeof r->detail ? len : 0);
}

void mt_turn_set_state(mt_turn *t, myturn_state state) {
    if (t->state == state)
        return;
    t->state = state;
    (void)mt_turn_tell(t, MYTURN_EV_STATE);
}

void mt_turn_tell_ended(mt_turn *t, myturn_state next, const char *reason) {
    t->state = next;
    mt_turn_tell(t, MYTURN_EV_ENDED)->reason = reason;
    (void)mt_turn_tell(t, MYTURN_EV_STATE);
}

void mt_turn_backoff(mt_turn *t, unsigned attempt, int64_t now_ms) {
    uint32_t delay_ms = MT_TURN_RETRY_MAX_MS;
    if (attempt < 4)
        delay_ms = (uint32_t)MT_TURN_RETRY_MIN_MS << attempt;
    delay_ms = delay_ms * 3 / 4 + mt_random_below(t->random, delay_ms / 4 + 1);
    t->retry_at_ms = now_ms + delay_ms;
}

static void tell_waiting(mt_turn *t, int64_t now_ms) {
    mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_WAITING);
    r->ready = t->ready;
    r->online = t->online;
    r->elapsed_s = (unsigned)((now_ms - t->wait_since_ms) / 1000);
}

void mt_turn_enter_waiting(mt_turn *t, int64_t now_ms) {
    t->wait_since_ms = now_ms;
    t->second_ms = now_ms + 1000;
    t->counted = false;
    t->told_slow = false;
    mt_turn_set_state(t, MYTURN_WAITING);
    tell_waiting(t, now_ms);
}

void mt_turn_enter_idle(mt_turn *t) {
    t->failed_setups = 0;
    mt_turn_set_state(t, t->have_login ? MYTURN_IDLE : MYTURN_LOGGING_IN);
}

/* Wishes */

mt_err mt_turn_login(mt_turn *t, const char *name, int64_t now_ms) {
    if (t->state != MYTURN_LOGGED_OUT)
        return MT_ESTATE;
    size_t len = strlen(name);
    if (len == 0 || len >= sizeof t->name)
        return MT_EINVAL;
    memcpy(t->name, name, len + 1);
    t->first_login = true;
    t->retry_at_ms = now_ms;
    t->retries = 0;
    mt_turn_set_state(t, MYTURN_LOGGING_IN);
    mt_turn_pump(t, now_ms);
    return MT_OK;
}

mt_err mt_turn_ready(mt_turn *t, int64_t now_ms) {
    if (t->state != MYTURN_IDLE)
        return MT_ESTATE;
    t->retry_at_ms = now_ms;
    t->retries = 0;
    mt_turn_enter_waiting(t, now_ms);
    mt_turn_pump(t, now_ms);
    return MT_OK;
}

mt_err mt_turn_cancel(mt_turn *t, int64_t now_ms) {
    if (t->state != MYTURN_WAITING)
        return MT_ESTATE;
    mt_turn_stop_waiting(t);
    mt_turn_send_leave(t, now_ms);
    mt_turn_enter_idle(t);
    mt_turn_pump(t, now_ms);
    return MT_OK;
}

static bool has_pair(const mt_turn *t) {
    return t->state == MYTURN_CONNECTING || t->state == MYTURN_TALKING || t->state == MYTURN_RECONNECTING;
}

mt_err mt_turn_hangup(mt_turn *t, int64_t now_ms) {
    if (!has_pair(t))
        return MT_ESTATE;
    mt_turn_drop_pair(t, 603);
    mt_turn_send_leave(t, now_ms);
    t->end_reason = "hung_up";
    t->end_due_ms = now_ms + MT_TURN_BYE_MS;
    mt_turn_set_state(t, MYTURN_ENDING);
    mt_turn_check_ending(t, now_ms);
    return MT_OK;
}

mt_err mt_turn_next(mt_turn *t, int64_t now_ms) {
    if (!has_pair(t))
        return MT_ESTATE;
    mt_turn_drop_pair(t, 603);
    mt_turn_tell_ended(t, MYTURN_WAITING, "next");
    t->failed_setups = 0;
    t->retry_at_ms = now_ms;
    mt_turn_enter_waiting(t, now_ms);
    mt_turn_pump(t, now_ms);
    return MT_OK;
}

mt_err mt_turn_logout(mt_turn *t, int64_t now_ms) {
    if (t->state == MYTURN_LOGGED_OUT || t->logging_out)
        return MT_ESTATE;
    mt_turn_begin_logout(t, now_ms);
    return MT_OK;
}

void mt_turn_begin_logout(mt_turn *t, int64_t now_ms) {
    if (t->state == MYTURN_WAITING)
        mt_turn_stop_waiting(t);
    bool talked = t->in_pair || t->state == MYTURN_ENDING;
    const char *reason = t->in_pair ? "hung_up" : t->end_reason;
    mt_turn_drop_pair(t, 603);
    t->logging_out = true;
    t->unregistered = !t->registered || t->phone; /* a phone's binding goes with the login */
    t->registered = false;
    if (talked)
        mt_turn_tell_ended(t, MYTURN_ENDING, reason);
    mt_turn_set_state(t, MYTURN_ENDING);
    if (!t->unregistered)
        (void)mt_turn_push(t, MT_TURN_SIP_UNREGISTER);
    t->unregister_due_ms = now_ms + MT_TURN_UNREGISTER_MS;
    t->conduct_due_ms = now_ms + MT_TURN_CONDUCT_LAST_MS;
    t->end_due_ms = now_ms + MT_TURN_LOGOUT_MS;
    mt_turn_check_ending(t, now_ms);
}

/* Logs out by the API once SIP is through; the login under way is awaited, for only its answer holds the token to log
 * out with. */
static void check_logout(mt_turn *t, int64_t now_ms) {
    bool over = now_ms >= t->end_due_ms;
    if (now_ms >= t->unregister_due_ms)
        t->unregistered = true;
    if (now_ms >= t->conduct_due_ms)
        mt_turn_conduct_fail_all(t);
    bool free_to_go = t->unregistered && t->conduct_count == 0 && t->login_seq == 0;
    if (free_to_go && t->have_login && t->logout_seq == 0) {
        t->have_login = false;
        t->logout_seq = ++t->seq;
        mt_turn_push(t, MT_TURN_API_LOGOUT)->seq = t->logout_seq;
    }
    if (over || (free_to_go && t->logout_seq == 0 && t->closing == 0))
        mt_turn_become_logged_out(t);
}

void mt_turn_check_ending(mt_turn *t, int64_t now_ms) {
    if (t->state != MYTURN_ENDING)
        return;
    if (t->logging_out) {
        check_logout(t, now_ms);
        return;
    }
    if (t->closing > 0 && now_ms < t->end_due_ms)
        return;
    t->failed_setups = 0;
    mt_turn_tell_ended(t, t->have_login ? MYTURN_IDLE : MYTURN_LOGGING_IN, t->end_reason);
    mt_turn_pump(t, now_ms);
}

/* Time */

static int64_t sooner(int64_t a, int64_t b) {
    return a < b ? a : b;
}

int64_t mt_turn_next_ms(const mt_turn *t) {
    int64_t next_ms = sooner(mt_turn_pump_ms(t), sooner(mt_turn_phone_pump_ms(t), mt_turn_conduct_pump_ms(t)));
    if (t->state == MYTURN_LOGGING_IN && t->first_login && t->have_login && !t->phone)
        next_ms = sooner(next_ms, t->login_due_ms);
    if (t->state == MYTURN_WAITING)
        next_ms = sooner(next_ms, t->second_ms);
    if (t->state == MYTURN_IDLE && t->leave_again_ms != 0)
        next_ms = sooner(next_ms, t->leave_again_ms);
    if (t->kept_call != 0)
        next_ms = sooner(next_ms, t->kept_due_ms);
    if (t->state == MYTURN_CONNECTING || t->state == MYTURN_RECONNECTING)
        next_ms = sooner(next_ms, t->pair_due_ms);
    next_ms = sooner(next_ms, mt_turn_restart_pump_ms(t));
    if (t->state == MYTURN_ENDING)
        next_ms = sooner(next_ms, t->end_due_ms);
    if (t->state == MYTURN_ENDING && t->logging_out && !t->unregistered)
        next_ms = sooner(next_ms, t->unregister_due_ms);
    if (t->state == MYTURN_ENDING && t->logging_out && t->conduct_count > 0)
        next_ms = sooner(next_ms, t->conduct_due_ms);
    return next_ms;
}

void mt_turn_tick(mt_turn *t, int64_t now_ms) {
    bool first = t->state == MYTURN_LOGGING_IN && t->first_login && t->have_login;
    if (first && !t->phone && now_ms >= t->login_due_ms) { /* typing takes its time */
        mt_turn_tell_error(t, "sip_failed", N_("The SIP server does not answer; is its port reachable?"), "");
        mt_turn_begin_logout(t, now_ms);
    }
    if (t->state == MYTURN_WAITING && now_ms >= t->second_ms) {
        if (!t->told_unreachable)
            tell_waiting(t, now_ms);
        t->second_ms += 1000 * ((now_ms - t->second_ms) / 1000 + 1);
    }
    if (t->kept_call != 0 && now_ms >= t->kept_due_ms)
        mt_turn_refuse_kept(t, 480);
    if ((t->state == MYTURN_CONNECTING || t->state == MYTURN_RECONNECTING) && now_ms >= t->pair_due_ms)
        mt_turn_pair_due(t, now_ms);
    if (t->state == MYTURN_IDLE && t->leave_again_ms != 0 && now_ms >= t->leave_again_ms)
        mt_turn_send_leave(t, now_ms);
    mt_turn_restart_pump(t, now_ms);
    mt_turn_check_ending(t, now_ms);
    mt_turn_pump(t, now_ms);
    mt_turn_phone_pump(t, now_ms);
    mt_turn_conduct_pump(t, now_ms);
}
