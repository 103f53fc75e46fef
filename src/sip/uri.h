/* SIP URIs, addresses (name-addr, addr-spec) and parameters: pure parsers that borrow slices of their input.
 * RFC 3261 sections 19.1, 20.10 and 25.1. Nothing allocates; every function may be called from any thread. */
#ifndef MT_SIP_URI_H
#define MT_SIP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

typedef enum mt_sip_scheme {
    MT_SIP_SCHEME_SIP,
    MT_SIP_SCHEME_SIPS,
    MT_SIP_SCHEME_TEL,
    MT_SIP_SCHEME_OTHER, /* any other well-formed scheme: 416 in a Request-URI */
} mt_sip_scheme;

/* Of a tel or other URI only raw, scheme and scheme_name are set, the rest is empty. */
typedef struct mt_sip_uri {
    mt_slice raw; /* whole, as it stands */
    mt_slice scheme_name;
    mt_slice user;      /* still percent-encoded; empty with has_user false */
    mt_slice password;  /* still percent-encoded */
    mt_slice host;      /* IPv6 without its brackets */
    mt_slice params;    /* "" or from the first ';' on */
    mt_slice headers;   /* what follows '?' */
    mt_slice transport; /* value of ;transport=, else empty */
    mt_sip_scheme scheme;
    uint16_t port; /* 0: none given */
    bool has_user;
    bool host_is_ipv6;
    bool lr;
    bool user_phone;
} mt_sip_uri;

/* s is the URI alone, without <> or white space. MT_EBAD: malformed. */
mt_err mt_sip_uri_parse(mt_slice s, mt_sip_uri *out) MT_MUST_CHECK;

/* The user part percent-decoded into buf (not NUL-terminated); *out points into buf, or into the URI where nothing is
 * encoded. MT_ELIMIT: buf is too small. MT_EBAD: %00. MT_ENOENT: no user part. */
mt_err mt_sip_uri_user(const mt_sip_uri *u, char *buf, size_t buf_bytes, mt_slice *out) MT_MUST_CHECK;

/* host [":" port], as in Via's sent-by. MT_EBAD. Outputs: host without brackets, port 0 if none. */
mt_err mt_sip_uri_hostport(mt_slice s, mt_slice *host, bool *is_ipv6, uint16_t *port) MT_MUST_CHECK;

/* One element of From, To, Contact, Route, Record-Route. */
typedef struct mt_sip_addr {
    mt_slice raw;     /* the element without white space around it */
    mt_slice display; /* display name as it stands (a quoted string with its quotes), or empty */
    mt_slice params;  /* header parameters: "" or from their first ';' on; check with mt_sip_param */
    mt_slice tag;     /* value of ;tag=, else empty */
    mt_sip_uri uri;
} mt_sip_addr;

/* Without <> everything behind a ';' belongs to the header, and ',' '?' are refused (RFC 3261 section 20). MT_EBAD. */
mt_err mt_sip_addr_parse(mt_slice s, mt_sip_addr *out) MT_MUST_CHECK;

/* A parameter of ";a=b;c;d=\"e\"" by name, without regard to case. True if it is there; *value is then the value as it
 * stands (a quoted string with its quotes), empty where it has none. value may be NULL. */
bool mt_sip_param(mt_slice params, const char *name, mt_slice *value);

/* A Contact's expires parameter in seconds; missing or malformed: fallback. At most 2^32-1. */
int64_t mt_sip_contact_expires(const mt_sip_addr *contact, int64_t fallback_s);
/* A Contact's q in thousandths, 1000 if missing, -1 if malformed. */
int mt_sip_contact_q(const mt_sip_addr *contact);

/* Content of a quoted string without quotes and escapes, copied into buf; a token is returned as it is.
 * MT_EBAD: not well-formed. MT_ELIMIT: buf is too small. */
mt_err mt_sip_unquote(mt_slice s, char *buf, size_t buf_bytes, mt_slice *out) MT_MUST_CHECK;

#endif
