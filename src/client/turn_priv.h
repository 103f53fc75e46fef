/* The inside of the conversation machine, shared by turn.c (wishes, time), turn_login.c (login and waiting),
 * turn_pair.c (a pair's life) and turn_restart.c (another path for a talk). */
#ifndef MT_CLIENT_TURN_PRIV_H
#define MT_CLIENT_TURN_PRIV_H

#include "client/turn.h"

#define MT_TURN_CONDUCT_MAX 4
#define MT_TURN_QUEUE 64 /* one entry function appends fewer than 40 */

enum {
    MT_TURN_RETRY_MIN_MS = 500,
    MT_TURN_RETRY_MAX_MS = 5000,
    MT_TURN_FIRST_LOGIN_MS = 10000, /* until the REGISTER of a first login is answered */
    MT_TURN_LEAVE_MS = 3000,        /* a DELETE holds the next POST back no longer */
    MT_TURN_CONNECT_MS = 15000,     /* where the server tells none; and from the call on until the link is secure */
    MT_TURN_KEEP_CALL_MS = 3000,    /* an INVITE waits this long for the draw that explains it */
    MT_TURN_QUIET_MS = 2000,        /* the partner says something each second */
    MT_TURN_SILENT_MS = 15000,      /* of reconnecting */
    MT_TURN_TRY_MS = 3000,          /* between tries to find a new path, and for the answer to one */
    MT_TURN_TRY_SOON_MS = 500,      /* after one that failed late */
    MT_TURN_GLARE_MIN_MS = 2100,    /* RFC 3261 section 14.1, of the Call-ID's owner */
    MT_TURN_GLARE_MAX_MS = 4000,
    MT_TURN_CONDUCT_MS = 30000,     /* a block or report is tried so long */
    MT_TURN_CONDUCT_LAST_MS = 1200, /* and holds a logout back no longer */
    MT_TURN_BYE_MS = 1200,          /* the link confirms its bye within 1 s */
    MT_TURN_UNREGISTER_MS = 700,
    MT_TURN_LOGOUT_MS = 1800,
    MT_TURN_WAIT_FIRST_S = 1, /* soon an answer with numbers to show, then held long */
    MT_TURN_WAIT_S = 25,
    MT_TURN_SOON_MS = 1000, /* no answer to a held request is due before: then the server or a proxy does not hold it */
};

typedef enum mt_turn_try {
    MT_TURN_NO_TRY,
    MT_TURN_GATHERING, /* the link's SDP is awaited, by either side */
    MT_TURN_ASKING,    /* the answer to our re-INVITE is */
} mt_turn_try;

typedef enum mt_turn_link_state { MT_TURN_NO_LINK, MT_TURN_LINK_MADE, MT_TURN_LINK_SECURE } mt_turn_link_state;

struct mt_turn {
    mt_random random;
    mt_turn_action queue[MT_TURN_QUEUE];
    unsigned head, count;

    myturn_state state;
    uint32_t seq, calls; /* last number given */

    /* the login */
    char name[MT_TURN_NAME_BYTES];
    uint32_t exten;
    bool first_login;  /* nobody was told LOGGED_IN since the user's wish */
    bool untold_login; /* LOGGED_IN is due when registered */
    bool have_login;   /* the token is good as far as known */
    bool registered;
    uint32_t login_seq, turn_seq, leave_seq, logout_seq; /* requests under way; 0: none */
    int64_t login_due_ms, leave_due_ms, retry_at_ms;
    int64_t leave_again_ms; /* in IDLE, where no draw would carry it; 0: not */
    unsigned retries;
    bool told_unreachable, told_slow;

    bool phone;
    /* what the server is asked for by a phone's user, and by a callee who waits for his call */
    uint32_t watch_seq; /* WATCH under way; 0: none */
    int64_t watch_at_ms, watch_asked_ms;
    mt_turn_me last_me; /* the last answer */
    bool has_last_me;
    unsigned watch_fails; /* in a row */

    /* waiting */
    int64_t wait_since_ms, second_ms;
    int64_t long_asked_ms; /* when the request under way was sent if it is to be held long; 0: it is not */
    bool counted;          /* ready and online are known for this wait */
    unsigned ready, online;
    uint32_t kept_call; /* INVITE before the draw's answer */
    char kept_from[MT_TURN_NAME_BYTES];
    int64_t kept_due_ms;
    bool leave; /* the server may not know yet that this pair is over */
    uint8_t leave_pair[MT_TURN_PAIR_BYTES];

    /* the pair */
    bool in_pair;
    mt_turn_draw draw;
    uint32_t call;
    bool call_answered, call_up, audio;
    mt_turn_link_state link;
    int64_t pair_due_ms;    /* CONNECTING and RECONNECTING end then */
    unsigned failed_setups; /* in a row */
    mt_turn_try path_try;
    bool has_moved;        /* a new path is due without any silence */
    int64_t try_at_ms;     /* the next try does not begin before */
    int64_t answer_due_ms; /* ASKING: then it is taken back */

    /* the last partner, as far as the server knows him: the present one, or the one before until the next draw */
    bool has_last;
    uint8_t last_pair[MT_TURN_PAIR_BYTES];
    char last_name[MT_TURN_NAME_BYTES];
    mt_turn_conduct conduct[MT_TURN_CONDUCT_MAX];
    unsigned conduct_count;

    /* ending */
    const char *end_reason;
    int64_t conduct_due_ms;
    unsigned closing; /* links that say bye */
    bool logging_out, unregistered;
    int64_t end_due_ms, unregister_due_ms;
};

/* turn.c */
mt_turn_action *mt_turn_push(mt_turn *t, mt_turn_action_kind kind);
mt_turn_report *mt_turn_tell(mt_turn *t, myturn_event_kind kind);
void mt_turn_tell_error(mt_turn *t, const char *code, const char *text, const char *detail);
void mt_turn_set_state(mt_turn *t, myturn_state state);                     /* tells it if it is new */
void mt_turn_tell_ended(mt_turn *t, myturn_state next, const char *reason); /* and goes to next */
void mt_turn_backoff(mt_turn *t, unsigned attempt, int64_t now_ms);
void mt_turn_enter_waiting(mt_turn *t, int64_t now_ms);
void mt_turn_enter_idle(mt_turn *t);
void mt_turn_begin_logout(mt_turn *t, int64_t now_ms);
void mt_turn_check_ending(mt_turn *t, int64_t now_ms);

/* turn_login.c */
void mt_turn_pump(mt_turn *t, int64_t now_ms); /* sends the request that is due, if any */
int64_t mt_turn_pump_ms(const mt_turn *t);     /* when one will be */
void mt_turn_become_logged_out(mt_turn *t);
void mt_turn_send_leave(mt_turn *t, int64_t now_ms);
void mt_turn_stop_waiting(mt_turn *t); /* the held request and the kept call */
void mt_turn_refuse_kept(mt_turn *t, unsigned code);
void mt_turn_lose_login(mt_turn *t, int64_t now_ms);
void mt_turn_tell_unreachable(mt_turn *t, const char *detail); /* once an outage */

/* turn_pair.c */
void mt_turn_begin_pair(mt_turn *t, const mt_turn_draw *draw, int64_t now_ms);
void mt_turn_drop_pair(mt_turn *t, unsigned refuse_code); /* ends call, link and voice */
void mt_turn_pair_due(mt_turn *t, int64_t now_ms);
/* The pair ended, but not by the user's wish: back on the main page. */
void mt_turn_end_to_idle(mt_turn *t, const char *reason, unsigned refuse_code, int64_t now_ms);

/* turn_restart.c */
void mt_turn_restart_pump(mt_turn *t, int64_t now_ms);
int64_t mt_turn_restart_pump_ms(const mt_turn *t);
void mt_turn_restart_reset(mt_turn *t, int64_t now_ms);
void mt_turn_restart_call_lost(mt_turn *t);

/* turn_conduct.c */
void mt_turn_conduct_pump(mt_turn *t, int64_t now_ms);
int64_t mt_turn_conduct_pump_ms(const mt_turn *t);
int64_t mt_turn_conduct_holds_until_ms(const mt_turn *t); /* INT64_MIN: nothing holds the next draw back */
void mt_turn_conduct_fail_all(mt_turn *t);

bool mt_turn_is_uncalled(const mt_turn *t); /* drawn as the callee, and nobody has called yet */
void mt_turn_uncalled(mt_turn *t, const mt_turn_me *me, int64_t now_ms);

/* turn_phone.c */
void mt_turn_phone_watch(mt_turn *t, int64_t now_ms); /* asks anew; an answer under way is of before */
void mt_turn_phone_pump(mt_turn *t, int64_t now_ms);
int64_t mt_turn_phone_pump_ms(const mt_turn *t);

#endif
