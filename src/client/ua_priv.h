/* The inside of the user agent: ua.c has life and registration, ua_call.c the calls, ua_reinvite.c what changes them,
 * ua_flow.c the way to the server. */
#ifndef MT_CLIENT_UA_PRIV_H
#define MT_CLIENT_UA_PRIV_H

#include <glib.h>

typedef struct mt_ua_call mt_ua_call;
#define NUA_MAGIC_T struct mt_ua
#define NUA_HMAGIC_T struct mt_ua_call
#include <sofia-sip/msg_header.h>
#include <sofia-sip/nta_tag.h>
#include <sofia-sip/nua.h>
#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su_glib.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_tag_io.h>
#include <sofia-sip/su_uniqueid.h>
#include <sofia-sip/tport_tag.h>

#include "base/list.h"
#include "client/ua.h"

enum {
    MT_UA_EXPIRES_S = 300,
    MT_UA_MAX_RESTARTS = 3, /* in a row: the password is wrong */
    MT_UA_RETRY_MIN_MS = 500,
    MT_UA_RETRY_MAX_MS = 5000,
    MT_UA_RENEW_MS = 20,        /* sofia-sip has seen by then that a connection is broken */
    MT_UA_KEEPALIVE_MS = 20000, /* CRLF ping on a stream */
    MT_UA_PONG_MS = 10000,      /* without pong the stream is dead */
    MT_UA_SDP_MAX = 16384,
};

typedef enum mt_ua_reg { MT_UA_REG_OFF, MT_UA_REG_TRYING, MT_UA_REG_ON, MT_UA_REG_LEAVING } mt_ua_reg;

struct mt_ua_call {
    mt_list node;
    mt_ua *ua;
    uint32_t id;
    nua_handle_t *nh;
    bool incoming, answered, up;
    bool silent;         /* the owner wants to hear no more of it */
    bool authenticating; /* nua may call the challenged INVITE terminated meanwhile */
    bool challenged;     /* this nua handle was */
    unsigned restarts;
    char *remote_sdp, *local_sdp, *url; /* SDPs in force */
    char *reoffer;                      /* ours, of the re-INVITE under way; NULL: none is */
    bool rechallenged;                  /* that was */
    char *offered;                      /* the partner's, that is to be answered; NULL: none */
};

struct mt_ua {
    mt_ua_events ev;
    void *ctx;
    GMainContext *main;
    su_root_t *root;
    nua_t *nua;
    bool destroyed;

    char *uri, *username, *realm, *password, *domain, *proxy;
    unsigned expires_s, keepalive_ms;
    nua_handle_t *reg_nh, *poke_nh;
    mt_ua_reg reg;
    bool asking; /* a REGISTER is under way */
    bool challenged;
    unsigned restarts, retries;
    GSource *retry;

    mt_addr server;
    int udp_fd;     /* sofia-sip's; -1: TCP, or it is not known */
    GArray *others; /* sockets that are not its; NULL but while it starts */
    bool renewing;  /* a REGISTER that fails at once went into the old flow */
    int far_end;    /* of what stands in the place of a connection that was left; -1: none */

    mt_list calls;
    uint32_t last_in;
};

void mt_ua_call_event(mt_ua *ua, mt_ua_call *c, nua_event_t event, int status, sip_t const *sip, tagi_t tags[]);
void mt_ua_call_incoming(mt_ua *ua, nua_handle_t *nh, sip_t const *sip);
void mt_ua_call_free(mt_ua_call *c);
/* Gives the credentials for the challenge to the handle; false: none that is understood. */
bool mt_ua_authenticate(mt_ua *ua, nua_handle_t *nh, int status, sip_t const *sip);

mt_ua_call *mt_ua_call_find(const mt_ua *ua, uint32_t id);
char *mt_ua_take_sdp(sip_t const *sip); /* NULL: none; g_free */
void mt_ua_respond_sdp(mt_ua_call *c);  /* 200 with what is in force */
void mt_ua_register_now(mt_ua *ua);     /* again, without waiting for anything */

/* ua_reinvite.c */
void mt_ua_on_reinvite(mt_ua_call *c, sip_t const *sip);
void mt_ua_on_reinvite_answer(mt_ua_call *c, int status, sip_t const *sip);
void mt_ua_send_reinvite(mt_ua_call *c);

/* ua_flow.c */
void mt_ua_flow_begin(mt_ua *ua, bool udp); /* before sofia-sip opens its sockets */
void mt_ua_flow_find(mt_ua *ua);            /* and after */
void mt_ua_flow_end(mt_ua *ua);

bool mt_ua_is_stale(int status, sip_t const *sip);

#endif
