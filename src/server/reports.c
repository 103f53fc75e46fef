#include "server/reports.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "server/reports_writer.h"

#define START_MS 10000
#define STOP_MS 2000

struct mt_reports {
    int fd;
    bool told;                  /* that the process is gone */
    atomic_uint_fast64_t *lost; /* the process counts there */
};

void mt_reports_time(int64_t wall_s, char out[MT_REPORTS_TIME]) {
    time_t at = (time_t)wall_s;
    struct tm tm;
    if (gmtime_r(&at, &tm) == NULL || strftime(out, MT_REPORTS_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = '\0';
}

/* What the child says of itself. */
static mt_err wait_for_it(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    unsigned char said = MT_ESYS;
    if (poll(&p, 1, START_MS) != 1 || recv(fd, &said, 1, 0) != 1)
        return MT_ESYS;
    return (mt_err)said;
}

static void child(const mt_reports_config *cfg, int fd, atomic_uint_fast64_t *lost) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    mt_reports_writer(cfg, fd, lost);
    _exit(0);
}

/* The process, and the socket to it. */
static mt_err begin(const mt_reports_config *cfg, mt_reports *r) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return MT_ESYS;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child(cfg, fds[1], r->lost);
    }
    close(fds[1]);
    r->fd = fds[0];
    if (pid > 0)
        return wait_for_it(r->fd);
    mt_log(MT_LOG_ERROR, "reports", "no process to write them: %s", strerror(errno));
    return MT_ESYS;
}

mt_err mt_reports_start(const mt_reports_config *cfg, mt_reports **out) {
    mt_reports *r = mt_calloc(1, sizeof *r);
    if (r == NULL)
        return MT_ENOMEM;
    r->fd = -1;
    r->lost = mmap(NULL, sizeof *r->lost, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mt_err err = r->lost == MAP_FAILED ? MT_ENOMEM : begin(cfg, r);
    if (err != MT_OK)
        mt_reports_stop(r);
    else
        *out = r;
    return err;
}

uint64_t mt_reports_lost(const mt_reports *r) {
    return r == NULL ? 0 : atomic_load(r->lost);
}

static mt_err send_it(mt_reports *r, const char *bytes, size_t len) {
    if (send(r->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len)
        return MT_OK;
    if (errno == EAGAIN || errno == ENOBUFS)
        return MT_ELIMIT;
    if (!r->told)
        mt_log(MT_LOG_ERROR, "reports", "the process that writes them is gone: none is written until a restart");
    r->told = true;
    return MT_ECLOSED;
}

mt_err mt_reports_write(mt_reports *r, int64_t wall_s, const char *id, mt_slice json) {
    char message[MT_REPORTS_NAME + MT_REPORTS_BYTES_MAX], name[MT_REPORTS_NAME];
    time_t at = (time_t)wall_s;
    struct tm tm;
    if (json.len > MT_REPORTS_BYTES_MAX || gmtime_r(&at, &tm) == NULL)
        return MT_ELIMIT;
    char when[24];
    (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
    int n = snprintf(name, sizeof name, "report-%s-%.8s.json", when, id);
    if (n < 0 || (size_t)n >= sizeof name)
        return MT_ELIMIT;
    memset(message, 0, MT_REPORTS_NAME);
    memcpy(message, name, (size_t)n);
    memcpy(message + MT_REPORTS_NAME, json.p, json.len);
    return send_it(r, message, MT_REPORTS_NAME + json.len);
}

void mt_reports_stop(mt_reports *r) {
    if (r == NULL)
        return;
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    if (r->fd >= 0) {
        (void)shutdown(r->fd, SHUT_WR);
        (void)poll(&p, 1, STOP_MS); /* it closes its end when all is written */
        close(r->fd);
    }
    if (r->lost != MAP_FAILED)
        (void)munmap(r->lost, sizeof *r->lost);
    mt_free(r);
}
