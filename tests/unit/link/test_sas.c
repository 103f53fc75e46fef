/* The four words: the published vectors, the one right order, and every wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timerq.h"
#include "link/sas.h"

/* A source that gives one fixed nonce. */
static void fixed_bytes(void *ctx, void *out, size_t len_bytes) {
    memcpy(out, ctx, len_bytes);
}

typedef struct vector {
    uint8_t pair[16], na[32], nb[32], fpa[32], fpb[32], commit[32];
    char words[64];
} vector;

static void make(mt_sas *s, const vector *v, bool a) {
    mt_sas_setup setup = {.a = a};
    memcpy(setup.pair, v->pair, 16);
    memcpy(setup.fp_own, a ? v->fpa : v->fpb, 32);
    memcpy(setup.fp_peer, a ? v->fpb : v->fpa, 32);
    uint8_t nonce[32];
    memcpy(nonce, a ? v->na : v->nb, 32);
    mt_sas_init(s, &setup, (mt_random){fixed_bytes, nonce});
}

static void check_words(const mt_sas *s, const char *want) {
    const char *w[MT_SAS_WORDS];
    char got[64];
    assert_int_equal(mt_sas_words(s, w), MT_OK);
    (void)snprintf(got, sizeof got, "%s-%s-%s-%s", w[0], w[1], w[2], w[3]);
    assert_string_equal(got, want);
}

static void run(const vector *v) {
    mt_sas a, b;
    mt_sas_msg commit, nonce, reveal, none;
    const char *words[MT_SAS_WORDS];
    make(&a, v, true);
    make(&b, v, false);
    assert_int_equal(mt_sas_start(&b, 1000, &none), MT_OK);
    assert_int_equal(none.kind, MT_SAS_NOTHING);
    assert_int_equal(mt_sas_start(&a, 1000, &commit), MT_OK);
    assert_int_equal(mt_sas_start(&a, 1000, &commit), MT_ESTATE);
    assert_int_equal(commit.kind, MT_SAS_COMMIT);
    assert_memory_equal(commit.value, v->commit, 32);
    assert_int_equal(mt_sas_input(&b, &commit, 1001, &nonce), MT_OK);
    assert_int_equal(nonce.kind, MT_SAS_NONCE);
    assert_int_equal(mt_sas_words(&b, words), MT_ESTATE); /* not before the check */
    assert_int_equal(mt_sas_input(&a, &nonce, 1002, &reveal), MT_OK);
    assert_int_equal(reveal.kind, MT_SAS_REVEAL);
    assert_int_equal(mt_sas_input(&b, &reveal, 1003, &none), MT_OK);
    assert_int_equal(none.kind, MT_SAS_NOTHING);
    check_words(&a, v->words);
    check_words(&b, v->words);
    assert_int_equal(mt_sas_next_ms(&a), MT_NEVER);
    assert_int_equal(mt_sas_tick(&b, 100000), MT_OK);
    static const uint8_t zero[32];
    assert_memory_equal(a.nonce_own, zero, 32); /* wiped when done */
    assert_memory_equal(b.nonce_peer, zero, 32);
    mt_sas_deinit(&a);
    assert_int_equal(mt_sas_words(&a, words), MT_ESTATE);
    mt_sas_deinit(&b);
}

static void parse_line(char *line, vector *v) {
    static const struct {
        const char *name;
        size_t offset, bytes;
    } rows[] = {{"pair", offsetof(vector, pair), 16}, {"na", offsetof(vector, na), 32},
                {"nb", offsetof(vector, nb), 32},     {"fpa", offsetof(vector, fpa), 32},
                {"fpb", offsetof(vector, fpb), 32},   {"commit", offsetof(vector, commit), 32}};
    mt_slice rest = mt_slice_of(line);
    rest.len -= rest.p[rest.len - 1] == '\n';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mt_slice value = mt_slice_cut(&rest, ' ');
        assert_true(mt_slice_is(mt_slice_cut(&value, '='), rows[i].name));
        assert_int_equal(mt_text_hex_decode(value, (char *)v + rows[i].offset, rows[i].bytes), MT_OK);
    }
    assert_true(mt_slice_is(mt_slice_cut(&rest, '='), "words"));
    (void)snprintf(v->words, sizeof v->words, "%.*s", (int)rest.len, rest.p);
}

static FILE *open_vectors(const char *name) {
    const char *folder = getenv("MT_VECTORS");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "tests/vectors", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

static size_t load(vector *out, size_t max) {
    char line[1024];
    FILE *f = open_vectors("sas.txt");
    size_t count = 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (line[0] != '#' && count < max)
            parse_line(line, &out[count++]);
    (void)fclose(f);
    return count;
}

static vector vectors[32];
static size_t vector_count;

static int setup_vectors(void **state) {
    (void)state;
    vector_count = load(vectors, 32);
    return vector_count >= 10 ? 0 : -1;
}

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < vector_count; i++)
        run(&vectors[i]);
    assert_string_not_equal(vectors[1].words, vectors[2].words); /* roles swapped */
    assert_memory_equal(vectors[1].na, vectors[2].nb, 32);
}

static mt_sas_msg msg(mt_sas_kind kind, const uint8_t value[32]) {
    mt_sas_msg m = {.kind = kind};
    memcpy(m.value, value, 32);
    return m;
}

/* Everything but the one right message ends the run, in every state, and for good. */
static void test_wrong_order(void **state) {
    (void)state;
    const vector *v = &vectors[1];
    const mt_sas_msg right[] = {msg(MT_SAS_COMMIT, v->commit), msg(MT_SAS_NONCE, v->nb), msg(MT_SAS_REVEAL, v->na)};
    for (int role = 0; role < 2; role++) {
        const int steps = role == 1 ? 2 : 3; /* A: waiting, done. B: waiting twice, done */
        for (int step = 0; step < steps; step++) {
            for (int kind = MT_SAS_NOTHING; kind <= MT_SAS_REVEAL; kind++) {
                mt_sas s;
                mt_sas_msg out = {.kind = MT_SAS_NOTHING};
                make(&s, v, role == 1);
                assert_int_equal(mt_sas_start(&s, 0, &out), MT_OK);
                const int expected[2][3] = {{MT_SAS_COMMIT, MT_SAS_REVEAL, -1}, {MT_SAS_NONCE, -1, -1}};
                for (int i = 0; i < step; i++)
                    assert_int_equal(mt_sas_input(&s, &right[expected[role][i] - 1], 1, &out), MT_OK);
                if (kind == expected[role][step])
                    continue;
                const mt_sas_msg wrong = kind == MT_SAS_NOTHING ? msg(MT_SAS_NOTHING, v->na) : right[kind - 1];
                const char *words[MT_SAS_WORDS];
                out.kind = MT_SAS_REVEAL;
                assert_int_equal(mt_sas_input(&s, &wrong, 1, &out), MT_EDENIED);
                assert_int_equal(out.kind, MT_SAS_REVEAL); /* untouched */
                assert_int_equal(s.state, MT_SAS_FAILED);
                assert_int_equal(mt_sas_words(&s, words), MT_ESTATE);
                for (int i = 0; i < 3; i++)
                    assert_int_equal(mt_sas_input(&s, &right[i], 2, &out), MT_EDENIED);
            }
        }
    }
}

static void test_before_the_start(void **state) {
    (void)state;
    mt_sas b;
    mt_sas_msg out;
    make(&b, &vectors[1], false);
    const mt_sas_msg commit = msg(MT_SAS_COMMIT, vectors[1].commit);
    assert_int_equal(mt_sas_input(&b, &commit, 0, &out), MT_EDENIED);
    assert_int_equal(mt_sas_start(&b, 1, &out), MT_ESTATE);
}

/* A flipped bit in whatever the commitment covers is found by B, and a man in the middle gives the two different words.
 */
static void test_reveal_must_fit(void **state) {
    (void)state;
    for (int what = 0; what < 4; what++) {
        vector v = vectors[1];
        mt_sas b;
        mt_sas_msg out;
        if (what == 1)
            v.pair[15] ^= 1;
        else if (what == 2)
            v.fpa[0] ^= 0x80;
        else if (what == 3)
            v.fpb[31] ^= 1;
        make(&b, &v, false);
        assert_int_equal(mt_sas_start(&b, 0, &out), MT_OK);
        const mt_sas_msg commit = msg(MT_SAS_COMMIT, vectors[1].commit);
        assert_int_equal(mt_sas_input(&b, &commit, 1, &out), MT_OK);
        mt_sas_msg reveal = msg(MT_SAS_REVEAL, vectors[1].na);
        if (what == 0)
            reveal.value[7] ^= 4;
        assert_int_equal(mt_sas_input(&b, &reveal, 2, &out), MT_EDENIED);
    }
}

static void test_time(void **state) {
    (void)state;
    mt_sas b;
    mt_sas_msg out;
    const mt_sas_msg commit = msg(MT_SAS_COMMIT, vectors[1].commit), reveal = msg(MT_SAS_REVEAL, vectors[1].na);
    make(&b, &vectors[1], false);
    assert_int_equal(mt_sas_next_ms(&b), MT_NEVER);
    assert_int_equal(mt_sas_start(&b, 500, &out), MT_OK);
    assert_int_equal(mt_sas_next_ms(&b), 10500);
    assert_int_equal(mt_sas_tick(&b, 10499), MT_OK);
    assert_int_equal(mt_sas_input(&b, &commit, 10499, &out), MT_OK);
    assert_int_equal(mt_sas_tick(&b, 10500), MT_ETIMEOUT);
    assert_int_equal(mt_sas_tick(&b, 10501), MT_OK); /* once */
    assert_int_equal(mt_sas_input(&b, &reveal, 10502, &out), MT_EDENIED);
    make(&b, &vectors[1], false);
    assert_int_equal(mt_sas_start(&b, 500, &out), MT_OK);
    assert_int_equal(mt_sas_input(&b, &commit, 501, &out), MT_OK);
    assert_int_equal(mt_sas_input(&b, &reveal, 10500, &out), MT_ETIMEOUT); /* late without a tick */
    assert_int_equal(mt_sas_input(&b, &reveal, 10501, &out), MT_EDENIED);
}

/* The published list is the one in use, and keeps what is promised of it. */
static void test_list(void **state) {
    (void)state;
    char line[64];
    FILE *f = open_vectors("words.txt");
    for (size_t i = 0; i < 256; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, mt_sas_wordlist[i]);
    }
    assert_null(fgets(line, sizeof line, f));
    (void)fclose(f);
    for (size_t i = 0; i < 256; i++) {
        const char *w = mt_sas_wordlist[i];
        assert_in_range(strlen(w), 4, 8);
        for (const char *c = w; *c != '\0'; c++)
            assert_in_range(*c, 'a', 'z');
        if (i > 0) /* sorted, so neighbours suffice */
            assert_true(strncmp(mt_sas_wordlist[i - 1], w, 4) < 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_wrong_order),
        cmocka_unit_test(test_before_the_start),
        cmocka_unit_test(test_reveal_must_fit),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, setup_vectors, NULL);
}
