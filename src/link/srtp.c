#include "link/srtp.h"

#include <glib.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"

enum { REPLAY_WINDOW = 1024, RTP_HEADER_BYTES = 12, RTCP_HEADER_BYTES = 8, KEY_AND_SALT_MAX_BYTES = 44 };

_Static_assert(MT_SRTP_ROOM_BYTES >= MT_SRTP_PACKET_MAX_BYTES + SRTP_MAX_TRAILER_LEN + 4, "room for the trailer");

struct mt_srtp {
    const char *profile; /* static */
    srtp_t out, in;      /* owned */
    uint32_t sources[MT_SRTP_SOURCES_MAX];
    unsigned source_count;
};

static mt_err open_session(const mt_dtls_keys *keys, bool of_client, srtp_ssrc_type_t direction, srtp_t *out) {
    uint8_t master[KEY_AND_SALT_MAX_BYTES];
    size_t side = of_client ? 0 : 1;
    memcpy(master, keys->b + side * keys->key_bytes, keys->key_bytes);
    memcpy(master + keys->key_bytes, keys->b + 2 * keys->key_bytes + side * keys->salt_bytes, keys->salt_bytes);
    srtp_profile_t profile = keys->profile == 8 ? srtp_profile_aead_aes_256_gcm : srtp_profile_aead_aes_128_gcm;
    srtp_policy_t policy = {.ssrc.type = direction, .key = master, .window_size = REPLAY_WINDOW};
    srtp_err_status_t status = srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile);
    if (status == srtp_err_status_ok)
        status = srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile);
    if (status == srtp_err_status_ok)
        status = srtp_create(out, &policy);
    mt_wipe(master, sizeof master);
    if (status != srtp_err_status_ok)
        mt_log(MT_LOG_ERROR, "srtp", "libsrtp refused the keys: %d", (int)status);
    return status == srtp_err_status_ok ? MT_OK : MT_ESYS;
}

/* Packaged libsrtp takes its ciphers from NSS, which shuts down with the last session and needs 12 ms for the next: in
 * every call, were it not for one session that is always there. */
static mt_srtp *g_keeper;

mt_err mt_srtp_init(void) {
    static const mt_dtls_keys none = {.profile = 8, .profile_name = "", .key_bytes = 32, .salt_bytes = 12};
    if (srtp_init() != srtp_err_status_ok)
        return MT_ESYS;
    mt_err err = mt_srtp_create(&none, &g_keeper);
    if (err != MT_OK)
        (void)srtp_shutdown();
    return err;
}

void mt_srtp_deinit(void) {
    if (g_keeper == NULL)
        return;
    mt_srtp_destroy(g_keeper);
    g_keeper = NULL;
    (void)srtp_shutdown();
}

mt_err mt_srtp_create(const mt_dtls_keys *keys, mt_srtp **out) {
    mt_srtp *s = g_new0(mt_srtp, 1);
    s->profile = keys->profile_name;
    mt_err err = open_session(keys, keys->client, ssrc_any_outbound, &s->out);
    if (err == MT_OK)
        err = open_session(keys, !keys->client, ssrc_any_inbound, &s->in);
    if (err != MT_OK) {
        mt_srtp_destroy(s);
        return err;
    }
    *out = s;
    return MT_OK;
}

void mt_srtp_destroy(mt_srtp *s) {
    if (s == NULL)
        return;
    if (s->out != NULL)
        (void)srtp_dealloc(s->out);
    if (s->in != NULL)
        (void)srtp_dealloc(s->in);
    g_free(s);
}

const char *mt_srtp_profile(const mt_srtp *s) {
    return s->profile;
}

mt_err mt_srtp_protect(mt_srtp *s, uint8_t *buf, size_t *len_bytes) {
    if (*len_bytes < RTP_HEADER_BYTES || *len_bytes > MT_SRTP_PACKET_MAX_BYTES)
        return MT_EINVAL;
    int len = (int)*len_bytes;
    if (srtp_protect(s->out, buf, &len) != srtp_err_status_ok)
        return MT_EDENIED;
    *len_bytes = (size_t)len;
    return MT_OK;
}

mt_err mt_srtp_protect_rtcp(mt_srtp *s, uint8_t *buf, size_t *len_bytes) {
    if (*len_bytes < RTCP_HEADER_BYTES || *len_bytes > MT_SRTP_PACKET_MAX_BYTES)
        return MT_EINVAL;
    int len = (int)*len_bytes;
    if (srtp_protect_rtcp(s->out, buf, &len) != srtp_err_status_ok)
        return MT_EDENIED;
    *len_bytes = (size_t)len;
    return MT_OK;
}

static uint32_t read_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_known(const mt_srtp *s, uint32_t source) {
    for (unsigned i = 0; i < s->source_count; i++)
        if (s->sources[i] == source)
            return true;
    return false;
}

/* libsrtp keeps a stream for ever for each source that authenticates: their number is bounded here. */
static mt_err unprotect(mt_srtp *s, uint32_t source, bool rtcp, uint8_t *buf, size_t *len_bytes) {
    bool known = is_known(s, source);
    if (!known && s->source_count == MT_SRTP_SOURCES_MAX)
        return MT_EDENIED;
    int len = (int)*len_bytes;
    srtp_err_status_t status = rtcp ? srtp_unprotect_rtcp(s->in, buf, &len) : srtp_unprotect(s->in, buf, &len);
    if (status != srtp_err_status_ok)
        return MT_EDENIED;
    if (!known)
        s->sources[s->source_count++] = source;
    *len_bytes = (size_t)len;
    return MT_OK;
}

mt_err mt_srtp_unprotect(mt_srtp *s, uint8_t *buf, size_t *len_bytes) {
    if (*len_bytes < RTP_HEADER_BYTES || *len_bytes > MT_SRTP_ROOM_BYTES)
        return MT_EDENIED;
    return unprotect(s, read_u32(buf + 8), false, buf, len_bytes);
}

mt_err mt_srtp_unprotect_rtcp(mt_srtp *s, uint8_t *buf, size_t *len_bytes) {
    if (*len_bytes < RTCP_HEADER_BYTES || *len_bytes > MT_SRTP_ROOM_BYTES)
        return MT_EDENIED;
    return unprotect(s, read_u32(buf + 4), true, buf, len_bytes);
}
