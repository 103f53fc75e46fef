/* HTTP digest authentication for SIP: credentials parsed, computed, verified. RFC 7616, RFC 2617 (no qop), RFC 8760,
 * RFC 3261 section 22. Borrows slices, allocates nothing. One thread (base/hash.h). */
#ifndef MT_SIP_DIGEST_H
#define MT_SIP_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/slice.h"

typedef enum mt_sip_alg { MT_SIP_ALG_MD5, MT_SIP_ALG_SHA256, MT_SIP_ALG_OTHER } mt_sip_alg;
typedef enum mt_sip_qop { MT_SIP_QOP_NONE, MT_SIP_QOP_AUTH, MT_SIP_QOP_OTHER } mt_sip_qop;

#define MT_SIP_DIGEST_MAX_BYTES MT_SHA256_BYTES
size_t mt_sip_alg_bytes(mt_sip_alg alg);    /* 16, 32; 0 for OTHER */
const char *mt_sip_alg_str(mt_sip_alg alg); /* "MD5", "SHA-256"; "" for OTHER */

/* Values are without their quotes; escapes are left in, for that is what is hashed (unq of RFC 7616). */
typedef struct mt_sip_digest {
    mt_slice username;     /* empty if username_ext is given */
    mt_slice username_ext; /* username* (RFC 5987), as it stands */
    mt_slice realm, nonce, uri, response, cnonce, opaque;
    mt_slice nc_text; /* 8 hexadecimal digits */
    uint32_t nc;      /* 0 without qop */
    mt_sip_alg alg;   /* MD5 if not given */
    mt_sip_qop qop;
    bool userhash; /* userhash=true: the username is a hash; we do not offer it */
} mt_sip_digest;

/* value: of Authorization or Proxy-Authorization. MT_ENOENT: another scheme than Digest. MT_EBAD: malformed, a
 * parameter twice, or username, realm, nonce, uri, response missing, or nc, cnonce missing with qop, or a response of
 * the wrong length. */
mt_err mt_sip_digest_parse(mt_slice value, mt_sip_digest *out) MT_MUST_CHECK;

/* The user name as a person wrote it: unescaped, username* decoded (UTF-8 only). *out points into buf or into the
 * message. MT_EBAD, MT_ELIMIT: buf is too small. */
mt_err mt_sip_digest_username(const mt_sip_digest *d, char *buf, size_t buf_bytes, mt_slice *out) MT_MUST_CHECK;

/* H(username:realm:password); out has mt_sip_alg_bytes(alg). alg is not OTHER. */
void mt_sip_digest_ha1(mt_sip_alg alg, mt_slice username, mt_slice realm, mt_slice password, uint8_t *out);

/* The response for these credentials, lower-case hexadecimal and NUL-terminated. d->response is not read; alg and qop
 * are not OTHER. */
void mt_sip_digest_response(const mt_sip_digest *d, const uint8_t *ha1, mt_slice method,
                            char out[2 * MT_SIP_DIGEST_MAX_BYTES + 1]);

/* Is d->response right? Constant time. False also for alg or qop OTHER. */
bool mt_sip_digest_verify(const mt_sip_digest *d, const uint8_t *ha1, mt_slice method) MT_MUST_CHECK;

#endif
