/* Who the process is and what it may: user, capabilities, core dumps. Linux. One thread: the raw system calls below
 * change the calling thread alone. */
#ifndef MT_SERVER_PRIVILEGES_H
#define MT_SERVER_PRIVILEGES_H

#include <stdbool.h>

#include "base/err.h"

/* Empties the bounding set, so that no program started later has a capability to gain. Without CAP_SETPCAP nothing is
 * done and MT_OK: such a process has nothing to lose. MT_ESYS: errno. */
mt_err mt_privileges_bound(void) MT_MUST_CHECK;
/* Becomes that user, with his groups. As root, or if that is the user already. MT_ENOENT: no such user. MT_EDENIED: not
 * root. MT_ESYS: errno. */
mt_err mt_privileges_become(const char *user) MT_MUST_CHECK;
/* Gives up all capabilities. MT_ESYS: errno. */
mt_err mt_privileges_drop(void) MT_MUST_CHECK;
/* No program started later gains privileges by set-user-id or file capabilities. MT_ESYS: errno. */
mt_err mt_privileges_none_new(void) MT_MUST_CHECK;
/* Memory, which holds secrets, goes neither into a core file nor to another process of the same user. MT_ESYS: errno.
 */
mt_err mt_privileges_no_dump(void) MT_MUST_CHECK;

#endif
