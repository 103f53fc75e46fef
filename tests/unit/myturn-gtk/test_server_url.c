/* What people type as the server. Without a scheme it is https, but for addresses that can hardly have a certificate.
 */
#include "server-url.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct line {
    const char *typed, *url; /* url NULL: refused */
} line;

static void check(const line *lines, gsize count) {
    for (gsize i = 0; i < count; i++) {
        g_autofree char *got = mtg_server_url(lines[i].typed);
        if (g_strcmp0(got, lines[i].url) != 0)
            fail_msg("\"%s\" gives %s, not %s", lines[i].typed, got != NULL ? got : "nothing",
                     lines[i].url != NULL ? lines[i].url : "nothing");
    }
}

static void names_are_reached_encrypted(void **state) {
    static const line lines[] = {
        {"talk.example.org", "https://talk.example.org"},
        {"  talk.example.org\n", "https://talk.example.org"},
        {"talk.example.org:8443", "https://talk.example.org:8443"},
        {"talk.example.org/path", "https://talk.example.org/path"},
        {"203.0.113.7", "https://203.0.113.7"},
        {"[2001:db8::1]:8080", "https://[2001:db8::1]:8080"},
        {"localhost.example.org", "https://localhost.example.org"},
    };
    check(lines, G_N_ELEMENTS(lines));
}

static void this_machine_and_private_networks_are_not(void **state) {
    static const line lines[] = {
        {"localhost", "http://localhost"},           {"localhost:8080", "http://localhost:8080"},
        {"127.0.0.1:8080", "http://127.0.0.1:8080"}, {"[::1]:8080", "http://[::1]:8080"},
        {"192.168.1.2", "http://192.168.1.2"},       {"10.0.0.1:81", "http://10.0.0.1:81"},
        {"172.16.0.1", "http://172.16.0.1"},         {"[fe80::1]", "http://[fe80::1]"},
        {"169.254.1.1", "http://169.254.1.1"},
    };
    check(lines, G_N_ELEMENTS(lines));
}

static void a_scheme_is_kept(void **state) {
    static const line lines[] = {
        {"http://talk.example.org", "http://talk.example.org"},
        {"https://127.0.0.1:8443/", "https://127.0.0.1:8443/"},
        {"HTTPS://talk.example.org", "HTTPS://talk.example.org"},
    };
    check(lines, G_N_ELEMENTS(lines));
}

static void what_is_no_server(void **state) {
    static const line lines[] = {
        {"", NULL},
        {"  ", NULL},
        {"talk example.org", NULL},
        {"http://", NULL},
        {"https:///path", NULL},
        {"ftp://talk.example.org", NULL},
        {"ws://talk.example.org", NULL},
        {"javascript://x", NULL},
        {"talk.example.org:port", NULL},
        {"talk.example.org:70000", NULL},
        {"[::1", NULL},
    };
    check(lines, G_N_ELEMENTS(lines));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_reached_encrypted),
        cmocka_unit_test(this_machine_and_private_networks_are_not),
        cmocka_unit_test(a_scheme_is_kept),
        cmocka_unit_test(what_is_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
