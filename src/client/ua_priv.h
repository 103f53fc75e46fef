/* The inside of the user agent: ua.c has life and registration, ua_call.c the calls. */
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
#include <sofia-sip/tport_tag.h>

#include "base/list.h"
#include "client/ua.h"

enum {
    MT_UA_EXPIRES_S = 300,
    MT_UA_MAX_RESTARTS = 3, /* in a row: the password is wrong */
    MT_UA_RETRY_MIN_MS = 500,
    MT_UA_RETRY_MAX_MS = 5000,
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
    char *remote_sdp, *local_sdp, *url;
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
    nua_handle_t *reg_nh;
    mt_ua_reg reg;
    bool challenged;
    unsigned restarts, retries;
    GSource *retry;

    mt_list calls;
    uint32_t last_in;
};

void mt_ua_call_event(mt_ua *ua, mt_ua_call *c, nua_event_t event, int status, sip_t const *sip, tagi_t tags[]);
void mt_ua_call_incoming(mt_ua *ua, nua_handle_t *nh, sip_t const *sip);
void mt_ua_call_free(mt_ua_call *c);
/* Gives the credentials for the challenge to the handle; false: none that is understood. */
bool mt_ua_authenticate(mt_ua *ua, nua_handle_t *nh, int status, sip_t const *sip);

bool mt_ua_is_stale(int status, sip_t const *sip);

#endif
