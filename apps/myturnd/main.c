/* myturnd: the server. All it does is in src/server; this is the process around it. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/sandbox.h"
#include "server/server.h"

#define EXIT_USAGE 2

static void print_address(const char *name, mt_addr a) {
    char text[MT_ADDR_STRLEN];
    if (!mt_options_has(&a))
        return;
    mt_addr_format(&a, text);
    printf(" %s=%s", name, text);
}

static void announce(const mt_server *s) {
    printf("ready");
    print_address("http", mt_server_http_addr(s));
    print_address("sip", mt_server_sip_addr(s));
    print_address("https", mt_server_https_addr(s));
    print_address("sips", mt_server_sips_addr(s));
    printf("\n");
    (void)fflush(stdout);
}

/* The embedded server lives on the sockets it has open: it needs nothing more. */
static mt_err confine(const mt_options *options) {
    mt_sandbox_config cfg = {.mode = options->sandbox, .user = options->user};
    return mt_sandbox_enter(&cfg);
}

static int serve(const mt_options *options) {
    mt_server *server;
    mt_err err = mt_server_create(options, mt_random_kernel(), &server);
    if (err != MT_OK) {
        mt_log(MT_LOG_ERROR, "server", "cannot start: %s", mt_err_str(err));
        return 1;
    }
    int notify = mt_notify_open();
    err = confine(options);
    if (err == MT_OK) {
        announce(server);
        mt_notify_ready(notify);
        err = mt_server_run(server);
    }
    mt_server_destroy(server);
    return err == MT_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    mt_options options;
    char error[256];
    if (mt_options_parse(argc, argv, &options, error, sizeof error) != MT_OK) {
        (void)fprintf(stderr, "myturnd: %s\nTry 'myturnd --help'.\n", error);
        return EXIT_USAGE;
    }
    if (options.help) {
        mt_options_help(stdout);
        return 0;
    }
    if (options.version) {
        puts("myturnd " MT_VERSION);
        return 0;
    }
    mt_sandbox_prepare();
    mt_log_setup(STDERR_FILENO, options.log_level, options.log_names || isatty(STDERR_FILENO) == 1);
    return serve(&options);
}
