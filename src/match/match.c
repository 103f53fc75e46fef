#include "match/match.h"

#include "base/alloc.h"
#include "match/state.h"

#define EXTEN_MAX 999999999U

void mt_match_config_default(mt_match_config *cfg) {
    *cfg = (mt_match_config){
        .repeat_after_ms = 3000,
        .callee_ready_ms = 15000,
        .invite_ms = 15000,
        .invite_phone_ms = 60000,
        .silent_ms = 3000,
        .answer_ms = 15000,
        .answer_phone_ms = 60000,
        .ready_lapse_ms = 30000,
        .poll_fresh_ms = 5000,
        .keep_wait_ms = 5000,
        .max_users = 20000,
        .max_blocks = 100,
        .first_exten = 111000,
    };
}

static bool is_sane(const mt_match_config *cfg) {
    return cfg->first_exten > 0 && cfg->first_exten <= EXTEN_MAX && cfg->max_users > 0 &&
           cfg->max_users <= EXTEN_MAX - cfg->first_exten + 1;
}

static mt_err init_maps(mt_match *m) {
    mt_err err = mt_map_init(&m->by_key, m->random);
    if (err == MT_OK)
        err = mt_map_init(&m->by_exten, m->random);
    if (err == MT_OK)
        err = mt_map_init(&m->by_id, m->random);
    if (err == MT_OK)
        err = mt_map_init(&m->blocks, m->random);
    return err;
}

mt_err mt_match_create(const mt_match_config *cfg, mt_random random, const mt_match_events *events, void *ctx,
                       mt_match **out) {
    if (!is_sane(cfg))
        return MT_EINVAL;
    mt_match *m = mt_calloc(1, sizeof(*m));
    if (m == NULL)
        return MT_ENOMEM;
    m->cfg = *cfg;
    m->random = random;
    m->ctx = ctx;
    m->next_exten = cfg->first_exten;
    mt_random_bytes(random, &m->next_throw, sizeof(m->next_throw));
    if (events != NULL)
        m->events = *events;
    mt_list_init(&m->online);
    mt_timerq_init(&m->timers, m);
    mt_err err = init_maps(m);
    if (err != MT_OK) {
        mt_match_destroy(m);
        return err;
    }
    *out = m;
    return MT_OK;
}

void mt_match_destroy(mt_match *m) {
    if (m == NULL)
        return;
    for (mt_map_node *n = mt_map_next(&m->by_id, NULL); n != NULL;) {
        mt_pair *p = MT_CONTAINER(n, mt_pair, by_id);
        n = mt_map_next(&m->by_id, n);
        mt_free(p);
    }
    MT_LIST_FOREACH_SAFE(it, &m->online) {
        mt_block_forget(m, MT_CONTAINER(it, mt_user, online));
        mt_free(MT_CONTAINER(it, mt_user, online));
    }
    mt_map_deinit(&m->blocks);
    mt_map_deinit(&m->by_id);
    mt_map_deinit(&m->by_exten);
    mt_map_deinit(&m->by_key);
    mt_pool_deinit(&m->pool);
    mt_free(m->spare);
    mt_free(m);
}

static uint32_t take_exten(mt_match *m) {
    uint32_t exten;
    do {
        exten = m->next_exten;
        m->next_exten = exten < EXTEN_MAX ? exten + 1 : m->cfg.first_exten;
    } while (mt_match_by_exten(m, exten) != NULL);
    return exten;
}

mt_err mt_match_add(mt_match *m, mt_slice name, mt_slice key, bool phone, int64_t now_ms, mt_user **out) {
    mt_match_enter(m);
    if (mt_match_by_key(m, key) != NULL)
        return MT_EEXIST;
    if (m->by_key.count >= m->cfg.max_users)
        return MT_ELIMIT;
    mt_user *u = mt_calloc(1, sizeof(*u) + name.len + key.len);
    if (u == NULL)
        return MT_ENOMEM;
    memcpy(u->text, name.p, name.len);
    memcpy(u->text + name.len, key.p, key.len);
    u->name = mt_slice_n(u->text, name.len);
    u->exten = take_exten(m);
    u->phone = phone;
    u->touched_ms = now_ms;
    u->retry_ms = MT_NEVER;
    u->pool_at = MT_POOL_NOWHERE;
    mt_list_init(&u->edges);
    mt_timer_init(&u->timer, mt_wait_fired);
    mt_err err = mt_map_put(&m->by_key, mt_slice_n(u->text + name.len, key.len), &u->by_key);
    if (err == MT_OK)
        err = mt_map_put(&m->by_exten, mt_slice_n(&u->exten, sizeof(u->exten)), &u->by_exten);
    assert(err == MT_OK); /* both were looked up above */
    mt_list_append(&m->online, &u->online);
    *out = u;
    return MT_OK;
}

static void free_user(mt_match *m, mt_user *u) {
    mt_timer_stop(&m->timers, &u->timer);
    mt_block_forget(m, u);
    mt_pool_unclaim(&m->pool, u);
    mt_map_remove(&m->by_key, &u->by_key);
    mt_map_remove(&m->by_exten, &u->by_exten);
    mt_list_remove(&u->online);
    mt_free(u);
}

void mt_match_remove(mt_match *m, mt_user *u, mt_pair_end why, int64_t now_ms) {
    mt_match_busy(m, u, why, now_ms);
    free_user(m, u);
}

mt_user *mt_match_by_key(const mt_match *m, mt_slice key) {
    mt_map_node *n = mt_map_get(&m->by_key, key);
    return n != NULL ? MT_CONTAINER(n, mt_user, by_key) : NULL;
}

mt_user *mt_match_by_exten(const mt_match *m, uint32_t exten) {
    mt_map_node *n = mt_map_get(&m->by_exten, mt_slice_n(&exten, sizeof(exten)));
    return n != NULL ? MT_CONTAINER(n, mt_user, by_exten) : NULL;
}

mt_user *mt_match_next(const mt_match *m, const mt_user *u) {
    mt_list *next = u != NULL ? u->online.next : m->online.next;
    return next != &m->online ? MT_CONTAINER(next, mt_user, online) : NULL;
}

mt_pair *mt_match_pair_by_id(const mt_match *m, const uint8_t id[MT_PAIR_ID_BYTES]) {
    mt_map_node *n = mt_map_get(&m->by_id, mt_slice_n(id, MT_PAIR_ID_BYTES));
    return n != NULL ? MT_CONTAINER(n, mt_pair, by_id) : NULL;
}

mt_match_counts mt_match_count(const mt_match *m) {
    return (mt_match_counts){
        .online = m->by_key.count,
        .ready = m->ready,
        .talking = 2 * m->by_id.count,
        .draws = m->draws,
    };
}

int64_t mt_match_next_ms(const mt_match *m) {
    return mt_timerq_next_ms(&m->timers);
}

void mt_match_tick(mt_match *m, int64_t now_ms) {
    mt_match_enter(m);
    mt_timerq_run(&m->timers, now_ms);
}
