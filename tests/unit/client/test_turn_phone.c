/* The conversation machine where a phone does the calling (C8). */
#include "turn_kit.h"

static kit k;

static void begin(void) {
    k = (kit){.seed = 1, .now_ms = 1000};
    assert_int_equal(mt_turn_create(mt_random_seeded(&k.seed), &k.t), MT_OK);
    mt_turn_set_phone(k.t);
}

static void me(bool registered, bool talking, char pair) {
    mt_turn_me m = {.registered = registered, .talking = talking, .paired = pair != 0};
    m.pair[0] = (uint8_t)pair;
    mt_turn_watched(k.t, k.watch_seq, &m, k.now_ms);
}

static void log_in(void) {
    begin();
    assert_int_equal(mt_turn_login(k.t, "jeden", k.now_ms), MT_OK);
    EXPECT(&k, "state(logging-in) login");
    mt_turn_login_done(k.t, k.login_seq, "jeden", 111000, k.now_ms);
    EXPECT(&k, "register watch");
    me(false, false, 0);
    EXPECT(&k, "watch");
    kit_pass(&k, 600000); /* typing takes its time */
    EXPECT(&k, "");
    me(true, false, 0);
    EXPECT(&k, "state(idle) logged-in! watch");
}

static void draw(bool caller) {
    log_in();
    assert_int_equal(mt_turn_ready(k.t, k.now_ms), MT_OK);
    EXPECT(&k, "state(waiting) waiting!(0s) turn");
    kit_drawn(&k, 'P', caller);
    EXPECT(&k, caller ? "state(connecting) drawn!(calls dwa) watch" : "state(connecting) drawn!(awaits dwa) watch");
}

static void end(void) {
    mt_turn_destroy(k.t);
}

static void test_a_talk_by_phone(void **state) {
    (void)state;
    draw(true);
    me(true, false, 'P');
    EXPECT(&k, "watch");
    kit_pass(&k, 100000); /* the server keeps the times */
    EXPECT(&k, "");
    me(true, true, 'P');
    EXPECT(&k, "state(talking) call-up! watch");
    me(true, false, 0); /* a phone was hung up */
    EXPECT(&k, "leave(P) ended!(over) state(idle) watch");
    end();
}

static void test_not_answered(void **state) {
    (void)state;
    draw(false);
    me(true, false, 0);
    EXPECT(&k, "leave(P) ended!(no_answer) state(idle) watch");
    end();
}

/* An answer of before the draw, which shows no pair, must not end it. */
static void test_an_answer_that_crosses_the_draw(void **state) {
    (void)state;
    log_in();
    uint32_t before = k.watch_seq;
    assert_int_equal(mt_turn_ready(k.t, k.now_ms), MT_OK);
    EXPECT(&k, "state(waiting) waiting!(0s) turn");
    kit_drawn(&k, 'P', true);
    EXPECT(&k, "state(connecting) drawn!(calls dwa) watch");
    mt_turn_me none = {.registered = true};
    mt_turn_watched(k.t, before, &none, k.now_ms);
    EXPECT(&k, "");
    end();
}

static void test_hanging_up_and_next(void **state) {
    (void)state;
    draw(true);
    me(true, true, 'P');
    EXPECT(&k, "state(talking) call-up! watch");
    assert_int_equal(mt_turn_hangup(k.t, k.now_ms), MT_OK);
    EXPECT(&k, "leave(P) state(ending) ended!(hung_up) state(idle)");
    end();
    draw(true);
    me(true, true, 'P');
    EXPECT(&k, "state(talking) call-up! watch");
    assert_int_equal(mt_turn_next(k.t, k.now_ms), MT_OK);
    EXPECT(&k, "ended!(next) state(waiting) waiting!(0s) turn(P)");
    end();
}

static void test_a_phone_that_goes_and_comes(void **state) {
    (void)state;
    log_in();
    me(false, false, 0);
    EXPECT(&k, "error!(phone_gone) watch");
    assert_int_equal(mt_turn_ready(k.t, k.now_ms), MT_OK);
    EXPECT(&k, "state(waiting) waiting!(0s)"); /* not drawn without a phone */
    me(true, false, 0);
    EXPECT(&k, "turn watch");
    end();
}

static void test_a_login_that_is_lost(void **state) {
    (void)state;
    draw(true);
    me(true, true, 'P');
    EXPECT(&k, "state(talking) call-up! watch");
    mt_fault f = kit_fault(MT_FAULT_UNREACHABLE, "");
    for (int i = 0; i < 3; i++) {
        mt_turn_watch_failed(k.t, k.watch_seq, &f, k.now_ms);
        EXPECT(&k, i == 1 ? "error!(server_unreachable)" : "");
        kit_pass(&k, 5000);
        EXPECT(&k, "watch");
    }
    f = kit_fault(MT_FAULT_UNAUTHORIZED, "unauthorized");
    mt_turn_watch_failed(k.t, k.watch_seq, &f, k.now_ms);
    EXPECT(&k, "ended!(over) state(logging-in) login");
    mt_turn_login_done(k.t, k.login_seq, "jeden", 111007, k.now_ms);
    EXPECT(&k, "register watch"); /* the settings are new: they are shown again */
    end();
}

static void test_logging_out(void **state) {
    (void)state;
    draw(true);
    assert_int_equal(mt_turn_logout(k.t, k.now_ms), MT_OK);
    EXPECT(&k, "ended!(hung_up) state(ending) logout");
    mt_turn_logged_out(k.t, k.logout_seq, k.now_ms);
    EXPECT(&k, "stop forget state(logged-out) logged-out!");
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_talk_by_phone),
        cmocka_unit_test(test_not_answered),
        cmocka_unit_test(test_an_answer_that_crosses_the_draw),
        cmocka_unit_test(test_hanging_up_and_next),
        cmocka_unit_test(test_a_phone_that_goes_and_comes),
        cmocka_unit_test(test_a_login_that_is_lost),
        cmocka_unit_test(test_logging_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
