#include "sip_peer.h"

#include <stdlib.h>
#include <string.h>

bool sip_is(const char *message, const char *method) {
    size_t len = strlen(method);
    return strncmp(message, method, len) == 0 && message[len] == ' ';
}

int sip_code(const char *message) {
    return strncmp(message, "SIP/2.0 ", 8) == 0 ? (int)strtol(message + 8, NULL, 10) : 0;
}

const char *sip_body(const char *message) {
    const char *end = strstr(message, "\r\n\r\n");
    return end != NULL ? end + 4 : "";
}

static char *header_at(const char *line, const char *name) {
    size_t len = strlen(name);
    if (g_ascii_strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    return g_strstrip(g_strndup(line + len + 1, strcspn(line + len + 1, "\r")));
}

char *sip_header(const char *message, const char *name) {
    static const char *const compact[][2] = {{"Via", "v"},     {"From", "f"},           {"To", "t"},
                                             {"Call-ID", "i"}, {"Content-Length", "l"}, {"Contact", "m"}};
    const char *body = sip_body(message);
    for (const char *l = strstr(message, "\r\n"); l != NULL && l + 2 < body; l = strstr(l + 2, "\r\n")) {
        char *value = header_at(l + 2, name);
        for (size_t i = 0; value == NULL && i < G_N_ELEMENTS(compact); i++)
            if (strcmp(compact[i][0], name) == 0)
                value = header_at(l + 2, compact[i][1]);
        if (value != NULL)
            return value;
    }
    return NULL;
}

void sip_peer_send(sip_peer *p, const char *message) {
    if (p->udp)
        (void)g_socket_send_to(p->listener, p->from, message, strlen(message), NULL, NULL);
    else if (p->conn != NULL)
        (void)g_socket_send(p->conn, message, strlen(message), NULL, NULL);
}

void sip_peer_answer(sip_peer *p, const char *request, int code, const char *more, const char *body) {
    char *via = sip_header(request, "Via"), *from = sip_header(request, "From"), *to = sip_header(request, "To");
    char *id = sip_header(request, "Call-ID"), *cseq = sip_header(request, "CSeq");
    char *contact = sip_header(request, "Contact");
    const char *tag = code == 100 || strstr(to, "tag=") != NULL ? "" : ";tag=peer";
    GString *s = g_string_new(NULL);
    g_string_printf(s, "SIP/2.0 %d Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n", code,
                    via, from, to, tag, id, cseq);
    if (sip_is(request, "REGISTER") && code == 200 && contact != NULL)
        g_string_append_printf(s, "Contact: %s;expires=300\r\n", contact);
    if (sip_is(request, "INVITE"))
        g_string_append_printf(s, "Contact: <sip:peer@%s;transport=%s>\r\n", p->server, p->udp ? "udp" : "tcp");
    g_string_append(s, more);
    if (body != NULL)
        g_string_append(s, "Content-Type: application/sdp\r\n");
    g_string_append_printf(s, "Content-Length: %zu\r\n\r\n%s", body != NULL ? strlen(body) : 0,
                           body != NULL ? body : "");
    sip_peer_send(p, s->str);
    g_string_free(s, TRUE);
    g_free(via), g_free(from), g_free(to), g_free(id), g_free(cseq), g_free(contact);
}

void sip_peer_request(sip_peer *p, const char *method, const char *call, const char *more, const char *body) {
    const char *transport = p->udp ? "UDP" : "TCP", *param = p->udp ? "udp" : "tcp";
    GString *s = g_string_new(NULL);
    unsigned cseq = strcmp(method, "ACK") == 0 || strcmp(method, "CANCEL") == 0 ? p->cseq : ++p->cseq;
    g_string_printf(s,
                    "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s%u%s\r\nMax-Forwards: 70\r\n"
                    "From: <sip:111001@myturn.invalid>;tag=f%s\r\nCall-ID: in-%s\r\nCSeq: %u %s\r\n"
                    "Contact: <sip:peer@%s;transport=%s>\r\n%s",
                    method, p->contact, transport, p->server, call, cseq, strcmp(method, "ACK") == 0 ? "a" : "", call,
                    call, cseq, method, p->server, param, more);
    if (strstr(more, "To:") == NULL)
        g_string_append(s, "To: <sip:111000@myturn.invalid>\r\n");
    if (body != NULL)
        g_string_append(s, "Content-Type: application/sdp\r\n");
    g_string_append_printf(s, "Content-Length: %zu\r\n\r\n%s", body != NULL ? strlen(body) : 0,
                           body != NULL ? body : "");
    sip_peer_send(p, s->str);
    g_string_free(s, TRUE);
}

static void take(sip_peer *p, const char *message) {
    p->messages++;
    g_string_append_len(p->log, message, (gssize)strcspn(message, "\r"));
    g_string_append_c(p->log, '\n');
    char *contact = sip_is(message, "REGISTER") ? sip_header(message, "Contact") : NULL;
    if (contact != NULL && contact[0] == '<') {
        g_free(p->contact);
        p->contact = g_strndup(contact + 1, strcspn(contact + 1, ">"));
    }
    g_free(contact);
    p->script(p, message, p->ctx);
}

static void cut(sip_peer *p) {
    for (;;) {
        while (g_str_has_prefix(p->in->str, "\r\n")) {
            bool ping = g_str_has_prefix(p->in->str, "\r\n\r\n");
            *(ping ? &p->pings : &p->lone_crlfs) += 1;
            if (ping)
                sip_peer_send(p, "\r\n"); /* pong */
            g_string_erase(p->in, 0, ping ? 4 : 2);
        }
        const char *body = sip_body(p->in->str);
        if (body[0] == '\0' && strstr(p->in->str, "\r\n\r\n") == NULL)
            return;
        char *length = sip_header(p->in->str, "Content-Length");
        size_t len = (size_t)(body - p->in->str) + (length != NULL ? strtoul(length, NULL, 10) : 0);
        g_free(length);
        if (p->in->len < len)
            return;
        char *message = g_strndup(p->in->str, len);
        g_string_erase(p->in, 0, (gssize)len);
        take(p, message);
        g_free(message);
    }
}

static gboolean on_conn(GSocket *s, GIOCondition what, gpointer data) {
    sip_peer *p = data;
    char buf[70000];
    gssize n = g_socket_receive(s, buf, sizeof buf, NULL, NULL);
    if (n <= 0) {
        sip_peer_close_conn(p);
        return G_SOURCE_REMOVE;
    }
    g_string_append_len(p->in, buf, n);
    cut(p);
    return G_SOURCE_CONTINUE;
}

static gboolean on_listener(GSocket *s, GIOCondition what, gpointer data) {
    sip_peer *p = data;
    if (p->udp) {
        char buf[70000];
        g_clear_object(&p->from);
        gssize n = g_socket_receive_from(s, &p->from, buf, sizeof buf - 1, NULL, NULL);
        if (n > 4) {
            buf[n] = '\0';
            take(p, buf);
        }
        return G_SOURCE_CONTINUE;
    }
    GSocket *conn = g_socket_accept(s, NULL, NULL);
    if (conn == NULL)
        return G_SOURCE_CONTINUE;
    sip_peer_close_conn(p);
    p->connections++;
    p->conn = conn;
    g_string_truncate(p->in, 0);
    p->conn_src = g_socket_create_source(conn, G_IO_IN | G_IO_HUP | G_IO_ERR, NULL);
    g_source_set_callback(p->conn_src, G_SOURCE_FUNC(on_conn), p, NULL);
    (void)g_source_attach(p->conn_src, NULL);
    return G_SOURCE_CONTINUE;
}

void sip_peer_close_conn(sip_peer *p) {
    if (p->conn == NULL)
        return;
    g_source_destroy(p->conn_src);
    g_clear_pointer(&p->conn_src, g_source_unref);
    (void)g_socket_close(p->conn, NULL);
    g_clear_object(&p->conn);
}

sip_peer *sip_peer_new(bool udp, uint16_t port, sip_script *script, void *ctx) {
    sip_peer *p = g_new0(sip_peer, 1);
    p->udp = udp;
    p->script = script;
    p->ctx = ctx;
    p->in = g_string_new(NULL);
    p->log = g_string_new(NULL);
    p->cseq = 10;
    p->listener = g_socket_new(G_SOCKET_FAMILY_IPV4, udp ? G_SOCKET_TYPE_DATAGRAM : G_SOCKET_TYPE_STREAM,
                               G_SOCKET_PROTOCOL_DEFAULT, NULL);
    GSocketAddress *at = g_inet_socket_address_new_from_string("127.0.0.1", port);
    gboolean ok = g_socket_bind(p->listener, at, TRUE, NULL) && (udp || g_socket_listen(p->listener, NULL));
    g_object_unref(at);
    g_assert_true(ok);
    at = g_socket_get_local_address(p->listener, NULL);
    p->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(at));
    g_object_unref(at);
    g_snprintf(p->server, sizeof p->server, "127.0.0.1:%u", p->port);
    p->listen_src = g_socket_create_source(p->listener, G_IO_IN, NULL);
    g_source_set_callback(p->listen_src, G_SOURCE_FUNC(on_listener), p, NULL);
    (void)g_source_attach(p->listen_src, NULL);
    return p;
}

void sip_peer_free(sip_peer *p) {
    sip_peer_close_conn(p);
    g_source_destroy(p->listen_src);
    g_source_unref(p->listen_src);
    (void)g_socket_close(p->listener, NULL);
    g_object_unref(p->listener);
    g_clear_object(&p->from);
    g_string_free(p->in, TRUE);
    g_string_free(p->log, TRUE);
    g_free(p->contact);
    g_free(p);
}
