#include "net/ws.h"

#include <openssl/evp.h>

#include "base/text.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */

typedef struct frame {
    bool fin;
    uint8_t opcode;
    size_t header_len;
    uint64_t len;
    uint8_t mask[4];
} frame;

void mt_ws_init(mt_ws *w, uint32_t max_bytes) {
    memset(w, 0, sizeof *w);
    mt_buf_init(&w->parts, max_bytes);
    w->max = max_bytes;
}

void mt_ws_deinit(mt_ws *w) {
    mt_buf_wipe(&w->parts);
    w->opcode = 0;
}

static mt_ws_step fail(mt_ws_event *ev, unsigned code) {
    ev->code = (uint16_t)code;
    return MT_WS_FAIL;
}

static bool is_control(uint8_t opcode) {
    return (opcode & 8) != 0;
}

/* Sections 5.2 to 5.5, as far as the first two bytes tell: 0 or a close code. */
static unsigned check_start(const mt_ws *w, const frame *f, uint8_t first, uint8_t second) {
    if ((first & 0x70) != 0 || (second & 0x80) == 0)
        return 1002; /* no extension was agreed; a client masks */
    if (is_control(f->opcode))
        return f->opcode <= MT_WS_PONG && f->fin && (second & 0x7f) <= MT_WS_CONTROL_MAX ? 0 : 1002;
    if (f->opcode > MT_WS_BINARY)
        return 1002;
    return (f->opcode == MT_WS_CONTINUATION) == (w->opcode != 0) ? 0 : 1002;
}

static uint64_t big_endian(const uint8_t *p, size_t len) {
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}

/* MT_EMORE, or MT_EBAD with *code. */
static mt_err parse_header(const mt_ws *w, const uint8_t *p, size_t len, frame *f, unsigned *code) {
    if (len < 2)
        return MT_EMORE;
    f->fin = (p[0] & 0x80) != 0;
    f->opcode = p[0] & 0x0f;
    *code = check_start(w, f, p[0], p[1]);
    if (*code != 0)
        return MT_EBAD;
    size_t short_len = p[1] & 0x7f;
    size_t extra = short_len == 126 ? 2 : short_len == 127 ? 8 : 0;
    if (len < 2 + extra)
        return MT_EMORE;
    f->len = extra == 0 ? short_len : big_endian(p + 2, extra);
    if ((extra == 2 && f->len < 126) || (extra == 8 && (f->len < 65536 || f->len >> 63 != 0)))
        *code = 1002; /* not the shortest way to write it */
    else if (!is_control(f->opcode) && f->len > w->max - w->parts.len)
        *code = 1009;
    if (*code != 0)
        return MT_EBAD;
    f->header_len = 2 + extra + 4;
    if (len < f->header_len)
        return MT_EMORE;
    memcpy(f->mask, p + 2 + extra, 4);
    return MT_OK;
}

static void unmask(char *p, size_t len, const uint8_t mask[4]) {
    uint64_t wide;
    uint8_t twice[8];
    memcpy(twice, mask, 4);
    memcpy(twice + 4, mask, 4);
    memcpy(&wide, twice, 8);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        v ^= wide;
        memcpy(p + i, &v, 8);
    }
    for (; i < len; i++)
        p[i] = (char)((uint8_t)p[i] ^ mask[i & 3]);
}

/* Section 7.4: which codes may be on the wire. */
static bool close_code_ok(unsigned code) {
    if (code >= 3000 && code <= 4999)
        return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static mt_ws_step on_close(mt_slice payload, mt_ws_event *ev) {
    if (payload.len == 0) {
        ev->code = 1005;
        return MT_WS_CLOSED;
    }
    if (payload.len == 1)
        return fail(ev, 1002);
    unsigned code = (unsigned)big_endian((const uint8_t *)payload.p, 2);
    if (!close_code_ok(code))
        return fail(ev, 1002);
    if (!mt_text_is_utf8((mt_slice){payload.p + 2, payload.len - 2}))
        return fail(ev, 1007);
    ev->code = (uint16_t)code;
    return MT_WS_CLOSED;
}

static mt_ws_step on_message(uint8_t opcode, mt_slice payload, mt_ws_event *ev) {
    ev->binary = opcode == MT_WS_BINARY;
    ev->payload = payload;
    return ev->binary || mt_text_is_utf8(payload) ? MT_WS_MESSAGE : fail(ev, 1007);
}

static mt_ws_step on_data(mt_ws *w, const frame *f, mt_slice payload, mt_ws_event *ev) {
    if (f->fin && w->opcode == 0)
        return on_message(f->opcode, payload, ev);
    if (w->opcode == 0)
        w->opcode = f->opcode;
    mt_buf_add_slice(&w->parts, payload);
    if (mt_buf_err(&w->parts) != MT_OK)
        return fail(ev, 1011);
    if (!f->fin)
        return MT_WS_NOTHING;
    uint8_t opcode = w->opcode;
    w->opcode = 0;
    return on_message(opcode, mt_buf_slice(&w->parts), ev);
}

mt_ws_step mt_ws_input(mt_ws *w, char *bytes, size_t len, size_t *used, mt_ws_event *ev) {
    *used = 0;
    *ev = (mt_ws_event){0};
    if (w->opcode == 0 && w->parts.p != NULL)
        mt_buf_deinit(&w->parts); /* the message handed out last */
    frame f = {0};
    unsigned code = 0;
    mt_err err = parse_header(w, (const uint8_t *)bytes, len, &f, &code);
    if (err == MT_EBAD)
        return fail(ev, code);
    if (err == MT_EMORE || len - f.header_len < f.len)
        return MT_WS_MORE;
    mt_slice payload = {bytes + f.header_len, (size_t)f.len};
    unmask(bytes + f.header_len, payload.len, f.mask);
    *used = f.header_len + payload.len;
    if (!is_control(f.opcode))
        return on_data(w, &f, payload, ev);
    ev->payload = payload;
    if (f.opcode == MT_WS_CLOSE)
        return on_close(payload, ev);
    return f.opcode == MT_WS_PING ? MT_WS_PINGED : MT_WS_PONGED;
}

size_t mt_ws_header(mt_ws_opcode opcode, size_t payload_len, char out[MT_WS_HEADER_MAX]) {
    out[0] = (char)(0x80 | opcode);
    if (payload_len < 126) {
        out[1] = (char)payload_len;
        return 2;
    }
    size_t extra = payload_len <= 0xffff ? 2 : 8;
    out[1] = extra == 2 ? 126 : 127;
    for (size_t i = 0; i < extra; i++)
        out[2 + i] = (char)(uint8_t)((uint64_t)payload_len >> (8 * (extra - 1 - i)));
    return 2 + extra;
}

size_t mt_ws_close_payload(unsigned code, char out[2]) {
    if (!close_code_ok(code))
        return 0;
    out[0] = (char)(uint8_t)(code >> 8);
    out[1] = (char)(uint8_t)code;
    return 2;
}

/* 16 bytes in base64 are 22 characters and "==", of which the 22nd carries 2 bits. */
static bool key_ok(mt_slice key) {
    if (key.len != MT_WS_KEY_LEN || memcmp(key.p + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.p[i];
        bool alnum = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && c != '+' && c != '/')
            return false;
    }
    return true;
}

mt_err mt_ws_accept(mt_slice key, char out[MT_WS_ACCEPT_LEN + 1]) {
    if (!key_ok(key))
        return MT_EBAD;
    char text[MT_WS_KEY_LEN + sizeof GUID - 1];
    memcpy(text, key.p, MT_WS_KEY_LEN);
    memcpy(text + MT_WS_KEY_LEN, GUID, sizeof GUID - 1);
    uint8_t digest[20];
    size_t digest_len = sizeof digest;
    if (EVP_Q_digest(NULL, "SHA1", NULL, text, sizeof text, digest, &digest_len) != 1)
        return MT_EBAD;
    (void)EVP_EncodeBlock((unsigned char *)out, digest, (int)sizeof digest);
    return MT_OK;
}
