/* The way to a TURN server by TLS: what goes in comes out at the server and back, and only at one whose certificate is
 * good. The server is GLib's own TLS, in the same main context; nothing leaves loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "link/turn_tls.h"

#define DAY_S 86400L

enum { LIMIT_MS = 15000, BIG_BYTES = 300000, TUNNELS_MAX = 16 };

/* ---- certificates ---- */

typedef struct signer {
    EVP_PKEY *key;
    X509 *x509;
} signer;

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_true(X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

/* by: NULL for an authority. names: as in subjectAltName. Good from and until so many seconds from now. */
static signer make(const signer *by, const char *names, long from_s, long until_s) {
    static long serial = 1000;
    signer s = {.key = EVP_EC_gen("P-256"), .x509 = X509_new()};
    X509 *issuer = by != NULL ? by->x509 : s.x509;
    assert_non_null(s.key);
    X509_set_version(s.x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(s.x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(s.x509), from_s);
    X509_gmtime_adj(X509_getm_notAfter(s.x509), until_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(s.x509), "CN", MBSTRING_ASC,
                               (const unsigned char *)(by != NULL ? "server" : "authority"), -1, -1, 0);
    X509_set_issuer_name(s.x509, X509_get_subject_name(issuer));
    X509_set_pubkey(s.x509, s.key);
    add_extension(s.x509, issuer, NID_basic_constraints, by != NULL ? "CA:FALSE" : "critical,CA:TRUE");
    if (names != NULL)
        add_extension(s.x509, issuer, NID_subject_alt_name, names);
    assert_true(X509_sign(s.x509, by != NULL ? by->key : s.key, EVP_sha256()) > 0);
    return s;
}

static void drop(signer *s) {
    EVP_PKEY_free(s->key);
    X509_free(s->x509);
}

static char *pem_of(const signer *s, bool with_key) {
    BIO *out = BIO_new(BIO_s_mem());
    char *data;
    assert_true(PEM_write_bio_X509(out, s->x509));
    if (with_key)
        assert_true(PEM_write_bio_PrivateKey(out, s->key, NULL, NULL, 0, NULL, NULL));
    long len = BIO_get_mem_data(out, &data);
    char *text = g_strndup(data, (gsize)len);
    BIO_free(out);
    return text;
}

/* ---- a server that gives back what it is sent ---- */

typedef struct server {
    GSocketService *service; /* owned */
    GTlsCertificate *cert;   /* owned; NULL: it takes connections and says nothing */
    GPtrArray *open;         /* owned, of GIOStream */
    guint16 port;
    unsigned connections, secured, refused, ended;
} server;

static void on_given_back(GObject *out, GAsyncResult *result, gpointer data) {
    server *v = data;
    (void)g_output_stream_splice_finish(G_OUTPUT_STREAM(out), result, NULL);
    v->ended++;
}

static void on_secured(GObject *tls, GAsyncResult *result, gpointer data) {
    server *v = data;
    if (!g_tls_connection_handshake_finish(G_TLS_CONNECTION(tls), result, NULL)) {
        v->refused++;
        return;
    }
    v->secured++;
    GIOStream *io = G_IO_STREAM(tls);
    g_output_stream_splice_async(g_io_stream_get_output_stream(io), g_io_stream_get_input_stream(io),
                                 G_OUTPUT_STREAM_SPLICE_NONE, G_PRIORITY_DEFAULT, NULL, on_given_back, v);
}

static gboolean on_connection(GSocketService *service, GSocketConnection *plain, GObject *source, gpointer data) {
    server *v = data;
    v->connections++;
    if (v->cert == NULL) {
        g_ptr_array_add(v->open, g_object_ref(plain));
        return TRUE;
    }
    GIOStream *tls = g_tls_server_connection_new(G_IO_STREAM(plain), v->cert, NULL);
    assert_non_null(tls);
    g_ptr_array_add(v->open, tls);
    g_tls_connection_handshake_async(G_TLS_CONNECTION(tls), G_PRIORITY_DEFAULT, NULL, on_secured, v);
    return TRUE;
}

static void serve(server *v, const signer *who) {
    *v = (server){.service = g_socket_service_new(), .open = g_ptr_array_new_with_free_func(g_object_unref)};
    if (who != NULL) {
        char *pem = pem_of(who, true);
        v->cert = g_tls_certificate_new_from_pem(pem, -1, NULL);
        assert_non_null(v->cert);
        g_free(pem);
    }
    GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *any = g_inet_socket_address_new(loopback, 0), *got = NULL;
    assert_true(g_socket_listener_add_address(G_SOCKET_LISTENER(v->service), any, G_SOCKET_TYPE_STREAM,
                                              G_SOCKET_PROTOCOL_TCP, NULL, &got, NULL));
    v->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
    g_object_unref(got);
    g_object_unref(any);
    g_object_unref(loopback);
    g_signal_connect(v->service, "incoming", G_CALLBACK(on_connection), v);
}

static void stop(server *v) {
    g_socket_service_stop(v->service);
    g_socket_listener_close(G_SOCKET_LISTENER(v->service));
    g_clear_object(&v->service);
    for (guint i = 0; i < v->open->len; i++)
        (void)g_io_stream_close(v->open->pdata[i], NULL, NULL);
    g_ptr_array_unref(v->open);
    g_clear_object(&v->cert);
}

/* ---- libnice's place: a plain connection to the port on loopback ---- */

typedef struct user {
    GSocket *socket; /* owned */
    GByteArray *got; /* owned */
    gsize sent;
    bool over;
} user;

static void plug_in(user *u, const mt_turn_tls *t) {
    GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *to = g_inet_socket_address_new(loopback, mt_turn_tls_port(t));
    *u = (user){.socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL),
                .got = g_byte_array_new()};
    assert_true(g_socket_connect(u->socket, to, NULL, NULL));
    g_socket_set_blocking(u->socket, FALSE);
    g_object_unref(to);
    g_object_unref(loopback);
}

static void unplug(user *u) {
    g_socket_close(u->socket, NULL);
    g_object_unref(u->socket);
    g_byte_array_unref(u->got);
    *u = (user){.over = true};
}

static void look(user *u) {
    char some[16384];
    while (!u->over) {
        GError *err = NULL;
        gssize n = g_socket_receive(u->socket, some, sizeof some, NULL, &err);
        if (n > 0)
            g_byte_array_append(u->got, (guint8 *)some, (guint)n);
        bool later = n < 0 && g_error_matches(err, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
        u->over = n <= 0 && !later;
        g_clear_error(&err);
        if (later)
            return;
    }
}

/* Sends what the socket takes of it, and reads. */
static void turn_over(user *u, const guint8 *bytes, gsize len) {
    if (u->sent < len) {
        gssize n = g_socket_send(u->socket, (const char *)bytes + u->sent, len - u->sent, NULL, NULL);
        u->sent += n > 0 ? (gsize)n : 0;
    }
    look(u);
}

/* Lets all sides work until *done holds or the time is over. */
#define UNTIL(u, bytes, len, done)                                                                                     \
    for (gint64 end_us_ = g_get_monotonic_time() + LIMIT_MS * 1000; !(done);) {                                        \
        assert_true(g_get_monotonic_time() < end_us_);                                                                 \
        turn_over((u), (bytes), (len));                                                                                \
        if (!g_main_context_iteration(NULL, FALSE))                                                                    \
            g_usleep(500);                                                                                             \
    }

static void settle(void) {
    for (int i = 0; i < 200; i++)
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(200);
}

/* ---- a world for each test ---- */

typedef struct world {
    signer authority;
    char *ca_file;
} world;

static int begin(void **state) {
    world *w = g_new0(world, 1);
    GError *err = NULL;
    gint fd = g_file_open_tmp("turn-tls-XXXXXX.pem", &w->ca_file, &err);
    if (fd < 0)
        return -1;
    g_close(fd, NULL);
    w->authority = make(NULL, NULL, -DAY_S, DAY_S);
    char *pem = pem_of(&w->authority, false);
    gboolean written = g_file_set_contents(w->ca_file, pem, -1, NULL);
    g_free(pem);
    *state = w;
    return written ? 0 : -1;
}

static int end(void **state) {
    world *w = *state;
    g_unlink(w->ca_file);
    g_free(w->ca_file);
    drop(&w->authority);
    g_free(w);
    return 0;
}

static void test_what_goes_in_comes_back(void **state) {
    world *w = *state;
    signer who = make(&w->authority, "DNS:localhost,IP:127.0.0.1", -DAY_S, DAY_S);
    guint8 *bytes = g_malloc(BIG_BYTES);
    for (int i = 0; i < BIG_BYTES; i++)
        bytes[i] = (guint8)(i * 7 + i / 251);
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        server v;
        mt_turn_tls *t = NULL;
        user u;
        serve(&v, &who);
        assert_int_equal(mt_turn_tls_create(hosts[i], v.port, w->ca_file, &t), MT_OK);
        plug_in(&u, t);
        UNTIL(&u, bytes, BIG_BYTES, u.got->len == BIG_BYTES);
        assert_memory_equal(u.got->data, bytes, BIG_BYTES);
        assert_int_equal(v.secured, 1);
        assert_false(u.over);
        unplug(&u);
        UNTIL(&u, NULL, 0, v.ended == 1);
        mt_turn_tls_destroy(t);
        stop(&v);
        settle();
    }
    g_free(bytes);
    drop(&who);
}

/* The connection ends, and nothing of it has reached the server. */
static void check_refused(const world *w, const signer *who, const char *ca_file) {
    server v;
    mt_turn_tls *t = NULL;
    user u;
    static const guint8 secret[] = "not for you";
    serve(&v, who);
    assert_int_equal(mt_turn_tls_create("localhost", v.port, ca_file, &t), MT_OK);
    plug_in(&u, t);
    UNTIL(&u, secret, sizeof secret, u.over && v.refused + v.ended > 0);
    assert_int_equal(u.got->len, 0);
    assert_int_equal(v.connections, 1);
    unplug(&u);
    mt_turn_tls_destroy(t);
    stop(&v);
    settle();
}

static void test_a_certificate_that_is_not_good(void **state) {
    world *w = *state;
    signer stranger = make(NULL, NULL, -DAY_S, DAY_S);
    signer bad[] = {
        make(&w->authority, "DNS:example.org", -DAY_S, DAY_S), make(&w->authority, "DNS:localhost", -2 * DAY_S, -DAY_S),
        make(&w->authority, "DNS:localhost", DAY_S, 2 * DAY_S), make(&stranger, "DNS:localhost", -DAY_S, DAY_S)};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        check_refused(w, &bad[i], w->ca_file);
        drop(&bad[i]);
    }
    signer good = make(&w->authority, "DNS:localhost", -DAY_S, DAY_S);
    check_refused(w, &good, NULL); /* the system's authorities do not know ours */
    drop(&good);
    drop(&stranger);
}

static void test_nobody_there(void **state) {
    world *w = *state;
    server v;
    mt_turn_tls *t = NULL;
    user u;
    serve(&v, NULL);
    guint16 port = v.port;
    stop(&v);
    settle();
    assert_int_equal(mt_turn_tls_create("127.0.0.1", port, w->ca_file, &t), MT_OK);
    plug_in(&u, t);
    UNTIL(&u, NULL, 0, u.over);
    unplug(&u);
    mt_turn_tls_destroy(t);
    settle();
}

static void test_a_silent_server_is_given_up(void **state) {
    world *w = *state;
    server v;
    mt_turn_tls *t = NULL;
    user u;
    serve(&v, NULL);
    assert_int_equal(mt_turn_tls_create("127.0.0.1", v.port, w->ca_file, &t), MT_OK);
    plug_in(&u, t);
    gint64 began_us = g_get_monotonic_time();
    UNTIL(&u, NULL, 0, u.over);
    assert_true(g_get_monotonic_time() - began_us > 3 * G_USEC_PER_SEC);
    assert_int_equal(v.connections, 1);
    unplug(&u);
    mt_turn_tls_destroy(t);
    stop(&v);
    settle();
}

static void test_destroyed_while_in_use(void **state) {
    world *w = *state;
    signer who = make(&w->authority, "DNS:localhost", -DAY_S, DAY_S);
    server v;
    mt_turn_tls *t = NULL;
    user talking, connecting;
    static const guint8 hello[] = "hello";
    serve(&v, &who);
    assert_int_equal(mt_turn_tls_create("localhost", v.port, w->ca_file, &t), MT_OK);
    plug_in(&talking, t);
    UNTIL(&talking, hello, sizeof hello, talking.got->len == sizeof hello);
    plug_in(&connecting, t);
    mt_turn_tls_destroy(t);
    UNTIL(&talking, NULL, 0, talking.over);
    UNTIL(&connecting, NULL, 0, connecting.over);
    unplug(&talking);
    unplug(&connecting);
    stop(&v);
    settle();
    drop(&who);
}

static void test_no_more_than_a_few(void **state) {
    world *w = *state;
    server v;
    mt_turn_tls *t = NULL;
    user all[TUNNELS_MAX + 1];
    serve(&v, NULL);
    assert_int_equal(mt_turn_tls_create("127.0.0.1", v.port, w->ca_file, &t), MT_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        plug_in(&all[i], t);
        settle(); /* few may wait to be taken */
    }
    user *last = &all[TUNNELS_MAX];
    UNTIL(last, NULL, 0, last->over && v.connections == TUNNELS_MAX);
    for (size_t i = 0; i < TUNNELS_MAX; i++) {
        look(&all[i]);
        assert_false(all[i].over);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        unplug(&all[i]);
    mt_turn_tls_destroy(t);
    stop(&v);
    settle();
}

static void test_what_it_needs(void **state) {
    world *w = *state;
    mt_turn_tls *t = NULL;
    assert_int_equal(mt_turn_tls_create("localhost", 1, "/nonexistent/ca.pem", &t), MT_ESYS);
    assert_null(t);
    mt_turn_tls_destroy(NULL);
    assert_int_equal(mt_turn_tls_create("localhost", 1, w->ca_file, &t), MT_OK);
    assert_int_not_equal(mt_turn_tls_port(t), 0);
    mt_turn_tls_destroy(t);
    settle();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_goes_in_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(test_a_certificate_that_is_not_good, begin, end),
        cmocka_unit_test_setup_teardown(test_nobody_there, begin, end),
        cmocka_unit_test_setup_teardown(test_a_silent_server_is_given_up, begin, end),
        cmocka_unit_test_setup_teardown(test_destroyed_while_in_use, begin, end),
        cmocka_unit_test_setup_teardown(test_no_more_than_a_few, begin, end),
        cmocka_unit_test_setup_teardown(test_what_it_needs, begin, end),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    /* GLib's helpers end before LeakSanitizer looks: that of GCC 12 stumbles over threads older than a module of
     * theirs. */
    g_thread_pool_set_max_unused_threads(0);
    g_usleep(G_USEC_PER_SEC);
    return failed;
}
