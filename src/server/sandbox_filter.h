/* The system calls of a serving myturnd, as a seccomp filter. What is on no list answers ENOSYS, so that the C library
 * takes the older way it has; what only an intruder would call ends the process. Linux, x86-64 and arm64. */
#ifndef MT_SERVER_SANDBOX_FILTER_H
#define MT_SERVER_SANDBOX_FILTER_H

#include <stdbool.h>

#include "base/err.h"

/* What a configuration needs beyond serving on the sockets that are open. */
typedef struct mt_sandbox_needs {
    bool write_files;  /* write, rename and delete files: the files of Asterisk */
    bool connect;      /* new IPv4 and IPv6 connections: the manager interface of Asterisk */
    bool run_programs; /* start programs, which inherit the filter and may write and use local sockets: asterisk -rx */
} mt_sandbox_needs;

/* Whether this build can be filtered at all: not with sanitizers, whose runtime calls what it likes. */
bool mt_sandbox_filter_possible(void);
/* All calls but io_uring_setup, which is as if the kernel had none, for all threads, for ever; may be followed by the
 * filter below. Errors as there. */
mt_err mt_sandbox_filter_no_io_uring(void) MT_MUST_CHECK;
/* For all threads, for ever. MT_ESYS: the kernel or libseccomp refuses (errno). MT_ENOMEM. */
mt_err mt_sandbox_filter_load(const mt_sandbox_needs *needs) MT_MUST_CHECK;

#endif
