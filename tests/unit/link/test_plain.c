/* Plain RTP over loopback: where it sends, what it takes, and how its packets are numbered. */
#include "link/plain.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static mt_plain *p;
static int phone, stranger;
static mt_addr ours;
static unsigned got;
static char last[64];

static void on_rtp(void *ctx, mt_slice packet) {
    got++;
    (void)snprintf(last, sizeof last, "%.*s", (int)packet.len - 12, packet.p + 12);
}

static int open_phone(mt_addr *out) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    mt_addr any;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct timeval limit = {.tv_sec = 10};
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:0"), &any), MT_OK);
    assert_int_equal(bind(fd, &any.sa, mt_addr_len(&any)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&sa, out), MT_OK);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    return fd;
}

static int setup(void **state) {
    mt_addr local, theirs, other;
    char sdp[300];
    got = 0;
    phone = open_phone(&theirs);
    stranger = open_phone(&other);
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:1"), &local), MT_OK);
    assert_int_equal(mt_plain_create(&local, true, on_rtp, NULL, &p), MT_OK);
    (void)snprintf(sdp, sizeof sdp, "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %u RTP/AVP 8 0\r\n",
                   (unsigned)mt_addr_port(&theirs));
    assert_null(mt_plain_local_sdp(p, false));
    assert_int_equal(mt_plain_remote_sdp(p, mt_slice_of(sdp)), MT_OK);
    assert_int_equal(mt_plain_remote_sdp(p, mt_slice_of(sdp)), MT_ESTATE);
    mt_plain_sdp own;
    assert_int_equal(mt_plain_sdp_parse(mt_slice_of(mt_plain_local_sdp(p, false)), true, &own, NULL), MT_OK);
    assert_int_equal(own.codec, MT_PLAIN_PCMA);
    ours = own.addr;
    return 0;
}

static int teardown(void **state) {
    mt_plain_destroy(p);
    (void)close(phone);
    (void)close(stranger);
    return 0;
}

static ssize_t receive(int fd, uint8_t *packet) {
    return recv(fd, packet, 1500, 0);
}

static void say(int fd, uint8_t pt, const char *text) {
    uint8_t packet[64] = {0x80, pt};
    size_t len = strlen(text);
    memcpy(packet + 12, text, len);
    assert_int_equal(sendto(fd, packet, 12 + len, 0, &ours.sa, mt_addr_len(&ours)), (ssize_t)(12 + len));
}

static void settle(unsigned want) {
    int64_t end_us = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (got < want && g_get_monotonic_time() < end_us)
        g_main_context_iteration(NULL, FALSE);
    for (int i = 0; i < 20; i++) {
        g_usleep(1000);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
    assert_int_equal(got, want);
}

static uint32_t get32(const uint8_t *in) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static void test_silence_opens_the_way_and_sound_goes_on_from_it(void **state) {
    uint8_t packet[1500], silence[1500], rtp[172] = {0x80, 8, 0, 99, 1, 2, 3, 4, 9, 9, 9, 9};
    mt_plain_send_rtp(p, rtp, sizeof rtp); /* not before the call is up */
    mt_plain_start(p);
    assert_int_equal(receive(phone, silence), 172);
    assert_int_equal(silence[0], 0x80);
    assert_int_equal(silence[1], 8);
    assert_int_equal(silence[12], 0xd5);
    for (unsigned i = 1; i <= 3; i++) {
        mt_plain_send_rtp(p, rtp, sizeof rtp);
        assert_int_equal(receive(phone, packet), 172);
        assert_int_equal(packet[1], i == 1 ? 0x88 : 8); /* the first is marked */
        assert_int_equal((uint16_t)(packet[2] << 8 | packet[3]),
                         (uint16_t)((unsigned)(silence[2] << 8 | silence[3]) + i));
        assert_memory_equal(packet + 8, silence + 8, 4); /* one source */
        assert_true(get32(packet + 4) - get32(silence + 4) < 8000 * 60);
        rtp[7] = (uint8_t)(rtp[7] + 160);
    }
}

static void test_the_first_source_is_the_source(void **state) {
    say(phone, 8, "early");
    settle(0);
    mt_plain_start(p);
    say(phone, 101, "dtmf");
    say(phone, 0, "pcmu");
    say(phone, 8, "");
    settle(0);
    say(phone, 8, "one");
    settle(1);
    say(stranger, 8, "intruder");
    settle(1);
    say(phone, 0x88, "two");
    settle(2);
    assert_string_equal(last, "two");
}

/* Behind a NAT: the description's address is not where sound comes from. */
static void test_sound_goes_where_it_comes_from(void **state) {
    uint8_t packet[1500], rtp[172] = {0x80, 8};
    mt_plain_start(p);
    say(stranger, 8, "here I am");
    settle(1);
    mt_plain_send_rtp(p, rtp, sizeof rtp);
    assert_int_equal(receive(stranger, packet), 172);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_silence_opens_the_way_and_sound_goes_on_from_it),
        TEST(test_the_first_source_is_the_source),
        TEST(test_sound_goes_where_it_comes_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
