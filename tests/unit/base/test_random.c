#include <string.h>

#include "base/random.h"
#include "base/secret.h"
#include "unit.h"

static void test_kernel_does_not_repeat(void **state) {
    (void)state;
    static uint8_t got[4096][16];
    mt_random r = mt_random_kernel();
    for (size_t i = 0; i < COUNT(got); i++)
        mt_random_bytes(r, got[i], sizeof(got[i]));
    for (size_t i = 0; i + 1 < COUNT(got); i++)
        assert_memory_not_equal(got[i], got[i + 1], sizeof(got[i]));
    for (size_t i = 0; i + 32 < COUNT(got); i++) /* a buffer of 512 bytes later */
        assert_memory_not_equal(got[i], got[i + 32], sizeof(got[i]));
    uint8_t big[5000] = {0}, zero[16] = {0};
    mt_random_bytes(r, big, sizeof(big));
    assert_memory_not_equal(big + sizeof(big) - 16, zero, 16);
    mt_random_bytes(r, NULL, 0);
}

static void test_seeded_repeats(void **state) {
    (void)state;
    uint64_t a = 1, b = 1, c = 2;
    uint8_t x[100], y[100], z[100];
    mt_random_bytes(mt_random_seeded(&a), x, sizeof(x));
    mt_random_bytes(mt_random_seeded(&b), y, sizeof(y));
    mt_random_bytes(mt_random_seeded(&c), z, sizeof(z));
    assert_memory_equal(x, y, sizeof(x));
    assert_memory_not_equal(x, z, sizeof(x));
    mt_random_bytes(mt_random_seeded(&a), x, sizeof(x));
    assert_memory_not_equal(x, y, sizeof(x));
}

typedef struct script {
    const uint32_t *words;
    size_t used;
} script;

static void next_word(void *ctx, void *out, size_t len_bytes) {
    script *s = ctx;
    assert_int_equal(len_bytes, 4);
    memcpy(out, &s->words[s->used++], 4);
}

/* 2^32 mod 3 is 1, so that the one lowest value would favour 0: it must be thrown again. 2^32 mod (2^31 + 1) is
 * 2^31 - 1. */
static void test_below_rejects_what_is_uneven(void **state) {
    (void)state;
    static const uint32_t words[] = {0, 3, 0x7ffffffe, 0x7fffffff, 5};
    script s = {words, 0};
    mt_random r = {next_word, &s};
    assert_int_equal(mt_random_below(r, 3), 0);
    assert_int_equal(s.used, 2);
    assert_int_equal(mt_random_below(r, 0x80000001U), 0x7fffffff);
    assert_int_equal(s.used, 4);
    assert_int_equal(mt_random_below(r, 1), 0);
}

static void test_below_is_uniform(void **state) {
    (void)state;
    uint64_t seed = 3;
    unsigned hits[7] = {0};
    for (int i = 0; i < 70000; i++)
        hits[mt_random_below(mt_random_seeded(&seed), 7)]++;
    double chi2 = 0;
    for (size_t i = 0; i < COUNT(hits); i++)
        chi2 += ((double)hits[i] - 10000) * ((double)hits[i] - 10000) / 10000;
    assert_true(chi2 < 22.46); /* 6 degrees of freedom, p = 0.001 */
}

static void test_scale_rejects_what_is_uneven(void **state) {
    (void)state;
    uint32_t v;
    assert_false(mt_random_scale(0, 3, &v)); /* else 0 would have one word more than 1 and 2 */
    assert_true(mt_random_scale(1, 3, &v));
    assert_int_equal(v, 0);
    assert_true(mt_random_scale(UINT32_MAX, 3, &v));
    assert_int_equal(v, 2);
    assert_true(mt_random_scale(UINT32_MAX, 1, &v));
    assert_int_equal(v, 0);
    assert_true(mt_random_scale(0x80000000U, UINT32_MAX, &v));
    assert_int_equal(v, 0x7fffffff);
    assert_true(mt_random_scale(0, 0x80000000U, &v)); /* a power of two is never uneven */
}

static void test_scale_is_uniform(void **state) {
    (void)state;
    uint64_t seed = 5;
    unsigned hits[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t word, v;
        mt_random_bytes(mt_random_seeded(&seed), &word, sizeof word);
        hits[mt_random_scale(word, 7, &v) ? v : 0]++;
    }
    double chi2 = 0;
    for (size_t i = 0; i < COUNT(hits); i++)
        chi2 += ((double)hits[i] - 10000) * ((double)hits[i] - 10000) / 10000;
    assert_true(chi2 < 22.46); /* 6 degrees of freedom, p = 0.001 */
}

static void test_secrets(void **state) {
    (void)state;
    mt_secret a, b;
    mt_random_bytes(mt_random_kernel(), &a, sizeof(a));
    b = a;
    assert_true(mt_ct_equal(&a, &b, sizeof(a)));
    for (size_t i = 0; i < MT_SECRET_BYTES; i++) {
        b.b[i] ^= 0x80;
        assert_false(mt_ct_equal(&a, &b, sizeof(a)));
        b.b[i] ^= 0x80;
    }
    mt_secret zero = {{0}};
    mt_secret_wipe(&a);
    assert_memory_equal(&a, &zero, sizeof(a));
    assert_true(mt_ct_equal(&a, &b, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_does_not_repeat),
        cmocka_unit_test(test_seeded_repeats),
        cmocka_unit_test(test_below_rejects_what_is_uneven),
        cmocka_unit_test(test_below_is_uniform),
        cmocka_unit_test(test_scale_rejects_what_is_uneven),
        cmocka_unit_test(test_scale_is_uniform),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
