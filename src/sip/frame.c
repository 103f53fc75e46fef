/* Cutting messages from a stream. The same line and header rules as the parser's, so that both agree where a message
 * ends. */
#include "sip/lex.h"
#include "sip/msg.h"
#include "sip/sip_server.h"

/* MT_EMORE: not decided yet, MT_ENOENT: no leading CRLF. */
static mt_err cut_keepalive(mt_slice s, mt_sip_frame *out) {
    static const char ping[] = "\r\n\r\n";
    size_t same = 0;
    while (same < 4 && same < s.len && s.p[same] == ping[same])
        same++;
    if (same == s.len && same < 4)
        return MT_EMORE;
    if (same == 4) {
        *out = (mt_sip_frame){.len = 4, .keepalive = true};
        return MT_OK;
    }
    if (same >= 2) { /* the byte behind it, or a CR alone, is looked at in the next round */
        *out = (mt_sip_frame){.len = 2, .skip = true};
        return MT_OK;
    }
    return same == 1 ? MT_EBAD : MT_ENOENT;
}

/* Content-Length of a head, exactly one. */
static mt_err head_content_length(mt_slice head, size_t max, size_t *out) {
    mt_slice line, name, value;
    int64_t length = -1;
    while (mt_sip_lex_line(&head, &line)) {
        if (!mt_sip_lex_header(line, &name, &value) || mt_sip_header_id_of(name) != MT_SIP_H_CONTENT_LENGTH)
            continue;
        if (length >= 0 || !mt_sip_lex_number(value, &length))
            return MT_EBAD;
    }
    if (length < 0 || (uint64_t)length > max)
        return MT_EBAD;
    *out = (size_t)length;
    return MT_OK;
}

mt_err mt_sip_frame_cut(mt_slice stream, size_t max_bytes, mt_sip_frame *out) {
    mt_err err = cut_keepalive(stream, out);
    if (err != MT_ENOENT)
        return err;
    size_t head_max = max_bytes < MT_SIP_MAX_HEAD_BYTES ? max_bytes : MT_SIP_MAX_HEAD_BYTES;
    mt_slice window = {stream.p, stream.len < head_max ? stream.len : head_max};
    size_t end = mt_sip_lex_head_end(window);
    if (end == window.len)
        return window.len == head_max || memchr(window.p, 0, window.len) != NULL ? MT_EBAD : MT_EMORE;
    size_t head_bytes = end + 4, body_bytes;
    err = head_content_length(mt_sip_lex_sub(stream, 0, end + 2), max_bytes - head_bytes, &body_bytes);
    if (err != MT_OK)
        return err;
    if (stream.len - head_bytes < body_bytes)
        return MT_EMORE;
    *out = (mt_sip_frame){.len = head_bytes + body_bytes};
    return MT_OK;
}
