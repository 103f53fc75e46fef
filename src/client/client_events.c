/* What the application is told: queued, and handed over from the main loop only. */
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/log.h"
#include "client/client_priv.h"

#define STATS_EVERY_S 10

typedef struct mt_client_event {
    myturn_event e;
    char *name, *text, *dtls, *srtp;
} mt_client_event;

static void free_event(gpointer data) {
    mt_client_event *q = data;
    g_free(q->name);
    g_free(q->text);
    g_free(q->dtls);
    g_free(q->srtp);
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
    g_queue_push_tail(&c->events, q);
    if (c->deliver != NULL)
        return;
    c->deliver = g_idle_source_new();
    g_source_set_priority(c->deliver, G_PRIORITY_DEFAULT);
    g_source_set_callback(c->deliver, on_deliver, c, NULL);
    (void)g_source_attach(c->deliver, c->main);
}

static void add_secure(const myturn_client *c, myturn_event *e) {
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

void mt_client_tell_report(myturn_client *c, const mt_turn_report *r) {
    log_report(r);
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
                      .code = r->code};
    char *text = NULL;
    if (r->text != NULL)
        e.text = text = r->detail[0] != '\0' ? g_strdup_printf("%s (%s)", _(r->text), r->detail) : g_strdup(_(r->text));
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
