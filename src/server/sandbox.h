/* What myturnd gives up once it serves, so that a stranger who takes it over through a bug gains as little as may be:
 * privileges (privileges.h), core dumps, and all system calls but those it needs (sandbox_filter.h). For the whole
 * process and everything it starts; there is no way back. One thread. */
#ifndef MT_SERVER_SANDBOX_H
#define MT_SERVER_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"
#include "server/sandbox_filter.h"

typedef enum mt_sandbox_mode {
    MT_SANDBOX_TRY,     /* what cannot be had is logged */
    MT_SANDBOX_REQUIRE, /* all of it or nothing */
    MT_SANDBOX_OFF,     /* only the user is changed */
} mt_sandbox_mode;

typedef struct mt_sandbox_config {
    mt_sandbox_mode mode;
    const char *user; /* to become; NULL: stays who it is */
    mt_sandbox_needs needs;
} mt_sandbox_config;

/* try, require, off. MT_EBAD: another word. */
mt_err mt_sandbox_mode_parse(const char *s, mt_sandbox_mode *out) MT_MUST_CHECK;

/* To be called first of all, before the loop or a library opens anything: nothing gets an io_uring, through which files
 * and sockets are opened past every filter. */
void mt_sandbox_prepare(mt_sandbox_mode mode);
/* When ports are open and files are read. Afterwards files open for reading only, and nothing is started, unless
 * needed. MT_EDENIED: the user cannot be changed, or a part is required and cannot be had; the reason was logged, and
 * the process is to end. */
mt_err mt_sandbox_enter(const mt_sandbox_config *cfg) MT_MUST_CHECK;

#endif
