#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void set_v4(mt_addr *a, const void *ip, in_port_t port_be) {
    memset(a, 0, sizeof(*a));
    a->in.sin_family = AF_INET;
    a->in.sin_port = port_be;
    memcpy(&a->in.sin_addr, ip, sizeof(a->in.sin_addr));
}

static void set_v6(mt_addr *a, const struct in6_addr *ip, in_port_t port_be, uint32_t scope) {
    if (IN6_IS_ADDR_V4MAPPED(ip)) {
        set_v4(a, ip->s6_addr + 12, port_be);
        return;
    }
    memset(a, 0, sizeof(*a));
    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_port = port_be;
    a->in6.sin6_addr = *ip;
    a->in6.sin6_scope_id = scope;
}

mt_err mt_addr_from_sockaddr(const struct sockaddr *sa, mt_addr *out) {
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        set_v4(out, &in.sin_addr, in.sin_port);
        return MT_OK;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        set_v6(out, &in6.sin6_addr, in6.sin6_port, in6.sin6_scope_id);
        return MT_OK;
    }
    return MT_EINVAL;
}

/* Splits "host:port" or "[host]:port". */
static bool split(mt_slice s, bool *v6, mt_slice *host, mt_slice *port) {
    *v6 = s.len > 0 && s.p[0] == '[';
    if (*v6) {
        mt_slice rest = mt_slice_n(s.p + 1, s.len - 1);
        *host = mt_slice_cut(&rest, ']');
        if (rest.len < 2 || rest.p[0] != ':')
            return false;
        *port = mt_slice_n(rest.p + 1, rest.len - 1);
        return true;
    }
    *port = s;
    *host = mt_slice_cut(port, ':');
    return true;
}

mt_err mt_addr_parse(mt_slice s, mt_addr *out) {
    bool v6;
    mt_slice host, port;
    uint64_t number;
    char text[INET6_ADDRSTRLEN];
    if (!split(s, &v6, &host, &port) || host.len >= sizeof(text) || mt_slice_find(host, '\0') != host.len)
        return MT_EBAD;
    if (port.len > 5 || mt_slice_to_u64(port, UINT16_MAX, &number) != MT_OK)
        return MT_EBAD;
    if (host.len > 0)
        memcpy(text, host.p, host.len);
    text[host.len] = '\0';
    if (v6) {
        struct in6_addr ip;
        if (inet_pton(AF_INET6, text, &ip) != 1)
            return MT_EBAD;
        set_v6(out, &ip, htons((uint16_t)number), 0);
        return MT_OK;
    }
    struct in_addr ip;
    if (inet_pton(AF_INET, text, &ip) != 1)
        return MT_EBAD;
    set_v4(out, &ip, htons((uint16_t)number));
    return MT_OK;
}

/* inet_ntop goes through printf; this is in the way of each SIP message. */
static void format_ip4(const struct in_addr *ip, char *out) {
    const uint8_t *b = (const uint8_t *)&ip->s_addr;
    for (int i = 0; i < 4; i++) {
        if (b[i] >= 100)
            *out++ = (char)('0' + b[i] / 100);
        if (b[i] >= 10)
            *out++ = (char)('0' + b[i] / 10 % 10);
        *out++ = (char)('0' + b[i] % 10);
        *out++ = i < 3 ? '.' : '\0';
    }
}

void mt_addr_format_ip(const mt_addr *a, char out[MT_ADDR_STRLEN]) {
    if (a->sa.sa_family == AF_INET) {
        format_ip4(&a->in.sin_addr, out);
        return;
    }
    const void *ip = a->sa.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr : (const void *)&a->in.sin_addr;
    if (inet_ntop(a->sa.sa_family, ip, out, MT_ADDR_STRLEN) == NULL)
        snprintf(out, MT_ADDR_STRLEN, "?");
}

mt_err mt_addr_parse_ip(mt_slice s, mt_addr *out) {
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (s.len == 0 || s.len >= sizeof(text) || mt_slice_find(s, '\0') != s.len)
        return MT_EBAD;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        set_v4(out, &v4, 0);
    else if (inet_pton(AF_INET6, text, &v6) == 1)
        set_v6(out, &v6, 0, 0);
    else
        return MT_EBAD;
    return MT_OK;
}

void mt_addr_format(const mt_addr *a, char out[MT_ADDR_STRLEN]) {
    char ip[MT_ADDR_STRLEN];
    mt_addr_format_ip(a, ip);
    bool v6 = a->sa.sa_family == AF_INET6;
    snprintf(out, MT_ADDR_STRLEN, v6 ? "[%.*s]:%u" : "%.*s:%u", INET6_ADDRSTRLEN, ip, (unsigned)mt_addr_port(a));
}

uint16_t mt_addr_port(const mt_addr *a) {
    return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void mt_addr_set_port(mt_addr *a, uint16_t port) {
    if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons(port);
    else
        a->in.sin_port = htons(port);
}

socklen_t mt_addr_len(const mt_addr *a) {
    return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

bool mt_addr_eq_ip(const mt_addr *a, const mt_addr *b) {
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    if (a->sa.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
           a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool mt_addr_eq(const mt_addr *a, const mt_addr *b) {
    return mt_addr_eq_ip(a, b) && mt_addr_port(a) == mt_addr_port(b);
}

bool mt_addr_is_loopback(const mt_addr *a) {
    if (a->sa.sa_family == AF_INET)
        return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

size_t mt_addr_limit_key(const mt_addr *a, uint8_t out[8]) {
    bool v6 = a->sa.sa_family == AF_INET6;
    size_t len = v6 ? 8 : 4;
    memcpy(out, v6 ? (const void *)&a->in6.sin6_addr : (const void *)&a->in.sin_addr, len);
    return len;
}
