/* myturn, the terminal client: puts command line, screen, pages and libmyturn together. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "i18n.h"
#include "options.h"
#include "pages.h"

typedef struct app {
    options o;
    pages *pages;
    int log_fd;
} app;

static void on_event(void *ctx, const myturn_event *event) {
    pages_on_event(((app *)ctx)->pages, event);
}
static void on_line(void *ctx, const char *line) {
    pages_on_line(((app *)ctx)->pages, line);
}
static void on_eof(void *ctx) {
    pages_on_eof(((app *)ctx)->pages);
}
static void on_typing(void *ctx, const char *so_far) {
    pages_on_typing(((app *)ctx)->pages, so_far);
}

static gboolean on_interrupt(gpointer arg) {
    pages_on_interrupt(((app *)arg)->pages);
    return G_SOURCE_CONTINUE;
}
static gboolean on_terminate(gpointer arg) {
    pages_on_terminate(((app *)arg)->pages);
    return G_SOURCE_CONTINUE;
}

/* The log goes to its file, or to standard error where that is no terminal and a level was asked for. */
static bool open_log(app *a) {
    const char *level = a->o.log_level != NULL ? a->o.log_level : "info";
    a->log_fd = -1;
    if (a->o.log_file != NULL) {
        a->log_fd = open(a->o.log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (a->log_fd < 0) {
            (void)fprintf(stderr, _("myturn: the log %s cannot be written: %s\n"), a->o.log_file, strerror(errno));
            return false;
        }
    } else if (a->o.log_level != NULL && !isatty(STDERR_FILENO)) {
        a->log_fd = STDERR_FILENO;
    }
    return myturn_log(a->log_fd, level, false) == MYTURN_OK;
}

static void on_device(void *ctx, bool mic, const char *name, const char *label) {
    (void)ctx;
    (void)printf("%-10s device:%s  (%s)\n", mic ? _("microphone") : _("speaker"), name, label);
}

static int list_devices(void) {
    myturn_err err = myturn_list_devices(on_device, NULL);
    if (err == MYTURN_OK)
        return 0;
    (void)fprintf(stderr,
                  _("myturn: the devices cannot be listed (%s). Is a sound server, PipeWire or PulseAudio, running?\n"
                    "Without one, file:PATH, tone:HZ and none can be used.\n"),
                  myturn_err_str(err));
    return 1;
}

static int run(app *a, myturn_client *client, screen *s) {
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    const pages_config cfg = {.client = client,
                              .screen = s,
                              .loop = loop,
                              .server = a->o.client.server,
                              .name = a->o.name,
                              .events_fd = a->o.events_fd,
                              .agreed = a->o.agree,
                              .unencrypted = a->o.unencrypted,
                              .policies = a->o.client.policies};
    a->pages = pages_create(&cfg);
    const guint signals[] = {g_unix_signal_add(SIGINT, on_interrupt, a), g_unix_signal_add(SIGTERM, on_terminate, a),
                             g_unix_signal_add(SIGHUP, on_terminate, a)};
    pages_begin(a->pages);
    g_main_loop_run(loop);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(signals[i]);
    int status = pages_exit_status(a->pages);
    g_main_loop_unref(loop);
    return status;
}

static int talk(app *a) {
    static const screen_events events = {on_line, on_eof, on_typing};
    myturn_client *client = NULL;
    myturn_err err = myturn_create(&a->o.client, on_event, a, &client);
    if (err != MYTURN_OK) {
        (void)fprintf(stderr,
                      err == MYTURN_ERR_ARGUMENT ? _("myturn: the server's URL, a device or the file of certificates "
                                                     "is not possible; see myturn --help (%s)\n")
                                                 : _("myturn: cannot start: %s; --log FILE tells more\n"),
                      myturn_err_str(err));
        return err == MYTURN_ERR_ARGUMENT ? 2 : 1;
    }
    screen *s = screen_create(&events, a);
    int status = run(a, client, s);
    screen_destroy(s); /* first: nothing is worth a terminal left in disorder */
    myturn_destroy(client);
    pages_destroy(a->pages);
    return status;
}

/* Where a standard stream is closed, the next thing opened would take its number: a socket be read as the keyboard. */
static void open_standard_streams(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv) {
    app a = {0};
    open_standard_streams();
    myturn_locale();
    (void)signal(SIGPIPE, SIG_IGN);
    options_parse(argc, argv, &a.o);
    if (a.o.what == OPTIONS_EXIT)
        return a.o.exit_status;
    if (!open_log(&a))
        return 1;
    int status = a.o.what == OPTIONS_LIST_DEVICES ? list_devices() : talk(&a);
    if (a.log_fd > STDERR_FILENO)
        close(a.log_fd);
    return status;
}
