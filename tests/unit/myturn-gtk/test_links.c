/* A stranger's text as markup: links where he wrote addresses, and nothing else of what he wrote is markup. */
#include "links.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define A(uri) "<a href=\"" uri "\">" uri "</a>"

static void gives(const char *text, const char *expected) {
    g_autofree char *got = mtg_links_markup(text);
    assert_string_equal(got, expected);
}

static void text_stays_text(void **state) {
    gives("", "");
    gives("Zażółć 🎈", "Zażółć 🎈");
    gives("5 < 6 & <b>\"x\"</b>", "5 &lt; 6 &amp; &lt;b&gt;&quot;x&quot;&lt;/b&gt;");
    gives("<a href=\"https://evil.example\">https://good.example</a>",
          "&lt;a href=&quot;" A("https://evil.example") "&quot;&gt;" A("https://good.example") "&lt;/a&gt;");
}

static void addresses_are_links(void **state) {
    gives("https://x.org", A("https://x.org"));
    gives("http://x.org/a b", A("http://x.org/a") " b");
    gives("HTTPS://X.org", A("HTTPS://X.org"));
    gives("a https://x.org\nb\thttp://y.org/", "a " A("https://x.org") "\nb\t" A("http://y.org/"));
    gives("https://x.org/?a=1&b='2'",
          "<a href=\"https://x.org/?a=1&amp;b=&apos;2\">https://x.org/?a=1&amp;b=&apos;2</a>&apos;");
    gives("https://x.org/ścieżka", A("https://x.org/ścieżka"));
    gives("zob.https://x.org", "zob." A("https://x.org"));
}

/* Each host as it is looked up: what looks like another name does not in the address that is asked about and opened. */
static void other_letters_are_written_as_they_are_looked_up(void **state) {
    gives("https://żółw.pl/jaja?ł=1", "<a href=\"https://xn--w-uga1v8h.pl/jaja?ł=1\">https://żółw.pl/jaja?ł=1</a>");
    gives("http://пример.example:8080.",
          "<a href=\"http://xn--e1afmkfd.example:8080\">http://пример.example:8080</a>.");
    gives("https://аpple.example", "<a href=\"https://xn--pple-43d.example\">https://аpple.example</a>");
    gives("https://ＥＸＡＭＰＬＥ．ＯＲＧ/", "https://ＥＸＡＭＰＬＥ．ＯＲＧ/"); /* its dot is none of a name's */
    gives("https://例え。テスト", "https://例え。テスト");
    gives("https://क्षेत्र.example", "<a href=\"https://xn--11b4axb0a4f8ad.example\">https://क्षेत्र.example</a>");
    gives("https://xn--e1afmkfd.example", A("https://xn--e1afmkfd.example"));
}

/* Whom a browser would ask is another than whom a person reads. */
static void no_link_where_host_and_look_differ(void **state) {
    static const char *const texts[] = {
        "https://good.example@evil.example/",
        "https://good.example:80@evil.example/",
        "https://evil.example\\@good.example",
        "https://good.example\\.evil.example",
        "https://ex%61mple.org/",
        "https://good.example／a.evil.example",
        "https://good.example⁄a.evil.example",
        "https://a。b",
        "https://x.org:80a/",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        gives(texts[i], texts[i]);
}

static void whom_a_link_leads_to(void **state) {
    static const char *const rows[][2] = {{"https://x.org", "x.org"},
                                          {"HTTP://X.org:80/a", "X.org"},
                                          {"https://x.org?y.org", "x.org"},
                                          {"https://x.org#https://y.org", "x.org"},
                                          {"https://xn--w-uga1v8h.pl/", "xn--w-uga1v8h.pl"}};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *host = mtg_links_host(rows[i][0]);
        assert_string_equal(host, rows[i][1]);
    }
}

static void what_ends_the_sentence_is_not_the_address(void **state) {
    gives("see https://x.org.", "see " A("https://x.org") ".");
    gives("https://x.org/a,b?! Yes", A("https://x.org/a,b") "?! Yes");
    gives("(https://x.org/a)", "(" A("https://x.org/a") ")");
    gives("https://x.org/a_(b)", A("https://x.org/a_(b)"));
    gives("https://x.org\"", A("https://x.org") "&quot;");
    gives("https://x.org<br>", A("https://x.org") "&lt;br&gt;");
}

static void nothing_else_is_a_link(void **state) {
    static const char *const texts[] = {
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://x.org",
        "mailto:a@x.org",
        "x.org",
        "www.x.org",
        "//x.org",
        "http:/x.org",
        "http://",
        "https://?a",
        "https:// x.org",
        "xhttps://x.org",
        "ąhttps://x.org",
        "1https://x.org",
        "http://-x",
        "http://.",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *got = mtg_links_markup(texts[i]);
        if (strstr(got, "<a") != NULL)
            fail_msg("\"%s\" became \"%s\"", texts[i], got);
    }
}

static void on_text(GMarkupParseContext *context, const char *text, gsize len, gpointer shown, GError **error) {
    g_string_append_len(shown, text, (gssize)len);
}

static void on_element(GMarkupParseContext *context, const char *element, const char **names, const char **values,
                       gpointer shown, GError **error) {
    assert_string_equal(element, "a");
    assert_string_equal(names[0], "href");
    assert_null(names[1]);
    assert_true(g_ascii_strncasecmp(values[0], "http", 4) == 0);
}

/* Whatever is typed, the markup is valid, has no element but links, and shows the very text. */
static void any_text_is_shown_as_it_is(void **state) {
    static const char *const pieces[] = {
        "https://x.org",  "http://", "<",     ">",    "&",     "\"", "'", "(", ")", ".", " ", "\n", "é", "🎈", "a",
        "<a href=\"x\">", "</a>",    "&amp;", "&#0;", "\u202e"};
    static const GMarkupParser parser = {.start_element = on_element, .text = on_text};
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int round = 0; round < 5000; round++) {
        g_autoptr(GString) text = g_string_new(NULL), markup = g_string_new("<p>"), shown = g_string_new(NULL);
        for (int left = g_rand_int_range(random, 0, 12); left > 0; left--)
            g_string_append(text, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
        g_autofree char *got = mtg_links_markup(text->str);
        g_string_append(markup, got);
        GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, shown, NULL);
        assert_true(g_markup_parse_context_parse(context, "<a href=\"http\">", -1, NULL)); /* what holds it together */
        assert_true(g_markup_parse_context_parse(context, got, -1, NULL));
        assert_true(g_markup_parse_context_parse(context, "</a>", -1, NULL));
        assert_true(g_markup_parse_context_end_parse(context, NULL));
        g_markup_parse_context_free(context);
        assert_string_equal(shown->str, text->str);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_text),
        cmocka_unit_test(addresses_are_links),
        cmocka_unit_test(other_letters_are_written_as_they_are_looked_up),
        cmocka_unit_test(no_link_where_host_and_look_differ),
        cmocka_unit_test(whom_a_link_leads_to),
        cmocka_unit_test(what_ends_the_sentence_is_not_the_address),
        cmocka_unit_test(nothing_else_is_a_link),
        cmocka_unit_test(any_text_is_shown_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
