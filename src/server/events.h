/* What happened inside one loop turn and is to be acted upon at its end: machines must not be called from within their
 * own reports. First in, first out. */
#ifndef MT_SERVER_EVENTS_H
#define MT_SERVER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "match/match.h"
#include "sip/sip_server.h"

typedef enum mt_event_kind {
    MT_EVENT_CHANGED,     /* a: something about this user */
    MT_EVENT_ENDED,       /* a, b: caller and callee; pair */
    MT_EVENT_TOLD,        /* a: his answer about the pair was written, or not (result) */
    MT_EVENT_FLOW_CLOSED, /* flow */
    MT_EVENT_FORGET,      /* a: logged out */
} mt_event_kind;

typedef struct mt_event {
    mt_event_kind kind;
    uint32_t a, b; /* extensions, which are never given twice */
    uint8_t pair[MT_PAIR_ID_BYTES];
    mt_err result;
    bool v1; /* TOLD: by a route of /v1 */
    mt_sip_flow flow;
} mt_event;

typedef struct mt_events {
    mt_event *ring; /* owned; cap is a power of two */
    size_t cap, head, count;
} mt_events;

void mt_events_init(mt_events *q);
void mt_events_deinit(mt_events *q);
/* Room for so many in all, so that pushing cannot fail. */
mt_err mt_events_reserve(mt_events *q, size_t count) MT_MUST_CHECK;
/* Without memory the event is lost, which is logged. */
void mt_events_push(mt_events *q, const mt_event *ev);
/* MT_EMORE: none left. */
mt_err mt_events_pop(mt_events *q, mt_event *out) MT_MUST_CHECK;

#endif
