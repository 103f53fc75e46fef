#include "sip/machine.h"

const char *mt_sip_device_str(mt_sip_device device) {
    static const char *const names[] = {"unavailable", "idle", "ringing", "in use"};
    return names[device];
}

static mt_sip_device by_side(const mt_sip_side *side) {
    const mt_sip_call *call = side->call;
    bool caller = side == &call->side[0];
    switch (call->state) {
    case MT_SIP_CALL_PARKED:
        return caller ? MT_SIP_DEVICE_IN_USE : MT_SIP_DEVICE_IDLE;
    case MT_SIP_CALL_CALLING:
        return caller ? MT_SIP_DEVICE_IN_USE : MT_SIP_DEVICE_RINGING;
    case MT_SIP_CALL_UP:
        return MT_SIP_DEVICE_IN_USE;
    case MT_SIP_CALL_ENDED: /* its BYE is on the way */
        break;
    }
    return MT_SIP_DEVICE_IDLE;
}

mt_sip_device mt_sip_server_device(const mt_sip_server *s, mt_sip_user user) {
    const mt_sip_account *a = mt_sip_account_get(s, user);
    if (a == NULL || !a->bound)
        return MT_SIP_DEVICE_UNAVAILABLE;
    mt_sip_device most = MT_SIP_DEVICE_IDLE;
    MT_LIST_FOREACH(it, &a->sides) {
        mt_sip_device one = by_side(MT_CONTAINER(it, mt_sip_side, on_account));
        most = one > most ? one : most;
    }
    return most;
}
