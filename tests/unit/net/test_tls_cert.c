/* Certificates: made, read from files, refused, and replaced while connections live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tls_peer.h"

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

static char folder[] = "/tmp/mt_tls_XXXXXX", cert_path[64], key_path[64], log_path[64];
static char in[65536];

static void make_pair(EVP_PKEY **key, X509 **cert) {
    mt_tls_names names = {.domain = "talk.example"};
    assert_int_equal(mt_tls_cert_make(&names, key, cert), MT_OK);
}

static void write_cert(X509 *cert) {
    FILE *f = fopen(cert_path, "w");
    assert_non_null(f);
    assert_true(PEM_write_X509(f, cert));
    assert_int_equal(fclose(f), 0);
}

static void write_key(EVP_PKEY *key, const char *passphrase) {
    FILE *f = fopen(key_path, "w");
    assert_non_null(f);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    const unsigned char *p = (const unsigned char *)passphrase;
    assert_true(PEM_write_PrivateKey(f, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL, p,
                                     passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL));
    assert_int_equal(fclose(f), 0);
}

/* shift_days: moves both ends of its time. */
static void write_pair(int shift_days) {
    EVP_PKEY *key;
    X509 *cert;
    make_pair(&key, &cert);
    if (shift_days != 0) {
        X509_gmtime_adj(X509_getm_notBefore(cert), 86400L * shift_days);
        X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * (shift_days + 1));
        assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    }
    write_cert(cert);
    write_key(key, NULL);
    EVP_PKEY_free(key);
    X509_free(cert);
}

static int setup(void **state) {
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(cert_path, sizeof cert_path, "%s/cert.pem", folder);
    (void)snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    (void)snprintf(log_path, sizeof log_path, "%s/log", folder);
    return 0;
}

static int teardown(void **state) {
    (void)unlink(cert_path);
    (void)unlink(key_path);
    (void)unlink(log_path);
    return rmdir(folder);
}

/* What is logged from here on can be asked for. */
static void watch_log(void) {
    int fd = open(log_path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    mt_log_setup(fd, MT_LOG_INFO, false);
}

static void assert_logged(const char *text) {
    FILE *f = fopen(log_path, "r");
    assert_non_null(f);
    size_t len = fread(in, 1, sizeof in - 1, f);
    in[len] = '\0';
    (void)fclose(f);
    if (strstr(in, text) == NULL)
        fail_msg("not logged: \"%s\" but %s", text, in);
}

static void test_self_signed(void **state) {
    mt_tls_names names = {.domain = "talk.example", .addr_count = 3};
    static const char *const addrs[] = {"127.0.0.1:1", "[::1]:1", "192.0.2.7:1"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mt_addr_parse(mt_slice_of(addrs[i]), &names.addrs[i]), MT_OK);
    EVP_PKEY *key;
    X509 *cert;
    assert_int_equal(mt_tls_cert_make(&names, &key, &cert), MT_OK);
    assert_int_equal(X509_check_private_key(cert, key), 1);
    assert_int_equal(X509_verify(cert, key), 1);
    assert_int_equal(X509_check_host(cert, "talk.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "other.example", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "192.0.2.7", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "192.0.2.8", 0), 0);
    int days, seconds;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
    assert_in_range(days, MT_TLS_DAYS - 1, MT_TLS_DAYS);
    assert_true(X509_cmp_current_time(X509_get0_notBefore(cert)) < 0);
    EVP_PKEY_free(key);
    X509_free(cert);
    mt_tls_names number = {.domain = "192.0.2.9"};
    assert_int_equal(mt_tls_cert_make(&number, &key, &cert), MT_OK);
    assert_int_equal(X509_check_ip_asc(cert, "192.0.2.9", 0), 1);
    EVP_PKEY_free(key);
    X509_free(cert);
}

static void test_fingerprint(void **state) {
    mt_tls *one = tls_self_signed(), *two = tls_self_signed();
    char a[MT_TLS_FINGERPRINT_STRLEN], b[MT_TLS_FINGERPRINT_STRLEN], seen[MT_TLS_FINGERPRINT_STRLEN];
    mt_tls_fingerprint(one, a);
    mt_tls_fingerprint(two, b);
    assert_int_equal(strlen(a), 95);
    assert_string_not_equal(a, b);
    assert_int_equal(mt_tls_reload(one), MT_OK); /* young: stays */
    mt_tls_fingerprint(one, b);
    assert_string_equal(a, b);
    assert_false(mt_tls_is_trusted(one));
    server s;
    tls_client c;
    server_start_tls(&s, NULL, one);
    tls_open(&c, &s, &s.https);
    tls_seen(&c, seen);
    assert_string_equal(a, seen);
    tls_free(&c);
    server_stop(&s);
    mt_tls_destroy(one);
    mt_tls_destroy(two);
}

static void expect_refused(mt_err want, const char *text) {
    mt_tls *tls = NULL;
    watch_log();
    assert_int_equal(mt_tls_create_files(cert_path, key_path, &tls), want);
    assert_null(tls);
    assert_logged(text);
}

static void test_bad_files(void **state) {
    EVP_PKEY *key;
    X509 *cert;
    make_pair(&key, &cert);
    (void)unlink(cert_path);
    expect_refused(MT_ESYS, "cert.pem: No such file");
    write_cert(cert);
    (void)unlink(key_path);
    expect_refused(MT_ESYS, "key.pem: No such file");
    write_key(key, "secret");
    expect_refused(MT_EBAD, "key.pem holds no private key in PEM without a passphrase");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    write_key(other, NULL);
    expect_refused(MT_EBAD, "does not belong to the certificate");
    EVP_PKEY_free(other);
    other = EVP_RSA_gen(2048);
    write_key(other, NULL);
    expect_refused(MT_EBAD, "does not belong to the certificate");
    EVP_PKEY_free(other);
    write_key(key, NULL);
    FILE *f = fopen(cert_path, "w");
    assert_non_null(f);
    assert_true(fputs("-----BEGIN CERTIFICATE-----\nnonsense\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    expect_refused(MT_EBAD, "cert.pem holds no certificate in PEM");
    (void)unlink(cert_path);
    assert_int_equal(mkdir(cert_path, 0700), 0);
    expect_refused(MT_ESYS, "cert.pem is no file");
    assert_int_equal(rmdir(cert_path), 0);
    EVP_PKEY_free(key);
    X509_free(cert);
}

static void expect_warning(const char *text) {
    mt_tls *tls;
    watch_log();
    assert_int_equal(mt_tls_create_files(cert_path, key_path, &tls), MT_OK);
    assert_logged(text);
    mt_tls_destroy(tls);
}

static void test_warnings(void **state) {
    write_pair(-10);
    expect_warning("EXPIRED");
    write_pair(10);
    expect_warning("not valid yet");
    write_pair(0);
    expect_warning("SHA-256 ");
    assert_int_equal(chmod(key_path, 0644), 0);
    expect_warning("key.pem can be read by others");
}

static void test_reload(void **state) {
    write_pair(0);
    mt_tls *tls;
    server s;
    tls_client old, new;
    char a[MT_TLS_FINGERPRINT_STRLEN], b[MT_TLS_FINGERPRINT_STRLEN], seen[MT_TLS_FINGERPRINT_STRLEN];
    assert_int_equal(mt_tls_create_files(cert_path, key_path, &tls), MT_OK);
    assert_true(mt_tls_is_trusted(tls));
    server_start_tls(&s, NULL, tls);
    tls_open(&old, &s, &s.https);
    tls_seen(&old, a);
    write_pair(0);
    assert_int_equal(mt_tls_reload(tls), MT_OK);
    tls_open(&new, &s, &s.https);
    tls_seen(&new, b);
    assert_string_not_equal(a, b);
    tls_free(&new);
    EVP_PKEY *other = EVP_EC_gen("P-256");
    write_key(other, NULL);
    EVP_PKEY_free(other);
    watch_log();
    assert_int_equal(mt_tls_reload(tls), MT_EBAD);
    assert_logged("the certificate from before stays in use");
    tls_open(&new, &s, &s.https);
    tls_seen(&new, seen);
    assert_string_equal(seen, b);
    tls_free(&new);
    tls_say(&old, GET); /* lives on with what it began with */
    tls_read(&old, "GET /a", in, sizeof in, NULL);
    assert_memory_equal(in, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(in, "\r\nStrict-Transport-Security: max-age="));
    tls_free(&old);
    server_stop(&s);
    mt_tls_destroy(tls);
}

int main(void) {
    mt_log_setup(-1, MT_LOG_INFO, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self_signed), cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_warnings),    cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
