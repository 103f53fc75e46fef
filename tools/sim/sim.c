/* A crowd on virtual time around the real matchmaker.
 *
 * So many users are online all the time. Each in turn: is ready and waits, is drawn, talks until one of the two has had
 * enough, takes a breath, is ready again; now and then one logs out and a stranger takes his place. How long one wants
 * to talk is drawn from a mixture of two log-normal distributions: most talks are passed over within seconds, some
 * become a conversation with a long tail.
 *
 * simulate [--users N] [--seconds S] [--window MS] [--repeat MS] [--seed X]   one run, one line of JSON
 * simulate --check                                                          short runs with the invariants looked at */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/timerq.h"
#include "events.h"
#include "match/check.h"
#include "match/match.h"

#define REMEMBERED 5       /* the partners of whom one is met again */
#define WAIT_BUCKETS 20000 /* of 10 ms */
#define BUCKET_MS 10

typedef struct settings {
    uint32_t users, seconds, window_ms, repeat_ms;
    uint64_t seed;
    bool check;
    /* The crowd's manners. */
    double pass_share, pass_median_s, pass_sigma; /* those who pass on */
    double stay_median_s, stay_sigma;             /* those who stay */
    double breath_median_s, breath_sigma, leave_share;
    uint32_t setup_ms; /* from the draw to the first word */
} settings;

typedef struct person {
    mt_user *user;
    uint32_t round; /* rises with each change of state: events of old rounds mean nothing */
    uint32_t last[REMEMBERED];
    uint8_t met;
    bool talking;
} person;

typedef struct sim {
    settings set;
    mt_match *m;
    uint64_t random;
    int64_t now_ms;
    sim_events events;
    person *people;
    uint32_t born;
    mt_pair **drawn; /* reported and not yet acted upon */
    size_t drawn_len, drawn_cap;
    uint64_t waits[WAIT_BUCKETS];
    uint64_t drawn_users, again_last, again_recent, draws;
    double wait_sum_ms;
    int64_t count_from_ms; /* what came before is the crowd's finding its pace */
} sim;

/* Randomness of the crowd; the matchmaker has its own. */

static double uniform(sim *s) {
    uint64_t v;
    mt_random_bytes(mt_random_seeded(&s->random), &v, sizeof v);
    return ((double)(v >> 11) + 0.5) / 9007199254740992.0;
}

static int64_t log_normal_ms(sim *s, double median_s, double sigma) {
    double normal = sqrt(-2 * log(uniform(s))) * cos(6.283185307179586 * uniform(s));
    double ms = 1000 * median_s * exp(sigma * normal);
    return ms < 3.6e6 ? (int64_t)ms + 1 : 3600000;
}

static int64_t patience_ms(sim *s) {
    bool pass = uniform(s) < s->set.pass_share;
    return pass ? log_normal_ms(s, s->set.pass_median_s, s->set.pass_sigma)
                : log_normal_ms(s, s->set.stay_median_s, s->set.stay_sigma);
}

static void after(sim *s, uint32_t who, int64_t len_ms) {
    sim_events_add(&s->events, (sim_event){s->now_ms + len_ms, who, s->people[who].round});
}

static uint32_t place_of(mt_user *u) {
    return (uint32_t)((uintptr_t)mt_user_ctx(u) - 1);
}

/* The matchmaker's report; it must not be called back, so this only notes. */
static void on_drawn(void *ctx, mt_pair *pair) {
    sim *s = ctx;
    if (s->drawn_len == s->drawn_cap) {
        s->drawn_cap = s->drawn_cap == 0 ? 64 : s->drawn_cap * 2;
        s->drawn = mt_realloc(s->drawn, s->drawn_cap * sizeof(mt_pair *));
        if (s->drawn == NULL)
            abort();
    }
    s->drawn[s->drawn_len++] = pair;
}

static void must(mt_err err, const char *what) {
    if (err == MT_OK)
        return;
    (void)fprintf(stderr, "simulate: %s: %s\n", what, mt_err_str(err));
    exit(1);
}

static void be_born(sim *s, uint32_t who) {
    person *p = &s->people[who];
    char name[24];
    int len = snprintf(name, sizeof name, "u%" PRIu32, s->born++);
    mt_slice key = mt_slice_n(name, (size_t)len);
    must(mt_match_add(s->m, key, key, false, s->now_ms, &p->user), "login");
    mt_user_set_ctx(p->user, (void *)(uintptr_t)(who + 1));
    p->met = 0;
    p->talking = false;
}

static void count_partner(sim *s, person *p, uint32_t partner, bool counts) {
    bool recent = false;
    for (unsigned i = 0; i < p->met; i++)
        recent |= p->last[i] == partner;
    if (counts) {
        s->again_last += p->met > 0 && p->last[0] == partner;
        s->again_recent += recent;
    }
    memmove(p->last + 1, p->last, sizeof p->last - sizeof p->last[0]);
    p->last[0] = partner;
    if (p->met < REMEMBERED)
        p->met++;
}

static void count_wait(sim *s, const mt_user *u) {
    int64_t wait_ms = s->now_ms - mt_user_wait_since_ms(u);
    size_t bucket = (size_t)(wait_ms / BUCKET_MS);
    s->waits[bucket < WAIT_BUCKETS ? bucket : WAIT_BUCKETS - 1]++;
    s->wait_sum_ms += (double)wait_ms;
    s->drawn_users++;
}

/* Both dial, answer and talk until the less patient one has had enough. */
static void begin_talk(sim *s, mt_pair *pair) {
    mt_user *both[] = {mt_pair_caller(pair), mt_pair_callee(pair)};
    bool counts = s->now_ms >= s->count_from_ms;
    must(mt_match_ready_to_talk(s->m, both[1], s->now_ms), "ready to talk");
    must(mt_match_up(s->m, mt_pair_id(pair), s->now_ms), "up");
    s->draws += counts;
    int64_t a_ms = patience_ms(s), b_ms = patience_ms(s);
    for (int i = 0; i < 2; i++) {
        person *p = &s->people[place_of(both[i])];
        p->round++;
        p->talking = true;
        if (counts)
            count_wait(s, both[i]);
        count_partner(s, p, mt_user_exten(both[1 - i]), counts);
    }
    after(s, place_of(both[0]), s->set.setup_ms + (a_ms < b_ms ? a_ms : b_ms));
}

static void act_on_draws(sim *s) {
    for (size_t i = 0; i < s->drawn_len; i++)
        begin_talk(s, s->drawn[i]);
    s->drawn_len = 0;
}

static void breathe(sim *s, uint32_t who) {
    person *p = &s->people[who];
    p->round++;
    p->talking = false;
    if (uniform(s) < s->set.leave_share) {
        mt_match_remove(s->m, p->user, MT_END_LOGOUT, s->now_ms);
        be_born(s, who);
    }
    after(s, who, log_normal_ms(s, s->set.breath_median_s, s->set.breath_sigma));
}

static void end_talk(sim *s, person *p) {
    mt_pair *pair = mt_user_pair(p->user);
    uint32_t both[] = {place_of(mt_pair_caller(pair)), place_of(mt_pair_callee(pair))};
    uint8_t id[MT_PAIR_ID_BYTES];
    memcpy(id, mt_pair_id(pair), sizeof id);
    must(mt_match_end(s->m, id, MT_END_HANGUP, s->now_ms), "hang up");
    breathe(s, both[0]);
    breathe(s, both[1]);
}

static void happen(sim *s, sim_event e) {
    person *p = &s->people[e.who];
    if (e.round != p->round)
        return;
    if (p->talking) {
        end_talk(s, p);
        return;
    }
    mt_pair *pair;
    p->round++;
    mt_err err = mt_match_turn(s->m, p->user, MT_LINK_GCM, s->now_ms, &pair);
    must(err == MT_EMORE ? MT_OK : err, "turn");
}

static void look(sim *s, int64_t *due_ms) {
    if (!s->set.check || s->now_ms < *due_ms)
        return;
    const char *bad = mt_match_check(s->m, s->now_ms);
    if (bad != NULL) {
        (void)fprintf(stderr, "simulate: %" PRId64 " ms: %s\n", s->now_ms, bad);
        exit(1);
    }
    *due_ms = s->now_ms + 1000;
}

static void run(sim *s) {
    int64_t end_ms = s->now_ms + (int64_t)s->set.seconds * 1000, look_ms = 0;
    s->count_from_ms = s->now_ms + (int64_t)s->set.seconds * 250; /* the first quarter */
    for (;;) {
        int64_t wake_ms = mt_match_next_ms(s->m), next_ms = sim_events_next_ms(&s->events);
        int64_t at_ms = wake_ms < next_ms ? wake_ms : next_ms;
        if (at_ms > end_ms)
            return;
        s->now_ms = at_ms > s->now_ms ? at_ms : s->now_ms;
        mt_match_tick(s->m, s->now_ms);
        act_on_draws(s);
        while (sim_events_next_ms(&s->events) <= s->now_ms) {
            happen(s, sim_events_take(&s->events));
            act_on_draws(s);
        }
        look(s, &look_ms);
    }
}

/* Results */

static double percentile_s(const sim *s, double share) {
    uint64_t want = (uint64_t)(share * (double)s->drawn_users), seen = 0;
    for (size_t i = 0; i < WAIT_BUCKETS; i++) {
        seen += s->waits[i];
        if (seen > want)
            return (double)(i * BUCKET_MS) / 1000;
    }
    return 0;
}

static double share(uint64_t part, uint64_t whole) {
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void print(const sim *s) {
    (void)printf("{\"users\":%" PRIu32 ",\"seconds\":%" PRIu32 ",\"window_ms\":%" PRIu32 ",\"repeat_ms\":%" PRIu32
                 ",\"draws\":%" PRIu64
                 ",\"wait_mean_s\":%.3f,\"wait_p50_s\":%.2f,\"wait_p90_s\":%.2f,\"wait_p99_s\":%.2f,\"again_last\":%.5f"
                 ",\"again_recent\":%.5f}\n",
                 s->set.users, s->set.seconds, s->set.window_ms, s->set.repeat_ms, s->draws,
                 s->drawn_users > 0 ? s->wait_sum_ms / (double)s->drawn_users / 1000 : 0, percentile_s(s, 0.5),
                 percentile_s(s, 0.9), percentile_s(s, 0.99), share(s->again_last, s->drawn_users),
                 share(s->again_recent, s->drawn_users));
}

static sim *simulate(const settings *set, uint64_t *match_seed) {
    static const mt_match_events events = {.drawn = on_drawn};
    sim *s = mt_calloc(1, sizeof *s);
    mt_match_config cfg;
    mt_match_config_default(&cfg);
    cfg.draw_window_ms = set->window_ms;
    cfg.repeat_after_ms = set->repeat_ms;
    cfg.max_users = (size_t)set->users + 1;
    person *people = mt_calloc(set->users, sizeof *people);
    if (s == NULL || people == NULL)
        abort();
    *s = (sim){.set = *set, .random = set->seed, .people = people, .now_ms = 1000000};
    *match_seed = set->seed + 1;
    must(mt_match_create(&cfg, mt_random_seeded(match_seed), &events, s, &s->m), "create");
    for (uint32_t i = 0; i < set->users; i++) {
        be_born(s, i);
        after(s, i, 1 + (int64_t)(uniform(s) * 10000));
    }
    run(s);
    return s;
}

static void destroy(sim *s) {
    mt_match_destroy(s->m);
    mt_free(s->events.heap);
    mt_free(s->drawn);
    mt_free(s->people);
    mt_free(s);
}

/* What must hold whatever the numbers are. */
static int check(settings set) {
    static const struct {
        uint32_t users, seconds, window_ms;
    } runs[] = {{2, 3600, 0}, {7, 1800, 0}, {7, 1800, 500}, {60, 300, 200}, {300, 60, 0}};
    set.check = true;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        uint64_t match_seed;
        set.users = runs[i].users;
        set.seconds = runs[i].seconds;
        set.window_ms = runs[i].window_ms;
        sim *s = simulate(&set, &match_seed);
        print(s);
        bool lonely = set.users < 3;
        bool good = s->draws > 50 && (lonely || share(s->again_last, s->drawn_users) < 0.2) &&
                    (set.users < 60 || (s->again_last == 0 && percentile_s(s, 0.99) < 30));
        destroy(s);
        if (!good) {
            (void)fprintf(stderr, "simulate: these figures cannot be\n");
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    static const struct option table[] = {{"users", 1, NULL, 'u'},  {"seconds", 1, NULL, 's'}, {"window", 1, NULL, 'w'},
                                          {"repeat", 1, NULL, 'r'}, {"seed", 1, NULL, 'x'},    {"check", 0, NULL, 'c'},
                                          {NULL, 0, NULL, 0}};
    settings set = {.users = 1000,
                    .seconds = 600,
                    .repeat_ms = 3000,
                    .seed = 1,
                    .setup_ms = 300,
                    .pass_share = 0.7,
                    .pass_median_s = 6,
                    .pass_sigma = 0.8,
                    .stay_median_s = 120,
                    .stay_sigma = 1.2,
                    .breath_median_s = 1,
                    .breath_sigma = 1,
                    .leave_share = 0.05};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        uint32_t number = optarg != NULL ? (uint32_t)strtoul(optarg, NULL, 10) : 0;
        if (c == 'u')
            set.users = number;
        else if (c == 's')
            set.seconds = number;
        else if (c == 'w')
            set.window_ms = number;
        else if (c == 'r')
            set.repeat_ms = number;
        else if (c == 'x')
            set.seed = number;
        else if (c == 'c')
            set.check = true;
        else
            return 2;
    }
    if (set.users < 2)
        return 2;
    if (set.check)
        return check(set);
    uint64_t match_seed;
    sim *s = simulate(&set, &match_seed);
    print(s);
    destroy(s);
    return 0;
}
