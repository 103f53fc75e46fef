/* Whole links under the policy CBC, over real sockets on loopback: voice inside DTLS, and no way down to less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "link/sdp.h"
#include "link_pair.h"

typedef struct wiretap {
    udp_proxy proxy;
    link_pair pair;
    unsigned dtls, rtp, foreign;
} wiretap;

static bool look(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    wiretap *t = x->ctx;
    t->dtls += p[0] >= 20 && p[0] <= 63;
    t->rtp += p[0] >= 128 && p[0] <= 191;
    t->foreign += p[0] > 3 && p[0] < 20;
    assert_null(memmem(p, *len, "vvvvvvvv", 8));
    return true;
}

static void open_tapped(wiretap *t, mt_link_codec codec) {
    mt_link_config a = pair_config(true), b = pair_config(false);
    a.policy = b.policy = MT_POLICY_CBC;
    a.codec = codec;
    *t = (wiretap){0};
    proxy_open(&t->proxy);
    t->proxy.hook = look;
    t->proxy.ctx = t;
    pair_init(&t->pair);
    t->pair.rewrite = proxy_rewrite;
    t->pair.ctx = &t->proxy;
    pair_open(&t->pair, &a, &b);
    pair_expect_secure(&t->pair);
}

static void close_tapped(wiretap *t) {
    pair_close(&t->pair);
    proxy_close(&t->proxy);
}

static size_t make_voice(uint8_t out[200], unsigned seq, mt_link_codec codec) {
    size_t len = make_rtp(out, seq);
    out[1] = codec == MT_CODEC_L16 ? MT_SDP_L16_PT : MT_SDP_OPUS_PT;
    return len;
}

static void talk(mt_link_codec codec) {
    wiretap t;
    uint8_t rtp[200];
    open_tapped(&t, codec);
    link_pair *p = &t.pair;
    assert_string_equal(p->a.how.dtls_cipher, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384");
    assert_null(p->a.how.srtp_profile);
    assert_int_equal(p->b.how.policy, MT_POLICY_CBC);
    assert_int_equal(p->b.how.codec, codec);
    assert_int_equal(p->b.how.payload_type, codec == MT_CODEC_L16 ? MT_SDP_L16_PT : MT_SDP_OPUS_PT);
    assert_int_equal(mt_link_text(p->a.link, MT_SLICE_LIT("1")), MT_OK);
    for (unsigned i = 1; i <= 100; i++) {
        size_t len = make_voice(rtp, i, codec);
        mt_link_send_rtp(p->a.link, rtp, len);
        mt_link_send_rtp(p->b.link, rtp, len);
        pair_run_ms(p, 5);
    }
    PAIR_UNTIL(p, p->a.rtps == 100 && p->b.rtps == 100 && p->b.texts == 1, 10000);
    assert_int_equal(p->a.rtps, 100);
    assert_int_equal(p->b.rtps, 100);
    assert_int_equal(p->b.texts, 1);
    size_t len = make_voice(rtp, 100, codec);
    assert_int_equal(p->b.rtp_len, len);
    assert_memory_equal(p->b.rtp, rtp, len); /* from frame to packet nothing is lost */
    assert_int_equal(t.rtp + t.foreign, 0);
    assert_true(t.dtls > 200);
    mt_link_bye(p->a.link);
    PAIR_UNTIL(p, p->a.closed >= 0 && p->b.closed >= 0, 3000);
    assert_int_equal(p->b.closed, MT_LINK_REMOTE_BYE);
    close_tapped(&t);
}

static void test_talk_by_opus(void **state) {
    talk(MT_CODEC_OPUS);
}

static void test_talk_by_pcm(void **state) {
    talk(MT_CODEC_L16);
}

/* Half of the packets are lost: what was lost of the voice stays lost, the text comes. */
static bool lose_half(udp_proxy *x, bool from_caller, uint8_t *p, size_t *len) {
    (void)look(x, from_caller, p, len);
    return p[0] <= 3 || x->seen[from_caller ? 0 : 1] % 2 == 0;
}

static void test_voice_is_sent_once(void **state) {
    wiretap t;
    uint8_t rtp[200];
    open_tapped(&t, MT_CODEC_OPUS);
    t.proxy.hook = lose_half;
    for (unsigned i = 1; i <= 100; i++) {
        mt_link_send_rtp(t.pair.a.link, rtp, make_voice(rtp, i, MT_CODEC_OPUS));
        pair_run_ms(&t.pair, 20);
    }
    assert_int_equal(mt_link_text(t.pair.a.link, MT_SLICE_LIT("1")), MT_OK);
    PAIR_UNTIL(&t.pair, t.pair.b.texts == 1 || t.pair.b.closed >= 0, 20000);
    print_message("%u of 100 frames came through a half of the packets\n", t.pair.b.rtps);
    assert_int_equal(t.pair.b.texts, 1);
    assert_true(t.pair.b.rtps > 0 && t.pair.b.rtps < 90);
    close_tapped(&t);
}

/* What both sides say in their SDP decides before any handshake. */
static void refuses(mt_link_policy caller, mt_link_policy callee) {
    mt_link_config a = pair_config(true), b = pair_config(false);
    link_pair p;
    const char *offer = NULL;
    a.policy = caller;
    b.policy = callee;
    pair_init(&p);
    end_open(&p.a, &p, &a);
    for (int i = 0; i < 5000 && !p.a.ready; i++)
        loop_turn();
    end_open(&p.b, &p, &b);
    assert_int_equal(mt_link_local_sdp(p.a.link, &offer), MT_OK);
    assert_int_equal(strstr(offer, "RTP/SAVPF") != NULL, caller == MT_POLICY_GCM);
    assert_int_equal(mt_link_remote_sdp(p.b.link, mt_slice_of(offer)), MT_EBAD);
    pair_close(&p);
}

static void test_policies_do_not_mix(void **state) {
    refuses(MT_POLICY_GCM, MT_POLICY_CBC);
    refuses(MT_POLICY_CBC, MT_POLICY_GCM);
}

static void test_plain_rtp_is_none_of_this_links(void **state) {
    mt_link_config cfg = pair_config(true);
    mt_link_events none = {0};
    mt_link *l = NULL;
    cfg.policy = MT_POLICY_RTP;
    assert_int_equal(mt_link_create(&cfg, &none, NULL, &l), MT_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk_by_opus),
        cmocka_unit_test(test_talk_by_pcm),
        cmocka_unit_test(test_voice_is_sent_once),
        cmocka_unit_test(test_policies_do_not_mix),
        cmocka_unit_test(test_plain_rtp_is_none_of_this_links),
    };
    return cmocka_run_group_tests(tests, link_set_up, link_tear_down);
}
