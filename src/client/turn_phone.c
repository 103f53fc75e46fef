/* The conversation machine where a SIP phone of the user's does the calling: what it does is learnt from the server, by
 * GET /v1/me. The server keeps the times too: a phone has a minute to dial and a minute to ring. */
#include <string.h>

#include "base/i18n.h"
#include "client/turn_priv.h"

void mt_turn_set_phone(mt_turn *t) {
    t->phone = true;
}

static bool wants_watch(const mt_turn *t) {
    bool wanted = t->phone ? t->state != MYTURN_LOGGED_OUT : mt_turn_is_uncalled(t);
    return wanted && t->have_login && !t->logging_out;
}

int64_t mt_turn_phone_pump_ms(const mt_turn *t) {
    return wants_watch(t) && t->watch_seq == 0 ? t->watch_at_ms : INT64_MAX;
}

void mt_turn_phone_watch(mt_turn *t, int64_t now_ms) {
    if (!wants_watch(t))
        return;
    t->watch_at_ms = t->watch_asked_ms = now_ms;
    mt_turn_push(t, MT_TURN_API_WATCH)->seq = t->watch_seq = ++t->seq;
}

void mt_turn_phone_pump(mt_turn *t, int64_t now_ms) {
    if (mt_turn_phone_pump_ms(t) <= now_ms)
        mt_turn_phone_watch(t, now_ms);
}

static void note_registered(mt_turn *t, bool registered, int64_t now_ms) {
    if (registered) {
        mt_turn_registered(t, now_ms);
    } else if (t->registered) {
        t->registered = false;
        mt_turn_tell_error(t, "phone_gone", N_("Your phone is not registered any more; waiting for it"), "");
    }
}

static void call_up(mt_turn *t) {
    if (t->state != MYTURN_CONNECTING)
        return;
    t->call_up = true;
    mt_turn_set_state(t, MYTURN_TALKING);
    (void)mt_turn_tell(t, MYTURN_EV_CALL_UP);
}

/* Nobody is drawn again by himself here: who did not dial or pick up may not be there. */
static void pair_over(mt_turn *t, int64_t now_ms) {
    mt_turn_end_to_idle(t, t->call_up ? "over" : "no_answer", 480, now_ms);
}

static bool is_same(const mt_turn_me *a, const mt_turn_me *b) {
    return a->registered == b->registered && a->talking == b->talking && a->paired == b->paired &&
           memcmp(a->pair, b->pair, sizeof a->pair) == 0;
}

/* Held until something changes. Who answers the same at once does not hold requests: then it is asked once a second. */
static void watch_on(mt_turn *t, const mt_turn_me *me, bool news, int64_t now_ms) {
    bool idle = !news && t->has_last_me && is_same(me, &t->last_me) && now_ms - t->watch_asked_ms < MT_TURN_SOON_MS;
    t->last_me = *me;
    t->has_last_me = true;
    if (t->watch_seq != 0)
        return;
    if (idle)
        t->watch_at_ms = now_ms + MT_TURN_SOON_MS;
    else
        mt_turn_phone_watch(t, now_ms);
}

void mt_turn_watched(mt_turn *t, uint32_t seq, const mt_turn_me *me, int64_t now_ms) {
    if (seq == 0 || seq != t->watch_seq)
        return;
    t->watch_seq = t->watch_fails = 0;
    if (!t->phone) {
        mt_turn_uncalled(t, me, now_ms);
        return;
    }
    bool had_pair = t->in_pair;
    if (!t->in_pair) {
        note_registered(t, me->registered, now_ms);
    } else if (!me->paired || memcmp(me->pair, t->draw.pair, sizeof me->pair) != 0) {
        pair_over(t, now_ms);
        note_registered(t, me->registered, now_ms);
    } else if (me->talking) {
        call_up(t);
    }
    watch_on(t, me, had_pair && !t->in_pair, now_ms);
}

void mt_turn_watch_failed(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms) {
    if (seq == 0 || seq != t->watch_seq)
        return;
    t->watch_seq = 0;
    if (!t->phone) { /* what is wrong is told by who asks for more than this */
        t->watch_at_ms = now_ms + MT_TURN_SOON_MS;
        return;
    }
    if (fault->kind == MT_FAULT_UNAUTHORIZED) {
        t->have_login = false; /* nothing can be left any more */
        if (t->in_pair)
            pair_over(t, now_ms);
        mt_turn_lose_login(t, now_ms);
        return;
    }
    int64_t pause_ms = (int64_t)MT_TURN_RETRY_MIN_MS << (t->watch_fails < 4 ? t->watch_fails : 4);
    t->watch_at_ms = now_ms + (pause_ms < MT_TURN_RETRY_MAX_MS ? pause_ms : MT_TURN_RETRY_MAX_MS);
    if (t->watch_fails++ == 1)
        mt_turn_tell_unreachable(t, fault->text);
}
