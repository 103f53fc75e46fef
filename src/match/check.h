/* The invariants of the matchmaker, for tests and fuzzing. */
#ifndef MT_MATCH_CHECK_H
#define MT_MATCH_CHECK_H

#include "match/match.h"

/* Looks at everything, O(users + pairs), and the waiting ones two by two. Call it after mt_match_tick at now_ms.
 * NULL: all is well; else what is not, a static text. */
const char *mt_match_check(const mt_match *m, int64_t now_ms);

#endif
