/* What the application is told: queued, and handed over from the main loop only. */
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "client/client_priv.h"

#define STATS_EVERY_S 10

typedef struct mt_client_event {
    myturn_event e;
    char *name, *text, *dtls, *srtp, *contact;
} mt_client_event;

static void free_event(gpointer data) {
    mt_client_event *q = data;
    g_free(q->name);
    g_free(q->text);
    g_free(q->dtls);
    g_free(q->srtp);
    g_free(q->contact);
    g_free(q);
}

static void drop_source(myturn_client *c) {
    if (c->deliver == NULL)
        return;
    g_source_destroy(c->deliver);
    g_source_unref(c->deliver);
    c->deliver = NULL;
}

void mt_client_drop_events(myturn_client *c) {
    drop_source(c);
    g_queue_clear_full(&c->events, free_event);
}

void mt_client_unref(myturn_client *c) {
    if (c->destroyed && c->delivering == 0)
        g_free(c);
}

/* The handler may call anything, also run the loop anew or destroy the client. */
static gboolean on_deliver(gpointer data) {
    myturn_client *c = data;
    drop_source(c);
    c->delivering++;
    mt_client_event *q = NULL;
    while (!c->destroyed && (q = g_queue_pop_head(&c->events)) != NULL) {
        c->fn(c->fn_ctx, &q->e);
        free_event(q);
    }
    c->delivering--;
    mt_client_unref(c);
    return G_SOURCE_REMOVE;
}

void mt_client_tell(myturn_client *c, const myturn_event *e) {
    mt_client_event *q = g_new0(mt_client_event, 1);
    q->e = *e;
    q->e.name = q->name = g_strdup(e->name);
    q->e.text = q->text = g_strdup(e->text);
    q->e.dtls = q->dtls = g_strdup(e->dtls);
    q->e.srtp = q->srtp = g_strdup(e->srtp);
    q->e.contact = q->contact = g_strdup(e->contact);
    g_queue_push_tail(&c->events, q);
    if (c->deliver != NULL)
        return;
    c->deliver = g_idle_source_new();
    g_source_set_priority(c->deliver, G_PRIORITY_DEFAULT);
    g_source_set_callback(c->deliver, on_deliver, c, NULL);
    (void)g_source_attach(c->deliver, c->main);
}

static void add_plain(const myturn_client *c, myturn_event *e) {
    e->policy = "rtp";
    e->dtls = e->srtp = "";
    e->codec = mt_plain_codec_str(mt_plain_agreed(c->plain)->codec);
    e->setup_us = mt_clock_us() - c->drawn_us;
}

static void add_secure(const myturn_client *c, myturn_event *e) {
    if (c->plain != NULL) {
        add_plain(c, e);
        return;
    }
    const mt_link_secure *s = &c->secure;
    e->policy = "gcm";
    e->encrypted = true;
    for (int i = 0; i < 4; i++)
        e->words[i] = s->words[i];
    e->dtls = s->dtls_cipher;
    e->srtp = s->srtp_profile;
    e->codec = s->codec == MT_CODEC_OPUS ? "opus" : "pcm";
    e->policy = mt_link_policy_str(s->policy);
    e->encrypted = true;
    e->relayed = s->path.relayed;
    e->local_candidate = s->path.local;
    e->remote_candidate = s->path.remote;
    e->setup_us = c->secure_us - c->drawn_us;
    e->ice_us = s->ice_us;
    e->dtls_us = s->dtls_us;
    e->channel_us = s->channel_us;
}

static void log_report(const mt_turn_report *r) {
    const char *name = mt_log_names() && r->name[0] != '\0' ? r->name : "-";
    switch (r->kind) {
    case MYTURN_EV_STATE:
        mt_log(MT_LOG_INFO, "turn", "%s", myturn_state_str(r->state));
        break;
    case MYTURN_EV_WAITING:
        mt_log(MT_LOG_DEBUG, "turn", "waiting %u s, %u ready, %u online", r->elapsed_s, r->ready, r->online);
        break;
    case MYTURN_EV_LOGGED_IN:
        mt_log(MT_LOG_INFO, "turn", "logged in as %s, extension %u", name, (unsigned)r->exten);
        break;
    case MYTURN_EV_DRAWN:
        mt_log(MT_LOG_INFO, "turn", "drawn as %s, partner %s", r->caller ? "caller" : "callee", name);
        break;
    case MYTURN_EV_ENDED:
        mt_log(MT_LOG_INFO, "turn", "ended: %s", r->reason);
        break;
    case MYTURN_EV_ERROR:
        mt_log(MT_LOG_WARN, "turn", "%s: %s %s", r->code, r->text, r->detail);
        break;
    default:
        mt_log(MT_LOG_INFO, "turn", "%s", myturn_event_str(r->kind));
        break;
    }
}

/* How long, and where to object. */
static char *suspended_text(const myturn_client *c, const mt_turn_report *r) {
    unsigned minutes = (r->retry_s + 59) / 60;
    char *more = g_strdup_printf(N_TEXTS("%u more minute", "%u more minutes", minutes), minutes);
    char *text = g_strdup_printf(c->contact != NULL ? "%s (%s). %s %s" : "%s (%s)", _(r->text), more,
                                 _("To object, write to:"), c->contact);
    g_free(more);
    return text;
}

static char *report_text(const myturn_client *c, const mt_turn_report *r) {
    if (r->text == NULL)
        return NULL;
    if (r->retry_s > 0 && strcmp(r->code, "suspended") == 0)
        return suspended_text(c, r);
    return r->detail[0] != '\0' ? g_strdup_printf("%s (%s)", _(r->text), r->detail) : g_strdup(_(r->text));
}

/* Talking without encryption is agreed to for one talk. */
static void drop_consent(myturn_client *c, const mt_turn_report *r) {
    bool over = r->kind == MYTURN_EV_STATE && (r->state == MYTURN_IDLE || r->state == MYTURN_TALKING);
    if (!over || (c->policies & MYTURN_RTP) == 0)
        return;
    c->policies &= ~(unsigned)MYTURN_RTP;
    if (c->policies == 0)
        c->policies = MYTURN_GCM;
    mt_client_offer_policies(c);
}

void mt_client_tell_report(myturn_client *c, const mt_turn_report *r) {
    log_report(r);
    drop_consent(c, r);
    myturn_event e = {.kind = r->kind,
                      .state = r->state,
                      .name = r->name[0] != '\0' ? r->name : NULL,
                      .exten = r->exten,
                      .ready = r->ready,
                      .online = r->online,
                      .elapsed_s = r->elapsed_s,
                      .caller = r->caller,
                      .on = r->on,
                      .reason = r->reason,
                      .retry_s = r->retry_s,
                      .code = r->code};
    char *text = report_text(c, r);
    e.text = text;
    if (r->kind == MYTURN_EV_LOGGED_IN) {
        e.contact = c->contact;
        e.relay_only = c->relay_only || c->sip.relay_only;
    }
    if (r->kind == MYTURN_EV_DRAWN)
        c->drawn_us = mt_clock_us();
    if (r->kind == MYTURN_EV_SECURE)
        add_secure(c, &e);
    mt_client_tell(c, &e);
    /* The held request tells nothing until it ends, so who waits asks in passing how many are there. */
    if (r->kind == MYTURN_EV_WAITING && !r->counted && r->elapsed_s % STATS_EVERY_S == 0)
        mt_api_stats(c->api);
    g_free(text);
}

void mt_client_tell_error(myturn_client *c, const char *code, const char *text) {
    mt_log(MT_LOG_WARN, "client", "%s: %s", code, text);
    mt_client_tell(
        c, &(myturn_event){.kind = MYTURN_EV_ERROR, .state = mt_turn_state(c->turn), .code = code, .text = _(text)});
}
