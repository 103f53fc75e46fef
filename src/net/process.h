/* A short-lived program and what it prints, for what has no other interface. On the loop's thread. */
#ifndef MT_NET_PROCESS_H
#define MT_NET_PROCESS_H

#include "net/net.h"

#define MT_PROCESS_OUTPUT_MAX 65536

typedef struct mt_process mt_process;

/* It ended, or was killed at its time limit. ok: exit status 0. output: of standard output, cut at
 * MT_PROCESS_OUTPUT_MAX. p is gone when this returns. */
typedef void mt_process_done(void *ctx, bool ok, mt_slice output);

/* Runs argv[0], looked for in PATH, without a shell and with no input. MT_ESYS: it cannot be started, and done is not
 * called. MT_ENOMEM. */
mt_err mt_process_run(mt_net *n, char *const argv[], uint32_t limit_ms, mt_process_done *done, void *ctx,
                      mt_process **out) MT_MUST_CHECK;
/* Kills it; done is not called. NULL is harmless. Before mt_net_destroy. */
void mt_process_drop(mt_process *p);

#endif
