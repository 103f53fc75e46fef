/* The conversation machine under arbitrary wishes, answers and events, with a small world behind it that checks what
 * the header promises: one link, one call, sound only in a talk, all of it gone outside a pair, one held request, no
 * timer that spins. Each input byte is one operation. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/turn.h"

#define CHECK(c)                                                                                                       \
    do {                                                                                                               \
        if (!(c)) {                                                                                                    \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #c);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { CALLS = 64 };

typedef struct world {
    mt_turn *t;
    const uint8_t *in;
    size_t left;
    int64_t now_ms;
    uint32_t login_seq, turn_seq, leave_seq, logout_seq, last_turn_seq, conduct_seq;
    bool link, secure, audio, registered, token, caller;
    bool gathers, asking;   /* the link's restart SDP, the answer to our re-INVITE is awaited */
    uint32_t asked, offers; /* whose call; the one that offers a new path, 0: none */
    unsigned saying_bye;
    uint32_t out_call, in_call[CALLS];
    uint32_t next_in, next_pair;
    bool in_live[CALLS], out_live, out_dialled;
    myturn_state told;
} world;

static uint8_t byte(world *w) {
    if (w->left == 0)
        return 0;
    w->left--;
    return *w->in++;
}

static void call_over(world *w, uint32_t call) {
    if (call == w->asked)
        w->asking = false;
    if (call == w->offers)
        w->offers = 0;
    if ((call & MT_TURN_CALL_IN) == 0) {
        if (call == w->out_call)
            w->out_live = false;
        return;
    }
    for (int i = 0; i < CALLS; i++)
        if (w->in_call[i] == call)
            w->in_live[i] = false;
}

static bool in_live(const world *w, uint32_t call) {
    for (int i = 0; i < CALLS; i++)
        if (w->in_call[i] == call)
            return w->in_live[i];
    return false;
}

static void sip_action(world *w, const mt_turn_action *a) {
    switch (a->kind) {
    case MT_TURN_SIP_DIAL:
        CHECK(!w->out_live && w->link && w->token);
        w->out_call = a->call;
        w->out_live = w->out_dialled = true;
        break;
    case MT_TURN_SIP_ANSWER:
        CHECK(w->link && in_live(w, a->call));
        break;
    case MT_TURN_SIP_REFUSE:
        CHECK((a->call & MT_TURN_CALL_IN) != 0 && a->code >= 400 && a->code < 700);
        call_over(w, a->call);
        break;
    case MT_TURN_SIP_HANGUP:
        call_over(w, a->call);
        break;
    case MT_TURN_SIP_REINVITE:
        CHECK(!w->asking && w->out_live && w->caller && w->secure && a->call == w->out_call);
        w->asking = true;
        w->asked = a->call;
        break;
    case MT_TURN_SIP_RECANCEL:
        CHECK(w->asking && a->call == w->asked);
        break;
    case MT_TURN_SIP_REANSWER:
        CHECK(w->offers == a->call && a->call != 0);
        w->offers = 0;
        break;
    case MT_TURN_SIP_REREFUSE:
        CHECK(a->code == 488);
        w->offers = a->call == w->offers ? 0 : w->offers;
        break;
    case MT_TURN_SIP_RENEW:
        CHECK(w->token);
        break;
    default:
        break;
    }
}

/* A talk by the call alone: nothing of it is ever secure. */
static bool is_plain(const world *w) {
    const mt_turn_draw *draw = mt_turn_pair(w->t);
    return draw != NULL && draw->policy == MT_POLICY_RTP;
}

static void link_action(world *w, const mt_turn_action *a) {
    switch (a->kind) {
    case MT_TURN_LINK_CREATE:
        CHECK(!w->link);
        w->link = true;
        w->secure = w->gathers = false;
        w->caller = a->caller;
        break;
    case MT_TURN_LINK_RESTART:
        CHECK(w->link && w->secure && w->caller && !w->asking);
        w->gathers = true;
        break;
    case MT_TURN_LINK_REOFFER:
        CHECK(w->link && w->secure && !w->caller && a->call == w->offers);
        w->gathers = true;
        break;
    case MT_TURN_LINK_REANSWER:
        CHECK(w->link && w->secure && w->caller && a->call != 0);
        break;
    case MT_TURN_LINK_RESTART_STOP:
        CHECK(w->link && w->secure);
        w->gathers = false;
        break;
    case MT_TURN_LINK_REMOTE:
        CHECK(w->link && a->call != 0);
        break;
    case MT_TURN_LINK_BYE:
        CHECK(w->link && w->secure);
        w->link = w->secure = w->gathers = false;
        w->saying_bye++;
        break;
    case MT_TURN_LINK_DESTROY:
        CHECK(w->link);
        w->link = w->secure = w->gathers = false;
        break;
    case MT_TURN_AUDIO_START:
        CHECK(w->link && (w->secure || is_plain(w)) && !w->audio);
        w->audio = true;
        break;
    case MT_TURN_AUDIO_STOP:
        CHECK(w->audio);
        w->audio = false;
        break;
    default:
        break;
    }
}

static void api_action(world *w, const mt_turn_action *a) {
    switch (a->kind) {
    case MT_TURN_API_LOGIN:
        CHECK(w->login_seq == 0 && a->name[0] != '\0');
        w->login_seq = a->seq;
        break;
    case MT_TURN_API_TURN:
        CHECK(w->turn_seq == 0 && w->token && !w->link);
        w->turn_seq = w->last_turn_seq = a->seq;
        break;
    case MT_TURN_API_BREAK:
        CHECK(w->turn_seq != 0);
        w->turn_seq = 0;
        break;
    case MT_TURN_API_LEAVE:
        w->leave_seq = a->seq;
        break;
    case MT_TURN_API_BLOCK:
    case MT_TURN_API_REPORT: /* also in the next talk: the draw waits for the first try alone */
        CHECK(w->token);
        w->conduct_seq = a->seq;
        break;
    case MT_TURN_API_LOGOUT:
        CHECK(w->logout_seq == 0);
        w->logout_seq = a->seq;
        break;
    case MT_TURN_API_FORGET:
        w->login_seq = w->turn_seq = w->leave_seq = w->logout_seq = 0;
        w->token = false;
        break;
    default:
        break;
    }
}

static void act(world *w) {
    mt_turn_action a;
    unsigned count = 0;
    while (mt_turn_action_next(w->t, &a) == MT_OK) {
        CHECK(++count < 40);
        api_action(w, &a);
        sip_action(w, &a);
        link_action(w, &a);
        if (a.kind == MT_TURN_REPORT && a.report.kind == MYTURN_EV_STATE)
            w->told = a.report.state;
        if (a.kind == MT_TURN_REPORT && a.report.kind == MYTURN_EV_ENDED)
            CHECK(a.report.reason != NULL);
        if (a.kind == MT_TURN_REPORT && a.report.kind == MYTURN_EV_ERROR)
            CHECK(a.report.code != NULL && a.report.text != NULL);
    }
}

static void check(world *w) {
    myturn_state s = mt_turn_state(w->t);
    bool talk = s == MYTURN_TALKING || s == MYTURN_RECONNECTING;
    bool pair = talk || s == MYTURN_CONNECTING;
    CHECK(w->told == s); /* no change of state is kept from the application */
    CHECK(w->link == pair);
    CHECK(w->audio == talk);
    w->secure = w->secure || (talk && is_plain(w));
    CHECK(!talk || w->secure);
    CHECK(pair || !w->out_live);
    CHECK(w->turn_seq == 0 || s == MYTURN_WAITING);
    int live = 0;
    for (int i = 0; i < CALLS; i++)
        live += w->in_live[i];
    CHECK(live <= (pair || s == MYTURN_WAITING ? 1 : 0));
    CHECK(pair || (!w->asking && !w->gathers));
    CHECK(s != MYTURN_ENDING || mt_turn_next_ms(w->t) != INT64_MAX);
    CHECK(s != MYTURN_CONNECTING || mt_turn_next_ms(w->t) != INT64_MAX);
}

static void pass(world *w, int64_t ms) {
    int64_t end_ms = w->now_ms + ms;
    for (unsigned rounds = 0; mt_turn_next_ms(w->t) <= end_ms; rounds++) {
        CHECK(rounds < 10000);
        if (mt_turn_next_ms(w->t) > w->now_ms)
            w->now_ms = mt_turn_next_ms(w->t);
        mt_turn_tick(w->t, w->now_ms);
        act(w);
        check(w);
    }
    w->now_ms = end_ms;
}

static void ring(world *w) {
    uint32_t call = MT_TURN_CALL_IN | ++w->next_in;
    w->in_call[call % CALLS] = call;
    w->in_live[call % CALLS] = true;
    mt_turn_incoming(w->t, call, (byte(w) & 3) == 0 ? "111002" : "111001", w->now_ms);
}

static uint32_t some_call(world *w) {
    uint8_t b = byte(w);
    if ((b & 1) == 0)
        return w->out_call;
    return MT_TURN_CALL_IN | (w->next_in - (b >> 1) % 3u);
}

static mt_fault some_fault(world *w) {
    static const char *const codes[] = {"",       "in_talk", "superseded", "name_taken",
                                        "paired", "left",    "full",       "internal"};
    uint8_t b = byte(w);
    mt_fault f = {.kind = (mt_fault_kind)(b % 5), .retry_after_s = b >> 4};
    const char *code = codes[(b >> 3) % 8];
    memcpy(f.code, code, strlen(code) + 1);
    f.has_pair = strcmp(code, "paired") == 0;
    f.pair[0] = b;
    return f;
}

/* Another path, another network. */
static void restart_event(world *w, uint8_t b) {
    uint32_t call = some_call(w);
    switch (b % 4) {
    case 0:
        mt_turn_moved(w->t, w->now_ms);
        break;
    case 1:
        w->gathers = false;
        mt_turn_restart_ready(w->t, (b & 4) != 0, w->now_ms);
        break;
    case 2:
        if (call == w->asked)
            w->asking = false;
        mt_turn_reanswered(w->t, call, (b & 4) != 0 ? 200 : (b & 8) != 0 ? 491 : 488, w->now_ms);
        break;
    default:
        w->offers = w->offers != 0 ? w->offers : call; /* one at a time; taken back and made again, perhaps */
        mt_turn_reoffered(w->t, w->offers, w->now_ms);
        break;
    }
}

static void wish(world *w) {
    static mt_err (*const wishes[])(mt_turn *, int64_t) = {mt_turn_logout, mt_turn_ready, mt_turn_cancel,
                                                           mt_turn_hangup, mt_turn_next};
    uint8_t raw = byte(w), b = raw % 6;
    if (raw >= 224 && raw < 240) {
        restart_event(w, raw & 15);
        return;
    }
    if (raw >= 240) { /* a pair ends at once, whatever the server will say */
        mt_err said = b < 3
                          ? mt_turn_block(w->t, w->now_ms)
                          : mt_turn_report_partner(w->t, b == 3 ? "rude" : "threat", b == 4 ? "note" : NULL, w->now_ms);
        CHECK(said == MT_OK || said == MT_ESTATE || said == MT_ELIMIT || (said == MT_EINVAL && b == 3));
        CHECK(said != MT_OK || mt_turn_pair(w->t) == NULL);
        return;
    }
    mt_err err = b == 5 ? mt_turn_login(w->t, "jeden", w->now_ms) : wishes[b](w->t, w->now_ms);
    CHECK(err == MT_OK || err == MT_ESTATE);
}

static void answer_login(world *w) {
    uint8_t b = byte(w);
    uint32_t seq = (b & 8) != 0 ? w->login_seq : w->login_seq + 1;
    bool mine = w->login_seq != 0 && seq == w->login_seq;
    if (mine)
        w->login_seq = 0;
    if ((b & 1) != 0) {
        w->token = w->token || mine;
        mt_turn_login_done(w->t, seq, "jeden", 111000, w->now_ms);
    } else {
        mt_fault f = some_fault(w);
        mt_turn_login_failed(w->t, seq, &f, w->now_ms);
    }
}

static void answer_turn(world *w) {
    uint8_t b = byte(w);
    uint32_t seq = (b & 0x30) != 0 ? w->turn_seq : w->last_turn_seq;
    if (seq == w->turn_seq)
        w->turn_seq = 0;
    if (b % 4 < 2) {
        mt_turn_draw d = {.caller = (b & 8) != 0, .exten = 111001, .connect_s = b >> 4, .name = "dwa"};
        w->next_pair++;
        d.policy = (b & 0xc0) == 0xc0 ? MT_POLICY_RTP : MT_POLICY_GCM;
        memcpy(d.pair, &w->next_pair, sizeof w->next_pair);
        mt_turn_drawn(w->t, seq, &d, w->now_ms);
    } else if (b % 4 == 2) {
        mt_turn_waiting(w->t, seq, b, b, w->now_ms);
    } else {
        mt_fault f = some_fault(w);
        mt_turn_turn_failed(w->t, seq, &f, w->now_ms);
    }
}

static void answer_rest(world *w) {
    uint8_t b = byte(w);
    if ((b & 0xc0) == 0xc0) {
        mt_fault f = some_fault(w);
        mt_turn_conducted(w->t, w->conduct_seq - ((b >> 2) & 1), (b & 1) != 0 ? NULL : &f, w->now_ms);
    } else if ((b & 1) != 0) {
        uint32_t seq = w->logout_seq;
        w->logout_seq = 0;
        mt_turn_logged_out(w->t, seq, w->now_ms);
    } else if ((b & 2) != 0) {
        mt_turn_left(w->t, w->leave_seq, NULL, w->now_ms);
    } else {
        mt_fault f = some_fault(w);
        mt_turn_left(w->t, w->leave_seq, &f, w->now_ms);
    }
}

static void sip_event(world *w) {
    static const unsigned codes[] = {0, 302, 401, 403, 404, 408, 480, 481, 486, 487, 500, 503, 603, 606};
    uint8_t b = byte(w);
    uint32_t call = 0;
    switch (b % 8) {
    case 0:
    case 1:
        mt_turn_registered(w->t, w->now_ms);
        break;
    case 2:
        mt_turn_register_failed(w->t, codes[(b >> 3) % 14], w->now_ms);
        break;
    case 3:
        mt_turn_unregistered(w->t, w->now_ms);
        break;
    case 4:
        ring(w);
        break;
    case 5:
        call = some_call(w);
        mt_turn_call_up(w->t, call, w->now_ms);
        break;
    case 6:
        call = some_call(w);
        call_over(w, call);
        mt_turn_call_failed(w->t, call, codes[(b >> 3) % 14], w->now_ms);
        break;
    default:
        call = some_call(w);
        call_over(w, call);
        if ((b & 0x80) != 0)
            mt_turn_call_stopped(w->t, call, w->now_ms);
        else
            mt_turn_call_ended(w->t, call, 0, w->now_ms);
        break;
    }
}

static void link_event(world *w) {
    uint8_t b = byte(w);
    if (b % 8 == 7 && w->saying_bye > 0) {
        w->saying_bye--;
        mt_turn_link_gone(w->t, w->now_ms);
        return;
    }
    if (!w->link)
        return; /* a link that is not there says nothing */
    switch (b % 8) {
    case 0:
    case 1:
        mt_turn_link_ready(w->t, w->now_ms);
        break;
    case 2:
    case 3:
        if (!w->secure && mt_turn_state(w->t) == MYTURN_CONNECTING) {
            w->secure = true;
            mt_turn_link_secure(w->t, w->now_ms);
        }
        break;
    case 4:
        mt_turn_link_silent(w->t, (b & 8) != 0, w->now_ms);
        break;
    case 5:
        mt_turn_link_closed(w->t, (mt_link_end)((b >> 3) % 7), w->now_ms);
        break;
    case 6:
        if (!w->secure)
            mt_turn_link_broken(w->t, (b & 8) != 0, w->now_ms);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static void (*const ops[])(world *) = {wish,        wish,      answer_login, answer_turn,
                                           answer_turn, sip_event, link_event,   answer_rest};
    uint64_t seed = 1;
    world w = {.in = data, .left = len, .told = MYTURN_LOGGED_OUT};
    if (mt_turn_create(mt_random_seeded(&seed), &w.t) != MT_OK)
        return 0;
    while (w.left > 0) {
        uint8_t b = byte(&w);
        if (b % 9 == 8)
            pass(&w, 100 * (b / 9) * (b / 9));
        else
            ops[b % 9](&w);
        act(&w);
        check(&w);
    }
    /* Wherever it is, logging out gets out within 2 s. */
    (void)!mt_turn_logout(w.t, w.now_ms);
    act(&w);
    pass(&w, 2000);
    CHECK(mt_turn_state(w.t) == MYTURN_LOGGED_OUT);
    mt_turn_destroy(w.t);
    return 0;
}
