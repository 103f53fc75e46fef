/* The user agent on a bench: a SIP server with a script on loopback, and what the agent told as one line of words. */
#ifndef UA_BENCH_H
#define UA_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "client/turn.h"
#include "client/ua.h"
#include "main_loop.h"
#include "sip_peer.h"

#define SDP "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define SDP2 "v=0\r\no=- 2 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define SDP3 "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define SDP4 "v=0\r\no=- 2 3 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define CHALLENGE "Digest realm=\"myturn.invalid\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"\r\n"

/* What the script does to a REGISTER and to an INVITE, and what came. */
typedef struct bench {
    sip_peer *peer;
    mt_ua *ua;
    unsigned keepalive_ms;
    bool udp, mute;            /* mute: the server answers nothing */
    const char *challenge;     /* header lines for 401/407; NULL: none */
    int reg_code, invite_code; /* final answers; 0: none */
    const char *answer;        /* SDP of a 2xx; NULL: SDP2 */
    const char *more;          /* header lines of the INVITE's final answer */
    bool ring;
    bool answer_after_cancel;
    char *invite; /* the INVITE being held */
    char *last_auth, *register_msg, *invite_msg, *ok_msg, *to;
    unsigned registers, unregisters, invites, acks, byes, cancels;
    unsigned challenge_acks; /* due for our 407s */
    int last_code;           /* of a response from the client */
    char events[1024];
    uint32_t reoffered;   /* the call */
    const char *reanswer; /* what an offer is answered with at once; NULL: the test answers */
} bench;

extern const mt_ua_events handlers;

/* Runs the loop until the condition holds or 4 s are over. */
#define UNTIL(cond)                                                                                                    \
    do {                                                                                                               \
        bool late_ = false;                                                                                            \
        guint id_ = g_timeout_add(4000, over, &late_);                                                                 \
        while (!(cond) && !late_)                                                                                      \
            (void)g_main_context_iteration(NULL, TRUE);                                                                \
        if (!late_)                                                                                                    \
            (void)g_source_remove(id_);                                                                                \
        if (!(cond))                                                                                                   \
            fail_msg("in vain: %s; events: %s; log:\n%s", #cond, b->events, b->peer->log->str);                        \
    } while (0)

#define HAS(word) (strstr(b->events, word) != NULL)

mt_err login(bench *b);
void begin(bench *b);                                     /* until registered; the events are emptied */
void script(sip_peer *p, const char *message, void *ctx); /* the ordinary server */
char *tagged_to(bench *b);                                /* header line; g_free */

int setup_tcp(void **state);
int setup_udp(void **state);
int teardown(void **state);

#define TCP(f)                                                                                                         \
    { #f " tcp", f, setup_tcp, teardown, NULL }
#define UDP(f)                                                                                                         \
    { #f " udp", f, setup_udp, teardown, NULL }

#endif
