/* --events: one JSON object (RFC 8259) a line for each event a script may care for:
 *   logged-in{name,exten,contact,relay_only} waiting{ready,online,elapsed_s} drawn{role,partner,exten} call-up
 *   secure{policy,encrypted,words,dtls,srtp,codec,relayed,setup_us,ice_us,dtls_us,channel_us} text{from,body}
 * mic{who,on} reconnecting{on} ended{reason} error{code,message,retry_s} blocked{partner} reported{partner}
 * quality{poor,loss_percent,jitter_ms,rtt_ms} */
#ifndef APP_EVENTS_H
#define APP_EVENTS_H

#include "myturn/myturn.h"

/* fd < 0: nothing is written. A reader that is gone is no error. */
void events_write(int fd, const myturn_event *event);
/* An error of this program's own. */
void events_error(int fd, const char *code, const char *message);

#endif
