#include "link/plain_sdp.h"

#include <string.h>

enum { SDP_MAX = 16384, LINE_MAX_BYTES = 1024, FORMATS_MAX = 32, OFFER_OPUS = 96, PORT_MIN = 1024 };

typedef struct gate {
    bool has_audio, has_addr, media_addr, v6;
    mt_slice ip;
    uint64_t port;
    uint8_t formats[FORMATS_MAX];
    size_t format_count;
    bool mapped[128], opus[128]; /* by payload type: said what it is; Opus */
} gate;

const char *mt_plain_codec_str(mt_plain_codec codec) {
    static const char *const words[] = {[MT_PLAIN_PCMU] = "pcmu", [MT_PLAIN_PCMA] = "pcma", [MT_PLAIN_OPUS] = "opus"};
    return words[codec];
}

/* "audio 40000 RTP/AVP 0 8"; NULL: good. */
static const char *take_media(gate *g, mt_slice value) {
    if (g->has_audio)
        return "more than one media line";
    g->has_audio = true;
    mt_slice kind = mt_slice_cut(&value, ' '), port = mt_slice_cut(&value, ' '), proto = mt_slice_cut(&value, ' ');
    if (!mt_slice_is(kind, "audio") || !mt_slice_is(proto, "RTP/AVP"))
        return "not audio by RTP/AVP";
    if (mt_slice_to_u64(port, UINT16_MAX, &g->port) != MT_OK || g->port < PORT_MIN)
        return "a port that is none for sound";
    while (value.len > 0) {
        uint64_t pt = 0;
        if (g->format_count == FORMATS_MAX || mt_slice_to_u64(mt_slice_cut(&value, ' '), 127, &pt) != MT_OK)
            return "bad formats";
        g->formats[g->format_count++] = (uint8_t)pt;
    }
    return g->format_count > 0 ? NULL : "no formats";
}

/* "IN IP4 192.0.2.1"; that of the media line goes before that of the session. */
static const char *take_connection(gate *g, mt_slice value) {
    if (g->has_audio && g->media_addr)
        return "more than one address";
    if (!g->has_audio && g->has_addr)
        return "more than one address";
    mt_slice net = mt_slice_cut(&value, ' '), type = mt_slice_cut(&value, ' ');
    if (!mt_slice_is(net, "IN") || !(mt_slice_is(type, "IP4") || mt_slice_is(type, "IP6")))
        return "an address of no known kind";
    g->has_addr = true;
    g->media_addr = g->has_audio;
    g->v6 = mt_slice_is(type, "IP6");
    g->ip = value;
    return NULL;
}

/* "rtpmap:96 opus/48000/2" */
static const char *take_attribute(gate *g, mt_slice value) {
    if (!mt_slice_starts_nocase(value, "rtpmap:"))
        return NULL;
    value = mt_slice_n(value.p + 7, value.len - 7);
    uint64_t pt = 0;
    if (mt_slice_to_u64(mt_slice_cut(&value, ' '), 127, &pt) != MT_OK)
        return "bad rtpmap";
    if (g->mapped[pt])
        return "a payload type with two meanings";
    g->mapped[pt] = true;
    g->opus[pt] = mt_slice_is_nocase(value, "opus/48000/2");
    bool pcmu = mt_slice_is_nocase(value, "PCMU/8000") || mt_slice_is_nocase(value, "PCMU/8000/1");
    bool pcma = mt_slice_is_nocase(value, "PCMA/8000") || mt_slice_is_nocase(value, "PCMA/8000/1");
    if ((pt == 0 && !pcmu) || (pt == 8 && !pcma))
        return "a static payload type with another meaning";
    return NULL;
}

static const char *take_line(gate *g, mt_slice line) {
    mt_slice value = mt_slice_n(line.p + 2, line.len - 2);
    if (line.p[0] == 'm')
        return take_media(g, value);
    if (line.p[0] == 'c')
        return take_connection(g, value);
    return line.p[0] == 'a' ? take_attribute(g, value) : NULL;
}

static const char *read_lines(gate *g, mt_slice text) {
    bool first = true;
    while (text.len > 0) {
        mt_slice line = mt_slice_cut(&text, '\n');
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        if (first && !mt_slice_is(line, "v=0"))
            return "does not begin with v=0";
        first = false;
        if (line.len == 0 && text.len == 0)
            break;
        if (line.len < 2 || line.len > LINE_MAX_BYTES || line.p[1] != '=')
            return "a line that is none";
        const char *bad = take_line(g, line);
        if (bad != NULL)
            return bad;
    }
    return g->has_audio && g->has_addr ? NULL : "no audio or no address";
}

static bool is_unicast(const mt_addr *a) {
    if (a->sa.sa_family == AF_INET) {
        uint32_t ip = ntohl(a->in.sin_addr.s_addr);
        return ip >> 24 != 0 && ip >> 28 < 14 && ip >> 16 != 0xa9fe;
    }
    const struct in6_addr *ip = &a->in6.sin6_addr;
    return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_MULTICAST(ip) && !IN6_IS_ADDR_LINKLOCAL(ip) &&
           !IN6_IS_ADDR_V4MAPPED(ip) && !IN6_IS_ADDR_V4COMPAT(ip);
}

static const char *read_address(const gate *g, bool loopback, mt_addr *out) {
    mt_buf b;
    mt_buf_init(&b, MT_ADDR_STRLEN + 16);
    mt_buf_printf(&b, g->v6 ? "[%.*s]:%u" : "%.*s:%u", (int)g->ip.len, g->ip.p, (unsigned)g->port);
    const char *bad = NULL;
    if (mt_buf_err(&b) != MT_OK || mt_addr_parse(mt_buf_slice(&b), out) != MT_OK)
        bad = "an address that is no number";
    else if ((out->sa.sa_family == AF_INET6) != g->v6)
        bad = "an address of the other kind";
    else if (mt_addr_is_loopback(out) ? !loopback : !is_unicast(out))
        bad = "an address that is not one other's";
    mt_buf_deinit(&b);
    return bad;
}

static const char *choose_codec(const gate *g, mt_plain_sdp *out) {
    for (size_t i = 0; i < g->format_count; i++) {
        uint8_t pt = g->formats[i];
        out->payload_type = pt;
        out->codec = pt == 0 ? MT_PLAIN_PCMU : pt == 8 ? MT_PLAIN_PCMA : MT_PLAIN_OPUS;
        if (pt == 0 || pt == 8 || g->opus[pt])
            return NULL;
    }
    return "no codec in common";
}

mt_err mt_plain_sdp_parse(mt_slice text, bool loopback, mt_plain_sdp *out, const char **why) {
    gate g;
    mt_plain_sdp found;
    memset(&g, 0, sizeof g);
    memset(&found, 0, sizeof found);
    const char *bad = text.len == 0 || text.len > SDP_MAX ? "too short or too long" : read_lines(&g, text);
    if (bad == NULL)
        bad = read_address(&g, loopback, &found.addr);
    if (bad == NULL)
        bad = choose_codec(&g, &found);
    if (bad != NULL) {
        if (why != NULL)
            *why = bad;
        return MT_EBAD;
    }
    *out = found;
    return MT_OK;
}

void mt_plain_sdp_write(const mt_addr *local, const mt_plain_sdp *answer, uint64_t session_id, mt_buf *out) {
    char ip[MT_ADDR_STRLEN];
    mt_addr_format_ip(local, ip);
    const char *type = local->sa.sa_family == AF_INET6 ? "IP6" : "IP4";
    unsigned port = mt_addr_port(local);
    mt_buf_printf(out, "v=0\r\no=- %llu 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", (unsigned long long)session_id,
                  type, ip, type, ip);
    if (answer == NULL) {
        mt_buf_printf(out, "m=audio %u RTP/AVP %d 0 8\r\na=rtpmap:%d opus/48000/2\r\n", port, OFFER_OPUS, OFFER_OPUS);
        mt_buf_add_str(out, "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n");
    } else {
        static const char *const maps[] = {
            [MT_PLAIN_PCMU] = "PCMU/8000", [MT_PLAIN_PCMA] = "PCMA/8000", [MT_PLAIN_OPUS] = "opus/48000/2"};
        mt_buf_printf(out, "m=audio %u RTP/AVP %u\r\na=rtpmap:%u %s\r\n", port, (unsigned)answer->payload_type,
                      (unsigned)answer->payload_type, maps[answer->codec]);
    }
    mt_buf_add_str(out, "a=ptime:20\r\na=sendrecv\r\n");
}
