/* Our part of Asterisk's files: what is the operator's own stays byte for byte, and nothing can break out of its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/asterisk_conf.h"

#define BEGIN "; myTurn begins: rewritten by myturnd, keep your own sections outside\n"
#define END "; myTurn ends\n"
#define GENERAL                                                                                                        \
    "[general]\ncontext=public\nallowoverlap=no\nudpbindaddr=0.0.0.0\ntcpenable=no\ntcpbindaddr=0.0.0.0\n"             \
    "transport=udp\nsrvlookup=yes\nqualify=yes\ncallcounter=yes\n"
#define JEDEN "\n[jeden]\ntype=friend\ncontext=phones\nallow=ulaw,alaw\nsecret=aB-_9\nhost=dynamic\n"

static mt_asterisk_entry entry(const char *name, const char *secret) {
    return (mt_asterisk_entry){.name = mt_slice_of(name), .exten = 111000, .secret = mt_slice_of(secret)};
}

static void expect(mt_buf *out, const char *text) {
    assert_int_equal(mt_buf_err(out), MT_OK);
    assert_string_equal(out->p, text);
    mt_buf_deinit(out);
}

static void write_sip(const char *old, const mt_asterisk_entry *e, const char *expected) {
    mt_asterisk_parts parts;
    mt_buf out;
    mt_buf_init(&out, 65536);
    assert_int_equal(mt_asterisk_conf_split(mt_slice_of(old), &parts), MT_OK);
    mt_asterisk_conf_sip_begin(&out, &parts);
    if (e != NULL)
        mt_asterisk_conf_sip_add(&out, e);
    mt_asterisk_conf_end(&out, &parts);
    expect(&out, expected);
}

static void writes_the_form_of_the_specification(void **state) {
    mt_asterisk_entry e = entry("jeden", "aB-_9");
    write_sip("", &e, BEGIN GENERAL JEDEN END);
    write_sip("", NULL, BEGIN GENERAL END);
    mt_asterisk_parts parts;
    mt_buf out;
    mt_buf_init(&out, 65536);
    assert_int_equal(mt_asterisk_conf_split(MT_SLICE_LIT("[own]\n"), &parts), MT_OK);
    mt_asterisk_conf_exten_begin(&out, &parts);
    mt_asterisk_conf_exten_add(&out, &e);
    mt_asterisk_conf_end(&out, &parts);
    expect(&out, "[own]\n" BEGIN "[phones]\nexten => 111000,1,NoOp(calling jeden)\nexten => 111000,2,Dial(sip/jeden)\n"
                 "exten => 111000,3,HangUp\n" END);
}

static void keeps_what_is_the_operators(void **state) {
    mt_asterisk_entry e = entry("jeden", "aB-_9");
    write_sip("[trunk]\r\nsecret=a;b", &e, "[trunk]\r\nsecret=a;b\n" BEGIN GENERAL JEDEN END);
    write_sip("; one\n" BEGIN "[old]\n" END "\n[two]\nx=\xff\x01", &e,
              "; one\n" BEGIN GENERAL JEDEN END "\n[two]\nx=\xff\x01");
    write_sip("[two]\n" BEGIN "[old]\n" END "; only a comment\n", NULL,
              "[two]\n" BEGIN GENERAL END "; only a comment\n");
    write_sip(BEGIN END "#include \"more.conf\"\n", NULL, BEGIN GENERAL END "#include \"more.conf\"\n");
    write_sip(BEGIN "\r\n; myTurn ends\r\n[x]", NULL, BEGIN GENERAL END "[x]"); /* an editor changed the line ends */
}

static void leaves_an_own_general_alone(void **state) {
    write_sip("[General](+)\nrealm=x\n", NULL, "[General](+)\nrealm=x\n" BEGIN END);
    write_sip(BEGIN END "[general]\n", NULL, BEGIN END "[general]\n");
    write_sip("; [general]\n", NULL, "; [general]\n" BEGIN GENERAL END);
}

static void refuses_broken_marks(void **state) {
    static const char *const bad[] = {BEGIN,
                                      END,
                                      END BEGIN,
                                      BEGIN BEGIN END,
                                      BEGIN END END,
                                      BEGIN END BEGIN END,
                                      BEGIN END "secret=of the last user\n",
                                      BEGIN END "; so\n\nhost=1.2.3.4\n[x]\n"};
    mt_asterisk_parts parts = {.before = MT_SLICE_LIT("untouched")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mt_asterisk_conf_split(mt_slice_of(bad[i]), &parts) != MT_EBAD)
            fail_msg("taken: %s", bad[i]);
        assert_true(mt_slice_is(parts.before, "untouched"));
    }
    assert_int_equal(mt_asterisk_conf_split(MT_SLICE_LIT("x ; myTurn begins\n; myTurn beginsx\n"), &parts), MT_OK);
}

static void finds_sections_outside(void **state) {
    mt_asterisk_parts parts;
    assert_int_equal(
        mt_asterisk_conf_split(MT_SLICE_LIT("[a]\n  [ Lobby ]\n[b](!)\n" BEGIN "[inside]\n" END "[c]\n;[d]\n[broken\n"),
                               &parts),
        MT_OK);
    assert_true(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("A")));
    assert_true(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("b")));
    assert_true(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("c")));
    assert_true(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("lobby")));
    assert_false(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("inside")));
    assert_false(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("d")));
    assert_false(mt_asterisk_conf_has(&parts, MT_SLICE_LIT("broken")));
    mt_slice rest = parts.block, name;
    assert_true(mt_asterisk_conf_section(&rest, &name));
    assert_true(mt_slice_is(name, "inside"));
    assert_false(mt_asterisk_conf_section(&rest, &name));
}

static void nothing_breaks_out(void **state) {
    static const char *const bad[] = {"",     "a b",  "a]b",     "a\nb", "a;b", "a[b", "a(b", "a)b",    "a,b",
                                      "a&b",  "a/b",  "${x}",    "a\"b", "a|b", "-a",  ".a",  "a=b",    "a#b",
                                      "\xff", "a\tb", "general", "a\\b", "A@b", "<a>", "a'b", "General"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mt_asterisk_entry e = entry(bad[i], "x");
        if (mt_asterisk_conf_fits(&e))
            fail_msg("a name: %s", bad[i]);
        e = entry("a", bad[i]);
        bool letters = strspn(bad[i], "-.abGgenrl") == strlen(bad[i]) && bad[i][0] != '\0';
        if (mt_asterisk_conf_fits(&e) && !letters && (unsigned char)bad[i][0] < 0x80)
            fail_msg("a secret: %s", bad[i]);
    }
    mt_asterisk_entry e = entry("Zażółć_9.x-", "-_aZ09");
    assert_true(mt_asterisk_conf_fits(&e));
}

static void hides_secrets(void **state) {
    mt_buf out;
    mt_buf_init(&out, 65536);
    mt_asterisk_conf_mask(&out,
                          MT_SLICE_LIT("[a]\nsecret=one\n Secret = two ; x\nmd5secret=three\nsecrets=no\nx=secret=1"));
    expect(&out, "[a]\nsecret=***\n Secret =***\nmd5secret=***\nsecrets=no\nx=secret=1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_form_of_the_specification),
        cmocka_unit_test(keeps_what_is_the_operators),
        cmocka_unit_test(leaves_an_own_general_alone),
        cmocka_unit_test(refuses_broken_marks),
        cmocka_unit_test(finds_sections_outside),
        cmocka_unit_test(nothing_breaks_out),
        cmocka_unit_test(hides_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
