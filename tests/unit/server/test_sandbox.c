/* The sandbox from within: each probe runs in a child of its own, which enters the sandbox and then tries something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/process.h"
#include "server/sandbox.h"

#define NOT_ENTERED 200
#define FAILED 201 /* what must work did not */

static char folder[] = "/tmp/mt-sandbox-XXXXXX";
static int listener, peer; /* a listening socket, and a connection that waits in it */
static struct sockaddr_in at;

/* What a probe may use was opened before. Returns 0 if it was let through, else the errno. */
typedef int probe(void);

static mt_err enter(const mt_sandbox_needs *needs) {
    mt_sandbox_config cfg = {.mode = MT_SANDBOX_REQUIRE, .needs = *needs};
    return mt_sandbox_enter(&cfg);
}

/* The child's exit status, or minus the signal that ended it. */
static int in_child(const mt_sandbox_needs *needs, probe *what) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(enter(needs) == MT_OK ? what() : NOT_ENTERED);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int result(long r) {
    return r >= 0 ? 0 : errno;
}

static void path(char *out, size_t size, const char *name) {
    (void)snprintf(out, size, "%s/%s", folder, name);
}

/* What a stranger would try */

static int packet_socket(void) {
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}
static int raw_socket(void) {
    return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}
static int tcp_socket(void) {
    return result(socket(AF_INET, SOCK_STREAM, 0));
}
static int unix_socket(void) {
    return result(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int netlink_socket(void) {
    return result(socket(AF_NETLINK, SOCK_RAW, 0));
}
static int connect_out(void) {
    return result(connect(listener, (const struct sockaddr *)&at, sizeof at));
}
static int run_shell(void) {
    char *argv[] = {"sh", "-c", "exit 0", NULL}, *env[] = {NULL};
    return result(execve("/bin/sh", argv, env));
}
static int run_by_fd(void) {
    char *argv[] = {"sh", NULL}, *env[] = {NULL};
    int fd = open("/bin/sh", O_RDONLY);
    return result(syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH));
}
static int trace_parent(void) {
    return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int read_parent(void) {
    char byte;
    struct iovec to = {&byte, 1}, from = {&listener, 1};
    return result(syscall(SYS_process_vm_readv, getppid(), &to, 1UL, &from, 1UL, 0UL));
}
static int new_namespace(void) {
    return result(syscall(SYS_unshare, CLONE_NEWUSER));
}
static int mount_over(void) {
    return result(syscall(SYS_mount, "none", folder, "tmpfs", 0UL, NULL));
}
static int load_bpf(void) {
    return result(syscall(SYS_bpf, 0, NULL, 0UL));
}
static int watch_faults(void) {
    return result(syscall(SYS_userfaultfd, 0));
}
static int open_to_write(void) {
    char name[64];
    path(name, sizeof name, "there");
    return result(open(name, O_WRONLY));
}
static int open_to_change(void) {
    char name[64];
    path(name, sizeof name, "there");
    return result(open(name, O_RDWR | O_APPEND));
}
static int open_to_empty(void) {
    char name[64];
    path(name, sizeof name, "there");
    return result(open(name, O_RDONLY | O_TRUNC));
}
static int open_new(void) {
    char name[64];
    path(name, sizeof name, "new");
    return result(open(name, O_RDONLY | O_CREAT, 0600));
}
static int open_nameless(void) {
    return result(open(folder, O_RDWR | O_TMPFILE, 0600));
}
static int open_by_struct(void) {
    struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_RDONLY};
    return result(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how));
}
static int delete_file(void) {
    char name[64];
    path(name, sizeof name, "there");
    return result(unlink(name));
}
static int rename_file(void) {
    char from[64], to[64];
    path(from, sizeof from, "there");
    path(to, sizeof to, "elsewhere");
    return result(rename(from, to));
}
static int change_mode(void) {
    return result(chmod(folder, 0777));
}
static int fork_child(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result(pid);
}
static void *idle(void *arg) {
    return arg;
}
static int start_thread(void) {
    pthread_t t;
    return pthread_create(&t, NULL, idle, NULL);
}
static int executable_memory(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int make_executable(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? FAILED : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int memory_file(void) {
    return result(memfd_create("x", 0));
}
static int io_uring(void) {
    char params[256] = {0};
    return result(syscall(SYS_io_uring_setup, 8, params));
}
static int type_into_terminal(void) {
    return result(ioctl(0, TIOCSTI, "x"));
}
static int signal_parent(void) {
    return result(kill(getppid(), 0));
}
static int signal_thread_of_parent(void) {
    return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int raise_limit(void) {
    struct rlimit some = {1, 1};
    return result(setrlimit(RLIMIT_CORE, &some));
}
static int dumpable_again(void) {
    return result(syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0));
}

typedef struct attempt {
    const char *name;
    probe *what;
    int answer; /* errno, or minus a signal */
} attempt;

static void check(const mt_sandbox_needs *needs, const attempt *list, size_t count) {
    if (!mt_sandbox_filter_possible())
        skip();
    for (size_t i = 0; i < count; i++) {
        int got = in_child(needs, list[i].what);
        if (got != list[i].answer)
            fail_msg("%s: %d, not %d", list[i].name, got, list[i].answer);
    }
}

#define CHECK(needs, list) check((needs), (list), sizeof(list) / sizeof((list)[0]))

static const mt_sandbox_needs nothing;

static void refuses(void **state) {
    static const attempt list[] = {
        {"a packet socket", packet_socket, ENOSYS},
        {"a raw socket", raw_socket, ENOSYS},
        {"a TCP socket", tcp_socket, ENOSYS},
        {"a local socket", unix_socket, ENOSYS},
        {"a netlink socket", netlink_socket, ENOSYS},
        {"connect", connect_out, ENOSYS},
        {"opening to write", open_to_write, EPERM},
        {"opening to change", open_to_change, EPERM},
        {"opening to empty", open_to_empty, EPERM},
        {"making a file", open_new, EPERM},
        {"making a nameless file", open_nameless, EPERM},
        {"openat2", open_by_struct, ENOSYS},
        {"unlink", delete_file, ENOSYS},
        {"rename", rename_file, ENOSYS},
        {"chmod", change_mode, ENOSYS},
        {"fork", fork_child, ENOSYS},
        {"a thread", start_thread, ENOSYS},
        {"executable memory", executable_memory, ENOSYS},
        {"making memory executable", make_executable, ENOSYS},
        {"memfd_create", memory_file, ENOSYS},
        {"io_uring", io_uring, ENOSYS},
        {"typing into the terminal", type_into_terminal, ENOSYS},
        {"kill", signal_parent, ENOSYS},
        {"tgkill of another", signal_thread_of_parent, ENOSYS},
        {"setrlimit", raise_limit, ENOSYS},
        {"prctl", dumpable_again, ENOSYS},
    };
    CHECK(&nothing, list);
}

static void ends_an_intruder(void **state) {
    static const attempt list[] = {
        {"execve", run_shell, -SIGSYS},      {"execveat", run_by_fd, -SIGSYS},
        {"ptrace", trace_parent, -SIGSYS},   {"process_vm_readv", read_parent, -SIGSYS},
        {"unshare", new_namespace, -SIGSYS}, {"mount", mount_over, -SIGSYS},
        {"bpf", load_bpf, -SIGSYS},          {"userfaultfd", watch_faults, -SIGSYS},
    };
    CHECK(&nothing, list);
}

/* The probes are real: outside the sandbox they are let through, or refused for another reason. */
static void lets_pass_outside(void **state) {
    static probe *const list[] = {tcp_socket,     unix_socket,       open_to_write, open_new,        fork_child,
                                  start_thread,   executable_memory, memory_file,   make_executable, run_shell,
                                  dumpable_again, signal_parent,     open_nameless, open_to_empty,   rename_file};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(list[i]());
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("probe %zu: %x", i, (unsigned)status);
    }
}

/* What serving needs */

static int serve_socket(void) {
    char bytes[8];
    struct epoll_event ev = {.events = EPOLLIN};
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool good = fd >= 0 && send(fd, "hello", 5, MSG_NOSIGNAL) == 5 && recv(peer, bytes, sizeof bytes, 0) == 5 &&
                write(peer, "back", 4) == 4 && poll(NULL, 0, 1) == 0 && read(fd, bytes, sizeof bytes) == 4 &&
                fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && shutdown(fd, SHUT_WR) == 0 && close(fd) == 0;
    return good && epoll_wait(0, &ev, 1, 0) < 0 && errno != ENOSYS ? 0 : FAILED;
}
/* What broke: it was refused, so that a slow peer was judged by half of what he had not taken, and the kernel logged a
 * call that is not allowed for each time one was looked at. */
static int look_at_what_is_unread(void) {
    int unread = -1;
    return ioctl(peer, SIOCOUTQ, &unread) == 0 && unread >= 0 ? 0 : FAILED;
}
static int read_files(void) {
    char real[4096], line[64];
    FILE *f = fopen("/proc/self/status", "re");
    struct stat st;
    bool good = f != NULL && fgets(line, sizeof line, f) != NULL && fclose(f) == 0;
    return good && realpath("/proc/self/exe", real) != NULL && stat("/etc", &st) == 0 && access("/etc", R_OK) == 0
               ? 0
               : FAILED;
}
static int compute(void) {
    char random[16];
    struct timespec now;
    struct rusage used;
    struct rlimit limit;
    void *big = mt_malloc((size_t)8 << 20), *more = big != NULL ? mt_realloc(big, (size_t)64 << 20) : NULL;
    mt_free(more);
    return more != NULL && getrandom(random, sizeof random, 0) == sizeof random &&
                   clock_gettime(CLOCK_MONOTONIC, &now) == 0 && getrusage(RUSAGE_SELF, &used) == 0 &&
                   getrlimit(RLIMIT_NOFILE, &limit) == 0
               ? 0
               : FAILED;
}
static int handle_signal(void) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return sigaction(SIGHUP, &ignore, NULL) == 0 && raise(SIGHUP) == 0 ? 0 : FAILED;
}
static int end_by_abort(void) {
    abort();
}
static int log_a_line(void) {
    mt_log_setup(STDERR_FILENO, MT_LOG_ERROR, false);
    mt_log_setup(-1, MT_LOG_ERROR, false);
    return 0;
}

static void serves(void **state) {
    static const attempt list[] = {
        {"serving a connection", serve_socket, 0},
        {"a slow peer", look_at_what_is_unread, 0},
        {"reading files", read_files, 0},
        {"memory and time", compute, 0},
        {"a signal", handle_signal, 0},
        {"abort", end_by_abort, -SIGABRT},
        {"the log", log_a_line, 0},
    };
    CHECK(&nothing, list);
}

/* What Asterisk needs */

static int replace_file(void) {
    char new_name[64], name[64];
    path(new_name, sizeof new_name, "there.new");
    path(name, sizeof name, "there");
    int fd = open(new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, 0640) == 0 && fsync(fd) == 0 && close(fd) == 0;
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    return good && rename(new_name, name) == 0 && dir >= 0 && fsync(dir) == 0 && unlink(name) == 0 && open_new() == 0
               ? 0
               : FAILED;
}
static int connect_new(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 ? 0 : FAILED;
}

static bool printed;
static void on_done(void *ctx, bool ok, mt_slice output) {
    printed = ok && output.len >= 4 && memcmp(output.p, "done", 4) == 0;
    mt_net_stop(ctx);
}
/* As a program of Asterisk's: dynamically linked, found in PATH. */
static int run_program(void) {
    static const mt_net_handlers none;
    char *argv[] = {"sh", "-c", "cat /dev/null && test -r /etc/passwd && echo done", NULL};
    mt_net_limits limits;
    mt_net_limits_default(&limits);
    mt_net *net;
    mt_process *process;
    mt_sandbox_prepare(MT_SANDBOX_REQUIRE);
    if (mt_net_create(&limits, &none, NULL, &net) != MT_OK)
        return FAILED;
    mt_sandbox_needs needs = {.run_programs = true};
    if (enter(&needs) != MT_OK || mt_process_run(net, argv, 20000, on_done, net, &process) != MT_OK ||
        mt_net_run(net) != MT_OK)
        return FAILED;
    return printed ? 0 : FAILED;
}
static int unix_after_run(void) {
    return unix_socket();
}

static void gives_what_is_needed(void **state) {
    static const mt_sandbox_needs files = {.write_files = true}, net = {.connect = true}, run = {.run_programs = true};
    static const attempt writing[] = {
        {"replacing a file", replace_file, 0}, {"execve", run_shell, -SIGSYS}, {"a TCP socket", tcp_socket, ENOSYS}};
    static const attempt connecting[] = {{"a new connection", connect_new, 0},
                                         {"a local socket", unix_socket, ENOSYS},
                                         {"a packet socket", packet_socket, ENOSYS},
                                         {"opening to write", open_to_write, EPERM}};
    static const attempt running[] = {{"a program", run_shell, 0},          {"its local socket", unix_after_run, 0},
                                      {"a TCP socket", tcp_socket, ENOSYS}, {"a thread", start_thread, 0},
                                      {"ptrace", trace_parent, -SIGSYS},    {"unlink", replace_file, 0}};
    CHECK(&files, writing);
    CHECK(&net, connecting);
    CHECK(&run, running);
}

static void runs_a_program_from_the_loop(void **state) {
    if (!mt_sandbox_filter_possible())
        skip();
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_program());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* libuv 1.50 made a ring for its loop before the filter came, and ended at the first use of it after. */
static int prepare_and_make_ring(mt_sandbox_mode mode) {
    pid_t pid = fork();
    if (pid == 0) {
        mt_sandbox_prepare(mode);
        int ring = io_uring();
        _exit(enter(&nothing) == MT_OK ? ring : NOT_ENTERED);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static void no_ring_is_made_before(void **state) {
    if (!mt_sandbox_filter_possible())
        skip();
    assert_int_equal(prepare_and_make_ring(MT_SANDBOX_REQUIRE), ENOSYS);
    assert_int_equal(prepare_and_make_ring(MT_SANDBOX_TRY), ENOSYS);
}

static int make_folder(void **state) {
    char name[64];
    socklen_t size = sizeof at;
    if (mkdtemp(folder) == NULL)
        return -1;
    path(name, sizeof name, "there");
    close(open(name, O_WRONLY | O_CREAT, 0600));
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    peer = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        return -1;
    return connect(peer, (const struct sockaddr *)&at, size);
}

static int remove_folder(void **state) {
    static const char *const names[] = {"there", "elsewhere", "new", "there.new"};
    char name[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path(name, sizeof name, names[i]);
        (void)unlink(name);
    }
    close(listener);
    close(peer);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_pass_outside),      cmocka_unit_test(refuses),
        cmocka_unit_test(ends_an_intruder),       cmocka_unit_test(serves),
        cmocka_unit_test(gives_what_is_needed),   cmocka_unit_test(runs_a_program_from_the_loop),
        cmocka_unit_test(no_ring_is_made_before),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
