#include "session.h"

#include <string.h>

struct _MtgSession {
    GObject parent_instance;
    MtgPrefs *prefs;
    myturn_client *client; /* NULL: none yet */
    myturn_state state;
    char *name, *partner, *contact;
    gboolean mic;
    myturn_event secure, quality; /* kind MYTURN_EV_STATE: none; strings of secure are owned */
};

G_DEFINE_FINAL_TYPE(MtgSession, mtg_session, G_TYPE_OBJECT)

enum { PROP_STATE = 1, PROP_NAME, PROP_PARTNER, PROP_MIC, N_PROPS };
static GParamSpec *specs[N_PROPS];
static guint event_signal;

static void set_text(MtgSession *self, char **field, const char *value, guint prop) {
    if (g_strcmp0(*field, value) == 0)
        return;
    g_free(*field);
    *field = g_strdup(value);
    if (prop != 0)
        g_object_notify_by_pspec(G_OBJECT(self), specs[prop]);
}

static void set_mic(MtgSession *self, gboolean on) {
    if (self->mic == on)
        return;
    self->mic = on;
    g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_MIC]);
}

static gboolean is_talk(myturn_state state) {
    return state == MYTURN_TALKING || state == MYTURN_RECONNECTING;
}

static void forget_connection(MtgSession *self) {
    g_free((char *)(gintptr)self->secure.policy);
    g_free((char *)(gintptr)self->secure.dtls);
    g_free((char *)(gintptr)self->secure.srtp);
    g_free((char *)(gintptr)self->secure.codec);
    memset(&self->secure, 0, sizeof self->secure);
    memset(&self->quality, 0, sizeof self->quality);
}

static void keep_connection(MtgSession *self, const myturn_event *e) {
    forget_connection(self);
    self->secure = (myturn_event){.kind = e->kind,
                                  .relayed = e->relayed,
                                  .encrypted = e->encrypted,
                                  .setup_us = e->setup_us,
                                  .policy = g_strdup(e->policy),
                                  .dtls = g_strdup(e->dtls),
                                  .srtp = g_strdup(e->srtp),
                                  .codec = g_strdup(e->codec)};
}

static void keep_quality(MtgSession *self, const myturn_event *e) {
    self->quality = (myturn_event){
        .kind = e->kind, .on = e->on, .loss_percent = e->loss_percent, .jitter_ms = e->jitter_ms, .rtt_ms = e->rtt_ms};
}

static void take(MtgSession *self, const myturn_event *e) {
    switch (e->kind) {
    case MYTURN_EV_LOGGED_IN:
        set_text(self, &self->name, e->name, PROP_NAME);
        set_text(self, &self->contact, e->contact, 0);
        break;
    case MYTURN_EV_DRAWN:
        set_text(self, &self->partner, e->name, PROP_PARTNER);
        break;
    case MYTURN_EV_MIC:
        if (e->own)
            set_mic(self, e->on);
        break;
    case MYTURN_EV_SECURE:
        keep_connection(self, e);
        break;
    case MYTURN_EV_QUALITY:
        keep_quality(self, e);
        break;
    case MYTURN_EV_ENDED:
        forget_connection(self);
        break;
    default:
        break;
    }
}

static void on_event(void *ctx, const myturn_event *e) {
    MtgSession *self = ctx;
    g_object_ref(self);
    take(self, e);
    gboolean changed = self->state != e->state;
    self->state = e->state;
    g_signal_emit(self, event_signal, g_quark_from_static_string(myturn_event_str(e->kind)), e);
    if (changed && !is_talk(self->state))
        set_mic(self, FALSE);
    if (changed)
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_STATE]);
    g_object_unref(self);
}

/* Preferences */

static unsigned policies(MtgPrefs *prefs) {
    const char *encryption = mtg_prefs_string(prefs, "encryption");
    return strcmp(encryption, "cbc") == 0      ? MYTURN_CBC
           : strcmp(encryption, "either") == 0 ? MYTURN_GCM | MYTURN_CBC
                                               : MYTURN_GCM;
}

static myturn_err make_client(MtgSession *self) {
    myturn_options o;
    myturn_options_default(&o);
    o.server = mtg_prefs_string(self->prefs, "server");
    o.mic = mtg_prefs_string(self->prefs, "microphone");
    o.speaker = mtg_prefs_string(self->prefs, "speaker");
    o.raw_voice = !mtg_prefs_boolean(self->prefs, "processing");
    return myturn_create(&o, on_event, self, &self->client);
}

static void on_devices(MtgSession *self) {
    if (self->client != NULL)
        (void)!myturn_set_devices(self->client, mtg_prefs_string(self->prefs, "microphone"),
                                  mtg_prefs_string(self->prefs, "speaker"));
}

static void on_processing(MtgSession *self) {
    if (self->client != NULL)
        (void)!myturn_set_raw_voice(self->client, !mtg_prefs_boolean(self->prefs, "processing"));
}

/* Acts */

myturn_err mtg_session_login(MtgSession *self, const char *name) {
    if (self->state != MYTURN_LOGGED_OUT)
        return MYTURN_ERR_STATE;
    g_clear_pointer(&self->client, myturn_destroy); /* server and policies may have changed */
    myturn_err err = make_client(self);
    return err == MYTURN_OK ? myturn_login(self->client, name) : err;
}

void mtg_session_logout(MtgSession *self) {
    if (self->client != NULL)
        (void)!myturn_logout(self->client);
}

static void prepare_draw(MtgSession *self, unsigned more_policies) {
    (void)!myturn_set_policies(self->client, policies(self->prefs) | more_policies);
    (void)!myturn_set_relay_only(self->client, mtg_prefs_boolean(self->prefs, "relay-only"));
}

void mtg_session_ready(MtgSession *self, gboolean phones) {
    if (self->client == NULL)
        return;
    prepare_draw(self, phones ? MYTURN_RTP : 0);
    (void)!myturn_ready(self->client);
}

void mtg_session_cancel(MtgSession *self) {
    if (self->client == NULL)
        return;
    if (myturn_get_state(self->client) == MYTURN_WAITING)
        (void)!myturn_cancel(self->client);
    else
        (void)!myturn_hangup(self->client);
}

void mtg_session_next(MtgSession *self) {
    if (self->client == NULL)
        return;
    prepare_draw(self, 0);
    (void)!myturn_next(self->client);
}

void mtg_session_hang_up(MtgSession *self) {
    if (self->client != NULL)
        (void)!myturn_hangup(self->client);
}

void mtg_session_block(MtgSession *self) {
    if (self->client != NULL)
        (void)!myturn_block(self->client);
}

myturn_err mtg_session_report(MtgSession *self, const char *reason, const char *note) {
    return self->client != NULL ? myturn_report(self->client, reason, note) : MYTURN_ERR_STATE;
}

myturn_err mtg_session_text(MtgSession *self, const char *text) {
    return self->client != NULL ? myturn_text(self->client, text) : MYTURN_ERR_STATE;
}

void mtg_session_typing(MtgSession *self, gboolean on) {
    if (self->client != NULL)
        (void)!myturn_typing(self->client, on);
}

void mtg_session_set_mic(MtgSession *self, gboolean on) {
    if (self->client != NULL && is_talk(self->state))
        (void)!myturn_mic(self->client, on);
}

myturn_err mtg_session_test(MtgSession *self, gboolean on, gboolean hear) {
    return self->client != NULL ? myturn_test(self->client, on, hear) : MYTURN_ERR_STATE;
}

/* What is known */

myturn_state mtg_session_state(MtgSession *self) {
    return self->state;
}

gboolean mtg_session_in_talk(MtgSession *self) {
    return is_talk(self->state);
}

const char *mtg_session_name(MtgSession *self) {
    return self->name;
}

const char *mtg_session_partner(MtgSession *self) {
    return self->partner;
}

gboolean mtg_session_mic(MtgSession *self) {
    return self->mic;
}

const myturn_event *mtg_session_secure(MtgSession *self) {
    return self->secure.kind == MYTURN_EV_SECURE ? &self->secure : NULL;
}

const myturn_event *mtg_session_quality(MtgSession *self) {
    return self->quality.kind == MYTURN_EV_QUALITY ? &self->quality : NULL;
}

const char *mtg_session_contact(MtgSession *self) {
    return self->contact;
}

/* Life */

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    MtgSession *self = MTG_SESSION(object);
    if (id == PROP_STATE)
        g_value_set_uint(value, self->state);
    else if (id == PROP_NAME)
        g_value_set_string(value, self->name);
    else if (id == PROP_PARTNER)
        g_value_set_string(value, self->partner);
    else
        g_value_set_boolean(value, self->mic);
}

static void dispose(GObject *object) {
    MtgSession *self = MTG_SESSION(object);
    g_clear_pointer(&self->client, myturn_destroy);
    g_clear_object(&self->prefs);
    G_OBJECT_CLASS(mtg_session_parent_class)->dispose(object);
}

static void finalize(GObject *object) {
    MtgSession *self = MTG_SESSION(object);
    forget_connection(self);
    g_free(self->name);
    g_free(self->partner);
    g_free(self->contact);
    G_OBJECT_CLASS(mtg_session_parent_class)->finalize(object);
}

static void mtg_session_class_init(MtgSessionClass *klass) {
    GObjectClass *object = G_OBJECT_CLASS(klass);
    object->get_property = get_property;
    object->dispose = dispose;
    object->finalize = finalize;
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
    specs[PROP_STATE] = g_param_spec_uint("state", NULL, NULL, 0, MYTURN_ENDING, MYTURN_LOGGED_OUT, flags);
    specs[PROP_NAME] = g_param_spec_string("name", NULL, NULL, NULL, flags);
    specs[PROP_PARTNER] = g_param_spec_string("partner", NULL, NULL, NULL, flags);
    specs[PROP_MIC] = g_param_spec_boolean("mic", NULL, NULL, FALSE, flags);
    g_object_class_install_properties(object, N_PROPS, specs);
    event_signal = g_signal_new("event", MTG_TYPE_SESSION, G_SIGNAL_RUN_LAST | G_SIGNAL_DETAILED, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void mtg_session_init(MtgSession *self) {
    self->state = MYTURN_LOGGED_OUT;
}

MtgSession *mtg_session_new(MtgPrefs *prefs) {
    MtgSession *self = g_object_new(MTG_TYPE_SESSION, NULL);
    self->prefs = g_object_ref(prefs);
    g_signal_connect_object(prefs, "notify::microphone", G_CALLBACK(on_devices), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(prefs, "notify::speaker", G_CALLBACK(on_devices), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(prefs, "notify::processing", G_CALLBACK(on_processing), self, G_CONNECT_SWAPPED);
    return self;
}
