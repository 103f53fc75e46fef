/* The conversation machine: login, waiting, and what the API answers to them. */
#include <string.h>

#include "base/i18n.h"
#include "client/turn_priv.h"

typedef enum due { DUE_NOTHING, DUE_LOGIN, DUE_TURN } due;

/* What should be asked of the server now or as soon as retry_at_ms allows. */
static due what_is_due(const mt_turn *t) {
    if (t->state != MYTURN_LOGGING_IN && t->state != MYTURN_IDLE && t->state != MYTURN_WAITING)
        return DUE_NOTHING;
    if (!t->have_login)
        return t->login_seq == 0 ? DUE_LOGIN : DUE_NOTHING;
    if (t->state == MYTURN_WAITING && t->registered && t->turn_seq == 0)
        return DUE_TURN;
    return DUE_NOTHING;
}

/* A DELETE under way goes first: the server could take the POST before it. */
static int64_t due_at_ms(const mt_turn *t, due d) {
    int64_t at_ms = t->retry_at_ms;
    if (d == DUE_TURN && t->leave_seq != 0 && t->leave_due_ms > at_ms)
        at_ms = t->leave_due_ms;
    if (d == DUE_TURN && mt_turn_conduct_holds_until_ms(t) > at_ms)
        at_ms = mt_turn_conduct_holds_until_ms(t);
    return at_ms;
}

int64_t mt_turn_pump_ms(const mt_turn *t) {
    due d = what_is_due(t);
    return d == DUE_NOTHING ? INT64_MAX : due_at_ms(t, d);
}

static void send_login(mt_turn *t) {
    mt_turn_action *a = mt_turn_push(t, MT_TURN_API_LOGIN);
    a->seq = t->login_seq = ++t->seq;
    memcpy(a->name, t->name, sizeof a->name);
}

static void send_turn(mt_turn *t, int64_t now_ms) {
    mt_turn_action *a = mt_turn_push(t, MT_TURN_API_TURN);
    a->seq = t->turn_seq = ++t->seq;
    bool is_long = t->counted && !t->told_unreachable;
    a->wait_s = is_long ? MT_TURN_WAIT_S : MT_TURN_WAIT_FIRST_S;
    t->long_asked_ms = is_long ? now_ms : 0;
    a->leave = t->leave;
    memcpy(a->pair, t->leave_pair, sizeof a->pair);
}

void mt_turn_pump(mt_turn *t, int64_t now_ms) {
    due d = what_is_due(t);
    if (d == DUE_NOTHING || now_ms < due_at_ms(t, d))
        return;
    if (d == DUE_LOGIN)
        send_login(t);
    else
        send_turn(t, now_ms);
}

void mt_turn_send_leave(mt_turn *t, int64_t now_ms) {
    if (!t->have_login)
        return;
    mt_turn_action *a = mt_turn_push(t, MT_TURN_API_LEAVE);
    a->seq = t->leave_seq = ++t->seq;
    a->leave = t->leave;
    memcpy(a->pair, t->leave_pair, sizeof a->pair);
    t->leave_due_ms = now_ms + MT_TURN_LEAVE_MS;
    t->leave_again_ms = 0;
}

void mt_turn_refuse_kept(mt_turn *t, unsigned code) {
    if (t->kept_call == 0)
        return;
    mt_turn_action *a = mt_turn_push(t, MT_TURN_SIP_REFUSE);
    a->call = t->kept_call;
    a->code = code;
    t->kept_call = 0;
}

void mt_turn_stop_waiting(mt_turn *t) {
    if (t->turn_seq != 0)
        (void)mt_turn_push(t, MT_TURN_API_BREAK);
    t->turn_seq = 0;
    mt_turn_refuse_kept(t, 480);
}

void mt_turn_become_logged_out(mt_turn *t) {
    bool was_in = !t->first_login || t->logging_out;
    (void)mt_turn_push(t, MT_TURN_SIP_STOP);
    (void)mt_turn_push(t, MT_TURN_API_FORGET);
    mt_turn_conduct_fail_all(t);
    t->has_last = false;
    t->have_login = t->registered = t->logging_out = t->leave = false;
    t->told_unreachable = t->told_slow = false;
    t->login_seq = t->turn_seq = t->leave_seq = t->logout_seq = t->watch_seq = 0;
    t->failed_setups = t->retries = 0;
    t->exten = 0;
    t->leave_again_ms = 0;
    mt_turn_set_state(t, MYTURN_LOGGED_OUT);
    if (was_in)
        (void)mt_turn_tell(t, MYTURN_EV_LOGGED_OUT);
}

void mt_turn_tell_unreachable(mt_turn *t, const char *detail) {
    if (t->told_unreachable)
        return;
    t->told_unreachable = true;
    mt_turn_tell_error(t, "server_unreachable", N_("The server cannot be reached; trying on"), detail);
}

static void tell_untrusted(mt_turn *t, const char *detail) {
    if (t->told_unreachable)
        return;
    t->told_unreachable = true;
    mt_turn_tell_error(t, "tls_failed", N_("The server's certificate is not to be trusted"), detail);
}

static void tell_away(mt_turn *t, const mt_fault *fault) {
    if (fault->tls)
        tell_untrusted(t, fault->text);
    else
        mt_turn_tell_unreachable(t, fault->text);
}

/* The server answered: the outage, if any, is over. */
static void heard(mt_turn *t) {
    t->told_unreachable = false;
    t->retries = 0;
}

/* Login */

void mt_turn_login_done(mt_turn *t, uint32_t seq, const char *name, uint32_t exten, int64_t now_ms) {
    if (seq == 0 || seq != t->login_seq)
        return;
    t->login_seq = 0;
    t->have_login = t->untold_login = true;
    t->leave = t->has_last = false; /* a new login has no pair */
    t->leave_seq = 0;
    t->exten = exten;
    if (strlen(name) < sizeof t->name)
        memcpy(t->name, name, strlen(name) + 1);
    if (t->state == MYTURN_ENDING) {
        mt_turn_check_ending(t, now_ms);
        return;
    }
    t->login_due_ms = now_ms + MT_TURN_FIRST_LOGIN_MS;
    (void)mt_turn_push(t, MT_TURN_SIP_REGISTER);
    mt_turn_phone_watch(t, now_ms);
}

static const char *refusal_code(const mt_fault *fault) {
    static const char *const known[] = {"name_taken", "invalid_name", "slow_down"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(fault->code, known[i]) == 0)
            return known[i];
    return "internal";
}

/* Whoever shows it adds how long, and where to object. */
static void tell_suspended(mt_turn *t, const mt_fault *fault) {
    mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_ERROR);
    r->code = "suspended";
    r->text = N_("You were reported by several people and are not drawn for a while");
    r->retry_s = fault->retry_after_s;
}

static void tell_fault(mt_turn *t, const mt_fault *fault) {
    const char *code = refusal_code(fault);
    if (fault->tls)
        tell_untrusted(t, fault->text);
    else if (fault->kind == MT_FAULT_UNREACHABLE)
        mt_turn_tell_error(t, "server_unreachable", N_("The server cannot be reached"), fault->text);
    else if (fault->kind == MT_FAULT_SLOW_DOWN)
        mt_turn_tell_error(t, "slow_down", N_("The server asks to slow down; try again in a while"), fault->text);
    else if (fault->kind == MT_FAULT_UNAUTHORIZED)
        mt_turn_tell_error(t, "unauthorized", N_("The server refuses the login"), fault->text);
    else if (strcmp(code, "name_taken") == 0)
        mt_turn_tell_error(t, code, N_("This name is taken; choose another"), "");
    else if (strcmp(code, "invalid_name") == 0)
        mt_turn_tell_error(t, code, N_("This name is not possible; choose another"), fault->text);
    else
        mt_turn_tell_error(t, code, N_("The server gave an answer that was not expected"), fault->text);
}

void mt_turn_login_failed(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms) {
    if (seq == 0 || seq != t->login_seq)
        return;
    t->login_seq = 0;
    bool again = fault->kind == MT_FAULT_UNREACHABLE || fault->kind == MT_FAULT_SLOW_DOWN;
    if (t->state == MYTURN_ENDING) {
        mt_turn_check_ending(t, now_ms);
    } else if (t->first_login || !again) {
        if (t->state == MYTURN_WAITING)
            mt_turn_stop_waiting(t);
        t->state = MYTURN_LOGGED_OUT;
        tell_fault(t, fault);
        (void)mt_turn_tell(t, MYTURN_EV_STATE);
        mt_turn_become_logged_out(t);
    } else {
        if (fault->kind == MT_FAULT_UNREACHABLE)
            tell_away(t, fault);
        mt_turn_backoff(t, t->retries++, now_ms);
        if (fault->kind == MT_FAULT_SLOW_DOWN)
            t->retry_at_ms += 1000 * (int64_t)fault->retry_after_s;
    }
}

void mt_turn_registered(mt_turn *t, int64_t now_ms) {
    if (!t->have_login || t->state == MYTURN_ENDING || t->registered)
        return;
    t->registered = true;
    t->told_unreachable = false;
    if (t->in_pair) {
        mt_turn_restart_pump(t, now_ms);
        return;
    }
    if (t->state == MYTURN_LOGGING_IN)
        mt_turn_set_state(t, MYTURN_IDLE);
    t->first_login = false;
    if (t->untold_login) {
        t->untold_login = false;
        mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_LOGGED_IN);
        memcpy(r->name, t->name, sizeof r->name);
        r->exten = t->exten;
    }
    if (t->state == MYTURN_IDLE)
        t->retries = 0;
    mt_turn_pump(t, now_ms);
}

/* The login is not known to the server any more; made anew at once, or after the talk. */
void mt_turn_lose_login(mt_turn *t, int64_t now_ms) {
    t->have_login = t->registered = false;
    t->leave = false;
    t->leave_again_ms = 0;
    t->leave_seq = t->watch_seq = 0;
    mt_turn_conduct_fail_all(t);
    t->retry_at_ms = now_ms;
    if (t->retries++ > 0)
        mt_turn_backoff(t, t->retries - 2, now_ms);
    if (t->state == MYTURN_WAITING && t->turn_seq != 0) {
        (void)mt_turn_push(t, MT_TURN_API_BREAK);
        t->turn_seq = 0;
    }
    if (t->state == MYTURN_IDLE)
        mt_turn_set_state(t, MYTURN_LOGGING_IN);
    mt_turn_pump(t, now_ms);
}

void mt_turn_register_failed(mt_turn *t, unsigned code, int64_t now_ms) {
    if (!t->have_login || t->state == MYTURN_ENDING)
        return;
    bool denied = code == 401 || code == 403 || code == 404 || code == 407;
    if (t->state == MYTURN_LOGGING_IN && t->first_login) {
        if (!denied && (code < 400 || code == 408 || code >= 500))
            return; /* the user agent tries again, up to login_due_ms */
        mt_turn_tell_error(t, "sip_failed", N_("The SIP server refuses the registration"), "");
        t->registered = false;
        mt_turn_begin_logout(t, now_ms);
        return;
    }
    t->registered = false;
    if (denied)
        mt_turn_lose_login(t, now_ms);
    else if (!t->in_pair)
        mt_turn_tell_unreachable(t, "");
}

void mt_turn_sip_untrusted(mt_turn *t, const char *detail, int64_t now_ms) {
    if (!t->have_login || t->state == MYTURN_ENDING)
        return;
    tell_untrusted(t, detail);
    if (t->state == MYTURN_LOGGING_IN && t->first_login)
        mt_turn_begin_logout(t, now_ms);
}

void mt_turn_unregistered(mt_turn *t, int64_t now_ms) {
    if (!t->logging_out)
        return;
    t->unregistered = true;
    mt_turn_check_ending(t, now_ms);
}

void mt_turn_logged_out(mt_turn *t, uint32_t seq, int64_t now_ms) {
    if (seq == 0 || seq != t->logout_seq)
        return;
    t->logout_seq = 0;
    mt_turn_check_ending(t, now_ms);
}

/* Waiting */

void mt_turn_drawn(mt_turn *t, uint32_t seq, const mt_turn_draw *draw, int64_t now_ms) {
    if (seq == 0 || seq != t->turn_seq) {
        bool current = t->in_pair && memcmp(t->draw.pair, draw->pair, sizeof draw->pair) == 0;
        if (current || t->state == MYTURN_ENDING || t->state == MYTURN_LOGGED_OUT)
            return;
        /* An answer that crossed the user's cancelling: the partner is told at once rather than by a time-out. */
        mt_turn_action *a = mt_turn_push(t, MT_TURN_API_LEAVE);
        a->seq = ++t->seq;
        a->leave = true;
        memcpy(a->pair, draw->pair, sizeof a->pair);
        return;
    }
    t->turn_seq = 0;
    t->leave = false;
    heard(t);
    mt_turn_begin_pair(t, draw, now_ms);
}

static void tell_counted(mt_turn *t, int64_t now_ms) {
    mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_WAITING);
    r->ready = t->ready;
    r->online = t->online;
    r->counted = true;
    r->elapsed_s = (unsigned)((now_ms - t->wait_since_ms) / 1000);
}

void mt_turn_waiting(mt_turn *t, uint32_t seq, unsigned ready, unsigned online, int64_t now_ms) {
    if (seq == 0 || seq != t->turn_seq)
        return;
    t->turn_seq = 0;
    t->leave = false;
    heard(t);
    t->counted = true;
    t->ready = ready;
    t->online = online;
    tell_counted(t, now_ms);
    if (t->long_asked_ms != 0 && now_ms - t->long_asked_ms < MT_TURN_SOON_MS)
        t->retry_at_ms = now_ms + MT_TURN_SOON_MS; /* else the two would ask and answer as fast as they can */
    mt_turn_pump(t, now_ms);
}

void mt_turn_counted(mt_turn *t, unsigned ready, unsigned online, int64_t now_ms) {
    if (t->state != MYTURN_WAITING || (t->ready == ready && t->online == online))
        return;
    t->ready = ready;
    t->online = online;
    tell_counted(t, now_ms);
}

static void turn_refused(mt_turn *t, const mt_fault *fault, int64_t now_ms) {
    if (strcmp(fault->code, "in_talk") == 0) {
        /* The server still sees a call of ours: whatever pair that is, it is over here. */
        t->leave = false;
        mt_turn_send_leave(t, now_ms);
        mt_turn_backoff(t, t->retries++, now_ms);
    } else if (strcmp(fault->code, "not_registered") == 0) { /* Asterisk was started anew */
        t->registered = false;
        (void)mt_turn_push(t, MT_TURN_SIP_RENEW);
        mt_turn_backoff(t, t->retries++, now_ms);
    } else if (strcmp(fault->code, "superseded") == 0 || strcmp(fault->code, "left") == 0) {
        /* "left": by a DELETE of before, which the network brought later than this request. The user wants to wait. */
        mt_turn_backoff(t, t->retries++, now_ms);
    } else {
        mt_turn_stop_waiting(t);
        if (strcmp(fault->code, "suspended") == 0)
            tell_suspended(t, fault);
        else
            tell_fault(t, fault);
        mt_turn_enter_idle(t);
    }
}

void mt_turn_turn_failed(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms) {
    if (seq == 0 || seq != t->turn_seq)
        return;
    t->turn_seq = 0;
    switch (fault->kind) {
    case MT_FAULT_UNREACHABLE:
        tell_away(t, fault);
        mt_turn_backoff(t, t->retries++, now_ms);
        break;
    case MT_FAULT_UNAUTHORIZED:
        mt_turn_lose_login(t, now_ms);
        break;
    case MT_FAULT_SLOW_DOWN:
        if (!t->told_slow)
            tell_fault(t, fault);
        t->told_slow = true;
        mt_turn_backoff(t, 0, now_ms);
        t->retry_at_ms += 1000 * (int64_t)fault->retry_after_s;
        break;
    case MT_FAULT_REFUSED:
    case MT_FAULT_MALFORMED:
        turn_refused(t, fault, now_ms);
        break;
    }
}

void mt_turn_left(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms) {
    if (seq == 0 || seq != t->leave_seq)
        return;
    t->leave_seq = 0;
    bool told_twice =
        fault != NULL && fault->has_pair && t->leave && memcmp(fault->pair, t->leave_pair, sizeof t->leave_pair) == 0;
    if (fault != NULL && fault->has_pair && !told_twice && t->have_login && !t->in_pair) {
        /* The draw was quicker than the leaving, or a pair was forgotten: that one is to be left. */
        t->leave = true;
        memcpy(t->leave_pair, fault->pair, sizeof t->leave_pair);
        mt_turn_send_leave(t, now_ms);
        return;
    }
    if (fault != NULL && fault->kind == MT_FAULT_UNREACHABLE)
        t->leave_again_ms = now_ms + MT_TURN_LEAVE_MS;
    if (fault == NULL || fault->kind == MT_FAULT_REFUSED)
        t->leave = false; /* refused: there is no such pair any more */
    else if (fault->kind == MT_FAULT_UNAUTHORIZED && t->have_login && t->state != MYTURN_ENDING)
        mt_turn_lose_login(t, now_ms);
    else if (fault->kind == MT_FAULT_UNAUTHORIZED)
        t->have_login = false;
    mt_turn_pump(t, now_ms);
}
