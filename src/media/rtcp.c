#include "media/rtcp.h"

#include <string.h>

#include "media/bytes.h"

enum { SENDER_REPORT = 200, RECEIVER_REPORT = 201, SOURCE_DESCRIPTION = 202, GOODBYE = 203, FIRST = 200, LAST = 207 };
enum { HEADER = 8, SENDER_INFO = 20, BLOCK = 24, CNAME_ITEM = 1 };

static void read_block(const uint8_t *p, mt_rtcp_block *out) {
    uint32_t lost = mt_get32(p + 4) & 0xffffff;
    *out = (mt_rtcp_block){.ssrc = mt_get32(p),
                           .fraction_lost = p[4],
                           .lost = (int32_t)(lost ^ 0x800000) - 0x800000, /* 24 bits with a sign */
                           .highest_seq = mt_get32(p + 8),
                           .jitter = mt_get32(p + 12),
                           .lsr = mt_get32(p + 16),
                           .dlsr = mt_get32(p + 20)};
}

/* p holds len bytes, the header's count says how many blocks. */
static mt_err read_report(const uint8_t *p, size_t len, mt_rtcp *out) {
    bool sender = p[1] == SENDER_REPORT;
    size_t count = p[0] & 0x1f, at = HEADER + (sender ? SENDER_INFO : 0);
    if (len < at + count * BLOCK)
        return MT_EBAD;
    if (sender) {
        out->sender = true;
        out->ntp = (uint64_t)mt_get32(p + 8) << 32 | mt_get32(p + 12);
        out->timestamp = mt_get32(p + 16);
        out->packets = mt_get32(p + 20);
        out->bytes = mt_get32(p + 24);
    }
    for (; count > 0 && out->block_count < MT_RTCP_BLOCKS_MAX; count--, at += BLOCK)
        read_block(p + at, &out->blocks[out->block_count++]);
    return MT_OK;
}

/* Length of the packet at p in bytes; 0: it does not fit or is none. Only the last one may be padded. */
static size_t packet_len(const uint8_t *p, size_t left) {
    if (left < 4 || p[0] >> 6 != 2 || p[1] < FIRST || p[1] > LAST)
        return 0;
    size_t len = 4 * ((size_t)mt_get16(p + 2) + 1);
    bool padded = (p[0] & 0x20) != 0;
    if (len > left || (padded && len != left))
        return 0;
    if (padded && (p[len - 1] == 0 || p[len - 1] > len - 4))
        return 0;
    return len;
}

mt_err mt_rtcp_parse(mt_slice compound, mt_rtcp *out) {
    const uint8_t *p = (const uint8_t *)compound.p;
    mt_rtcp r = {0};
    for (size_t at = 0; at < compound.len;) {
        size_t len = packet_len(p + at, compound.len - at);
        bool report = len > 0 && (p[at + 1] == SENDER_REPORT || p[at + 1] == RECEIVER_REPORT);
        if (len == 0 || (at == 0 && (!report || len < HEADER || (p[0] & 0x20) != 0)))
            return MT_EBAD;
        if (at == 0)
            r.ssrc = mt_get32(p + 4);
        if (report && read_report(p + at, len, &r) != MT_OK)
            return MT_EBAD;
        r.bye |= p[at + 1] == GOODBYE;
        at += len;
    }
    if (compound.len == 0)
        return MT_EBAD;
    *out = r;
    return MT_OK;
}

static size_t write_block(const mt_rtcp_block *b, uint8_t *p) {
    mt_put32(p, b->ssrc);
    mt_put32(p + 4, (uint32_t)b->fraction_lost << 24 | ((uint32_t)b->lost & 0xffffff));
    mt_put32(p + 8, b->highest_seq);
    mt_put32(p + 12, b->jitter);
    mt_put32(p + 16, b->lsr);
    mt_put32(p + 20, b->dlsr);
    return BLOCK;
}

static void write_header(uint8_t *p, unsigned count, uint8_t type, size_t len) {
    p[0] = (uint8_t)(2 << 6 | count);
    p[1] = type;
    mt_put16(p + 2, (uint16_t)(len / 4 - 1));
}

/* One chunk with one item; it ends with one to four zeros. */
static size_t write_description(uint32_t ssrc, const char *cname, uint8_t *p) {
    size_t len = (HEADER + 2 + MT_RTCP_CNAME_LEN + 4) / 4 * 4;
    memset(p, 0, len);
    write_header(p, 1, SOURCE_DESCRIPTION, len);
    mt_put32(p + 4, ssrc);
    p[8] = CNAME_ITEM;
    p[9] = MT_RTCP_CNAME_LEN;
    memcpy(p + 10, cname, MT_RTCP_CNAME_LEN);
    return len;
}

size_t mt_rtcp_write(const mt_rtcp *r, const char cname[MT_RTCP_CNAME_LEN], uint8_t out[MT_RTCP_WRITE_MAX]) {
    size_t len = HEADER;
    mt_put32(out + 4, r->ssrc);
    if (r->sender) {
        mt_put32(out + 8, (uint32_t)(r->ntp >> 32));
        mt_put32(out + 12, (uint32_t)r->ntp);
        mt_put32(out + 16, r->timestamp);
        mt_put32(out + 20, r->packets);
        mt_put32(out + 24, r->bytes);
        len += SENDER_INFO;
    }
    unsigned count = r->block_count > 0 ? 1 : 0;
    if (count > 0)
        len += write_block(&r->blocks[0], out + len);
    write_header(out, count, r->sender ? SENDER_REPORT : RECEIVER_REPORT, len);
    return len + write_description(r->ssrc, cname, out + len);
}
