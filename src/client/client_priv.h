/* The inside of libmyturn's client, which joins the conversation machine with what does its actions: client.c (life,
 * API, time), client_sip.c (user agent), client_calls.c (public calls), client_talk.c (link and sound),
 * client_restart.c (another path, another network), client_events.c (what the application is told). */
#ifndef MT_CLIENT_CLIENT_PRIV_H
#define MT_CLIENT_CLIENT_PRIV_H

#include <gio/gio.h>

#include "base/addr.h"
#include "client/api.h"
#include "client/sip_tls.h"
#include "client/trust.h"
#include "client/turn.h"
#include "client/ua.h"
#include "link/link.h"
#include "link/plain.h"
#include "media/audio.h"

/* A link and whose it is; outlives the client while it says bye. */
typedef struct mt_client_link {
    myturn_client *client; /* NULL: destroyed */
    mt_link *link;
    bool closing; /* let go: only its end is of interest */
    bool doomed;  /* destroyed as soon as the main loop is back */
} mt_client_link;

typedef struct mt_client_sip {
    char *uri, *username, *realm, *password, *udp, *tcp, *tls;
    bool relay_only;
    bool asterisk;
} mt_client_sip;

struct myturn_client {
    char *mic, *speaker;
    char *ca_file; /* NULL: the system's authorities alone */
    myturn_codec codec;
    myturn_transport transport;
    uint8_t ptime_ms;
    bool open_mic;
    bool raw_voice, relay_only; /* wished for by the user */
    unsigned policies;          /* of myturn_policy */
    bool phone;
    char *contact; /* the operator's; NULL: none */
    bool info_due; /* asked for; the user agent waits for it */
    bool ua_due;
    GSource *ua_again; /* there was no way to the SIP server; NULL: there is a user agent, or none is wanted */
    char *settings;    /* of the last login; NULL: none */

    myturn_event_fn *fn;
    void *fn_ctx;
    GMainContext *main;
    GQueue events;    /* of mt_client_event */
    GSource *deliver; /* while there are events */
    bool destroyed;   /* by the application, from within an event */
    unsigned delivering;

    mt_turn *turn;
    GSource *timer;
    bool acting;
    mt_api *api;
    mt_ua *ua;
    mt_trust *trust;
    char *https_host; /* of an https:// server: SIP goes by TLS then, and its certificate is for this; NULL: http:// */
    mt_sip_tls *sip_tls; /* between the user agent and the server; NULL: it speaks to it itself */
    mt_client_sip sip;
    bool loopback; /* the server is on this machine */

    char *sip_at;               /* the SIP server itself, whatever stands before it; NULL: there is no user agent */
    char local[MT_ADDR_STRLEN]; /* our address on the way to it; "": none */
    GNetworkMonitor *monitor;   /* tells of changes; NULL as sip_at */
    gulong monitor_id;
    GSource *looking; /* for a change, while the partner is silent */

    mt_client_link *link;
    uint8_t link_pair[MT_TURN_PAIR_BYTES]; /* whose link it is */
    GSource *put_again, *get_again;        /* of the link's offer and answer, where the API carries them */
    mt_plain *plain;                       /* in the link's place: a talk with a phone, by plain RTP */
    bool plain_caller;
    GSList *closing; /* of mt_client_link: those that say bye */
    mt_audio *test;  /* NULL: none is on */
    bool test_hears;
    mt_audio *audio;
    mt_link *audio_link; /* where the microphone's packets go, from another thread; set while audio is there */
    bool mic_on;
    mt_link_secure secure;
    int64_t drawn_us, secure_us;
};

/* client.c: does what the machine wants done; to be called after every call of it. */
void mt_client_act(myturn_client *c);
bool mt_client_init_libraries(void);
void mt_client_offer_policies(myturn_client *c);
bool mt_client_spec_is_good(const char *spec, bool mic); /* NULL is */

/* client_sip.c */
void mt_client_act_sip(myturn_client *c, const mt_turn_action *a);
void mt_client_start_ua(myturn_client *c);
void mt_client_stop_ua(myturn_client *c);

/* client_talk.c */
void mt_client_link_create(myturn_client *c, const mt_turn_action *a);
void mt_client_link_remote(myturn_client *c, uint32_t call);
void mt_client_link_bye(myturn_client *c);
void mt_client_link_destroy(myturn_client *c);
const char *mt_client_local_sdp(myturn_client *c); /* NULL: none */
void mt_client_audio_start(myturn_client *c);
void mt_client_audio_stop(myturn_client *c);
mt_err mt_client_mic(myturn_client *c, bool on) MT_MUST_CHECK;
void mt_client_abandon(myturn_client *c); /* the client is being destroyed */

/* client_restart.c */
void mt_client_act_restart(myturn_client *c, const mt_turn_action *a); /* of the link */
void mt_client_act_resip(myturn_client *c, const mt_turn_action *a);   /* of the user agent */
void mt_client_watch_network(myturn_client *c, const char *server);    /* "127.0.0.1:5060" */
void mt_client_forget_network(myturn_client *c);
void mt_client_look_for_network(myturn_client *c); /* the partner is silent: perhaps it is us */

/* client_test.c */
void mt_client_test_stop(myturn_client *c);

/* client_plain.c: what client_talk.c does, where the draw says "rtp" */
void mt_client_plain_create(myturn_client *c, bool caller);
void mt_client_plain_remote(myturn_client *c, const char *sdp);
const char *mt_client_plain_sdp(myturn_client *c);
void mt_client_plain_destroy(myturn_client *c);
void mt_client_plain_codec(const myturn_client *c, mt_audio_config *cfg);

/* client_relay.c: offer and answer of the link through the API, where the SIP server cannot carry them. The call itself
 * is then for control only. */
extern const mt_api_link_events mt_client_relay_events;
extern const char mt_client_relay_sdp[]; /* what such a call is offered and answered with */
void mt_client_relay_put(myturn_client *c);
void mt_client_relay_get(myturn_client *c);
void mt_client_relay_stop(myturn_client *c); /* with the link */
void mt_client_remote_sdp(myturn_client *c,
                          const char *sdp); /* client_talk.c: to the link; NULL: the partner has none */

/* client_events.c. Strings are copied, but for static ones: reason, code, words, codec. */
void mt_client_tell(myturn_client *c, const myturn_event *e);
void mt_client_tell_report(myturn_client *c, const mt_turn_report *r);
void mt_client_tell_error(myturn_client *c, const char *code, const char *text);
void mt_client_drop_events(myturn_client *c);
void mt_client_unref(myturn_client *c); /* frees when destroyed and not delivering */

#endif
