#include "link/turn_tls.h"

#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/log.h"

enum {
    TUNNELS_MAX = 16,  /* libnice opens one from each local address */
    CONNECT_TIME_S = 5 /* nobody waits longer for a relay */
};

struct mt_turn_tls {
    char *host;
    uint16_t far_port, near_port;
    GSocketListener *listener; /* owned */
    GSocketConnectable *name;  /* owned: what the certificate must be for */
    GTlsDatabase *authorities; /* owned; NULL: the system's alone */
    GCancellable *over;        /* owned: destroyed */
    unsigned tunnels;
    unsigned refs; /* the owner's, and one of each operation under way */
    bool dead;
};

typedef struct tunnel {
    mt_turn_tls *t;
    GIOStream *near, *far; /* owned */
    GSocket *socket;       /* owned: under far */
} tunnel;

static void unref(mt_turn_tls *t) {
    if (--t->refs > 0)
        return;
    g_clear_object(&t->listener);
    g_clear_object(&t->name);
    g_clear_object(&t->authorities);
    g_clear_object(&t->over);
    g_free(t->host);
    g_free(t);
}

static void end_tunnel(tunnel *n, const char *what, GError *err) {
    if (err != NULL && !g_error_matches(err, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        mt_log(MT_LOG_WARN, "turn", "%s: %s", what, err->message);
    g_clear_error(&err);
    if (n->near != NULL)
        (void)g_io_stream_close(n->near, NULL, NULL);
    g_clear_object(&n->near);
    g_clear_object(&n->far);
    g_clear_object(&n->socket);
    n->t->tunnels--;
    unref(n->t);
    g_free(n);
}

static void on_spliced(GObject *near, GAsyncResult *result, gpointer data) {
    GError *err = NULL;
    (void)g_io_stream_splice_finish(result, &err);
    g_clear_error(&err); /* connections end, one way or the other */
    end_tunnel(data, "tunnel", NULL);
}

static void on_handshake(GObject *far, GAsyncResult *result, gpointer data) {
    tunnel *n = data;
    GError *err = NULL;
    if (!g_tls_connection_handshake_finish(G_TLS_CONNECTION(far), result, &err)) {
        end_tunnel(n, "TLS with the TURN server", err);
        return;
    }
    g_socket_set_timeout(n->socket, 0); /* from here on silence is no failure */
    g_io_stream_splice_async(n->near, n->far, G_IO_STREAM_SPLICE_CLOSE_STREAM1 | G_IO_STREAM_SPLICE_CLOSE_STREAM2,
                             G_PRIORITY_DEFAULT, n->t->over, on_spliced, n);
}

/* The system's authorities have refused: do the further ones vouch? Everything else about it must be right. */
static gboolean on_certificate(GTlsConnection *tls, GTlsCertificate *cert, GTlsCertificateFlags errors, gpointer data) {
    tunnel *n = data;
    if (errors != G_TLS_CERTIFICATE_UNKNOWN_CA || n->t->authorities == NULL)
        return FALSE;
    GError *err = NULL;
    GTlsCertificateFlags left =
        g_tls_database_verify_chain(n->t->authorities, cert, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, n->t->name,
                                    NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, &err);
    bool good = err == NULL && left == G_TLS_CERTIFICATE_NO_FLAGS;
    g_clear_error(&err);
    return good;
}

static void no_delay(GSocketConnection *c) {
    (void)g_socket_set_option(g_socket_connection_get_socket(c), IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer data) {
    tunnel *n = data;
    GError *err = NULL;
    GSocketConnection *plain = g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &err);
    if (plain == NULL) {
        end_tunnel(n, "the TURN server is not reached", err);
        return;
    }
    no_delay(plain);
    n->socket = g_object_ref(g_socket_connection_get_socket(plain));
    n->far = g_tls_client_connection_new(G_IO_STREAM(plain), n->t->name, &err);
    g_object_unref(plain);
    if (n->far == NULL) {
        end_tunnel(n, "no TLS", err);
        return;
    }
    g_signal_connect(n->far, "accept-certificate", G_CALLBACK(on_certificate), n);
    g_tls_connection_handshake_async(G_TLS_CONNECTION(n->far), G_PRIORITY_DEFAULT, n->t->over, on_handshake, n);
}

static void begin_tunnel(mt_turn_tls *t, GSocketConnection *near) {
    tunnel *n = g_new0(tunnel, 1);
    n->t = t;
    t->refs++;
    t->tunnels++;
    n->near = G_IO_STREAM(g_object_ref(near));
    no_delay(near);
    GSocketClient *client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, CONNECT_TIME_S);
    g_socket_client_connect_to_host_async(client, t->host, t->far_port, t->over, on_connected, n);
    g_object_unref(client);
}

static void accept_next(mt_turn_tls *t);

static void on_accepted(GObject *listener, GAsyncResult *result, gpointer data) {
    mt_turn_tls *t = data;
    GSocketConnection *near = g_socket_listener_accept_finish(G_SOCKET_LISTENER(listener), result, NULL, NULL);
    if (near != NULL && !t->dead && t->tunnels < TUNNELS_MAX)
        begin_tunnel(t, near);
    if (near != NULL)
        g_object_unref(near); /* closed, unless a tunnel took it */
    if (near != NULL && !t->dead)
        accept_next(t);
    unref(t);
}

static void accept_next(mt_turn_tls *t) {
    t->refs++;
    g_socket_listener_accept_async(t->listener, t->over, on_accepted, t);
}

static bool listen_on_loopback(mt_turn_tls *t) {
    GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *any = g_inet_socket_address_new(loopback, 0), *got = NULL;
    bool ok =
        g_socket_listener_add_address(t->listener, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &got, NULL);
    if (ok)
        t->near_port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
    g_clear_object(&got);
    g_object_unref(any);
    g_object_unref(loopback);
    return ok;
}

static bool read_authorities(mt_turn_tls *t, const char *ca_file) {
    if (ca_file == NULL)
        return true;
    GError *err = NULL;
    t->authorities = g_tls_file_database_new(ca_file, &err);
    if (t->authorities != NULL)
        return true;
    mt_log(MT_LOG_ERROR, "turn", "authorities: %s", err->message);
    g_error_free(err);
    return false;
}

mt_err mt_turn_tls_create(const char *host, uint16_t port, const char *ca_file, mt_turn_tls **out) {
    if (!g_tls_backend_supports_tls(g_tls_backend_get_default())) {
        mt_log(MT_LOG_ERROR, "turn", "GLib has no TLS here; glib-networking is missing");
        return MT_ESYS;
    }
    mt_turn_tls *t = g_new0(mt_turn_tls, 1);
    t->refs = 1;
    t->host = g_strdup(host);
    t->far_port = port;
    t->over = g_cancellable_new();
    t->listener = g_socket_listener_new();
    t->name = g_network_address_new(host, port);
    if (!read_authorities(t, ca_file) || !listen_on_loopback(t)) {
        mt_turn_tls_destroy(t);
        return MT_ESYS;
    }
    accept_next(t);
    *out = t;
    return MT_OK;
}

uint16_t mt_turn_tls_port(const mt_turn_tls *t) {
    return t->near_port;
}

void mt_turn_tls_destroy(mt_turn_tls *t) {
    if (t == NULL)
        return;
    t->dead = true;
    g_cancellable_cancel(t->over);
    g_socket_listener_close(t->listener);
    unref(t);
}
