/* ICE candidate lines, RFC 8839 section 5.1: strict, for what passes goes on to the ICE agent. */
#include <arpa/inet.h>
#include <stdio.h>

#include "link/sdp_internal.h"

bool mt_sdp_is_ice_chars(mt_slice s, size_t min, size_t max) {
    if (s.len < min || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        if (!ok)
            return false;
    }
    return true;
}

/* The next word; words are parted by exactly one space. */
static bool take(mt_slice *rest, mt_slice *word) {
    *word = mt_slice_cut(rest, ' ');
    for (size_t i = 0; i < word->len; i++)
        if (word->p[i] <= ' ' || word->p[i] > '~')
            return false;
    return word->len > 0;
}

static bool take_number(mt_slice *rest, uint64_t max, uint64_t *out) {
    mt_slice word;
    return take(rest, &word) && word.len <= 10 && mt_slice_to_u64(word, max, out) == MT_OK;
}

static bool parse_ip(mt_slice s, uint16_t port, mt_addr *out) {
    char text[INET6_ADDRSTRLEN];
    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    mt_addr a;
    memset(&a, 0, sizeof a);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr *sa = (const struct sockaddr *)&in;
    if (inet_pton(AF_INET, text, &in.sin_addr) != 1) {
        sa = (const struct sockaddr *)&in6;
        if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
            return false;
    }
    return mt_addr_from_sockaddr(sa, out) == MT_OK;
}

static bool is_unspecified(const mt_addr *a) {
    if (a->sa.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static bool is_multicast(const mt_addr *a) {
    if (a->sa.sa_family == AF_INET)
        return ntohl(a->in.sin_addr.s_addr) >> 28 >= 14; /* 224.0.0.0/4, and 240.0.0.0/4 with the broadcast address */
    return IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
}

/* A multicast DNS name: letters, digits, '-' and '.', ending in ".local". */
static bool is_mdns(mt_slice s) {
    static const char suffix[] = ".local";
    const size_t n = sizeof suffix - 1;
    if (s.len <= n || s.len > 255 || !mt_slice_is_nocase(mt_slice_n(s.p + s.len - n, n), suffix))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
            return false;
    }
    return true;
}

static const char *const type_names[] = {
    [MT_SDP_HOST] = "host", [MT_SDP_SRFLX] = "srflx", [MT_SDP_PRFLX] = "prflx", [MT_SDP_RELAY] = "relay"};

const char *mt_sdp_candidate_type_str(mt_sdp_candidate_type type) {
    return (unsigned)type < sizeof type_names / sizeof type_names[0] ? type_names[type] : "";
}

static bool take_type(mt_slice *rest, mt_sdp_candidate_type *out) {
    mt_slice word;
    if (!take(rest, &word) || !mt_slice_is_nocase(word, "typ") || !take(rest, &word))
        return false;
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (mt_slice_is_nocase(word, type_names[i])) {
            *out = (mt_sdp_candidate_type)i;
            return true;
        }
    }
    return false;
}

/* raddr, rport and extensions come in pairs of name and value; none of them is needed, all must be well-formed. */
static bool extensions_ok(mt_slice rest) {
    while (rest.len > 0) {
        mt_slice name, value;
        uint64_t port;
        mt_addr addr;
        if (!take(&rest, &name) || !take(&rest, &value))
            return false;
        if (mt_slice_is_nocase(name, "raddr") && !parse_ip(value, 0, &addr) && !is_mdns(value))
            return false;
        if (mt_slice_is_nocase(name, "rport") && mt_slice_to_u64(value, 65535, &port) != MT_OK)
            return false;
    }
    return true;
}

static void rebuild(mt_slice foundation, mt_sdp_candidate *c) {
    char ip[MT_ADDR_STRLEN];
    mt_addr_format_ip(&c->addr, ip);
    /* Related addresses say where a host sits and serve nothing: blanked, but their place is kept (RFC 8839 asks for
     * it). */
    const char *any = c->addr.sa.sa_family == AF_INET ? "0.0.0.0" : "::";
    const char *related = c->type == MT_SDP_HOST ? "" : " raddr ";
    (void)snprintf(c->line, sizeof c->line, "a=candidate:%.*s 1 UDP %u %s %u typ %s%s%s%s", (int)foundation.len,
                   foundation.p, (unsigned)c->priority, ip, (unsigned)mt_addr_port(&c->addr), type_names[c->type],
                   related, *related != '\0' ? any : "", *related != '\0' ? " rport 0" : "");
}

mt_err mt_sdp_candidate_parse(mt_slice line, mt_sdp_candidate *out) {
    mt_slice rest = line, foundation, transport, address;
    uint64_t component, priority, port;
    mt_sdp_candidate c = {.priority = 0};
    if (mt_slice_starts_nocase(rest, "a="))
        rest = mt_slice_n(rest.p + 2, rest.len - 2);
    if (line.len > MT_SDP_MAX_LINE_BYTES || !mt_slice_starts_nocase(rest, "candidate:"))
        return MT_EBAD;
    rest = mt_slice_n(rest.p + 10, rest.len - 10);
    if (!take(&rest, &foundation) || !mt_sdp_is_ice_chars(foundation, 1, 32) || !take_number(&rest, 256, &component) ||
        component == 0 || !take(&rest, &transport) || !take_number(&rest, INT32_MAX, &priority) || priority == 0 ||
        !take(&rest, &address) || !take_number(&rest, 65535, &port) || !take_type(&rest, &c.type) ||
        !extensions_ok(rest))
        return MT_EBAD;
    if (line.p[line.len - 1] == ' ')
        return MT_EBAD;
    if (!mt_slice_is_nocase(transport, "udp") || component != 1 || is_mdns(address))
        return MT_ENOENT;
    if (!parse_ip(address, (uint16_t)port, &c.addr) || is_multicast(&c.addr))
        return MT_EBAD;
    if (port == 0 || is_unspecified(&c.addr))
        return MT_ENOENT;
    c.priority = (uint32_t)priority;
    rebuild(foundation, &c);
    *out = c;
    return MT_OK;
}

mt_err mt_sdp_add_candidate(mt_sdp *sdp, mt_slice line) {
    if (sdp->candidate_count == MT_SDP_MAX_CANDIDATES)
        return MT_ELIMIT;
    mt_err err = mt_sdp_candidate_parse(line, &sdp->candidates[sdp->candidate_count]);
    if (err == MT_OK)
        sdp->candidate_count++;
    return err;
}
