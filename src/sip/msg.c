#include "sip/msg.h"

#include "sip/lex.h"
#include "sip/via.h"

typedef struct parse {
    mt_sip_msg *m;
    uint64_t seen;          /* bit per header id */
    bool mute;              /* cannot be answered: where it ends, its Vias or its method are not sure */
    int64_t content_length; /* -1: not given */
} parse;

static void fault(parse *p, mt_sip_bad bad) {
    if (p->m->bad == MT_SIP_BAD_NONE)
        p->m->bad = bad;
}

static void fault_mute(parse *p, mt_sip_bad bad) {
    fault(p, bad);
    p->mute = true;
}

/* --- start line --- */

static bool is_version(mt_slice s) {
    size_t dot = mt_slice_find(s, '.');
    return mt_slice_starts_nocase(s, "SIP/") && dot > 4 && dot + 1 < s.len &&
           mt_sip_lex_all(mt_sip_lex_sub(s, 4, dot), MT_SIP_C_DIGIT) &&
           mt_sip_lex_all(mt_sip_lex_sub(s, dot + 1, s.len), MT_SIP_C_DIGIT);
}

static void check_version(parse *p, mt_slice version) {
    if (!is_version(version))
        fault(p, MT_SIP_BAD_START_LINE);
    else if (!mt_slice_is_nocase(version, "SIP/2.0"))
        fault(p, MT_SIP_BAD_VERSION);
}

/* "SIP/2.0 200 OK"; the reason may be empty, its space may not be missing. */
static void parse_status_line(parse *p, mt_slice line) {
    size_t space = mt_slice_find(line, ' ');
    check_version(p, mt_sip_lex_sub(line, 0, space));
    mt_slice rest = mt_sip_lex_sub(line, space, line.len);
    bool ok = rest.len >= 5 && rest.p[4] == ' ' && mt_sip_lex_all(mt_sip_lex_sub(rest, 1, 4), MT_SIP_C_DIGIT) &&
              rest.p[1] >= '1' && rest.p[1] <= '6';
    if (!ok) {
        fault(p, MT_SIP_BAD_START_LINE);
        return;
    }
    p->m->status = (unsigned)((rest.p[1] - '0') * 100 + (rest.p[2] - '0') * 10 + (rest.p[3] - '0'));
    p->m->reason = mt_sip_lex_sub(rest, 5, rest.len);
}

static void parse_request_line(parse *p, mt_slice line) {
    mt_sip_msg *m = p->m;
    size_t first = mt_slice_find(line, ' ');
    size_t last = line.len;
    while (last > 0 && line.p[last - 1] != ' ')
        last--;
    if (first == line.len || last <= first + 1) {
        fault(p, MT_SIP_BAD_START_LINE);
        return;
    }
    m->method_name = mt_sip_lex_sub(line, 0, first);
    m->method = mt_sip_method_of(m->method_name);
    if (!mt_sip_lex_all(m->method_name, MT_SIP_C_TOKEN))
        fault(p, MT_SIP_BAD_START_LINE);
    check_version(p, mt_sip_lex_sub(line, last, line.len));
    /* White space inside fails here, as does <> around it; headers have no place in a Request-URI (19.1.1). */
    mt_sip_uri uri;
    if (mt_sip_uri_parse(mt_sip_lex_sub(line, first + 1, last - 1), &uri) != MT_OK || uri.headers.len > 0)
        fault(p, MT_SIP_BAD_URI);
    else
        m->uri = uri;
}

static void parse_start_line(parse *p, mt_slice line) {
    p->m->is_request = !mt_slice_starts_nocase(line, "SIP/");
    size_t control = mt_sip_lex_control(line, 0);
    if (control < line.len) { /* CR and LF too: no folds here */
        fault(p, line.p[control] == '\0' ? MT_SIP_BAD_NUL : MT_SIP_BAD_START_LINE);
        return;
    }
    if (p->m->is_request)
        parse_request_line(p, line);
    else
        parse_status_line(p, line);
}

/* --- headers --- */

static void on_via(parse *p, mt_slice value) {
    mt_slice one;
    bool any = false;
    while (mt_sip_list_next(&value, &one)) {
        any = true;
        if (p->m->via_count == MT_SIP_MAX_VIAS) {
            fault_mute(p, MT_SIP_BAD_LIMIT);
            return;
        }
        if (mt_sip_via_parse(one, &p->m->vias[p->m->via_count]) != MT_OK) {
            fault_mute(p, MT_SIP_BAD_VIA);
            return;
        }
        p->m->via_count++;
    }
    if (!any)
        fault_mute(p, MT_SIP_BAD_VIA);
}

/* Cuts a list of addresses into array. */
static void on_addrs(parse *p, mt_slice value, mt_sip_addr *array, size_t *count, size_t max, mt_sip_bad bad) {
    mt_slice one;
    bool any = false;
    while (mt_sip_list_next(&value, &one)) {
        any = true;
        if (*count == max) {
            fault(p, MT_SIP_BAD_LIMIT);
            return;
        }
        mt_sip_addr *a = &array[*count];
        /* Route and Record-Route need their <> (20.30, 20.34). */
        if (mt_sip_addr_parse(one, a) != MT_OK ||
            (bad == MT_SIP_BAD_ROUTE && one.p[one.len - 1 - a->params.len] != '>')) {
            fault(p, bad);
            return;
        }
        ++*count;
    }
    if (!any)
        fault(p, bad);
}

static void on_contact(parse *p, mt_slice value) {
    mt_sip_msg *m = p->m;
    bool star = mt_slice_is(value, "*");
    if (m->contact_star || (star && m->contact_count > 0)) {
        fault(p, MT_SIP_BAD_CONTACT); /* the star stands alone (10.2.2) */
        return;
    }
    if (star)
        m->contact_star = true;
    else
        on_addrs(p, value, m->contacts, &m->contact_count, MT_SIP_MAX_CONTACTS, MT_SIP_BAD_CONTACT);
}

static void on_call_id(parse *p, mt_slice value) {
    size_t at = mt_slice_find(value, '@');
    bool ok = mt_sip_lex_all(mt_sip_lex_sub(value, 0, at), MT_SIP_C_WORD) &&
              (at == value.len || mt_sip_lex_all(mt_sip_lex_sub(value, at + 1, value.len), MT_SIP_C_WORD));
    if (ok)
        p->m->call_id = value;
    else
        fault(p, MT_SIP_BAD_CALL_ID);
}

static void on_cseq(parse *p, mt_slice value) {
    size_t digits = mt_sip_lex_span(value, 0, MT_SIP_C_DIGIT);
    size_t from = mt_sip_lex_span(value, digits, MT_SIP_C_LWS);
    mt_slice method = mt_sip_lex_sub(value, from, value.len);
    int64_t number;
    if (from == digits || !mt_sip_lex_number(mt_sip_lex_sub(value, 0, digits), &number) ||
        !mt_sip_lex_all(method, MT_SIP_C_TOKEN)) {
        fault(p, MT_SIP_BAD_CSEQ);
        return;
    }
    p->m->cseq_method = method;
    if (number > MT_SIP_MAX_CSEQ)
        fault(p, MT_SIP_BAD_CSEQ); /* can be echoed, but not counted with */
    else
        p->m->cseq = (uint32_t)number;
}

static void on_addr(parse *p, mt_slice value, mt_sip_addr *out, mt_sip_bad bad) {
    if (mt_sip_addr_parse(value, out) != MT_OK)
        fault(p, bad);
}

static void on_number(parse *p, mt_slice value, int64_t max, int64_t *out, mt_sip_bad bad) {
    int64_t number;
    if (!mt_sip_lex_number(value, &number) || number > max)
        fault(p, bad);
    else
        *out = number;
}

static void on_content_type(parse *p, mt_slice value) {
    size_t pos = mt_sip_lex_span(value, 0, MT_SIP_C_TOKEN);
    size_t slash = mt_sip_lex_span(value, pos, MT_SIP_C_LWS);
    size_t from = slash < value.len ? mt_sip_lex_span(value, slash + 1, MT_SIP_C_LWS) : value.len;
    size_t to = mt_sip_lex_span(value, from, MT_SIP_C_TOKEN);
    if (pos == 0 || slash == value.len || value.p[slash] != '/' || to == from ||
        !mt_sip_lex_params_ok(mt_sip_lex_sub(value, to, value.len)))
        fault(p, MT_SIP_BAD_CONTENT_TYPE);
    else
        p->m->content_type = value;
}

static void on_known(parse *p, const mt_sip_header *h) {
    mt_sip_msg *m = p->m;
    int64_t number = -1;
    switch (h->id) {
    case MT_SIP_H_VIA:
        on_via(p, h->value);
        break;
    case MT_SIP_H_TO:
        on_addr(p, h->value, &m->to, MT_SIP_BAD_TO);
        break;
    case MT_SIP_H_FROM:
        on_addr(p, h->value, &m->from, MT_SIP_BAD_FROM);
        break;
    case MT_SIP_H_CALL_ID:
        on_call_id(p, h->value);
        break;
    case MT_SIP_H_CSEQ:
        on_cseq(p, h->value);
        break;
    case MT_SIP_H_MAX_FORWARDS:
        on_number(p, h->value, 255, &number, MT_SIP_BAD_MAX_FORWARDS);
        m->max_forwards = (int)number;
        break;
    case MT_SIP_H_CONTENT_LENGTH:
        on_number(p, h->value, INT64_MAX, &p->content_length, MT_SIP_BAD_CONTENT_LENGTH);
        break;
    case MT_SIP_H_CONTENT_TYPE:
        on_content_type(p, h->value);
        break;
    case MT_SIP_H_EXPIRES:
        on_number(p, h->value, INT64_MAX, &number, MT_SIP_BAD_EXPIRES);
        m->expires_s = number > UINT32_MAX ? UINT32_MAX : number;
        break;
    case MT_SIP_H_CONTACT:
        on_contact(p, h->value);
        break;
    case MT_SIP_H_ROUTE:
        on_addrs(p, h->value, m->routes, &m->route_count, MT_SIP_MAX_ROUTES, MT_SIP_BAD_ROUTE);
        break;
    case MT_SIP_H_RECORD_ROUTE:
        on_addrs(p, h->value, m->record_routes, &m->record_route_count, MT_SIP_MAX_ROUTES, MT_SIP_BAD_ROUTE);
        break;
    default:
        break;
    }
}

/* Headers that may be there once only; those of the first row an answer repeats. */
#define BIT(id) (UINT64_C(1) << (id))
#define ECHOED (BIT(MT_SIP_H_TO) | BIT(MT_SIP_H_FROM) | BIT(MT_SIP_H_CALL_ID) | BIT(MT_SIP_H_CSEQ))
#define SINGLE                                                                                                         \
    (ECHOED | BIT(MT_SIP_H_MAX_FORWARDS) | BIT(MT_SIP_H_CONTENT_LENGTH) | BIT(MT_SIP_H_CONTENT_TYPE) |                 \
     BIT(MT_SIP_H_EXPIRES))

static void parse_header(parse *p, mt_slice line) {
    mt_sip_header h;
    for (size_t i = 0; (i = mt_sip_lex_control(line, i)) < line.len; i += 3) {
        bool fold = line.p[i] == '\r' && line.len - i > 2 && line.p[i + 1] == '\n' &&
                    (line.p[i + 2] == ' ' || line.p[i + 2] == '\t');
        if (!fold) {
            fault_mute(p, line.p[i] == '\0' ? MT_SIP_BAD_NUL : MT_SIP_BAD_FRAME);
            return;
        }
    }
    if (!mt_sip_lex_header(line, &h.name, &h.value)) {
        fault(p, MT_SIP_BAD_HEADER);
        return;
    }
    h.id = mt_sip_header_id_of(h.name);
    if (p->m->header_count == MT_SIP_MAX_HEADERS) {
        fault_mute(p, MT_SIP_BAD_LIMIT);
        return;
    }
    p->m->headers[p->m->header_count++] = h;
    if (h.id == MT_SIP_H_OTHER)
        return;
    if ((BIT(h.id) & SINGLE & p->seen) != 0) {
        fault(p, MT_SIP_BAD_TWICE); /* the first one stands */
        return;
    }
    p->seen |= BIT(h.id);
    on_known(p, &h);
}

/* --- the whole --- */

static void parse_body(parse *p, mt_slice rest, mt_sip_framing framing) {
    size_t length = rest.len;
    if (p->content_length >= 0 && (uint64_t)p->content_length <= rest.len)
        length = (size_t)p->content_length;
    else if (p->content_length >= 0 || framing == MT_SIP_STREAM)
        fault(p, MT_SIP_BAD_CONTENT_LENGTH);
    if (length != rest.len && framing != MT_SIP_DATAGRAM)
        fault(p, MT_SIP_BAD_CONTENT_LENGTH);
    p->m->body = mt_sip_lex_sub(rest, 0, length);
    p->m->raw.len = (size_t)(rest.p + length - p->m->raw.p);
    if (length > 0 && (p->seen & BIT(MT_SIP_H_CONTENT_TYPE)) == 0)
        fault(p, MT_SIP_BAD_CONTENT_TYPE);
}

static mt_err finish(parse *p) {
    mt_sip_msg *m = p->m;
    const uint64_t needed = ECHOED | BIT(MT_SIP_H_VIA);
    if ((p->seen & needed) != needed)
        fault(p, MT_SIP_BAD_MISSING);
    if (!m->is_request) {
        m->method_name = m->cseq_method;
        m->method = mt_sip_method_of(m->cseq_method);
    } else if (m->cseq_method.len > 0 && !mt_slice_eq(m->cseq_method, m->method_name)) {
        fault(p, MT_SIP_BAD_CSEQ);
    }
    if (m->bad == MT_SIP_BAD_NONE)
        return MT_OK;
    bool ack = m->method == MT_SIP_METHOD_ACK || mt_slice_is(m->cseq_method, "ACK");
    m->answerable = m->is_request && !p->mute && !ack && m->via_count > 0 &&
                    (m->cseq_method.len > 0 || mt_sip_lex_all(m->method_name, MT_SIP_C_TOKEN));
    m->bad_status = m->bad == MT_SIP_BAD_VERSION ? 505 : m->bad == MT_SIP_BAD_LIMIT ? 513 : 400;
    return m->bad == MT_SIP_BAD_LIMIT ? MT_ELIMIT : MT_EBAD;
}

/* Not the arrays: their counts say what of them is valid. */
static void clear(mt_sip_msg *m, mt_slice input) {
    m->raw = input;
    m->is_request = false;
    m->method = MT_SIP_METHOD_OTHER;
    m->method_name = m->reason = m->call_id = m->cseq_method = m->content_type = m->body = (mt_slice){input.p, 0};
    m->uri = (mt_sip_uri){.scheme = MT_SIP_SCHEME_OTHER};
    m->status = 0;
    m->header_count = m->via_count = m->contact_count = m->route_count = m->record_route_count = 0;
    m->contact_star = false;
    m->to = m->from = (mt_sip_addr){.uri = {.scheme = MT_SIP_SCHEME_OTHER}};
    m->cseq = 0;
    m->max_forwards = -1;
    m->expires_s = -1;
    m->bad = MT_SIP_BAD_NONE;
    m->answerable = false;
    m->bad_status = 0;
}

mt_err mt_sip_msg_parse(mt_slice input, mt_sip_framing framing, mt_sip_msg *out) {
    parse p = {.m = out, .content_length = -1};
    while (input.len >= 2 && memcmp(input.p, "\r\n", 2) == 0) /* section 7.5 */
        input = mt_sip_lex_sub(input, 2, input.len);
    clear(out, input);
    size_t end = mt_sip_lex_head_end(input);
    bool whole = end < input.len;
    mt_slice head = mt_sip_lex_sub(input, 0, whole ? end + 2 : input.len);
    if (input.len == 0 || head.len > MT_SIP_MAX_HEAD_BYTES - 2) {
        fault_mute(&p, input.len == 0 ? MT_SIP_BAD_FRAME : MT_SIP_BAD_LIMIT);
        return finish(&p);
    }
    mt_slice line;
    if (mt_sip_lex_line(&head, &line))
        parse_start_line(&p, line);
    while (mt_sip_lex_line(&head, &line))
        parse_header(&p, line);
    if (!whole)
        fault_mute(&p, MT_SIP_BAD_FRAME);
    else
        parse_body(&p, mt_sip_lex_sub(input, end + 4, input.len), framing);
    if (out->raw.len > MT_SIP_MAX_MESSAGE_BYTES)
        fault(&p, MT_SIP_BAD_LIMIT);
    return finish(&p);
}

/* --- looking things up --- */

const mt_sip_header *mt_sip_msg_header(const mt_sip_msg *m, mt_sip_header_id id, const mt_sip_header *after) {
    for (size_t i = after != NULL ? (size_t)(after - m->headers) + 1 : 0; i < m->header_count; i++)
        if (m->headers[i].id == id)
            return &m->headers[i];
    return NULL;
}

const mt_sip_header *mt_sip_msg_header_named(const mt_sip_msg *m, const char *name, const mt_sip_header *after) {
    mt_sip_header_id id = mt_sip_header_id_of(mt_slice_of(name));
    if (id != MT_SIP_H_OTHER)
        return mt_sip_msg_header(m, id, after);
    for (size_t i = after != NULL ? (size_t)(after - m->headers) + 1 : 0; i < m->header_count; i++)
        if (mt_slice_is_nocase(m->headers[i].name, name))
            return &m->headers[i];
    return NULL;
}

bool mt_sip_msg_has_token(const mt_sip_msg *m, mt_sip_header_id id, const char *token) {
    const mt_sip_header *h = NULL;
    while ((h = mt_sip_msg_header(m, id, h)) != NULL) {
        mt_slice rest = h->value, one;
        while (mt_sip_list_next(&rest, &one))
            if (mt_slice_is_nocase(one, token))
                return true;
    }
    return false;
}

bool mt_sip_msg_is_type(const mt_sip_msg *m, const char *type_subtype) {
    mt_slice s = m->content_type, want = mt_slice_of(type_subtype);
    size_t at = 0;
    for (size_t i = 0; i < s.len && s.p[i] != ';'; i++) {
        if (mt_sip_lex_is(s.p[i], MT_SIP_C_LWS))
            continue;
        if (at == want.len || !mt_slice_eq_nocase(mt_sip_lex_sub(s, i, i + 1), mt_sip_lex_sub(want, at, at + 1)))
            return false;
        at++;
    }
    return at == want.len && at > 0;
}
