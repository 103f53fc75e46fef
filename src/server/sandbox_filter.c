#include "server/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define LOW_32 0xffffffffU /* the kernel looks at no more of an int */

typedef const char *const names[];

/* Names that this libseccomp does not know, or this machine does not have, are passed over. */
static names serving = {
    /* sockets that are open, and those accepted */
    "accept", "accept4", "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg",
    "sendmsg", "sendto", "setsockopt", "shutdown",
    /* the loop */
    "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "poll", "ppoll",
    /* descriptors */
    "close", "fcntl", "fstat", "lseek", "pread64", "read", "readv", "write", "writev",
    /* files by name: open itself is below */
    "access", "faccessat", "faccessat2", "getcwd", "getdents64", "lstat", "newfstatat", "readlink", "readlinkat",
    "stat", "statx",
    /* memory: what makes it executable is below */
    "brk", "madvise", "mremap", "munmap",
    /* time and chance */
    "clock_getres", "clock_gettime", "clock_nanosleep", "getrandom", "gettimeofday", "nanosleep", "time",
    /* the C library's locks and signals */
    "futex", "get_robust_list", "membarrier", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_yield",
    "set_robust_list", "sigaltstack",
    /* who and where */
    "capget", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getrusage", "gettid", "getuid",
    "sysinfo", "times", "uname",
    /* the end */
    "exit", "exit_group", NULL};

static names writing = {"fchmod", "fchmodat", "fchown",    "fdatasync", "flock",    "fsync", "ftruncate", "pwrite64",
                        "rename", "renameat", "renameat2", "unlink",    "unlinkat", "umask", NULL};

static names connecting = {"bind", "connect", NULL};

/* For uv_spawn, the dynamic linker and a program that talks to its server over a local socket. */
static names running = {"arch_prctl",
                        "chdir",
                        "clone",
                        "connect",
                        "dup",
                        "dup2",
                        "dup3",
                        "eventfd2",
                        "execve",
                        "execveat",
                        "fork",
                        "getgroups",
                        "getpgid",
                        "getpriority",
                        "getresgid",
                        "getresuid",
                        "getsid",
                        "kill",
                        "mmap",
                        "mprotect",
                        "pipe",
                        "pipe2",
                        "prctl",
                        "prlimit64",
                        "pselect6",
                        "sched_getparam",
                        "sched_getscheduler",
                        "select",
                        "set_tid_address",
                        "setpgid",
                        "setsid",
                        "socketpair",
                        "tgkill",
                        "umask",
                        "vfork",
                        "wait4",
                        "waitid",
                        NULL};

/* No way of serving leads here, so there is nothing to be gained by going on. */
static names alarming = {"add_key",
                         "bpf",
                         "chroot",
                         "delete_module",
                         "finit_module",
                         "fsopen",
                         "init_module",
                         "iopl",
                         "ioperm",
                         "kexec_file_load",
                         "kexec_load",
                         "keyctl",
                         "mount",
                         "move_mount",
                         "open_by_handle_at",
                         "perf_event_open",
                         "pivot_root",
                         "process_vm_readv",
                         "process_vm_writev",
                         "ptrace",
                         "reboot",
                         "request_key",
                         "setns",
                         "swapon",
                         "umount2",
                         "unshare",
                         "userfaultfd",
                         NULL};

static names starting = {"execve", "execveat", NULL};

/* libseccomp answers with a negative errno. */
static mt_err of(int result) {
    if (result == 0 || result == -EEXIST) /* a call may be on two lists */
        return MT_OK;
    errno = -result;
    return result == -ENOMEM ? MT_ENOMEM : MT_ESYS;
}

static mt_err add(scmp_filter_ctx f, uint32_t action, const char *name, unsigned conditions,
                  const struct scmp_arg_cmp *if_all) {
    int nr = seccomp_syscall_resolve_name(name);
    return nr == __NR_SCMP_ERROR ? MT_OK : of(seccomp_rule_add_array(f, action, nr, conditions, if_all));
}

static mt_err add_all(scmp_filter_ctx f, uint32_t action, names list) {
    mt_err err = MT_OK;
    for (size_t i = 0; err == MT_OK && list[i] != NULL; i++)
        err = add(f, action, list[i], 0, NULL);
    return err;
}

/* Allowed if these bits of one argument have that value. */
static mt_err add_if(scmp_filter_ctx f, const char *name, unsigned argument, uint64_t bits, uint64_t value) {
    struct scmp_arg_cmp one = {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits, .datum_b = value};
    return add(f, SCMP_ACT_ALLOW, name, 1, &one);
}

static mt_err refuse_if(scmp_filter_ctx f, const char *name, unsigned argument, uint64_t bits) {
    struct scmp_arg_cmp one = {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits, .datum_b = bits};
    return add(f, SCMP_ACT_ERRNO(EPERM), name, 1, &one);
}

/* Opening for reading; for writing EPERM, which tells an operator more than ENOSYS. openat2 has its flags in memory,
 * where no filter sees them: it is not there. */
static mt_err add_open(scmp_filter_ctx f, const char *name, unsigned flags_argument, bool write_too) {
    static const uint64_t writes[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    if (write_too)
        return add(f, SCMP_ACT_ALLOW, name, 0, NULL);
    uint64_t all = 0;
    mt_err err = MT_OK;
    for (size_t i = 0; err == MT_OK && i < sizeof writes / sizeof writes[0]; i++) {
        all |= writes[i];
        err = refuse_if(f, name, flags_argument, writes[i]);
    }
    return err == MT_OK ? add_if(f, name, flags_argument, all, 0) : err;
}

static mt_err add_files(scmp_filter_ctx f, bool write_too) {
    mt_err err = add_open(f, "openat", 2, write_too);
    if (err == MT_OK)
        err = add_open(f, "open", 1, write_too);
    if (err == MT_OK && write_too)
        err = add_all(f, SCMP_ACT_ALLOW, writing);
    return err;
}

/* What libuv and stdio ask of descriptors, and how much of what was sent is not acknowledged yet; among the others is
 * one that types into the operator's terminal. */
static mt_err add_ioctl(scmp_filter_ctx f) {
    static const uint64_t requests[] = {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, SIOCOUTQ, TCGETS, TIOCGWINSZ};
    mt_err err = MT_OK;
    for (size_t i = 0; err == MT_OK && i < sizeof requests / sizeof requests[0]; i++)
        err = add_if(f, "ioctl", 1, LOW_32, requests[i]);
    return err;
}

/* Itself only, for abort() and raise(). */
static mt_err add_self(scmp_filter_ctx f) {
    mt_err err = add_if(f, "tgkill", 0, LOW_32, (uint32_t)getpid());
    return err == MT_OK ? add_if(f, "prlimit64", 2, UINT64_MAX, 0) : err; /* limits may be read, not set */
}

static mt_err add_no_programs(scmp_filter_ctx f) {
    mt_err err = add_all(f, SCMP_ACT_KILL_PROCESS, starting);
    if (err == MT_OK)
        err = add_if(f, "mmap", 2, PROT_EXEC, 0);
    if (err == MT_OK)
        err = add_if(f, "mprotect", 2, PROT_EXEC, 0);
    return err == MT_OK ? add_self(f) : err;
}

static mt_err add_sockets(scmp_filter_ctx f, const mt_sandbox_needs *needs) {
    mt_err err = needs->connect ? add_all(f, SCMP_ACT_ALLOW, connecting) : MT_OK;
    if (err == MT_OK && needs->connect)
        err = add_if(f, "socket", 0, LOW_32, AF_INET);
    if (err == MT_OK && needs->connect)
        err = add_if(f, "socket", 0, LOW_32, AF_INET6);
    if (err == MT_OK && needs->run_programs)
        err = add_if(f, "socket", 0, LOW_32, AF_UNIX);
    return err;
}

static mt_err add_rules(scmp_filter_ctx f, const mt_sandbox_needs *needs) {
    mt_err err = add_all(f, SCMP_ACT_ALLOW, serving);
    if (err == MT_OK)
        err = add_ioctl(f);
    if (err == MT_OK)
        err = add_files(f, needs->write_files || needs->run_programs); /* a program's /dev/null is opened for writing */
    if (err == MT_OK)
        err = add_sockets(f, needs);
    if (err == MT_OK)
        err = needs->run_programs ? add_all(f, SCMP_ACT_ALLOW, running) : add_no_programs(f);
    return err == MT_OK ? add_all(f, SCMP_ACT_KILL_PROCESS, alarming) : err;
}

/* Older kernels and libraries lack some of these; the filter holds without them. */
static void set_attributes(scmp_filter_ctx f) {
    (void)seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS); /* the 32-bit entry */
    (void)seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    (void)seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);      /* refusals appear in the kernel's log */
    (void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree in place of a list */
    (void)seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1); /* the kernel's own errno */
}

bool mt_sandbox_filter_possible(void) {
    return SANITIZED == 0;
}

/* Loads it unless something went wrong before; released in any case. */
static mt_err load(scmp_filter_ctx f, mt_err err) {
    if (err == MT_OK)
        err = of(seccomp_load(f));
    int saved_errno = errno;
    seccomp_release(f);
    errno = saved_errno;
    return err;
}

mt_err mt_sandbox_filter_no_io_uring(void) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (f == NULL)
        return MT_ENOMEM;
    return load(f, add(f, SCMP_ACT_ERRNO(ENOSYS), "io_uring_setup", 0, NULL));
}

mt_err mt_sandbox_filter_load(const mt_sandbox_needs *needs) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (f == NULL)
        return MT_ENOMEM;
    set_attributes(f);
    return load(f, add_rules(f, needs));
}
