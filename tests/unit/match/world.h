/* A matchmaker on virtual time whose reports are written down as one line of text. */
#ifndef MT_TESTS_UNIT_MATCH_WORLD_H
#define MT_TESTS_UNIT_MATCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "match/check.h"
#include "match/match.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL_LINKS (MT_LINK_GCM | MT_LINK_CBC | MT_LINK_RTP)

typedef struct id {
    uint8_t b[MT_PAIR_ID_BYTES];
} id;

typedef struct world {
    mt_match *m;
    mt_match_config cfg;
    int64_t now_ms;
    uint64_t seed;
    char log[2048];
    size_t log_len;
    bool quiet; /* write nothing down */
} world;

void world_init(world *w); /* default configuration */
void world_init_with(world *w, const mt_match_config *cfg);
void world_deinit(world *w);

mt_user *add(world *w, const char *name);
mt_user *add_phone(world *w, const char *name);
/* By mt_match_turn with GCM: the pair, or NULL when he waits. */
mt_pair *turn(world *w, mt_user *u);
void ready(world *w, mt_user *u);                             /* by mt_match_ready with GCM */
mt_pair *draw(world *w, mt_user *u);                          /* by mt_match_draw: NULL when nobody is there */
mt_pair *pair_up(world *w, mt_user *caller, mt_user *callee); /* draws them; nobody else may wait */
void talk(world *w, mt_user *caller, mt_user *callee);        /* the same, and hang up: last partners */
id id_of(const mt_pair *p);
void run(world *w, int64_t len_ms); /* lets time pass, ticking whenever it is wanted */

/* Compares and clears what was reported, and checks the invariants. Forms: "a 0>1", "drawn a>b", "ready a>b",
 * "ended a>b hangup", "superseded a", joined by "; ". */
void expect(world *w, const char *events);
void forget(world *w);
void check(world *w);

#define STATUS(u, status) assert_int_equal(mt_user_status(u), status)

#endif
