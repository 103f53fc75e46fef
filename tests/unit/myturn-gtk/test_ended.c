/* Why a talk ended, for people: every reason of docs/protocol/conversation.md has words, with the partner's name in
 * them. */
#include "ended.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const reasons[] = {
    "hung_up",  "next",      "blocked", "reported", "partner_left", "lost",   "dtls_failed", "sas_failed",
    "protocol", "no_answer", "refused", "undone",   "no_path",      "server", "over",
};

static void every_reason_names_the_partner(void **state) {
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        g_autofree char *text = mtg_ended_text(reasons[i], "dwa");
        assert_non_null(strstr(text, "dwa"));
        assert_null(strstr(text, "%s"));
        assert_true(g_str_has_suffix(text, "."));
    }
}

static void who_did_it_and_what_to_do_is_told(void **state) {
    static const struct {
        const char *reason, *text;
    } cases[] = {
        {"partner_left", "dwa has hung up."},
        {"hung_up", "You have hung up. The talk with dwa is over."},
        {"no_answer", "dwa did not answer. Draw somebody else."},
        {"blocked", "The talk with dwa is over. You will not be drawn together again."},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = mtg_ended_text(cases[i].reason, "dwa");
        assert_string_equal(text, cases[i].text);
    }
    g_autofree char *path = mtg_ended_text("no_path", "dwa"), *lost = mtg_ended_text("lost", "dwa");
    assert_non_null(strstr(path, "another network"));
    assert_non_null(strstr(lost, "router"));
    for (int i = 0; i < 2; i++) { /* an attack is not put down to the partner alone */
        g_autofree char *text = mtg_ended_text(i == 0 ? "dtls_failed" : "sas_failed", "dwa");
        assert_non_null(strstr(text, "Somebody may have tried to sit in between"));
    }
}

static void a_name_is_no_format(void **state) {
    g_autofree char *text = mtg_ended_text("partner_left", "%s%n");
    assert_string_equal(text, "%s%n has hung up.");
}

static void what_is_not_known(void **state) {
    g_autofree char *reason = mtg_ended_text("of a later version", "dwa"), *none = mtg_ended_text(NULL, "dwa");
    g_autofree char *nobody = mtg_ended_text("partner_left", NULL);
    assert_string_equal(reason, "The talk with dwa is over.");
    assert_string_equal(none, "The talk with dwa is over.");
    assert_string_equal(nobody, "? has hung up.");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_names_the_partner),
        cmocka_unit_test(who_did_it_and_what_to_do_is_told),
        cmocka_unit_test(a_name_is_no_format),
        cmocka_unit_test(what_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
