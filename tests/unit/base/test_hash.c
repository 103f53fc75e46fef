#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "unit.h"

static void expect_hex(const uint8_t *got, size_t len, const char *want) {
    char text[2 * MT_SHA256_BYTES + 1];
    mt_text_hex(got, len, text);
    assert_string_equal(text, want);
}

static void test_sha256(void **state) {
    (void)state;
    uint8_t out[MT_SHA256_BYTES];
    mt_sha256(NULL, 0, out);
    expect_hex(out, sizeof(out), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mt_slice pieces[] = {MT_SLICE_LIT("a"), {NULL, 0}, MT_SLICE_LIT("bc")};
    mt_sha256(pieces, COUNT(pieces), out); /* FIPS 180-2, appendix B.1 */
    expect_hex(out, sizeof(out), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_md5(void **state) {
    (void)state;
    uint8_t out[MT_MD5_BYTES];
    mt_slice pieces[] = {MT_SLICE_LIT("message "), MT_SLICE_LIT("digest")}; /* RFC 1321, A.5 */
    mt_md5(pieces, COUNT(pieces), out);
    expect_hex(out, sizeof(out), "f96b697d7cb7938d525a2f31aaf161d0");
}

static void test_hmac_sha256(void **state) {
    (void)state;
    uint8_t out[MT_SHA256_BYTES];
    uint8_t key[131];
    mt_slice data[] = {MT_SLICE_LIT("what do ya want "), MT_SLICE_LIT("for nothing?")}; /* RFC 4231, 4.3 */
    mt_hmac_sha256("Jefe", 4, data, COUNT(data), out);
    expect_hex(out, sizeof(out), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key)); /* 4.7: a key longer than a block */
    mt_slice longer = MT_SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First");
    mt_hmac_sha256(key, sizeof(key), &longer, 1, out);
    expect_hex(out, sizeof(out), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    mt_hmac_sha256(NULL, 0, NULL, 0, out);
    expect_hex(out, sizeof(out), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hmac_sha1(void **state) {
    (void)state;
    uint8_t out[MT_SHA1_BYTES];
    uint8_t key[80];
    mt_slice data[] = {MT_SLICE_LIT("what do ya want "), MT_SLICE_LIT("for nothing?")}; /* RFC 2202, 3, case 2 */
    mt_hmac_sha1("Jefe", 4, data, COUNT(data), out);
    expect_hex(out, sizeof(out), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    memset(key, 0xaa, sizeof(key)); /* case 6: a key longer than a block */
    mt_slice longer = MT_SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First");
    mt_hmac_sha1(key, sizeof(key), &longer, 1, out);
    expect_hex(out, sizeof(out), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

/* The vectors of the reference implementation: key 00 01 … 0f, input 00 01 … of rising length. */
static void test_siphash(void **state) {
    (void)state;
    uint8_t key[16], in[16];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = in[i] = i;
    assert_true(mt_siphash(key, in, 0) == 0x726fdb47dd0e0e31U);
    assert_true(mt_siphash(key, in, 1) == 0x74f839c593dc67fdU);
    assert_true(mt_siphash(key, in, 7) == 0xab0200f58b01d137U);
    assert_true(mt_siphash(key, in, 8) == 0x93f5f5799a932462U);
    assert_true(mt_siphash(key, in, 15) == 0xa129ca6149be45e5U);
}

/* The reference implementation's vectors_sip128. */
static void test_siphash_128(void **state) {
    (void)state;
    static const struct {
        size_t len;
        const char *want;
    } cases[] = {{0, "a3817f04ba25a8e66df67214c7550293"},
                 {1, "da87c1d86b99af44347659119b22fc45"},
                 {2, "8177228da4a45dc7fca38bdef60affe4"},
                 {15, "5493e99933b0a8117e08ec0f97cfc3d9"}};
    uint8_t key[16], in[16], out[16];
    char text[33];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = in[i] = i;
    for (size_t i = 0; i < COUNT(cases); i++) {
        mt_siphash_128(key, in, cases[i].len, out);
        mt_text_hex(out, sizeof(out), text);
        assert_string_equal(text, cases[i].want);
    }
}

static void *hash_in_thread(void *arg) {
    uint8_t want[MT_SHA256_BYTES], out[MT_SHA256_BYTES];
    mt_slice piece = mt_slice_n(arg, 3);
    mt_sha256(&piece, 1, want);
    for (int i = 0; i < 5000; i++) {
        mt_sha256(&piece, 1, out);
        if (memcmp(out, want, sizeof(out)) != 0)
            return arg;
    }
    return NULL;
}

static void test_threads_do_not_disturb_each_other(void **state) {
    (void)state;
    pthread_t t[4];
    static char text[4][4] = {"one", "two", "tre", "qua"};
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, hash_in_thread, text[i]), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        void *bad = NULL;
        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_hmac_sha256),
        cmocka_unit_test(test_hmac_sha1),
        cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_siphash_128),
        cmocka_unit_test(test_threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
