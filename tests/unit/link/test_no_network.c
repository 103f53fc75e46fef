/* A link where the network goes at the moment of the draw: it once ended with "protocol", as if the partner had done
 * wrong. */
#include "link_pair.h"

#include <nice/agent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* In libnice's place: the addresses that were found are gone before a socket can be bound to them. */
gboolean nice_agent_gather_candidates(NiceAgent *agent, guint stream) {
    return FALSE;
}

static void test_no_network(void **state) {
    link_pair p;
    pair_open_default(&p);
    PAIR_UNTIL(&p, p.a.closed >= 0 && p.b.closed >= 0, 2000);
    assert_int_equal(p.a.closed, MT_LINK_NO_PATH);
    assert_int_equal(p.b.closed, MT_LINK_NO_PATH);
    assert_false(p.a.ready || p.b.ready);
    pair_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_network)};
    return cmocka_run_group_tests(tests, link_set_up, link_tear_down);
}
