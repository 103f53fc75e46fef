/* The inside of asterisk*.c: asterisk.c has the connection and life, asterisk_run.c the commands, asterisk_sync.c the
 * files and what Asterisk knows of them, asterisk_login.c logins, asterisk_calls.c events, asterisk_link.c the offers
 * and answers of links, asterisk_store.c the disk. */
#ifndef MT_SERVER_ASTERISK_INT_H
#define MT_SERVER_ASTERISK_INT_H

#include "net/process.h"
#include "net/stream.h"
#include "server/asterisk.h"
#include "server/asterisk_ami.h"
#include "server/asterisk_conf.h"
#include "server/server_int.h"
#include "server/web.h"

enum {
    MT_ASTERISK_NAME_BYTES = 160,
    MT_ASTERISK_CHANNEL_BYTES = 200,
    MT_ASTERISK_LOGIN_MS = 3000,
    MT_ASTERISK_COALESCE_MS = 100,
    MT_ASTERISK_CHECK_MS = 40,
    MT_ASTERISK_AGAIN_MS = 2000, /* a reload without effect is repeated */
    MT_ASTERISK_RETRY_MIN_MS = 250,
    MT_ASTERISK_RETRY_MAX_MS = 10000,
    MT_ASTERISK_LINK_MAX = 16384,
};

typedef enum mt_asterisk_kind {
    MT_ASTERISK_RELOAD_SIP,
    MT_ASTERISK_RELOAD_DIALPLAN,
    MT_ASTERISK_IS_PEER,  /* exten: does it know the device? */
    MT_ASTERISK_IS_EXTEN, /* exten: and its number? */
    MT_ASTERISK_IS_GONE,  /* name: does it still know it? */
    MT_ASTERISK_FORGET,   /* name: the registry's entry was deleted */
    MT_ASTERISK_WHERE,    /* exten, query: where is the device? */
    MT_ASTERISK_HANGUP,
} mt_asterisk_kind;

/* A command under way: given to asterisk_answered once, with ok false where it could not be carried out. */
typedef struct mt_asterisk_cmd {
    mt_list link;
    mt_asterisk_kind kind;
    uint32_t id, exten;
    bool shell; /* by "asterisk -rx" */
    struct mt_asterisk_query *query;
    char name[MT_ASTERISK_NAME_BYTES];
    char text[MT_ASTERISK_CHANNEL_BYTES + 64];
} mt_asterisk_cmd;

typedef struct mt_asterisk_query {
    mt_hold hold;
} mt_asterisk_query;

/* Was in the files once, and Asterisk may still know it. */
typedef struct mt_asterisk_gone {
    mt_list link;
    bool sent;  /* a reload was asked for since it left the files */
    bool asked; /* a command about it is under way */
    int64_t since_ms;
    char name[MT_ASTERISK_NAME_BYTES];
} mt_asterisk_gone;

typedef enum mt_asterisk_stage {
    MT_ASTERISK_NEW,   /* to be written */
    MT_ASTERISK_SENT,  /* written, a reload was asked for */
    MT_ASTERISK_KNOWN, /* Asterisk has it */
} mt_asterisk_stage;

struct mt_asterisk_peer {
    mt_list link; /* of fresh or known */
    mt_asterisk *a;
    mt_session *s;
    mt_asterisk_stage stage;
    bool written, clash, has_peer, has_exten;
    unsigned asked; /* answers about it awaited */
    char name[MT_ASTERISK_NAME_BYTES];
    mt_session_secrets secrets; /* the token only until it was told */
    mt_hold login;              /* POST that is answered when it is known */
    bool v1;
    mt_addr addr;
    bool has_addr;
    char channel[MT_ASTERISK_CHANNEL_BYTES]; /* "": no call */
    uint8_t call_pair[MT_PAIR_ID_BYTES];
    /* laid down for the partner */
    char *text; /* NULL: nothing */
    size_t text_len;
    uint32_t text_seq;
    uint8_t text_pair[MT_PAIR_ID_BYTES];
    mt_hold link_hold; /* waits for what the partner lays down */
    uint32_t after;
};

struct mt_asterisk {
    mt_server *srv;
    char *sip_path, *exten_path;
    char secret[128];
    mt_list fresh, known; /* of peers: not yet known to Asterisk, and known */
    mt_list gone;
    /* files and reloads */
    bool serving, dirty, stopping, emptied;
    unsigned reloading; /* answers to reloads awaited */
    bool reload_failed, told_file, told_reload;
    int64_t flushed_ms, retry_ms; /* when written last; after a failure, when it is asked again */
    unsigned failures;
    mt_timer flush_timer, check_timer;
    int64_t reloaded_ms;
    /* the connection */
    mt_stream *stream;
    mt_ami ami;
    bool told_away, ever_up;
    unsigned attempts;
    mt_timer ami_timer, connect_timer;
    /* commands */
    uint32_t last_id;
    mt_list cmds, shell; /* asked by AMI, in order; waiting for "asterisk -rx" */
    mt_process *process;
};

/* asterisk_run.c. Asks by AMI, or by "asterisk -rx" while that is away. The answer comes from the loop, never from
 * within. */
typedef struct mt_asterisk_ask {
    mt_asterisk_kind kind;
    uint32_t exten;
    const char *name;
    mt_asterisk_query *query;
} mt_asterisk_ask;
mt_err mt_asterisk_run(mt_asterisk *a, const mt_asterisk_ask *ask, const char *fmt, ...) MT_MUST_CHECK MT_PRINTF(3, 4);
bool mt_asterisk_line(const mt_asterisk_cmd *cmd, mt_slice *rest, mt_slice *line); /* of the output */
void mt_asterisk_on_answer(mt_asterisk *a, uint32_t id, bool ok, mt_slice text);
void mt_asterisk_drop_commands(mt_asterisk *a, bool shell_too); /* each is answered with failure */

/* asterisk_sync.c */
void mt_asterisk_dirty(mt_asterisk *a); /* the files are to be written, soon */
void mt_asterisk_sync_init(mt_asterisk *a);
mt_err mt_asterisk_empty(mt_asterisk *a) MT_MUST_CHECK; /* at start: what a crash left behind goes */
void mt_asterisk_flush(mt_asterisk *a, int64_t now_ms);
void mt_asterisk_synced(mt_asterisk *a, const mt_asterisk_cmd *cmd, bool ok, mt_slice text);
void mt_asterisk_gone_add(mt_asterisk *a, const char *name, int64_t now_ms);
void mt_asterisk_sync_reset(mt_asterisk *a); /* Asterisk is there anew: all is to be told */

/* asterisk_store.c */
mt_err mt_asterisk_store_read(const char *path, mt_buf *out) MT_MUST_CHECK; /* no such file: empty. MT_ESYS */
mt_err mt_asterisk_store_write(const char *path, mt_slice text) MT_MUST_CHECK;
void mt_asterisk_store_tidy(const char *path); /* a temporary file that a crash left behind */

/* asterisk_login.c */
void mt_asterisk_known(mt_asterisk_peer *p); /* Asterisk has it: the login is answered */
void mt_asterisk_refuse(mt_asterisk_peer *p, mt_web_trouble trouble, int64_t now_ms); /* and the session ends */
void mt_asterisk_where_answered(mt_asterisk *a, const mt_asterisk_cmd *cmd, mt_slice text);
mt_asterisk_peer *mt_asterisk_by_exten(const mt_asterisk *a, uint32_t exten); /* NULL: none */

/* asterisk_calls.c */
void mt_asterisk_event(mt_asterisk *a, mt_slice name, mt_slice text);
void mt_asterisk_hang_up(mt_asterisk_peer *p); /* the call it is in, if any */
void mt_asterisk_device(mt_asterisk_peer *p, const mt_asterisk_cmd *cmd, mt_slice text);

/* asterisk_link.c */
void mt_asterisk_link_drop(mt_asterisk_peer *p, const uint8_t *pair); /* of that pair, or NULL: whatever is there */
void mt_asterisk_link_init(mt_asterisk_peer *p);
void mt_asterisk_release(mt_hold *h, mt_http_req **out); /* the request, no longer held; NULL: none was */

#endif
