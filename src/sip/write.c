#include "sip/write.h"

#include "sip/lex.h"

void mt_sip_write_begin(mt_sip_writer *w, mt_buf *buf) {
    *w = (mt_sip_writer){.buf = buf, .start = buf->len};
}

static void crlf(mt_sip_writer *w) {
    mt_buf_add(w->buf, "\r\n", 2);
}

/* Control characters but HTAB break the message; folds become one space. */
static void add_value(mt_sip_writer *w, mt_slice s) {
    size_t from = 0;
    for (size_t i = 0; (i = mt_sip_lex_control(s, i)) < s.len; i = from) {
        bool fold = s.p[i] == '\r' && s.len - i > 2 && s.p[i + 1] == '\n' && (s.p[i + 2] == ' ' || s.p[i + 2] == '\t');
        if (!fold) {
            w->bad = true;
            return;
        }
        mt_buf_add(w->buf, s.p + from, i - from);
        mt_buf_add_char(w->buf, ' ');
        from = mt_sip_lex_span(s, i, MT_SIP_C_LWS);
    }
    if (from < s.len)
        mt_buf_add(w->buf, s.p + from, s.len - from);
}

/* What may not hold white space either: start lines. */
static void add_word(mt_sip_writer *w, mt_slice s) {
    if (s.len == 0 || mt_slice_find(s, ' ') < s.len || mt_slice_find(s, '\t') < s.len || mt_slice_find(s, '\r') < s.len)
        w->bad = true;
    else
        add_value(w, s);
}

void mt_sip_write_request(mt_sip_writer *w, mt_slice method, mt_slice uri) {
    if (!mt_sip_lex_all(method, MT_SIP_C_TOKEN))
        w->bad = true;
    add_word(w, method);
    mt_buf_add_char(w->buf, ' ');
    add_word(w, uri);
    mt_buf_add_str(w->buf, " SIP/2.0\r\n");
}

void mt_sip_write_response(mt_sip_writer *w, unsigned status, const char *reason) {
    if (status < 100 || status > 699)
        w->bad = true;
    mt_buf_add_str(w->buf, "SIP/2.0 ");
    mt_buf_add_u64(w->buf, status);
    mt_buf_add_char(w->buf, ' ');
    add_value(w, mt_slice_of(reason != NULL ? reason : mt_sip_reason(status)));
    crlf(w);
}

static void add_name(mt_sip_writer *w, const char *name) {
    mt_buf_add_str(w->buf, name);
    mt_buf_add(w->buf, ": ", 2);
}

void mt_sip_write_header(mt_sip_writer *w, const char *name, mt_slice value) {
    add_name(w, name);
    add_value(w, value);
    crlf(w);
}

void mt_sip_write_str(mt_sip_writer *w, const char *name, const char *value) {
    mt_sip_write_header(w, name, mt_slice_of(value));
}

void mt_sip_write_u64(mt_sip_writer *w, const char *name, uint64_t value) {
    add_name(w, name);
    mt_buf_add_u64(w->buf, value);
    crlf(w);
}

void mt_sip_write_pieces(mt_sip_writer *w, const char *name, const mt_slice *pieces, size_t count) {
    add_name(w, name);
    for (size_t i = 0; i < count; i++)
        add_value(w, pieces[i]);
    crlf(w);
}

void mt_sip_write_copy(mt_sip_writer *w, const mt_sip_msg *m, mt_sip_header_id id) {
    const mt_sip_header *h = NULL;
    while (id != MT_SIP_H_OTHER && (h = mt_sip_msg_header(m, id, h)) != NULL)
        mt_sip_write_header(w, mt_sip_header_name(id), h->value);
}

static void add_host(mt_sip_writer *w, mt_slice host) {
    bool brackets = mt_slice_find(host, ':') < host.len && host.p[0] != '[';
    if (brackets)
        mt_buf_add_char(w->buf, '[');
    add_word(w, host);
    if (brackets)
        mt_buf_add_char(w->buf, ']');
}

static void add_port(mt_sip_writer *w, uint16_t port) {
    if (port == 0)
        return;
    mt_buf_add_char(w->buf, ':');
    mt_buf_add_u64(w->buf, port);
}

void mt_sip_write_via(mt_sip_writer *w, const mt_sip_via_out *via) {
    if (!mt_sip_lex_all(via->branch, MT_SIP_C_TOKEN) || !mt_sip_lex_all(mt_slice_of(via->transport), MT_SIP_C_TOKEN))
        w->bad = true;
    mt_buf_add_str(w->buf, "Via: SIP/2.0/");
    mt_buf_add_str(w->buf, via->transport);
    mt_buf_add_char(w->buf, ' ');
    add_host(w, via->host);
    add_port(w, via->port);
    mt_buf_add_str(w->buf, ";branch=");
    add_value(w, via->branch);
    if (via->rport)
        mt_buf_add_str(w->buf, ";rport");
    crlf(w);
}

/* The top Via of an answer, with what the server saw (18.2.1, RFC 3581 section 4). */
static void add_top_via(mt_sip_writer *w, const mt_sip_via *v, mt_slice received, uint16_t rport) {
    mt_slice rest = v->params, name, value;
    mt_buf_add_str(w->buf, "SIP/2.0/");
    add_value(w, v->transport);
    mt_buf_add_char(w->buf, ' ');
    add_value(w, v->sent_by);
    while (mt_sip_lex_param(&rest, &name, &value) == MT_OK) {
        if (mt_slice_is_nocase(name, "received") || mt_slice_is_nocase(name, "rport"))
            continue;
        mt_buf_add_char(w->buf, ';');
        add_value(w, name);
        if (value.len > 0)
            mt_buf_add_char(w->buf, '=');
        add_value(w, value);
    }
    if (received.len > 0) {
        mt_buf_add_str(w->buf, ";received=");
        add_word(w, received);
    }
    if (!v->has_rport)
        return;
    mt_buf_add_str(w->buf, ";rport");
    if (rport != 0) {
        mt_buf_add_char(w->buf, '=');
        mt_buf_add_u64(w->buf, rport);
    }
}

void mt_sip_write_vias(mt_sip_writer *w, const mt_sip_msg *m, size_t first, mt_slice received, uint16_t rport) {
    for (size_t i = first; i < m->via_count; i++) {
        add_name(w, "Via");
        if (i == 0)
            add_top_via(w, &m->vias[0], received, rport);
        else
            add_value(w, m->vias[i].raw);
        crlf(w);
    }
}

void mt_sip_write_addr_tag(mt_sip_writer *w, const char *name, const mt_sip_addr *addr, mt_slice tag) {
    add_name(w, name);
    add_value(w, addr->raw);
    if (addr->tag.len == 0 && tag.len > 0) {
        if (!mt_sip_lex_all(tag, MT_SIP_C_TOKEN))
            w->bad = true;
        mt_buf_add_str(w->buf, ";tag=");
        add_value(w, tag);
    }
    crlf(w);
}

void mt_sip_write_cseq(mt_sip_writer *w, uint32_t cseq, mt_slice method) {
    if (!mt_sip_lex_all(method, MT_SIP_C_TOKEN))
        w->bad = true;
    mt_buf_add_str(w->buf, "CSeq: ");
    mt_buf_add_u64(w->buf, cseq);
    mt_buf_add_char(w->buf, ' ');
    add_value(w, method);
    crlf(w);
}

static void add_quoted(mt_sip_writer *w, const char *name, mt_slice s) {
    mt_buf_add_str(w->buf, name);
    mt_buf_add(w->buf, "=\"", 2);
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            mt_buf_add_char(w->buf, '\\');
        if (mt_sip_lex_is(s.p[i], MT_SIP_C_CONTROL))
            w->bad = true;
        else
            mt_buf_add_char(w->buf, s.p[i]);
    }
    mt_buf_add_char(w->buf, '"');
}

void mt_sip_write_challenge(mt_sip_writer *w, const mt_sip_challenge *c) {
    if (c->alg == MT_SIP_ALG_OTHER)
        w->bad = true;
    add_name(w, c->proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
    add_quoted(w, "Digest realm", c->realm);
    add_quoted(w, ", nonce", c->nonce);
    if (c->opaque.len > 0)
        add_quoted(w, ", opaque", c->opaque);
    mt_buf_add_str(w->buf, ", algorithm=");
    mt_buf_add_str(w->buf, mt_sip_alg_str(c->alg));
    if (c->qop_auth)
        mt_buf_add_str(w->buf, ", qop=\"auth\"");
    if (c->stale)
        mt_buf_add_str(w->buf, ", stale=true");
    crlf(w);
}

/* Back to what was there before the message. */
static void cut_back(mt_sip_writer *w) {
    if (w->buf->p == NULL || w->buf->len < w->start)
        return;
    w->buf->len = w->start;
    w->buf->p[w->start] = '\0';
}

mt_err mt_sip_write_end(mt_sip_writer *w, mt_slice content_type, mt_slice body) {
    if (body.len > 0)
        mt_sip_write_header(w, "Content-Type", content_type);
    if (body.len > 0 && content_type.len == 0)
        w->bad = true;
    mt_sip_write_u64(w, "Content-Length", body.len);
    crlf(w);
    mt_buf_add_slice(w->buf, body);
    mt_err err = w->bad ? MT_EINVAL : mt_buf_err(w->buf);
    if (err != MT_OK)
        cut_back(w);
    return err;
}
