#include "events.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

static void add_string(GString *out, const char *s) {
    g_string_append_c(out, '"');
    for (const unsigned char *p = (const unsigned char *)(s != NULL ? s : ""); *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_printf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            g_string_append_printf(out, "\\u%04x", *p);
        else
            g_string_append_c(out, (char)*p);
    }
    g_string_append_c(out, '"');
}

static void text(GString *out, const char *key, const char *value) {
    g_string_append_printf(out, ",\"%s\":", key);
    add_string(out, value);
}

static void number(GString *out, const char *key, int64_t value) {
    g_string_append_printf(out, ",\"%s\":%" PRId64, key, value);
}

static void flag(GString *out, const char *key, bool value) {
    g_string_append_printf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

static void logged_in(GString *out, const myturn_event *e) {
    text(out, "name", e->name);
    number(out, "exten", e->exten);
    if (e->contact != NULL)
        text(out, "contact", e->contact);
    else
        g_string_append(out, ",\"contact\":null");
    flag(out, "relay_only", e->relay_only);
}

static void path(GString *out, const myturn_event *e) {
    flag(out, "relayed", e->relayed);
    text(out, "local", e->local_candidate);
    text(out, "remote", e->remote_candidate);
}

static void words(GString *out, const char *const words[4]) {
    g_string_append(out, ",\"words\":[");
    for (int i = 0; i < 4 && words[i] != NULL; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        add_string(out, words[i]);
    }
    g_string_append_c(out, ']');
}

static void secure(GString *out, const myturn_event *e) {
    text(out, "policy", e->policy);
    flag(out, "encrypted", e->encrypted);
    words(out, e->words);
    text(out, "dtls", e->dtls);
    text(out, "srtp", e->srtp);
    text(out, "codec", e->codec);
    path(out, e);
    number(out, "setup_us", e->setup_us);
    number(out, "ice_us", e->ice_us);
    number(out, "dtls_us", e->dtls_us);
    number(out, "channel_us", e->channel_us);
}

static void quality(GString *out, const myturn_event *e) {
    flag(out, "poor", e->on);
    number(out, "loss_percent", (int64_t)(e->loss_percent + 0.5));
    number(out, "jitter_ms", e->jitter_ms);
    number(out, "rtt_ms", e->rtt_ms);
}

/* False: of no interest to scripts. */
static bool members(GString *out, const myturn_event *e) {
    switch (e->kind) {
    case MYTURN_EV_LOGGED_IN:
        logged_in(out, e);
        return true;
    case MYTURN_EV_WAITING:
        number(out, "ready", e->ready);
        number(out, "online", e->online);
        number(out, "elapsed_s", e->elapsed_s);
        return true;
    case MYTURN_EV_DRAWN:
        text(out, "role", e->caller ? "caller" : "callee");
        text(out, "partner", e->name);
        number(out, "exten", e->exten);
        return true;
    case MYTURN_EV_CALL_UP:
        return true;
    case MYTURN_EV_SETTINGS:
        text(out, "text", e->text);
        return true;
    case MYTURN_EV_SECURE:
        secure(out, e);
        return true;
    case MYTURN_EV_PATH:
        path(out, e);
        return true;
    case MYTURN_EV_TEXT:
        text(out, "from", e->name);
        text(out, "body", e->text);
        return true;
    case MYTURN_EV_MIC:
        text(out, "who", e->own ? "own" : "partner");
        flag(out, "on", e->on);
        return true;
    case MYTURN_EV_RECONNECTING:
        flag(out, "on", e->on);
        return true;
    case MYTURN_EV_ENDED:
        text(out, "reason", e->reason);
        return true;
    case MYTURN_EV_ERROR:
        text(out, "code", e->code);
        text(out, "message", e->text);
        if (e->retry_s > 0)
            number(out, "retry_s", e->retry_s);
        return true;
    case MYTURN_EV_BLOCKED:
    case MYTURN_EV_REPORTED:
        text(out, "partner", e->name);
        return true;
    case MYTURN_EV_QUALITY:
        quality(out, e);
        return true;
    default:
        return false;
    }
}

/* A reader who stalls must not stop the talk, nor leave the microphone on behind a program that hangs: he has this
 * long. */
enum { PATIENCE_MS = 1000 };

static bool write_all(int fd, const char *p, size_t len) {
    while (len > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        int polled = poll(&ready, 1, PATIENCE_MS);
        if (polled < 0 && errno == EINTR)
            continue;
        if (polled <= 0)
            return false;
        ssize_t n = write(fd, p, MIN(len, PIPE_BUF)); /* a pipe that is ready takes as much at once */
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

void events_write(int fd, const myturn_event *event) {
    static bool given_up;
    if (fd < 0 || given_up)
        return;
    GString *line = g_string_new("{\"event\":");
    add_string(line, myturn_event_str(event->kind));
    if (members(line, event)) {
        g_string_append(line, "}\n");
        given_up = !write_all(fd, line->str, line->len);
        if (given_up)
            g_printerr("myturn: nobody reads the events; no more are written\n");
    }
    g_string_free(line, TRUE);
}

void events_error(int fd, const char *code, const char *message) {
    events_write(fd, &(myturn_event){.kind = MYTURN_EV_ERROR, .code = code, .text = message});
}
