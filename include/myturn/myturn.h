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
#define MYTURN_NOTE_MAX 500  /* code points in the note of a report */

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
typedef enum myturn_transport { MYTURN_TCP, MYTURN_UDP } myturn_transport; /* of SIP with an http:// server */

/* How a talk may be carried; a set of them says which partners are acceptable. One that both accept is taken, the first of these that is. */
typedef enum myturn_policy {
    MYTURN_GCM = 1, /* "gcm": DTLS 1.2 and SRTP with AEAD ciphers */
    MYTURN_CBC = 2, /* "cbc": AES-256-CBC with encrypt-then-MAC for everything, voice too (native clients only) */
    MYTURN_RTP = 4, /* "rtp": plain RTP with a SIP phone. NOT encrypted, voice only, no words; see myturn_set_policies */
} myturn_policy;

typedef enum myturn_event_kind {
    MYTURN_EV_STATE,       /* state */
    MYTURN_EV_LOGGED_IN,   /* name, exten, contact, relay_only: registered by SIP too */
    MYTURN_EV_LOGGED_OUT,
    MYTURN_EV_WAITING,     /* ready, online, elapsed_s: at the beginning and whenever they are learnt anew (about every second for elapsed_s) */
    MYTURN_EV_DRAWN,       /* caller, name (the partner's) */
    MYTURN_EV_CALL_UP,     /* the SIP call is up */
    MYTURN_EV_SECURE,      /* encrypted, policy, words, dtls, srtp, codec, relayed, local_candidate, remote_candidate, setup_us: talk. srtp is NULL where the
                              voice goes inside DTLS. encrypted is false for "rtp" only: then there are
                              no words (NULL) and no ciphers (""), and it must be shown */
    MYTURN_EV_TEXT,        /* name (the partner's), text: cleaned for display */
    MYTURN_EV_TYPING,      /* on */
    MYTURN_EV_MIC,         /* on, own: whose */
    MYTURN_EV_RECONNECTING,/* on: false when heard again */
    MYTURN_EV_ENDED,       /* reason: partner_left | hung_up | next | lost | no_path | dtls_failed | sas_failed | protocol | no_answer | refused | server | undone
                              | blocked | reported: by this user
                              | over: a call by phone, ended by either side */
    MYTURN_EV_ERROR,       /* code, text (in the user's language): what happened and what to do; retry_s. Not the end of anything by itself */
    MYTURN_EV_LEVEL,       /* own, level_db: ten a second in a talk (own: while the microphone is on) and in a test */
    MYTURN_EV_PATH,        /* relayed, local_candidate, remote_candidate: in a talk, when another path than the one told is in use */
    MYTURN_EV_SETTINGS,    /* text: what is to be typed into the phone, a line each (options.phone); LOGGED_IN follows once it has registered */
    MYTURN_EV_QUALITY,     /* on: the connection is poor (false: good again), loss_percent, jitter_ms, rtt_ms: when it changes */
    MYTURN_EV_BLOCKED,     /* name: the server has taken the block */
    MYTURN_EV_REPORTED,    /* name: the server has taken the report; it blocks, too */
    MYTURN_EV_TEST,        /* on: myturn_test has begun, or is over */
} myturn_event_kind;
MYTURN_API const char *myturn_event_str(myturn_event_kind kind); /* "logged-in", "call-up", … */

typedef struct myturn_event {
    myturn_event_kind kind;
    myturn_state state;
    const char *name;
    uint32_t exten;
    unsigned ready, online, elapsed_s;
    bool caller, on, own, relayed, encrypted;
    bool relay_only;        /* nobody learns the other's address: by the server's rule or the option's */
    const char *contact;    /* of the operator: where to object, ask, report. NULL: none */
    const char *policy;     /* "gcm", "cbc", "rtp" */
    const char *words[4];
    const char *dtls, *srtp, *codec;
    const char *local_candidate, *remote_candidate; /* "host", "srflx", "prflx", "relay" */
    int64_t setup_us;       /* from the draw to secure */
    int64_t ice_us, dtls_us, channel_us; /* from the partner's SDP on */
    const char *text;
    const char *reason;
    const char *code;       /* stable: invalid_name, name_taken, slow_down, server_unreachable, unauthorized, sip_failed, tls_failed, mic_failed, speaker_failed, not_sent, suspended, no_relay,
                               turn_failed, phone_gone, not_blocked, not_reported, internal … */
    unsigned retry_s;       /* suspended, slow_down: not before so many seconds; else 0 */
    double level_db;
    double loss_percent;    /* QUALITY: of the last seconds, the worse direction */
    unsigned jitter_ms, rtt_ms; /* rtt 0: not known */
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
    unsigned policies;         /* of MYTURN_GCM, MYTURN_CBC; 0: MYTURN_GCM. MYTURN_RTP is never a lasting choice: myturn_set_policies */
    bool relay_only;           /* talk through the server's relay only, also where the server does not ask for it. Without a relay: error no_relay */
    const char *ca_file;       /* PEM: further authorities for https:// and SIP over TLS, besides the system's; NULL: none.
                                  A file that cannot be read or holds none: MYTURN_ERR_ARGUMENT */
    bool raw_voice;            /* no echo cancelling, noise suppression, gain */
} myturn_options;
MYTURN_API void myturn_options_default(myturn_options *o);

/* Sets the locale by the environment, and where that language's locale is not installed has the texts in it all the same; binds the catalogue
 * `myturn` (libmyturn's texts and the programs' of this project). For main(), before any thread. Events then speak the user's language. */
MYTURN_API void myturn_locale(void);

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
/* Never drawn for this partner again while both are logged in. In a pair (CONNECTING … RECONNECTING), which ends: ENDED blocked; or after it, up to the
 * next draw. BLOCKED follows when the server has it, or ERROR not_blocked. MYTURN_ERR_STATE: there is no partner. */
MYTURN_API myturn_err myturn_block(myturn_client *c);
/* The same, and tells the operator why: harassment | sexual | minor | threat | spam | other. note: NULL, or at most MYTURN_NOTE_MAX code points.
 * Then ENDED reported; REPORTED, or ERROR not_reported. MYTURN_ERR_ARGUMENT: reason, or note not UTF-8. MYTURN_ERR_TOO_LONG. MYTURN_ERR_STATE. */
MYTURN_API myturn_err myturn_report(myturn_client *c, const char *reason, const char *note);

/* From the next draw on. MYTURN_RTP holds for one talk: it falls out when a talk has begun and whenever the client is IDLE again, so that the user is asked
 * each time. Call it before myturn_ready or myturn_next. MYTURN_ERR_ARGUMENT: none or unknown ones. MYTURN_ERR_STATE: a client with options.phone. */
MYTURN_API myturn_err myturn_set_policies(myturn_client *c, unsigned policies);
/* As the option, from the next draw on. */
MYTURN_API myturn_err myturn_set_relay_only(myturn_client *c, bool on);
/* SPECs as in the options, NULL: default. Any state: from the next opening on, in a talk or test at once. MYTURN_ERR_ARGUMENT, _SYSTEM. */
MYTURN_API myturn_err myturn_set_devices(myturn_client *c, const char *mic, const char *speaker);
MYTURN_API myturn_err myturn_set_raw_voice(myturn_client *c, bool on); /* as set_devices */
/* Outside a pair: opens the microphone, LEVEL own=true; hear: plays it through the speaker, too. Ends by itself when a talk begins, the device fails
 * (ERROR mic_failed, speaker_failed) or the client is logged out by the user. MYTURN_ERR_STATE, _SYSTEM. */
MYTURN_API myturn_err myturn_test(myturn_client *c, bool on, bool hear);
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
