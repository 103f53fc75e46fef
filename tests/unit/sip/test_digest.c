/* Vectors of RFC 7616 (3.9.1) and RFC 2617 (3.5), and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "sip/digest.h"

#define is(slice, text)                                                                                                \
    do {                                                                                                               \
        mt_slice got_ = (slice);                                                                                       \
        assert_int_equal(got_.len, strlen(text));                                                                      \
        assert_memory_equal(got_.p, text, got_.len);                                                                   \
    } while (0)

#define RFC7616                                                                                                        \
    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "                           \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "                                            \
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "                                              \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", "
#define RFC2617                                                                                                        \
    "digest USERNAME=\"Mufasa\",\r\n realm=\"testrealm@host.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\" ,\t"    \
    "uri=\"/dir/index.html\", extension=1, other=\"a,b=\\\"c\""

static const struct {
    const char *header, *password, *response;
    mt_sip_alg alg;
    mt_sip_qop qop;
} vectors[] = {
    {RFC7616 "algorithm=MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"", "Circle of Life",
     "8ca523f5e9506fed4657c9700eebdbec", MT_SIP_ALG_MD5, MT_SIP_QOP_AUTH},
    {RFC7616 "algorithm=SHA-256, response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
     "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", MT_SIP_ALG_SHA256,
     MT_SIP_QOP_AUTH},
    {RFC2617 ", qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"6629FAE49393A05397450978507C4EF1\"",
     "Circle Of Life", "6629fae49393a05397450978507c4ef1", MT_SIP_ALG_MD5, MT_SIP_QOP_AUTH},
    {RFC2617 ", response=\"670fd8c2df070c60b045671b8b24ff02\"", "Circle Of Life", "670fd8c2df070c60b045671b8b24ff02",
     MT_SIP_ALG_MD5, MT_SIP_QOP_NONE},
};

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        mt_sip_digest d;
        assert_int_equal(mt_sip_digest_parse(mt_slice_of(vectors[i].header), &d), MT_OK);
        assert_int_equal(d.alg, vectors[i].alg);
        assert_int_equal(d.qop, vectors[i].qop);
        assert_int_equal(d.nc, d.qop == MT_SIP_QOP_AUTH ? 1 : 0);
        uint8_t ha1[MT_SIP_DIGEST_MAX_BYTES];
        char hex[2 * MT_SIP_DIGEST_MAX_BYTES + 1];
        const mt_slice get = MT_SLICE_LIT("GET");
        mt_sip_digest_ha1(d.alg, d.username, d.realm, mt_slice_of(vectors[i].password), ha1);
        mt_sip_digest_response(&d, ha1, get, hex);
        assert_string_equal(hex, vectors[i].response);
        assert_true(mt_sip_digest_verify(&d, ha1, get));
        assert_false(mt_sip_digest_verify(&d, ha1, MT_SLICE_LIT("POST")));
        d.nonce.len--;
        assert_false(mt_sip_digest_verify(&d, ha1, get));
        d.nonce.len++;
        ha1[0] ^= 1;
        assert_false(mt_sip_digest_verify(&d, ha1, get));
    }
}

#define R "response=\"00000000000000000000000000000000\""
#define OK "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", "

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        mt_err err;
    } rows[] = {
        {"", MT_EBAD},
        {"Digest", MT_EBAD},
        {"Digest=x", MT_EBAD},
        {"Digest ,,,", MT_EBAD},
        {"Basic dTpw", MT_ENOENT},
        {"Bearer x", MT_ENOENT},
        {OK R, MT_OK},
        {OK R ",", MT_OK},
        {OK, MT_EBAD},
        {OK R ", " R, MT_EBAD},
        {OK R ", Nonce=\"m\"", MT_EBAD},
        {OK R ", username*=UTF-8''u", MT_EBAD},
        {OK R " opaque=\"x\"", MT_EBAD},
        {OK R ", opaque=\"x", MT_EBAD},
        {OK R ", opaque=", MT_EBAD},
        {OK R ", opaque", MT_EBAD},
        {OK "response=\"0000\"", MT_EBAD},
        {OK "response=\"0000000000000000000000000000000g\"", MT_EBAD},
        {OK "response=\"\"", MT_EBAD},
        {OK R ", algorithm=SHA-256", MT_EBAD},
        {OK R ", algorithm=MD5-sess", MT_OK}, /* reported as OTHER */
        {OK R ", qop=auth", MT_EBAD},
        {OK R ", qop=auth, nc=00000001", MT_EBAD},
        {OK R ", qop=auth, nc=1, cnonce=\"c\"", MT_EBAD},
        {OK R ", qop=auth, nc=0000000g, cnonce=\"c\"", MT_EBAD},
        {OK R ", qop=auth-int, nc=00000001, cnonce=\"c\"", MT_OK},
        {"Digest username=\"u\", realm=\"r\", nonce=\"\", uri=\"sip:h\", " R, MT_EBAD},
        {"Digest username=\"u\", nonce=\"n\", uri=\"sip:h\", " R, MT_EBAD},
        {"Digest realm=\"r\", nonce=\"n\", uri=\"sip:h\", " R, MT_EBAD},
        {"Digest username=\"u\", realm=\"r\", nonce=\"n\", " R, MT_EBAD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mt_sip_digest d = {.nc = 4711};
        mt_err err = mt_sip_digest_parse(mt_slice_of(rows[i].text), &d);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].text, (int)err);
        assert_int_equal(d.nc == 4711, err != MT_OK);
    }
}

static void test_never_verified(void **state) {
    (void)state;
    static const char *const rows[] = {
        OK R ", algorithm=MD5-sess",
        OK R ", qop=auth-int, nc=00000001, cnonce=\"c\"",
        OK R ", userhash=true",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mt_sip_digest d;
        uint8_t ha1[MT_SIP_DIGEST_MAX_BYTES] = {0};
        assert_int_equal(mt_sip_digest_parse(mt_slice_of(rows[i]), &d), MT_OK);
        /* even the response that this digest would have as plain MD5 */
        mt_sip_digest plain = d;
        plain.alg = MT_SIP_ALG_MD5;
        char hex[2 * MT_SIP_DIGEST_MAX_BYTES + 1];
        mt_sip_digest_response(&plain, ha1, MT_SLICE_LIT("REGISTER"), hex);
        d.response = mt_slice_of(hex);
        assert_false(mt_sip_digest_verify(&d, ha1, MT_SLICE_LIT("REGISTER")));
    }
}

static mt_err username(const char *param, char *buf, size_t bytes, mt_slice *out) {
    char text[256];
    mt_sip_digest d;
    (void)snprintf(text, sizeof text, "Digest %s, realm=\"r\", nonce=\"n\", uri=\"sip:h\", " R, param);
    mt_err err = mt_sip_digest_parse(mt_slice_of(text), &d);
    return err != MT_OK ? err : mt_sip_digest_username(&d, buf, bytes, out);
}

static void test_usernames(void **state) {
    (void)state;
    char buf[16];
    mt_slice out = {"", 0};
    assert_int_equal(username("username=\"a\\\"b\\\\\"", buf, sizeof buf, &out), MT_OK);
    is(out, "a\"b\\");
    assert_int_equal(username("username*=utf-8'pl'%C5%81ucja", buf, sizeof buf, &out), MT_OK);
    is(out, "Łucja");
    assert_int_equal(username("username*=UTF-8''abcdefghijklmnopq", buf, sizeof buf, &out), MT_ELIMIT);
    static const char *const bad[] = {"username*=ISO-8859-1''a", "username*=UTF-8'a",   "username*=UTF-8''",
                                      "username*=UTF-8''%C5",    "username*=UTF-8''%0", "username*=UTF-8''%00",
                                      "username*=abc",           "username=\"\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(username(bad[i], buf, sizeof buf, &out), MT_EBAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_never_verified),
        cmocka_unit_test(test_usernames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
