#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "unit.h"

#define OWNERS 5000

typedef struct owner {
    mt_map_node node;
    uint32_t number;
    bool in;
} owner;

static owner owners[OWNERS];
static uint64_t seed = 5;

static mt_slice key_of(owner *o) {
    return mt_slice_n(&o->number, sizeof(o->number));
}

static void start(mt_map *m) {
    assert_int_equal(mt_map_init(m, mt_random_seeded(&seed)), MT_OK);
    for (uint32_t i = 0; i < OWNERS; i++)
        owners[i] = (owner){.number = i};
}

static void expect_same(const mt_map *m) {
    size_t in = 0, seen = 0;
    for (uint32_t i = 0; i < OWNERS; i++) {
        assert_ptr_equal(mt_map_get(m, key_of(&owners[i])), owners[i].in ? &owners[i].node : NULL);
        in += owners[i].in;
    }
    for (mt_map_node *n = mt_map_next(m, NULL); n != NULL; n = mt_map_next(m, n)) {
        assert_true(MT_CONTAINER(n, owner, node)->in);
        seen++;
    }
    assert_int_equal(m->count, in);
    assert_int_equal(seen, in);
}

static void churn(mt_map *m, int rounds) {
    for (int i = 0; i < rounds; i++) {
        owner *o = &owners[mt_random_below(mt_random_seeded(&seed), OWNERS)];
        if (o->in)
            mt_map_remove(m, &o->node);
        else
            assert_int_equal(mt_map_put(m, key_of(o), &o->node), MT_OK);
        o->in = !o->in;
    }
}

static void test_against_a_model(void **state) {
    (void)state;
    mt_map m;
    start(&m);
    expect_same(&m);
    for (int i = 0; i < 20; i++) {
        churn(&m, 2000);
        expect_same(&m);
    }
    assert_true(m.mask + 1 >= m.count);
    mt_map_deinit(&m);
}

static void test_keys_are_unique_and_of_any_length(void **state) {
    (void)state;
    mt_map m;
    mt_map_node a, b, c;
    start(&m);
    assert_int_equal(mt_map_put(&m, MT_SLICE_LIT("name"), &a), MT_OK);
    assert_int_equal(mt_map_put(&m, mt_slice_n("names", 4), &b), MT_EEXIST);
    assert_int_equal(mt_map_put(&m, MT_SLICE_LIT(""), &b), MT_OK);
    assert_int_equal(mt_map_put(&m, MT_SLICE_LIT("name\0"), &c), MT_OK);
    assert_ptr_equal(mt_map_get(&m, MT_SLICE_LIT("name")), &a);
    assert_ptr_equal(mt_map_get(&m, (mt_slice){NULL, 0}), &b);
    assert_int_equal(m.count, 3);
    mt_map_deinit(&m);
}

/* No growth for want of memory: all keys share 16 chains and nothing is lost. */
static void test_long_chains(void **state) {
    (void)state;
    mt_map m;
    start(&m);
    for (uint32_t i = 0; i < 500; i++) {
        mt_alloc_fail_nth(1);
        assert_int_equal(mt_map_put(&m, key_of(&owners[i]), &owners[i].node), MT_OK);
        mt_alloc_fail_nth(0);
        owners[i].in = true;
    }
    assert_int_equal(m.mask, 15);
    expect_same(&m);
    for (uint32_t i = 0; i < 500; i += 3) {
        mt_map_remove(&m, &owners[i].node);
        owners[i].in = false;
    }
    expect_same(&m);
    churn(&m, 3000); /* and it grows when there is memory again */
    assert_true(m.mask > 15);
    expect_same(&m);
    mt_map_deinit(&m);
}

/* Different keys with one and the same hash are told apart by their bytes. */
static void test_equal_hashes(void **state) {
    (void)state;
    mt_map m;
    start(&m);
    assert_int_equal(mt_map_put(&m, key_of(&owners[0]), &owners[0].node), MT_OK);
    mt_map_node other = owners[0].node;
    other.key = MT_SLICE_LIT("forged");
    other.next = owners[0].node.next;
    owners[0].node.next = &other;
    m.count++;
    assert_ptr_equal(mt_map_get(&m, key_of(&owners[0])), &owners[0].node);
    mt_map_remove(&m, &other);
    assert_ptr_equal(mt_map_get(&m, key_of(&owners[0])), &owners[0].node);
    assert_int_equal(m.count, 1);
    mt_map_deinit(&m);
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_map m;
    mt_alloc_fail_nth(1);
    assert_int_equal(mt_map_init(&m, mt_random_seeded(&seed)), MT_ENOMEM);
    mt_alloc_fail_nth(0);
}

static void test_list(void **state) {
    (void)state;
    mt_list head, n[4];
    mt_list_init(&head);
    assert_true(mt_list_empty(&head));
    for (size_t i = 0; i < COUNT(n); i++)
        mt_list_append(&head, &n[i]);
    size_t at = 0;
    MT_LIST_FOREACH(it, &head) {
        assert_ptr_equal(it, &n[at++]);
    }
    MT_LIST_FOREACH_SAFE(it, &head) {
        mt_list_remove(it);
    }
    mt_list_remove(&n[2]);
    assert_true(mt_list_empty(&head));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model), cmocka_unit_test(test_keys_are_unique_and_of_any_length),
        cmocka_unit_test(test_long_chains),     cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_out_of_memory),   cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
