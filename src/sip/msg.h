/* SIP messages: a pure parser without allocation. RFC 3261 sections 7, 18.3, 20 and 25; RFC 3581 (rport), 7118 (WS).
 *
 * A parsed message borrows slices of the input and is valid as long as that is. It is about 15 KiB: keep one, do not
 * copy it. Values may hold folds (CRLF followed by SP or HTAB); mt_sip_write_header collapses them. Any thread. */
#ifndef MT_SIP_MSG_H
#define MT_SIP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "sip/uri.h"

#define MT_SIP_MAX_HEADERS 64
#define MT_SIP_MAX_VIAS 40 /* RFC 4475 3.1.1.7 has 34 */
#define MT_SIP_MAX_CONTACTS 8
#define MT_SIP_MAX_ROUTES 16       /* of Route, and of Record-Route */
#define MT_SIP_MAX_HEAD_BYTES 8192 /* start line and headers */
#define MT_SIP_MAX_MESSAGE_BYTES 32768
#define MT_SIP_MAX_CSEQ 2147483647u

typedef enum mt_sip_method {
    MT_SIP_METHOD_OTHER, /* an extension: compare mt_sip_msg.method_name, which is case-sensitive */
    MT_SIP_METHOD_INVITE,
    MT_SIP_METHOD_ACK,
    MT_SIP_METHOD_BYE,
    MT_SIP_METHOD_CANCEL,
    MT_SIP_METHOD_REGISTER,
    MT_SIP_METHOD_OPTIONS,
    MT_SIP_METHOD_INFO,
    MT_SIP_METHOD_PRACK,
    MT_SIP_METHOD_UPDATE,
    MT_SIP_METHOD_MESSAGE,
    MT_SIP_METHOD_REFER,
    MT_SIP_METHOD_SUBSCRIBE,
    MT_SIP_METHOD_NOTIFY,
    MT_SIP_METHOD_PUBLISH,
} mt_sip_method;

const char *mt_sip_method_str(mt_sip_method m); /* "INVITE" …; "" for OTHER */
mt_sip_method mt_sip_method_of(mt_slice name);

/* Compact forms have the id of their long form. */
typedef enum mt_sip_header_id {
    MT_SIP_H_OTHER,
    MT_SIP_H_VIA,
    MT_SIP_H_TO,
    MT_SIP_H_FROM,
    MT_SIP_H_CALL_ID,
    MT_SIP_H_CSEQ,
    MT_SIP_H_MAX_FORWARDS,
    MT_SIP_H_CONTENT_LENGTH,
    MT_SIP_H_CONTENT_TYPE,
    MT_SIP_H_CONTENT_ENCODING,
    MT_SIP_H_CONTENT_DISPOSITION,
    MT_SIP_H_CONTACT,
    MT_SIP_H_EXPIRES,
    MT_SIP_H_MIN_EXPIRES,
    MT_SIP_H_ROUTE,
    MT_SIP_H_RECORD_ROUTE,
    MT_SIP_H_AUTHORIZATION,
    MT_SIP_H_PROXY_AUTHORIZATION,
    MT_SIP_H_WWW_AUTHENTICATE,
    MT_SIP_H_PROXY_AUTHENTICATE,
    MT_SIP_H_REQUIRE,
    MT_SIP_H_PROXY_REQUIRE,
    MT_SIP_H_SUPPORTED,
    MT_SIP_H_UNSUPPORTED,
    MT_SIP_H_ALLOW,
    MT_SIP_H_ACCEPT,
    MT_SIP_H_RSEQ,
    MT_SIP_H_RACK,
    MT_SIP_H_SESSION_EXPIRES,
    MT_SIP_H_MIN_SE,
    MT_SIP_H_REASON,
    MT_SIP_H_RETRY_AFTER,
    MT_SIP_H_USER_AGENT,
    MT_SIP_H_SUBJECT,
    MT_SIP_H_REFER_TO,
    MT_SIP_H_REFERRED_BY,
    MT_SIP_H_EVENT,
    MT_SIP_H_ALLOW_EVENTS,
} mt_sip_header_id;

const char *mt_sip_header_name(mt_sip_header_id id); /* the long form, "" for OTHER */
mt_sip_header_id mt_sip_header_id_of(mt_slice name);

typedef struct mt_sip_header {
    mt_sip_header_id id;
    mt_slice name;  /* as it stands */
    mt_slice value; /* trimmed; may hold folds */
} mt_sip_header;

typedef struct mt_sip_via {
    mt_slice raw;       /* the element: one value of a perhaps comma-joined header */
    mt_slice transport; /* "UDP", "TCP", "TLS", "WS", "WSS", … as it stands */
    mt_slice sent_by;   /* host and port as they stand */
    mt_slice host;      /* IPv6 without its brackets */
    mt_slice params;    /* "" or from the first ';' on */
    mt_slice branch, received;
    uint16_t port;  /* 0: none given */
    uint16_t rport; /* 0: none or no value */
    bool has_rport;
    bool host_is_ipv6;
} mt_sip_via;

/* Why a message is bad: the first fault that was found. */
typedef enum mt_sip_bad {
    MT_SIP_BAD_NONE,
    MT_SIP_BAD_NUL,
    MT_SIP_BAD_FRAME, /* no end of the headers, a bare CR or LF, a control character */
    MT_SIP_BAD_START_LINE,
    MT_SIP_BAD_VERSION, /* not SIP/2.0: 505 */
    MT_SIP_BAD_URI,     /* Request-URI */
    MT_SIP_BAD_HEADER,  /* a header line as such */
    MT_SIP_BAD_MISSING, /* To, From, Call-ID, CSeq or Via is not there */
    MT_SIP_BAD_TWICE,   /* a header that may be there once only */
    MT_SIP_BAD_VIA,
    MT_SIP_BAD_TO,
    MT_SIP_BAD_FROM,
    MT_SIP_BAD_CALL_ID,
    MT_SIP_BAD_CSEQ,
    MT_SIP_BAD_MAX_FORWARDS,
    MT_SIP_BAD_CONTENT_LENGTH,
    MT_SIP_BAD_CONTENT_TYPE, /* malformed, or a body without it */
    MT_SIP_BAD_CONTACT,
    MT_SIP_BAD_EXPIRES,
    MT_SIP_BAD_ROUTE,
    MT_SIP_BAD_LIMIT, /* too long, or too many headers or values: 513 */
} mt_sip_bad;

/* A reason phrase, e.g. "Bad CSeq"; "" for NONE. */
const char *mt_sip_bad_str(mt_sip_bad bad);

typedef struct mt_sip_msg {
    mt_slice raw; /* the message without what follows its body */
    bool is_request;
    mt_sip_method method; /* of a response: CSeq's */
    mt_slice method_name;
    mt_sip_uri uri;  /* request only */
    unsigned status; /* response only: 100 … 699 */
    mt_slice reason;

    mt_sip_header headers[MT_SIP_MAX_HEADERS];
    size_t header_count;
    mt_sip_via vias[MT_SIP_MAX_VIAS]; /* [0] is the top one */
    size_t via_count;
    mt_sip_addr contacts[MT_SIP_MAX_CONTACTS];
    size_t contact_count;
    bool contact_star; /* "Contact: *"; contact_count is then 0 */
    mt_sip_addr routes[MT_SIP_MAX_ROUTES];
    size_t route_count;
    mt_sip_addr record_routes[MT_SIP_MAX_ROUTES];
    size_t record_route_count;

    mt_sip_addr to, from;
    mt_slice call_id;
    uint32_t cseq;
    mt_slice cseq_method;
    int max_forwards;      /* -1: not given */
    int64_t expires_s;     /* -1: not given; clamped to 2^32-1 */
    mt_slice content_type; /* value as it stands, or empty */
    mt_slice body;

    /* After MT_EBAD or MT_ELIMIT: */
    mt_sip_bad bad;
    bool answerable;     /* a request other than ACK whose vias and method stand: may be answered with bad_status. What
                            else an answer repeats is empty where it is broken: never repeat it raw */
    unsigned bad_status; /* 400, 505 or 513 */
} mt_sip_msg;

typedef enum mt_sip_framing {
    MT_SIP_DATAGRAM, /* Content-Length may be missing (the rest is the body); bytes behind the body are discarded (18.3)
                      */
    MT_SIP_WHOLE,    /* a WebSocket message: may be missing, else must be exact */
    MT_SIP_STREAM,   /* cut by mt_sip_frame_cut: must be there and exact */
} mt_sip_framing;

/* Parses one message. out is written on failure too, see its last fields: whatever could be read before and after the
 * first fault is there. MT_EBAD: malformed, out->bad says how. MT_ELIMIT: out->bad is MT_SIP_BAD_LIMIT. A Request-URI
 * of a foreign scheme and an unknown method are no faults (answer 416 and 405 or 501). */
mt_err mt_sip_msg_parse(mt_slice input, mt_sip_framing framing, mt_sip_msg *out) MT_MUST_CHECK;

/* The next header with this id, or NULL; after NULL begins at the first one. */
const mt_sip_header *mt_sip_msg_header(const mt_sip_msg *m, mt_sip_header_id id, const mt_sip_header *after);
/* The same by name, for headers that have no id. Without regard to case. */
const mt_sip_header *mt_sip_msg_header_named(const mt_sip_msg *m, const char *name, const mt_sip_header *after);
/* Is this option tag (token, without regard to case) in any header of that id: Require, Proxy-Require, Supported, Allow
 * … */
bool mt_sip_msg_has_token(const mt_sip_msg *m, mt_sip_header_id id, const char *token);
/* Content-Type is "type/subtype", parameters aside. Without regard to case. */
bool mt_sip_msg_is_type(const mt_sip_msg *m, const char *type_subtype);

/* Cuts the next element off a comma-separated value, quoted strings and <> respected, and trims it. False: none left.
 * Empty elements are skipped. */
bool mt_sip_list_next(mt_slice *rest, mt_slice *out);

#endif
