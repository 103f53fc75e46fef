/* Inside src/net: answers. */
#ifndef MT_NET_HTTP_REPLY_H
#define MT_NET_HTTP_REPLY_H

#include "net/conn.h"

const char *mt_http_reason(unsigned status); /* never NULL */
/* An error of the connection's own, with Connection: close. */
void mt_http_reply_refuse(mt_conn *c, unsigned status, bool head_only);

#endif
