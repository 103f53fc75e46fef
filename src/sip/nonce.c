#include "sip/machine.h"

/* base64url of: stamp (8 bytes, big-endian; milliseconds << 16, or one more than the last) and the first 16 bytes of
 * HMAC-SHA-256(key, stamp, flow). Nothing is kept for a challenge. */
#define STAMP_BYTES 8
#define MAC_BYTES 16

static void mac(const mt_sip_server *s, const mt_sip_flow *flow, const uint8_t stamp[STAMP_BYTES],
                uint8_t out[MT_SHA256_BYTES]) {
    uint8_t from[MT_SIP_FLOW_KEY_MAX];
    size_t from_len = mt_sip_flow_key(flow, from);
    const mt_slice pieces[] = {mt_slice_n(stamp, STAMP_BYTES), mt_slice_n(from, from_len)};
    mt_hmac_sha256(s->nonce_key, sizeof(s->nonce_key), pieces, 2, out);
}

void mt_sip_nonce_make(mt_sip_server *s, const mt_sip_flow *flow, mt_buf *out) {
    uint64_t stamp = (uint64_t)s->now_ms << 16;
    if (stamp <= s->nonce_last)
        stamp = s->nonce_last + 1;
    s->nonce_last = stamp;
    uint8_t bytes[STAMP_BYTES + MT_SHA256_BYTES];
    for (size_t i = 0; i < STAMP_BYTES; i++)
        bytes[i] = (uint8_t)(stamp >> (8 * (STAMP_BYTES - 1 - i)));
    mac(s, flow, bytes, bytes + STAMP_BYTES);
    mt_text_base64url(out, bytes, STAMP_BYTES + MAC_BYTES);
}

mt_err mt_sip_nonce_check(mt_sip_server *s, const mt_sip_flow *flow, mt_slice nonce, uint64_t *stamp) {
    uint8_t bytes[STAMP_BYTES + MAC_BYTES], want[MT_SHA256_BYTES];
    if (nonce.len != MT_SIP_NONCE_CHARS || mt_text_base64url_decode(nonce, bytes, sizeof(bytes)) != MT_OK)
        return MT_EDENIED;
    mac(s, flow, bytes, want);
    if (!mt_ct_equal(bytes + STAMP_BYTES, want, MAC_BYTES))
        return MT_EDENIED;
    uint64_t v = 0;
    for (size_t i = 0; i < STAMP_BYTES; i++)
        v = v << 8 | bytes[i];
    int64_t age_ms = s->now_ms - (int64_t)(v >> 16);
    if (age_ms > (int64_t)s->cfg.nonce_life_ms)
        return MT_ETIMEOUT;
    *stamp = v;
    return MT_OK;
}
