/* Files as a whole: read, and replaced in one step, so that Asterisk never reads half of one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "server/asterisk_int.h"

#define NEW_SUFFIX ".myturn-new"

static mt_err failed(const char *path, const char *what) {
    mt_log(MT_LOG_ERROR, "asterisk", "%s %s: %s", path, what, strerror(errno));
    return MT_ESYS;
}

mt_err mt_asterisk_store_read(const char *path, mt_buf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? MT_OK : failed(path, "cannot be read");
    char bytes[16384];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        mt_buf_add(out, bytes, (size_t)n);
    mt_err err = n < 0 ? failed(path, "cannot be read") : mt_buf_err(out);
    (void)close(fd);
    return err;
}

static bool write_all(int fd, mt_slice text) {
    while (text.len > 0) {
        ssize_t n = write(fd, text.p, text.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text = mt_slice_n(text.p + n, text.len - (size_t)n);
    }
    return true;
}

/* The owner and rights of the old file, for Asterisk may run as another user; a new one is for owner and group. */
static int open_new(const char *path, const char *temp) {
    struct stat old;
    bool there = stat(path, &old) == 0;
    (void)unlink(temp);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0 || !there)
        return fd;
    bool same = old.st_uid == geteuid() && old.st_gid == getegid();
    if ((!same && fchown(fd, old.st_uid, old.st_gid) != 0) || fchmod(fd, old.st_mode & 0777) != 0) {
        (void)close(fd);
        (void)unlink(temp);
        return -1;
    }
    return fd;
}

static void sync_folder(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
                   slash != NULL ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

static mt_err replace(const char *path, const char *temp, mt_slice text) {
    int fd = open_new(path, temp);
    if (fd < 0)
        return failed(temp, "cannot be made");
    bool good = write_all(fd, text) && fsync(fd) == 0;
    int err = errno;
    good = close(fd) == 0 && good && rename(temp, path) == 0;
    if (good) {
        sync_folder(path);
        return MT_OK;
    }
    errno = errno != 0 ? errno : err;
    (void)failed(path, "cannot be written");
    (void)unlink(temp);
    return MT_ESYS;
}

/* A symbolic link stays one: what it leads to is replaced. */
static const char *target(const char *path, char out[PATH_MAX]) {
    return realpath(path, out) != NULL ? out : path;
}

mt_err mt_asterisk_store_write(const char *path, mt_slice text) {
    char real[PATH_MAX], temp[PATH_MAX + sizeof NEW_SUFFIX];
    const char *to = target(path, real);
    (void)snprintf(temp, sizeof temp, "%.*s" NEW_SUFFIX, PATH_MAX - 1, to);
    return replace(to, temp, text);
}

void mt_asterisk_store_tidy(const char *path) {
    char real[PATH_MAX], temp[PATH_MAX + sizeof NEW_SUFFIX];
    (void)snprintf(temp, sizeof temp, "%.*s" NEW_SUFFIX, PATH_MAX - 1, target(path, real));
    (void)unlink(temp);
}
