/* The public calls of libmyturn, but making and freeing a client. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "client/client_priv.h"

static myturn_err outcome(myturn_client *c, mt_err err) {
    if (err == MT_OK)
        mt_client_act(c);
    if (err == MT_OK)
        return MYTURN_OK;
    if (err == MT_ELIMIT)
        return MYTURN_ERR_BUSY;
    return err == MT_EINVAL ? MYTURN_ERR_ARGUMENT : MYTURN_ERR_STATE;
}

myturn_err myturn_login(myturn_client *c, const char *name) {
    if (name == NULL || !mt_text_is_utf8(mt_slice_of(name)))
        return MYTURN_ERR_ARGUMENT;
    return outcome(c, mt_turn_login(c->turn, name, mt_clock_ms()));
}

myturn_err myturn_logout(myturn_client *c) {
    mt_client_test_stop(c);
    return outcome(c, mt_turn_logout(c->turn, mt_clock_ms()));
}
myturn_err myturn_ready(myturn_client *c) {
    return outcome(c, mt_turn_ready(c->turn, mt_clock_ms()));
}
myturn_err myturn_cancel(myturn_client *c) {
    return outcome(c, mt_turn_cancel(c->turn, mt_clock_ms()));
}
myturn_err myturn_hangup(myturn_client *c) {
    return outcome(c, mt_turn_hangup(c->turn, mt_clock_ms()));
}
myturn_err myturn_next(myturn_client *c) {
    return outcome(c, mt_turn_next(c->turn, mt_clock_ms()));
}
myturn_state myturn_get_state(const myturn_client *c) {
    return mt_turn_state(c->turn);
}

static bool is_talking(const myturn_client *c) {
    myturn_state s = mt_turn_state(c->turn);
    return (s == MYTURN_TALKING || s == MYTURN_RECONNECTING) && c->link != NULL;
}

static bool has_voice(const myturn_client *c) {
    return is_talking(c) || (mt_turn_state(c->turn) == MYTURN_TALKING && c->plain != NULL);
}

myturn_err myturn_text(myturn_client *c, const char *text) {
    size_t count = 0;
    if (text == NULL || text[0] == '\0' || mt_text_count(mt_slice_of(text), &count) != MT_OK)
        return MYTURN_ERR_ARGUMENT;
    if (count > MYTURN_TEXT_MAX)
        return MYTURN_ERR_TOO_LONG;
    if (!is_talking(c))
        return MYTURN_ERR_STATE;
    switch (mt_link_text(c->link->link, mt_slice_of(text))) {
    case MT_OK:
        return MYTURN_OK;
    case MT_ELIMIT:
        return MYTURN_ERR_BUSY;
    case MT_EBAD:
        return MYTURN_ERR_ARGUMENT;
    case MT_ENOMEM:
        return MYTURN_ERR_MEMORY;
    default:
        return MYTURN_ERR_STATE;
    }
}

myturn_err myturn_typing(myturn_client *c, bool on) {
    if (!is_talking(c))
        return MYTURN_ERR_STATE;
    mt_err err = mt_link_typing(c->link->link, on);
    return err == MT_OK ? MYTURN_OK : err == MT_ELIMIT ? MYTURN_ERR_BUSY : MYTURN_ERR_STATE;
}

myturn_err myturn_mic(myturn_client *c, bool on) {
    if (!has_voice(c))
        return MYTURN_ERR_STATE;
    mt_err err = mt_client_mic(c, on);
    return err == MT_OK ? MYTURN_OK : err == MT_ESTATE ? MYTURN_ERR_STATE : MYTURN_ERR_SYSTEM;
}

/* Partners that were met, and what the user thinks of them */

myturn_err myturn_block(myturn_client *c) {
    return outcome(c, mt_turn_block(c->turn, mt_clock_ms()));
}

myturn_err myturn_report(myturn_client *c, const char *reason, const char *note) {
    size_t count = 0;
    if (reason == NULL || (note != NULL && mt_text_count(mt_slice_of(note), &count) != MT_OK))
        return MYTURN_ERR_ARGUMENT;
    if (count > MYTURN_NOTE_MAX)
        return MYTURN_ERR_TOO_LONG;
    return outcome(c, mt_turn_report_partner(c->turn, reason, note, mt_clock_ms()));
}

/* Choices */

/* Plain RTP knows no relay: whoever hides his address is not drawn for it. */
void mt_client_offer_policies(myturn_client *c) {
    unsigned policies = c->policies;
    if (c->relay_only || c->sip.relay_only)
        policies &= ~(unsigned)MYTURN_RTP;
    mt_api_set_policies(c->api, policies != 0 ? policies : MYTURN_GCM);
}

enum { KNOWN_POLICIES = MYTURN_GCM | MYTURN_CBC | MYTURN_RTP };

myturn_err myturn_set_policies(myturn_client *c, unsigned policies) {
    if (policies == 0 || (policies & ~(unsigned)KNOWN_POLICIES) != 0)
        return MYTURN_ERR_ARGUMENT;
    if (c->phone)
        return MYTURN_ERR_STATE;
    c->policies = policies;
    mt_client_offer_policies(c);
    return MYTURN_OK;
}

myturn_err myturn_set_relay_only(myturn_client *c, bool on) {
    c->relay_only = on;
    mt_client_offer_policies(c);
    return MYTURN_OK;
}

/* Without a client */

typedef struct device_ctx {
    myturn_device_fn *fn;
    void *ctx;
} device_ctx;

static void on_device(void *ctx, bool mic, const char *name, const char *label) {
    const device_ctx *d = ctx;
    d->fn(d->ctx, mic, name, label);
}

myturn_err myturn_list_devices(myturn_device_fn *fn, void *ctx) {
    device_ctx d = {fn, ctx};
    if (!mt_client_init_libraries())
        return MYTURN_ERR_SYSTEM;
    return mt_audio_devices(on_device, &d) == MT_OK ? MYTURN_OK : MYTURN_ERR_SYSTEM;
}

myturn_err myturn_log(int fd, const char *level, bool names) {
    mt_log_level l = MT_LOG_INFO;
    if (level == NULL || mt_log_level_parse(level, &l) != MT_OK)
        return MYTURN_ERR_ARGUMENT;
    mt_log_setup(fd, l, names);
    return MYTURN_OK;
}
