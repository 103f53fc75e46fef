/* Descriptions under the policy CBC, and those of an ICE restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "link/sdp.h"

static mt_sdp got;
static const char *why;

static void fill(mt_sdp *s) {
    memcpy(s->ufrag, "uFr4", 5);
    memcpy(s->pwd, "0123456789012345678901", 23);
    memset(s->fingerprint, 7, sizeof s->fingerprint);
    s->ptime_ms = 20;
    assert_int_equal(mt_sdp_add_candidate(s, MT_SLICE_LIT("a=candidate:1 1 UDP 2015363327 192.0.2.1 50000 typ host")),
                     MT_OK);
}

static char *text_of(const mt_sdp *s, unsigned version) {
    mt_buf b;
    const mt_sdp_write_options opt = {.session_id = 77, .version = version};
    mt_buf_init(&b, MT_SDP_MAX_BYTES);
    assert_int_equal(mt_sdp_write(s, &opt, &b), MT_OK);
    char *copy = g_strdup(b.p);
    mt_buf_deinit(&b);
    return copy;
}

static mt_err parse(const char *text, const mt_sdp_gate *rule) {
    why = "";
    return mt_sdp_parse(mt_slice_of(text), rule, &got, &why);
}

static mt_sdp cbc_offer(void) {
    mt_sdp s;
    mt_sdp_init_offer(&s);
    s.cbc = true;
    fill(&s);
    return s;
}

#define CBC_OFFER                                                                                                      \
    "v=0\r\no=- 77 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 1\r\n"                                           \
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=ice-ufrag:uFr4\r\n"          \
    "a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 "                                                       \
    "07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07\r\n"              \
    "a=setup:actpass\r\na=sctp-port:5000\r\na=max-message-size:65536\r\n"

static void test_cbc_has_no_audio_section(void **state) {
    const mt_sdp_gate rule = {.cbc = true};
    mt_sdp offer = cbc_offer(), answer;
    char *text = text_of(&offer, 0);
    assert_string_equal(text, CBC_OFFER "a=myturn-voice:opus l16\r\na=ptime:20\r\n"
                                        "a=candidate:1 1 UDP 2015363327 192.0.2.1 50000 typ host\r\n");
    assert_int_equal(parse(text, &rule), MT_OK);
    assert_true(got.cbc && got.opus_pt == MT_SDP_OPUS_PT && got.l16_pt == MT_SDP_L16_PT && !got.l16_first);
    assert_int_equal(got.ptime_ms, 20);
    assert_int_equal(got.candidate_count, 1);
    g_free(text);
    offer = got;
    mt_sdp_init_answer(&offer, &answer);
    fill(&answer);
    text = text_of(&answer, 0);
    const mt_sdp_gate answer_rule = {.cbc = true, .offer = &offer};
    assert_int_equal(parse(text, &answer_rule), MT_OK);
    assert_int_equal(got.setup, MT_SDP_ACTIVE);
    g_free(text);
}

static void test_cbc_codecs(void **state) {
    static const struct {
        const char *voice;
        bool good, opus, l16, l16_first;
    } cases[] = {{"opus", true, true, false, false},       {"l16", true, false, true, true},
                 {"l16 opus", true, true, true, true},     {"later l16", true, false, true, true},
                 {"opus later", true, true, false, false}, {"later", false, false, false, false},
                 {"", false, false, false, false},         {"opus opus", false, false, false, false},
                 {"opus  l16", false, false, false, false}};
    const mt_sdp_gate rule = {.cbc = true};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *text = g_strdup_printf(CBC_OFFER "a=myturn-voice:%s\r\n", cases[i].voice);
        assert_int_equal(parse(text, &rule), cases[i].good ? MT_OK : MT_EBAD);
        if (cases[i].good)
            assert_true((got.opus_pt != 0) == cases[i].opus && (got.l16_pt != 0) == cases[i].l16 &&
                        got.l16_first == cases[i].l16_first);
        g_free(text);
    }
    assert_int_equal(parse(CBC_OFFER, &rule), MT_EBAD);
    assert_int_equal(parse(CBC_OFFER "a=myturn-voice:opus\r\na=myturn-voice:l16\r\n", &rule), MT_EBAD);
}

/* Either policy refuses what the other one says, and a mixture. */
static void test_policies_do_not_mix(void **state) {
    const mt_sdp_gate gcm = {0}, cbc = {.cbc = true};
    mt_sdp offer, cbc_one = cbc_offer();
    mt_sdp_init_offer(&offer);
    fill(&offer);
    char *plain = text_of(&offer, 0), *inside = text_of(&cbc_one, 0);
    char *mixed = g_strconcat(plain, "a=myturn-voice:opus\r\n", NULL);
    assert_int_equal(parse(plain, &gcm), MT_OK);
    assert_int_equal(parse(plain, &cbc), MT_EBAD);
    assert_int_equal(parse(inside, &gcm), MT_EBAD);
    assert_int_equal(parse(mixed, &gcm), MT_EBAD);
    assert_int_equal(parse(mixed, &cbc), MT_EBAD);
    char *with_audio = g_strconcat(inside, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", NULL);
    assert_int_equal(parse(with_audio, &cbc), MT_EBAD);
    g_free(plain), g_free(inside), g_free(mixed), g_free(with_audio);
}

/* ---- ICE restart ---- */

static void test_restart(void **state) {
    mt_sdp first, second;
    mt_sdp_init_offer(&first);
    fill(&first);
    second = first;
    memcpy(second.ufrag, "nEw1", 5);
    memcpy(second.pwd, "9999999999012345678901", 23);
    char *text = text_of(&second, 1);
    assert_non_null(strstr(text, "o=- 77 2 IN"));
    const mt_sdp_gate rule = {.before = &first};
    assert_int_equal(parse(text, &rule), MT_OK);
    assert_string_equal(got.ufrag, "nEw1");
    g_free(text);
}

typedef void change_fn(mt_sdp *s);
static void same_ufrag(mt_sdp *s) {
    memcpy(s->ufrag, "uFr4", 5);
}
static void same_pwd(mt_sdp *s) {
    memcpy(s->pwd, "0123456789012345678901", 23);
}
static void other_fingerprint(mt_sdp *s) {
    s->fingerprint[31] ^= 1;
}
static void other_mid(mt_sdp *s) {
    s->mid_audio[0] = '7';
}
static void other_order(mt_sdp *s) {
    s->app_first = true;
}
static void other_port(mt_sdp *s) {
    s->sctp_port = 5001;
}
static void other_codecs(mt_sdp *s) {
    s->l16_pt = 0;
}
static void other_preference(mt_sdp *s) {
    s->l16_first = true;
}

static void test_restart_changes_nothing_but_ice(void **state) {
    static change_fn *const changes[] = {same_ufrag,  same_pwd,   other_fingerprint, other_mid,
                                         other_order, other_port, other_codecs,      other_preference};
    mt_sdp first, second;
    mt_sdp_init_offer(&first);
    fill(&first);
    const mt_sdp_gate rule = {.before = &first};
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        second = first;
        memcpy(second.ufrag, "nEw1", 5);
        memcpy(second.pwd, "9999999999012345678901", 23);
        changes[i](&second);
        char *text = text_of(&second, 1);
        assert_int_equal(parse(text, &rule), MT_EBAD);
        assert_string_not_equal(why, "");
        g_free(text);
    }
}

static void test_answer_keeps_its_role(void **state) {
    mt_sdp offer, first, second;
    mt_sdp_init_offer(&offer);
    fill(&offer);
    mt_sdp_init_answer(&offer, &first);
    fill(&first);
    second = first;
    memcpy(second.ufrag, "nEw1", 5);
    memcpy(second.pwd, "9999999999012345678901", 23);
    const mt_sdp_gate rule = {.offer = &offer, .before = &first};
    char *text = text_of(&second, 1);
    assert_int_equal(parse(text, &rule), MT_OK);
    g_free(text);
    second.setup = MT_SDP_PASSIVE;
    text = text_of(&second, 1);
    assert_int_equal(parse(text, &rule), MT_EBAD);
    g_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbc_has_no_audio_section),
        cmocka_unit_test(test_cbc_codecs),
        cmocka_unit_test(test_policies_do_not_mix),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_restart_changes_nothing_but_ice),
        cmocka_unit_test(test_answer_keeps_its_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
