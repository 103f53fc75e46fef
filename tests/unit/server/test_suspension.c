/* Blocks and reports through the API: whom one may name, what follows, who is suspended and what he is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_net.h"

typedef struct person {
    char token[256], at[32];
    fake_call *turn; /* his last */
} person;

static mt_server *server;

static void start(const mt_options *o) {
    server = fake_start(o);
}

static int end(void **state) {
    (void)state;
    fake_stop(server);
    return 0;
}

static int begin(void **state) {
    (void)state;
    start(NULL);
    return 0;
}

static person login_from(const char *name, const char *at) {
    person p = {.turn = NULL};
    char body[64];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    (void)snprintf(p.at, sizeof p.at, "%s", at);
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body, .from = at});
    assert_int_equal(fake_status(c), 201);
    fake_member(c, "token", p.token);
    return p;
}

static person login(const char *name) {
    return login_from(name, "127.0.0.1:1");
}

static fake_call *post(const person *p, const char *path, const char *body) {
    return fake_send(&(fake_wish){.method = "POST", .path = path, .token = p->token, .body = body, .from = p->at});
}

static fake_call *turn(person *p, const char *wait) {
    p->turn = fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/turn", .token = p->token, .headers = wait, .from = p->at});
    return p->turn;
}

#define LONG "Prefer: wait=50\n"

/* Draws them, the only ones waiting, for each other. */
static void draw(person *a, person *b, char pair[256]) {
    turn(b, LONG);
    turn(a, LONG);
    assert_int_equal(fake_status(a->turn), 200);
    assert_int_equal(fake_status(b->turn), 200);
    fake_member(a->turn, "pair", pair);
}

static unsigned act(const person *p, const char *what, const char *pair, const char *more) {
    char path[64], body[4200];
    (void)snprintf(path, sizeof path, "/v1/turn/%s", what);
    (void)snprintf(body, sizeof body, "{\"pair\":\"%s\"%s}", pair, more);
    return fake_status(post(p, path, body));
}

static unsigned report(const person *p, const char *pair) {
    return act(p, "report", pair, ",\"reason\":\"harassment\"");
}

static void block_in_a_talk(void **state) {
    char pair[256];
    person a = login("jeden"), b = login("dwa");
    draw(&a, &b, pair);
    assert_int_equal(act(&a, "block", pair, ""), 204);
    fake_call *me = fake_send(&(fake_wish){.path = "/v1/me", .token = b.token});
    assert_non_null(strstr(fake_body(me), "\"status\":0"));
    turn(&a, "Prefer: wait=10\n");
    turn(&b, "Prefer: wait=10\n");
    fake_sleep(9000);
    assert_false(fake_answered(a.turn) || fake_answered(b.turn));
    fake_sleep(2000);
    assert_non_null(strstr(fake_body(a.turn), "\"waiting\""));
    assert_int_equal(act(&a, "block", pair, ""), 204); /* said again */
}

static void block_afterwards(void **state) {
    char pair[256], path[300];
    person a = login("jeden"), b = login("dwa"), c = login("trzy");
    draw(&a, &b, pair);
    (void)snprintf(path, sizeof path, "/v1/turn?pair=%s", pair);
    fake_send(&(fake_wish){.method = "DELETE", .path = path, .token = b.token});
    assert_int_equal(act(&a, "block", pair, ""), 204);
    char other[256];
    draw(&a, &c, other);
    assert_int_equal(act(&a, "block", pair, ""), 204); /* still his last one */
    fake_call *me = fake_send(&(fake_wish){.path = "/v1/me", .token = a.token});
    assert_non_null(strstr(fake_body(me), other)); /* the present pair is left alone */
}

static void one_who_is_gone(void **state) {
    char pair[256];
    person a = login("jeden"), b = login("dwa");
    draw(&a, &b, pair);
    fake_send(&(fake_wish){.method = "DELETE", .path = "/v1/me", .token = b.token});
    assert_int_equal(act(&a, "block", pair, ""), 204);
    assert_int_equal(report(&a, pair), 204);
}

static void only_ones_own(void **state) {
    char pair[256];
    person a = login("jeden"), b = login("dwa"), c = login("trzy");
    draw(&a, &b, pair);
    assert_int_equal(act(&c, "block", pair, ""), 404);
    assert_int_equal(report(&c, pair), 404);
    assert_int_equal(act(&a, "block", "00000000000000000000000000000000", ""), 404);
    assert_int_equal(act(&a, "block", "x", ""), 400);
    assert_int_equal(fake_status(post(&a, "/v1/turn/block", NULL)), 400);
    assert_int_equal(fake_status(post(&a, "/v1/turn/block", "{\"pair\":7}")), 400);
    assert_int_equal(fake_status(fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn/block"})), 401);
    fake_call *me = fake_send(&(fake_wish){.path = "/v1/me", .token = a.token});
    assert_non_null(strstr(fake_body(me), pair)); /* nothing of it touched the pair */
}

static void what_a_report_says(void **state) {
    char pair[256], more[4096] = ",\"reason\":\"other\",\"note\":\"";
    person a = login("jeden"), b = login("dwa");
    draw(&a, &b, pair);
    assert_int_equal(act(&a, "report", pair, ""), 400);
    assert_int_equal(act(&a, "report", pair, ",\"reason\":\"boring\""), 400);
    assert_int_equal(act(&a, "report", pair, ",\"reason\":7"), 400);
    assert_int_equal(act(&a, "report", pair, ",\"reason\":\"spam\",\"note\":7"), 400);
    size_t at = strlen(more);
    for (int i = 0; i < 501; i++, at += 2)
        memcpy(more + at, "\xc5\x82", 2);
    memcpy(more + at, "\"", 2);
    assert_int_equal(act(&a, "report", pair, more), 400);
    memcpy(more + at - 2, "\"", 2);
    assert_int_equal(act(&a, "report", pair, more), 204);
    assert_int_equal(report(&b, pair), 204); /* each may report the other */
}

static void metric(const char *line) {
    fake_call *c = fake_send(&(fake_wish){.path = "/metrics"});
    if (strstr(fake_body(c), line) == NULL)
        fail_msg("no %s", line);
}

/* a and each of three others are drawn; they report him, each several times. */
static void reported_by(person *a, const char *names[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        char pair[256];
        person b = login(names[i]);
        draw(a, &b, pair);
        assert_int_equal(report(&b, pair), 204);
        assert_int_equal(report(&b, pair), 204);
        assert_int_equal(act(&b, "report", pair, ",\"reason\":\"spam\""), 204);
    }
}

static void suspended(void **state) {
    const char *names[] = {"dwa", "trzy", "cztery"};
    mt_options o;
    mt_options_default(&o);
    o.contact = "abuse@example.org";
    start(&o);
    person a = login("jeden");
    reported_by(&a, names, 2);
    fake_call *c = turn(&a, "Prefer: wait=0\n");
    assert_int_equal(fake_status(c), 200);
    reported_by(&a, names + 2, 1);
    c = turn(&a, LONG);
    assert_int_equal(fake_status(c), 403);
    assert_non_null(strstr(fake_headers(c), "Retry-After: 3600\r\n"));
    assert_non_null(strstr(fake_body(c),
                           "\"code\":\"suspended\",\"retry_after_s\":3600,\"contact\":\"abuse@example.org\","
                           "\"detail\":\"People who were drawn with you"));
    assert_non_null(strstr(fake_body(c), "no draw for another 60 minutes. If you think that this is wrong, write to "
                                         "abuse@example.org.\""));
    c = fake_send(&(fake_wish){.method = "PUT", .path = "/update-status-rdy/jeden", .token = a.token});
    assert_int_equal(fake_status(c), 403);
    c = fake_send(&(fake_wish){.path = "/get-peer/jeden", .token = a.token});
    assert_int_equal(fake_status(c), 403);
    metric("myturn_reports_total{reason=\"harassment\"} 3\n");
    metric("myturn_reports_total{reason=\"spam\"} 0\n");
    metric("myturn_suspensions_total{of=\"login\"} 1\n");
    metric("myturn_users_suspended 1\n");
    metric("myturn_blocks_total 3\n");
    for (int i = 0; i < 180; i++) { /* his login lives on; so does time */
        fake_sleep(20000);
        fake_send(&(fake_wish){.path = "/v1/me", .token = a.token});
    }
    assert_int_equal(fake_status(turn(&a, "Prefer: wait=0\n")), 200);
}

/* One at one address cannot do it, whatever he calls himself; nor is another login here touched. */
static void one_reporter_is_not_enough(void **state) {
    char pair[256], name[16];
    person a = login_from("jeden", "192.0.2.1:1"), neighbour = login_from("sam", "192.0.2.1:2");
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "b%d", i);
        person b = login_from(name, "198.51.100.7:1");
        draw(&a, &b, pair);
        assert_int_equal(report(&b, pair), 204);
    }
    assert_int_equal(fake_status(turn(&a, "Prefer: wait=0\n")), 200);
    for (int i = 0; i < 2; i++) {
        char at[32];
        (void)snprintf(name, sizeof name, "c%d", i);
        (void)snprintf(at, sizeof at, "203.0.113.%d:1", i + 1);
        person b = login_from(name, at);
        draw(&a, &b, pair);
        assert_int_equal(report(&b, pair), 204);
    }
    assert_int_equal(fake_status(turn(&a, "Prefer: wait=0\n")), 403);
    assert_int_equal(fake_status(turn(&neighbour, "Prefer: wait=0\n")), 200);
}

/* Who comes back under a new name, and who waits at that address meanwhile. */
static void an_address_is_suspended(void **state) {
    char pair[256], name[16], at[32];
    mt_options o;
    mt_options_default(&o);
    o.conduct.threshold = 0;
    o.conduct.address_threshold = 2;
    start(&o);
    person waiting = login_from("sam", "192.0.2.1:2");
    for (int i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof name, "a%d", i);
        person a = login_from(name, "192.0.2.1:1");
        (void)snprintf(name, sizeof name, "b%d", i);
        (void)snprintf(at, sizeof at, "203.0.113.%d:1", i + 1);
        person b = login_from(name, at);
        draw(&a, &b, pair);
        fake_send(&(fake_wish){.method = "DELETE", .path = "/v1/me", .token = a.token});
        turn(&waiting, LONG);
        assert_int_equal(report(&b, pair), 204);
        if (i == 0)
            fake_hang_up(waiting.turn);
    }
    assert_int_equal(fake_status(waiting.turn), 403);
    assert_non_null(strstr(fake_body(waiting.turn), "\"contact\":null"));
    person again = login_from("a9", "192.0.2.1:9"), other = login_from("c", "192.0.2.2:9");
    assert_int_equal(fake_status(turn(&again, "Prefer: wait=0\n")), 403);
    assert_int_equal(fake_status(turn(&other, "Prefer: wait=0\n")), 200);
}

static void floods_are_limited(void **state) {
    char pair[256], name[16];
    person b = login_from("b", "198.51.100.7:1");
    unsigned status = 204;
    for (int i = 0; i < 7; i++) {
        (void)snprintf(name, sizeof name, "a%d", i);
        person a = login(name);
        assert_int_equal(status, 204);
        draw(&a, &b, pair);
        status = report(&b, pair);
    }
    assert_int_equal(status, 429);
    assert_int_equal(act(&b, "block", pair, ""), 204);
}

static void blocks_have_an_end(void **state) {
    const char *names[] = {"a0", "a1", "a2"};
    mt_options o;
    mt_options_default(&o);
    o.match.max_blocks = 2;
    start(&o);
    person b = login("b");
    for (int i = 0; i < 3; i++) {
        char pair[256];
        person a = login(names[i]);
        draw(&a, &b, pair);
        assert_int_equal(act(&b, "block", pair, ""), i < 2 ? 204 : 409);
        fake_call *me = fake_send(&(fake_wish){.path = "/v1/me", .token = b.token});
        assert_non_null(strstr(fake_body(me), "\"pair\":null")); /* ended all the same */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(block_in_a_talk, begin, end),
        cmocka_unit_test_setup_teardown(block_afterwards, begin, end),
        cmocka_unit_test_setup_teardown(one_who_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(only_ones_own, begin, end),
        cmocka_unit_test_setup_teardown(what_a_report_says, begin, end),
        cmocka_unit_test_teardown(suspended, end),
        cmocka_unit_test_setup_teardown(one_reporter_is_not_enough, begin, end),
        cmocka_unit_test_teardown(an_address_is_suspended, end),
        cmocka_unit_test_setup_teardown(floods_are_limited, begin, end),
        cmocka_unit_test_teardown(blocks_have_an_end, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
