/* The conversation machine: blocking and reporting. Both end the pair at once, whatever the server says; what it is to
 * know is sent until it has been taken, for a while. */
#include <string.h>

#include "base/i18n.h"
#include "client/turn_priv.h"

const char *mt_turn_reason(const char *reason) {
    static const char *const reasons[] = {"harassment", "sexual", "minor", "threat", "spam", "other"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reason, reasons[i]) == 0)
            return reasons[i];
    return NULL;
}

const mt_turn_conduct *mt_turn_conduct_of(const mt_turn *t, uint32_t seq) {
    for (unsigned i = 0; seq != 0 && i < t->conduct_count; i++)
        if (t->conduct[i].seq == seq)
            return &t->conduct[i];
    return NULL;
}

static void forget(mt_turn *t, unsigned i) {
    t->conduct_count--;
    memmove(&t->conduct[i], &t->conduct[i + 1], (t->conduct_count - i) * sizeof t->conduct[0]);
    memset(&t->conduct[t->conduct_count], 0, sizeof t->conduct[0]);
}

static void tell_failed(mt_turn *t, const mt_turn_conduct *c, const char *detail) {
    if (c->reason != NULL)
        mt_turn_tell_error(t, "not_reported", N_("The report has not reached the operator"), detail);
    else
        mt_turn_tell_error(t, "not_blocked", N_("The server has not taken the block: you may meet again"), detail);
}

void mt_turn_conduct_fail_all(mt_turn *t) {
    while (t->conduct_count > 0) {
        tell_failed(t, &t->conduct[0], "");
        forget(t, 0);
    }
}

static void send(mt_turn *t, mt_turn_conduct *c) {
    mt_turn_action *a = mt_turn_push(t, c->reason != NULL ? MT_TURN_API_REPORT : MT_TURN_API_BLOCK);
    a->seq = c->seq = ++t->seq;
    memcpy(a->pair, c->pair, sizeof a->pair);
}

int64_t mt_turn_conduct_pump_ms(const mt_turn *t) {
    int64_t next_ms = INT64_MAX;
    for (unsigned i = 0; t->have_login && i < t->conduct_count; i++)
        if (t->conduct[i].seq == 0 && t->conduct[i].at_ms < next_ms)
            next_ms = t->conduct[i].at_ms;
    return next_ms;
}

void mt_turn_conduct_pump(mt_turn *t, int64_t now_ms) {
    for (unsigned i = 0; t->have_login && i < t->conduct_count; i++)
        if (t->conduct[i].seq == 0 && t->conduct[i].at_ms <= now_ms)
            send(t, &t->conduct[i]);
}

/* The server knows the present pair and the one before, so it hears of one first, and draws the next one then. */
int64_t mt_turn_conduct_holds_until_ms(const mt_turn *t) {
    int64_t until_ms = INT64_MIN;
    for (unsigned i = 0; i < t->conduct_count; i++)
        if (t->conduct[i].begun_ms + MT_TURN_LEAVE_MS > until_ms)
            until_ms = t->conduct[i].begun_ms + MT_TURN_LEAVE_MS;
    return until_ms;
}

static void end_pair(mt_turn *t, const char *reason, int64_t now_ms) {
    mt_turn_drop_pair(t, 603);
    t->end_reason = reason;
    t->end_due_ms = now_ms + MT_TURN_BYE_MS;
    mt_turn_set_state(t, MYTURN_ENDING);
}

static mt_err begin(mt_turn *t, const char *reason, const char *note, int64_t now_ms) {
    if (!t->has_last || !t->have_login || t->logging_out)
        return MT_ESTATE;
    if (t->conduct_count == MT_TURN_CONDUCT_MAX)
        return MT_ELIMIT;
    mt_turn_conduct *c = &t->conduct[t->conduct_count++];
    *c = (mt_turn_conduct){.reason = reason, .begun_ms = now_ms, .at_ms = now_ms};
    memcpy(c->pair, t->last_pair, sizeof c->pair);
    memcpy(c->name, t->last_name, sizeof c->name);
    if (note != NULL)
        memcpy(c->note, note, strlen(note) + 1);
    if (t->in_pair)
        end_pair(t, reason != NULL ? "reported" : "blocked", now_ms);
    mt_turn_conduct_pump(t, now_ms);
    mt_turn_check_ending(t, now_ms);
    return MT_OK;
}

mt_err mt_turn_block(mt_turn *t, int64_t now_ms) {
    return begin(t, NULL, NULL, now_ms);
}

mt_err mt_turn_report_partner(mt_turn *t, const char *reason, const char *note, int64_t now_ms) {
    const char *known = mt_turn_reason(reason);
    if (known == NULL || (note != NULL && strlen(note) >= MT_TURN_NOTE_BYTES))
        return MT_EINVAL;
    return begin(t, known, note, now_ms);
}

static void taken(mt_turn *t, unsigned i) {
    const mt_turn_conduct *c = &t->conduct[i];
    mt_turn_report *r = mt_turn_tell(t, c->reason != NULL ? MYTURN_EV_REPORTED : MYTURN_EV_BLOCKED);
    memcpy(r->name, c->name, sizeof r->name);
    if (t->leave && memcmp(c->pair, t->leave_pair, sizeof t->leave_pair) == 0)
        t->leave = false; /* it is over at the server, too */
    forget(t, i);
}

static void failed(mt_turn *t, unsigned i, const mt_fault *fault, int64_t now_ms) {
    mt_turn_conduct *c = &t->conduct[i];
    bool again = fault->kind == MT_FAULT_UNREACHABLE || fault->kind == MT_FAULT_SLOW_DOWN;
    if (again && now_ms - c->begun_ms < MT_TURN_CONDUCT_MS && !t->logging_out) {
        c->seq = 0;
        c->at_ms = now_ms + ((int64_t)MT_TURN_RETRY_MIN_MS << (c->fails < 3 ? c->fails : 3));
        if (fault->kind == MT_FAULT_SLOW_DOWN)
            c->at_ms += 1000 * (int64_t)fault->retry_after_s;
        c->fails++;
        return;
    }
    tell_failed(t, c, fault->text);
    forget(t, i);
    bool lost = fault->kind == MT_FAULT_UNAUTHORIZED && t->have_login;
    if (lost && t->state != MYTURN_ENDING)
        mt_turn_lose_login(t, now_ms);
    else if (lost)
        t->have_login = false;
}

void mt_turn_conducted(mt_turn *t, uint32_t seq, const mt_fault *fault, int64_t now_ms) {
    const mt_turn_conduct *c = mt_turn_conduct_of(t, seq);
    if (c == NULL)
        return;
    unsigned i = (unsigned)(c - t->conduct);
    if (fault == NULL)
        taken(t, i);
    else
        failed(t, i, fault, now_ms);
    mt_turn_check_ending(t, now_ms);
    mt_turn_pump(t, now_ms);
}
