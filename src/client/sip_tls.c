#include "client/sip_tls.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/list.h"
#include "base/log.h"
#include "client/reroute.h"

enum { CONNECTIONS_MAX = 4, CHUNK_BYTES = 4096, CONNECT_S = 8, OUT_MAX = 4 * MT_REROUTE_HEAD_MAX + 65536 };

struct mt_sip_tls {
    GSocketService *service;
    GInetSocketAddress *server;
    char *name;
    mt_trust *trust;
    mt_sip_tls_untrusted_fn *fn;
    void *ctx;
    char address[64];
    mt_list connections;
};

/* One direction of a connection. */
typedef struct pump {
    struct connection *c;
    GInputStream *in;
    GOutputStream *out;
    bool rewrites; /* what the server says */
    char chunk[CHUNK_BYTES];
    mt_buf written;
} pump;

typedef struct connection {
    mt_list node;
    mt_sip_tls *relay; /* NULL: the relay is gone */
    GIOStream *plain, *secure;
    GCancellable *cancel;
    mt_reroute reroute;
    pump up, down;
    unsigned pending; /* operations under way */
    bool closing;
    GTlsCertificateFlags errors;
} connection;

static void maybe_free(connection *c) {
    if (!c->closing || c->pending > 0)
        return;
    mt_list_remove(&c->node);
    g_clear_object(&c->plain);
    g_clear_object(&c->secure);
    g_object_unref(c->cancel);
    mt_reroute_deinit(&c->reroute);
    mt_buf_deinit(&c->up.written);
    mt_buf_deinit(&c->down.written);
    g_free(c);
}

/* Closing in the background: the streams' own close would wait for the other side. */
static void close_connection(connection *c) {
    if (c->closing)
        return;
    c->closing = true;
    g_cancellable_cancel(c->cancel);
    if (c->secure != NULL)
        g_io_stream_close_async(c->secure, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
    g_io_stream_close_async(c->plain, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
}

static void pump_more(pump *p);

static void on_written(GObject *source, GAsyncResult *result, gpointer data) {
    pump *p = data;
    connection *c = p->c;
    c->pending--;
    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, NULL))
        close_connection(c);
    if (c->closing)
        maybe_free(c);
    else
        pump_more(p);
}

static void on_chunk(GObject *source, GAsyncResult *result, gpointer data) {
    pump *p = data;
    connection *c = p->c;
    c->pending--;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
    mt_buf_reset(&p->written);
    mt_err err = n > 0 ? MT_OK : MT_ESTATE;
    if (n > 0 && p->rewrites)
        err = mt_reroute_feed(&c->reroute, mt_slice_n(p->chunk, (size_t)n), &p->written);
    else if (n > 0)
        mt_buf_add(&p->written, p->chunk, (size_t)n);
    if (err != MT_OK || mt_buf_err(&p->written) != MT_OK)
        close_connection(c);
    if (c->closing) {
        maybe_free(c);
        return;
    }
    if (p->written.len == 0) { /* the beginning of a message */
        pump_more(p);
        return;
    }
    c->pending++;
    g_output_stream_write_all_async(p->out, p->written.p, p->written.len, G_PRIORITY_DEFAULT, c->cancel, on_written, p);
}

static void pump_more(pump *p) {
    p->c->pending++;
    g_input_stream_read_async(p->in, p->chunk, sizeof p->chunk, G_PRIORITY_DEFAULT, p->c->cancel, on_chunk, p);
}

static void start_pump(connection *c, pump *p, GIOStream *from, GIOStream *to) {
    p->c = c;
    p->in = g_io_stream_get_input_stream(from);
    p->out = g_io_stream_get_output_stream(to);
    p->rewrites = from == c->secure;
    mt_buf_init(&p->written, OUT_MAX);
    pump_more(p);
}

static gboolean on_certificate(GTlsConnection *tls, GTlsCertificate *peer, GTlsCertificateFlags errors, gpointer data) {
    connection *c = data;
    (void)tls;
    if (c->relay != NULL && mt_trust_accepts(c->relay->trust, peer, c->relay->name, errors))
        return TRUE;
    c->errors = errors;
    return FALSE;
}

/* GIO's limit for connecting would also be one for silence, and SIP may have nothing to say for long. */
static void be_patient(GIOStream *tls) {
    GSocketConnection *tcp = NULL;
    g_object_get(tls, "base-io-stream", &tcp, NULL);
    g_socket_set_timeout(g_socket_connection_get_socket(tcp), 0);
    g_object_unref(tcp);
}

static void on_secured(GObject *source, GAsyncResult *result, gpointer data) {
    connection *c = data;
    GError *err = NULL;
    c->pending--;
    bool ok = g_tls_connection_handshake_finish(G_TLS_CONNECTION(source), result, &err);
    if (ok && !c->closing) {
        be_patient(c->secure);
        start_pump(c, &c->up, c->plain, c->secure);
        start_pump(c, &c->down, c->secure, c->plain);
    } else {
        mt_log(MT_LOG_WARN, "sip", "no TLS with the server: %s", err != NULL ? err->message : "closed");
        mt_sip_tls *relay = c->errors != 0 ? c->relay : NULL;
        GTlsCertificateFlags errors = c->errors;
        close_connection(c);
        maybe_free(c);
        if (relay != NULL)
            relay->fn(relay->ctx, mt_trust_why(errors));
    }
    g_clear_error(&err);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data) {
    connection *c = data;
    c->pending--;
    GSocketConnection *tcp = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, NULL);
    GIOStream *tls = NULL;
    if (tcp != NULL && c->relay != NULL && !c->closing) {
        GSocketConnectable *identity = g_network_address_new(c->relay->name, 0);
        tls = g_tls_client_connection_new(G_IO_STREAM(tcp), identity, NULL);
        g_object_unref(identity);
    }
    g_clear_object(&tcp);
    if (tls == NULL) {
        close_connection(c);
        maybe_free(c);
        return;
    }
    c->secure = tls;
    g_signal_connect(tls, "accept-certificate", G_CALLBACK(on_certificate), c);
    c->pending++;
    g_tls_connection_handshake_async(G_TLS_CONNECTION(tls), G_PRIORITY_DEFAULT, c->cancel, on_secured, c);
}

static size_t count(const mt_sip_tls *r) {
    size_t n = 0;
    MT_LIST_FOREACH(it, &r->connections) {
        n++;
    }
    return n;
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *plain, GObject *from, gpointer data) {
    mt_sip_tls *r = data;
    (void)service, (void)from;
    if (count(r) >= CONNECTIONS_MAX)
        return TRUE; /* not ours: the user agent has one, and one that is closing */
    connection *c = g_new0(connection, 1);
    c->relay = r;
    c->plain = G_IO_STREAM(g_object_ref(plain));
    c->cancel = g_cancellable_new();
    mt_reroute_init(&c->reroute, r->address);
    mt_list_append(&r->connections, &c->node);
    GSocketClient *client = g_socket_client_new();
    g_socket_client_set_timeout(client, CONNECT_S);
    g_socket_client_set_enable_proxy(client, FALSE);
    c->pending++;
    g_socket_client_connect_async(client, G_SOCKET_CONNECTABLE(r->server), c->cancel, on_connected, c);
    g_object_unref(client);
    return TRUE;
}

static bool listen_on_loopback(mt_sip_tls *r) {
    GInetAddress *ip = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *any = g_inet_socket_address_new(ip, 0), *bound = NULL;
    bool ok = g_socket_listener_add_address(G_SOCKET_LISTENER(r->service), any, G_SOCKET_TYPE_STREAM,
                                            G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL);
    if (ok)
        (void)snprintf(r->address, sizeof r->address, "127.0.0.1:%u",
                       (unsigned)g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)));
    g_clear_object(&bound);
    g_object_unref(any);
    g_object_unref(ip);
    return ok;
}

mt_err mt_sip_tls_create(const mt_addr *server, const char *name, mt_trust *trust, mt_sip_tls_untrusted_fn *fn,
                         void *ctx, mt_sip_tls **out) {
    GSocketAddress *address = g_socket_address_new_from_native((gpointer)(uintptr_t)&server->sa, mt_addr_len(server));
    if (address == NULL)
        return MT_ESYS;
    mt_sip_tls *r = g_new0(mt_sip_tls, 1);
    r->server = G_INET_SOCKET_ADDRESS(address);
    r->name = g_strdup(name);
    r->trust = mt_trust_ref(trust);
    r->fn = fn;
    r->ctx = ctx;
    mt_list_init(&r->connections);
    r->service = g_socket_service_new();
    if (!listen_on_loopback(r)) {
        mt_sip_tls_destroy(r);
        return MT_ESYS;
    }
    g_signal_connect(r->service, "incoming", G_CALLBACK(on_incoming), r);
    g_socket_service_start(r->service);
    *out = r;
    return MT_OK;
}

void mt_sip_tls_destroy(mt_sip_tls *r) {
    if (r == NULL)
        return;
    g_socket_service_stop(r->service);
    g_socket_listener_close(G_SOCKET_LISTENER(r->service));
    g_signal_handlers_disconnect_by_data(r->service, r);
    MT_LIST_FOREACH_SAFE(it, &r->connections) {
        connection *c = MT_CONTAINER(it, connection, node);
        c->relay = NULL;
        mt_list_remove(&c->node); /* it goes on by itself */
        if (c->secure == NULL)
            close_connection(c);
    }
    g_object_unref(r->service);
    g_object_unref(r->server);
    mt_trust_unref(r->trust);
    g_free(r->name);
    g_free(r);
}

const char *mt_sip_tls_address(const mt_sip_tls *r) {
    return r->address;
}
