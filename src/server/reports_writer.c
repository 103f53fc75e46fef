#include "server/reports_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_MS (3600 * 1000) /* for old ones */
#define DAY_S 86400
#define TEMPORARY ".report.tmp" /* one at a time is written */

typedef struct writer {
    int dir;
    uint32_t keep_days;
    size_t files;
    bool told_full, told_error;
    atomic_uint_fast64_t *lost;
} writer;

/* Digits where the pattern has '0', hexadecimal ones where it has 'x', else the same. */
static bool is_like(const char *s, const char *pattern) {
    for (; *pattern != '\0'; s++, pattern++) {
        bool digit = *s >= '0' && *s <= '9';
        bool hex = digit || (*s >= 'a' && *s <= 'f');
        if (*pattern == '0' ? !digit : *pattern == 'x' ? !hex : *s != *pattern)
            return false;
    }
    return *s == '\0';
}

/* The name is the only thing of a report that matters here; what else is in the folder is not ours. */
static bool is_report(const char *name) {
    return is_like(name, "report-00000000T000000Z-xxxxxxxx.json");
}

static int number(const char *s, size_t len) {
    int n = 0;
    for (size_t i = 0; i < len; i++)
        n = n * 10 + (s[i] - '0');
    return n;
}

static int64_t time_of(const char *name) {
    const char *s = name + strlen("report-");
    struct tm tm = {.tm_year = number(s, 4) - 1900,
                    .tm_mon = number(s + 4, 2) - 1,
                    .tm_mday = number(s + 6, 2),
                    .tm_hour = number(s + 9, 2),
                    .tm_min = number(s + 11, 2),
                    .tm_sec = number(s + 13, 2)};
    return timegm(&tm);
}

/* Deletes what is old, and counts the rest. */
static mt_err look_through(writer *w) {
    int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return MT_ESYS;
    }
    int64_t oldest_s = mt_clock_wall_s() - (int64_t)w->keep_days * DAY_S;
    w->files = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (!is_report(e->d_name))
            continue;
        if (time_of(e->d_name) < oldest_s && unlinkat(w->dir, e->d_name, 0) == 0)
            continue;
        w->files++;
    }
    closedir(d);
    return MT_OK;
}

static mt_err write_all(int fd, const char *p, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno != EINTR)
            return MT_ESYS;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return fdatasync(fd) == 0 ? MT_OK : MT_ESYS;
}

/* Whole or not at all. */
static mt_err write_file(const writer *w, const char *name, const char *p, size_t len) {
    (void)unlinkat(w->dir, TEMPORARY, 0); /* of one who was killed */
    int fd = openat(w->dir, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return MT_ESYS;
    mt_err err = write_all(fd, p, len);
    if (close(fd) != 0 && err == MT_OK)
        err = MT_ESYS;
    if (err == MT_OK && renameat(w->dir, TEMPORARY, w->dir, name) != 0)
        err = MT_ESYS;
    if (err != MT_OK)
        (void)unlinkat(w->dir, TEMPORARY, 0);
    return err;
}

static void take(writer *w, char *message, size_t len) {
    if (len <= MT_REPORTS_NAME || message[MT_REPORTS_NAME - 1] != '\0' || !is_report(message))
        return;
    if (w->files >= MT_REPORTS_FILES_MAX) {
        atomic_fetch_add(w->lost, 1);
        if (!w->told_full)
            mt_log(MT_LOG_WARN, "reports", "%d are there: no more are written", MT_REPORTS_FILES_MAX);
        w->told_full = true;
        return;
    }
    w->told_full = false;
    if (write_file(w, message, message + MT_REPORTS_NAME, len - MT_REPORTS_NAME) == MT_OK) {
        w->files++;
        w->told_error = false;
        return;
    }
    atomic_fetch_add(w->lost, 1);
    if (!w->told_error)
        mt_log(MT_LOG_ERROR, "reports", "one could not be written: %s", strerror(errno));
    w->told_error = true;
}

static void serve(writer *w, int fd) {
    char message[MT_REPORTS_NAME + MT_REPORTS_BYTES_MAX];
    int64_t look_ms = mt_clock_ms() + LOOK_MS;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left_ms = look_ms - mt_clock_ms();
        int n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n < 0 && errno != EINTR)
            return;
        if (mt_clock_ms() >= look_ms) {
            (void)look_through(w);
            look_ms = mt_clock_ms() + LOOK_MS;
        }
        if (n <= 0)
            continue;
        ssize_t len = recv(fd, message, sizeof message, 0);
        if (len == 0 || (len < 0 && errno != EINTR))
            return;
        if (len > 0)
            take(w, message, (size_t)len);
    }
}

/* The server tells when to end, by closing its end: what a terminal or a service manager sends to all is for it. */
static void be_deaf(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)signal(signals[i], SIG_IGN);
    (void)prctl(PR_SET_NAME, "myturnd-reports", 0, 0, 0);
}

static mt_err try_to_write(const writer *w, const char *path) {
    struct stat st;
    mt_err err = write_file(w, TEMPORARY, "", 0);
    (void)unlinkat(w->dir, TEMPORARY, 0);
    if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "reports", "%s: nothing can be written there: %s", path, strerror(errno));
    else if (fstat(w->dir, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        mt_log(MT_LOG_WARN, "reports", "%s is open to others: chmod 700 it", path);
    return err;
}

static mt_err begin(writer *w, const mt_reports_config *cfg) {
    mt_sandbox_config sandbox = {.mode = cfg->sandbox, .user = cfg->user, .needs = {.write_files = true}};
    be_deaf();
    mt_err err = mt_sandbox_enter(&sandbox);
    if (err != MT_OK)
        return err;
    w->dir = open(cfg->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir < 0) {
        mt_log(MT_LOG_ERROR, "reports", "%s: %s", cfg->dir, strerror(errno));
        return MT_ESYS;
    }
    err = try_to_write(w, cfg->dir);
    return err == MT_OK ? look_through(w) : err;
}

void mt_reports_writer(const mt_reports_config *cfg, int fd, atomic_uint_fast64_t *lost) {
    writer w = {.dir = -1, .keep_days = cfg->keep_days, .lost = lost};
    unsigned char said = (unsigned char)begin(&w, cfg);
    if (send(fd, &said, 1, MSG_NOSIGNAL) == 1 && said == MT_OK)
        serve(&w, fd);
}
