/* What the server keeps of one login, beside the matchmaker's user: token hash, SIP secrets, lease, held requests.
 * A session is the context of its mt_user and lives exactly as long. */
#ifndef MT_SERVER_SESSION_H
#define MT_SERVER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/timerq.h"
#include "match/conduct.h"
#include "match/match.h"
#include "net/net.h"
#include "server/server.h"

#define MT_SESSION_PASSWORD 22
#define MT_SESSION_LABEL 6

typedef struct mt_session mt_session;

typedef enum mt_hold_kind {
    MT_HOLD_TURN,
    MT_HOLD_ME,
    /* those of asterisk.h */
    MT_HOLD_LOGIN,
    MT_HOLD_LINK,
    MT_HOLD_QUERY,
} mt_hold_kind;

/* A request that is answered later. */
typedef struct mt_hold {
    mt_hold_kind kind;
    mt_session *owner;
    mt_http_req *req; /* NULL: none is held */
    mt_timer timer;
    int64_t due_ms;
    uint32_t wait_s;
    bool preferred; /* the client asked by Prefer: wait */
    bool drawn;     /* turn: it was in a pair when last looked at */
    unsigned links; /* turn: policies */
} mt_hold;

/* Lines on the console within a window of time. */
typedef struct mt_console_quota {
    int64_t since_ms;
    uint32_t shown, hidden;
} mt_console_quota;

typedef struct mt_ha1 {
    uint8_t md5[MT_MD5_BYTES];
    uint8_t sha256[MT_SHA256_BYTES];
} mt_ha1;

enum { MT_HA1_NAME, MT_HA1_ENCODED, MT_HA1_EXTEN, MT_HA1_COUNT }; /* digest usernames that one may use */

/* The partner of the last pair, for a block or report that comes after its end. */
typedef struct mt_session_last {
    bool there, reported, was_up;
    uint8_t pair[MT_PAIR_ID_BYTES];
    uint32_t partner; /* extension; he may be gone */
    uint32_t lasted_s;
    mt_conduct_mark mark;
    char label[MT_SESSION_LABEL + 1];
} mt_session_last;

struct mt_session {
    mt_server *srv;
    mt_user *user;
    mt_map_node by_token;
    uint8_t token_hash[MT_SHA256_BYTES];
    bool has_attempt; /* until he shows that the answer has come */
    uint8_t attempt_hash[MT_SHA256_BYTES];
    mt_ha1 ha1[MT_HA1_COUNT];
    char label[MT_SESSION_LABEL + 1]; /* stands for him in logs */
    mt_console_quota lines;
    mt_addr login_addr, last_addr;
    int64_t last_ms; /* last request, or the end of his last binding */
    mt_timer lease;
    int64_t leave_ms; /* when he is logged out, unless he asks for something before; MT_NEVER */
    bool registered, ever_registered, idle;
    mt_hold turn, me;
    struct mt_asterisk_peer *peer;  /* NULL: the SIP server is the embedded one */
    uint8_t told[MT_PAIR_ID_BYTES]; /* the pair he was last told of */
    bool was_told;
    mt_session_last last;
    int64_t drawn_ms; /* when he was drawn last */
    uint32_t version; /* grows with whatever /v1/me shows */
};

typedef struct mt_session_login {
    mt_slice name;
    const mt_addr *remote;
    const uint8_t *attempt_hash; /* NULL: none */
    bool phone;
} mt_session_login;

/* What is told once and not kept; wipe after use (mt_session_secrets_wipe). */
typedef struct mt_session_secrets {
    char token[44];
    char password[MT_SESSION_PASSWORD + 1];
} mt_session_secrets;
void mt_session_secrets_wipe(mt_session_secrets *s);

/* MT_EBAD: name against the rules. MT_EEXIST: taken. MT_ELIMIT: server full. MT_ENOMEM. */
mt_err mt_session_create(mt_server *srv, const mt_session_login *login, int64_t now_ms, mt_session_secrets *secrets,
                         mt_session **out) MT_MUST_CHECK;
/* Logs out: held requests are answered 401, pair, token and SIP binding go. why is a word for the log. */
void mt_session_end(mt_session *s, mt_pair_end end, const char *why, int64_t now_ms);
/* The same at that time, unless a request of his comes before. */
void mt_session_end_later(mt_session *s, int64_t at_ms);
/* lease_s or first_lease_s is another one: all logins are looked at anew, from the loop. */
void mt_session_leases_changed(mt_server *srv);

mt_session *mt_session_of(const mt_user *u); /* NULL for NULL */
mt_session *mt_session_by_token(const mt_server *srv, mt_slice token);
mt_session *mt_session_by_name(const mt_server *srv, mt_slice raw); /* raw: decoded UTF-8 */
mt_session *mt_session_by_exten(const mt_server *srv, uint32_t exten);
/* Finds by nickname or extension, as SIP names users. */
mt_session *mt_session_by_sip(const mt_server *srv, mt_slice user);

/* It was made by this attempt (NULL: by none), and has not been used since: neither its token nor its SIP password. */
bool mt_session_is_attempt(const mt_session *s, const uint8_t *attempt_hash);
/* A request of his came; a is the address it came from, or NULL if another made it for him. */
void mt_session_touch(mt_session *s, const mt_addr *a, int64_t now_ms);
void mt_session_set_registered(mt_session *s, bool registered, int64_t now_ms);
/* The digest secrets for the username the client used. False: not one of his. */
bool mt_session_ha1(const mt_session *s, mt_slice username, uint8_t md5[MT_MD5_BYTES], uint8_t sha256[MT_SHA256_BYTES]);
/* Those of the link policies that he may have: a phone knows but plain RTP, which there is none of where talks go
 * through relays only. 0: none is left. */
unsigned mt_session_may_link(const mt_session *s, unsigned links);
/* The same of one who names none. */
unsigned mt_session_links(const mt_session *s);
/* Where he is: his SIP binding's address, else that of his last request. */
mt_addr mt_session_addr(const mt_session *s);
/* Something that /v1/me shows has changed. */
void mt_session_changed(mt_session *s);

#endif
