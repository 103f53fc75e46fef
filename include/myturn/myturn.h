/* libmyturn: a myTurn client without a face. Log in, be drawn, talk by text and voice, encrypted end to end.
 *
 * Threads: everything runs in the GLib main context that was the thread default when the client was created; call from that thread only. Events come
 * from the main loop, never from within a call of yours, and strings in them live until the handler returns. All strings are UTF-8.
 * Calls that begin something return at once; what comes of it is an event. Network: HTTP API and SIP (RFC 3261) to the server, ICE, DTLS-SRTP and a data channel
 * (RFC 8445, 5764, 8831) to the partner. */
#ifndef MYTURN_MYTURN_H
#define MYTURN_MYTURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MYTURN_API __attribute__((visibility("default")))
#define MYTURN_TEXT_MAX 4000 /* code points in one message */

typedef struct myturn_client myturn_client;

typedef enum myturn_err {
    MYTURN_OK = 0,
    MYTURN_ERR_MEMORY,
    MYTURN_ERR_ARGUMENT, /* malformed: URL, device SPEC, text that is not UTF-8 or empty */
    MYTURN_ERR_STATE,    /* not possible in the present state */
    MYTURN_ERR_TOO_LONG, /* text of more than MYTURN_TEXT_MAX code points */
    MYTURN_ERR_BUSY,     /* more is queued than the link takes: try again later */
    MYTURN_ERR_SYSTEM,   /* a library refused; the log says which */
} myturn_err;
MYTURN_API const char *myturn_err_str(myturn_err err);

typedef enum myturn_state {
    MYTURN_LOGGED_OUT,
    MYTURN_LOGGING_IN,
    MYTURN_IDLE,        /* logged in and registered: myturn_ready is possible */
    MYTURN_WAITING,     /* in the pool */
    MYTURN_CONNECTING,  /* drawn: call and link are being set up */
    MYTURN_TALKING,
    MYTURN_RECONNECTING,/* the link is silent; still trying */
    MYTURN_ENDING,
} myturn_state;
MYTURN_API const char *myturn_state_str(myturn_state state);

typedef enum myturn_codec { MYTURN_OPUS, MYTURN_PCM } myturn_codec;
typedef enum myturn_transport { MYTURN_TCP, MYTURN_UDP } myturn_transport;

typedef enum myturn_event_kind {
    MYTURN_EV_STATE,       /* state */
    MYTURN_EV_LOGGED_IN,   /* name, exten: registered by SIP too */
    MYTURN_EV_LOGGED_OUT,
    MYTURN_EV_WAITING,     /* ready, online, elapsed_s: at the beginning and whenever they are learnt anew (about every second for elapsed_s) */
    MYTURN_EV_DRAWN,       /* caller, name (the partner's) */
    MYTURN_EV_CALL_UP,     /* the SIP call is up */
    MYTURN_EV_SECURE,      /* words, dtls, srtp, codec, relayed, setup_us: talk */
    MYTURN_EV_TEXT,        /* name (the partner's), text: cleaned for display */
    MYTURN_EV_TYPING,      /* on */
    MYTURN_EV_MIC,         /* on, own: whose */
    MYTURN_EV_RECONNECTING,/* on: false when heard again */
    MYTURN_EV_ENDED,       /* reason: partner_left | hung_up | next | lost | no_path | dtls_failed | sas_failed | protocol | no_answer | refused | server | undone
                              | over: a call by phone, ended by either side */
    MYTURN_EV_ERROR,       /* code, text: what happened and what to do. Not the end of anything by itself */
    MYTURN_EV_LEVEL,       /* own, level_db */
    MYTURN_EV_SETTINGS,    /* text: what is to be typed into the phone, a line each (options.phone); LOGGED_IN follows once it has registered */
} myturn_event_kind;
MYTURN_API const char *myturn_event_str(myturn_event_kind kind); /* "logged-in", "call-up", … */

typedef struct myturn_event {
    myturn_event_kind kind;
    myturn_state state;
    const char *name;
    uint32_t exten;
    unsigned ready, online, elapsed_s;
    bool caller, on, own, relayed;
    const char *words[4];
    const char *dtls, *srtp, *codec;
    int64_t setup_us;       /* from the draw to secure */
    int64_t ice_us, dtls_us, channel_us; /* from the partner's SDP on */
    const char *text;
    const char *reason;
    const char *code;       /* stable: invalid_name, name_taken, slow_down, server_unreachable, unauthorized, sip_failed, mic_failed, speaker_failed, not_sent, internal … */
    double level_db;
} myturn_event;

typedef void myturn_event_fn(void *ctx, const myturn_event *event);

typedef struct myturn_options {
    const char *server;        /* http://host:port or https://… */
    const char *mic, *speaker; /* default | none | file:PATH | tone:HZ (microphone only) | device:NAME; NULL: default */
    myturn_codec codec;        /* preferred; the caller's offer decides */
    myturn_transport transport;
    unsigned ptime_ms;         /* Opus frame: 10 or 20 */
    bool open_mic;             /* false: the microphone is off when a talk begins (A12); true only for tests and demos */
    bool phone;                /* any SIP phone carries the voice, unencrypted: this client logs in, waits for it and draws; no text, no link.
                                  The caller dials event.exten on it, the callee's rings. CALL_UP, but never SECURE */
} myturn_options;
MYTURN_API void myturn_options_default(myturn_options *o);

/* Copies the options. MYTURN_ERR_ARGUMENT, _MEMORY, _SYSTEM. */
MYTURN_API myturn_err myturn_create(const myturn_options *o, myturn_event_fn *fn, void *ctx, myturn_client **out);
/* At any time; hangs up and logs out as far as that goes without waiting. For a clean end call myturn_logout and wait for LOGGED_OUT. */
MYTURN_API void myturn_destroy(myturn_client *c);

MYTURN_API myturn_err myturn_login(myturn_client *c, const char *name);  /* LOGGED_OUT. Then LOGGED_IN or ERROR */
MYTURN_API myturn_err myturn_logout(myturn_client *c);                   /* any state: hangs up first. Then LOGGED_OUT, within 2 s */
MYTURN_API myturn_err myturn_ready(myturn_client *c);                    /* IDLE */
MYTURN_API myturn_err myturn_cancel(myturn_client *c);                   /* WAITING -> IDLE */
MYTURN_API myturn_err myturn_hangup(myturn_client *c);                   /* CONNECTING, TALKING, RECONNECTING -> ENDED, IDLE */
MYTURN_API myturn_err myturn_next(myturn_client *c);                     /* the same, then WAITING in one step */
MYTURN_API myturn_err myturn_text(myturn_client *c, const char *text);   /* TALKING, RECONNECTING */
MYTURN_API myturn_err myturn_typing(myturn_client *c, bool on);
MYTURN_API myturn_err myturn_mic(myturn_client *c, bool on);
MYTURN_API myturn_state myturn_get_state(const myturn_client *c);

typedef void myturn_device_fn(void *ctx, bool mic, const char *name, const char *label);
MYTURN_API myturn_err myturn_list_devices(myturn_device_fn *fn, void *ctx);

/* Process-wide log of SIP, link and API events: fd < 0 none; level "error", "warn", "info", "debug"; names: nicknames may appear. MYTURN_ERR_ARGUMENT. */
MYTURN_API myturn_err myturn_log(int fd, const char *level, bool names);
MYTURN_API const char *myturn_version(void);

#ifdef __cplusplus
}
#endif
#endif
