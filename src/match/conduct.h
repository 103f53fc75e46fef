/* Reports of how people behave, and who is suspended for it. A machine without I/O, clock or threads.
 *
 * Reports are counted for the login that they are about and for the address it came from, each by distinct reporters
 * within a window of time: neither one person's anger nor a single machine's many logins suspend anybody. Addresses are
 * kept as hashes only, under a random key that is changed each day and forgotten a day later; counting an address
 * begins anew with the key, while a suspension lasts. */
#ifndef MT_MATCH_CONDUCT_H
#define MT_MATCH_CONDUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"
#include "base/slice.h"

typedef struct mt_conduct_config {
    uint32_t threshold;         /* 3 reporters suspend a login; 0: none are suspended */
    uint32_t address_threshold; /* 6 reporters suspend an address; 0: none are suspended */
    uint32_t window_s;          /* 86400: reports count so long; at most a day */
    uint32_t suspend_s;         /* 3600; at most a day */
    uint32_t max_subjects;      /* 100000 logins and addresses remembered; the one quiet longest makes room */
} mt_conduct_config;
void mt_conduct_config_default(mt_conduct_config *cfg);

#define MT_CONDUCT_THRESHOLD_MAX 100

typedef struct mt_conduct mt_conduct;

/* Somebody, without telling who. */
typedef struct mt_conduct_mark {
    uint64_t login;   /* never given twice */
    uint64_t address; /* hash under the key of today */
    uint64_t before;  /* and under that of the day before */
    bool by_address;  /* false: the address does not count */
} mt_conduct_mark;

/* MT_ENOMEM. */
mt_err mt_conduct_create(const mt_conduct_config *cfg, mt_random random, mt_conduct **out) MT_MUST_CHECK;
void mt_conduct_destroy(mt_conduct *c);                                 /* NULL is allowed */
void mt_conduct_configure(mt_conduct *c, const mt_conduct_config *cfg); /* for what comes */

/* address: the bytes by which it is counted; empty: it is not. */
mt_conduct_mark mt_conduct_mark_of(mt_conduct *c, uint64_t login, mt_slice address, int64_t now_ms);

/* What a report has led to; a time of 0: nothing new. */
typedef struct mt_conduct_verdict {
    int64_t login_until_ms, address_until_ms; /* suspended by this report, until then */
} mt_conduct_verdict;

/* Counts a report. Once for each reporter: one whose login or address has been counted already changes nothing.
 * MT_ENOMEM: it was not counted, or for one of the two only. *out is set in any case. */
mt_err mt_conduct_report(mt_conduct *c, const mt_conduct_mark *about, const mt_conduct_mark *by, int64_t now_ms,
                         mt_conduct_verdict *out) MT_MUST_CHECK;

/* Until when somebody with this login and address is suspended; 0: he is not. */
int64_t mt_conduct_until_ms(mt_conduct *c, uint64_t login, mt_slice address, int64_t now_ms);
/* The login is gone. */
void mt_conduct_forget(mt_conduct *c, uint64_t login);
size_t mt_conduct_count(const mt_conduct *c); /* subjects remembered */

int64_t mt_conduct_next_ms(const mt_conduct *c); /* MT_NEVER: nothing to wait for */
void mt_conduct_tick(mt_conduct *c, int64_t now_ms);

#endif
