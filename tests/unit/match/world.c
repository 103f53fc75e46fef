#include "world.h"

#include <stdio.h>
#include <string.h>

static void note(world *w, const char *fmt, ...) MT_PRINTF(2, 3);

static void note(world *w, const char *fmt, ...) {
    va_list args;
    if (w->quiet)
        return;
    if (w->log_len > 0)
        w->log_len += (size_t)snprintf(w->log + w->log_len, sizeof(w->log) - w->log_len, "; ");
    va_start(args, fmt);
    w->log_len += (size_t)vsnprintf(w->log + w->log_len, sizeof(w->log) - w->log_len, fmt, args);
    va_end(args);
    assert_true(w->log_len < sizeof(w->log));
}

static int len_of(const mt_user *u) {
    return (int)mt_user_name(u).len;
}

static const char *name_of(const mt_user *u) {
    return mt_user_name(u).p;
}

#define PAIR_ARGS(p)                                                                                                   \
    len_of(mt_pair_caller(p)), name_of(mt_pair_caller(p)), len_of(mt_pair_callee(p)), name_of(mt_pair_callee(p))

static void on_status(void *ctx, mt_user *u, mt_status was) {
    note(ctx, "%.*s %d>%d", len_of(u), name_of(u), (int)was, (int)mt_user_status(u));
}

static void on_drawn(void *ctx, mt_pair *p) {
    assert_ptr_equal(mt_user_pair(mt_pair_caller(p)), p);
    assert_ptr_equal(mt_user_partner(mt_pair_caller(p)), mt_pair_callee(p));
    assert_ptr_equal(mt_user_partner(mt_pair_callee(p)), mt_pair_caller(p));
    note(ctx, "drawn %.*s>%.*s", PAIR_ARGS(p));
}

static void on_callee_ready(void *ctx, mt_pair *p) {
    assert_true(mt_pair_callee_is_ready(p));
    note(ctx, "ready %.*s>%.*s", PAIR_ARGS(p));
}

static void on_ended(void *ctx, mt_pair *p, mt_pair_end why) {
    world *w = ctx;
    assert_null(mt_user_pair(mt_pair_caller(p)));
    assert_null(mt_user_pair(mt_pair_callee(p)));
    assert_null(mt_match_pair_by_id(w->m, mt_pair_id(p)));
    note(w, "ended %.*s>%.*s %s", PAIR_ARGS(p), mt_pair_end_str(why));
}

static void on_superseded(void *ctx, mt_user *u) {
    note(ctx, "superseded %.*s", len_of(u), name_of(u));
}

void world_init_with(world *w, const mt_match_config *cfg) {
    static const mt_match_events events = {on_status, on_drawn, on_callee_ready, on_ended, on_superseded};
    *w = (world){.cfg = *cfg, .now_ms = 1000000, .seed = 42};
    assert_int_equal(mt_match_create(cfg, mt_random_seeded(&w->seed), &events, w, &w->m), MT_OK);
}

void world_init(world *w) {
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    world_init_with(w, &cfg);
}

void world_deinit(world *w) {
    check(w);
    mt_match_destroy(w->m);
}

static mt_user *add_device(world *w, const char *name, bool phone) {
    mt_user *u = NULL;
    assert_int_equal(mt_match_add(w->m, mt_slice_of(name), mt_slice_of(name), phone, w->now_ms, &u), MT_OK);
    return u;
}

mt_user *add(world *w, const char *name) {
    return add_device(w, name, false);
}

mt_user *add_phone(world *w, const char *name) {
    return add_device(w, name, true);
}

mt_pair *turn(world *w, mt_user *u) {
    mt_pair *p = NULL;
    mt_err err = mt_match_turn(w->m, u, MT_LINK_GCM, w->now_ms, &p);
    assert_true(err == MT_OK || err == MT_EMORE);
    assert_int_equal(err == MT_OK, p != NULL);
    return p;
}

void ready(world *w, mt_user *u) {
    assert_int_equal(mt_match_ready(w->m, u, MT_LINK_GCM, w->now_ms), MT_OK);
}

mt_pair *draw(world *w, mt_user *u) {
    mt_pair *p = NULL;
    mt_err err = mt_match_draw(w->m, u, w->now_ms, &p);
    assert_true(err == MT_OK || err == MT_EMORE);
    assert_int_equal(err == MT_OK, p != NULL);
    return p;
}

mt_pair *pair_up(world *w, mt_user *caller, mt_user *callee) {
    assert_null(turn(w, callee));
    mt_pair *p = turn(w, caller);
    assert_non_null(p);
    assert_ptr_equal(mt_pair_caller(p), caller);
    assert_ptr_equal(mt_pair_callee(p), callee);
    forget(w);
    return p;
}

void talk(world *w, mt_user *caller, mt_user *callee) {
    mt_pair *p = pair_up(w, caller, callee);
    assert_int_equal(mt_match_end(w->m, mt_pair_id(p), MT_END_HANGUP, w->now_ms), MT_OK);
    forget(w);
}

id id_of(const mt_pair *p) {
    id copy;
    memcpy(copy.b, mt_pair_id(p), sizeof(copy.b));
    return copy;
}

void run(world *w, int64_t len_ms) {
    int64_t until_ms = w->now_ms + len_ms;
    while (mt_match_next_ms(w->m) <= until_ms) {
        int64_t next_ms = mt_match_next_ms(w->m);
        w->now_ms = next_ms > w->now_ms ? next_ms : w->now_ms;
        mt_match_tick(w->m, w->now_ms);
        check(w);
    }
    w->now_ms = until_ms;
}

void check(world *w) {
    const char *bad = mt_match_check(w->m, w->now_ms);
    if (bad != NULL)
        fail_msg("%s", bad);
}

void forget(world *w) {
    w->log_len = 0;
    w->log[0] = '\0';
}

void expect(world *w, const char *events) {
    assert_string_equal(w->log, events);
    forget(w);
    check(w);
}
