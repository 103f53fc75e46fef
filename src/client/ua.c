#include "client/ua.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/secret.h"
#include "client/ua_priv.h"

static unsigned lingering;

unsigned mt_ua_lingering(void) {
    return lingering;
}

/* Registration */

static void drop_retry(mt_ua *ua) {
    if (ua->retry == NULL)
        return;
    g_source_destroy(ua->retry);
    g_source_unref(ua->retry);
    ua->retry = NULL;
}

/* Also repeats a REGISTER whose challenge nua did not take up by itself: the handle has the credentials now. */
static void send_register(mt_ua *ua) {
    char expires[16];
    (void)snprintf(expires, sizeof expires, "%u", ua->expires_s);
    ua->asking = true;
    nua_register(ua->reg_nh, NUTAG_REGISTRAR(URL_STRING_MAKE(ua->domain)), SIPTAG_TO_STR(ua->uri),
                 SIPTAG_FROM_STR(ua->uri), SIPTAG_EXPIRES_STR(expires), TAG_END());
}

static void begin_register(mt_ua *ua) {
    if (ua->reg_nh != NULL)
        nua_handle_destroy(ua->reg_nh);
    ua->reg_nh = nua_handle(ua->nua, NULL, NUTAG_URL(URL_STRING_MAKE(ua->domain)), SIPTAG_TO_STR(ua->uri),
                            SIPTAG_FROM_STR(ua->uri), TAG_END());
    ua->challenged = false;
    if (ua->reg_nh == NULL) {
        mt_log(MT_LOG_ERROR, "sip", "no memory for the registration");
        return;
    }
    send_register(ua);
}

void mt_ua_register_now(mt_ua *ua) {
    if (ua->reg == MT_UA_REG_OFF || ua->reg == MT_UA_REG_LEAVING)
        return;
    bool waiting = ua->retry != NULL;
    drop_retry(ua);
    ua->restarts = 0;
    if (waiting)
        begin_register(ua);
    else
        send_register(ua);
}

static gboolean on_retry(gpointer data) {
    mt_ua_register_now(data);
    return G_SOURCE_REMOVE;
}

static void retry_in(mt_ua *ua, uint32_t delay_ms) {
    drop_retry(ua);
    ua->retry = g_timeout_source_new(delay_ms);
    g_source_set_callback(ua->retry, on_retry, ua, NULL);
    (void)g_source_attach(ua->retry, ua->main);
}

static void schedule_retry(mt_ua *ua) {
    uint32_t delay_ms = ua->retries < 4 ? (uint32_t)MT_UA_RETRY_MIN_MS << ua->retries : MT_UA_RETRY_MAX_MS;
    ua->retries++;
    retry_in(ua, delay_ms * 3 / 4 + mt_random_below(mt_random_kernel(), delay_ms / 4 + 1));
}

static void register_failed(mt_ua *ua, unsigned code) {
    bool denied = code == 401 || code == 403 || code == 404 || code == 407;
    if (ua->renewing && !denied) {
        ua->renewing = false;
        retry_in(ua, MT_UA_RENEW_MS);
        return;
    }
    ua->reg = denied ? MT_UA_REG_OFF : MT_UA_REG_TRYING;
    mt_log(MT_LOG_WARN, "sip", code != 0 ? "registration refused: %u" : "registration not answered", code);
    if (!denied)
        schedule_retry(ua);
    if (ua->ev.register_failed != NULL)
        ua->ev.register_failed(ua->ctx, code);
}

static bool understands(msg_auth_t const *challenge, const char *realm, char **scheme) {
    char const *theirs = msg_header_find_param(challenge->au_common, "realm=");
    if (theirs == NULL || g_ascii_strcasecmp(challenge->au_scheme, "Digest") != 0)
        return false;
    size_t len = strlen(realm);
    if (theirs[0] != '"' || strlen(theirs) != len + 2 || strncmp(theirs + 1, realm, len) != 0)
        return false;
    *scheme = g_strdup_printf("Digest:%s", theirs);
    return true;
}

bool mt_ua_is_stale(int status, sip_t const *sip) {
    if (sip == NULL)
        return false;
    msg_auth_t const *a = status == 401 ? sip->sip_www_authenticate : sip->sip_proxy_authenticate;
    char const *stale = a != NULL ? msg_header_find_param(a->au_common, "stale=") : NULL;
    return stale != NULL && (g_ascii_strcasecmp(stale, "true") == 0 || g_ascii_strcasecmp(stale, "\"true\"") == 0);
}

bool mt_ua_authenticate(mt_ua *ua, nua_handle_t *nh, int status, sip_t const *sip) {
    if (sip == NULL)
        return false;
    msg_auth_t const *a = status == 401 ? sip->sip_www_authenticate : sip->sip_proxy_authenticate;
    char *scheme = NULL;
    while (a != NULL && !understands(a, ua->realm, &scheme)) /* a foreign realm never gets a digest of the password */
        a = a->au_next;
    if (scheme == NULL)
        return false;
    char *auth = g_strdup_printf("%s:%s:%s", scheme, ua->username, ua->password);
    nua_authenticate(nh, NUTAG_AUTH(auth), TAG_END());
    mt_wipe(auth, strlen(auth));
    g_free(auth);
    g_free(scheme);
    return true;
}

/* nua takes one challenge a request. A second one is in order only because the nonce grew old. */
static void on_challenge(mt_ua *ua, int status, sip_t const *sip) {
    bool first = !ua->challenged;
    ua->challenged = true;
    if (first && mt_ua_authenticate(ua, ua->reg_nh, status, sip))
        return;
    if (!first && ua->restarts++ < MT_UA_MAX_RESTARTS && mt_ua_is_stale(status, sip))
        begin_register(ua);
    else
        register_failed(ua, (unsigned)status);
}

static void on_register(mt_ua *ua, int status, sip_t const *sip) {
    if (status < 200 || ua->reg == MT_UA_REG_OFF || ua->reg == MT_UA_REG_LEAVING)
        return;
    if (status == 401 || status == 407) {
        on_challenge(ua, status, sip);
        return;
    }
    ua->asking = false;
    if (status >= 700) /* nua's own: its second try with these credentials was challenged too */
        status = 401;
    if (status >= 300) {
        register_failed(ua, sip != NULL || status == 401 ? (unsigned)status : 0);
        return;
    }
    mt_log(ua->reg == MT_UA_REG_ON ? MT_LOG_DEBUG : MT_LOG_INFO, "sip", "registered");
    ua->reg = MT_UA_REG_ON;
    ua->renewing = false;
    ua->retries = ua->restarts = 0;
    ua->challenged = false;
    if (ua->ev.registered != NULL)
        ua->ev.registered(ua->ctx);
}

static void on_unregister(mt_ua *ua, int status, sip_t const *sip) {
    if (status < 200 || ua->reg != MT_UA_REG_LEAVING)
        return;
    bool first = !ua->challenged;
    if ((status == 401 || status == 407) && first && mt_ua_authenticate(ua, ua->reg_nh, status, sip)) {
        ua->challenged = true;
        return;
    }
    ua->reg = MT_UA_REG_OFF;
    mt_log(MT_LOG_INFO, "sip", "unregistered");
    if (ua->ev.unregistered != NULL)
        ua->ev.unregistered(ua->ctx);
}

void mt_ua_unregister(mt_ua *ua) {
    drop_retry(ua);
    ua->reg = MT_UA_REG_LEAVING;
    ua->challenged = false;
    if (ua->reg_nh != NULL)
        nua_unregister(ua->reg_nh, TAG_END());
}

/* nua restarts a challenged request by itself unless it stumbled over one of several challenges (a second one for an
 * algorithm it does not know): 202 tells that nothing was restarted, and the request is repeated from here, with the
 * credentials it has by now. */
static void on_authenticated(mt_ua *ua, nua_handle_t *nh, int status) {
    if (status != 202 || nh != ua->reg_nh)
        return;
    if (ua->reg == MT_UA_REG_LEAVING)
        nua_unregister(ua->reg_nh, TAG_END());
    else if (ua->reg != MT_UA_REG_OFF)
        send_register(ua);
}

/* Life */

static void free_ua(mt_ua *ua) {
    mt_ua_flow_end(ua);
    g_main_context_unref(ua->main);
    mt_wipe(ua->password, strlen(ua->password));
    g_free(ua->uri);
    g_free(ua->username);
    g_free(ua->realm);
    g_free(ua->password);
    g_free(ua->domain);
    g_free(ua->proxy);
    g_free(ua);
}

static gboolean finish(gpointer data) {
    mt_ua *ua = data;
    MT_LIST_FOREACH_SAFE(it, &ua->calls) {
        mt_ua_call_free(MT_CONTAINER(it, mt_ua_call, node));
    }
    if (ua->reg_nh != NULL)
        nua_handle_destroy(ua->reg_nh);
    nua_destroy(ua->nua);
    su_root_destroy(ua->root);
    free_ua(ua);
    lingering--;
    return G_SOURCE_REMOVE;
}

/* Not from within nua's own callback. */
static void finish_later(mt_ua *ua) {
    GSource *s = g_idle_source_new();
    g_source_set_callback(s, finish, ua, NULL);
    (void)g_source_attach(s, ua->main);
    g_source_unref(s);
}

static void on_event(nua_event_t event, int status, char const *phrase, nua_t *nua, nua_magic_t *ua, nua_handle_t *nh,
                     nua_hmagic_t *call, sip_t const *sip, tagi_t tags[]) {
    mt_log(MT_LOG_DEBUG, "sip", "%s %d %s", nua_event_name(event), status, phrase != NULL ? phrase : "");
    if (event == nua_r_shutdown) {
        if (status >= 200)
            finish_later(ua);
        return;
    }
    if (ua->destroyed) {
        if (event == nua_i_invite && call == NULL)
            nua_respond(nh, SIP_480_TEMPORARILY_UNAVAILABLE, TAG_END());
        return;
    }
    if (call != NULL)
        mt_ua_call_event(ua, call, event, status, sip, tags);
    else if (event == nua_i_invite)
        mt_ua_call_incoming(ua, nh, sip);
    else if (event == nua_r_register && nh == ua->reg_nh)
        on_register(ua, status, sip);
    else if (event == nua_r_unregister && nh == ua->reg_nh)
        on_unregister(ua, status, sip);
    else if (event == nua_r_authenticate)
        on_authenticated(ua, nh, status);
}

/* PONG2PING is off: it takes two pongs in a row for a ping, and its answer, a lone CRLF, for the beginning of a
 * message. */
static nua_t *make_nua(mt_ua *ua, char *bind_url) {
    return nua_create(
        ua->root, on_event, ua, NUTAG_URL(URL_STRING_MAKE(bind_url)), NUTAG_PROXY(URL_STRING_MAKE(ua->proxy)),
        NUTAG_MEDIA_ENABLE(0), NUTAG_AUTOACK(0), NUTAG_AUTOALERT(0), NUTAG_AUTOANSWER(0), NUTAG_ENABLEMESSAGE(0),
        NUTAG_SESSION_TIMER(0), NUTAG_MIN_SE(90), NUTAG_AUTO302(0), NUTAG_AUTO305(0), NUTAG_RETRY_COUNT(1),
        NUTAG_OUTBOUND("no-outbound no-validate no-options-keepalive no-natify"),
        NUTAG_DETECT_NETWORK_UPDATES(NUA_NW_DETECT_NOTHING), SIPTAG_USER_AGENT_STR("myturn"), SIPTAG_SUPPORTED_STR(""),
        SIPTAG_ALLOW_STR("INVITE, ACK, CANCEL, BYE, OPTIONS"), NTATAG_UDP_MTU(65535), TPTAG_KEEPALIVE(ua->keepalive_ms),
        TPTAG_PINGPONG(MT_UA_PONG_MS), TPTAG_PONG2PING(0), TPTAG_STUN_SERVER(0), TAG_END());
}

static void quiet_logger(void *stream, char const *fmt, va_list ap) {
    (void)stream, (void)fmt, (void)ap; /* its lines name users and addresses */
}

/* When the process ends, sofia-sip deletes the thread-specific key of its random numbers, also if it never made one:
   then it is key 0 that goes, which is somebody else's, and a thread of GLib that still runs aborts. So it makes its
   own as soon as it is loaded. */
__attribute__((constructor)) static void own_key(void) {
    (void)su_random64();
}

static mt_err start(mt_ua *ua, const mt_ua_account *account) {
    char local[MT_ADDR_STRLEN];
    mt_err err = mt_addr_parse(mt_slice_of(account->server), &ua->server);
    if (err == MT_OK)
        err = mt_ua_local_address(account->server, local);
    if (err != MT_OK)
        return err == MT_ESYS ? err : MT_EINVAL;
    static gsize once;
    if (g_once_init_enter(&once)) {
        su_init();
        su_log_redirect(NULL, quiet_logger, NULL);
        g_once_init_leave(&once, 1);
    }
    const char *transport = account->udp ? "udp" : "tcp";
    bool v6 = strchr(local, ':') != NULL;
    char bind_url[128];
    (void)snprintf(bind_url, sizeof bind_url, v6 ? "sip:[%s]:*;transport=%s" : "sip:%s:*;transport=%s", local,
                   transport);
    ua->proxy = g_strdup_printf("sip:%s;transport=%s;lr", account->server, transport);
    ua->root = su_glib_root_create(NULL);
    if (ua->root == NULL)
        return MT_ENOMEM;
    (void)su_root_threading(ua->root, 0);
    GSource *source = su_glib_root_gsource(ua->root);
    if (source != NULL)
        (void)g_source_attach(source, ua->main);
    mt_ua_flow_begin(ua, account->udp);
    ua->nua = make_nua(ua, bind_url);
    mt_ua_flow_find(ua);
    if (ua->nua == NULL) {
        mt_log(MT_LOG_WARN, "sip", "the user agent could not be started");
        su_root_destroy(ua->root);
        return MT_ESYS;
    }
    return MT_OK;
}

mt_err mt_ua_create(const mt_ua_account *account, const mt_ua_events *events, void *ctx, mt_ua **out) {
    const char *at = strrchr(account->uri, '@');
    if (at == NULL || strncmp(account->uri, "sip:", 4) != 0)
        return MT_EINVAL;
    mt_ua *ua = g_new0(mt_ua, 1);
    ua->udp_fd = ua->far_end = -1;
    ua->ev = *events;
    ua->ctx = ctx;
    ua->main = g_main_context_ref_thread_default();
    ua->uri = g_strdup(account->uri);
    ua->domain = g_strdup_printf("sip:%s", at + 1);
    ua->username = g_strdup(account->username);
    ua->realm = g_strdup(account->realm);
    ua->password = g_strdup(account->password);
    ua->expires_s = account->expires_s != 0 ? account->expires_s : MT_UA_EXPIRES_S;
    ua->keepalive_ms = account->keepalive_ms != 0 ? account->keepalive_ms : MT_UA_KEEPALIVE_MS;
    mt_list_init(&ua->calls);
    mt_err err = start(ua, account);
    if (err != MT_OK) {
        free_ua(ua);
        return err;
    }
    ua->reg = MT_UA_REG_TRYING;
    begin_register(ua);
    *out = ua;
    return MT_OK;
}

void mt_ua_destroy(mt_ua *ua) {
    if (ua == NULL)
        return;
    ua->destroyed = true;
    lingering++;
    drop_retry(ua);
    MT_LIST_FOREACH_SAFE(it, &ua->calls) {
        mt_ua_call_free(MT_CONTAINER(it, mt_ua_call, node));
    }
    if (ua->reg_nh != NULL)
        nua_handle_destroy(ua->reg_nh);
    if (ua->poke_nh != NULL)
        nua_handle_destroy(ua->poke_nh);
    ua->reg_nh = ua->poke_nh = NULL;
    nua_shutdown(ua->nua);
}
