/* Offers within a call: a new path for the talk is looked for (docs/protocol/sdp.md, ICE restart). */
#include <string.h>

#include "base/log.h"
#include "client/ua_priv.h"

/* Ours */

void mt_ua_send_reinvite(mt_ua_call *c) {
    nua_invite(c->nh, SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(c->reoffer), TAG_END());
}

mt_err mt_ua_reinvite(mt_ua *ua, uint32_t call, const char *sdp) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c == NULL || c->silent || !c->up)
        return MT_ENOENT;
    if (c->reoffer != NULL || c->offered != NULL)
        return MT_ESTATE;
    c->reoffer = g_strdup(sdp);
    c->rechallenged = false;
    mt_ua_send_reinvite(c);
    return MT_OK;
}

void mt_ua_recancel(mt_ua *ua, uint32_t call) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c != NULL && !c->silent && c->reoffer != NULL)
        nua_cancel(c->nh, TAG_END());
}

static unsigned take_answer(mt_ua_call *c, char *offer, sip_t const *sip) {
    char *answer = mt_ua_take_sdp(sip);
    if (answer == NULL)
        return 488;
    g_free(c->remote_sdp);
    g_free(c->local_sdp);
    c->remote_sdp = answer;
    c->local_sdp = g_strdup(offer);
    return 200;
}

void mt_ua_on_reinvite_answer(mt_ua_call *c, int status, sip_t const *sip) {
    if ((status == 401 || status == 407) && !c->rechallenged) {
        c->rechallenged = true;
        if (mt_ua_authenticate(c->ua, c->nh, status, sip))
            return;
    }
    if (status < 200)
        return;
    char *offer = g_steal_pointer(&c->reoffer);
    unsigned code = status >= 700 ? 401 : (unsigned)status; /* nua's own: the credentials were challenged twice */
    if (status < 300) {
        nua_ack(c->nh, TAG_END());
        code = take_answer(c, offer, sip);
    }
    g_free(offer);
    mt_log(MT_LOG_DEBUG, "sip", "offer within the call: %u", code);
    if (!c->silent && c->ua->ev.reanswered != NULL)
        c->ua->ev.reanswered(c->ua->ctx, c->id, code);
}

/* The partner's */

void mt_ua_on_reinvite(mt_ua_call *c, sip_t const *sip) {
    if (c->local_sdp == NULL || c->silent) {
        nua_respond(c->nh, SIP_488_NOT_ACCEPTABLE, TAG_END());
        return;
    }
    char *sdp = mt_ua_take_sdp(sip);
    bool news = sdp != NULL && (c->remote_sdp == NULL || strcmp(sdp, c->remote_sdp) != 0);
    if (!news || c->ua->ev.reoffered == NULL) {
        g_free(sdp);
        mt_ua_respond_sdp(c);
        return;
    }
    g_free(c->offered);
    c->offered = sdp;
    c->ua->ev.reoffered(c->ua->ctx, c->id);
}

mt_err mt_ua_reanswer(mt_ua *ua, uint32_t call, const char *sdp) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c == NULL || c->silent || c->offered == NULL)
        return MT_ENOENT;
    char *offer = g_steal_pointer(&c->offered);
    if (sdp != NULL) {
        g_free(c->remote_sdp);
        g_free(c->local_sdp);
        c->remote_sdp = g_steal_pointer(&offer);
        c->local_sdp = g_strdup(sdp);
    }
    g_free(offer);
    mt_ua_respond_sdp(c);
    return MT_OK;
}

void mt_ua_rerefuse(mt_ua *ua, uint32_t call, unsigned code) {
    mt_ua_call *c = mt_ua_call_find(ua, call);
    if (c == NULL || c->silent || c->offered == NULL)
        return;
    g_clear_pointer(&c->offered, g_free);
    nua_respond(c->nh, (int)code, sip_status_phrase((int)code), TAG_END());
}

const char *mt_ua_offered_sdp(const mt_ua *ua, uint32_t call) {
    const mt_ua_call *c = mt_ua_call_find(ua, call);
    return c != NULL ? c->offered : NULL;
}
