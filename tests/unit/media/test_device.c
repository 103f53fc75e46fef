/* Asking for the devices where no sound server answers left a memory file and two pipes open each time. */
#include "media/device.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t open_files(void) {
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    size_t n = 0;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void on_device(void *ctx, bool mic, const char *name, const char *label) {
    assert_non_null(name);
    assert_non_null(label);
}

static void asking_again_and_again_leaves_nothing_open(void **state) {
    size_t before = 0;
    for (unsigned i = 0; i < 12; i++) {
        (void)!mt_device_list(on_device, NULL);
        if (i == 1) /* what is loaded once is there */
            before = open_files();
    }
    assert_in_range(open_files(), 0, before + 1);
}

int main(void) {
    setenv("PULSE_SERVER", "unix:/nonexistent/sound", 1);
    gst_init(NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asking_again_and_again_leaves_nothing_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
