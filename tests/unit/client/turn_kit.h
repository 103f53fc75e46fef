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
    uint32_t login_seq, turn_seq, leave_seq, logout_seq, watch_seq; /* last seen */
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
        [MT_TURN_API_LOGIN] = "login",    [MT_TURN_API_TURN] = "turn",         [MT_TURN_API_BREAK] = "break",
        [MT_TURN_API_LEAVE] = "leave",    [MT_TURN_API_WATCH] = "watch",       [MT_TURN_API_LOGOUT] = "logout",
        [MT_TURN_API_FORGET] = "forget",  [MT_TURN_SIP_REGISTER] = "register", [MT_TURN_SIP_UNREGISTER] = "unregister",
        [MT_TURN_SIP_STOP] = "stop",      [MT_TURN_SIP_DIAL] = "dial",         [MT_TURN_SIP_ANSWER] = "answer",
        [MT_TURN_SIP_REFUSE] = "refuse",  [MT_TURN_SIP_HANGUP] = "hangup",     [MT_TURN_LINK_CREATE] = "link",
        [MT_TURN_LINK_REMOTE] = "remote", [MT_TURN_LINK_BYE] = "bye",          [MT_TURN_LINK_DESTROY] = "unlink",
        [MT_TURN_AUDIO_START] = "audio",  [MT_TURN_AUDIO_STOP] = "mute",
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
        (void)snprintf(arg, sizeof arg, "%u %u", (unsigned)call, a->code);
        break;
    case MT_TURN_SIP_ANSWER:
    case MT_TURN_SIP_HANGUP:
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

#endif
