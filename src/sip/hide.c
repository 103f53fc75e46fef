#include "sip/hide.h"

#include "base/addr.h"

#define RELAYS_MAX 64

typedef struct relays {
    mt_addr at[RELAYS_MAX];
    size_t count;
} relays;

static bool is_unspecified(const mt_addr *a) {
    if (a->sa.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == 0;
    return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static bool is_relay(const relays *r, const mt_addr *a) {
    for (size_t i = 0; i < r->count; i++) {
        if (mt_addr_eq_ip(&r->at[i], a))
            return true;
    }
    return false;
}

static bool ends_in_invalid(mt_slice host) {
    static const char name[] = ".invalid";
    size_t len = sizeof name - 1;
    return host.len > len && mt_slice_is_nocase(mt_slice_n(host.p + host.len - len, len), name);
}

static bool is_blank_host(const relays *r, mt_slice host) {
    mt_addr a;
    if (mt_addr_parse_ip(host, &a) != MT_OK)
        return ends_in_invalid(host);
    return is_unspecified(&a) || is_relay(r, &a);
}

static mt_slice next_line(mt_slice *rest) {
    mt_slice line = mt_slice_cut(rest, '\n');
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* The index-th of the words between spaces; empty: there are fewer. */
static mt_slice word(mt_slice line, size_t index) {
    mt_slice rest = line, w = {line.p, 0};
    while (rest.len > 0) {
        w = mt_slice_cut(&rest, ' ');
        if (w.len > 0 && index-- == 0)
            return w;
    }
    return (mt_slice){line.p, 0};
}

/* Behind the first eight words come pairs of name and value. */
static bool related_is_blank(mt_slice line) {
    mt_slice name;
    mt_addr a;
    for (size_t i = 8; (name = word(line, i)).len > 0; i++) {
        if (!mt_slice_is_nocase(name, "raddr"))
            continue;
        if (mt_addr_parse_ip(word(line, i + 1), &a) != MT_OK || !is_unspecified(&a))
            return false;
    }
    return true;
}

/* foundation component transport priority ADDRESS port typ TYPE … */
static bool take_candidate(relays *r, mt_slice line) {
    mt_addr a;
    if (!mt_slice_is_nocase(word(line, 6), "typ") || !mt_slice_is_nocase(word(line, 7), "relay") ||
        mt_addr_parse_ip(word(line, 4), &a) != MT_OK || !related_is_blank(line) || r->count == RELAYS_MAX)
        return false;
    r->at[r->count++] = a;
    return true;
}

static bool take_candidates(relays *r, mt_slice text) {
    bool good = true;
    while (good && text.len > 0) {
        mt_slice line = next_line(&text);
        if (mt_slice_starts_nocase(line, "a=candidate:"))
            good = take_candidate(r, line);
    }
    return good;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_v4_char(char c) {
    return is_digit(c) || c == '.';
}

static bool is_v6_char(char c) {
    return is_v4_char(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
}

/* Looks at each run of such characters: what reads as an address must be a relay's or blank. */
static bool runs_are_blank(const relays *r, mt_slice line, bool (*is_char)(char c)) {
    mt_addr a;
    for (size_t i = 0; i < line.len;) {
        size_t end = i;
        while (end < line.len && is_char(line.p[end]))
            end++;
        mt_slice run = mt_slice_n(line.p + i, end - i);
        i = end + 1;
        if (run.len > 2 && run.p[0] == ':' && run.p[1] != ':') /* behind an attribute's name */
            run = mt_slice_n(run.p + 1, run.len - 1);
        if (mt_addr_parse_ip(run, &a) == MT_OK && !is_unspecified(&a) && !is_relay(r, &a))
            return false;
    }
    return true;
}

static bool origin_is_blank(const relays *r, mt_slice line) {
    mt_slice host = word(line, 5);
    mt_addr a;
    if (mt_addr_parse_ip(host, &a) == MT_OK && mt_addr_is_loopback(&a))
        return true;
    return is_blank_host(r, host);
}

static bool line_is_blank(const relays *r, mt_slice line) {
    mt_slice host;
    if (mt_slice_starts_nocase(line, "a=candidate:"))
        return true; /* looked at already */
    if (mt_slice_starts_nocase(line, "o="))
        return origin_is_blank(r, line);
    if (mt_slice_starts_nocase(line, "c=")) {
        host = word(line, 2);
        return is_blank_host(r, mt_slice_cut(&host, '/'));
    }
    if (mt_slice_starts_nocase(line, "a=rtcp:") && word(line, 3).len > 0 && !is_blank_host(r, word(line, 3)))
        return false;
    return runs_are_blank(r, line, is_v4_char) && runs_are_blank(r, line, is_v6_char);
}

bool mt_sip_hide_is_blank(mt_slice text) {
    relays r = {.count = 0};
    bool blank = take_candidates(&r, text);
    while (blank && text.len > 0)
        blank = line_is_blank(&r, next_line(&text));
    return blank;
}

bool mt_sip_hide_body_is_blank(const mt_sip_msg *m) {
    if (m->body.len == 0)
        return true;
    const mt_sip_header *coding = mt_sip_msg_header(m, MT_SIP_H_CONTENT_ENCODING, NULL);
    return (coding == NULL || mt_slice_is_nocase(coding->value, "identity")) && mt_sip_hide_is_blank(m->body);
}
