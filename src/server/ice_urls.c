#include "server/ice_urls.h"

#include <string.h>

#include "base/addr.h"

static bool is_label_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_name(mt_slice host) {
    for (size_t i = 0; i < host.len; i++) {
        if (!is_label_char(host.p[i]))
            return false;
    }
    return host.len > 0 && is_label_char(host.p[0]) && host.p[0] != '-' && host.p[0] != '.';
}

/* "[2001:db8::1]", up to the bracket. */
static bool is_bracketed(mt_slice host) {
    char text[64];
    mt_addr a;
    if (host.len < 3 || host.len + 3 > sizeof text || host.p[host.len - 1] != ']')
        return false;
    memcpy(text, host.p, host.len);
    memcpy(text + host.len, ":1", 3);
    return mt_addr_parse(mt_slice_of(text), &a) == MT_OK;
}

static bool is_host_port(mt_slice s) {
    mt_slice host = s, port = {NULL, 0};
    bool bracket = s.len > 0 && s.p[0] == '[';
    size_t end = bracket ? mt_slice_find(s, ']') + 1 : mt_slice_find(s, ':');
    if (end < s.len) {
        if (s.p[end] != ':')
            return false;
        host = mt_slice_n(s.p, end);
        port = mt_slice_n(s.p + end + 1, s.len - end - 1);
    }
    uint64_t number;
    bool port_good = port.p == NULL || (mt_slice_to_u64(port, 65535, &number) == MT_OK && number > 0);
    return port_good && (bracket ? is_bracketed(host) : is_name(host));
}

static bool is_url(mt_slice url, bool turn) {
    mt_slice rest = url;
    mt_slice scheme = mt_slice_cut(&rest, ':');
    mt_slice where = mt_slice_cut(&rest, '?');
    bool known = turn ? mt_slice_is(scheme, "turn") || mt_slice_is(scheme, "turns")
                      : mt_slice_is(scheme, "stun") || mt_slice_is(scheme, "stuns");
    bool asks = where.p + where.len < url.p + url.len; /* there is a '?' */
    bool transport = mt_slice_is(rest, "transport=udp") || mt_slice_is(rest, "transport=tcp");
    return known && is_host_port(where) && (!asks || (turn && transport));
}

static bool is_gap(char c) {
    return c == ',' || c == ' ' || c == '\t';
}

mt_err mt_ice_urls_add(mt_ice_urls *u, mt_slice list, bool turn) {
    mt_ice_urls sum = *u;
    size_t before = sum.count;
    for (size_t i = 0; i < list.len;) {
        size_t end = i;
        while (end < list.len && !is_gap(list.p[end]))
            end++;
        mt_slice url = mt_slice_n(list.p + i, end - i);
        i = end + 1;
        if (url.len == 0)
            continue;
        if (!is_url(url, turn))
            return MT_EBAD;
        if (sum.count == MT_ICE_URLS_MAX || url.len > MT_ICE_URL_BYTES)
            return MT_ELIMIT;
        memcpy(sum.at[sum.count], url.p, url.len);
        sum.at[sum.count++][url.len] = '\0';
    }
    if (sum.count == before)
        return MT_EBAD;
    *u = sum;
    return MT_OK;
}

void mt_ice_urls_format(const mt_ice_urls *u, mt_buf *out) {
    for (size_t i = 0; i < u->count; i++)
        mt_buf_printf(out, "%s%s", i > 0 ? ", " : "", u->at[i]);
}

bool mt_ice_urls_same(const mt_ice_urls *a, const mt_ice_urls *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->at[i], b->at[i]) == 0;
    return same;
}
