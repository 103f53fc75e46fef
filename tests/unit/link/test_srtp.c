/* Voice packets: only what the partner encrypted, unchanged and once, comes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "link/srtp.h"

enum { VOICE_BYTES = 80, PACKET_BYTES = 12 + VOICE_BYTES };

typedef struct fixture {
    mt_srtp *a, *b; /* a is the DTLS client */
} fixture;

static mt_dtls_keys make_keys(bool client, uint16_t profile) {
    mt_dtls_keys keys = {.profile = profile,
                         .profile_name = profile == 8 ? "AEAD_AES_256_GCM" : "AEAD_AES_128_GCM",
                         .key_bytes = profile == 8 ? 32 : 16,
                         .salt_bytes = 12,
                         .client = client};
    for (size_t i = 0; i < sizeof keys.b; i++)
        keys.b[i] = (uint8_t)(i * 7 + 1);
    return keys;
}

static void open_both(fixture *f, uint16_t profile) {
    mt_dtls_keys a = make_keys(true, profile), b = make_keys(false, profile);
    assert_int_equal(mt_srtp_create(&a, &f->a), MT_OK);
    assert_int_equal(mt_srtp_create(&b, &f->b), MT_OK);
}

static void close_both(fixture *f) {
    mt_srtp_destroy(f->a);
    mt_srtp_destroy(f->b);
}

static size_t make_rtp(uint8_t buf[MT_SRTP_ROOM_BYTES], uint16_t seq, uint32_t source) {
    memset(buf, 0, PACKET_BYTES);
    buf[0] = 0x80;
    buf[1] = 111;
    buf[2] = (uint8_t)(seq >> 8);
    buf[3] = (uint8_t)seq;
    for (int i = 0; i < 4; i++)
        buf[8 + i] = (uint8_t)(source >> (24 - 8 * i));
    memset(buf + 12, 'v', VOICE_BYTES);
    return PACKET_BYTES;
}

static void round_trip(uint16_t profile) {
    fixture f;
    uint8_t buf[MT_SRTP_ROOM_BYTES], plain[MT_SRTP_ROOM_BYTES];
    open_both(&f, profile);
    size_t len = make_rtp(plain, 1, 0x1234);
    memcpy(buf, plain, len);
    assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_OK);
    assert_int_equal(len, PACKET_BYTES + 16);
    assert_memory_not_equal(buf + 12, plain + 12, VOICE_BYTES);
    assert_int_equal(mt_srtp_unprotect(f.b, buf, &len), MT_OK);
    assert_int_equal(len, PACKET_BYTES);
    assert_memory_equal(buf, plain, len);
    len = make_rtp(buf, 1, 0x9999);
    assert_int_equal(mt_srtp_protect(f.b, buf, &len), MT_OK);
    assert_int_equal(mt_srtp_unprotect(f.a, buf, &len), MT_OK);
    close_both(&f);
}

static void test_round_trip_256(void **state) {
    round_trip(8);
}

static void test_round_trip_128(void **state) {
    round_trip(7);
}

static void test_changed_is_dropped(void **state) {
    fixture f;
    uint8_t good[MT_SRTP_ROOM_BYTES], buf[MT_SRTP_ROOM_BYTES];
    open_both(&f, 8);
    size_t len = make_rtp(good, 7, 1);
    assert_int_equal(mt_srtp_protect(f.a, good, &len), MT_OK);
    for (size_t at = 0; at < len; at++) {
        size_t got = len;
        memcpy(buf, good, len);
        buf[at] ^= 1;
        assert_int_equal(mt_srtp_unprotect(f.b, buf, &got), MT_EDENIED);
    }
    assert_int_equal(mt_srtp_unprotect(f.b, good, &len), MT_OK);
    close_both(&f);
}

static void test_repeated_is_dropped(void **state) {
    fixture f;
    uint8_t good[MT_SRTP_ROOM_BYTES], again[MT_SRTP_ROOM_BYTES], buf[MT_SRTP_ROOM_BYTES];
    open_both(&f, 8);
    size_t len = make_rtp(good, 1, 1), first;
    assert_int_equal(mt_srtp_protect(f.a, good, &len), MT_OK);
    memcpy(again, good, len);
    first = len;
    assert_int_equal(mt_srtp_unprotect(f.b, good, &len), MT_OK);
    for (uint16_t seq = 2; seq < 3000; seq++) {
        len = make_rtp(buf, seq, 1);
        assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_OK);
        assert_int_equal(mt_srtp_unprotect(f.b, buf, &len), MT_OK);
        if (seq == 2 || seq == 1000 || seq == 2999) {
            uint8_t copy[MT_SRTP_ROOM_BYTES];
            size_t copy_len = first;
            memcpy(copy, again, first);
            assert_int_equal(mt_srtp_unprotect(f.b, copy, &copy_len), MT_EDENIED);
        }
    }
    close_both(&f);
}

static void test_reflected_is_dropped(void **state) {
    fixture f;
    uint8_t buf[MT_SRTP_ROOM_BYTES];
    open_both(&f, 8);
    size_t len = make_rtp(buf, 1, 1);
    assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_OK);
    assert_int_equal(mt_srtp_unprotect(f.a, buf, &len), MT_EDENIED);
    close_both(&f);
}

static void test_sources_are_bounded(void **state) {
    fixture f;
    uint8_t buf[MT_SRTP_ROOM_BYTES];
    open_both(&f, 8);
    for (uint32_t source = 1; source <= 2 * MT_SRTP_SOURCES_MAX; source++) {
        size_t len = make_rtp(buf, 1, source);
        assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_OK);
        assert_int_equal(mt_srtp_unprotect(f.b, buf, &len), source <= MT_SRTP_SOURCES_MAX ? MT_OK : MT_EDENIED);
    }
    size_t len = make_rtp(buf, 2, 1);
    assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_OK);
    assert_int_equal(mt_srtp_unprotect(f.b, buf, &len), MT_OK);
    close_both(&f);
}

static void test_odd_lengths(void **state) {
    fixture f;
    uint8_t buf[MT_SRTP_ROOM_BYTES] = {0x80, 111};
    open_both(&f, 8);
    for (size_t n = 0; n < 12; n++) {
        size_t len = n;
        assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_EINVAL);
        assert_int_equal(mt_srtp_unprotect(f.b, buf, &len), MT_EDENIED);
        assert_int_equal(mt_srtp_unprotect_rtcp(f.b, buf, &len), MT_EDENIED);
    }
    size_t len = MT_SRTP_PACKET_MAX_BYTES + 1;
    assert_int_equal(mt_srtp_protect(f.a, buf, &len), MT_EINVAL);
    len = make_rtp(buf, 1, 1);
    buf[0] = 0x9f; /* an extension and fifteen sources that are not there */
    len = 20;
    assert_int_not_equal(mt_srtp_protect(f.a, buf, &len), MT_OK);
    close_both(&f);
}

static void test_rtcp(void **state) {
    uint8_t buf[MT_SRTP_ROOM_BYTES] = {0x80, 201, 0, 1, 0, 0, 0, 9}, copy[MT_SRTP_ROOM_BYTES];
    size_t len = 8, copy_len = 0;
    fixture f;
    open_both(&f, 8);
    assert_int_equal(mt_srtp_protect_rtcp(f.a, buf, &len), MT_OK);
    assert_true(len > 8);
    memcpy(copy, buf, len);
    copy_len = len;
    assert_int_equal(mt_srtp_unprotect_rtcp(f.b, buf, &len), MT_OK);
    assert_int_equal(len, 8);
    assert_memory_equal(buf, "\x80\xc9\0\1\0\0\0\x09", 8);
    assert_int_equal(mt_srtp_unprotect_rtcp(f.b, copy, &copy_len), MT_EDENIED); /* repeated */
    len = 7;
    assert_int_equal(mt_srtp_protect_rtcp(f.a, buf, &len), MT_EINVAL);
    close_both(&f);
}

static int set_up(void **state) {
    return (int)mt_srtp_init();
}

static int tear_down(void **state) {
    mt_srtp_deinit();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_256),       cmocka_unit_test(test_round_trip_128),
        cmocka_unit_test(test_changed_is_dropped),   cmocka_unit_test(test_repeated_is_dropped),
        cmocka_unit_test(test_reflected_is_dropped), cmocka_unit_test(test_sources_are_bounded),
        cmocka_unit_test(test_odd_lengths),          cmocka_unit_test(test_rtcp),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
