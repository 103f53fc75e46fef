/* A hand on the conversation machine for tests: what it does is written down as one line of words, each an action. */
#ifndef TURN_KIT_H
#define TURN_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/turn.h"

typedef struct kit {
    mt_turn *t;
    int64_t now_ms;
    uint64_t seed;
    uint32_t login_seq, turn_seq, leave_seq, logout_seq, watch_seq, conduct_seq; /* last seen */
    unsigned wait_s;
    bool leave;
    uint8_t pair[16];
    char trace[4096];
    char error[256];
} kit;

static inline void kit_add(kit *k, const char *word, const char *arg) {
    size_t len = strlen(k->trace);
    (void)snprintf(k->trace + len, sizeof k->trace - len, "%s%s%s%s%s", len > 0 ? " " : "", word, arg ? "(" : "",
                   arg ? arg : "", arg ? ")" : "");
}

static inline void kit_report(kit *k, const mt_turn_report *r) {
    char text[300] = "";
    switch (r->kind) {
    case MYTURN_EV_STATE:
        kit_add(k, "state", myturn_state_str(r->state));
        return;
    case MYTURN_EV_WAITING:
        (void)snprintf(text, sizeof text, "%us", r->elapsed_s);
        break;
    case MYTURN_EV_DRAWN:
        (void)snprintf(text, sizeof text, "%s %s", r->caller ? "calls" : "awaits", r->name);
        break;
    case MYTURN_EV_ENDED:
        (void)snprintf(text, sizeof text, "%s", r->reason);
        break;
    case MYTURN_EV_ERROR:
        (void)snprintf(text, sizeof text, "%s", r->code);
        (void)snprintf(k->error, sizeof k->error, "%s", r->detail);
        break;
    case MYTURN_EV_BLOCKED:
    case MYTURN_EV_REPORTED:
        (void)snprintf(text, sizeof text, "%s", r->name);
        break;
    case MYTURN_EV_RECONNECTING:
        (void)snprintf(text, sizeof text, "%s", r->on ? "on" : "off");
        break;
    default:
        break;
    }
    char word[40];
    (void)snprintf(word, sizeof word, "%s!", myturn_event_str(r->kind));
    kit_add(k, word, text[0] != '\0' ? text : NULL);
}

static inline void kit_action(kit *k, const mt_turn_action *a) {
    static const char *const words[] = {
        [MT_TURN_API_LOGIN] = "login",
        [MT_TURN_API_TURN] = "turn",
        [MT_TURN_API_BREAK] = "break",
        [MT_TURN_API_LEAVE] = "leave",
        [MT_TURN_API_BLOCK] = "block",
        [MT_TURN_API_REPORT] = "report",
        [MT_TURN_API_WATCH] = "watch",
        [MT_TURN_API_LOGOUT] = "logout",
        [MT_TURN_API_RENEW] = "reconnect",
        [MT_TURN_API_FORGET] = "forget",
        [MT_TURN_SIP_REGISTER] = "register",
        [MT_TURN_SIP_UNREGISTER] = "unregister",
        [MT_TURN_SIP_STOP] = "stop",
        [MT_TURN_SIP_DIAL] = "dial",
        [MT_TURN_SIP_ANSWER] = "answer",
        [MT_TURN_SIP_REFUSE] = "refuse",
        [MT_TURN_SIP_HANGUP] = "hangup",
        [MT_TURN_SIP_REINVITE] = "reinvite",
        [MT_TURN_SIP_RECANCEL] = "recancel",
        [MT_TURN_SIP_REANSWER] = "reanswer",
        [MT_TURN_SIP_REREFUSE] = "rerefuse",
        [MT_TURN_SIP_RENEW] = "renew",
        [MT_TURN_LINK_CREATE] = "link",
        [MT_TURN_LINK_REMOTE] = "remote",
        [MT_TURN_LINK_BYE] = "bye",
        [MT_TURN_LINK_DESTROY] = "unlink",
        [MT_TURN_LINK_RESTART] = "restart",
        [MT_TURN_LINK_REOFFER] = "reoffer",
        [MT_TURN_LINK_REANSWER] = "path",
        [MT_TURN_LINK_RESTART_STOP] = "stay",
        [MT_TURN_AUDIO_START] = "audio",
        [MT_TURN_AUDIO_STOP] = "mute",
    };
    char arg[40] = "";
    uint32_t call = a->call & ~MT_TURN_CALL_IN;
    switch (a->kind) {
    case MT_TURN_REPORT:
        kit_report(k, &a->report);
        return;
    case MT_TURN_API_LOGIN:
        k->login_seq = a->seq;
        break;
    case MT_TURN_API_TURN:
        k->turn_seq = a->seq;
        k->wait_s = a->wait_s;
        break;
    case MT_TURN_API_LEAVE:
        k->leave_seq = a->seq;
        break;
    case MT_TURN_API_BLOCK:
    case MT_TURN_API_REPORT:
        k->conduct_seq = a->seq;
        (void)snprintf(arg, sizeof arg, "%c", a->pair[0]);
        break;
    case MT_TURN_API_WATCH:
        k->watch_seq = a->seq;
        break;
    case MT_TURN_API_LOGOUT:
        k->logout_seq = a->seq;
        break;
    case MT_TURN_SIP_DIAL:
        (void)snprintf(arg, sizeof arg, "%u", (unsigned)a->exten);
        break;
    case MT_TURN_SIP_REFUSE:
    case MT_TURN_SIP_REREFUSE:
        (void)snprintf(arg, sizeof arg, "%u %u", (unsigned)call, a->code);
        break;
    case MT_TURN_SIP_ANSWER:
    case MT_TURN_SIP_REANSWER:
    case MT_TURN_SIP_HANGUP:
    case MT_TURN_LINK_REOFFER:
    case MT_TURN_LINK_REANSWER:
    case MT_TURN_LINK_REMOTE:
        (void)snprintf(arg, sizeof arg, "%s%u", (a->call & MT_TURN_CALL_IN) != 0 ? "i" : "o", (unsigned)call);
        break;
    case MT_TURN_LINK_CREATE:
        (void)snprintf(arg, sizeof arg, "%s", a->caller ? "caller" : "callee");
        break;
    default:
        break;
    }
    if (a->kind == MT_TURN_API_TURN || a->kind == MT_TURN_API_LEAVE) {
        k->leave = a->leave;
        memcpy(k->pair, a->pair, sizeof k->pair);
        if (a->leave)
            (void)snprintf(arg, sizeof arg, "%c", a->pair[0]);
    }
    kit_add(k, words[a->kind], arg[0] != '\0' ? arg : NULL);
}

/* Everything since the last look. */
static inline const char *kit_trace(kit *k) {
    mt_turn_action a;
    k->trace[0] = '\0';
    while (mt_turn_action_next(k->t, &a) == MT_OK)
        kit_action(k, &a);
    return k->trace;
}

#define EXPECT(k, words) assert_string_equal(kit_trace(k), words)

/* Lets time pass, timer by timer. */
static inline void kit_pass(kit *k, int64_t ms) {
    int64_t end_ms = k->now_ms + ms;
    for (int64_t next_ms; (next_ms = mt_turn_next_ms(k->t)) <= end_ms;) {
        k->now_ms = next_ms > k->now_ms ? next_ms : k->now_ms;
        int64_t before_ms = mt_turn_next_ms(k->t);
        mt_turn_tick(k->t, k->now_ms);
        assert_true(mt_turn_next_ms(k->t) != before_ms || before_ms > k->now_ms); /* else it would spin */
    }
    k->now_ms = end_ms;
}

static inline mt_turn_draw kit_draw(char pair, bool caller) {
    mt_turn_draw d = {.caller = caller, .exten = 111001, .connect_s = 15, .name = "dwa"};
    d.pair[0] = (uint8_t)pair;
    return d;
}

static inline void kit_drawn(kit *k, char pair, bool caller) {
    mt_turn_draw d = kit_draw(pair, caller);
    mt_turn_drawn(k->t, k->turn_seq, &d, k->now_ms);
}

/* What GET /v1/me answers; pair 0: none. */
static inline void kit_watched(kit *k, char pair) {
    mt_turn_me me = {.registered = true, .paired = pair != 0};
    me.pair[0] = (uint8_t)pair;
    mt_turn_watched(k->t, k->watch_seq, &me, k->now_ms);
}

static inline mt_fault kit_fault(mt_fault_kind kind, const char *code) {
    mt_fault f = {.kind = kind, .retry_after_s = kind == MT_FAULT_SLOW_DOWN ? 7 : 0};
    (void)snprintf(f.code, sizeof f.code, "%s", code);
    return f;
}

static inline void kit_turn_fails(kit *k, mt_fault_kind kind, const char *code) {
    mt_fault f = kit_fault(kind, code);
    mt_turn_turn_failed(k->t, k->turn_seq, &f, k->now_ms);
}

static inline void kit_login_fails(kit *k, mt_fault_kind kind, const char *code) {
    mt_fault f = kit_fault(kind, code);
    mt_turn_login_failed(k->t, k->login_seq, &f, k->now_ms);
}

#define IN(n) (MT_TURN_CALL_IN | (n))
#define T(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

/* A group of tests: each has a machine of its own. */
static inline int kit_setup(void **state) {
    static kit k;
    memset(&k, 0, sizeof k);
    k.seed = 1;
    k.now_ms = 1000;
    if (mt_turn_create(mt_random_seeded(&k.seed), &k.t) != MT_OK)
        return -1;
    *state = &k;
    return 0;
}

static inline int kit_teardown(void **state) {
    kit *k = *state;
    mt_turn_destroy(k->t);
    return 0;
}

static inline void to_idle(kit *k) {
    assert_int_equal(mt_turn_login(k->t, "jeden", k->now_ms), MT_OK);
    (void)kit_trace(k);
    mt_turn_login_done(k->t, k->login_seq, "jeden", 111000, k->now_ms);
    mt_turn_registered(k->t, k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_state(k->t), MYTURN_IDLE);
}

static inline void to_waiting(kit *k) {
    to_idle(k);
    assert_int_equal(mt_turn_ready(k->t, k->now_ms), MT_OK);
    (void)kit_trace(k);
}

static inline void to_connecting(kit *k, bool caller) {
    to_waiting(k);
    kit_drawn(k, 'A', caller);
    (void)kit_trace(k);
}

static inline void to_talking(kit *k, bool caller) {
    to_connecting(k, caller);
    if (!caller)
        mt_turn_incoming(k->t, IN(1), "111001", k->now_ms);
    mt_turn_link_ready(k->t, k->now_ms);
    mt_turn_call_up(k->t, caller ? 1 : IN(1), k->now_ms);
    mt_turn_link_secure(k->t, k->now_ms);
    (void)kit_trace(k);
    assert_int_equal(mt_turn_state(k->t), MYTURN_TALKING);
}

#endif
