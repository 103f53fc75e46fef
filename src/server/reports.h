/* Reports on disk, where the operator wants them: a file each, deleted when it is old.
 *
 * They are written by a process of its own, started before the ports are open. So a slow disk never holds up the
 * server, and the server itself can go on without the right to write anything. It ends when the server does. */
#ifndef MT_SERVER_REPORTS_H
#define MT_SERVER_REPORTS_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "server/sandbox.h"

#define MT_REPORTS_BYTES_MAX 8192
#define MT_REPORTS_FILES_MAX 10000 /* when there are so many, further ones are not written */

typedef struct mt_reports mt_reports;

typedef struct mt_reports_config {
    const char *dir;
    uint32_t keep_days;
    mt_sandbox_mode sandbox;
    const char *user; /* to become; NULL: stays who it is */
} mt_reports_config;

/* Starts the process and waits until it has found that it can write there. Forks, so while there is one thread; the
 * child keeps no descriptor but its own and standard error. MT_ESYS, MT_EDENIED: it cannot, which is logged. MT_ENOMEM.
 */
mt_err mt_reports_start(const mt_reports_config *cfg, mt_reports **out) MT_MUST_CHECK;
/* Hands a report over, under the time wall_s and an id of 8 hexadecimal digits; never waits. MT_ELIMIT: it is too long,
 * or too many are on their way. MT_ECLOSED: the process is gone. */
mt_err mt_reports_write(mt_reports *r, int64_t wall_s, const char *id, mt_slice json) MT_MUST_CHECK;
/* How many the process could not write: a full disk, or MT_REPORTS_FILES_MAX are there. NULL: 0. */
uint64_t mt_reports_lost(const mt_reports *r);
/* What is on its way is written, if it takes no longer than two seconds. NULL is allowed. */
void mt_reports_stop(mt_reports *r);

/* "2026-11-29T05:30:12Z" */
#define MT_REPORTS_TIME 21
void mt_reports_time(int64_t wall_s, char out[MT_REPORTS_TIME]);

#endif
