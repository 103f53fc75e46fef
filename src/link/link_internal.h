/* What link.c (life), link_path.c (ICE to data channel), link_restart.c (another path) and link_talk.c (what is said in
 * it) share. */
#ifndef MT_LINK_LINK_INTERNAL_H
#define MT_LINK_LINK_INTERNAL_H

#include <glib.h>
#include <pthread.h>

#include "base/buf.h"
#include "link/chan.h"
#include "link/data.h"
#include "link/dtls.h"
#include "link/ice.h"
#include "link/link.h"
#include "link/sas.h"
#include "link/sdp.h"
#include "link/srtp.h"

typedef enum mt_link_phase {
    MT_PHASE_SDP, /* the partner's SDP is not known */
    MT_PHASE_ICE, /* looking for a path */
    MT_PHASE_DTLS,
    MT_PHASE_CHANNEL, /* SCTP and DCEP */
    MT_PHASE_WORDS,
    MT_PHASE_SECURE,
    MT_PHASE_BYE, /* bye sent, not confirmed */
    MT_PHASE_CLOSED,
} mt_link_phase;

/* What waits until the channel's rate lets it go. Of a state only the newest is of interest. */
typedef struct mt_link_pending {
    GQueue texts; /* of GBytes, owned */
    size_t text_bytes;
    bool pong, typing, mic;     /* there is one waiting */
    bool typing_on, mic_on;     /* its value */
    bool typing_sent, mic_sent; /* what the partner was told last */
    uint64_t pong_id;
} mt_link_pending;

/* A path that is being looked for beside the one in use. */
typedef struct mt_link_next {
    mt_ice *ice;            /* owned; NULL: none */
    mt_sdp *local, *remote; /* owned; NULL until known */
    mt_buf sdp;             /* empty until it is ready */
    bool ready;             /* what the owner is told */
    GSource *told, *limit;  /* owned; NULL when not running */
} mt_link_next;

struct mt_link {
    mt_link_config cfg;      /* its pointers are to the two below */
    mt_ice_servers *servers; /* owned, wiped: with credentials */
    char *ca_file;           /* owned; NULL: none */
    mt_link_events on;       /* emptied by destroy */
    void *ctx;
    GMainContext *main; /* owned */
    mt_link_phase phase;
    mt_link_end end;
    unsigned calling; /* depth of callbacks into the owner */

    mt_ice *ice; /* owned; changes under voice_lock */
    mt_ice *old; /* owned; of the path before: only heard, for a while. NULL: none */
    mt_link_next next;
    GSource *old_limit;         /* owned; NULL when not running */
    mt_dtls *dtls;              /* owned */
    mt_data *data;              /* owned; NULL before DTLS is up */
    mt_srtp *srtp;              /* owned; NULL before DTLS is up */
    pthread_mutex_t voice_lock; /* not a GMutex: ThreadSanitizer must see it */
    bool voice_open;            /* under voice_lock: sending is allowed */
    GQueue frames;              /* under voice_lock; of GBytes, owned: voice on its way into the channel (CBC) */
    GSource *frames_source;     /* owned; ready when there are frames */

    mt_sdp *local, *remote; /* owned; remote NULL until it came */
    mt_buf local_sdp;       /* empty until it is ready */
    bool gathered;
    uint64_t session_id; /* of o= */
    unsigned version;

    mt_sas sas;
    bool sas_live;
    mt_chan_tx tx;
    mt_chan_rx rx;
    mt_buf out, in;
    mt_link_pending pending;

    GSource *told, *ended, *limit, *grace, *tick, *flush; /* owned; NULL when not running */
    int64_t remote_us, ice_us, dtls_us, channel_us;       /* moments; 0: not yet */
    int64_t heard_ms, ping_ms, beat_ms;
    int64_t speak_until_ms; /* not mute until then: something came, or a new path is in use */
    mt_ice_path told_path;
    bool reconnecting;
};

/* The owner is called between these two: a destroy from within is put off until it returned. */
#define MT_LINK_CALL(l, event, ...)                                                                                    \
    do {                                                                                                               \
        (l)->calling++;                                                                                                \
        if ((l)->on.event != NULL)                                                                                     \
            (l)->on.event(__VA_ARGS__);                                                                                \
        (l)->calling--;                                                                                                \
    } while (0)

/* One-shot or repeating timer in the link's context. ms 0: as soon as the main loop turns. */
GSource *mt_link_timer(mt_link *l, guint ms, GSourceFunc fn);
void mt_link_timer_stop(GSource **timer);

/* Ends the link: the channel is aborted, DTLS says close_notify, closed(why) comes from the main loop. Once. */
void mt_link_finish(mt_link *l, mt_link_end why);
/* A message or voice came. What SCTP and RTCP say by themselves is not enough: a page that falls silent to ask for a
 * new path goes on saying that. */
void mt_link_heard(mt_link *l);
void mt_link_sign(mt_link *l); /* an authenticated packet came: so whoever is mute may speak */

void mt_link_write_local(mt_link *l); /* if all that it needs is there */
/* What is ours and the agent's into sdp, and that as text. MT_ENOENT: there is no address or relay to be reached at. */
mt_err mt_link_describe(mt_link *l, mt_ice *ice, mt_sdp *sdp, mt_buf *out) MT_MUST_CHECK;

/* link_voice.c */
void mt_link_voice_init(mt_link *l);
void mt_link_voice_deinit(mt_link *l);
void mt_link_voice_open(mt_link *l, bool on);
void mt_link_voice_packet(mt_link *l, const uint8_t *p, size_t len_bytes); /* SRTP or SRTCP came */
void mt_link_voice_frame(mt_link *l, mt_slice frame);                      /* a message of the voice channel came */

mt_err mt_link_path_create(mt_link *l) MT_MUST_CHECK;
mt_err mt_link_path_remote(mt_link *l) MT_MUST_CHECK; /* l->remote is known */
void mt_link_path_destroy(mt_link *l);
mt_err mt_link_agent_create(mt_link *l, const mt_ice_events *events, mt_ice **out) MT_MUST_CHECK;
void mt_link_packet(mt_link *l, const uint8_t *p, size_t len_bytes); /* of any agent */
/* An agent is the path in use from now on, and tells the link as the first one did. */
void mt_link_path_use(mt_link *l, mt_ice *ice);
void mt_link_path_look(mt_link *l); /* tells if the path is of another kind than was told */

/* link_restart.c */
void mt_link_restart_stop_timers(mt_link *l);
void mt_link_restart_deinit(mt_link *l);
/* A callee who hears nothing asks for a new path by falling silent: nothing but STUN leaves him until he hears
 * something, or has one. */
bool mt_link_is_mute(const mt_link *l);

void mt_link_take_path(mt_link *l, mt_link_path *out); /* and remembers it as told */

void mt_link_talk_start(mt_link *l); /* the channel is open */
void mt_link_talk_message(mt_link *l, mt_slice json);
void mt_link_talk_say_bye(mt_link *l);
void mt_link_talk_beat(mt_link *l); /* while reconnecting: gives the partner something to hear */
void mt_link_talk_deinit(mt_link *l);

#endif
