/* Tokens: made, told once, found again by their hash; the operator's from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/token.h"

static uint64_t seed = 7;

static void hashes_to_what_was_kept(void **state) {
    char text[MT_TOKEN_TEXT + 1];
    uint8_t kept[MT_SHA256_BYTES], found[MT_SHA256_BYTES];
    assert_int_equal(mt_token_make(mt_random_seeded(&seed), text, kept), MT_OK);
    assert_int_equal(strlen(text), MT_TOKEN_TEXT);
    assert_int_equal(mt_token_hash(mt_slice_of(text), found), MT_OK);
    assert_memory_equal(kept, found, sizeof kept);
    text[3] = text[3] == 'A' ? 'B' : 'A';
    assert_int_equal(mt_token_hash(mt_slice_of(text), found), MT_OK);
    assert_memory_not_equal(kept, found, sizeof kept);
}

static void refuses_other_forms(void **state) {
    uint8_t hash[MT_SHA256_BYTES];
    static const char *const bad[] = {"",
                                      "x",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA AA",
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(mt_token_hash(mt_slice_of(bad[i]), hash), MT_EBAD);
}

static void reads_bearer(void **state) {
    mt_slice out;
    assert_int_equal(mt_token_bearer(MT_SLICE_LIT("Bearer abc"), &out), MT_OK);
    assert_true(mt_slice_is(out, "abc"));
    assert_int_equal(mt_token_bearer(MT_SLICE_LIT(" bEARER   abc "), &out), MT_OK);
    assert_true(mt_slice_is(out, "abc"));
    assert_int_equal(mt_token_bearer(MT_SLICE_LIT("Basic abc"), &out), MT_EBAD);
    assert_int_equal(mt_token_bearer(MT_SLICE_LIT("Bearer"), &out), MT_EBAD);
    assert_int_equal(mt_token_bearer(MT_SLICE_LIT("Bearer "), &out), MT_EBAD);
    assert_int_equal(mt_token_bearer(MT_SLICE_LIT(""), &out), MT_EBAD);
}

static mt_err load(const char *content, mode_t mode, mt_token_operator *op, bool *open_to_others) {
    char path[] = "/tmp/mt-operator-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    mt_err err = mt_token_operator_load(path, op, open_to_others);
    unlink(path);
    return err;
}

static void loads_the_operators(void **state) {
    mt_token_operator op = {0};
    bool open_to_others = true;
    assert_false(mt_token_operator_is(&op, MT_SLICE_LIT("")));
    assert_int_equal(load("correct-horse-battery\n", 0600, &op, &open_to_others), MT_OK);
    assert_false(open_to_others);
    assert_true(mt_token_operator_is(&op, MT_SLICE_LIT("correct-horse-battery")));
    assert_false(mt_token_operator_is(&op, MT_SLICE_LIT("correct-horse-batterz")));
    assert_false(mt_token_operator_is(&op, MT_SLICE_LIT("")));
    assert_int_equal(load("correct-horse-battery", 0644, &op, &open_to_others), MT_OK);
    assert_true(open_to_others);
}

static void refuses_bad_operator_files(void **state) {
    mt_token_operator op = {0};
    bool open_to_others;
    assert_int_equal(load("", 0600, &op, &open_to_others), MT_EBAD);
    assert_int_equal(load("too-short\n", 0600, &op, &open_to_others), MT_EBAD);
    assert_int_equal(load("two-lines-of-text\nsecond\n", 0600, &op, &open_to_others), MT_EBAD);
    assert_int_equal(load("with a space in it\n", 0600, &op, &open_to_others), MT_EBAD);
    char path[] = "/tmp/mt-nowhere/token";
    assert_int_equal(mt_token_operator_load(path, &op, &open_to_others), MT_ESYS);
    assert_false(op.set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_to_what_was_kept),
        cmocka_unit_test(refuses_other_forms),
        cmocka_unit_test(reads_bearer),
        cmocka_unit_test(loads_the_operators),
        cmocka_unit_test(refuses_bad_operator_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
