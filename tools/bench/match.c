/* The matchmaker alone: N users waiting, and a draw at a time: two of them leave their pair and draw again, so that the
 * number waiting stays what it is. Prints the CPU time of one draw for each N. One operation: two leave, two come, one
 * draw that makes a pair, and its end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match/match.h"

static int64_t cpu_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what) {
    (void)fprintf(stderr, "bench-match: %s\n", what);
    exit(1);
}

/* Everybody waits by the specification's way (ready, not drawing), so that N really wait. */
static mt_match *crowd(size_t waiting, mt_user **users) {
    mt_match_config cfg;
    mt_match *m;
    mt_match_config_default(&cfg);
    cfg.max_users = waiting + 2;
    cfg.ready_lapse_ms = cfg.poll_fresh_ms = 3600000;
    if (mt_match_create(&cfg, mt_random_kernel(), NULL, NULL, &m) != MT_OK)
        die("no matchmaker");
    for (size_t i = 0; i < waiting + 2; i++) {
        char name[24];
        int n = snprintf(name, sizeof name, "u%zu", i);
        mt_slice key = mt_slice_n(name, (size_t)n);
        if (mt_match_add(m, key, key, false, 0, &users[i]) != MT_OK ||
            mt_match_ready(m, users[i], MT_LINK_GCM, 0) != MT_OK)
            die("no user");
    }
    return m;
}

static int64_t draw_ns(mt_match *m, mt_user *first, uint64_t draws) {
    static uint64_t done; /* time never goes back */
    mt_user *u = first;
    int64_t start = cpu_ns();
    for (uint64_t i = 0; i < draws; i++) {
        mt_pair *pair;
        int64_t now_ms = (int64_t)(done++ / 1000);
        if (mt_match_draw(m, u, now_ms, &pair) != MT_OK)
            die("nobody was drawn");
        mt_user *partner = mt_user_partner(u);
        if (mt_match_end(m, mt_pair_id(pair), MT_END_HANGUP, now_ms) != MT_OK ||
            mt_match_ready(m, u, MT_LINK_GCM, now_ms) != MT_OK ||
            mt_match_ready(m, partner, MT_LINK_GCM, now_ms) != MT_OK)
            die("a pair did not end");
        u = partner;
    }
    return cpu_ns() - start;
}

int main(int argc, char **argv) {
    size_t waiting = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    uint64_t draws = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    mt_user **users = calloc(waiting + 2, sizeof(mt_user *));
    if (users == NULL || waiting < 4)
        die("too few users, or no memory");
    mt_match *m = crowd(waiting, users);
    char line[64];
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        (void)printf("{\"ops\":%" PRIu64 ",\"failed\":0,\"cpu_ns\":%" PRId64 ",\"wall_ns\":0}\n", draws,
                     draw_ns(m, users[0], draws));
        (void)fflush(stdout);
    }
    mt_match_destroy(m);
    free(users);
    return 0;
}
