/* The API client against a small HTTP server in the same loop, for tests: the server answers what the test wrote down,
 * and what the client tells becomes one line of words. */
#ifndef API_KIT_H
#define API_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libsoup/soup.h>

#include "client/api.h"
#include "main_loop.h"

#define PAIR "00112233445566778899aabbccddeeff"
#define SIP                                                                                                            \
    "\"sip\":{\"uri\":\"sip:jeden@myturn.invalid\",\"username\":\"jeden\",\"realm\":\"myturn.invalid\",\"password\":"  \
    "\"geheim\","                                                                                                      \
    "\"udp\":\"127.0.0.1:5060\",\"tcp\":\"127.0.0.1:5061\",\"tls\":null,\"ws\":\"/sip\",\"mode\":\"embedded\"}"
#define LOGIN                                                                                                          \
    "{\"name\":\"jeden\",\"exten\":\"111000\",\"token\":\"tok\",\"lease_s\":30," SIP                                   \
    ",\"ice_servers\":[],\"relay_only\":false}"
#define PAIRED                                                                                                         \
    "{\"state\":\"paired\",\"pair\":\"" PAIR                                                                           \
    "\",\"role\":\"caller\",\"partner\":{\"name\":\"dwa\",\"exten\":\"111001\"},"                                      \
    "\"connect_s\":15,\"ice_servers\":[]}"

typedef struct bench {
    SoupServer *server;
    mt_api *api;
    char url[64];
    unsigned status; /* of the answer to come */
    const char *body, *retry_after, *location;
    bool hold; /* POST /v1/turn is not answered */
    SoupServerMessage *held;
    unsigned requests;
    char *method, *path, *query, *auth, *prefer, *match, *sent, *type;
    char events[1024];
    mt_turn_draw draw;
    mt_fault fault;
} bench;

extern const mt_api_events api_kit_events;

int api_kit_setup(void **state);
int api_kit_teardown(void **state);
void log_in(bench *b);

#define UNTIL(cond)                                                                                                    \
    do {                                                                                                               \
        bool late_ = false;                                                                                            \
        guint id_ = g_timeout_add(4000, over, &late_);                                                                 \
        while (!(cond) && !late_)                                                                                      \
            (void)g_main_context_iteration(NULL, TRUE);                                                                \
        if (!late_)                                                                                                    \
            (void)g_source_remove(id_);                                                                                \
        if (!(cond))                                                                                                   \
            fail_msg("in vain: %s; events: %s", #cond, b->events);                                                     \
    } while (0)

#endif
