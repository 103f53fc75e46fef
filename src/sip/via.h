/* One Via value. RFC 3261 sections 20.42 and 25.1, RFC 3581. Private to src/sip; mt_sip_via itself is in msg.h. */
#ifndef MT_SIP_VIA_H
#define MT_SIP_VIA_H

#include "sip/msg.h"

mt_err mt_sip_via_parse(mt_slice s, mt_sip_via *out) MT_MUST_CHECK; /* MT_EBAD */

#endif
