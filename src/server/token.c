#include "server/token.h"

#include <string.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/text.h"
#include "server/secret_file.h"

#define OPERATOR_MIN 16
#define OPERATOR_MAX 256

void mt_token_random_text(mt_random random, size_t len, char *out) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t raw[86];
    mt_random_bytes(random, raw, len);
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[raw[i] & 63];
    out[len] = '\0';
    mt_wipe(raw, sizeof raw);
}

mt_err mt_token_make(mt_random random, char text[MT_TOKEN_TEXT + 1], uint8_t hash[MT_SHA256_BYTES]) {
    uint8_t raw[MT_TOKEN_BYTES];
    mt_buf b;
    mt_buf_init(&b, MT_TOKEN_TEXT);
    mt_random_bytes(random, raw, sizeof raw);
    mt_text_base64url(&b, raw, sizeof raw);
    mt_err err = mt_buf_err(&b);
    if (err == MT_OK) {
        mt_slice piece = mt_slice_n(raw, sizeof raw);
        mt_sha256(&piece, 1, hash);
        memcpy(text, b.p, MT_TOKEN_TEXT);
        text[MT_TOKEN_TEXT] = '\0';
    }
    mt_buf_wipe(&b);
    mt_wipe(raw, sizeof raw);
    return err;
}

mt_err mt_token_hash(mt_slice text, uint8_t hash[MT_SHA256_BYTES]) {
    uint8_t raw[MT_TOKEN_BYTES];
    if (text.len != MT_TOKEN_TEXT || mt_text_base64url_decode(text, raw, sizeof raw) != MT_OK)
        return MT_EBAD;
    mt_slice piece = mt_slice_n(raw, sizeof raw);
    mt_sha256(&piece, 1, hash);
    mt_wipe(raw, sizeof raw);
    return MT_OK;
}

mt_err mt_token_bearer(mt_slice header, mt_slice *out) {
    mt_slice rest = mt_slice_trim(header);
    if (!mt_slice_starts_nocase(rest, "bearer ") || rest.len < 8)
        return MT_EBAD;
    *out = mt_slice_trim(mt_slice_n(rest.p + 7, rest.len - 7));
    return MT_OK;
}

mt_err mt_token_operator_load(const char *path, mt_token_operator *out, bool *open_to_others) {
    char line[OPERATOR_MAX + 1];
    mt_err err = mt_secret_file_read(path, OPERATOR_MIN, OPERATOR_MAX, line, open_to_others);
    if (err == MT_OK) {
        mt_slice piece = mt_slice_of(line);
        mt_sha256(&piece, 1, out->hash);
        out->set = true;
    }
    mt_wipe(line, sizeof line);
    return err;
}

bool mt_token_operator_is(const mt_token_operator *op, mt_slice text) {
    if (!op->set)
        return false;
    uint8_t hash[MT_SHA256_BYTES];
    mt_sha256(&text, 1, hash);
    return mt_ct_equal(hash, op->hash, sizeof hash);
}
