#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define TEXT_MAX 1024 /* bytes of the caller's text in a line; longer ones are cut */
#define EVENT_MAX 64
#define LINE_MAX_BYTES (TEXT_MAX + 128)
#define GATHERED_BYTES 4096 /* a pipe that can be written takes so much without waiting (PIPE_BUF) */

static atomic_int log_fd = -1;
static atomic_int log_level = MT_LOG_INFO;
static atomic_bool log_names;
static atomic_bool log_colour;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

/* Lines that wait for mt_log_flush. Under write_lock. */
static struct {
    bool on;
    size_t len;
    unsigned long lines;
    char bytes[GATHERED_BYTES];
} gathered;

static const struct {
    const char *name, *label, *colour;
} levels[] = {
    [MT_LOG_ERROR] = {"error", "ERROR", "\033[31m"},
    [MT_LOG_WARN] = {"warn", "WARN ", "\033[33m"},
    [MT_LOG_INFO] = {"info", "INFO ", "\033[32m"},
    [MT_LOG_DEBUG] = {"debug", "DEBUG", "\033[36m"},
};

void mt_log_setup(int fd, mt_log_level level, bool names) {
    mt_log_flush(); /* to where its lines were meant for */
    atomic_store(&log_level, (int)level);
    atomic_store(&log_names, names);
    atomic_store(&log_colour, fd >= 0 && isatty(fd) == 1);
    atomic_store(&log_fd, fd);
}

bool mt_log_on(mt_log_level level) {
    return atomic_load_explicit(&log_fd, memory_order_relaxed) >= 0 &&
           (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

bool mt_log_names(void) {
    return atomic_load(&log_names);
}

mt_err mt_log_level_parse(const char *s, mt_log_level *out) {
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(s, levels[i].name) == 0) {
            *out = (mt_log_level)i;
            return MT_OK;
        }
    }
    return MT_EBAD;
}

/* Replaces what must not reach a terminal or would break the line; in place, never longer than it was. */
static size_t make_plain(char *text, size_t len) {
    size_t to = 0;
    while (to < len && text[to] >= ' ' && text[to] <= '~') /* most lines are nothing else */
        to++;
    for (size_t at = to; at < len;) {
        size_t from = at;
        uint32_t cp;
        if (mt_text_next(mt_slice_n(text, len), &at, &cp) != MT_OK) {
            at = from + 1;
            text[to++] = '?';
        } else if (!mt_text_is_showable(cp)) {
            text[to++] = '?';
        } else {
            memmove(text + to, text + from, at - from);
            to += at - from;
        }
    }
    return to;
}

/* "2026-11-22T10:00:00", made once a second. */
static const char *second(time_t now_s) {
    static _Thread_local struct {
        time_t s;
        char text[32];
    } last;
    if (last.s != now_s || last.text[0] == '\0') {
        struct tm tm;
        gmtime_r(&now_s, &tm);
        (void)strftime(last.text, sizeof last.text, "%Y-%m-%dT%H:%M:%S", &tm);
        last.s = now_s;
    }
    return last.text;
}

static size_t append(char *out, size_t at, const char *text) {
    size_t len = strlen(text);
    memcpy(out + at, text, len);
    return at + len;
}

/* Its parts are short and known: out has room for them. */
static size_t format_head(char *out, mt_log_level level) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    bool colour = atomic_load(&log_colour);
    unsigned ms = (unsigned)(ts.tv_nsec / 1000000);
    const char fraction[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z', ' ',
                             '\0'};
    size_t len = append(out, 0, second(ts.tv_sec));
    len = append(out, len, fraction);
    len = append(out, len, colour ? levels[level].colour : "");
    len = append(out, len, levels[level].label);
    return append(out, len, colour ? "\033[0m " : " ");
}

static void write_all(int fd, const char *p, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a log that cannot be written must not stop the program */
        p += n;
        len -= (size_t)n;
    }
}

/* A reader who stalls (a stopped terminal, a full pipe) must not stop the program: what he does not take is counted.
 * Under write_lock. */
static void write_lines(const char *bytes, size_t len, unsigned long lines) {
    static unsigned long lost;
    int fd = atomic_load(&log_fd);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (fd < 0 || len == 0)
        return;
    if (poll(&ready, 1, 0) == 0) {
        lost += lines;
        return;
    }
    if (lost > 0) {
        char note[96];
        int n = snprintf(note, sizeof(note), "(%lu lines were lost here, since nobody read them)\n", lost);
        lost = 0;
        if (n > 0)
            write_all(fd, note, (size_t)n);
    }
    write_all(fd, bytes, len);
}

/* Under write_lock. */
static void write_gathered(void) {
    write_lines(gathered.bytes, gathered.len, gathered.lines);
    gathered.len = 0;
    gathered.lines = 0;
}

void mt_log_gather(bool on) {
    pthread_mutex_lock(&write_lock);
    write_gathered();
    gathered.on = on;
    pthread_mutex_unlock(&write_lock);
}

void mt_log_flush(void) {
    pthread_mutex_lock(&write_lock);
    write_gathered();
    pthread_mutex_unlock(&write_lock);
}

/* Trouble is not kept back: what comes next may be the end of the process. */
static void put_line(mt_log_level level, const char *line, size_t len) {
    pthread_mutex_lock(&write_lock);
    if (gathered.len + len > sizeof gathered.bytes)
        write_gathered();
    memcpy(gathered.bytes + gathered.len, line, len);
    gathered.len += len;
    gathered.lines++;
    if (!gathered.on || level <= MT_LOG_WARN)
        write_gathered();
    pthread_mutex_unlock(&write_lock);
}

void mt_log(mt_log_level level, const char *event, const char *fmt, ...) {
    if (!mt_log_on(level))
        return;
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];
    char text[TEXT_MAX];
    size_t len = format_head(line, level);
    va_list args;
    va_start(args, fmt);
    const mt_slice pieces[] = {mt_slice_n(event, strnlen(event, EVENT_MAX)), MT_SLICE_LIT(": ")};
    size_t head = strlen(mt_text_join(pieces, 2, text, sizeof(text)));
    int body = vsnprintf(text + head, sizeof(text) - head, fmt, args);
    va_end(args);
    if (body >= 0) {
        size_t text_len = make_plain(text, strlen(text));
        memcpy(line + len, text, text_len);
        len += text_len;
    }
    line[len++] = '\n';
    put_line(level, line, len);
    errno = saved_errno;
}
