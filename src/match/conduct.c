#include "match/conduct.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timerq.h"

#define DAY_MS ((int64_t)86400000)

typedef struct report {
    mt_conduct_mark by;
    int64_t at_ms;
} report;

/* What is remembered of one login or one address. */
typedef struct subject {
    mt_map_node node;
    uint64_t key[2]; /* [0]: KEY_LOGIN or KEY_ADDRESS */
    mt_list quiet;   /* longest without a report first */
    mt_timer timer;  /* when nothing of it counts any more */
    int64_t until_ms;
    report *reports; /* owned, of distinct reporters, oldest first */
    size_t count, cap;
} subject;

enum { KEY_LOGIN, KEY_ADDRESS };
enum { NEW, OLD, SALTS };

struct mt_conduct {
    mt_conduct_config cfg;
    mt_random random;
    mt_map subjects;
    mt_list quiet;
    mt_timerq timers;
    uint8_t salt[SALTS][16];
    int64_t salted_ms; /* since when the new one is in use */
    bool salted;
};

void mt_conduct_config_default(mt_conduct_config *cfg) {
    *cfg = (mt_conduct_config){
        .threshold = 3, .address_threshold = 6, .window_s = 86400, .suspend_s = 3600, .max_subjects = 100000};
}

mt_err mt_conduct_create(const mt_conduct_config *cfg, mt_random random, mt_conduct **out) {
    mt_conduct *c = mt_calloc(1, sizeof *c);
    if (c == NULL)
        return MT_ENOMEM;
    c->cfg = *cfg;
    c->random = random;
    mt_list_init(&c->quiet);
    mt_timerq_init(&c->timers, c);
    mt_err err = mt_map_init(&c->subjects, random);
    if (err != MT_OK) {
        mt_free(c);
        return err;
    }
    *out = c;
    return MT_OK;
}

void mt_conduct_configure(mt_conduct *c, const mt_conduct_config *cfg) {
    c->cfg = *cfg;
}

static void drop(mt_conduct *c, subject *s) {
    mt_timer_stop(&c->timers, &s->timer);
    mt_map_remove(&c->subjects, &s->node);
    mt_list_remove(&s->quiet);
    mt_free(s->reports);
    mt_free(s);
}

void mt_conduct_destroy(mt_conduct *c) {
    if (c == NULL)
        return;
    MT_LIST_FOREACH_SAFE(it, &c->quiet) {
        drop(c, MT_CONTAINER(it, subject, quiet));
    }
    mt_map_deinit(&c->subjects);
    mt_free(c);
}

/* A new key each day; the last one serves a day longer, so that what was counted under it counts for its whole window.
 */
static void salt(mt_conduct *c, int64_t now_ms) {
    int64_t age_ms = now_ms - c->salted_ms;
    if (c->salted && age_ms < DAY_MS)
        return;
    if (c->salted && age_ms < 2 * DAY_MS)
        memcpy(c->salt[OLD], c->salt[NEW], sizeof c->salt[OLD]);
    else
        mt_random_bytes(c->random, c->salt[OLD], sizeof c->salt[OLD]);
    mt_random_bytes(c->random, c->salt[NEW], sizeof c->salt[NEW]);
    c->salted_ms = now_ms;
    c->salted = true;
}

mt_conduct_mark mt_conduct_mark_of(mt_conduct *c, uint64_t login, mt_slice address, int64_t now_ms) {
    salt(c, now_ms);
    mt_conduct_mark mark = {.login = login, .by_address = address.len > 0};
    if (mark.by_address) {
        mark.address = mt_siphash(c->salt[NEW], address.p, address.len);
        mark.before = mt_siphash(c->salt[OLD], address.p, address.len);
    }
    return mark;
}

static subject *find(const mt_conduct *c, uint64_t kind, uint64_t id) {
    const uint64_t key[2] = {kind, id};
    mt_map_node *n = mt_map_get(&c->subjects, mt_slice_n(key, sizeof key));
    return n != NULL ? MT_CONTAINER(n, subject, node) : NULL;
}

static void expired(mt_timer *t, void *ctx, int64_t now_ms) {
    (void)now_ms;
    drop(ctx, MT_CONTAINER(t, subject, timer));
}

static subject *create(mt_conduct *c, uint64_t kind, uint64_t id) {
    if (c->subjects.count >= c->cfg.max_subjects && !mt_list_empty(&c->quiet))
        drop(c, MT_CONTAINER(c->quiet.next, subject, quiet));
    subject *s = mt_calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->key[0] = kind;
    s->key[1] = id;
    mt_list_init(&s->quiet);
    mt_timer_init(&s->timer, expired);
    if (mt_map_put(&c->subjects, mt_slice_n(s->key, sizeof s->key), &s->node) != MT_OK) {
        mt_free(s);
        return NULL;
    }
    return s;
}

static void forget_old(const mt_conduct *c, subject *s, int64_t now_ms) {
    size_t old = 0;
    while (old < s->count && now_ms - s->reports[old].at_ms >= (int64_t)c->cfg.window_s * 1000)
        old++;
    s->count -= old;
    if (old > 0)
        memmove(s->reports, s->reports + old, s->count * sizeof *s->reports);
}

/* then: of a report that counts still, so made under the key of today or of the day before. */
static bool is_same(const mt_conduct_mark *then, const mt_conduct_mark *now) {
    bool address =
        then->by_address && now->by_address && (then->address == now->address || then->address == now->before);
    return then->login == now->login || address;
}

static bool has_counted(const subject *s, const mt_conduct_mark *by) {
    for (size_t i = 0; i < s->count; i++) {
        if (is_same(&s->reports[i].by, by))
            return true;
    }
    return false;
}

static mt_err add(subject *s, const mt_conduct_mark *by, int64_t now_ms) {
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 4 : 2 * s->cap; /* the threshold bounds it */
        report *more = mt_realloc(s->reports, cap * sizeof *more);
        if (more == NULL)
            return MT_ENOMEM;
        s->reports = more;
        s->cap = cap;
    }
    s->reports[s->count++] = (report){*by, now_ms};
    return MT_OK;
}

/* Remembers s for as long as anything of it counts. */
static void keep(mt_conduct *c, subject *s, int64_t now_ms) {
    int64_t due_ms = s->count > 0 ? s->reports[s->count - 1].at_ms + (int64_t)c->cfg.window_s * 1000 : now_ms;
    mt_timer_set(&c->timers, &s->timer, s->until_ms > due_ms ? s->until_ms : due_ms);
    mt_list_remove(&s->quiet);
    mt_list_append(&c->quiet, &s->quiet);
}

/* One more report about a login or an address: *until_ms is set if that suspends it. */
static mt_err count(mt_conduct *c, const uint64_t key[2], const mt_conduct_mark *by, int64_t now_ms,
                    int64_t *until_ms) {
    uint32_t threshold = key[0] == KEY_LOGIN ? c->cfg.threshold : c->cfg.address_threshold;
    if (threshold == 0)
        return MT_OK;
    subject *s = find(c, key[0], key[1]);
    if (s == NULL)
        s = create(c, key[0], key[1]);
    if (s == NULL)
        return MT_ENOMEM;
    forget_old(c, s, now_ms);
    mt_err err = MT_OK;
    if (s->until_ms <= now_ms && !has_counted(s, by))
        err = add(s, by, now_ms);
    if (s->count >= threshold) {
        s->until_ms = *until_ms = now_ms + (int64_t)c->cfg.suspend_s * 1000;
        s->count = 0; /* when that is over he begins anew */
    }
    keep(c, s, now_ms);
    return err;
}

mt_err mt_conduct_report(mt_conduct *c, const mt_conduct_mark *about, const mt_conduct_mark *by, int64_t now_ms,
                         mt_conduct_verdict *out) {
    const uint64_t login[2] = {KEY_LOGIN, about->login}, address[2] = {KEY_ADDRESS, about->address};
    *out = (mt_conduct_verdict){0, 0};
    mt_err err = count(c, login, by, now_ms, &out->login_until_ms);
    if (err == MT_OK && about->by_address)
        err = count(c, address, by, now_ms, &out->address_until_ms);
    return err;
}

static int64_t until(const mt_conduct *c, uint64_t kind, uint64_t id, int64_t now_ms) {
    const subject *s = find(c, kind, id);
    return s != NULL && s->until_ms > now_ms ? s->until_ms : 0;
}

int64_t mt_conduct_until_ms(mt_conduct *c, uint64_t login, mt_slice address, int64_t now_ms) {
    int64_t longest_ms = until(c, KEY_LOGIN, login, now_ms);
    salt(c, now_ms);
    for (int i = 0; i < SALTS && address.len > 0; i++) {
        int64_t t = until(c, KEY_ADDRESS, mt_siphash(c->salt[i], address.p, address.len), now_ms);
        longest_ms = t > longest_ms ? t : longest_ms;
    }
    return longest_ms;
}

void mt_conduct_forget(mt_conduct *c, uint64_t login) {
    subject *s = find(c, KEY_LOGIN, login);
    if (s != NULL)
        drop(c, s);
}

size_t mt_conduct_count(const mt_conduct *c) {
    return c->subjects.count;
}

int64_t mt_conduct_next_ms(const mt_conduct *c) {
    return mt_timerq_next_ms(&c->timers);
}

void mt_conduct_tick(mt_conduct *c, int64_t now_ms) {
    mt_timerq_run(&c->timers, now_ms);
}
