/* myturnd: the server. All it does is in src/server; this is the process around it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The embedded server lives on the sockets it has open: it needs nothing more. For Asterisk its files are written, its
 * manager interface is connected to, and its program asked. */
static mt_err confine(const mt_options *options) {
    mt_sandbox_config cfg = {.mode = options->sandbox, .user = options->user};
    bool asterisk = options->asterisk.sip_server == MT_SIP_ASTERISK;
    cfg.needs = (mt_sandbox_needs){.write_files = asterisk, .connect = asterisk, .run_programs = asterisk};
    return mt_sandbox_enter(&cfg);
}

/* With the loop go its handlers. A reload that is asked for then is nothing to die of. */
static void be_deaf_to_reloads(void) {
    sigset_t hup;
    (void)sigemptyset(&hup);
    (void)sigaddset(&hup, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &hup, NULL);
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
    be_deaf_to_reloads();
    mt_server_destroy(server);
    return err == MT_OK ? 0 : 1;
}

/* One fault a line. */
static void complain(const mt_buf *faults) {
    mt_slice rest = mt_buf_slice(faults);
    while (rest.len > 0) {
        mt_slice line = mt_slice_cut(&rest, '\n');
        (void)fprintf(stderr, "myturnd: %.*s\n", (int)line.len, line.p);
    }
}

static bool has_word(int argc, char **argv, const char *word) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

/* What the options ask for. */
static int act(const mt_options *options, const mt_buf *faults) {
    if (options->help) {
        mt_options_help(stdout);
    } else if (options->version) {
        puts("myturnd " MT_VERSION);
    } else if (options->check_config) {
        complain(faults);
        if (faults->len == 0)
            puts("myturnd: the options are good");
        return faults->len == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } else if (options->print_config) {
        mt_options_print(options, stdout);
    } else {
        mt_sandbox_prepare(options->sandbox);
        mt_options_setup_log(options);
        return serve(options);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    mt_options options;
    mt_buf faults;
    mt_buf_init(&faults, MT_OPTIONS_FAULTS_MAX);
    mt_err err = mt_options_parse(argc, argv, &options, &faults);
    if (err == MT_OK && options.check_config && !options.help && !options.version)
        mt_options_check_files(&options, &faults);
    int status = EXIT_FAILURE;
    if (err == MT_OK) {
        status = act(&options, &faults);
        mt_options_deinit(&options);
    } else if (err == MT_EINVAL) {
        complain(&faults);
        (void)fputs("Try 'myturnd --help'.\n", stderr);
        status = has_word(argc, argv, "--check-config") ? EXIT_FAILURE : EXIT_USAGE;
    } else {
        (void)fprintf(stderr, "myturnd: %s\n", mt_err_str(err));
    }
    mt_buf_deinit(&faults);
    return status;
}
