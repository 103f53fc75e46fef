/* The user agent's calls. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "client/turn.h"
#include "client/ua_priv.h"

mt_ua_call *mt_ua_call_find(const mt_ua *ua, uint32_t id) {
    MT_LIST_FOREACH(it, &ua->calls) {
        mt_ua_call *c = MT_CONTAINER(it, mt_ua_call, node);
        if (c->id == id)
            return c;
    }
    return NULL;
}

static mt_ua_call *add(mt_ua *ua, uint32_t id) {
    mt_ua_call *c = g_new0(mt_ua_call, 1);
    c->ua = ua;
    c->id = id;
    mt_list_append(&ua->calls, &c->node);
    return c;
}

void mt_ua_call_free(mt_ua_call *c) {
    mt_list_remove(&c->node);
    if (c->nh != NULL) {
        nua_handle_bind(c->nh, NULL);
        nua_handle_destroy(c->nh); /* hangs up what is still up */
    }
    g_free(c->remote_sdp);
    g_free(c->local_sdp);
    g_free(c->reoffer);
    g_free(c->offered);
    g_free(c->url);
    g_free(c);
}

/* The owner hears of the end once. */
static void tell_failed(mt_ua_call *c, unsigned code) {
    if (c->silent)
        return;
    c->silent = true;
    if (c->ua->ev.failed != NULL)
        c->ua->ev.failed(c->ua->ctx, c->id, code);
}

static void tell_ended(mt_ua_call *c, bool by_server) {
    if (c->silent)
        return;
    c->silent = true;
    if (c->ua->ev.ended != NULL)
        c->ua->ev.ended(c->ua->ctx, c->id, by_server);
}

static void tell_up(mt_ua_call *c) {
    if (c->up)
        return;
    c->up = true;
    mt_log(MT_LOG_INFO, "sip", "call up");
    if (!c->silent && c->ua->ev.up != NULL)
        c->ua->ev.up(c->ua->ctx, c->id);
}

char *mt_ua_take_sdp(sip_t const *sip) {
    if (sip == NULL || sip->sip_payload == NULL || sip->sip_content_type == NULL)
        return NULL;
    const char *type = sip->sip_content_type->c_type;
    size_t len = sip->sip_payload->pl_len;
    if (type == NULL || g_ascii_strcasecmp(type, "application/sdp") != 0 || len == 0 || len > MT_UA_SDP_MAX)
        return NULL;
    if (memchr(sip->sip_payload->pl_data, '\0', len) != NULL)
        return NULL;
    return g_strndup(sip->sip_payload->pl_data, len);
}

/* Outgoing */

static void send_invite(mt_ua_call *c) {
    nua_invite(c->nh, NUTAG_URL(URL_STRING_MAKE(c->url)), SIPTAG_TO_STR(c->url), SIPTAG_FROM_STR(c->ua->uri),
               SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(c->local_sdp), TAG_END());
}

static bool begin_invite(mt_ua_call *c) {
    c->nh = nua_handle(c->ua->nua, c, NUTAG_URL(URL_STRING_MAKE(c->url)), SIPTAG_TO_STR(c->url),
                       SIPTAG_FROM_STR(c->ua->uri), TAG_END());
    if (c->nh == NULL)
        return false;
    send_invite(c);
    return true;
}

mt_err mt_ua_dial(mt_ua *ua, uint32_t call, uint32_t exten, const char *sdp) {
    if (mt_ua_call_find(ua, call) != NULL)
        return MT_EEXIST;
    mt_ua_call *c = add(ua, call);
    c->url = g_strdup_printf("sip:%u@%s", (unsigned)exten, strchr(ua->domain, ':') + 1);
    c->local_sdp = g_strdup(sdp);
    mt_log(MT_LOG_INFO, "sip", "calling");
    if (begin_invite(c))
        return MT_OK;
    mt_ua_call_free(c);
    return MT_ENOMEM;
}

/* nua takes one challenge a request. A second one is in order only because the nonce grew old: then the call begins
 * afresh. */
static void on_challenge(mt_ua_call *c, int status, sip_t const *sip) {
    bool first = !c->challenged;
    c->challenged = true;
    if (!c->silent && first && mt_ua_authenticate(c->ua, c->nh, status, sip)) {
        c->authenticating = true;
        return;
    }
    if (!c->silent && !first && c->restarts++ < MT_UA_MAX_RESTARTS && mt_ua_is_stale(status, sip)) {
        nua_handle_bind(c->nh, NULL);
        nua_handle_destroy(c->nh);
        c->authenticating = c->challenged = false;
        if (begin_invite(c))
            return;
    }
    tell_failed(c, (unsigned)status);
    mt_ua_call_free(c);
}

/* 202: nua did not take the challenge up by itself, see ua.c. */
static void on_authenticated(mt_ua_call *c, int status) {
    c->authenticating = false;
    if (status != 202)
        return;
    if (c->silent)
        mt_ua_call_free(c);
    else if (c->reoffer != NULL)
        mt_ua_send_reinvite(c);
    else
        send_invite(c);
}

/* An answer that sofia-sip made for want of one was never parsed. */
static bool is_own(sip_t const *sip) {
    return sip == NULL || (sip->sip_flags & MSG_FLG_COMPLETE) == 0;
}

static void on_invite_answer(mt_ua_call *c, int status, sip_t const *sip) {
    if (status == 401 || status == 407) {
        on_challenge(c, status, sip);
        return;
    }
    c->authenticating = false; /* nua took the challenge up by itself */
    if (status < 200) {
        mt_log(MT_LOG_DEBUG, "sip", "provisional answer %d", status);
        if (status >= 180 && !c->silent && c->ua->ev.ringing != NULL)
            c->ua->ev.ringing(c->ua->ctx, c->id);
        return;
    }
    if (status >= 700) /* nua's own: the credentials were challenged twice */
        status = 401;
    else if (status >= 500 && is_own(sip)) /* also its own: there is no way to the server */
        status = 408;
    if (status >= 300) {
        mt_log(MT_LOG_INFO, "sip", "call failed: %d", status);
        tell_failed(c, (unsigned)status);
        return; /* freed when nua says terminated */
    }
    nua_ack(c->nh, TAG_END());
    if (c->silent) { /* it crossed our CANCEL */
        nua_bye(c->nh, TAG_END());
        return;
    }
    if (c->up)
        return;
    g_free(c->remote_sdp);
    c->remote_sdp = mt_ua_take_sdp(sip);
    tell_up(c);
}

/* Incoming */

static char *from_user(sip_t const *sip) {
    const char *user = sip != NULL && sip->sip_from != NULL ? sip->sip_from->a_url->url_user : NULL;
    char *plain = g_uri_unescape_string(user != NULL ? user : "", NULL);
    return plain != NULL ? plain : g_strdup("");
}

void mt_ua_call_incoming(mt_ua *ua, nua_handle_t *nh, sip_t const *sip) {
    ua->last_in = (ua->last_in + 1) & ~MT_TURN_CALL_IN;
    mt_ua_call *c = add(ua, ua->last_in | MT_TURN_CALL_IN);
    c->incoming = true;
    c->nh = nh;
    nua_handle_bind(nh, c);
    c->remote_sdp = mt_ua_take_sdp(sip);
    if (c->remote_sdp == NULL) {
        mt_log(MT_LOG_WARN, "sip", "call without SDP refused");
        c->silent = true;
        nua_respond(nh, SIP_488_NOT_ACCEPTABLE, TAG_END());
        return;
    }
    mt_log(MT_LOG_INFO, "sip", "called");
    nua_respond(nh, SIP_180_RINGING, TAG_END());
    char *from = from_user(sip);
    if (ua->ev.incoming != NULL)
        ua->ev.incoming(ua->ctx, c->id, from);
    g_free(from);
}

void mt_ua_respond_sdp(mt_ua_call *c) {
    nua_respond(c->nh, SIP_200_OK, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(c->local_sdp),
                TAG_END());
}

mt_err mt_ua_answer(mt_ua *ua, uint32_t call, const char *sdp) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c == NULL || c->silent || c->answered)
        return MT_ENOENT;
    c->answered = true;
    c->local_sdp = g_strdup(sdp);
    mt_ua_respond_sdp(c);
    return MT_OK;
}

void mt_ua_refuse(mt_ua *ua, uint32_t call, unsigned code) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c == NULL || c->silent)
        return;
    if (c->answered || !c->incoming) {
        mt_ua_hangup(ua, call);
        return;
    }
    c->silent = true;
    nua_respond(c->nh, (int)code, sip_status_phrase((int)code), TAG_END());
}

void mt_ua_hangup(mt_ua *ua, uint32_t call) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c == NULL || c->silent)
        return;
    c->silent = true;
    if (c->up || c->answered)
        nua_bye(c->nh, TAG_END());
    else if (c->incoming)
        nua_respond(c->nh, SIP_480_TEMPORARILY_UNAVAILABLE, TAG_END());
    else
        nua_cancel(c->nh, TAG_END());
}

const char *mt_ua_remote_sdp(const mt_ua *ua, uint32_t call) {
    const mt_ua_call *c = mt_ua_call_find(ua, call);
    return c != NULL ? c->remote_sdp : NULL;
}

static int call_state(tagi_t tags[]) {
    int state = nua_callstate_init;
    (void)tl_gets(tags, NUTAG_CALLSTATE_REF(state), TAG_END());
    return state;
}

/* Reason (RFC 3326) with a cause of 5xx. What the partner said of that kind does not pass the server. */
static bool says_server(sip_t const *sip) {
    const sip_reason_t *r = sip != NULL ? sip->sip_reason : NULL;
    return r != NULL && r->re_protocol != NULL && g_ascii_strcasecmp(r->re_protocol, "SIP") == 0 &&
           r->re_cause != NULL && r->re_cause[0] == '5' && strlen(r->re_cause) == 3;
}

void mt_ua_call_event(mt_ua *ua, mt_ua_call *c, nua_event_t event, int status, sip_t const *sip, tagi_t tags[]) {
    switch (event) {
    case nua_r_invite:
        if (c->reoffer != NULL)
            mt_ua_on_reinvite_answer(c, status, sip);
        else
            on_invite_answer(c, status, sip);
        break;
    case nua_i_invite:
        mt_ua_on_reinvite(c, sip);
        break;
    case nua_i_ack:
        tell_up(c);
        break;
    case nua_i_cancel:
        if (!c->up)
            tell_ended(c, false);
        g_clear_pointer(&c->offered, g_free); /* only an offer within the call, answered or not: the call goes on */
        break;
    case nua_i_bye:
        tell_ended(c, says_server(sip));
        break;
    case nua_r_authenticate:
        on_authenticated(c, status);
        break;
    case nua_i_state:
        if (call_state(tags) != nua_callstate_terminated || c->authenticating)
            break;
        tell_failed(c, c->up ? 408 : 480);
        mt_ua_call_free(c);
        break;
    default:
        break;
    }
}
