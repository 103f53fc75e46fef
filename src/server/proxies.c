#include "server/proxies.h"

#include <arpa/inet.h>
#include <string.h>

static size_t raw_bytes(const mt_addr *a, uint8_t out[16]) {
    if (a->sa.sa_family == AF_INET) {
        memcpy(out, &a->in.sin_addr, 4);
        return 4;
    }
    if (a->sa.sa_family == AF_INET6) {
        memcpy(out, &a->in6.sin6_addr, 16);
        return 16;
    }
    return 0;
}

/* An address alone, without port and brackets. */
static mt_err parse_ip(mt_slice s, mt_addr *out) {
    char text[INET6_ADDRSTRLEN];
    if (s.len == 0 || s.len >= sizeof text || memchr(s.p, '\0', s.len) != NULL)
        return MT_EBAD;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    union {
        struct sockaddr_storage room;
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u = {.room = {0}};
    if (inet_pton(AF_INET, text, &u.in.sin_addr) == 1)
        u.in.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &u.in6.sin6_addr) == 1)
        u.in6.sin6_family = AF_INET6;
    else
        return MT_EBAD;
    return mt_addr_from_sockaddr(&u.sa, out) == MT_OK ? MT_OK : MT_EBAD;
}

static bool rest_is_zero(const mt_network *n) {
    for (unsigned bit = n->bits; bit < 8u * n->len_bytes; bit++) {
        if ((n->bytes[bit / 8] >> (7 - bit % 8)) & 1)
            return false;
    }
    return true;
}

static mt_err parse_network(mt_slice item, mt_network *out) {
    mt_slice rest = item, ip = mt_slice_cut(&rest, '/');
    mt_addr a;
    mt_network n = {.bits = 0};
    if (parse_ip(ip, &a) != MT_OK)
        return MT_EBAD;
    n.len_bytes = (uint8_t)raw_bytes(&a, n.bytes);
    uint64_t bits = 8u * n.len_bytes;
    if (ip.len < item.len && mt_slice_to_u64(rest, bits, &bits) != MT_OK)
        return MT_EBAD;
    n.bits = (uint8_t)bits;
    if (!rest_is_zero(&n))
        return MT_EBAD;
    *out = n;
    return MT_OK;
}

mt_err mt_proxies_add(mt_proxies *p, mt_slice list) {
    mt_proxies sum = *p;
    size_t at = 0;
    while (at < list.len) {
        size_t end = at;
        while (end < list.len && strchr(", \t", list.p[end]) == NULL)
            end++;
        mt_slice item = mt_slice_n(list.p + at, end - at);
        at = end + 1;
        if (item.len == 0)
            continue;
        if (sum.count == MT_PROXIES_MAX)
            return MT_ELIMIT;
        if (parse_network(item, &sum.nets[sum.count]) != MT_OK)
            return MT_EBAD;
        sum.count++;
    }
    *p = sum;
    return MT_OK;
}

void mt_proxies_format(const mt_proxies *p, mt_buf *out) {
    for (size_t i = 0; i < p->count; i++) {
        const mt_network *n = &p->nets[i];
        char text[INET6_ADDRSTRLEN] = "";
        (void)inet_ntop(n->len_bytes == 4 ? AF_INET : AF_INET6, n->bytes, text, sizeof text);
        mt_buf_printf(out, "%s%s/%u", i > 0 ? ", " : "", text, (unsigned)n->bits);
    }
}

static bool holds(const mt_network *n, const uint8_t *bytes) {
    unsigned whole = n->bits / 8u, left = n->bits % 8u;
    if (memcmp(n->bytes, bytes, whole) != 0)
        return false;
    return left == 0 || ((n->bytes[whole] ^ bytes[whole]) >> (8 - left)) == 0;
}

bool mt_proxies_trusts(const mt_proxies *p, const mt_addr *a) {
    if (p->count == 0)
        return false;
    uint8_t bytes[16] = {0};
    size_t len = raw_bytes(a, bytes);
    for (size_t i = 0; i < p->count; i++) {
        if (p->nets[i].len_bytes == len && holds(&p->nets[i], bytes))
            return true;
    }
    return false;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static mt_err parse_node(mt_slice s, mt_addr *out) {
    mt_slice ip = s;
    if (s.len > 0 && s.p[0] == '[') {
        size_t end = mt_slice_find(s, ']');
        if (end == s.len || (end + 1 < s.len && s.p[end + 1] != ':'))
            return MT_EBAD;
        ip = mt_slice_n(s.p + 1, end - 1);
    } else if (mt_slice_find(s, '.') < s.len) {
        size_t colon = mt_slice_find(s, ':');
        mt_slice tail = mt_slice_n(s.p + colon, s.len - colon);
        if (mt_slice_find(tail, '.') == tail.len) /* else "::ffff:192.0.2.1" */
            ip = mt_slice_n(s.p, colon);
    }
    return parse_ip(ip, out);
}

/* Cuts *rest at the first c outside double quotes (RFC 7239 section 4). */
static mt_slice cut_unquoted(mt_slice *rest, char c) {
    bool quoted = false;
    for (size_t i = 0; i < rest->len; i++) {
        if (quoted && rest->p[i] == '\\')
            i++;
        else if (rest->p[i] == '"')
            quoted = !quoted;
        else if (rest->p[i] == c && !quoted) {
            mt_slice before = mt_slice_n(rest->p, i);
            *rest = mt_slice_n(rest->p + i + 1, rest->len - i - 1);
            return before;
        }
    }
    mt_slice all = *rest;
    *rest = mt_slice_n(rest->p + rest->len, 0);
    return all;
}

/* The node of for= in an element of Forwarded; empty: there is none. */
static mt_slice for_node(mt_slice element) {
    while (element.len > 0) {
        mt_slice value = mt_slice_trim(cut_unquoted(&element, ';'));
        mt_slice name = mt_slice_trim(mt_slice_cut(&value, '='));
        value = mt_slice_trim(value);
        if (!mt_slice_is_nocase(name, "for"))
            continue;
        if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
            value = mt_slice_n(value.p + 1, value.len - 2);
        return value;
    }
    return element;
}

static void step(const mt_proxies *p, mt_proxies_trail *t, mt_slice node) {
    mt_addr a;
    if (parse_node(node, &a) != MT_OK) { /* "unknown", "_hidden", rubbish */
        t->lost = true;
        return;
    }
    /* From left to right: whoever stands left of an untrusted one may be an invention of his. */
    if (!mt_proxies_trusts(p, &a) || t->lost || t->client.sa.sa_family == AF_UNSPEC)
        t->client = a;
    t->lost = false;
}

void mt_proxies_follow(const mt_proxies *p, mt_proxies_trail *t, mt_proxies_header kind, mt_slice line) {
    while (line.len > 0) {
        mt_slice element =
            mt_slice_trim(kind == MT_PROXIES_FORWARDED ? cut_unquoted(&line, ',') : mt_slice_cut(&line, ','));
        if (element.len > 0)
            step(p, t, kind == MT_PROXIES_FORWARDED ? for_node(element) : element);
    }
}

mt_addr mt_proxies_end(const mt_proxies_trail *t, const mt_addr *peer) {
    return t->lost || t->client.sa.sa_family == AF_UNSPEC ? *peer : t->client;
}
