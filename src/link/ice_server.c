#include "link/ice_server.h"

#include <string.h>

enum { PORT = 3478, PORT_TLS = 5349 };

static bool is_host(mt_slice s, bool v6) {
    if (s.len == 0 || s.len > MT_ICE_HOST_MAX_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        if (!name && !(v6 && c == ':'))
            return false;
    }
    return true;
}

/* host, host:port, [v6], [v6]:port */
static mt_err take_host(mt_slice s, uint16_t fallback, mt_ice_server *out) {
    mt_slice host, port = {0};
    bool v6 = s.len > 0 && s.p[0] == '[', has_port;
    if (v6) {
        size_t end = mt_slice_find(s, ']');
        if (end == s.len)
            return MT_EBAD;
        host = mt_slice_n(s.p + 1, end - 1);
        has_port = end + 1 < s.len;
        if (has_port && s.p[end + 1] != ':')
            return MT_EBAD;
        if (has_port)
            port = mt_slice_n(s.p + end + 2, s.len - end - 2);
    } else {
        has_port = mt_slice_find(s, ':') < s.len;
        host = mt_slice_cut(&s, ':');
        port = s;
    }
    uint64_t number = fallback;
    if (!is_host(host, v6) || (has_port && mt_slice_to_u64(port, 65535, &number) != MT_OK) || number == 0)
        return MT_EBAD;
    memcpy(out->host, host.p, host.len);
    out->host[host.len] = '\0';
    out->port = (uint16_t)number;
    return MT_OK;
}

typedef struct scheme {
    const char *name;
    bool relays, secure;
} scheme;

static const scheme schemes[] = {
    {"stun", false, false}, {"stuns", false, true}, {"turn", true, false}, {"turns", true, true}};

static const scheme *find_scheme(mt_slice name) {
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (mt_slice_is_nocase(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

mt_err mt_ice_server_parse(mt_slice url, mt_ice_server *out) {
    mt_ice_server got = {.kind = MT_ICE_STUN};
    mt_slice rest = url;
    const scheme *s = find_scheme(mt_slice_cut(&rest, ':'));
    if (s == NULL)
        return MT_EBAD;
    bool has_query = mt_slice_find(rest, '?') < rest.len;
    mt_slice host = mt_slice_cut(&rest, '?');
    bool udp = mt_slice_is_nocase(rest, "transport=udp"), tcp = mt_slice_is_nocase(rest, "transport=tcp");
    if (has_query && (!s->relays || (!udp && !tcp)))
        return MT_EBAD;
    if (take_host(host, s->secure ? PORT_TLS : PORT, &got) != MT_OK)
        return MT_EBAD;
    if (s->secure && (!s->relays || udp))
        return MT_ENOENT;
    if (s->relays)
        got.kind = s->secure ? MT_ICE_TURN_TLS : tcp ? MT_ICE_TURN_TCP : MT_ICE_TURN_UDP;
    *out = got;
    return MT_OK;
}

static bool take_secret(mt_slice s, char out[MT_ICE_SECRET_MAX_BYTES + 1]) {
    if (s.len == 0 || s.len > MT_ICE_SECRET_MAX_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            return false;
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
    return true;
}

mt_err mt_ice_server_credentials(mt_ice_server *s, mt_slice user, mt_slice password) {
    mt_ice_server got = *s;
    if (!take_secret(user, got.user) || !take_secret(password, got.password))
        return MT_EBAD;
    *s = got;
    return MT_OK;
}

mt_err mt_ice_servers_add(mt_ice_servers *servers, const mt_ice_server *s) {
    if (servers->count == MT_ICE_SERVERS_MAX)
        return MT_ELIMIT;
    if (s->kind != MT_ICE_STUN && (s->user[0] == '\0' || s->password[0] == '\0'))
        return MT_EINVAL;
    servers->list[servers->count++] = *s;
    return MT_OK;
}

size_t mt_ice_servers_turn(const mt_ice_servers *servers) {
    size_t count = 0;
    for (size_t i = 0; i < servers->count; i++)
        count += servers->list[i].kind != MT_ICE_STUN;
    return count;
}
