#include "server/limits.h"

#include <string.h>

#include "base/alloc.h"

#define MINUTE_MS 60000
#define IDLE_RETRY_S 30
#define OPENED_PER_REQUEST 2 /* so that who asks too much is told so, rather than hung up on */
#define SWEEP 4 /* forgotten addresses freed for each new one */

/* A token bucket in units of 1/60000 event, so that one millisecond adds exactly its rate a minute. */
typedef struct bucket {
    int64_t level;
    int64_t at_ms;
} bucket;

typedef struct entry {
    mt_map_node node;
    mt_list recent;
    uint8_t key[8];
    uint32_t conns, users, idle;
    int64_t used_ms;
    bucket opened, logins, requests, sip_stream, sip_datagram, reports;
} entry;

void mt_limits_config_default(mt_limits_config *cfg) {
    *cfg = (mt_limits_config){.conns = 500,
                              .logins_min = 300,
                              .requests_min = 6000, .sip_min = 6000,
                              .reports_min = 6,
                              .idle_logins = 50,
                              .users = 1000,
                              .max_addresses = 100000};
}

mt_err mt_limits_init(mt_limits *l, const mt_limits_config *cfg, mt_random random) {
    l->cfg = *cfg;
    mt_list_init(&l->recent);
    return mt_map_init(&l->by_addr, random);
}

static void drop(mt_limits *l, entry *e) {
    mt_map_remove(&l->by_addr, &e->node);
    mt_list_remove(&e->recent);
    mt_free(e);
}

void mt_limits_deinit(mt_limits *l) {
    MT_LIST_FOREACH_SAFE(it, &l->recent)
    drop(l, MT_CONTAINER(it, entry, recent));
    mt_map_deinit(&l->by_addr);
}

static bool exempt(const mt_limits *l, const mt_addr *a) {
    return l->cfg.off || (!l->cfg.loopback_too && mt_addr_is_loopback(a));
}

/* A connection costs more than a request, a handshake of TLS by far. */
static uint32_t opened_min(const mt_limits *l) {
    return OPENED_PER_REQUEST * l->cfg.requests_min;
}

static entry *find(mt_limits *l, const mt_addr *a) {
    uint8_t key[8];
    size_t len = mt_addr_limit_key(a, key);
    mt_map_node *n = mt_map_get(&l->by_addr, mt_slice_n(key, len));
    return n != NULL ? MT_CONTAINER(n, entry, node) : NULL;
}

/* Frees addresses that have nothing open and whose buckets are full again; where the table is full, also younger ones.
 */
static void sweep(mt_limits *l, int64_t now_ms) {
    int left = SWEEP;
    bool full = l->by_addr.count >= l->cfg.max_addresses;
    MT_LIST_FOREACH_SAFE(it, &l->recent) {
        entry *e = MT_CONTAINER(it, entry, recent);
        if (left-- == 0 || (!full && now_ms - e->used_ms < MINUTE_MS))
            return;
        if (e->conns == 0 && e->users == 0 && e->idle == 0) {
            drop(l, e);
            continue;
        }
        /* Held by something: to the end, lest it hide those behind it. */
        mt_list_remove(it);
        mt_list_append(&l->recent, it);
    }
}

static entry *create(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    sweep(l, now_ms);
    if (l->by_addr.count >= l->cfg.max_addresses)
        return NULL;
    entry *e = mt_calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    size_t len = mt_addr_limit_key(a, e->key);
    if (mt_map_put(&l->by_addr, mt_slice_n(e->key, len), &e->node) != MT_OK) {
        mt_free(e);
        return NULL;
    }
    mt_list_init(&e->recent);
    e->opened = (bucket){(int64_t)opened_min(l) * MINUTE_MS, now_ms};
    e->logins = (bucket){(int64_t)l->cfg.logins_min * MINUTE_MS, now_ms};
    e->requests = (bucket){(int64_t)l->cfg.requests_min * MINUTE_MS, now_ms};
    e->reports = (bucket){(int64_t)l->cfg.reports_min * MINUTE_MS, now_ms};
    e->sip_stream = e->sip_datagram = (bucket){(int64_t)l->cfg.sip_min * MINUTE_MS, now_ms};
    return e;
}

static entry *use(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    entry *e = find(l, a);
    if (e == NULL)
        e = create(l, a, now_ms);
    if (e == NULL)
        return NULL;
    e->used_ms = now_ms;
    mt_list_remove(&e->recent);
    mt_list_append(&l->recent, &e->recent);
    return e;
}

/* 0: taken; else the seconds until one is there. */
static uint32_t take(bucket *b, uint32_t rate_min, int64_t now_ms) {
    int64_t full = (int64_t)rate_min * MINUTE_MS;
    int64_t passed = now_ms - b->at_ms;
    b->at_ms = now_ms;
    if (passed >= MINUTE_MS)
        b->level = full;
    else if (passed > 0)
        b->level += passed * rate_min;
    if (b->level > full)
        b->level = full;
    if (b->level >= MINUTE_MS) {
        b->level -= MINUTE_MS;
        return 0;
    }
    if (rate_min == 0)
        return 60;
    int64_t wait_ms = (MINUTE_MS - b->level + rate_min - 1) / rate_min;
    return (uint32_t)((wait_ms + 999) / 1000);
}

bool mt_limits_conn_open(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    if (exempt(l, a))
        return true;
    entry *e = use(l, a, now_ms);
    if (e == NULL || e->conns >= l->cfg.conns || take(&e->opened, opened_min(l), now_ms) > 0)
        return false;
    e->conns++;
    return true;
}

void mt_limits_conn_closed(mt_limits *l, const mt_addr *a) {
    entry *e = exempt(l, a) ? NULL : find(l, a);
    if (e != NULL && e->conns > 0)
        e->conns--;
}

uint32_t mt_limits_request(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    if (exempt(l, a))
        return 0;
    entry *e = use(l, a, now_ms);
    return e == NULL ? 1 : take(&e->requests, l->cfg.requests_min, now_ms);
}

uint32_t mt_limits_sip(mt_limits *l, const mt_addr *a, bool datagram, int64_t now_ms) {
    if (exempt(l, a))
        return 0;
    entry *e = use(l, a, now_ms);
    return e == NULL ? 1 : take(datagram ? &e->sip_datagram : &e->sip_stream, l->cfg.sip_min, now_ms);
}

uint32_t mt_limits_login(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    if (exempt(l, a))
        return 0;
    entry *e = use(l, a, now_ms);
    if (e == NULL)
        return 1;
    bool crowded = e->idle >= l->cfg.idle_logins || e->users >= l->cfg.users;
    return crowded ? IDLE_RETRY_S : take(&e->logins, l->cfg.logins_min, now_ms);
}

uint32_t mt_limits_report(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    if (exempt(l, a))
        return 0;
    entry *e = use(l, a, now_ms);
    return e == NULL ? 1 : take(&e->reports, l->cfg.reports_min, now_ms);
}

bool mt_limits_counts(const mt_limits *l, const mt_addr *a) {
    return !exempt(l, a);
}

void mt_limits_user_add(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    entry *e = exempt(l, a) ? NULL : use(l, a, now_ms);
    if (e != NULL)
        e->users++;
}

void mt_limits_user_sub(mt_limits *l, const mt_addr *a) {
    entry *e = exempt(l, a) ? NULL : find(l, a);
    if (e != NULL && e->users > 0)
        e->users--;
}

void mt_limits_idle_add(mt_limits *l, const mt_addr *a, int64_t now_ms) {
    entry *e = exempt(l, a) ? NULL : use(l, a, now_ms);
    if (e != NULL)
        e->idle++;
}

void mt_limits_idle_sub(mt_limits *l, const mt_addr *a) {
    entry *e = exempt(l, a) ? NULL : find(l, a);
    if (e != NULL && e->idle > 0)
        e->idle--;
}
