/* The conversation machine: the life of a pair, from the draw to its end. */
#include <string.h>

#include "base/i18n.h"
#include "base/secret.h"
#include "base/slice.h"
#include "client/turn_priv.h"

/* Is the INVITE that of the drawn partner? The server lets no other through; where another SIP server stands in its
 * place, this is the check. */
static bool from_partner(const mt_turn *t, const char *from) {
    if (t->draw.exten == 0)
        return true;
    uint64_t number = 0;
    if (mt_slice_to_u64(mt_slice_of(from), UINT32_MAX, &number) == MT_OK && number == t->draw.exten)
        return true;
    return strcmp(from, t->draw.name) == 0;
}

static void take_call(mt_turn *t, uint32_t call) {
    t->call = call;
    mt_turn_push(t, MT_TURN_LINK_REMOTE)->call = call;
}

void mt_turn_begin_pair(mt_turn *t, const mt_turn_draw *draw, int64_t now_ms) {
    t->in_pair = true;
    t->leave_seq = 0;
    t->draw = *draw;
    t->has_last = true;
    memcpy(t->last_pair, draw->pair, sizeof t->last_pair);
    memcpy(t->last_name, draw->name, sizeof t->last_name);
    t->call = 0;
    t->call_answered = t->call_up = t->audio = false;
    mt_turn_restart_reset(t, now_ms);
    t->pair_due_ms =
        now_ms + (draw->connect_s > 0 && draw->connect_s <= 120 ? 1000 * (int64_t)draw->connect_s : MT_TURN_CONNECT_MS);
    mt_turn_set_state(t, MYTURN_CONNECTING);
    mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_DRAWN);
    r->caller = draw->caller;
    memcpy(r->name, draw->name, sizeof r->name);
    r->exten = draw->exten;

    if (t->phone) { /* the server watches the times of a phone, and tells of the end */
        t->pair_due_ms = INT64_MAX;
        mt_turn_phone_watch(t, now_ms);
        return;
    }
    mt_turn_action *a = mt_turn_push(t, MT_TURN_LINK_CREATE);
    a->caller = draw->caller;
    memcpy(a->pair, draw->pair, sizeof a->pair);
    t->link = MT_TURN_LINK_MADE;
    t->watch_seq = 0;
    t->watch_at_ms = now_ms + MT_TURN_SOON_MS;

    uint32_t kept = t->kept_call;
    if (kept == 0)
        return;
    if (draw->caller || !from_partner(t, t->kept_from)) {
        mt_turn_refuse_kept(t, 403);
        return;
    }
    t->kept_call = 0;
    take_call(t, kept);
}

static void drop_link(mt_turn *t) {
    if (t->link == MT_TURN_NO_LINK)
        return;
    if (t->link == MT_TURN_LINK_SECURE) {
        (void)mt_turn_push(t, MT_TURN_LINK_BYE);
        t->closing++;
    } else {
        (void)mt_turn_push(t, MT_TURN_LINK_DESTROY);
    }
    t->link = MT_TURN_NO_LINK;
}

static void drop_call(mt_turn *t, unsigned refuse_code) {
    if (t->call == 0)
        return;
    bool unanswered = (t->call & MT_TURN_CALL_IN) != 0 && !t->call_answered;
    mt_turn_action *a = mt_turn_push(t, unanswered ? MT_TURN_SIP_REFUSE : MT_TURN_SIP_HANGUP);
    a->call = t->call;
    a->code = refuse_code;
    t->call = 0;
}

void mt_turn_drop_pair(mt_turn *t, unsigned refuse_code) {
    if (!t->in_pair)
        return;
    drop_link(t);
    if (t->audio)
        (void)mt_turn_push(t, MT_TURN_AUDIO_STOP);
    drop_call(t, refuse_code);
    t->audio = t->in_pair = t->call_answered = t->call_up = false;
    mt_turn_restart_reset(t, 0);
    t->leave = t->have_login;
    memcpy(t->leave_pair, t->draw.pair, sizeof t->leave_pair);
    mt_wipe(&t->draw, sizeof t->draw); /* with credentials of relays */
}

/* The pair ended, but not by the user's wish: back on the main page. */
void mt_turn_end_to_idle(mt_turn *t, const char *reason, unsigned refuse_code, int64_t now_ms) {
    mt_turn_drop_pair(t, refuse_code);
    mt_turn_send_leave(t, now_ms);
    t->failed_setups = 0;
    mt_turn_tell_ended(t, t->have_login ? MYTURN_IDLE : MYTURN_LOGGING_IN, reason);
    t->retry_at_ms = now_ms;
    mt_turn_pump(t, now_ms);
}

/* There was no talk yet and nobody wished the end: drawn again by himself, the first time at once. */
static void end_to_waiting(mt_turn *t, const char *reason, unsigned refuse_code, int64_t now_ms) {
    mt_turn_drop_pair(t, refuse_code);
    mt_turn_tell_ended(t, MYTURN_WAITING, reason);
    t->retry_at_ms = now_ms;
    if (t->failed_setups++ > 0)
        mt_turn_backoff(t, t->failed_setups - 2, now_ms);
    mt_turn_enter_waiting(t, now_ms);
    mt_turn_pump(t, now_ms);
}

void mt_turn_pair_due(mt_turn *t, int64_t now_ms) {
    if (t->state == MYTURN_RECONNECTING)
        mt_turn_end_to_idle(t, "lost", 480, now_ms);
    else
        end_to_waiting(t, t->call_up ? "no_path" : "no_answer", 480, now_ms);
}

/* The call */

bool mt_turn_is_uncalled(const mt_turn *t) {
    return t->state == MYTURN_CONNECTING && !t->draw.caller && t->call == 0;
}

/* A caller who leaves before he has called is told of by the server alone. */
void mt_turn_uncalled(mt_turn *t, const mt_turn_me *me, int64_t now_ms) {
    if (!mt_turn_is_uncalled(t))
        return;
    if (me->paired && memcmp(me->pair, t->draw.pair, sizeof me->pair) == 0)
        t->watch_at_ms = now_ms + MT_TURN_SOON_MS;
    else
        end_to_waiting(t, "undone", 480, now_ms);
}

void mt_turn_incoming(mt_turn *t, uint32_t call, const char *from, int64_t now_ms) {
    if (t->state == MYTURN_WAITING && strlen(from) < sizeof t->kept_from) {
        mt_turn_refuse_kept(t,
                            480); /* the server allows one call a pair: the older one belongs to a pair that is over */
        t->kept_call = call;
        memcpy(t->kept_from, from, strlen(from) + 1);
        t->kept_due_ms = now_ms + MT_TURN_KEEP_CALL_MS;
        return;
    }
    if (t->state == MYTURN_CONNECTING && !t->draw.caller && t->call == 0 && from_partner(t, from)) {
        take_call(t, call);
        return;
    }
    mt_turn_action *a = mt_turn_push(t, MT_TURN_SIP_REFUSE);
    a->call = call;
    a->code = t->in_pair ? 403 : 480;
}

static void tell_call_up(mt_turn *t) {
    t->call_up = t->call_answered = true;
    (void)mt_turn_tell(t, MYTURN_EV_CALL_UP);
}

void mt_turn_call_up(mt_turn *t, uint32_t call, int64_t now_ms) {
    if (call == 0 || call == t->kept_call) /* one that was not answered is not up */
        return;
    if (call != t->call) {
        mt_turn_push(t, MT_TURN_SIP_HANGUP)->call = call; /* it crossed our hanging up */
        return;
    }
    if (t->call_up)
        return;
    tell_call_up(t);
    t->pair_due_ms = now_ms + MT_TURN_CONNECT_MS;
    if (t->draw.caller)
        mt_turn_push(t, MT_TURN_LINK_REMOTE)->call = call;
    else if (t->draw.policy == MT_POLICY_RTP) /* nothing is agreed beyond the call */
        mt_turn_link_secure(t, now_ms);
}

static const char *reason_of_code(unsigned code) {
    switch (code) {
    case 408:
    case 480:
    case 487:
    case 504:
        return "no_answer";
    case 403:
    case 404:
    case 481:
        return "undone"; /* the server knows the pair no more */
    default:
        return code >= 500 && code < 600 ? "server" : "refused";
    }
}

/* False: it is none of ours any more. */
static bool take_end(mt_turn *t, uint32_t call) {
    if (call != 0 && call == t->kept_call)
        t->kept_call = 0;
    if (call == 0 || call != t->call)
        return false;
    t->call = 0;
    return true;
}

void mt_turn_call_failed(mt_turn *t, uint32_t call, unsigned code, int64_t now_ms) {
    if (!take_end(t, call))
        return;
    if (t->state == MYTURN_CONNECTING)
        end_to_waiting(t, reason_of_code(code), 480, now_ms);
    else /* signalling is lost, not the talk */
        mt_turn_restart_call_lost(t);
}

void mt_turn_call_ended(mt_turn *t, uint32_t call, int64_t silent_ms, int64_t now_ms) {
    if (!take_end(t, call))
        return;
    if (t->state == MYTURN_CONNECTING)
        end_to_waiting(t, "undone", 480, now_ms);
    else
        mt_turn_end_to_idle(
            t, t->state == MYTURN_RECONNECTING || silent_ms >= MT_TURN_QUIET_MS ? "lost" : "partner_left", 480, now_ms);
}

void mt_turn_call_stopped(mt_turn *t, uint32_t call, int64_t now_ms) {
    if (!take_end(t, call))
        return;
    if (t->state == MYTURN_CONNECTING)
        end_to_waiting(t, "server", 480, now_ms);
    else
        mt_turn_end_to_idle(t, "server", 480, now_ms);
}

/* The link */

void mt_turn_link_ready(mt_turn *t, int64_t now_ms) {
    if (t->link != MT_TURN_LINK_MADE || t->state != MYTURN_CONNECTING)
        return;
    if (!t->draw.caller) {
        if (t->call == 0 || t->call_answered)
            return;
        t->call_answered = true;
        mt_turn_push(t, MT_TURN_SIP_ANSWER)->call = t->call;
        return;
    }
    if (t->call != 0)
        return;
    t->calls = (t->calls + 1) & ~MT_TURN_CALL_IN;
    t->call = t->calls != 0 ? t->calls : ++t->calls;
    mt_turn_action *a = mt_turn_push(t, MT_TURN_SIP_DIAL);
    a->call = t->call;
    a->exten = t->draw.exten;
}

void mt_turn_link_secure(mt_turn *t, int64_t now_ms) {
    if (t->link != MT_TURN_LINK_MADE || t->state != MYTURN_CONNECTING)
        return;
    if (!t->call_up)
        tell_call_up(t); /* the ACK is slower than the link */
    t->link = MT_TURN_LINK_SECURE;
    t->audio = true;
    t->failed_setups = 0;
    mt_turn_set_state(t, MYTURN_TALKING);
    mt_turn_report *r = mt_turn_tell(t, MYTURN_EV_SECURE);
    memcpy(r->name, t->draw.name, sizeof r->name);
    (void)mt_turn_push(t, MT_TURN_AUDIO_START); /* opening devices takes its time */
}

void mt_turn_link_silent(mt_turn *t, bool on, int64_t now_ms) {
    if (t->state != (on ? MYTURN_TALKING : MYTURN_RECONNECTING))
        return;
    t->pair_due_ms = now_ms + MT_TURN_SILENT_MS;
    mt_turn_set_state(t, on ? MYTURN_RECONNECTING : MYTURN_TALKING);
    mt_turn_tell(t, MYTURN_EV_RECONNECTING)->on = on;
    mt_turn_restart_pump(t, now_ms);
}

/* Another draw would end the same way, so there is none. */
static void tell_no_relay(mt_turn *t) {
    if (mt_ice_servers_turn(&t->draw.servers) == 0)
        mt_turn_tell_error(t, "no_relay",
                           N_("Your address is to be hidden, but the server names no relay (TURN server)"), "");
    else
        mt_turn_tell_error(t, "turn_failed",
                           N_("No relay can be used: the TURN server does not answer, or refuses its password"), "");
}

void mt_turn_link_closed(mt_turn *t, mt_link_end why, int64_t now_ms) {
    static const char *const reasons[] = {
        [MT_LINK_LOCAL_BYE] = "hung_up", [MT_LINK_REMOTE_BYE] = "partner_left", [MT_LINK_LOST] = "lost",
        [MT_LINK_NO_PATH] = "no_path",   [MT_LINK_DTLS_FAILED] = "dtls_failed", [MT_LINK_SAS_FAILED] = "sas_failed",
        [MT_LINK_PROTOCOL] = "protocol", [MT_LINK_NO_RELAY] = "no_path",
    };
    if (t->link == MT_TURN_NO_LINK)
        return;
    bool connecting = t->state == MYTURN_CONNECTING;
    t->link = MT_TURN_LINK_MADE; /* over: destroyed without a bye */
    if (why == MT_LINK_NO_RELAY)
        tell_no_relay(t);
    if (connecting && (why == MT_LINK_NO_PATH || why == MT_LINK_LOST))
        end_to_waiting(t, "no_path", 480, now_ms);
    else if (connecting && why == MT_LINK_REMOTE_BYE)
        end_to_waiting(t, "undone", 480, now_ms);
    else
        mt_turn_end_to_idle(t, reasons[why], 480, now_ms);
}

void mt_turn_link_broken(mt_turn *t, bool bad_sdp, int64_t now_ms) {
    if (t->link == MT_TURN_NO_LINK)
        return;
    t->link = MT_TURN_LINK_MADE;
    if (!bad_sdp)
        mt_turn_tell_error(t, "internal", N_("The encrypted link could not be set up; the log says why"), "");
    mt_turn_end_to_idle(t, "protocol", bad_sdp ? 488 : 480, now_ms);
}

void mt_turn_link_gone(mt_turn *t, int64_t now_ms) {
    if (t->closing > 0)
        t->closing--;
    mt_turn_check_ending(t, now_ms);
}
