/* Held turns, leases and the end of the server, over the real matchmaker and SIP machine, on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "fake_net.h"

typedef struct person {
    char token[256], name[16], exten[256];
} person;

static person login(const char *name) {
    person p;
    char body[64];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    fake_call *c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body});
    assert_int_equal(fake_status(c), 201);
    fake_member(c, "token", p.token);
    fake_member(c, "exten", p.exten);
    (void)snprintf(p.name, sizeof p.name, "%s", name);
    return p;
}

static fake_call *get(const person *p, const char *path) {
    return fake_send(&(fake_wish){.path = path, .token = p->token});
}

static fake_call *put(const person *p, const char *route) {
    char path[128];
    (void)snprintf(path, sizeof path, "/%s/%s", route, p->name);
    return fake_send(&(fake_wish){.method = "PUT", .path = path, .token = p->token});
}

static fake_call *peer(const person *p) {
    char path[64];
    (void)snprintf(path, sizeof path, "/get-peer/%s", p->name);
    return get(p, path);
}

static fake_call *turn(const person *p) {
    return fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/turn", .token = p->token, .headers = "Prefer: wait=25\n"});
}

static void expect(const fake_call *c, unsigned status, const char *part) {
    assert_int_equal(fake_status(c), status);
    if (strstr(fake_body(c), part) == NULL)
        fail_msg("no %s in %s", part, fake_body(c));
}

static void expect_counts(const char *counts) {
    expect(fake_send(&(fake_wish){.path = "/v1/stats"}), 200, counts);
}

#define NOBODY "{\"online\":0,\"waiting\":0,\"talking\":0}"

/* ---- being drawn */

static void callee_is_told_first(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    fake_call *first = turn(&a);
    assert_false(fake_answered(first));
    fake_call *second = turn(&b);
    expect(first, 200, "\"role\":\"callee\"");
    expect(second, 200, "\"role\":\"caller\"");
    expect(second, 200, "\"partner\":{\"name\":\"jeden\",\"exten\":\"111000\"}");
    assert_non_null(strstr(fake_headers(second), "Preference-Applied: wait=25\r\n"));
    fake_stop(s);
}

static void both_in_one_turn_of_the_loop_meet(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    fake_together(true);
    fake_call *first = turn(&a), *second = turn(&b);
    assert_false(fake_answered(first) || fake_answered(second));
    fake_together(false);
    expect(first, 200, "paired");
    expect(second, 200, "paired");
    fake_stop(s);
}

static void draw_is_undone_when_the_callee_cannot_be_told(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa"), c = login("trzy");
    fake_call *lost = fake_send(&(fake_wish){
        .method = "POST", .path = "/v1/turn", .token = a.token, .headers = "Prefer: wait=25\n", .lose = true});
    fake_call *stays = turn(&b);
    assert_true(fake_answered(lost));
    assert_false(fake_answered(stays)); /* never told of that pair, still in the pool */
    expect(get(&a, "/user-status/jeden"), 200, "0");
    fake_call *third = turn(&c);
    expect(stays, 200, "\"name\":\"trzy\"");
    expect(third, 200, "\"name\":\"dwa\"");
    fake_stop(s);
}

static void pair_ends_when_the_caller_cannot_be_told(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    fake_call *told = turn(&a);
    fake_call *lost = fake_send(&(fake_wish){
        .method = "POST", .path = "/v1/turn", .token = b.token, .headers = "Prefer: wait=25\n", .lose = true});
    expect(told, 200, "callee");
    assert_true(fake_answered(lost));
    /* He believes to be in a pair, so he must not be drawn behind his back. */
    expect(get(&a, "/user-status/jeden"), 200, "0");
    expect(get(&b, "/user-status/dwa"), 200, "0");
    fake_stop(s);
}

static void caller_is_held_until_the_callee_confirms(void **state) {
    mt_server *s = fake_start(NULL);
    person old = login("jeden"), new = login("dwa");
    expect(put(&old, "update-status-rdy"), 200, "READY");
    fake_call *held = turn(&new);
    assert_false(fake_answered(held));
    expect(get(&new, "/v1/me"), 200, "\"status\":2");
    expect(get(&new, "/v1/me"), 200, "\"pair\":null"); /* not to be dialled yet */
    expect(peer(&old), 230, "\"exten\":null");
    assert_false(fake_answered(held));
    expect(put(&old, "update-status-rdy-to-talk"), 200, "READY TO TALK");
    expect(held, 200, "\"role\":\"caller\"");
    fake_stop(s);
}

static void caller_goes_on_waiting_when_the_callee_never_confirms(void **state) {
    mt_server *s = fake_start(NULL);
    person old = login("jeden"), new = login("dwa"), third = login("trzy");
    expect(put(&old, "update-status-rdy"), 200, "READY");
    fake_call *held = turn(&new);
    fake_sleep(15100);
    assert_false(fake_answered(held)); /* the pair is over and was never shown */
    expect(get(&old, "/user-status/jeden"), 200, "0");
    expect(get(&new, "/user-status/dwa"), 200, "1");
    fake_call *other = turn(&third);
    expect(held, 200, "trzy");
    expect(other, 200, "dwa");
    fake_stop(s);
}

/* What broke: he was answered "waiting" while he was BUSY already, so his next request began anew. */
static void caller_waits_no_longer_than_he_asked(void **state) {
    mt_server *s = fake_start(NULL);
    person old = login("jeden"), new = login("dwa");
    expect(put(&old, "update-status-rdy"), 200, "READY");
    fake_call *held = fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/turn", .token = new.token, .headers = "Prefer: wait=5\n"});
    fake_sleep(14000);
    assert_false(fake_answered(held)); /* a caller's answer is held for the callee, 15 s at most */
    fake_sleep(1100);
    expect(held, 200, "waiting");
    expect(get(&new, "/user-status/dwa"), 200, "1");
    fake_sleep(5000);
    expect(get(&new, "/user-status/dwa"), 200, "0");
    fake_stop(s);
}

static void caller_who_leaves_undoes_the_draw(void **state) {
    mt_server *s = fake_start(NULL);
    person old = login("jeden"), new = login("dwa");
    expect(put(&old, "update-status-rdy"), 200, "READY");
    fake_hang_up(turn(&new));
    expect(get(&old, "/user-status/jeden"), 200, "1"); /* polls on as if nothing had been */
    expect(get(&new, "/user-status/dwa"), 200, "0");
    expect(peer(&old), 208, "Queue is empty");
    fake_stop(s);
}

static void cancelling_while_drawn_undoes_the_draw(void **state) {
    mt_server *s = fake_start(NULL);
    person old = login("jeden"), new = login("dwa");
    expect(put(&old, "update-status-rdy"), 200, "READY");
    fake_call *held = turn(&new);
    assert_int_equal(fake_status(fake_send(&(fake_wish){.method = "DELETE", .path = "/v1/turn", .token = new.token})),
                     204);
    expect(held, 409, "left");
    expect(get(&old, "/user-status/jeden"), 200, "1");
    fake_stop(s);
}

/* The caller draws and logs out before the callee's held request is looked at. */
static void drawn_and_over_in_one_turn_of_the_loop(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    fake_call *held = turn(&a);
    fake_together(true);
    fake_call *gone = turn(&b);
    fake_send(&(fake_wish){.method = "DELETE", .path = "/v1/me", .token = b.token});
    fake_together(false);
    expect(gone, 401, "unauthorized");
    assert_false(fake_answered(held)); /* waits on */
    expect_counts("{\"online\":1,\"waiting\":1,\"talking\":0}");
    fake_sleep(25000);
    expect(held, 200, "waiting");
    fake_stop(s);
}

static void waiting_time_is_kept_for_five_seconds(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden");
    fake_call *held = turn(&a);
    fake_sleep(24999);
    assert_false(fake_answered(held));
    fake_sleep(1);
    expect(held, 200, "{\"state\":\"waiting\",\"ready\":1,\"online\":1}");
    fake_sleep(4000);
    expect(get(&a, "/user-status/jeden"), 200, "1");
    fake_sleep(1100);
    expect(get(&a, "/user-status/jeden"), 200, "0");
    fake_stop(s);
}

static void last_partners_meet_again_after_three_seconds(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    turn(&a);
    turn(&b);
    expect(put(&a, "update-status-busy"), 200, "BUSY");
    fake_call *first = turn(&a), *second = turn(&b);
    assert_false(fake_answered(first) || fake_answered(second));
    fake_sleep(2900);
    assert_false(fake_answered(first) || fake_answered(second));
    fake_sleep(200);
    expect(first, 200, "paired");
    expect(second, 200, "paired");
    fake_stop(s);
}

/* ---- leases */

static void never_registered_lives_a_minute(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden");
    fake_sleep(50000);
    expect(get(&a, "/v1/me"), 200, "jeden");
    fake_sleep(59000);
    expect_counts("{\"online\":1");
    fake_sleep(1100);
    expect_counts(NOBODY);
    expect(get(&a, "/v1/me"), 401, "unauthorized");
    fake_stop(s);
}

static void a_held_request_keeps_the_login(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden");
    for (int i = 0; i < 6; i++) {
        fake_call *held = turn(&a);
        fake_sleep(25000);
        expect(held, 200, "waiting");
    }
    expect(get(&a, "/v1/me"), 200, "jeden");
    fake_stop(s);
}

static void ready_lapses_for_those_who_stop_asking(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    expect(put(&a, "update-status-rdy"), 200, "READY");
    fake_sleep(29000);
    expect(peer(&a), 208, "Queue");
    fake_sleep(29000);
    expect(put(&b, "update-status-rdy"), 200, "READY");
    fake_sleep(1100);
    expect(peer(&b), 208, "Queue");
    expect(peer(&a), 226, "not rdy");
    fake_stop(s);
}

static void an_unanswered_pair_dissolves(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    turn(&a);
    turn(&b);
    expect_counts("\"talking\":2");
    fake_sleep(15100); /* nobody dials */
    expect_counts("{\"online\":2,\"waiting\":0,\"talking\":0}");
    fake_stop(s);
}

/* ---- limits */

static void addresses_are_limited(void **state) {
    mt_server *s = fake_start(NULL);
    fake_call *c = NULL;
    char body[64];
    for (int i = 0; i < 51; i++) {
        (void)snprintf(body, sizeof body, "{\"name\":\"user%d\"}", i);
        c = fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body, .from = "192.0.2.1:5"});
    }
    expect(c, 429, "slow_down"); /* the 51st that is not registered */
    assert_non_null(strstr(fake_headers(c), "Retry-After: "));
    c = fake_send(&(fake_wish){.method = "POST", .path = "/add-user-to-sip-exten-conf/x", .from = "192.0.2.1:6"});
    expect(c, 429, "slow_down");
    c = fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"x\"}", .from = "192.0.2.2:5"});
    expect(c, 201, "x");
    fake_sleep(61000); /* they lapse */
    c = fake_send(
        &(fake_wish){.method = "POST", .path = "/v1/users", .body = "{\"name\":\"y\"}", .from = "192.0.2.1:5"});
    expect(c, 201, "y");
    for (int i = 0; i < 6000; i++)
        c = fake_send(&(fake_wish){.path = "/healthz", .from = "192.0.2.1:5"});
    expect(c, 429, "slow_down");
    for (int i = 0; i < 500; i++)
        assert_true(fake_accept("192.0.2.9:1"));
    assert_false(fake_accept("192.0.2.9:1"));
    fake_stop(s);
}

static void no_limits_means_none(void **state) {
    mt_options o;
    mt_options_default(&o);
    o.limits.off = true;
    mt_server *s = fake_start(&o);
    char body[64];
    for (int i = 0; i < 400; i++) {
        (void)snprintf(body, sizeof body, "{\"name\":\"user%d\"}", i);
        fake_call *c =
            fake_send(&(fake_wish){.method = "POST", .path = "/v1/users", .body = body, .from = "192.0.2.1:5"});
        assert_int_equal(fake_status(c), 201);
    }
    fake_stop(s);
}

/* What broke: he stayed in the pool, though his older request was answered by then and the newer one refused: whoever
 * drew him waited in vain. */
static void who_could_not_wait_for_lack_of_memory_is_not_drawn(void **state) {
    unsigned seen = 0;
    for (unsigned long n = 1; n < 40; n++) {
        mt_server *s = fake_start(NULL);
        person a = login("jeden"), b = login("dwa");
        fake_call *held = turn(&a);
        mt_alloc_fail_nth(n);
        fake_call *newer = fake_send(&(fake_wish){.method = "POST",
                                                  .path = "/v1/turn",
                                                  .token = a.token,
                                                  .headers = "Prefer: wait=25\n",
                                                  .body = "{\"link\":[\"gcm\",\"cbc\"]}"});
        mt_alloc_fail_nth(0);
        if (fake_answered(held) && fake_answered(newer)) {
            expect(held, 409, "superseded");
            expect(newer, 503, "full");
            expect(fake_send(&(fake_wish){.method = "POST", .path = "/v1/turn", .token = b.token}), 200, "waiting");
            seen++;
        }
        fake_stop(s);
    }
    assert_true(seen > 0);
}

/* ---- the end */

static void going_down_answers_and_ends(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden");
    fake_call *held = turn(&a);
    fake_signal(SIGTERM);
    expect(held, 503, "shutting_down");
    assert_false(fake_stopped());
    expect(get(&a, "/v1/me"), 503, "shutting_down");
    fake_sleep(2000);
    assert_true(fake_stopped());
    fake_stop(s);
}

static void second_signal_ends_at_once(void **state) {
    mt_server *s = fake_start(NULL);
    (void)login("jeden");
    fake_signal(SIGTERM);
    fake_signal(SIGTERM);
    assert_true(fake_stopped());
    fake_stop(s);
}

static void destroyed_with_requests_held(void **state) {
    mt_server *s = fake_start(NULL);
    person a = login("jeden"), b = login("dwa");
    (void)turn(&a);
    (void)fake_send(&(fake_wish){.path = "/v1/me", .token = b.token, .headers = "Prefer: wait=25\n"});
    fake_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callee_is_told_first),
        cmocka_unit_test(both_in_one_turn_of_the_loop_meet),
        cmocka_unit_test(draw_is_undone_when_the_callee_cannot_be_told),
        cmocka_unit_test(pair_ends_when_the_caller_cannot_be_told),
        cmocka_unit_test(caller_is_held_until_the_callee_confirms),
        cmocka_unit_test(caller_goes_on_waiting_when_the_callee_never_confirms),
        cmocka_unit_test(caller_waits_no_longer_than_he_asked),
        cmocka_unit_test(caller_who_leaves_undoes_the_draw),
        cmocka_unit_test(cancelling_while_drawn_undoes_the_draw),
        cmocka_unit_test(drawn_and_over_in_one_turn_of_the_loop),
        cmocka_unit_test(waiting_time_is_kept_for_five_seconds),
        cmocka_unit_test(last_partners_meet_again_after_three_seconds),
        cmocka_unit_test(never_registered_lives_a_minute),
        cmocka_unit_test(a_held_request_keeps_the_login),
        cmocka_unit_test(ready_lapses_for_those_who_stop_asking),
        cmocka_unit_test(an_unanswered_pair_dissolves),
        cmocka_unit_test(addresses_are_limited),
        cmocka_unit_test(no_limits_means_none),
        cmocka_unit_test(who_could_not_wait_for_lack_of_memory_is_not_drawn),
        cmocka_unit_test(going_down_answers_and_ends),
        cmocka_unit_test(second_signal_ends_at_once),
        cmocka_unit_test(destroyed_with_requests_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
