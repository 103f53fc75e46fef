/* Tables of methods, headers, faults and status phrases. */
#include "sip/msg.h"
#include "sip/write.h"

static const char *const methods[] = {
    [MT_SIP_METHOD_OTHER] = "",
    [MT_SIP_METHOD_INVITE] = "INVITE",
    [MT_SIP_METHOD_ACK] = "ACK",
    [MT_SIP_METHOD_BYE] = "BYE",
    [MT_SIP_METHOD_CANCEL] = "CANCEL",
    [MT_SIP_METHOD_REGISTER] = "REGISTER",
    [MT_SIP_METHOD_OPTIONS] = "OPTIONS",
    [MT_SIP_METHOD_INFO] = "INFO",
    [MT_SIP_METHOD_PRACK] = "PRACK",
    [MT_SIP_METHOD_UPDATE] = "UPDATE",
    [MT_SIP_METHOD_MESSAGE] = "MESSAGE",
    [MT_SIP_METHOD_REFER] = "REFER",
    [MT_SIP_METHOD_SUBSCRIBE] = "SUBSCRIBE",
    [MT_SIP_METHOD_NOTIFY] = "NOTIFY",
    [MT_SIP_METHOD_PUBLISH] = "PUBLISH",
};
#define METHOD_COUNT (sizeof methods / sizeof methods[0])

const char *mt_sip_method_str(mt_sip_method m) {
    return (size_t)m < METHOD_COUNT ? methods[m] : "";
}

mt_sip_method mt_sip_method_of(mt_slice name) {
    for (size_t i = 1; i < METHOD_COUNT; i++)
        if (name.len > 0 && name.p[0] == methods[i][0] && mt_slice_is(name, methods[i]))
            return (mt_sip_method)i;
    return MT_SIP_METHOD_OTHER;
}

typedef struct header_row {
    mt_slice name;
    char compact; /* 0: none */
} header_row;

#define ROW(text, letter)                                                                                              \
    { {text, sizeof(text) - 1}, letter }
static const header_row header_rows[] = {
    [MT_SIP_H_OTHER] = ROW("", 0),
    [MT_SIP_H_VIA] = ROW("Via", 'v'),
    [MT_SIP_H_TO] = ROW("To", 't'),
    [MT_SIP_H_FROM] = ROW("From", 'f'),
    [MT_SIP_H_CALL_ID] = ROW("Call-ID", 'i'),
    [MT_SIP_H_CSEQ] = ROW("CSeq", 0),
    [MT_SIP_H_MAX_FORWARDS] = ROW("Max-Forwards", 0),
    [MT_SIP_H_CONTENT_LENGTH] = ROW("Content-Length", 'l'),
    [MT_SIP_H_CONTENT_TYPE] = ROW("Content-Type", 'c'),
    [MT_SIP_H_CONTENT_ENCODING] = ROW("Content-Encoding", 'e'),
    [MT_SIP_H_CONTENT_DISPOSITION] = ROW("Content-Disposition", 0),
    [MT_SIP_H_CONTACT] = ROW("Contact", 'm'),
    [MT_SIP_H_EXPIRES] = ROW("Expires", 0),
    [MT_SIP_H_MIN_EXPIRES] = ROW("Min-Expires", 0),
    [MT_SIP_H_ROUTE] = ROW("Route", 0),
    [MT_SIP_H_RECORD_ROUTE] = ROW("Record-Route", 0),
    [MT_SIP_H_AUTHORIZATION] = ROW("Authorization", 0),
    [MT_SIP_H_PROXY_AUTHORIZATION] = ROW("Proxy-Authorization", 0),
    [MT_SIP_H_WWW_AUTHENTICATE] = ROW("WWW-Authenticate", 0),
    [MT_SIP_H_PROXY_AUTHENTICATE] = ROW("Proxy-Authenticate", 0),
    [MT_SIP_H_REQUIRE] = ROW("Require", 0),
    [MT_SIP_H_PROXY_REQUIRE] = ROW("Proxy-Require", 0),
    [MT_SIP_H_SUPPORTED] = ROW("Supported", 'k'),
    [MT_SIP_H_UNSUPPORTED] = ROW("Unsupported", 0),
    [MT_SIP_H_ALLOW] = ROW("Allow", 0),
    [MT_SIP_H_ACCEPT] = ROW("Accept", 0),
    [MT_SIP_H_RSEQ] = ROW("RSeq", 0),
    [MT_SIP_H_RACK] = ROW("RAck", 0),
    [MT_SIP_H_SESSION_EXPIRES] = ROW("Session-Expires", 'x'),
    [MT_SIP_H_MIN_SE] = ROW("Min-SE", 0),
    [MT_SIP_H_REASON] = ROW("Reason", 0),
    [MT_SIP_H_RETRY_AFTER] = ROW("Retry-After", 0),
    [MT_SIP_H_USER_AGENT] = ROW("User-Agent", 0),
    [MT_SIP_H_SUBJECT] = ROW("Subject", 's'),
    [MT_SIP_H_REFER_TO] = ROW("Refer-To", 'r'),
    [MT_SIP_H_REFERRED_BY] = ROW("Referred-By", 'b'),
    [MT_SIP_H_EVENT] = ROW("Event", 'o'),
    [MT_SIP_H_ALLOW_EVENTS] = ROW("Allow-Events", 'u'),
};
#define HEADER_COUNT (sizeof header_rows / sizeof header_rows[0])

const char *mt_sip_header_name(mt_sip_header_id id) {
    return (size_t)id < HEADER_COUNT ? header_rows[id].name.p : "";
}

mt_sip_header_id mt_sip_header_id_of(mt_slice name) {
    if (name.len == 0)
        return MT_SIP_H_OTHER;
    char first = (char)(name.p[0] | 0x20);
    for (size_t i = 1; i < HEADER_COUNT; i++) {
        const header_row *row = &header_rows[i];
        if (name.len == 1
                ? row->compact == first
                : row->name.len == name.len && (row->name.p[0] | 0x20) == first && mt_slice_eq_nocase(row->name, name))
            return (mt_sip_header_id)i;
    }
    return MT_SIP_H_OTHER;
}

const char *mt_sip_bad_str(mt_sip_bad bad) {
    static const char *const phrases[] = {
        [MT_SIP_BAD_NONE] = "",
        [MT_SIP_BAD_NUL] = "NUL in Head",
        [MT_SIP_BAD_FRAME] = "Bad Framing",
        [MT_SIP_BAD_START_LINE] = "Bad Start Line",
        [MT_SIP_BAD_VERSION] = "Version Not Supported",
        [MT_SIP_BAD_URI] = "Bad Request-URI",
        [MT_SIP_BAD_HEADER] = "Bad Header",
        [MT_SIP_BAD_MISSING] = "Missing Header",
        [MT_SIP_BAD_TWICE] = "Header Given Twice",
        [MT_SIP_BAD_VIA] = "Bad Via",
        [MT_SIP_BAD_TO] = "Bad To",
        [MT_SIP_BAD_FROM] = "Bad From",
        [MT_SIP_BAD_CALL_ID] = "Bad Call-ID",
        [MT_SIP_BAD_CSEQ] = "Bad CSeq",
        [MT_SIP_BAD_MAX_FORWARDS] = "Bad Max-Forwards",
        [MT_SIP_BAD_CONTENT_LENGTH] = "Bad Content-Length",
        [MT_SIP_BAD_CONTENT_TYPE] = "Bad Content-Type",
        [MT_SIP_BAD_CONTACT] = "Bad Contact",
        [MT_SIP_BAD_EXPIRES] = "Bad Expires",
        [MT_SIP_BAD_ROUTE] = "Bad Route",
        [MT_SIP_BAD_LIMIT] = "Message Too Large",
    };
    return (size_t)bad < sizeof phrases / sizeof phrases[0] ? phrases[bad] : "";
}

static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    {100, "Trying"},
    {180, "Ringing"},
    {181, "Call Is Being Forwarded"},
    {182, "Queued"},
    {183, "Session Progress"},
    {200, "OK"},
    {202, "Accepted"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {423, "Interval Too Brief"},
    {430, "Flow Failed"},
    {439, "First Hop Lacks Outbound Support"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {484, "Address Incomplete"},
    {485, "Ambiguous"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {493, "Undecipherable"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {513, "Message Too Large"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
    {604, "Does Not Exist Anywhere"},
    {606, "Not Acceptable"},
};

const char *mt_sip_reason(unsigned status) {
    static const char *const classes[] = {"Progress",      "OK", "Redirected", "Request Failure", "Server Failure",
                                          "Global Failure"};
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return status >= 100 && status < 700 ? classes[status / 100 - 1] : "Unknown";
}
