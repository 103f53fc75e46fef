/* What is given up besides system calls: privileges and the user; each in a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/sandbox.h"

static int in_child(bool (*what)(mt_sandbox_mode mode), mt_sandbox_mode mode) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(what(mode) ? 0 : 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool status_says(const char *line) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return strstr(text, line) != NULL;
}

static bool has_no_privileges(mt_sandbox_mode mode) {
    mt_sandbox_config cfg = {.mode = mode};
    struct rlimit core;
    bool good = mt_sandbox_enter(&cfg) == MT_OK &&
                status_says("CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n") &&
                status_says("NoNewPrivs:\t1\n") && status_says("Seccomp:\t2\n") && getrlimit(RLIMIT_CORE, &core) == 0 &&
                core.rlim_max == 0;
    return good && (geteuid() != 0 || status_says("CapBnd:\t0000000000000000\n"));
}

static void gives_up_privileges(void **state) {
    if (!mt_sandbox_filter_possible())
        skip();
    assert_int_equal(in_child(has_no_privileges, MT_SANDBOX_REQUIRE), 0);
}

static bool is_nobody_for_good(mt_sandbox_mode mode) {
    mt_sandbox_config cfg = {.mode = mode, .user = "nobody"};
    return mt_sandbox_enter(&cfg) == MT_OK && getuid() != 0 && geteuid() != 0 && getegid() != 0 &&
           status_says("CapBnd:\t0000000000000000\n") && syscall(SYS_setresuid, 0, 0, 0) != 0;
}

static void becomes_a_user_for_good(void **state) {
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(is_nobody_for_good, MT_SANDBOX_TRY), 0);
}

static bool is_nobody_alone(mt_sandbox_mode mode) {
    mt_sandbox_config cfg = {.mode = mode, .user = "nobody"};
    bool good = mt_sandbox_enter(&cfg) == MT_OK && geteuid() != 0 && !status_says("Seccomp:\t2\n");
    good = good && mt_sandbox_enter(&cfg) == MT_OK; /* it is that user already */
    cfg.user = "root";
    return good && mt_sandbox_enter(&cfg) == MT_EDENIED;
}

static void becomes_a_user_without_sandbox(void **state) {
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(is_nobody_alone, MT_SANDBOX_OFF), 0);
}

static void refuses_an_unknown_user(void **state) {
    mt_sandbox_config cfg = {.mode = MT_SANDBOX_OFF, .user = "no such user"};
    assert_int_equal(mt_sandbox_enter(&cfg), MT_EDENIED);
}

/* A part that cannot be had: "try" goes on, "require" stops. */
static bool enters_without_filter(mt_sandbox_mode mode) {
    static const mt_sandbox_needs nothing;
    mt_sandbox_config cfg = {.mode = mode};
    /* The first filter forbids a second. */
    if (mt_sandbox_filter_possible() && mt_sandbox_filter_load(&nothing) != MT_OK)
        return false;
    return mt_sandbox_enter(&cfg) == (mode == MT_SANDBOX_TRY ? MT_OK : MT_EDENIED);
}

static void tries_or_requires(void **state) {
    assert_int_equal(in_child(enters_without_filter, MT_SANDBOX_TRY), 0);
    assert_int_equal(in_child(enters_without_filter, MT_SANDBOX_REQUIRE), 0);
}

static void reads_the_mode(void **state) {
    mt_sandbox_mode mode = MT_SANDBOX_OFF;
    assert_int_equal(mt_sandbox_mode_parse("maybe", &mode), MT_EBAD);
    assert_int_equal(mode, MT_SANDBOX_OFF);
    assert_int_equal(mt_sandbox_mode_parse("require", &mode), MT_OK);
    assert_int_equal(mode, MT_SANDBOX_REQUIRE);
    assert_int_equal(mt_sandbox_mode_parse("try", &mode), MT_OK);
    assert_int_equal(mode, MT_SANDBOX_TRY);
    assert_int_equal(mt_sandbox_mode_parse("off", &mode), MT_OK);
    assert_int_equal(mode, MT_SANDBOX_OFF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_mode),          cmocka_unit_test(gives_up_privileges),
        cmocka_unit_test(becomes_a_user_for_good), cmocka_unit_test(becomes_a_user_without_sandbox),
        cmocka_unit_test(refuses_an_unknown_user), cmocka_unit_test(tries_or_requires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
